//! The exchange with the PostgreSQL server, compared byte for byte.

use crate::support::message::{auth, auth_ok, fatal, one_value, ready};
use crate::support::process::Output;
use crate::support::program::same_exchange;
use crate::support::script::{Connection, Script, welcome};

/// The client's reply to an error.
const ERROR_RECEIVED: &[u8] = b"\x01";
const ISSUER: &str = "https://issuer.example";

fn offer() -> Vec<u8> {
    auth(10, b"OAUTHBEARER\0\0")
}

/// Offers OAuth, reads the first message and replies with an error.
fn discovery(c: &mut Connection, error: &[u8]) {
    c.expect_startup();
    c.send_split(&offer());
    let first = c.expect(b'p');
    assert_eq!(first, b"OAUTHBEARER\0\0\0\0\x0bn,,\x01auth=\x01\x01");
    c.send_split(&auth(11, error));
}

fn good_error() -> String {
    format!(
        "{{\"status\":\"invalid_token\",\"scope\":\"a b\",\
         \"openid-configuration\":\"{ISSUER}/.well-known/openid-configuration\"}}"
    )
}

#[track_caller]
fn same(how: &str, script: impl Fn() -> Script, options: &str) -> Output {
    let options = format!("oauth_issuer={ISSUER} oauth_client_id=me {options}");
    same_exchange("oauth", script, &[how, &options], &[]).success()
}

#[test]
fn every_server_error_gives_libpqs_text() {
    let errors: &[&[u8]] = &[
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\"status\"",
        b"{\"status\":\"invalid_token\"}",
        b"{\"status\":\"invalid_request\"}",
        b"{\"status\":1}",
        b"{\"status\":null}",
        b"{\"status\":[]}",
        b"{\"status\":{}}",
        b"{\"status\":\"a\",\"status\":\"b\"}",
        b"{\"status\":\"a\",\"status\":1}",
        b"{\"status\":\"a\",\"status\":[]}",
        b"{\"scope\":\"a\",\"scope\":\"a\"}",
        b"{\"x\":{\"status\":1},\"status\":\"invalid_token\"}",
        b"{\"x\":[[[[[[[1]]]]]]]}",
        b"{\"x\":[[[[[[[[1]]]]]]]]}",
        b"{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":1}}}}}}}}",
        b"{\"status\":\"a\0b\"}",
        b"{\"status\":\"\xe9\"}",
        b"{\"status\":\"\xed\xa0\x80\"}",
        b"{\"status\":\"\xc3\xa9 \\u00e9 \\ud83d\\ude00 \\n\\t\\/\\\"\"}",
        b"{\"status\":\"\\u0000\"}",
        b"{\"status\":\"\\ud800\"}",
        b"{\"status\":\"\\ud800x\"}",
        b"{\"status\":\"\\ud800\\ud800\"}",
        b"{\"status\":\"\\ud800\\n\"}",
        b"{\"status\":\"\\udc00\"}",
        b"{\"status\":\"\\u12\"}",
        b"{\"status\":\"\\u12\xc3\xa9x\"}",
        b"{\"status\":\"\\u12",
        b"{\"status\":\"\\x\"}",
        b"{\"status\":\"\\\xc3\xa9\"}",
        b"{\"status\":\"\\",
        b"{\"status\":\"\t\"}",
        b"{\"status\":\"a",
        b"{\"status\"",
        b"{\"status\":",
        b"{\"status\":}",
        b"{\"status\" \"a\"}",
        b"{\"status\":\"a\" \"b\"}",
        b"{\"status\":\"a\",}",
        b"{\"status\":\"a\",1}",
        b"{,}",
        b"{1}",
        b"{\"a\":[1 2]}",
        b"{\"a\":[,]}",
        b"{\"a\":[1,]}",
        b"{\"a\":[",
        b"{\"a\":01}",
        b"{\"a\":-}",
        b"{\"a\":1.}",
        b"{\"a\":1e}",
        b"{\"a\":.5}",
        b"{\"a\":+1}",
        b"{\"a\":1x}",
        b"{\"a\":-0.5E+10,\"status\":\"x\"}",
        b"{\"a\":nul}",
        b"{\"a\":nulls}",
        b"{\"a\":TRUE}",
        b"{\"a\":\xc3\xa9}",
        b"{\"a\":'x'}",
        b"{} {}",
        b"{}x",
        b" {\r\n\"status\" : \"x\"\t} \n",
    ];
    for error in errors {
        let script = move || {
            Script::new().connection(move |c| {
                discovery(c, error);
                c.drain();
            })
        };
        let output = same("connect", script, "");
        assert!(output.stdout.contains("status: \"BAD\""), "{output}");
    }
}

#[test]
fn a_discovery_uri_must_match_the_issuer() {
    let uris = [
        "http://issuer.example/.well-known/openid-configuration",
        "https://other.example/.well-known/openid-configuration",
        "https://issuer.example/.well-known/openid-configuration/a",
        "https://issuer.example/a/.well-known/openid-configuration/b",
        "https://issuer.example/.well-known/openid-configuration?",
        "https://issuer.example/.well-known/openid-configuration#x",
        "https://issuer.example/.well-known/openid-configurations",
        "https://issuer.example/.well-known/x",
        "https://issuer.example",
        "HTTPS://issuer.example/.well-known/openid-configuration",
        "ftp://issuer.example/.well-known/openid-configuration",
        "",
    ];
    for uri in uris {
        let script = move || {
            Script::new().connection(move |c| {
                let error =
                    format!("{{\"status\":\"invalid_token\",\"openid-configuration\":\"{uri}\"}}");
                discovery(c, error.as_bytes());
                c.drain();
            })
        };
        same("connect", script, "");
    }
}

