//! A real PostgreSQL in a temporary directory, run by a non-root user.

use std::env;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use super::cleanup::Cleanup;
use super::paths::{self, Lib};
use super::process::{self, Output, TIMEOUT};
use super::session::wait_until;

/// The version of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// PostgreSQL 15 of Debian 12.
    Debian15,
    /// PostgreSQL 18, built with the oracle.
    Oracle18,
    /// Another version; `LIBPQ_OXIDE_SERVER` is the directory of its programs.
    Given,
}

/// The directory of the programs of `Version::Given`, if there is one.
pub fn given() -> Option<PathBuf> {
    env::var_os("LIBPQ_OXIDE_SERVER").map(PathBuf::from)
}

impl Version {
    /// The directory of the server and client programs.
    pub fn bin(self) -> PathBuf {
        match self {
            Version::Debian15 => "/usr/lib/postgresql/15/bin".into(),
            Version::Oracle18 => paths::oracle().join("bin"),
            Version::Given => given().expect("LIBPQ_OXIDE_SERVER"),
        }
    }
}

/// The password of every role that has one.
pub const PASSWORD: &str = "secret word";

/// The authentication method for each role; the roles have the methods' names. All others need no password.
const HBA: &str = "\
local all peer_user     peer map=tests
local all md5_user      md5
host  all md5_user      all md5
local all scram_user    scram-sha-256
host  all scram_user    all scram-sha-256
local all password_user password
host  all password_user all password
local all reject_user   reject
host  all reject_user   all reject
local replication all   trust
host  replication all   all trust
local all all           trust
host  all all           all trust
";

const CONFIG: &str = "
listen_addresses = '127.0.0.1'
fsync = off
timezone = 'UTC'
lc_messages = 'C'
logging_collector = off
log_line_prefix = '%m [%p] %q%a '
wal_level = logical
max_wal_senders = 4
";

const ROLES: &str = "
SET password_encryption = 'md5';
CREATE ROLE md5_user LOGIN PASSWORD :'password';
SET password_encryption = 'scram-sha-256';
CREATE ROLE scram_user LOGIN PASSWORD :'password';
CREATE ROLE password_user LOGIN PASSWORD :'password';
CREATE ROLE reject_user LOGIN PASSWORD :'password';
CREATE ROLE peer_user LOGIN;
CREATE ROLE other_user LOGIN;
";

/// A running server. It is stopped and its directory is removed when this value is dropped or when this process ends,
/// even if the process is killed.
pub struct Postgres {
    version: Version,
    /// The directory of the libpq.so.5 that the server and its tools load, if it is not the version's own.
    library: Option<PathBuf>,
    /// The program `postgres`, if it is not the version's own.
    program: Option<PathBuf>,
    port: u16,
    /// Owns the server's directory.
    cleanup: Cleanup,
    databases: AtomicU32,
}

