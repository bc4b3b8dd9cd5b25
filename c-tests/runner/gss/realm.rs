//! A Kerberos realm with its KDC on a loopback port, run by a non-root user, and a PostgreSQL server in it.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::cleanup::Cleanup;
use crate::support::paths::Lib;
use crate::support::postgres::{Postgres, Version, as_service_user, free_port, service_user};
use crate::support::process::{self, Output, TIMEOUT};
use crate::support::program::{Program, assert_same};

const PASSWORD: &str = "a ticket, please";

/// The authentication rules for each database.
const HBA: &str = "
hostgssenc   encrypted all all gss include_realm=0
host         encrypted all all reject
hostnogssenc plain     all all gss include_realm=0
host         plain     all all reject
";

/// The realm; its KDC is stopped when this is dropped, or when this process ends.
pub struct Realm {
    pub postgres: Postgres,
    /// Owns the realm's directory.
    cleanup: Cleanup,
}

impl Realm {
    /// A realm with a server and the user `alice`.
    pub fn start() -> Realm {
        Realm::start_on(|config| Postgres::start(Version::Oracle18, config))
    }

    /// As [`Realm::start`]; `start` starts the server with the configuration lines it is given.
    pub fn start_on(start: impl FnOnce(&str) -> Postgres) -> Realm {
        let directory = TempDir::with_prefix("krb5-");
        let directory = directory.expect("a temporary directory").keep();
        let path = directory.as_path();
        let port = free_port();
        configure(path, port);
        set_owner(path, 0o755);
        run(
            path,
            "/usr/sbin/kdb5_util",
            &["create", "-s", "-P", PASSWORD],
        );
        for question in [
            "addprinc -randkey postgres/localhost",
            "addprinc -pw \"a ticket, please\" alice",
            "ktadd -k keytab postgres/localhost",
        ] {
            run(path, "/usr/sbin/kadmin.local", &["-q", question]);
        }
        let cleanup = start_kdc(&directory, port);
        let postgres = start_postgres(path, start);
        Realm { postgres, cleanup }
    }

    /// A realm with a credential cache `good`, shared by tests that do not change it.
    pub fn shared() -> &'static Realm {
        static REALM: OnceLock<Realm> = OnceLock::new();
        REALM.get_or_init(|| {
            let realm = Realm::start();
            realm.ticket("good", &["-f"]);
            realm
        })
    }

    /// Gets a ticket for alice into the cache `name`.
    pub fn ticket(&self, name: &str, options: &[&str]) {
        let mut kinit = Command::new("/usr/bin/kinit");
        kinit
            .envs(self.environment(name))
            .args(options)
            .arg("alice");
        let output = process::run(&mut kinit, format!("{PASSWORD}\n").as_bytes(), TIMEOUT);
        output.success();
    }

    /// The environment that a program needs to find the realm and the cache `name`.
    pub fn environment(&self, name: &str) -> [(&'static str, String); 2] {
        let text = |path: PathBuf| path.to_str().expect("a path in UTF-8").to_owned();
        [
            (
                "KRB5_CONFIG",
                text(self.cleanup.directory().join("krb5.conf")),
            ),
            ("KRB5CCNAME", text(self.cleanup.directory().join(name))),
        ]
    }

    /// Connects with each connection string with the oracle and with ours, and panics with a diff if the outputs
    /// differ.
    #[track_caller]
    pub fn same(&self, cache: &str, conninfos: &[&str]) -> Output {
        let input = self.lines(conninfos);
        compare(&input, |lib| self.run(lib, cache, &input))
    }

    /// Runs ours in an environment in which the GSSAPI library cannot be loaded.
    pub fn without_library(&self, cache: &str, conninfos: &[&str]) -> Output {
        let broken = TempDir::new().expect("a temporary directory");
        fs::write(broken.path().join("libgssapi_krb5.so.2"), "").expect("a library");
        let ours = Lib::Ours.directory();
        let path = format!("{}:{}", broken.path().display(), ours.display());
        let input = self.lines(conninfos);
        let more = [("LD_LIBRARY_PATH", path.as_str())];
        self.run_with(Lib::Ours, cache, &input, &more).success()
    }

    fn lines(&self, conninfos: &[&str]) -> String {
        let lines = conninfos.iter().map(|rest| self.conninfo(rest) + "\n");
        lines.collect()
    }

    pub fn conninfo(&self, rest: &str) -> String {
        let port = self.postgres.port();
        format!("host=localhost hostaddr=127.0.0.1 port={port} user=alice sslmode=disable {rest}")
    }

    /// Runs the program with these input lines and this cache.
    pub fn run(&self, lib: Lib, cache: &str, input: &str) -> Output {
        self.run_with(lib, cache, input, &[])
    }

    fn run_with(&self, lib: Lib, cache: &str, input: &str, more: &[(&str, &str)]) -> Output {
        self.run_program("gss", &[], lib, cache, input, more)
    }

    fn run_program(
        &self,
        name: &str,
        args: &[&str],
        lib: Lib,
        cache: &str,
        input: &str,
        more: &[(&str, &str)],
    ) -> Output {
        let environment = self.environment(cache);
        let mut environment: Vec<_> = environment
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        environment.push(("PGGOAWAY", "disable"));
        environment.extend(more);
        Program::new(name).run_with_input(lib, args, &environment, input.as_bytes())
    }

    /// Traces a startup with the oracle and with ours, and panics with a diff if the traces differ.
    #[track_caller]
    pub fn same_trace(&self, cache: &str, flags: &str, rest: &str) -> Output {
        let conninfo = self.conninfo(rest);
        let args = [&conninfo[..], flags, "startup"];
        compare(&args.join(" "), |lib| {
            self.run_program("trace", &args, lib, cache, "", &[])
        })
    }
}

