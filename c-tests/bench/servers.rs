//! A real PostgreSQL 18 and the ways to connect to it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::postgres::{Postgres, Version, service_user};
use crate::support::process::{self, TIMEOUT};

/// The server's settings for TLS.
const CONFIG: &str = "
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
";

/// A server that also supports TLS, with a certificate for 127.0.0.1 that is made for this run.
pub struct Server {
    postgres: Postgres,
    files: TempDir,
}

/// A way to connect to the server.
pub struct Way {
    /// The name of its part in docs/benchmarks.md.
    pub part: &'static str,
    pub title: &'static str,
    pub conninfo: String,
}

impl Server {
    pub fn start() -> Server {
        let files = TempDir::with_prefix("pq-").expect("a temporary directory");
        make_certificates(files.path());
        let postgres = Postgres::start(Version::Oracle18, "");
        for name in ["server.crt", "server.key"] {
            install(&files.path().join(name), &postgres.data().join(name));
        }
        let conf = postgres.data().join("postgresql.conf");
        let text = fs::read_to_string(&conf).expect("the configuration") + CONFIG;
        fs::write(&conf, text).expect("the configuration");
        postgres.control(&["restart"]).success();
        Server { postgres, files }
    }

    pub fn ways(&self) -> [Way; 3] {
        let tcp = self.postgres.tcp("postgres");
        [
            Way {
                part: "unix",
                title: "PostgreSQL 18 over a Unix socket",
                conninfo: self.postgres.unix("postgres"),
            },
            Way {
                part: "tcp",
                title: "PostgreSQL 18 over TCP",
                conninfo: tcp.clone(),
            },
            Way {
                part: "tls",
                title: "PostgreSQL 18 over TLS",
                conninfo: format!("{tcp} sslmode=require"),
            },
        ]
    }

    /// A connection string with verification of the server's certificate.
    pub fn verified(&self) -> String {
        let tcp = self.postgres.tcp("postgres");
        let root = self.files.path().join("root.crt");
        format!("{tcp} sslmode=verify-full sslrootcert={}", root.display())
    }
}

/// Makes root.crt and a server.crt signed by it, with keys of the same names.
fn make_certificates(directory: &Path) {
    let root = ["-subj", "/CN=root"];
    let server = [
        "-subj",
        "/CN=127.0.0.1",
        "-CA",
        "root.crt",
        "-CAkey",
        "root.key",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ];
    for (name, options) in [("root", &root[..]), ("server", &server)] {
        let mut command = Command::new("openssl");
        command.current_dir(directory);
        command.args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ]);
        command.args(["-out", &format!("{name}.crt")]);
        command.args(["-keyout", &format!("{name}.key")]);
        process::run(command.args(options), b"", TIMEOUT).success();
    }
}

/// Copies a file so that only the server's user can read it.
fn install(from: &Path, to: &Path) {
    fs::copy(from, to).expect("a file of the server");
    fs::set_permissions(to, fs::Permissions::from_mode(0o600)).expect("its mode");
    if let Some((uid, gid)) = service_user() {
        chown(to, Some(uid), Some(gid)).expect("its owner");
    }
}
