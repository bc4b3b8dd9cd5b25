//! The result of PQstatus each time that application code can run during a connection attempt.

mod attempt;

use zeroize::Zeroizing;

use super::startup::auth_state::TlsFacts;
use super::startup::encryption::tests::params;
use super::startup::oauth::TokenSource;
use super::startup::{Address, CancelKey, Loss, OpenFailure, Want};
use super::status::ConnStatus;
use crate::conninfo::options::Opt;
use crate::conninfo::params::{GssEncMode, SslMode, TargetSessionAttrs};
use ConnStatus::{
    AuthOk, Authenticating, AwaitingResponse, Bad, CheckStandby, CheckTarget, CheckWritable,
    Consume, GssStartup, Made, Needed, SslStartup, Started,
};
use attempt::{Attempt, BEFORE_SERVER, STARTUP_PACKET};

const AUTHENTICATION_OK: &[u8] = b"R\0\0\0\x08\0\0\0\0";
const READY: &[u8] = b"Z\0\0\0\x05I";

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u32 + 4;
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

/// A result with one row and one column, without ReadyForQuery.
fn one_value(value: &[u8]) -> Vec<u8> {
    let column = b"\0\x01x\0\0\0\0\x07\0\x01\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
    let row = [b"\0\x01\0\0\0", &[value.len() as u8][..], value].concat();
    [
        message(b'T', column),
        message(b'D', &row),
        message(b'C', b"SHOW\0"),
    ]
    .concat()
}

fn facts() -> TlsFacts {
    TlsFacts {
        certificate_requested: false,
        certificate_sent: false,
        server_end_point: Ok(Vec::new()),
    }
}

#[test]
fn status_of_a_plain_connection() {
    let mut attempt = Attempt::plain(&[]);
    attempt.reach_server();
    attempt.answer(AUTHENTICATION_OK);
    assert_eq!(attempt.take(), [("read", AuthOk)]);
    attempt.answer(&[message(b'N', b"SNOTICE\0Mcareful\0\0").as_slice(), READY].concat());
    assert_eq!(
        attempt.take(),
        [("notice", AuthOk), ("done", ConnStatus::Ok)]
    );
    attempt.session.fail("lost");
    assert_eq!(attempt.status(), Bad);
}

#[test]
fn status_of_a_unix_socket_with_a_required_peer() {
    let mut attempt = Attempt::plain(&[(Opt::RequirePeer, "postgres")]);
    attempt.unix = true;
    attempt.run();
    let expected = [("close", Needed), ("connecting", Started), ("peer", Made)];
    assert_eq!(attempt.take(), expected);
    let user = Ok(b"other".to_vec());
    attempt.startup.peer(&mut attempt.session, user);
    attempt.run();
    assert_eq!(attempt.take(), [("failed", Bad)]);
}

#[test]
fn status_during_tls() {
    let mut attempt = Attempt::new(params(SslMode::Require, GssEncMode::Disable), &[]);
    attempt.run();
    assert_eq!(
        attempt.take()[3..],
        [("write", SslStartup), ("read", SslStartup)]
    );
    attempt.answer(b"S");
    assert_eq!(attempt.take(), [("tls", SslStartup)]);
    attempt
        .startup
        .tls_established(&mut attempt.session, facts());
    attempt.run();
    let expected = [&[("writable", Made)][..], &STARTUP_PACKET].concat();
    assert_eq!(attempt.take(), expected);
}

#[test]
fn status_after_tls_was_declined_or_has_failed() {
    let mut attempt = Attempt::new(params(SslMode::Prefer, GssEncMode::Disable), &[]);
    attempt.run();
    attempt.take();
    attempt.answer(b"N");
    let expected = [&[("writable", Made)][..], &STARTUP_PACKET].concat();
    assert_eq!(attempt.take(), expected);
    let mut attempt = Attempt::new(params(SslMode::Prefer, GssEncMode::Disable), &[]);
    attempt.run();
    attempt.answer(b"S");
    attempt.take();
    attempt.startup.tls_not_usable(b"reason");
    attempt
        .startup
        .handshake_failed(&mut attempt.session, "SSL error");
    assert_eq!(attempt.status(), SslStartup);
    attempt.run();
    assert_eq!(
        attempt.take(),
        [&BEFORE_SERVER[..], &STARTUP_PACKET].concat()
    );
    attempt.answer(&[AUTHENTICATION_OK, READY].concat());
    assert_eq!(
        attempt.take(),
        [("notice", CheckTarget), ("done", ConnStatus::Ok)]
    );
}

