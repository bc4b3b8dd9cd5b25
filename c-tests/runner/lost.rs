//! Lost connections: every call returns the same as in C libpq, and no loop runs forever.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;

use crate::goaway::tls_config;
use crate::support::message::{
    bind_complete, command_complete, copy_both_response, copy_data, copy_done, copy_in_response,
    copy_out_response, error, fatal, notice, notification, one_value, parameter_status,
    parse_complete, ready, row_description, text_row,
};
use crate::support::paths::Lib;
use crate::support::postgres::Postgres;
use crate::support::process::Output;
use crate::support::program::{Program, assert_same, same_output};
use crate::support::script::{Connection, Script};
use crate::support::valgrind;
use crate::tls::server::TlsServer;

/// What the client does when a real server ends its session.
const MODES: [&str; 17] = [
    "idle",
    "transaction",
    "busy",
    "nonblocking",
    "rows",
    "single",
    "chunked",
    "extended",
    "prepare",
    "describe",
    "pipeline",
    "pipeline-rows",
    "pipeline-unsynced",
    "copy-in",
    "copy-in-extended",
    "copy-in-nonblocking",
    "copy-out",
];

/// The number of call styles that the program tries in a mode: each at once, and after PQconsumeInput.
fn styles(mode: &str) -> usize {
    2 * match mode {
        "copy-out" | "copy-both" => 16,
        _ if mode.starts_with("copy-in") => 12,
        _ => 9,
    }
}

#[track_caller]
fn same_when_terminated(conninfo: &str, modes: &[&str]) -> Output {
    let args = [&[conninfo, "terminate"], modes].concat();
    let output = same_output("lost", &args, &[("PGGOAWAY", "disable")]).success();
    let tried = output.stdout.matches("== ").count();
    assert_eq!(tried, modes.iter().map(|mode| styles(mode)).sum::<usize>());
    assert!(output.stdout.contains("57P01"), "{output}");
    assert!(
        !output.stdout.contains("still busy after many calls"),
        "{output}"
    );
    output
}

#[test]
fn sessions_that_an_administrator_ended() {
    let server = Postgres::shared();
    same_when_terminated(&server.tcp("postgres"), &MODES);
    same_when_terminated(&server.unix("postgres"), &MODES);
}

#[test]
fn sessions_that_an_administrator_ended_while_a_call_waited() {
    let modes = [
        "busy",
        "nonblocking",
        "single",
        "chunked",
        "extended",
        "pipeline",
        "pipeline-unsynced",
        "exec",
        "copy-out",
    ];
    let server = Postgres::shared();
    for conninfo in [server.tcp("postgres"), server.unix("postgres")] {
        let args = [&[conninfo.as_str(), "waiting"], &modes[..]].concat();
        let output = same_output("lost", &args, &[("PGGOAWAY", "disable")]).success();
        let tried: Vec<_> = output.stdout.split("== ").skip(1).collect();
        assert_eq!(tried.len(), modes.len() + 1, "{output}");
        let ended = |part: &&str| part.contains("terminating connection");
        assert!(tried.iter().all(ended), "{output}");
    }
}

#[test]
fn encrypted_sessions_that_an_administrator_ended() {
    // Our library reads all available TLS records at once, C libpq only one, so modes with two records are left out.
    let two = ["prepare", "describe", "copy-out"];
    let modes = MODES.into_iter().filter(|mode| !two.contains(mode));
    let modes: Vec<_> = modes.collect();
    let server = TlsServer::with("good", "good");
    let conninfo = server.conninfo("dbname=postgres sslmode=require");
    let output = same_when_terminated(&conninfo, &modes);
    assert!(output.stdout.contains("SSL connection has been closed"));
}

/// How a scripted server ends the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Closes its socket.
    Close,
    /// Closes its direction and continues to read.
    HalfClose,
    Reset,
    /// With TLS, closes without close_notify.
    CutOff,
    /// With TLS, sends a damaged record in the same packet as the reply, and closes.
    Damage,
}

const PLAIN: [End; 3] = [End::Close, End::HalfClose, End::Reset];
const ENCRYPTED: [End; 3] = [End::Close, End::CutOff, End::Reset];

/// A server that answers each request with `reply` and then ends the connection.
fn server_that_disconnects(mode: &str, reply: &[u8], end: End) -> Script {
    let mut script = Script::new();
    // The type of the last message that the program sends.
    let last = match mode {
        "pipeline-unsynced" => b'H',
        "extended" | "prepare" | "copy-in-extended" => b'S',
        _ if mode.starts_with("pipeline") => b'S',
        _ => b'Q',
    };
    for _ in 0..styles(mode) {
        let reply = reply.to_vec();
        script = script.connection(move |c| {
            c.login();
            c.expect_until(last);
            match end {
                End::Damage => c.send_damaged(&reply),
                _ => c.send(&reply),
            }
            disconnect(c, end);
        });
    }
    script
}

