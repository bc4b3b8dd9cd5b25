//! GSSAPI with a real KDC, compared with C libpq: authentication, encryption, and failures of both.

pub mod realm;
mod relay;

use std::thread::sleep;
use std::time::Duration;

use crate::support::script::{Connection, First, Script};
use realm::Realm;
use relay::{Action, Packets};

#[test]
fn an_encrypted_session() {
    let output = Realm::shared().same(
        "good",
        &[
            "dbname=encrypted",
            "dbname=encrypted gssencmode=require",
            "dbname=encrypted gssencmode=require require_auth=gss",
            "dbname=encrypted gssencmode=require gssdelegation=1",
            "dbname=encrypted gssencmode=require require_auth=scram-sha-256",
            "dbname=encrypted gssencmode=disable",
        ],
    );
    assert_eq!(
        output.stdout.matches("\nencrypted: 1").count(),
        5,
        "{output}"
    );
    assert_eq!(output.stdout.matches("same: 1").count(), 4, "{output}");
}

#[test]
fn authentication_alone() {
    let output = Realm::shared().same(
        "good",
        &[
            "dbname=plain gssencmode=disable",
            "dbname=plain",
            "dbname=plain gssencmode=disable require_auth=gss",
            "dbname=plain gssencmode=disable require_auth=sspi",
            "dbname=plain gssencmode=disable gssdelegation=1",
            "dbname=plain gssencmode=disable user=postgres",
            "dbname=plain gssencmode=disable krbsrvname=other",
            "dbname=plain gssencmode=disable host=''",
        ],
    );
    assert!(output.stdout.matches("used: 1").count() >= 4, "{output}");
    assert!(
        output.stdout.contains("GSSAPI continuation error"),
        "{output}"
    );
}

#[test]
fn traces() {
    for flags in ["0", "1", "2", "3"] {
        let trace = |rest| Realm::shared().same_trace("good", flags, rest);
        let output = trace("dbname=plain gssencmode=disable");
        let token = if flags < "2" { "all but 4" } else { "'BBBB'" };
        let line = format!("F\tGSSResponse\t {token}");
        assert!(output.stdout.contains(&line), "{output}");
        assert!(
            output.stdout.contains("\tAuthenticationGSSContinue\t "),
            "{output}"
        );
        trace("dbname=plain gssencmode=disable krbsrvname=other");
        trace("dbname=encrypted gssencmode=require");
    }
}

#[test]
fn a_wrong_service_name() {
    let output = Realm::shared().same(
        "good",
        &[
            "dbname=encrypted gssencmode=require krbsrvname=other",
            "dbname=encrypted gssencmode=require host=''",
            "dbname=postgres krbsrvname=other",
        ],
    );
    let text = "could not initiate GSSAPI security context";
    assert!(output.stdout.contains(text), "{output}");
}

#[test]
fn no_credential_cache() {
    let conninfos = [
        "dbname=postgres gssencmode=require",
        "dbname=postgres",
        "dbname=plain gssencmode=disable",
    ];
    for cache in ["none", "DIR:none"] {
        let output = Realm::shared().same(cache, &conninfos);
        let text = "GSSAPI encryption required but no credential cache";
        assert!(output.stdout.contains(text), "{output}");
    }
}

#[test]
fn an_expired_ticket() {
    let realm = Realm::shared();
    realm.ticket("expired", &["-l", "1s"]);
    sleep(Duration::from_secs(3));
    let output = realm.same(
        "expired",
        &[
            "dbname=encrypted gssencmode=require",
            "dbname=postgres",
            "dbname=plain gssencmode=disable",
        ],
    );
    assert!(output.stdout.contains("expired"), "{output}");
}

