//! Servers that break on the request: one more try without it, to the same address.

use std::time::{Duration, Instant};

use super::{
    WAYS, answer, exchange, exchanges, exchanges_by, expect_asking, expect_not_asking, facts,
};
use crate::support::message::{auth, auth_ok, error, fatal, parameter_status};
use crate::support::script::{Connection, Script, welcome};
use crate::support::valgrind;
use crate::tls::certificates::Certificates;

/// The error text of a connection that opened is empty: nothing of the first attempt is left in it.
const OPEN: &str = "status=0 transaction=0 pipeline=0 error=\"\"";

fn breaks(script: Script, reply: impl Fn(&mut Connection) + Send + Sync + 'static) -> Script {
    script.connection(move |c| {
        expect_asking(c);
        reply(c);
    })
}

fn works_unasked(script: Script) -> Script {
    script.connection(|c| {
        expect_not_asking(c);
        c.send(&welcome());
        answer(c);
        c.expect_terminate();
    })
}

fn refuses_unasked(script: Script, reply: Vec<u8>) -> Script {
    script.connection(move |c| {
        expect_not_asking(c);
        c.send(&reply);
        c.drain();
    })
}

/// After `reply` the library tries once more without the key.
#[track_caller]
fn heals(reply: impl Fn(&mut Connection) + Send + Sync + 'static) {
    let script = works_unasked(breaks(Script::new(), reply));
    let output = exchange(script, "password=p", &["connect", "exec 1", "goaway"]);
    assert_eq!(facts(&output, "state"), [OPEN], "{output}");
    assert_eq!(facts(&output, "goaway"), ["0"]);
}

/// After `reply` the library gives up, with `complaint`.
#[track_caller]
fn gives_up(reply: impl Fn(&mut Connection) + Send + Sync + 'static, complaint: &str) {
    let script = breaks(Script::new(), reply);
    let output = exchange(script, "password=p", &["connect"]);
    assert!(output.contains("status=1"), "{output}");
    assert!(output.contains(complaint), "{output}");
}

fn sends(reply: Vec<u8>) -> impl Fn(&mut Connection) + Send + Sync + 'static {
    move |c| {
        c.send(&reply);
        c.drain();
    }
}

#[test]
fn protocol_violation() {
    heals(sends(fatal("08P01", "unsupported startup parameter")));
}

#[test]
fn undefined_object() {
    heals(sends(fatal(
        "42704",
        "unrecognized configuration parameter",
    )));
}

#[test]
fn another_state() {
    let reply = fatal("28000", "no entry for you");
    gives_up(sends(reply), "failed: FATAL:  no entry for you\\n\"");
}

#[test]
fn a_message_that_names_the_key() {
    heals(sends(fatal("28000", "what is _pq_.goaway?")));
}

#[test]
fn a_message_that_names_the_key_after_authentication_began() {
    heals(|c| {
        c.send(&auth(3, b""));
        assert_eq!(c.expect(b'p'), b"p\0");
        c.send(&fatal("22023", "parameter \"_pq_.goaway\" cannot be set"));
        c.drain();
    });
}

#[test]
fn a_message_that_names_the_key_after_authentication() {
    heals(|c| {
        c.send(&auth_ok());
        c.send(&parameter_status("server_version", "9.3"));
        c.send(&fatal("42704", "unrecognized parameter \"_pq_.goaway\""));
        c.drain();
    });
}

#[test]
fn a_state_counts_in_the_first_reply_only() {
    gives_up(
        |c| {
            c.send(&auth(3, b""));
            c.expect(b'p');
            c.send(&fatal("08P01", "invalid password packet"));
            c.drain();
        },
        "FATAL:  invalid password packet",
    );
    gives_up(
        |c| {
            c.send(&[auth_ok(), fatal("08P01", "too late")].concat());
            c.drain();
        },
        "FATAL:  too late",
    );
}

#[test]
fn an_unknown_application_name_is_another_matter() {
    let script = breaks(Script::new(), |c| {
        c.send(&[auth_ok(), error("42704", "application_name?")].concat());
        c.drain();
    });
    let script = script.connection(|c| {
        let startup = c.expect_startup();
        assert_eq!(startup.get("application_name"), None);
        assert_eq!(startup.get(super::KEY), Some(""));
        c.send(&welcome());
        c.expect_terminate();
    });
    let output = exchange(script, "application_name=me", &["connect"]);
    assert!(output.contains(OPEN), "{output}");
}

#[test]
fn a_close_without_a_reply() {
    heals(|_| {});
}

#[test]
fn a_close_that_tls_is_not_told_of() {
    heals(Connection::cut_off);
}