fn disconnect(c: &mut Connection, end: End) {
    match end {
        End::Close => {}
        End::HalfClose => {
            c.shutdown();
            c.drain();
        }
        End::Damage => {
            c.cut_off();
            c.drain();
        }
        End::Reset => c.reset(),
        End::CutOff => c.cut_off(),
    }
}

fn run(lib: Lib, script: Script, mode: &str, tls: Option<&Arc<ServerConfig>>) -> Output {
    let server = match tls {
        Some(config) => script.start_tls(config.clone()),
        None => script.start(),
    };
    let env = [("PGGOAWAY", "disable")];
    let mut output = Program::new("lost").run(lib, &[&server.tcp(), "server", mode], &env);
    output.stdout = output.stdout.replace(&server.port().to_string(), "PORT");
    server.finish();
    output
}

#[track_caller]
fn same_in(modes: &[&str], replies: &[Vec<u8>], ends: &[End], tls: Option<&Arc<ServerConfig>>) {
    // Under valgrind each program takes seconds, so it runs only a few cases of each kind.
    let (step, ends) = match valgrind::is_wanted() {
        true => (7, &ends[..1]),
        false => (1, ends),
    };
    for mode in modes {
        for (number, reply) in replies.iter().enumerate().step_by(step) {
            for end in ends {
                let run = |lib| run(lib, server_that_disconnects(mode, reply, *end), mode, tls);
                let (expected, ours) = (run(Lib::Oracle), run(Lib::Ours));
                let case = format!("reply {number}, then {end:?}");
                assert_same("lost", &[mode, &case], &expected, &ours);
            }
        }
    }
}

#[track_caller]
fn same(modes: &[&str], replies: &[Vec<u8>]) {
    same_in(modes, replies, &PLAIN, None);
}

fn terminated() -> Vec<u8> {
    fatal("57P01", "terminating connection")
}

/// All messages together; the last one is cut at each length that can make a difference.
fn cut_at_lengths(messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let whole = messages.concat();
    let last = messages.last().map_or(0, Vec::len);
    let begin = whole.len() - last;
    [1, 3, 5, last - 1, last]
        .iter()
        .map(|length| whole[..begin + length].to_vec())
        .collect()
}

/// Replies to a query, most of them incomplete.
fn query_replies() -> Vec<Vec<u8>> {
    let rows = [row_description(&["x"]), text_row(&["1"]), text_row(&["2"])];
    let mut replies = cut_at_lengths(&rows);
    replies.extend([
        Vec::new(),
        terminated(),
        [rows.concat(), terminated()].concat(),
        [rows.concat(), terminated()[..20].to_vec()].concat(),
        [one_value("x", "1"), terminated()].concat(),
        one_value("x", "1"),
        [one_value("x", "1"), ready(b'I')].concat(),
        [error("22012", "division by zero"), terminated()].concat(),
        [
            error("22012", "division by zero"),
            ready(b'E'),
            terminated(),
        ]
        .concat(),
        [notice("careful"), parameter_status("a", "b")].concat(),
        [notification(1, "c", "one"), notification(1, "c", "two")].concat(),
        [terminated(), notification(1, "c", "behind")].concat(),
        [rows.concat(), b"?\0\0\0\x04".to_vec()].concat(),
        [rows.concat(), b"C\0\0\0\x03".to_vec()].concat(),
        copy_in_response(1),
    ]);
    replies
}

#[test]
fn servers_that_close_within_a_reply() {
    same(&["busy", "single", "chunked"], &query_replies());
    let modes = ["nonblocking", "extended"];
    same_in(&modes, &query_replies(), &[End::Close], None);
}

fn pipeline_replies() -> Vec<Vec<u8>> {
    let begin = [parse_complete(), bind_complete(), row_description(&["x"])].concat();
    let rows = [text_row(&["1"]), text_row(&["2"])].concat();
    let first = [&begin[..], &rows, &command_complete("SELECT 2")].concat();
    vec![
        Vec::new(),
        terminated(),
        begin.clone(),
        [&begin[..], &rows, b"D\0"].concat(),
        [&begin[..], &rows, &terminated()].concat(),
        first.clone(),
        [&first[..], &terminated()].concat(),
        [&first[..], &begin, b"D\0\0\0"].concat(),
        [&first[..], &error("22012", "no"), &terminated()].concat(),
        [&error("22012", "no")[..], &ready(b'I'), &terminated()].concat(),
        [&first[..], &first, &ready(b'I')].concat(),
    ]
}

#[test]
fn servers_that_close_within_a_pipeline() {
    same(
        &["pipeline", "pipeline-rows", "pipeline-unsynced"],
        &pipeline_replies(),
    );
}

#[test]
fn servers_that_close_within_a_copy_in() {
    let begin = copy_in_response(1);
    let replies = [
        begin.clone(),
        [&begin[..], &terminated()].concat(),
        [&begin[..], &terminated()[..9]].concat(),
        [&begin[..], &notice("careful")].concat(),
        [&begin[..], &error("22P04", "bad data"), &ready(b'I')].concat(),
    ];
    let modes = ["copy-in", "copy-in-extended", "copy-in-nonblocking"];
    same(&modes, &replies);
}