#[test]
fn options_are_checked() {
    let script = || {
        Script::new().connection(|c| {
            c.expect_startup();
            c.send(&offer());
            c.drain();
        })
    };
    let cases = [
        "oauth_client_id=''",
        "oauth_issuer=''",
        "oauth_issuer=http://x/.well-known/openid-configuration",
        "oauth_issuer=https://x/.well-known/y",
        "require_auth=scram-sha-256",
        "require_auth=!oauth",
        "require_auth=none",
        "channel_binding=require",
    ];
    for options in cases {
        let script = || match options {
            // With these the client gets as far as its first message.
            "oauth_client_id=''" | "oauth_issuer=''" => {
                Script::new().connection(|c| discovery(c, b""))
            }
            _ => script(),
        };
        same("connect", script, options);
    }
}

/// Two connections: on the first the client asks for the discovery URI, on the second it sends `token`; `then`
/// handles the rest.
fn two_connections(token: &'static str, then: fn(&mut Connection)) -> impl Fn() -> Script {
    move || {
        let first = |c: &mut Connection| {
            discovery(c, good_error().as_bytes());
            assert_eq!(c.expect(b'p'), ERROR_RECEIVED);
        };
        let second = move |c: &mut Connection| {
            c.expect_startup();
            c.send_split(&offer());
            let message = format!("n,,\x01auth=Bearer {token}\x01\x01");
            assert!(c.expect(b'p').ends_with(message.as_bytes()));
            then(c);
        };
        Script::new().connection(first).connection(second)
    }
}

#[test]
fn the_second_connection_sends_the_token() {
    for (how, token) in [
        ("connect,at-once", "token-at-once"),
        ("poll,async", "token-of-flow"),
    ] {
        let script = two_connections(token, |c| {
            c.send_split(&welcome());
            c.expect_query();
            c.send(&[one_value("system_user", "me"), ready(b'I')].concat());
            c.expect_terminate();
        });
        let output = same(how, script, "require_auth=oauth");
        assert!(output.stdout.contains("status: \"OK\""), "{output}");
    }
}

#[test]
fn an_available_token_is_sent_on_the_first_connection() {
    let script = || {
        Script::new().connection(|c| {
            c.expect_startup();
            c.send_split(&offer());
            assert!(
                c.expect(b'p')
                    .ends_with(b"auth=Bearer token-at-once\x01\x01")
            );
            c.send_split(&welcome());
            c.expect_query();
            c.send(&[one_value("system_user", "me"), ready(b'I')].concat());
            c.expect_terminate();
        })
    };
    let known = format!("oauth_issuer={ISSUER}/.well-known/openid-configuration");
    let output = same("poll,at-once,trace", script, &known);
    assert!(output.stdout.contains("SASLInitialResponse"), "{output}");
}

#[test]
fn a_refused_token_ends_the_connection() {
    let endings: [fn(&mut Connection); 5] = [
        |c| c.send_split(&fatal("28000", "no")),
        |c| {
            refuse(c);
            c.send_split(&fatal("28000", "no"));
        },
        |c| {
            refuse(c);
            c.send_split(&auth(11, b"more"));
            c.drain();
        },
        |c| {
            refuse(c);
            c.send_split(&auth(12, b"more"));
            c.drain();
        },
        |c| {
            c.send_split(&auth(12, b"more"));
            c.drain();
        },
    ];
    for ending in endings {
        let output = same(
            "connect,at-once",
            two_connections("token-at-once", ending),
            "",
        );
        assert!(output.stdout.contains("status: \"BAD\""), "{output}");
    }
}

fn refuse(c: &mut Connection) {
    c.send_split(&auth(11, good_error().as_bytes()));
    assert_eq!(c.expect(b'p'), ERROR_RECEIVED);
}

#[test]
fn a_server_that_names_another_issuer_is_refused() {
    let script = two_connections("token-at-once", |c| {
        let uri = format!("{ISSUER}/.well-known/oauth-authorization-server");
        let error = format!("{{\"status\":\"invalid_token\",\"openid-configuration\":\"{uri}\"}}");
        c.send_split(&auth(11, error.as_bytes()));
        c.drain();
    });
    let output = same("connect,at-once", script, "");
    assert!(output.stdout.contains("has moved to"), "{output}");
}

#[test]
fn oauth_is_chosen_when_the_server_offers_it_first() {
    let script = || {
        Script::new().connection(|c| {
            c.expect_startup();
            c.send(&auth(10, b"X\0OAUTHBEARER\0SCRAM-SHA-256\0\0"));
            assert!(c.expect(b'p').starts_with(b"OAUTHBEARER\0"));
            c.send(&auth_ok());
        })
    };
    same("connect", script, "password=x");
}
