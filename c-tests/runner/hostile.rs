//! Servers that mean harm, or have gone mad: an error within the time, never a crash, a loop, or memory without end.

mod greeting;
mod leak;
mod malformed;
mod notifications;
mod truncated;

use crate::support::paths::Lib;
use crate::support::process::{End, Output};
use crate::support::program::{Headers, Program};
use crate::support::script::Script;

/// Runs `steps` on our library against a script.
#[track_caller]
fn ours(script: Script, options: &str, calls: &[&str]) -> String {
    let server = script.start();
    let conninfo = format!("{} {options}", server.tcp());
    let program = Program::with_headers("steps", Headers::Ours);
    let output = program.run(Lib::Ours, &[&[conninfo.as_str()], calls].concat(), &[]);
    server.finish();
    output.success().stdout
}

/// Runs `steps` on both libraries, each against its own server, and compares what they say. Which of a client's last
/// bytes a server gets to see before a reset is chance, so what is sent is not compared.
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

/// The length word of `message` replaced.
fn relabelled(mut message: Vec<u8>, length: i32) -> Vec<u8> {
    message[1..5].copy_from_slice(&length.to_be_bytes());
    message
}