fn copy_out_replies(begin: Vec<u8>) -> Vec<Vec<u8>> {
    let rows = [begin.clone(), copy_data(b"1\n"), copy_data(b"2\n")];
    let mut replies = cut_at_lengths(&rows);
    let rows = rows.concat();
    replies.extend([
        begin.clone(),
        [&rows[..], &terminated()].concat(),
        [&rows[..], &copy_done()].concat(),
        [&rows[..], &copy_done(), &terminated()].concat(),
        [&rows[..], &copy_done(), &command_complete("COPY 2")].concat(),
        [&rows[..], &notice("careful"), b"d\0\0\0\x03"].concat(),
    ]);
    // Messages that may come at any time do not hide the rows and the error behind them.
    let between = [
        notice("careful"),
        notification(1, "c", "one"),
        parameter_status("a", "b"),
    ];
    replies.extend(between.map(|message| {
        let rows = [copy_data(b"1\n"), copy_data(b"2\n")];
        [
            &begin[..],
            &message,
            &rows[0],
            &message,
            &rows[1],
            &terminated(),
        ]
        .concat()
    }));
    replies
}

#[test]
fn servers_that_close_within_a_copy_out() {
    same(&["copy-out"], &copy_out_replies(copy_out_response(1)));
}

#[test]
fn servers_that_close_within_a_copy_both() {
    same(&["copy-both"], &copy_out_replies(copy_both_response()));
}

/// What arrived before the damage is as valid as before a close. COPY in is left out: our library knows of the damage already when
/// it sends, and C libpq when it reads.
#[test]
fn servers_that_damage_tls() {
    let tls = Some(&tls_config());
    let ends = [End::Damage];
    same_in(&["busy", "single"], &query_replies(), &ends, tls);
    same_in(&["pipeline"], &pipeline_replies(), &ends, tls);
    let rows = copy_out_replies(copy_out_response(1));
    same_in(&["copy-out"], &rows, &ends, tls);
}

/// The output of a program that a new script serves, which must be the same with both libraries.
#[track_caller]
fn same_program(
    name: &str,
    script: impl Fn() -> Script,
    tls: Option<&Arc<ServerConfig>>,
) -> Output {
    let run = |lib| {
        let server = match tls {
            Some(config) => script().start_tls(config.clone()),
            None => script().start(),
        };
        let env = [("PGGOAWAY", "disable")];
        let output = Program::new(name).run(lib, &[&server.tcp()], &env);
        server.finish();
        output
    };
    let (expected, ours) = (run(Lib::Oracle), run(Lib::Ours));
    assert_same(name, &[], &expected, &ours);
    ours
}

/// The damage arrives while the client sends a large command. Its socket is full long before the server reads again.
#[test]
fn a_server_that_damages_tls_while_a_pipeline_is_sent() {
    let script = || {
        Script::new().connection(|c| {
            c.login();
            c.expect_until(b'S');
            let reply = [pipeline_replies()[5].clone(), ready(b'I')].concat();
            c.send_damaged(&reply);
            c.wait(Duration::from_secs(5));
            c.cut_off();
            c.drain();
        })
    };
    let ours = same_program("pipeline_cut", script, Some(&tls_config()));
    assert!(ours.stdout.contains("large: 0\n"), "{ours}");
    assert!(ours.stdout.contains("PGRES_TUPLES_OK ntuples=2"), "{ours}");
}

/// The server reads a part of a large row and ends the connection, so that neither the row nor the end of the COPY can be sent.
#[track_caller]
fn same_within_a_row(reply: &[u8], resets: bool) {
    let script = || {
        let reply = reply.to_vec();
        Script::new().connection(move |c| {
            c.login();
            c.expect_query();
            c.send(&copy_in_response(1));
            c.read(100_000);
            c.try_send(&reply);
            // The client has time to fill the socket, and to read the reply.
            c.wait(Duration::from_millis(500));
            if resets {
                c.reset();
            }
        })
    };
    let ours = same_program("copy_end_lost", script, None);
    assert!(ours.stdout.contains("PQputCopyEnd: -1\n"), "{ours}");
    assert!(ours.stdout.contains("PGRES_FATAL_ERROR"), "{ours}");
}

#[test]
fn servers_that_close_within_a_row_of_a_copy_in() {
    for reply in [Vec::new(), terminated()] {
        for resets in [false, true] {
            same_within_a_row(&reply, resets);
        }
    }
}

#[test]
fn servers_that_close_inside_tls() {
    let tls = Some(&tls_config());
    let rows = query_replies();
    same_in(&["chunked"], &rows[1..3], &ENCRYPTED, tls);
    same_in(&["busy"], &[Vec::new(), terminated()], &ENCRYPTED, tls);
    same_in(&["pipeline"], &pipeline_replies()[3..5], &ENCRYPTED, tls);
    same_in(&["copy-in"], &[copy_in_response(1)], &ENCRYPTED, tls);
    let rows = copy_out_replies(copy_out_response(1));
    same_in(&["copy-out"], &rows[1..2], &ENCRYPTED, tls);
}
