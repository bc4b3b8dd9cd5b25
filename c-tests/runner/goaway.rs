//! GoAway: the startup key, and the effects of the message, which must be the flag and nothing else.

mod arrival;
mod descriptor;
mod flag;
mod message;
mod negotiation;
pub mod pgbouncer;
mod records;
mod retry;

use std::sync::{Arc, OnceLock};

use rustls::ServerConfig;

use crate::support::message::{one_value, ready};
use crate::support::paths::Lib;
use crate::support::program::{Headers, Program};
use crate::support::script::{Connection, Script, Server};
use crate::tls::certificates::Certificates;

/// The startup packet's key.
const KEY: &str = "_pq_.goaway";

/// Runs the program `steps` on our library and returns what it prints.
#[track_caller]
fn steps(conninfo: &str, steps: &[&str]) -> String {
    steps_in(conninfo, steps, &[])
}

#[track_caller]
fn steps_in(conninfo: &str, steps: &[&str], env: &[(&str, &str)]) -> String {
    let program = Program::with_headers("steps", Headers::Ours);
    let output = program.run(Lib::Ours, &[&[conninfo], steps].concat(), env);
    output.success().stdout
}

/// Ways to start a script.
const WAYS: [fn(Script) -> Server; 2] = [Script::start, start_tls];

fn start_tls(script: Script) -> Server {
    script.start_tls(tls_config())
}

/// TLS for scripted servers.
pub fn tls_config() -> Arc<ServerConfig> {
    static CONFIG: OnceLock<Arc<ServerConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let mut config = Certificates::shared().server_config("ip");
        // As in PostgreSQL, sessions cannot be resumed.
        config.send_tls13_tickets = 0;
        Arc::new(config)
    });
    config.clone()
}

/// libpq's error texts for a server that closes the connection, in plain text and with TLS.
const CLOSED: [&str; 2] = [
    "server closed the connection unexpectedly\\n\\tThis probably means the server terminated abnormally\\n\\t\
     before or while processing the request.\\n",
    "SSL connection has been closed unexpectedly\\n",
];

/// Runs `steps` against a script, with `options` added to the connection string, in plain text and then with TLS.
/// Both runs must print the same, except for the error text when the server closes the connection.
#[track_caller]
fn exchange(script: Script, options: &str, calls: &[&str]) -> String {
    exchanges(&[script], options, calls)
}

/// As [`exchange`], with the scripts of several hosts.
#[track_caller]
fn exchanges(scripts: &[Script], options: &str, calls: &[&str]) -> String {
    let [plain, encrypted] = WAYS.map(|start| exchanges_by(start, scripts, options, calls));
    let encrypted = encrypted.replace(CLOSED[1], CLOSED[0]);
    // A reset gives two errors, one from TLS and one from the socket, as in libpq.
    let encrypted = encrypted.replace(&CLOSED[0].repeat(2), CLOSED[0]);
    assert_eq!(encrypted, plain, "{calls:?}");
    plain
}

#[track_caller]
fn exchanges_by(
    start: fn(Script) -> Server,
    scripts: &[Script],
    options: &str,
    calls: &[&str],
) -> String {
    let servers: Vec<_> = scripts.iter().cloned().map(start).collect();
    let mut output = steps(&format!("{} {options}", hosts(&servers)), calls);
    for (number, server) in servers.into_iter().enumerate() {
        let name = format!("PORT{}", number + 1);
        output = output.replace(&server.port().to_string(), &name);
        server.finish();
    }
    output
}

/// Reads a startup packet that has the GoAway key.
#[track_caller]
fn expect_asking(c: &mut Connection) {
    assert_eq!(c.expect_startup().get(KEY), Some(""));
}

/// Reads a startup packet that does not have the GoAway key.
#[track_caller]
fn expect_not_asking(c: &mut Connection) {
    assert_eq!(c.expect_startup().get(KEY), None);
}

/// Answers a query with a value equal to its text.
#[track_caller]
fn answer(c: &mut Connection) {
    let query = c.expect_query();
    c.send(&[one_value("x", &query), ready(b'I')].concat());
}

/// A connection string with the hosts of several servers, which are all started in the same way.
fn hosts(servers: &[Server]) -> String {
    let ports: Vec<_> = servers.iter().map(|s| s.port().to_string()).collect();
    format!(
        "host={} port={} user=u dbname=d sslmode={}",
        vec!["127.0.0.1"; servers.len()].join(","),
        ports.join(","),
        servers[0].sslmode()
    )
}

/// The values printed with one label, in order.
fn facts<'a>(output: &'a str, label: &str) -> Vec<&'a str> {
    let prefix = format!("{label}: ");
    output
        .lines()
        .filter_map(|line| line.strip_prefix(&prefix))
        .collect()
}
