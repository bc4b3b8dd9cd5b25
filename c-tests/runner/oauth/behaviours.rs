//! The behaviours of the test issuers.

use std::thread::sleep;

use super::issuer::{Answer, Behaviour, Call, SLOWNESS, json, raw, respond};

/// All behaviours. The names are also the names of their roles.
pub const ALL: &[(&str, Behaviour)] = &[
    ("plain", plain),
    ("pending", |call| pending(call, "authorization_pending")),
    ("slower", |call| pending(call, "slow_down")),
    ("slow", slow),
    ("chunked", chunked),
    ("complete", complete),
    // The same behaviour, but each for a single test that looks at the requests.
    ("asked", complete),
    ("asked_early", |call| pending(call, "authorization_pending")),
    ("dripping", dripping),
    ("refusing", |call| {
        at_token(call, || refusal(400, "access_denied", None))
    }),
    ("expired", |call| {
        at_token(call, || refusal(400, "expired_token", Some("too late")))
    }),
    ("unauthorized", |call| {
        at_token(call, || refusal(401, "invalid_client", None))
    }),
    ("broken", |call| at_token(call, || json(500, "{}"))),
    ("bad_refusal", |call| {
        at_token(call, || json(400, "{\"error\":1}"))
    }),
    ("bad_token", |call| {
        at_token(call, || json(200, "{\"access_token\":\"x\"}"))
    }),
    ("empty_token", |call| at_token(call, || token(""))),
    ("typed_token", |call| {
        at_token(call, || respond(200, "Content-Type: text/plain\r\n", b"{}"))
    }),
    ("redirecting_token", |call| {
        at_token(call, || {
            respond(302, "Location: https://127.0.0.1:1/\r\n", b"")
        })
    }),
    ("moved_token", |call| {
        at_token(call, || {
            respond(307, "Location: https://127.0.0.1:1/\r\n", b"")
        })
    }),
    ("unavailable_token", |call| {
        at_token(call, || json(503, "{}"))
    }),
    ("html_refusal", |call| {
        at_token(call, || respond(400, "Content-Type: text/html\r\n", b"<p>"))
    }),
    ("deep_refusal", |call| at_token(call, || json(400, &deep()))),
    ("deep_token", |call| at_token(call, || json(200, &deep()))),
    ("cut_token", |call| {
        at_token(call, || json(200, "{\"access_token\":\"x"))
    }),
    ("nul_token", |call| at_token(call, || token("a\0b"))),
    ("latin1_token", |call| at_token(call, latin1)),
    ("huge_token", |call| {
        at_token(call, || token(&"x".repeat(1 << 20)))
    }),
    ("endless_token", |call| at_token(call, || endless(b""))),
    ("partial_token", |call| at_token(call, partial)),
    ("silent_token", |call| at_token(call, || raw(b""))),
    ("numeric_token", |call| {
        at_token(call, || {
            json(200, "{\"access_token\":1,\"token_type\":\"bearer\"}")
        })
    }),
    ("twofold_token", |call| {
        at_token(call, || {
            json(200, "{\"access_token\":\"a\",\"access_token\":\"b\"}")
        })
    }),
    // A token with the separator must not add fields to the message to the server.
    ("separating_token", |call| {
        at_token(call, || token("a\\u0001host=x\\u0001\\u0001"))
    }),
    ("other_type", |call| {
        at_token(call, || {
            json(200, "{\"access_token\":\"x\",\"token_type\":\"mac\"}")
        })
    }),
    ("expired_later", |call| pending(call, "expired_token")),
    ("always_slower", |call| match call.request.endpoint() {
        "device" => device("\"interval\":2147483643"),
        "token" => refusal(400, "slow_down", None),
        _ => plain(call),
    }),
    ("token_elsewhere", |call| {
        at_discovery(call, |call| {
            let body = format!(
                "{{\"issuer\":\"{0}\",\"token_endpoint\":\"https://127.0.0.1:1/\",\
                 \"device_authorization_endpoint\":\"{0}/device\"}}",
                call.issuer
            );
            match call.request.endpoint() {
                "device" => plain(call),
                _ => json(200, &body),
            }
        })
    }),
    ("redirecting_device", |call| {
        at_device(call, || {
            respond(303, "Location: https://127.0.0.1:1/\r\n", b"")
        })
    }),
    ("broken_device", |call| at_device(call, || json(500, "{}"))),
    ("html_device", |call| {
        at_device(call, || respond(200, "Content-Type: text/html\r\n", b"<p>"))
    }),
    ("deep_device", |call| at_device(call, || json(200, &deep()))),
    ("cut_device", |call| {
        at_device(call, || json(200, "{\"user_code\":"))
    }),
    ("huge_device", |call| {
        at_device(call, || json(200, &"x".repeat(1 << 20)))
    }),
    ("endless_device", |call| {
        at_device(call, || endless(b"{\"user_code\":\""))
    }),
    ("partial_device", |call| at_device(call, partial)),
    ("never_expires", |call| {
        at_device(call, || {
            json(
                200,
                "{\"device_code\":\"d\",\"user_code\":\"u\",\"verification_uri\":\"v\",\"expires_in\":\"1\"}",
            )
        })
    }),
    ("no_device", |call| {
        at_device(call, || {
            refusal(400, "invalid_scope", Some("no such scope"))
        })
    }),
    ("no_client", |call| {
        at_device(call, || refusal(401, "invalid_client", None))
    }),
    ("teapot", |call| at_device(call, || json(418, "{}"))),
    ("interval", |call| {
        at_device(call, || device("\"interval\":\"1\""))
    }),
    ("missing_code", |call| {
        at_device(call, || {
            json(200, "{\"device_code\":\"d\",\"expires_in\":1}")
        })
    }),
    ("two_uris", |call| {
        at_device(call, || device("\"verification_url\":\"https://x\""))
    }),
    ("not_found", |call| at_discovery(call, |_| json(404, "{}"))),
    ("redirecting", |call| at_discovery(call, redirect)),
    ("untyped", |call| {
        at_discovery(call, |_| respond(200, "", b"{}"))
    }),
    ("html", |call| {
        at_discovery(call, |_| {
            respond(200, "Content-Type: text/html\r\n", b"<p>")
        })
    }),
    ("huge", |call| {
        at_discovery(call, |_| json(200, &"x".repeat(1 << 20)))
    }),
    ("broken_discovery", |call| {
        at_discovery(call, |_| json(500, "{}"))
    }),
    ("redirecting_twice", |call| {
        at_discovery(call, |call| {
            respond(301, &format!("Location: {}\r\n", call.issuer), b"")
        })
    }),
    ("endless", |call| at_discovery(call, |_| endless(b""))),
    ("endless_headers", |call| {
        at_discovery(call, endless_headers)
    }),
    ("endless_chunks", |call| at_discovery(call, endless_chunks)),
    ("silent", |call| at_discovery(call, |_| raw(b""))),
    ("garbage", |call| {
        at_discovery(call, |_| raw(b"SSH-2.0-x\r\n"))
    }),
    ("partial", |call| at_discovery(call, |_| partial())),
    ("nul", |call| {
        at_discovery(call, |_| json(200, "{\"issuer\":\"\0\"}"))
    }),
    ("latin1", |call| at_discovery(call, |_| latin1())),
    ("other_issuer", |call| {
        at_discovery(call, |_| provider("https://other", "https://other"))
    }),
    ("no_endpoint", |call| at_discovery(call, no_endpoint)),
    ("plain_http", |call| {
        at_discovery(call, |call| provider(call.issuer, "http://127.0.0.1:1"))
    }),
    ("ftp", |call| {
        at_discovery(call, |call| provider(call.issuer, "ftp://127.0.0.1"))
    }),
    ("no_url", |call| {
        at_discovery(call, |call| provider(call.issuer, "https://"))
    }),
    ("closed_port", |call| {
        at_discovery(call, |call| provider(call.issuer, "https://127.0.0.1:1"))
    }),
    ("other_name", |call| {
        at_discovery(call, |call| {
            provider(call.issuer, &call.issuer.replace("127.0.0.1", "localhost"))
        })
    }),
    ("numbers", |call| {
        at_discovery(call, |_| json(200, "{\"issuer\":1}"))
    }),
    ("grants", |call| {
        at_discovery(call, |_| json(200, "{\"grant_types_supported\":[[]]}"))
    }),
    ("twice", |call| {
        at_discovery(call, |_| json(200, "{\"issuer\":\"a\",\"issuer\":[]}"))
    }),
    ("deep", |call| at_discovery(call, |_| json(200, &deep()))),
    ("array", |call| at_discovery(call, |_| json(200, "[]"))),
    ("cut", |call| {
        at_discovery(call, |_| json(200, "{\"issuer\":\"a"))
    }),
    ("number", |call| {
        at_discovery(call, |_| json(200, "{\"a\":01}"))
    }),
    ("trailing", |call| at_discovery(call, |_| json(200, "{} x"))),
    ("empty", |call| at_discovery(call, |_| json(200, ""))),
];

