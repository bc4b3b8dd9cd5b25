//! Messages of every type and of every length up to one byte too many, in every state of a client. One process makes
//! all connections of a mode, so that a memory leak is visible.

use crate::support::message::{
    auth_ok, backend_key, bind_complete, close_complete, command_complete, copy_both_response,
    copy_data, copy_done, copy_in_response, copy_out_response, empty_query, error, function_result,
    goaway, message, negotiate_version, no_data, notice, notification, parameter_description,
    parameter_status, parse_complete, portal_suspended, ready, row_description, text_row,
};
use crate::support::paths::Lib;
use crate::support::program::Program;
use crate::support::script::{Connection, Script, welcome};

/// One message of each type that a server sends, and one of an unknown type.
fn messages() -> Vec<Vec<u8>> {
    vec![
        auth_ok(),
        negotiate_version(3, 0, &["_pq_.goaway"]),
        backend_key(1, &[1, 2, 3, 4]),
        parameter_status("a", "b"),
        ready(b'I'),
        goaway(),
        row_description(&["x"]),
        text_row(&["1"]),
        command_complete("SELECT 1"),
        empty_query(),
        parse_complete(),
        bind_complete(),
        close_complete(),
        no_data(),
        portal_suspended(),
        parameter_description(&[23]),
        error("42601", "e"),
        notice("n"),
        notification(1, "c", "p"),
        copy_in_response(1),
        copy_out_response(1),
        copy_both_response(),
        copy_data(b"1\n"),
        copy_done(),
        function_result(Some(b"1234")),
        message(b'?', b"what"),
    ]
}

/// The message with its body cut at every length, and with one byte too many. The message's length field is correct.
fn variants(whole: &[u8]) -> Vec<Vec<u8>> {
    let (kind, body) = (whole[0], &whole[5..]);
    let mut bodies: Vec<_> = (0..body.len()).map(|end| body[..end].to_vec()).collect();
    bodies.push([body, b"\0"].concat());
    bodies.push([body, b"x"].concat());
    bodies
        .into_iter()
        .map(|body| message(kind, &body))
        .collect()
}

/// What the server sends before the message under test.
type Opening = fn(&mut Connection);

fn after_startup(c: &mut Connection) {
    c.login();
}

fn after_query(c: &mut Connection) {
    c.login();
    c.read_message();
}

fn after_rows(c: &mut Connection) {
    after_query(c);
    c.send(&[row_description(&["x"]), text_row(&["1"])].concat());
}

fn after_copy_response(c: &mut Connection, reply: &[u8]) {
    after_query(c);
    c.send(reply);
}

/// Sends every variant of every message after `opening` to a client in the mode `way`, then closes the connection.
#[track_caller]
fn survives_each_message(way: &str, opening: Opening) {
    let mut script = Script::new();
    let mut count = 0;
    for bytes in messages().iter().flat_map(|message| variants(message)) {
        script = script.connection(move |c| {
            opening(c);
            c.try_send(&bytes);
            c.shutdown();
            c.drain();
        });
        count += 1;
    }
    let server = script.start();
    // With the GoAway key, a second attempt without the key would make additional connections.
    let conninfo = format!("{} goaway=disable", server.tcp());
    let output = Program::new("storm").run(Lib::Ours, &[&conninfo, way, &count.to_string()], &[]);
    let output = output.success().stdout;
    assert!(
        output.ends_with("loops: 0\ngrowth: little\n"),
        "{way}\n{output}"
    );
    assert!(!output.contains("longer"), "{way}\n{output}");
    server.finish();
}

#[test]
fn at_startup() {
    survives_each_message("exec", |c| {
        c.expect_startup();
    });
    survives_each_message("exec", |c| {
        c.expect_startup();
        c.send(&auth_ok());
    });
    survives_each_message("exec", |c| {
        c.expect_startup();
        let end = welcome().len() - ready(b'I').len();
        c.send(&welcome()[..end]);
    });
}

#[test]
fn while_idle() {
    survives_each_message("idle", after_startup);
}

#[test]
fn for_a_query() {
    survives_each_message("exec", after_query);
    survives_each_message("async", after_query);
    survives_each_message("params", after_query);
}

#[test]
fn between_and_within_rows() {
    survives_each_message("exec", after_rows);
    survives_each_message("single", after_rows);
    survives_each_message("chunked", after_rows);
}

#[test]
fn for_prepared_statements() {
    survives_each_message("prepare", after_query);
    survives_each_message("describe", after_query);
    survives_each_message("close", after_query);
}

#[test]
fn in_a_pipeline() {
    survives_each_message("pipeline", after_query);
    survives_each_message("pipeline", |c| {
        after_query(c);
        c.send(&error("22012", "aborted"));
    });
}

#[test]
fn in_a_copy() {
    survives_each_message("async", |c| after_copy_response(c, &copy_in_response(1)));
    survives_each_message("sync", |c| after_copy_response(c, &copy_out_response(1)));
    survives_each_message("async", |c| after_copy_response(c, &copy_out_response(1)));
    survives_each_message("old", |c| after_copy_response(c, &copy_out_response(1)));
    survives_each_message("sync", |c| after_copy_response(c, &copy_both_response()));
    survives_each_message("async", |c| after_copy_response(c, &copy_both_response()));
}

#[test]
fn in_a_function_call() {
    survives_each_message("function", after_query);
}