impl Postgres {
    /// The oracle's server, shared by all tests whose changes no other test can see.
    pub fn shared() -> &'static Postgres {
        static SERVER: OnceLock<Postgres> = OnceLock::new();
        SERVER.get_or_init(|| Postgres::start(Version::Oracle18, ""))
    }

    /// Debian's server, shared in the same way.
    pub fn shared_debian15() -> &'static Postgres {
        static SERVER: OnceLock<Postgres> = OnceLock::new();
        SERVER.get_or_init(|| Postgres::start(Version::Debian15, ""))
    }

    /// Starts a separate server with additional lines in postgresql.conf.
    pub fn start(version: Version, config: &str) -> Postgres {
        Postgres::start_installed(version, config, |_| None)
    }

    /// As [`Postgres::start`]; `install` puts a program `postgres` into the server's directory and returns its path.
    pub fn start_installed(
        version: Version,
        config: &str,
        install: impl FnOnce(&Path) -> Option<PathBuf>,
    ) -> Postgres {
        let mut server = Postgres::new(version, None);
        server.program = install(server.socket_directory());
        server.initialize(config).expect("files of the server");
        server.start_on_free_port();
        server.psql("postgres", ROLES);
        server
    }

    /// Starts a server whose backends load `lib` as libpq.so.5 for their own connections.
    pub fn start_on(lib: Lib, version: Version, config: &str) -> Postgres {
        let mut server = Postgres::new(version, Some(lib));
        server.initialize(config).expect("files of the server");
        server.start_on_free_port();
        server
    }

    /// Starts a standby of this server, made by a pg_basebackup that uses `tool_lib`. The standby uses `lib`, or by
    /// default its own libpq.
    pub fn standby(&self, tool_lib: Lib, lib: Option<Lib>) -> Postgres {
        let mut standby = Postgres::new(self.version, Some(tool_lib));
        standby.program = self.program.clone();
        own(standby.socket_directory()).expect("the standby's directory");
        let mut backup = standby.tool("pg_basebackup");
        backup.args(["-X", "stream", "-R", "-c", "fast", "--no-sync", "-d"]);
        backup
            .arg(self.tcp("postgres"))
            .arg("-D")
            .arg(standby.data());
        backup.finish();
        standby.library = lib.map(|lib| standby.take_library(lib));
        let conf = standby.data().join("postgresql.conf");
        let directory = standby.socket_directory().display();
        let text = fs::read_to_string(&conf).expect("the standby's configuration")
            + &format!("\nunix_socket_directories = '{directory}'\n");
        fs::write(&conf, text).expect("the standby's configuration");
        standby.start_on_free_port();
        standby
    }

    fn new(version: Version, lib: Option<Lib>) -> Postgres {
        // The server's superuser may need access, and a socket's path is limited to 107 bytes.
        let directory = TempDir::with_prefix("pq-")
            .expect("a temporary directory")
            .keep();
        let cleanup = Cleanup::of_server(directory, STOP, &[("BIN", version.bin())]);
        let mut server = Postgres {
            version,
            library: None,
            program: None,
            port: 0,
            cleanup,
            databases: AtomicU32::new(0),
        };
        server.library = lib.map(|lib| server.take_library(lib));
        server
    }

    /// Copies a library to a directory that the server's user can read.
    fn take_library(&self, lib: Lib) -> PathBuf {
        let directory = self.socket_directory().join(format!("{lib:?}"));
        fs::create_dir_all(&directory).expect("create the directory");
        let (from, to) = (
            lib.directory().join("libpq.so.5"),
            directory.join("libpq.so.5"),
        );
        fs::copy(from, to).expect("the library");
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755))
            .expect("set the file mode");
        directory
    }

    /// The path of the libpq.so.5 that a process has loaded.
    pub fn library_of(&self, pid: &str) -> String {
        let maps = fs::read_to_string(format!("/proc/{}/maps", pid.trim())).unwrap_or_default();
        let line = maps.lines().find(|line| line.contains("libpq.so.5"));
        let path = line.and_then(|line| line.split_whitespace().last());
        path.unwrap_or_default().to_owned()
    }

    fn initialize(&self, config: &str) -> io::Result<()> {
        own(self.socket_directory())?;
        self.tool("initdb")
            .args([
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ])
            .arg("-D")
            .arg(self.data())
            .finish();
        fs::write(self.data().join("pg_hba.conf"), HBA)?;
        fs::write(
            self.data().join("pg_ident.conf"),
            format!("tests {} peer_user\n", whoami()),
        )?;
        let conf = self.data().join("postgresql.conf");
        let text = format!(
            "{}{CONFIG}unix_socket_directories = '{}'\n{config}\n",
            fs::read_to_string(&conf)?,
            self.socket_directory().display()
        );
        fs::write(conf, text)
    }

    /// Tries several ports, because another process may take a port between our check and the server's start.
    fn start_on_free_port(&mut self) {
        for _ in 0..10 {
            self.port = free_port();
            if self.control(&["start"]).end == process::End::Exit(0) {
                return;
            }
        }
        panic!("the server does not start:\n{}", self.log());
    }

    /// Runs pg_ctl: `&["stop", "-m", "smart", "--no-wait"]`, `&["restart"]`, `&["reload"]`, `&["promote"]`.
    pub fn control(&self, arguments: &[&str]) -> Output {
        self.control_with(arguments, &[])
    }

    /// As [`Postgres::control`], with additional environment variables. A server that it starts keeps them.
    pub fn control_with(&self, arguments: &[&str], env: &[(&str, &str)]) -> Output {
        let mut command = self.tool("pg_ctl");
        command.envs(env.iter().copied());
        // `-w` comes first, so that --no-wait overrides it.
        command.arg("-w").args(arguments).arg("-D").arg(self.data());
        command.arg("-l").arg(self.socket_directory().join("log"));
        command.arg("-o").arg(format!("-p {}", self.port));
        if let Some(program) = &self.program {
            command.arg("-p").arg(program);
        }
        process::run(&mut command, b"", TIMEOUT)
    }

    /// Stops the server in immediate mode and waits until all its processes have exited; the postmaster does not wait
    /// for them.
    pub fn stop_at_once(&self) {
        self.control(&["stop", "-m", "immediate"]).success();
        let data = self.data();
        wait_until("gone", || {
            let alive = processes_in(&data);
            if alive { "alive" } else { "gone" }.to_owned()
        });
    }

    /// Writes a new pg_hba.conf that has `lines` before the usual ones.
    pub fn prepend_hba(&self, lines: &str) {
        fs::write(self.data().join("pg_hba.conf"), format!("{lines}\n{HBA}"))
            .expect("write pg_hba.conf");
        self.control(&["reload"]).success();
    }

    /// Runs SQL with the server's own psql and returns what it prints, unaligned, tuples only.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let mut command = self.tool("psql");
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-v"]);
        command.arg(format!("password={PASSWORD}"));
        command
            .args(["-U", "postgres", "-h"])
            .arg(self.socket_directory());
        command.args(["-p", &self.port.to_string(), "-d", database]);
        process::run(&mut command, sql.as_bytes(), TIMEOUT)
            .success()
            .stdout
    }

    /// Creates an empty database for one test.
    pub fn fresh_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// A connection string for TCP, as superuser.
    pub fn tcp(&self, database: &str) -> String {
        format!(
            "host=127.0.0.1 port={} user=postgres dbname={database} sslmode=disable",
            self.port
        )
    }

    /// A connection string for the Unix socket, as superuser.
    pub fn unix(&self, database: &str) -> String {
        format!(
            "host={} port={} user=postgres dbname={database}",
            self.socket_directory().display(),
            self.port
        )
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn version(&self) -> Version {
        self.version
    }

    /// The directory of the Unix socket.
    pub fn socket_directory(&self) -> &Path {
        self.cleanup.directory()
    }

    pub fn data(&self) -> PathBuf {
        self.socket_directory().join("data")
    }

    /// The server's log.
    pub fn log(&self) -> String {
        fs::read(self.socket_directory().join("log")).map_or_else(
            |e| e.to_string(),
            |log| String::from_utf8_lossy(&log).into_owned(),
        )
    }

    /// A program of this version, run as the server's user and with the server's libpq.
    pub fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.version.bin().join(name));
        as_service_user(&mut command);
        // GSSAPI stores its replay cache there.
        command.env("TMPDIR", self.socket_directory());
        if let Some(library) = &self.library {
            command.env("LD_LIBRARY_PATH", library);
        }
        command
    }
}