/// These issuers behave correctly at first and misbehave at one endpoint.
fn at_discovery(call: &Call<'_>, answer: fn(&Call<'_>) -> Answer) -> Answer {
    answer(call)
}

fn at_device(call: &Call<'_>, answer: fn() -> Answer) -> Answer {
    match call.request.endpoint() {
        "device" => answer(),
        _ => plain(call),
    }
}

fn at_token(call: &Call<'_>, answer: fn() -> Answer) -> Answer {
    match call.request.endpoint() {
        "token" => answer(),
        _ => plain(call),
    }
}

/// Issues a token at once.
fn plain(call: &Call<'_>) -> Answer {
    match call.request.endpoint() {
        ".well-known/openid-configuration" => provider(call.issuer, call.issuer),
        "device" => device("\"interval\":1"),
        "token" => token("token-of-issuer"),
        _ => json(404, "{}"),
    }
}

fn provider(issuer: &str, endpoints: &str) -> Answer {
    let body = format!(
        "{{\"issuer\":\"{issuer}\",\"token_endpoint\":\"{endpoints}/token\",\
         \"device_authorization_endpoint\":\"{endpoints}/device\",\"x\":{{\"issuer\":[1]}},\
         \"grant_types_supported\":[\"urn:ietf:params:oauth:grant-type:device_code\"]}}"
    );
    json(200, &body)
}

