//! Malicious and broken servers: the client must report an error in time, and never crash, loop, or use unlimited
//! memory.

mod bounds;
mod greeting;
mod leak;
mod lost_errors;
mod malformed;
mod notifications;
mod truncated;

use crate::support::paths::Lib;
use crate::support::process::{End, Output};
use crate::support::program::{Headers, Program};
use crate::support::script::Script;

/// Runs `steps` with our library against a script.
#[track_caller]
fn ours(script: Script, options: &str, calls: &[&str]) -> String {
    let server = script.start();
    let conninfo = format!("{} {options}", server.tcp());
    let program = Program::with_headers("steps", Headers::Ours);
    let output = program.run(Lib::Ours, &[&[conninfo.as_str()], calls].concat(), &[]);
    server.finish();
    output.success().stdout
}

/// Runs `steps` with both libraries, each against its own server, and compares the outputs. The bytes sent are not
/// compared, because a server may or may not receive the client's last bytes before a reset.
#[track_caller]
fn same(script: impl Fn() -> Script, options: &str, calls: &[&str]) -> String {
    let program = Program::new("steps");
    let run = |lib| {
        let server = script().start();
        let conninfo = format!("{} {options}", server.tcp());
        let env = [("PGGOAWAY", "disable")];
        let output = program.run(lib, &[&[conninfo.as_str()], calls].concat(), &env);
        let port = server.port().to_string();
        server.finish();
        Output {
            stdout: output.stdout.replace(&port, "PORT"),
            ..output
        }
    };
    let (expected, output) = (run(Lib::Oracle), run(Lib::Ours));
    assert_eq!(expected.end, End::Exit(0), "{expected}");
    assert_eq!(output, expected, "\n{output}\nthe oracle says\n{expected}");
    output.stdout
}

/// Replaces the length of `message`.
fn with_length(mut message: Vec<u8>, length: i32) -> Vec<u8> {
    message[1..5].copy_from_slice(&length.to_be_bytes());
    message
}
