//! GSSAPI with a real KDC: authentication, encryption, and what goes wrong with either, compared with C libpq.

mod realm;

use std::thread::sleep;
use std::time::Duration;

use crate::support::script::{First, Script};
use realm::Realm;

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
fn the_wrong_service() {
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
fn no_cache() {
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

/// A library that cannot be loaded stands in the way of the real one.
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

/// Answers the request for encryption, and the token behind it, with `answer`.
#[track_caller]
fn hostile(answer: &'static [u8]) {
    let realm = Realm::shared();
    let output = |lib| {
        let script = Script::new().connection(move |c| {
            assert_eq!(c.expect_first(), First::GssRequest);
            c.try_send(b"G");
            c.try_send(answer);
            c.shutdown();
            c.drain();
        });
        let server = script.start();
        let line = format!(
            "host=localhost hostaddr=127.0.0.1 port={} user=alice gssencmode=require\n",
            server.port()
        );
        let mut output = realm.run(lib, "good", &line);
        output.stdout = output.stdout.replace(&server.port().to_string(), "PORT");
        server.finish();
        output
    };
    realm::compare(&answer.escape_ascii().to_string(), output);
}

#[test]
fn hostile_bytes_in_the_handshake() {
    for answer in [
        &b""[..],
        b"\0\0",
        b"\xff\xff\xff\xff",
        b"\0\0\xff\xfd",
        b"\0\0\0\x05hello",
        b"\0\0\0\x05hel",
        b"\0\x01\0\0",
        b"Eoh no\n\0behind",
        b"Eoh",
    ] {
        hostile(answer);
    }
}