/// The shell script that stops the server when this process ends; see [`Cleanup::of_server`].
const STOP: &str = "cat >/dev/null
    [ ! -e \"$1/data/postmaster.pid\" ] || \"$BIN/pg_ctl\" stop -m immediate -w -D \"$1/data\"";

/// Gives `command` the environment and the working directory of servers and their tools.
pub fn plain(command: &mut Command) {
    command.env_clear().envs([
        ("PATH", "/usr/bin:/bin"),
        ("LC_ALL", "C.UTF-8"),
        ("PGTZ", "UTC"),
    ]);
    command.current_dir("/");
}

pub fn as_service_user(command: &mut Command) {
    plain(command);
    if let Some((uid, gid)) = service_user() {
        command.uid(uid).gid(gid);
    }
}

/// The user that runs the servers if we are root, because PostgreSQL refuses to run as root.
pub fn service_user() -> Option<(u32, u32)> {
    if whoami() != "root" {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    let entry = passwd.lines().find(|line| line.starts_with("postgres:"));
    let mut fields = entry
        .expect("the user postgres: run c-tests/setup.sh")
        .split(':')
        .skip(2);
    let mut number = || {
        fields
            .next()
            .and_then(|field| field.parse().ok())
            .expect("a passwd entry")
    };
    Some((number(), number()))
}

/// The name of the user that runs the tests.
pub fn whoami() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let output = Command::new("id").arg("-un").output().expect("id runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    })
}

/// A TCP port of 127.0.0.1 on which nothing listens at the moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener
        .local_addr()
        .expect("the listener's address")
        .port()
}

/// Makes the server's user the owner of a directory; other users can enter it.
fn own(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    match service_user() {
        Some((uid, gid)) => chown(directory, Some(uid), Some(gid)),
        None => Ok(()),
    }
}

/// Runs a command and panics if it fails.
trait Finish {
    fn finish(&mut self);
}

impl Finish for Command {
    fn finish(&mut self) {
        process::run(self, b"", TIMEOUT).success();
    }
}

/// Whether any process has `directory` as its working directory, as all processes of a server do.
fn processes_in(directory: &Path) -> bool {
    let processes = fs::read_dir("/proc").expect("a list of processes");
    processes
        .flatten()
        .any(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == directory))
}
