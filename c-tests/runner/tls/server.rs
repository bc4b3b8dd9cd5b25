//! A PostgreSQL server with a certificate that the test selects.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::certificates::Certificates;
use crate::support::paths::Lib;
use crate::support::postgres::{Postgres, Version, service_user};
use crate::support::process::Output;
use crate::support::program::{Program, assert_same};
use crate::support::session::wait_until;

/// The authentication rules for each database.
const HBA: &str = "
hostssl   only_ssl   all       all trust
host      only_ssl   all       all reject
hostnossl only_plain all       all trust
host      only_plain all       all reject
hostssl   certified  all       all cert
host      certified  all       all reject
";

/// The timeout is long because, under valgrind, a client needs long for SCRAM's iterations.
const CONFIG: &str = "
authentication_timeout = 600
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
ssl_ca_file = 'authorities.crt'
ssl_crl_file = 'authorities.crl'
include_if_exists = 'settings.conf'
";

/// OpenSSL without restrictions on keys and signatures.
const WEAK: &str = "openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = weak
[weak]
CipherString = DEFAULT@SECLEVEL=0
";

/// The server; only one test uses it at a time.
pub struct TlsServer {
    postgres: MutexGuard<'static, Postgres>,
    pub files: &'static Certificates,
}

impl TlsServer {
    /// Waits for other tests, and gives the server the certificate `chain`.crt with the key `key`.key.
    pub fn with(chain: &str, key: &str) -> TlsServer {
        static SERVER: OnceLock<Mutex<Postgres>> = OnceLock::new();
        TlsServer::of(&SERVER, start, chain, key)
    }

    /// A server that accepts keys and signatures of any strength.
    pub fn weak(chain: &str, key: &str) -> TlsServer {
        TlsServer::signing("", chain, key)
    }

    /// As [`TlsServer::weak`]; it signs handshakes only with these schemes (OpenSSL's SignatureAlgorithms).
    pub fn signing(schemes: &str, chain: &str, key: &str) -> TlsServer {
        static SERVER: OnceLock<Mutex<Postgres>> = OnceLock::new();
        let server = TlsServer::of(&SERVER, start, "good", "good");
        let mut conf = WEAK.to_owned();
        if !schemes.is_empty() {
            conf += &format!("SignatureAlgorithms = {schemes}\n");
        }
        server.files.write("weak.cnf", &conf);
        let conf = server.files.file("weak.cnf");
        let env = [("OPENSSL_CONF", conf.as_str())];
        server.postgres.control_with(&["restart"], &env).success();
        server.switch(chain, key);
        server
    }

    fn of(
        server: &'static OnceLock<Mutex<Postgres>>,
        start: fn(&Certificates) -> Postgres,
        chain: &str,
        key: &str,
    ) -> TlsServer {
        let files = Certificates::shared();
        let server = server.get_or_init(|| Mutex::new(start(files)));
        let postgres = server.lock().unwrap_or_else(PoisonError::into_inner);
        let server = TlsServer { postgres, files };
        server.switch(chain, key);
        server
    }

    /// As [`TlsServer::with`], with additional settings until the next test uses the server.
    pub fn with_settings(chain: &str, key: &str, settings: &str) -> TlsServer {
        let server = TlsServer::with(chain, key);
        server.set(settings);
        server
    }

    fn set(&self, settings: &str) {
        let place = self.postgres.data().join("settings.conf");
        fs::write(&place, settings).expect("settings of the server");
        self.reload();
    }

    /// Gives the server another certificate.
    pub fn switch(&self, chain: &str, key: &str) {
        let _ = fs::remove_file(self.postgres.data().join("settings.conf"));
        install(
            &self.postgres,
            &self.files.file(&format!("{chain}.crt")),
            "server.crt",
        );
        install(
            &self.postgres,
            &self.files.file(&format!("{key}.key")),
            "server.key",
        );
        self.reload();
    }

    fn reload(&self) {
        let loaded = || self.postgres.psql("postgres", "SELECT pg_conf_load_time()");
        let before = loaded();
        self.postgres.control(&["reload"]).success();
        wait_until("new", || {
            if loaded() == before { "old" } else { "new" }.to_owned()
        });
    }

    /// A connection string without `host`; `hostaddr` is the server's address.
    pub fn conninfo(&self, rest: &str) -> String {
        let port = self.postgres.port();
        format!("hostaddr=127.0.0.1 port={port} user=tls_user {rest}")
    }

    pub fn psql(&self, sql: &str) {
        self.postgres.psql("postgres", sql);
    }

    pub fn port(&self) -> u16 {
        self.postgres.port()
    }

    /// Connects with each connection string with the oracle and with ours, and panics with a diff if the outputs
    /// differ.
    #[track_caller]
    pub fn same(&self, conninfos: &[String]) -> Output {
        self.same_as("", conninfos, &[])
    }

    #[track_caller]
    pub fn same_as(&self, mode: &str, conninfos: &[String], env: &[(&str, &str)]) -> Output {
        let program = Program::new("tls");
        let lines: Vec<String> = conninfos.iter().map(|rest| self.conninfo(rest)).collect();
        let input = lines.join("\n") + "\n";
        let run = |lib| program.run_with_input(lib, &[mode], env, input.as_bytes());
        let (expected, ours) = (run(Lib::Oracle), run(Lib::Ours));
        assert_same("tls", &[mode], &expected, &ours);
        ours
    }

    /// Connects with one library only.
    pub fn on(&self, lib: Lib, mode: &str, conninfos: &[String]) -> Output {
        let lines: Vec<String> = conninfos.iter().map(|rest| self.conninfo(rest)).collect();
        let input = lines.join("\n") + "\n";
        Program::new("tls").run_with_input(lib, &[mode], &[], input.as_bytes())
    }

    /// Connects with ours only.
    pub fn ours(&self, mode: &str, conninfos: &[String], env: &[(&str, &str)]) -> Output {
        let lines: Vec<String> = conninfos.iter().map(|rest| self.conninfo(rest)).collect();
        let input = lines.join("\n") + "\n";
        Program::new("tls").run_with_input(Lib::Ours, &[mode], env, input.as_bytes())
    }
}

/// Starts a separate server with TLS.
pub fn start(files: &Certificates) -> Postgres {
    let postgres = Postgres::start(Version::Oracle18, "");
    for (from, to) in [
        ("good.crt", "server.crt"),
        ("good.key", "server.key"),
        ("root.crt", "authorities.crt"),
        ("v1.crl", "authorities.crl"),
    ] {
        install(&postgres, &files.file(from), to);
    }
    let conf = postgres.data().join("postgresql.conf");
    let text = fs::read_to_string(&conf).expect("the configuration") + CONFIG;
    fs::write(&conf, text).expect("the configuration");
    postgres.prepend_hba(HBA);
    postgres.control(&["restart"]).success();
    postgres.psql("postgres", "CREATE ROLE tls_user LOGIN");
    for database in ["only_ssl", "only_plain", "certified"] {
        postgres.psql("postgres", &format!("CREATE DATABASE {database}"));
    }
    postgres
}

/// Copies a file into the data directory; only the server's user can read it.
pub fn install(postgres: &Postgres, from: &str, to: &str) {
    let (fresh, place) = (postgres.data().join("fresh"), postgres.data().join(to));
    fs::copy(from, &fresh).expect("write a file of the server");
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600)).expect("set the file mode");
    if let Some((uid, gid)) = service_user() {
        chown(&fresh, Some(uid), Some(gid)).expect("set the owner");
    }
    fs::rename(fresh, place).expect("rename the file");
}
