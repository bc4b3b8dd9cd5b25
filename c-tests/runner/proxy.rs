//! goaway-proxy with a real PostgreSQL; the clients are psql with our library and with C libpq. A raw client sends
//! bytes that no real client sends.

mod announce;
mod certificate_files;
mod connect;
mod drain;
mod grace;
mod half_close;
mod hostile;
mod load;
mod manual;
mod observe;
mod operate;
pub mod raw;
mod server_goaway;
mod sockets;
mod startup;
mod streams;
mod tls;

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::paths::{self, Lib};
use crate::support::postgres::{Postgres, Version};
use crate::support::process::{self, End, Output, TIMEOUT};
use crate::support::program::on_lib;
use crate::support::session::{Session, wait_until};

/// The notice that psql prints for GoAway with PGGOAWAY=notice.
const NOTICE: &str = "server requests to disconnect when convenient";

/// A running proxy; it is ended when dropped.
pub struct Proxy {
    session: Session,
    /// The addresses it listens on, in the order of its arguments.
    addresses: Vec<String>,
    /// The port of the first address.
    pub port: u16,
    /// The log up to the line that says it listens.
    log: String,
    directory: TempDir,
}

impl Proxy {
    /// Starts a proxy on a free port in front of `server`, with a control socket.
    pub fn start(server: &Postgres, options: &[&str]) -> Proxy {
        Proxy::to(&format!("127.0.0.1:{}", server.port()), options)
    }

    fn to(server: &str, options: &[&str]) -> Proxy {
        Proxy::listening("127.0.0.1:0", server, options)
    }

    fn listening(listen: &str, server: &str, options: &[&str]) -> Proxy {
        Proxy::begin(program(), listen, server, options)
    }

    fn begin(mut command: Command, listen: &str, server: &str, options: &[&str]) -> Proxy {
        let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
        command.args(["--listen", listen, "--server", server, "--control"]);
        command.arg(directory.path().join("control")).args(options);
        let mut session = Session::start(&mut command);
        let mut log = session.until("listening at ");
        let line = session.until("\n");
        let addresses: Vec<String> = line
            .split_whitespace()
            .take_while(|word| !word.starts_with("server="))
            // In a JSON log, the text ends here.
            .map(|word| word.split('"').next().unwrap_or(word).to_owned())
            .collect();
        let first = addresses.first().expect("an address");
        // The port of a Unix socket comes after a dot.
        let port = first
            .rsplit([':', '.'])
            .next()
            .expect("a port at the end of the address");
        let port = port.parse().unwrap_or_else(|_| panic!("no port: {line}"));
        log += &line;
        Proxy {
            session,
            addresses,
            port,
            log,
            directory,
        }
    }

    fn control_path(&self) -> PathBuf {
        self.directory.path().join("control")
    }

    pub fn ctl(&self, words: &[&str]) -> Output {
        let mut command = program();
        command.arg("ctl").arg("--control").arg(self.control_path());
        process::run(command.args(words), b"", TIMEOUT)
    }

    fn status(&self) -> Value {
        let status = self.ctl(&["status"]).success().stdout;
        serde_json::from_str(&status).unwrap_or_else(|error| panic!("{error}: {status}"))
    }

    fn clients(&self) -> Vec<Value> {
        let status = self.status();
        status["clients"].as_array().expect("a list").clone()
    }

    /// Waits until the proxy has told this many clients.
    #[track_caller]
    pub fn has_told(&self, number: usize) {
        wait_until(&number.to_string(), || {
            let clients = self.clients();
            let told = clients.iter().filter(|client| client["told"] == true);
            told.count().to_string()
        });
    }

    fn signal(&self, name: &str) {
        self.session.signal(name);
    }

    fn conninfo(&self) -> String {
        self.conninfo_at("127.0.0.1")
    }

    fn conninfo_at(&self, host: &str) -> String {
        let port = self.port;
        format!(
            "host={host} port={port} user=postgres dbname=postgres sslmode=disable gssencmode=disable"
        )
    }

    /// Starts an interactive psql that connects through the proxy. With our library it prints GoAway.
    fn psql(&self, lib: Lib) -> Session {
        let mut command = on_lib(Version::Oracle18.bin().join("psql"), lib);
        command.env("PGGOAWAY", "notice");
        command.args(["-X", "-q", "-A", "-t", "-d", &self.conninfo()]);
        let mut session = Session::start(&mut command);
        ask(&mut session, "SELECT 'open'", "open");
        session
    }

    /// Waits until the proxy exits; returns the rest of its log and how it ended.
    fn end(self) -> (String, End) {
        self.session.finish()
    }
}

/// Sends a query and returns the output up to its answer.
fn ask(psql: &mut Session, sql: &str, answer: &str) -> String {
    psql.send(&format!("{sql};\n\\echo -end-\n"));
    let output = psql.until("-end-\n");
    assert!(output.contains(answer), "{output}");
    output
}

fn program() -> Command {
    let mut command = Command::new(paths::goaway_proxy());
    command.env_clear();
    command
}

/// The backend's process id of a psql session.
fn backend(psql: &mut Session) -> String {
    let output = ask(psql, "SELECT pg_backend_pid()", "\n");
    output.lines().next().unwrap_or_default().to_owned()
}
