//! The demo's server: no PostgreSQL of today sends a GoAway, so this one follows a script, with the tests' own words.
//! It prints a connection string, serves four connections one after the other, and ends.

// A vocabulary: this program takes the few words it needs.
#[allow(dead_code)]
#[path = "../runner/support/message.rs"]
mod message;
#[allow(dead_code)]
#[path = "../runner/support/script.rs"]
mod script;

use std::time::Duration;

use message::{auth_ok, backend_key, goaway, one_value, ready};
use script::{Connection, Script};

/// Long enough for a reader to see that the connection was idle.
const PAUSE: Duration = Duration::from_millis(400);

fn main() {
    let server = Script::new()
        .connection(psql)
        .connection(told_while_busy)
        .connection(told_while_idle)
        .connection(left_alone)
        .start();
    println!("{}", server.tcp());
    server.finish();
}

fn psql(c: &mut Connection) {
    login(c, 101);
    c.expect_query();
    c.send(&goaway());
    answer(c);
    c.expect_terminate();
}

fn told_while_busy(c: &mut Connection) {
    login(c, 102);
    c.expect_query();
    c.send(&goaway());
    answer(c);
    c.expect_query();
    answer(c);
    c.expect_terminate();
}

fn told_while_idle(c: &mut Connection) {
    two_queries(c, 103);
    c.wait(PAUSE);
    c.send(&goaway());
    c.expect_terminate();
}

fn left_alone(c: &mut Connection) {
    two_queries(c, 104);
    c.expect_terminate();
}

/// Each connection is known by its process number.
fn login(c: &mut Connection, process: u32) {
    c.expect_startup();
    c.send(&[auth_ok(), backend_key(process, b"key!"), ready(b'I')].concat());
}

fn two_queries(c: &mut Connection, process: u32) {
    login(c, process);
    for _ in 0..2 {
        c.expect_query();
        answer(c);
    }
}

fn answer(c: &mut Connection) {
    c.send(&[one_value("answer", "as the script says"), ready(b'I')].concat());
}