#[test]
fn status_during_gssapi_encryption() {
    let mut attempt = Attempt::new(params(SslMode::Disable, GssEncMode::Require), &[]);
    attempt.run();
    assert_eq!(
        attempt.take()[3..],
        [("write", GssStartup), ("read", GssStartup)]
    );
    attempt.answer(b"G");
    assert_eq!(attempt.take(), [("gss", GssStartup)]);
    attempt.startup.gss_established(&mut attempt.session);
    attempt.run();
    let expected = [&[("writable", Made)][..], &STARTUP_PACKET].concat();
    assert_eq!(attempt.take(), expected);
}

#[cfg(feature = "gss")]
#[test]
fn status_during_gssapi_authentication() {
    let mut attempt = Attempt::plain(&[]);
    attempt.reach_server();
    attempt.answer(&message(b'R', b"\0\0\0\x07"));
    assert_eq!(attempt.take(), [("gss step", AwaitingResponse)]);
    let outcome = super::startup::gss_auth::GssStepResult {
        token: b"token".to_vec(),
        complete: true,
    };
    attempt
        .startup
        .gss_stepped(&mut attempt.session, Ok(outcome));
    attempt.run();
    assert_eq!(attempt.take(), STARTUP_PACKET);
}

#[test]
fn status_during_oauth() {
    let mut attempt = Attempt::plain(&[
        (Opt::OAuthIssuer, "https://example.org"),
        (Opt::OAuthClientId, "client"),
    ]);
    attempt.reach_server();
    let offered = message(b'R', b"\0\0\0\x0aOAUTHBEARER\0\0");
    attempt.answer(&offered);
    assert_eq!(attempt.take(), STARTUP_PACKET);
    let uri = "https://example.org/.well-known/openid-configuration";
    let error = format!("{{\"status\":\"invalid_token\",\"openid-configuration\":\"{uri}\"}}");
    attempt.answer(&message(b'R', &[b"\0\0\0\x0b", error.as_bytes()].concat()));
    let expected = [("write", AwaitingResponse), ("token", AwaitingResponse)];
    assert_eq!(attempt.take(), expected);
    attempt
        .startup
        .token_source(&mut attempt.session, TokenSource::Flow);
    attempt.run();
    assert_eq!(attempt.take(), [("flow", Authenticating)]);
    let token = Zeroizing::new(b"token".to_vec());
    attempt
        .startup
        .token_obtained(&mut attempt.session, Ok(token));
    assert_eq!(attempt.status(), Authenticating);
    attempt.run();
    assert_eq!(
        attempt.take(),
        [&BEFORE_SERVER[..], &STARTUP_PACKET].concat()
    );
    attempt.answer(&offered);
    assert_eq!(attempt.take(), STARTUP_PACKET);
    attempt.answer(&[AUTHENTICATION_OK, READY].concat());
    assert_eq!(attempt.take(), [("done", ConnStatus::Ok)]);
}

/// An attempt that has reached the check of the session's attributes.
fn checking(wanted: TargetSessionAttrs) -> Attempt {
    let mut params = params(SslMode::Disable, GssEncMode::Disable);
    params.target_session_attrs = wanted;
    let mut attempt = Attempt::new(params, &[]);
    attempt.reach_server();
    let version = message(b'S', b"server_version\x0018.0\0");
    attempt.answer(&[AUTHENTICATION_OK, &version, READY].concat());
    attempt
}

#[test]
fn status_while_the_server_is_asked_whether_it_is_writable() {
    let mut attempt = checking(TargetSessionAttrs::ReadWrite);
    assert_eq!(
        attempt.take(),
        [("write", CheckWritable), ("read", CheckWritable)]
    );
    attempt.answer(&one_value(b"off"));
    assert_eq!(attempt.take(), [("read", Consume)]);
    attempt.answer(READY);
    assert_eq!(attempt.take(), [("done", ConnStatus::Ok)]);
}

#[test]
fn status_while_the_server_is_asked_whether_it_is_a_standby() {
    let mut attempt = checking(TargetSessionAttrs::Standby);
    assert_eq!(
        attempt.take(),
        [("write", CheckStandby), ("read", CheckStandby)]
    );
    attempt.answer(&[one_value(b"f").as_slice(), READY].concat());
    // A Terminate is sent to a server that is not accepted.
    assert_eq!(attempt.take(), [("write", CheckTarget), ("failed", Bad)]);
}

