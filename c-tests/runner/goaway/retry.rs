//! Servers that refuse the key: the library tries the same address once more without it.

use std::time::{Duration, Instant};

use super::{
    WAYS, answer, exchange, exchanges, exchanges_by, expect_asking, expect_not_asking, facts,
    steps, steps_in, tls_config,
};
use crate::gss::realm::Realm;
use crate::support::message::{
    auth, auth_ok, error, fatal, fields, message, negotiate_version, parameter_status, ready,
};
use crate::support::script::{Connection, First, Script, welcome};
use crate::support::valgrind;
use crate::tls::certificates::Certificates;

/// After success the error text is empty: no text of the first attempt remains.
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
fn retries_without_key(reply: impl Fn(&mut Connection) + Send + Sync + 'static) {
    let script = works_unasked(breaks(Script::new(), reply));
    let output = exchange(script, "password=p", &["connect", "exec 1", "goaway"]);
    assert_eq!(facts(&output, "state"), [OPEN], "{output}");
    assert_eq!(facts(&output, "goaway"), ["0"]);
}

/// After `reply` the library fails with `complaint` and does not try again.
#[track_caller]
fn fails_without_retry(reply: impl Fn(&mut Connection) + Send + Sync + 'static, complaint: &str) {
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
fn reconnects_without_the_key_after_08p01() {
    retries_without_key(sends(fatal("08P01", "unsupported startup parameter")));
}

#[test]
fn reconnects_without_the_key_after_42704() {
    retries_without_key(sends(fatal(
        "42704",
        "unrecognized configuration parameter",
    )));
}

#[test]
fn reconnects_after_any_sqlstate_in_the_first_reply() {
    for state in ["0A000", "22023", "XX000", "28000", "58000"] {
        retries_without_key(sends(fatal(state, "not like this")));
    }
    let stateless = [(b'S', "FATAL"), (b'M', "not like this")];
    retries_without_key(sends(message(b'E', &fields(&stateless))));
}

#[test]
fn does_not_reconnect_after_a_sqlstate_with_another_reason() {
    for state in ["28P01", "3D000", "53300", "57P03", "57P01"] {
        let reply = fatal(state, "no entry for you");
        fails_without_retry(sends(reply), "failed: FATAL:  no entry for you\\n\"");
    }
}

/// PostgreSQL 11 and newer first reply that they do not know the key, so a later error has another reason.
#[test]
fn does_not_reconnect_after_an_error_in_a_later_reply() {
    let unknown = negotiate_version(3, 0, &[super::KEY]);
    let complaint = "FATAL:  no entry for you";
    for state in ["0A000", "28000", "XX000"] {
        let refusal = fatal(state, "no entry for you");
        fails_without_retry(sends([&unknown[..], &refusal].concat()), complaint);
        fails_without_retry(sends([&auth_ok()[..], &refusal].concat()), complaint);
        fails_without_retry(
            move |c| {
                c.send(&auth(3, b""));
                c.expect(b'p');
                c.send(&refusal);
                c.drain();
            },
            complaint,
        );
    }
}

/// The connections fail as `first` and `second` do. After a reset, the library sends the key again.
#[track_caller]
fn sends_the_key_after_a_reset(
    first: impl Fn(&mut Connection) + Send + Sync + 'static,
    second: impl Fn(&mut Connection) + Send + Sync + 'static,
    complaint: &str,
) {
    let script = breaks(Script::new(), first);
    let script = script.connection(move |c| {
        expect_not_asking(c);
        second(c);
    });
    let script = script.connection(|c| {
        expect_asking(c);
        c.send(&welcome());
        c.expect_terminate();
    });
    let output = exchange(script, "", &["connect", "reset"]);
    let [refused, open] = facts(&output, "state")[..] else {
        panic!("{output}");
    };
    assert_eq!(refused.matches(complaint).count(), 1, "{output}");
    assert_eq!(open, OPEN);
}

#[test]
fn after_a_reset_the_key_is_sent_again_if_it_was_not_the_cause() {
    for state in ["28000", "08P01", "42704"] {
        let refusal = || sends(fatal(state, "no entry for you"));
        let complaint = "failed: FATAL:  no entry for you\\n\"";
        sends_the_key_after_a_reset(refusal(), refusal(), complaint);
    }
    let closed = "server closed the connection unexpectedly";
    sends_the_key_after_a_reset(|_| {}, |_| {}, closed);
}

/// A server that goes away fails in more than one way.
#[test]
fn after_a_reset_the_key_is_sent_again_if_the_second_attempt_got_no_answer() {
    let closed = "server closed the connection unexpectedly";
    sends_the_key_after_a_reset(sends(fatal("0A000", "going")), |_| {}, closed);
    sends_the_key_after_a_reset(|_| {}, |c| c.send(&auth_ok()[..5]), closed);
    sends_the_key_after_a_reset(|_| {}, Connection::reset, "failed: ");
}

#[test]
fn after_a_reset_the_key_is_sent_again_to_a_server_that_was_starting_or_full() {
    for state in ["57P03", "53300"] {
        let busy = || sends(fatal(state, "not now"));
        sends_the_key_after_a_reset(|_| {}, busy(), "FATAL:  not now");
        sends_the_key_after_a_reset(sends(fatal("08P01", "going")), busy(), "FATAL:  not now");
    }
}

#[test]
fn after_a_reset_the_key_is_not_sent_again_if_it_was_the_cause() {
    let script = works_unasked(breaks(Script::new(), sends(fatal("0A000", "no"))));
    let script = works_unasked(script);
    let calls = ["connect", "exec 1", "reset-polling", "exec 2"];
    let output = exchange(script, "", &calls);
    assert_eq!(facts(&output, "state"), [OPEN, OPEN], "{output}");
}

/// A server that accepts TLS and then runs `step`; the next connection must be plain text.
fn under_tls(script: Script, step: impl Fn(&mut Connection) + Send + Sync + 'static) -> Script {
    script.connection(move |c| {
        c.accept_tls(tls_config());
        step(c);
    })
}

#[test]
fn a_refusal_of_tls_is_not_attributed_to_the_key() {
    let refusal = || fatal("28000", "no entry for you, with encryption");
    let script = under_tls(Script::new(), move |c| {
        expect_asking(c);
        c.send(&refusal());
        c.drain();
    });
    let script = under_tls(script, move |c| {
        expect_not_asking(c);
        c.send(&refusal());
        c.drain();
    });
    let script = works_unasked(script);
    let script = under_tls(script, |c| {
        expect_asking(c);
        c.send(&welcome());
        c.expect_terminate();
    });
    let server = script.start();
    let conninfo = server.tcp().replace("disable", "prefer");
    let output = steps(&conninfo, &["connect", "exec 1", "reset"]);
    server.finish();
    assert_eq!(facts(&output, "state"), [OPEN, OPEN], "{output}");
}

/// A server that refuses GSSAPI and TLS, and then runs `step` in plain text.
fn unencrypted(script: Script, step: impl Fn(&mut Connection) + Send + Sync + 'static) -> Script {
    script.connection(move |c| {
        for request in [First::GssRequest, First::SslRequest] {
            assert_eq!(c.expect_first(), request);
            c.send(b"N");
        }
        step(c);
    })
}

/// Runs `calls` against `script` with a ticket, so that the library asks for GSSAPI first.
#[track_caller]
fn with_a_ticket(script: Script, calls: &[&str]) -> String {
    let environment = Realm::shared().environment("good");
    let env = environment
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let server = script.start();
    let conninfo = server.tcp().replace("disable", "prefer") + " gssencmode=prefer";
    let output = steps_in(&conninfo, calls, &env);
    server.finish();
    output
}

/// The second attempt does not ask again for what the server has refused.
#[test]
fn reconnects_once_without_the_key_after_gssapi_and_tls_were_refused() {
    for state in ["0A000", "22023", "XX000", "28000"] {
        let script = unencrypted(Script::new(), move |c| {
            expect_asking(c);
            c.send(&fatal(state, "first"));
            c.drain();
        });
        let output = with_a_ticket(
            works_unasked(script.clone()),
            &["connect", "exec 1", "goaway"],
        );
        assert_eq!(facts(&output, "state"), [OPEN], "{state}: {output}");
        assert_eq!(facts(&output, "goaway"), ["0"]);
        // The script does not accept a third attempt.
        let script = refuses_unasked(script, fatal(state, "second"));
        let output = with_a_ticket(script, &["connect"]);
        let text = "failed: FATAL:  second\\n\"\n";
        assert!(output.contains(text), "{state}: {output}");
        assert_eq!(output.matches("failed: ").count(), 1, "{state}: {output}");
    }
}

#[test]
fn the_next_host_gets_the_key_after_a_target_session_attrs_mismatch() {
    let first = breaks(Script::new(), sends(fatal("0A000", "no")));
    let first = first.connection(|c| {
        expect_not_asking(c);
        let standby = parameter_status("in_hot_standby", "on");
        let end = welcome().len() - ready(b'I').len();
        c.send(&[&welcome()[..end], &standby, &ready(b'I')].concat());
        c.expect_terminate();
    });
    let second = Script::new().connection(|c| {
        expect_asking(c);
        c.send(&welcome());
        c.expect_terminate();
    });
    let options = "target_session_attrs=primary";
    let output = exchanges(&[first, second], options, &["connect"]);
    assert!(output.contains("status=0"), "{output}");
}

#[test]
fn hosts_in_random_order_are_retried_without_the_key() {
    let host = || breaks(Script::new(), sends(fatal("XX000", "no")));
    let refused = || refuses_unasked(host(), fatal("57P03", "starting up"));
    let options = "load_balance_hosts=random";
    for start in WAYS {
        let output = exchanges_by(start, &[refused(), refused()], options, &["connect"]);
        assert_eq!(output.matches("starting up").count(), 2, "{output}");
        assert!(!output.contains("FATAL:  no"), "{output}");
    }
}

#[test]
fn a_message_that_names_the_key() {
    retries_without_key(sends(fatal("28000", "what is _pq_.goaway?")));
}

#[test]
fn a_message_that_names_the_key_after_authentication_began() {
    retries_without_key(|c| {
        c.send(&auth(3, b""));
        assert_eq!(c.expect(b'p'), b"p\0");
        c.send(&fatal("22023", "parameter \"_pq_.goaway\" cannot be set"));
        c.drain();
    });
}

#[test]
fn a_message_that_names_the_key_after_authentication() {
    retries_without_key(|c| {
        c.send(&auth_ok());
        c.send(&parameter_status("server_version", "9.3"));
        c.send(&fatal("42704", "unrecognized parameter \"_pq_.goaway\""));
        c.drain();
    });
}

#[test]
fn only_a_sqlstate_in_the_first_reply_causes_a_reconnect() {
    fails_without_retry(
        |c| {
            c.send(&auth(3, b""));
            c.expect(b'p');
            c.send(&fatal("08P01", "invalid password packet"));
            c.drain();
        },
        "FATAL:  invalid password packet",
    );
    fails_without_retry(
        |c| {
            c.send(&[auth_ok(), fatal("08P01", "too late")].concat());
            c.drain();
        },
        "FATAL:  too late",
    );
}

#[test]
fn reconnects_without_an_unknown_application_name_and_with_the_key() {
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
    retries_without_key(|_| {});
}

#[test]
fn a_close_without_close_notify() {
    retries_without_key(Connection::cut_off);
}

#[test]
fn a_close_after_half_a_reply() {
    fails_without_retry(
        |c| c.send(&auth_ok()[..5]),
        "server closed the connection unexpectedly",
    );
}

#[test]
fn a_close_after_a_reply() {
    fails_without_retry(
        |c| {
            c.send(&auth(3, b""));
            c.expect(b'p');
        },
        "server closed the connection unexpectedly",
    );
}

#[test]
fn a_reset() {
    fails_without_retry(|c| c.reset(), "failed: ");
}

/// The connection is closed without an answer, but not because of the key: the server has not got it.
#[test]
fn a_reset_before_the_key_was_sent() {
    let script = Script::new().connection(|c| {
        c.read(1);
        c.reset();
    });
    let output = exchanges_by(WAYS[0], &[script], "", &["connect-late"]);
    let closed = "server closed the connection unexpectedly";
    assert!(output.contains(closed), "{output}");
}

#[test]
fn an_error_in_the_format_of_protocol_2() {
    let reply = b"EFATAL 1:  unsupported frontend protocol _pq_\n\0".to_vec();
    fails_without_retry(sends(reply), "unsupported frontend protocol _pq_");
}

#[test]
fn the_second_attempt_fails_too() {
    let script = breaks(Script::new(), sends(fatal("08P01", "first")));
    let script = refuses_unasked(script, fatal("08P01", "second"));
    let output = exchange(script, "", &["connect"]);
    assert!(output.contains("failed: FATAL:  second\\n\"\n"), "{output}");
    assert!(!output.contains("first"), "{output}");
}

#[test]
fn the_second_attempt_is_closed_too() {
    let script = breaks(Script::new(), |_| {});
    let script = script.connection(expect_not_asking);
    let output = exchange(script, "", &["connect"]);
    let blocks = output.matches("server closed the connection").count();
    assert_eq!(blocks, 1, "{output}");
}

#[test]
fn reconnects_with_pqconnectpoll() {
    let script = works_unasked(breaks(Script::new(), |_| {}));
    let output = exchange(script, "", &["connect-polling", "exec 1"]);
    assert_eq!(facts(&output, "state"), [OPEN], "{output}");
}

#[test]
fn each_host_gets_the_key_once() {
    let starting = || fatal("57P03", "starting up");
    let first = breaks(Script::new(), sends(fatal("08P01", "lost")));
    // A server that is starting shows nothing, so that a reset sends it the key. The other's result is kept.
    let first = refuses_unasked(first, starting());
    let first = breaks(first, sends(fatal("08P01", "lost")));
    let first = refuses_unasked(first, starting());
    let second = works_unasked(breaks(Script::new(), sends(fatal("42704", "lost"))));
    let second = works_unasked(second);
    let calls = ["connect", "exec 1", "reset", "exec 2"];
    let output = exchanges(&[first, second], "", &calls);
    assert_eq!(facts(&output, "state"), [OPEN, OPEN], "{output}");
}

#[test]
fn error_texts_of_other_hosts_are_kept() {
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
fn a_host_that_accepted_the_key_gets_it_again() {
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
fn connect_timeout_covers_both_attempts() {
    const HELD: Duration = Duration::from_millis(2000);
    // Under valgrind the client alone needs seconds.
    let limit = Duration::from_secs(if valgrind::is_wanted() { 15 } else { 3 });
    let script = breaks(Script::new(), |c| c.wait(HELD));
    let script = script.connection(|c| {
        expect_not_asking(c);
        // Does not answer; the client's timeout ends the connection.
        c.expect_eof();
    });
    let options = format!("connect_timeout={}", limit.as_secs());
    // Creates the certificates before the time is measured.
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
