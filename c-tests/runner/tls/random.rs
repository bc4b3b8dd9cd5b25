//! Random bytes that the system does not give out.

use super::server::TlsServer;
use crate::support::paths::Lib;
use crate::support::program::Program;
use crate::support::valgrind;

const ENOSYS: &str = "38";
const EPERM: &str = "1";

/// aws-lc ends the process when getrandom fails, except with ENOSYS. C libpq reads /dev/urandom.
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
    for (lib, error, text) in [
        (Lib::Oracle, ENOSYS, connected),
        (Lib::Oracle, EPERM, connected),
        (Lib::Ours, ENOSYS, connected),
        (Lib::Ours, EPERM, refused),
    ] {
        let program = Program::new("without_getrandom");
        let output = program.run(lib, &[error, &conninfo], &[]).success();
        assert!(output.stdout.contains(text), "{lib:?} {error}: {output}");
    }
}