/// A broken library is found before the real one, so loading fails.
#[test]
fn without_the_library() {
    let output = Realm::shared().without_library(
        "good",
        &[
            "dbname=postgres",
            "dbname=postgres gssencmode=require",
            "dbname=plain gssencmode=disable",
        ],
    );
    let reason = "could not load library \"libgssapi_krb5.so.2\": ";
    let (encryption, authentication) = (
        format!("message: \"GSSAPI encryption required but {reason}"),
        format!("failed: GSSAPI authentication not supported: {reason}"),
    );
    assert!(output.stdout.starts_with("status: 0\n"), "{output}");
    assert!(output.stdout.contains(&encryption), "{output}");
    assert!(output.stdout.contains(&authentication), "{output}");
}

#[test]
fn without_credentials_the_library_is_not_loaded() {
    let conninfos = ["dbname=postgres gssencmode=require"];
    let output = Realm::shared().without_library("none", &conninfos);
    let text = "GSSAPI encryption required but no credential cache";
    assert!(output.stdout.contains(text), "{output}");
}

/// Answers the request for encryption with `first`, and the client's token, if it sends one, with `second`.
#[track_caller]
fn hostile(first: &'static [u8], second: Option<&'static [u8]>) -> String {
    hostile_until(first, second, |c| {
        c.shutdown();
        c.drain();
    })
}

/// As [`hostile`], and then ends the connection with `end`.
#[track_caller]
fn hostile_until(
    first: &'static [u8],
    second: Option<&'static [u8]>,
    end: fn(&mut Connection),
) -> String {
    let output = |lib| {
        let script = Script::new().connection(move |c| {
            assert_eq!(c.expect_first(), First::GssRequest);
            c.try_send(first);
            if let Some(second) = second {
                // The script reads first, because bytes directly after the reply would be taken for unencrypted data.
                let length = c.read(4).try_into().expect("four bytes");
                c.read(u32::from_be_bytes(length) as usize);
                c.try_send(second);
            }
            end(c);
        });
        let server = script.start();
        let line = format!(
            "host=localhost hostaddr=127.0.0.1 port={} user=alice gssencmode=require\n",
            server.port()
        );
        let mut output = Realm::shared().run(lib, "good", &line);
        output.stdout = output.stdout.replace(&server.port().to_string(), "PORT");
        server.finish();
        output
    };
    let bytes = [first, second.unwrap_or_default()].concat();
    realm::compare(&bytes.escape_ascii().to_string(), output).stdout
}

#[test]
fn hostile_bytes_in_the_handshake() {
    for answer in [
        &b""[..],
        b"\0\0",
        b"\0\0\0\0",
        b"\xff\xff\xff\xff",
        b"\0\0\xff\xfd",
        b"\0\0\0\x05hello",
        b"\0\0\0\x05hel",
        b"\0\x01\0\0",
        b"Eoh no\n\0behind",
        b"Eoh",
    ] {
        hostile(b"G", Some(answer));
    }
}

#[test]
fn a_reset_in_the_handshake() {
    let output = hostile_until(b"G", Some(b""), Connection::reset);
    let text = "failed: server closed the connection unexpectedly";
    assert!(output.contains(text), "{output}");
    hostile_until(b"G", Some(b"\0\0"), Connection::reset);
}

#[test]
fn cve_2024_10977_errors_before_encryption_are_not_shown() {
    let error = hostile(b"E\0\0\0\x1bSFATAL\0Msend money\0\0", None);
    assert!(!error.contains("money"), "{error}");
    hostile(b"x", None);
    hostile(b"", None);
}

/// The error that a server sends in place of a packet may lack its final NUL.
#[test]
fn cve_2022_41862_an_error_without_a_nul_shows_only_its_own_bytes() {
    for length in [0, 1, 2, 3, 4, 100, 16_379, 16_380, 16_383, 16_384, 30_000] {
        let error: Vec<u8> = [&b"E"[..], &vec![b'x'; length]].concat();
        let output = hostile(b"G", Some(error.leak()));
        let shown = output.matches('x').count();
        assert!(shown <= length + 20, "{length}\n{output}");
        assert!(!output.contains("\\x"), "{length}\n{output}");
    }
}

