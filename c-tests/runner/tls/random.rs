//! Random bytes that the system does not give out.

use super::server::TlsServer;
use crate::support::paths::Lib;
use crate::support::program::Program;
use crate::support::valgrind;

const ENOSYS: &str = "38";
const EPERM: &str = "1";

/// aws-lc ends the process when getrandom fails, except with ENOSYS. (What C libpq does depends on the machine: OpenSSL reads
/// /dev/urandom only if another program has marked it as seeded, in a shared memory segment.)
#[test]
fn a_forbidden_getrandom_does_not_end_the_process() {
    if valgrind::is_wanted() {
        // memcheck answers the system call itself.
        return;
    }
    let server = TlsServer::with("good", "good");
    let conninfo = server.conninfo("dbname=only_ssl sslmode=require");
    let connected = "row 0: \"1\"";
    let refused = "no connection: \": could not generate random bytes\\n\"";
    for (error, text) in [(ENOSYS, connected), (EPERM, refused)] {
        let program = Program::new("without_getrandom");
        let output = program.run(Lib::Ours, &[error, &conninfo], &[]).success();
        assert!(output.stdout.contains(text), "{error}: {output}");
    }
}
