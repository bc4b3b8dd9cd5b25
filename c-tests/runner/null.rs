//! Every export called with NULL and with numbers out of range: the result must be libpq 18's, or ours where libpq
//! crashes.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Once;

use crate::support::paths::{self, Lib};
use crate::support::postgres::Postgres;
use crate::support::program::{Headers, Program};

mod documented;

use documented::DOCUMENTED;

/// The result of one call, with the lines that the call itself printed.
#[derive(Debug)]
struct Answer {
    /// The object and the call.
    call: String,
    /// The return value, followed by the error text or other state after the call.
    value: String,
    printed: String,
}

impl Answer {
    /// The call without the object.
    fn bare_call(&self) -> &str {
        let bare = self.call.split_once(": ");
        bare.filter(|(object, _)| !object.contains('('))
            .map_or(&self.call, |(_, call)| call)
    }

    /// The value alone.
    fn bare_value(&self) -> &str {
        self.value.split(" / ").next().unwrap_or_default()
    }

    fn is_crash(&self) -> bool {
        ["crashes", "hangs"].contains(&self.value.as_str()) || self.value.starts_with("exits")
    }
}

/// Parses the output of null.h: each call is a line with an asterisk.
fn answers(output: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut printed = String::new();
    for line in output.lines() {
        match line.strip_prefix("* ").and_then(|l| l.split_once(" => ")) {
            Some((call, value)) => answers.push(Answer {
                call: call.to_owned(),
                value: value.to_owned(),
                printed: std::mem::take(&mut printed),
            }),
            None => printed += &format!("{line}\n"),
        }
    }
    answers
}

fn run(name: &str, headers: Headers, lib: Lib) -> Vec<Answer> {
    static TABLE: Once = Once::new();
    let server = Postgres::shared();
    // Not in the programs, because several of them run at the same time.
    TABLE.call_once(|| {
        server.psql("postgres", "CREATE TABLE copied (t text)");
    });
    let (directory, port) = (server.socket_directory(), server.port().to_string());
    let env = [
        ("PGHOST", &*directory.to_string_lossy()),
        ("PGPORT", &port),
        ("PGUSER", "postgres"),
        ("PGDATABASE", "postgres"),
    ];
    let program = Program::with_headers(name, headers);
    let output = program
        .run(lib, &[&server.unix("postgres")], &env)
        .success();
    answers(&output.stdout)
}

/// The reason why two results do not match, if they do not.
fn mismatch(oracle: &Answer, ours: &Answer) -> Option<String> {
    let documented = DOCUMENTED
        .iter()
        .find(|(call, _)| *call == ours.bare_call());
    let agree = oracle.value == ours.value && oracle.printed == ours.printed;
    let matches = match documented {
        _ if ours.is_crash() || oracle.call != ours.call => false,
        Some((_, values)) => agree || values.contains(&ours.bare_value()),
        None => agree,
    };
    (!matches).then(|| {
        format!(
            "{}\n  libpq: {}{}\n  ours:  {}{}",
            ours.call, oracle.printed, oracle.value, ours.printed, ours.value
        )
    })
}

#[track_caller]
fn same_answers(name: &str) {
    let oracle = run(name, Headers::Oracle, Lib::Oracle);
    let ours = run(name, Headers::Oracle, Lib::Ours);
    assert_eq!(oracle.len(), ours.len());
    assert!(ours.len() > 100, "{name} makes {} calls", ours.len());
    let pairs = oracle.iter().zip(&ours);
    let mismatches: Vec<_> = pairs.filter_map(|(a, b)| mismatch(a, b)).collect();
    assert!(mismatches.is_empty(), "\n{}", mismatches.join("\n"));
}

#[test]
fn connecting_and_reading_attributes() {
    same_answers("null_connect");
}

#[test]
fn commands_pipelines_and_copy() {
    same_answers("null_exec");
}

#[test]
fn results() {
    same_answers("null_result");
}

#[test]
fn escaping_encodings_and_growing_strings() {
    same_answers("null_text");
}

#[test]
fn hooks_encryption_and_the_process() {
    same_answers("null_hooks");
}

#[test]
fn cancelling() {
    same_answers("null_cancel");
}

#[test]
fn fastpath_large_objects_and_passwords() {
    same_answers("null_functions");
}

#[test]
fn functions_that_only_ours_has() {
    let ours = run("null_ours", Headers::Ours, Lib::Ours);
    let value = |call: &str| {
        let answer = ours.iter().find(|answer| answer.call == call);
        answer.unwrap_or_else(|| panic!("no {call}")).bare_value()
    };
    assert_eq!(value("PQlibVersion()"), "190000");
    assert_eq!(value("NULL: PQgoAwayReceived(conn)"), "0");
    assert_eq!(value("unparsed: PQgoAwayReceived(conn)"), "0");
    assert_eq!(value("good: PQgoAwayReceived(conn)"), "0");
    assert_eq!(value("PQgetThreadLock()"), "a function");
    assert!(!ours.iter().any(Answer::is_crash), "{ours:?}");
}

#[test]
fn every_export_is_called() {
    let list = fs::read_to_string(paths::checkout().join("include/exports.txt"));
    let directory = paths::checkout().join("c-tests/programs");
    let files = fs::read_dir(&directory).expect("the programs").flatten();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut called = BTreeSet::new();
    for file in files.filter(|f| f.file_name().to_string_lossy().starts_with("null_")) {
        let text = fs::read_to_string(file.path()).expect("a program");
        called.extend(text.split(|c| !is_word(c)).map(str::to_owned));
    }
    let list = list.expect("the list of exports");
    let not_called: Vec<_> = list
        .lines()
        .filter(|name| !called.contains(*name))
        .collect();
    assert!(not_called.is_empty(), "{not_called:?}");
}

#[test]
fn every_stated_call_is_in_a_program() {
    let names = [
        "null_connect",
        "null_exec",
        "null_result",
        "null_text",
        "null_hooks",
    ];
    let mut needed = BTreeSet::new();
    for name in names.iter().chain(&["null_cancel", "null_functions"]) {
        let file = paths::checkout().join(format!("c-tests/programs/{name}.c"));
        let text = fs::read_to_string(file).expect("a program");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        // A documented call has the same text as in the C program, including NULL.
        needed.extend(
            DOCUMENTED
                .iter()
                .map(|s| s.0)
                .filter(|call| words.contains(call)),
        );
    }
    let stale: Vec<_> = DOCUMENTED
        .iter()
        .filter(|s| !needed.contains(s.0))
        .collect();
    assert!(stale.is_empty(), "{stale:?}");
}