fn device(rest: &str) -> Answer {
    let body = format!(
        "{{\"device_code\":\"a code & more\",\"user_code\":\"AB-12\",\"verification_uri\":\"https://go.example/\",\
         \"expires_in\":99.9,{rest}}}"
    );
    json(200, &body)
}

fn token(text: &str) -> Answer {
    let body =
        format!("{{\"access_token\":\"{text}\",\"token_type\":\"bearer\",\"expires_in\":1}}");
    json(200, &body)
}

fn refusal(status: u16, error: &str, description: Option<&str>) -> Answer {
    let description = description.map(|text| format!(",\"error_description\":\"{text}\""));
    let description = description.unwrap_or_default();
    json(status, &format!("{{\"error\":\"{error}\"{description}}}"))
}

/// Answers the first two polls without a token, the second time with `error`.
fn pending(call: &Call<'_>, error: &str) -> Answer {
    match (call.request.endpoint(), call.number) {
        ("token", 1) => refusal(400, "authorization_pending", None),
        ("token", 2) => refusal(400, error, None),
        _ => plain(call),
    }
}

fn slow(call: &Call<'_>) -> Answer {
    sleep(SLOWNESS);
    plain(call)
}

/// Sends everything in chunks of one byte, after an interim response.
fn chunked(call: &Call<'_>) -> Answer {
    let answer = plain(call).bytes;
    let at = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let (_, body) = answer.split_at(at.map_or(0, |at| at + 4));
    let mut bytes = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\
        content-type: Application/JSON ; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
        .to_vec();
    for byte in body {
        bytes.extend([b'1', b'\r', b'\n', *byte, b'\r', b'\n']);
    }
    bytes.extend(b"0\r\nX: y\r\n\r\n");
    raw(&bytes)
}

fn complete(call: &Call<'_>) -> Answer {
    at_device(call, || {
        device("\"verification_uri_complete\":\"https://go.example/?AB-12\"")
    })
}

/// Sends no length: the response ends with the connection.
fn dripping(call: &Call<'_>) -> Answer {
    let text = String::from_utf8(plain(call).bytes).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("an HTTP header");
    let kept: Vec<&str> = head
        .split("\r\n")
        .filter(|line| !line.starts_with("Content-Length"))
        .collect();
    raw(format!("{}\r\n\r\n{body}", kept.join("\r\n")).as_bytes())
}

fn redirect(call: &Call<'_>) -> Answer {
    let target = call.issuer.replace("redirecting", "plain");
    let headers = format!("Location: {target}/.well-known/openid-configuration\r\n");
    respond(302, &headers, b"")
}

/// Sends endless blanks after `start`.
fn endless(start: &[u8]) -> Answer {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";
    Answer {
        bytes: [head, start].concat(),
        endless: vec![b' '; 4096],
    }
}

fn endless_headers(_: &Call<'_>) -> Answer {
    Answer {
        bytes: b"HTTP/1.1 200 OK\r\nX: ".to_vec(),
        endless: vec![b'x'; 4096],
    }
}

fn endless_chunks(_: &Call<'_>) -> Answer {
    let head =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    Answer {
        bytes: head.to_vec(),
        endless: b"1\r\n \r\n".repeat(512),
    }
}

fn partial() -> Answer {
    raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}")
}

fn latin1() -> Answer {
    respond(
        200,
        "Content-Type: application/json\r\n",
        b"{\"issuer\":\"\xe9\"}",
    )
}

fn no_endpoint(call: &Call<'_>) -> Answer {
    let issuer = call.issuer;
    json(
        200,
        &format!("{{\"issuer\":\"{issuer}\",\"token_endpoint\":\"{issuer}/token\"}}"),
    )
}

fn deep() -> String {
    format!("{{\"x\":{}{}}}", "[".repeat(16), "]".repeat(16))
}
