//! Threads that use the library at the same time. `make check-races` runs these tests with ThreadSanitizer.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tempfile::TempDir;

use crate::gss::realm::Realm;
use crate::support::paths::Lib;
use crate::support::postgres::{PASSWORD, Postgres};
use crate::support::program::{Program, assert_same};
use crate::tls::server::TlsServer;

/// With ThreadSanitizer a program takes ten times as long.
const TIMEOUT: Duration = Duration::from_secs(900);

#[track_caller]
fn same(conninfo: &str, env: &[(&str, &str)]) {
    let program = Program::new("threads").timeout(TIMEOUT);
    let args = ["all", conninfo];
    let run = |lib| program.run(lib, &args, env);
    let (expected, ours) = (run(Lib::Oracle), run(Lib::Ours));
    assert_same("threads", &args, &expected, &ours);
    assert!(ours.stdout.contains("process: 0 failures"), "{ours}");
}

#[test]
fn in_plain_text() {
    same(&Postgres::shared().unix("postgres"), &[]);
    same(&Postgres::shared().tcp("postgres"), &[]);
}

/// Each connection reads the certificates, and a client certificate, from files.
#[test]
fn over_tls() {
    let server = TlsServer::with("good", "good");
    let file = |name| server.files.file(name);
    let conninfo = server.conninfo(&format!(
        "host=good.test dbname=certified sslmode=verify-full sslrootcert={} sslcrl={} sslcert={} sslkey={}",
        file("root.crt"),
        file("v1.crl"),
        file("client.crt"),
        file("client.key"),
    ));
    same(&conninfo, &[]);
}

#[test]
fn with_gssapi_encryption() {
    let realm = Realm::shared();
    let environment = realm.environment("good");
    let env: Vec<_> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    same(&realm.conninfo("dbname=encrypted gssencmode=require"), &env);
}

/// Each connection reads a service file and a password file, and computes SCRAM's keys.
#[test]
fn with_a_password_file() {
    let server = Postgres::shared();
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let file = |name: &str, contents: String| {
        let path = directory.path().join(name);
        fs::write(&path, contents).expect(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect(name);
        path.to_string_lossy().into_owned()
    };
    let service = file(
        "services",
        format!("[mine]\nport={}\nuser=scram_user\n", server.port()),
    );
    let passwords = file("passwords", format!("*:*:*:scram_user:{PASSWORD}\n"));
    let env = [
        ("PGHOST", "127.0.0.1"),
        ("PGSSLMODE", "disable"),
        ("PGSERVICEFILE", service.as_str()),
        ("PGPASSFILE", passwords.as_str()),
    ];
    same("service=mine dbname=postgres", &env);
}

/// The same in C libpq's memory layout for results.
#[test]
fn results_in_libpqs_layout() {
    let env = [("LIBPQ_OXIDE_RESULTS", "libpq")];
    let conninfo = Postgres::shared().unix("postgres");
    let program = Program::new("threads").timeout(TIMEOUT);
    for part in ["results", "elsewhere"] {
        let output = program.run(Lib::Ours, &[part, &conninfo], &env).success();
        assert_eq!(output.stdout, format!("{part}: 0 failures\n"));
    }
}