#[test]
fn status_while_a_server_without_an_answer_is_left() {
    let mut attempt = checking(TargetSessionAttrs::ReadWrite);
    attempt.take();
    let error = message(b'E', b"SERROR\0C42000\0Mno\0\0");
    attempt.answer(&[&error, READY].concat());
    assert_eq!(attempt.take(), [("write", CheckWritable), ("failed", Bad)]);
}

#[test]
fn status_of_a_cancel_request() {
    let attempt = Attempt::plain(&[]);
    let address = Address {
        numeric: b"192.0.2.1".to_vec(),
        unix: false,
        key: b"one".to_vec(),
    };
    let cancel = CancelKey {
        process: 7,
        key: b"abcd".to_vec(),
    };
    for (loss, end) in [
        (Loss::Closed, ("done", ConnStatus::Ok)),
        (Loss::CutOff, ("failed", Bad)),
        (Loss::Failed, ("failed", Bad)),
    ] {
        let request = attempt.startup.for_cancel(address.clone(), cancel.clone());
        let mut attempt = Attempt::of(request, false);
        attempt.reach_server();
        attempt.startup.lost(&mut attempt.session, loss);
        attempt.run();
        assert_eq!(attempt.take(), [end], "{loss:?}");
    }
}

#[test]
fn status_after_an_address_has_failed() {
    let mut attempt = Attempt::plain(&[]);
    attempt.reach_server();
    let starting = message(b'E', b"SFATAL\0C57P03\0Mstarting\0\0");
    attempt.answer(&starting);
    assert_eq!(attempt.take(), [("failed", Bad)]);
    let mut attempt = Attempt::plain(&[]);
    let address = |number: u8| Address {
        numeric: format!("192.0.2.{number}").into_bytes(),
        unix: false,
        key: vec![number],
    };
    let (startup, session) = (&mut attempt.startup, &mut attempt.session);
    assert!(matches!(startup.advance(session), Want::Resolve(_)));
    startup.resolved(session, Ok(vec![address(1), address(2)]));
    assert!(matches!(startup.advance(session), Want::Close { .. }));
    assert!(matches!(startup.advance(session), Want::Connect(0)));
    let refused = OpenFailure::Connect("refused".into());
    attempt.startup.opened(&mut attempt.session, Err(refused));
    assert_eq!(attempt.status(), Needed);
    attempt.reach_server();
}

#[test]
fn status_after_the_server_closed_the_connection() {
    let mut attempt = Attempt::plain(&[]);
    attempt.reach_server();
    attempt.startup.lost(&mut attempt.session, Loss::Failed);
    assert_eq!(attempt.status(), AwaitingResponse);
    attempt.run();
    assert_eq!(attempt.take(), [("failed", Bad)]);
}

#[test]
fn status_after_connect_timeout_expired() {
    let mut attempt = Attempt::plain(&[]);
    attempt.reach_server();
    attempt.startup.time_out(&mut attempt.session);
    assert_eq!(attempt.status(), Needed);
    attempt.reach_server();
    attempt.startup.time_out(&mut attempt.session);
    attempt.run();
    // The last address's socket is closed before another host is looked for.
    assert_eq!(attempt.take(), [("close", Needed), ("failed", Bad)]);
}

#[test]
fn a_copy_after_the_answer_to_a_probe_fails_the_attempt() {
    let mut attempt = checking(TargetSessionAttrs::ReadWrite);
    let copy = message(b'G', &[0, 0, 0]);
    attempt.answer(&[one_value(b"off"), copy].concat());
    assert_eq!(attempt.take().last(), Some(&("failed", Bad)));
    let errors = attempt.session.error_text();
    assert!(errors.ends_with(b"unexpected message from server during startup\n"));
}

#[test]
fn a_copy_in_place_of_the_answer_to_a_probe_leaves_the_server() {
    let mut attempt = checking(TargetSessionAttrs::ReadWrite);
    attempt.answer(&message(b'G', &[0, 0, 0]));
    assert_eq!(attempt.take().last(), Some(&("failed", Bad)));
    let errors = attempt.session.error_text();
    assert!(errors.ends_with(b"\"SHOW transaction_read_only\" failed\n"));
}
