//! GoAway: asking for it, and what a server that sends it changes (the flag, and nothing else).

mod arrival;
mod flag;
mod healing;
mod message;
mod negotiation;
pub mod pgbouncer;

use crate::support::message::{one_value, ready};
use crate::support::paths::Lib;
use crate::support::program::{Headers, Program};
use crate::support::script::{Connection, Script, Server};

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

/// Runs `steps` against a script, its connection string lengthened by `options`.
#[track_caller]
fn exchange(script: Script, options: &str, calls: &[&str]) -> String {
    let server = script.start();
    let output = steps(&format!("{} {options}", server.tcp()), calls);
    server.finish();
    output
}

/// Reads a startup packet that asks for GoAway.
#[track_caller]
fn expect_asking(c: &mut Connection) {
    assert_eq!(c.expect_startup().get(KEY), Some(""));
}

/// Reads a startup packet that does not.
#[track_caller]
fn expect_not_asking(c: &mut Connection) {
    assert_eq!(c.expect_startup().get(KEY), None);
}

/// Answers one query with its own text.
#[track_caller]
fn answer(c: &mut Connection) {
    let query = c.expect_query();
    c.send(&[one_value("x", &query), ready(b'I')].concat());
}

/// A connection string over the hosts of several servers.
fn hosts(servers: &[&Server]) -> String {
    let ports: Vec<_> = servers.iter().map(|s| s.port().to_string()).collect();
    format!(
        "host={} port={} user=u dbname=d sslmode=disable",
        vec!["127.0.0.1"; servers.len()].join(","),
        ports.join(",")
    )
}

/// The facts of one kind, in the order they were printed.
fn facts<'a>(output: &'a str, label: &str) -> Vec<&'a str> {
    let prefix = format!("{label}: ");
    output
        .lines()
        .filter_map(|line| line.strip_prefix(&prefix))
        .collect()
}