#[test]
fn a_close_after_half_a_reply() {
    gives_up(
        |c| c.send(&auth_ok()[..5]),
        "server closed the connection unexpectedly",
    );
}

#[test]
fn a_close_after_a_reply() {
    gives_up(
        |c| {
            c.send(&auth(3, b""));
            c.expect(b'p');
        },
        "server closed the connection unexpectedly",
    );
}

#[test]
fn a_reset() {
    gives_up(|c| c.reset(), "failed: ");
}

#[test]
fn an_error_of_the_time_before_protocol_3() {
    let reply = b"EFATAL 1:  unsupported frontend protocol _pq_\n\0".to_vec();
    gives_up(sends(reply), "unsupported frontend protocol _pq_");
}

#[test]
fn the_other_try_fails_too() {
    let script = breaks(Script::new(), sends(fatal("08P01", "first")));
    let script = refuses_unasked(script, fatal("08P01", "second"));
    let output = exchange(script, "", &["connect"]);
    assert!(output.contains("failed: FATAL:  second\\n\"\n"), "{output}");
    assert!(!output.contains("first"), "{output}");
}

#[test]
fn the_other_try_is_closed_too() {
    let script = breaks(Script::new(), |_| {});
    let script = script.connection(expect_not_asking);
    let output = exchange(script, "", &["connect"]);
    let blocks = output.matches("server closed the connection").count();
    assert_eq!(blocks, 1, "{output}");
}

#[test]
fn it_works_for_pollers() {
    let script = works_unasked(breaks(Script::new(), |_| {}));
    let output = exchange(script, "", &["connect-polling", "exec 1"]);
    assert_eq!(facts(&output, "state"), [OPEN], "{output}");
}

#[test]
fn each_host_is_asked_once() {
    let starting = || fatal("57P03", "starting up");
    let first = breaks(Script::new(), sends(fatal("08P01", "lost")));
    // Remembered over a reset.
    let first = refuses_unasked(refuses_unasked(first, starting()), starting());
    let second = works_unasked(breaks(Script::new(), sends(fatal("42704", "lost"))));
    let second = works_unasked(second);
    let calls = ["connect", "exec 1", "reset", "exec 2"];
    let output = exchanges(&[first, second], "", &calls);
    assert_eq!(facts(&output, "state"), [OPEN, OPEN], "{output}");
}

#[test]
fn the_texts_of_other_hosts_stay() {
    let first = breaks(Script::new(), sends(fatal("08P01", "lost")));
    let first = refuses_unasked(first, fatal("57P03", "starting up"));
    let second = breaks(Script::new(), sends(fatal("42704", "lost")));
    let second = refuses_unasked(second, fatal("28000", "go away"));
    let output = exchanges(&[first, second], "", &["connect"]);
    assert!(
        output.contains("FATAL:  starting up\\nconnection"),
        "{output}"
    );
    assert!(output.contains("FATAL:  go away\\n\"\n"), "{output}");
    assert!(!output.contains("lost"), "{output}");
}

#[test]
fn a_host_that_was_not_at_fault_is_asked_again() {
    let first = works_unasked(breaks(Script::new(), |_| {}));
    let first = refuses_unasked(first, fatal("57P03", "shutting down"));
    let second = Script::new().connection(|c| {
        expect_asking(c);
        c.send(&welcome());
        c.expect_terminate();
    });
    let calls = ["connect", "exec 1", "reset-polling"];
    let output = exchanges(&[first, second], "", &calls);
    assert_eq!(facts(&output, "state"), [OPEN, OPEN], "{output}");
}

#[test]
fn the_timeouts_clock_runs_on() {
    const HELD: Duration = Duration::from_millis(2000);
    // Under valgrind the client alone takes seconds.
    let limit = Duration::from_secs(if valgrind::is_wanted() { 15 } else { 3 });
    let script = breaks(Script::new(), |c| c.wait(HELD));
    let script = script.connection(|c| {
        expect_not_asking(c);
        // Answers nothing: the client's limit ends this.
        c.expect_eof();
    });
    let options = format!("connect_timeout={}", limit.as_secs());
    // Which the first who asks for them has to make.
    Certificates::shared();
    for start in WAYS {
        let begin = Instant::now();
        let output = exchanges_by(start, std::slice::from_ref(&script), &options, &["connect"]);
        let took = begin.elapsed();
        assert!(output.contains("timeout expired"), "{output}");
        assert!(took >= limit - Duration::from_millis(100), "{took:?}");
        assert!(took < HELD + limit || valgrind::is_wanted(), "{took:?}");
    }
}
