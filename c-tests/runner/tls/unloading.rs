//! Loading and unloading the library while threads that used TLS still run.

use super::server::TlsServer;
use crate::support::paths::Lib;
use crate::support::program::{Program, assert_same};
use crate::support::valgrind;

#[test]
fn a_thread_that_used_tls_can_exit_after_dlclose() {
    let server = TlsServer::with("good", "good");
    let conninfo = server.conninfo("dbname=only_ssl sslmode=require");
    // More rounds than a process has keys for thread-specific data.
    let rounds = if valgrind::is_wanted() { "20" } else { "1400" };
    let program = Program::new("unload");
    let expected = program.run(Lib::Oracle, &[&conninfo, "20"], &[]);
    let ours = program.run(Lib::Ours, &[&conninfo, rounds], &[]);
    assert_same("unload", &[&conninfo], &expected, &ours);
    assert!(ours.stdout.contains("the others: \"encrypted\""), "{ours}");
}