/// Fails if the outputs of the oracle and of ours differ; returns ours.
#[track_caller]
pub fn compare(what: &str, run: impl Fn(Lib) -> Output) -> Output {
    let (expected, ours) = (run(Lib::Oracle), run(Lib::Ours));
    assert_same("gss", &[what], &expected, &ours);
    ours.success()
}

fn configure(path: &Path, port: u16) {
    let directory = path.display();
    let client = format!(
        "[libdefaults]\ndefault_realm = TEST.EXAMPLE\ndns_lookup_realm = false\ndns_lookup_kdc = false\n\
         dns_canonicalize_hostname = false\nrdns = false\n\
         [realms]\nTEST.EXAMPLE = {{\n kdc = 127.0.0.1:{port}\n}}\n"
    );
    let server = format!(
        "[kdcdefaults]\nkdc_listen = 127.0.0.1:{port}\nkdc_tcp_listen = 127.0.0.1:{port}\n\
         [realms]\nTEST.EXAMPLE = {{\n database_name = {directory}/principal\n key_stash_file = {directory}/stash\n\
         acl_file = {directory}/acl\n}}\n[logging]\nkdc = FILE:{directory}/kdc.log\n"
    );
    fs::write(path.join("krb5.conf"), client).expect("the client's configuration");
    fs::write(path.join("kdc.conf"), server).expect("the KDC's configuration");
}

/// Makes the servers' user the owner of a file.
fn set_owner(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set the file mode");
    if let Some((uid, gid)) = service_user() {
        chown(path, Some(uid), Some(gid)).expect("set the owner");
    }
}

fn as_kdc(path: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    as_service_user(&mut command);
    command.current_dir(path);
    command.envs(configuration(path));
    command
}

fn configuration(path: &Path) -> [(&'static str, PathBuf); 2] {
    [
        ("KRB5_CONFIG", path.join("krb5.conf")),
        ("KRB5_KDC_PROFILE", path.join("kdc.conf")),
    ]
}

fn run(path: &Path, program: &str, arguments: &[&str]) {
    let mut command = as_kdc(path, program);
    process::run(command.args(arguments), b"", TIMEOUT).success();
}

/// Starts the KDC, which stops when this process ends.
fn start_kdc(directory: &Path, port: u16) -> Cleanup {
    const SCRIPT: &str =
        "cd \"$1\"; /usr/sbin/krb5kdc -n </dev/null & cat >/dev/null; kill $!; wait";
    let cleanup = Cleanup::of_server(directory.to_owned(), SCRIPT, &configuration(directory));
    let deadline = Instant::now() + TIMEOUT;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "the KDC does not answer");
        sleep(Duration::from_millis(20));
    }
    cleanup
}

fn start_postgres(path: &Path, start: impl FnOnce(&str) -> Postgres) -> Postgres {
    let keytab = path.join("keytab");
    let setting = format!("krb_server_keyfile = 'FILE:{}'", keytab.display());
    let postgres = start(&setting);
    postgres.prepend_hba(HBA);
    postgres.psql("postgres", "CREATE ROLE alice LOGIN");
    for database in ["encrypted", "plain"] {
        postgres.psql("postgres", &format!("CREATE DATABASE {database}"));
    }
    postgres
}