/// Connects through the relay, and returns the first error that the program reports. After such an error C libpq
/// continues the session; our library has closed the connection.
#[track_caller]
fn error_through_relay(
    what: &str,
    extra: &'static [u8],
    decide: impl Fn(&Packets<'_>) -> Action + Send + Copy + 'static,
) -> String {
    let realm = Realm::shared();
    let output = |lib| {
        let port = relay::start(realm.postgres.port(), extra, decide);
        let line = format!(
            "host=localhost hostaddr=127.0.0.1 port={port} user=alice dbname=encrypted gssencmode=require\n"
        );
        let mut output = realm.run(lib, "good", &line);
        let is_error =
            |line: &&str| line.trim_start().starts_with("message: \"") && !line.ends_with(" \"\"");
        let error = output.stdout.lines().find(is_error).unwrap_or_default();
        output.stdout = error.replace(&port.to_string(), "PORT");
        output
    };
    realm::compare(what, output).stdout
}

#[test]
fn cve_2021_23222_plain_text_after_the_encryption_reply_is_refused() {
    let output = error_through_relay("", b"R\0\0\0\x08\0\0\0\0", |_| Action::Forward);
    let text = "received unencrypted data after GSSAPI encryption response";
    assert!(output.contains(text), "{output}");
}

/// The packets to replace: the reply to the startup packet and the reply to the first query.
const PLACES: [usize; 2] = [2, 3];

#[test]
fn the_relay_itself_changes_nothing() {
    assert_eq!(error_through_relay("", b"", |_| Action::Forward), "");
}

#[test]
fn hostile_bytes_in_the_session() {
    const PLAIN: &[u8] = b"E\0\0\0\x1bSFATAL\0Msend money\0\0";
    const HUGE: &[u8] = &[b'x'; 70_000];
    for place in PLACES {
        for bytes in [
            &b""[..],
            b"\0\0",
            b"\0\0\0\0",
            b"\0\0\0\x01",
            b"\0\0\0\x05hello",
            b"\0\0\0\x05hel",
            // The maximum packet length plus one.
            b"\0\0\x3f\xfcshort",
            b"\0\0\x3f\xfdshort",
            b"\xff\xff\xff\xff",
            b"\x80\0\0\0",
            PLAIN,
            HUGE,
        ] {
            let what = format!("{place} {}", bytes[..bytes.len().min(40)].escape_ascii());
            let output = error_through_relay(&what, b"", move |seen| match seen.server.len() {
                n if n == place => Action::Replace(bytes.to_vec()),
                _ => Action::Forward,
            });
            assert!(!output.contains("money"), "{output}");
        }
    }
}

/// Replaces a packet; the program must report an error.
#[track_caller]
fn replaced(what: &str, place: usize, replace: fn(&Packets<'_>) -> Vec<u8>) {
    let output = error_through_relay(what, b"", move |seen| match seen.server.len() {
        n if n == place => Action::Replace(replace(seen)),
        _ => Action::Forward,
    });
    assert!(output.contains("GSSAPI unwrap error"), "{what}: {output}");
}

#[test]
fn changed_repeated_reflected_and_lost_packets() {
    for place in PLACES {
        replaced("changed", place, |seen| {
            let mut packet = seen.last().to_vec();
            *packet.last_mut().expect("a token") ^= 1;
            packet
        });
        let last_request = |seen: &Packets<'_>| seen.client.last().expect("a request").clone();
        replaced("reflected", place, last_request);
        replaced("of the handshake", place, |seen| seen.server[0].clone());
    }
    replaced("repeated", PLACES[1], |seen| seen.last().repeat(2));
    // One packet of a reply that needs several.
    let output = error_through_relay("lost", b"", |seen| match seen.server.len() {
        5 => Action::Drop,
        6 => Action::Replace(seen.last().to_vec()),
        _ => Action::Forward,
    });
    assert!(output.contains("GSSAPI unwrap error"), "{output}");
}
