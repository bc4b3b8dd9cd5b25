//! The built-in device flow.

use std::fmt::Write;

use super::Setup;
use super::behaviours;
use super::issuer::Request;
use crate::support::paths::Lib;
use crate::support::process::Output;

#[track_caller]
fn contains(output: &Output, what: &str) {
    assert!(output.to_string().contains(what), "no {what} in\n{output}");
}

#[test]
fn the_flow_obtains_a_token() {
    let setup = Setup::shared();
    let output = setup.same("connect", "plain", "");
    contains(&output, "oauth:plain");
    contains(
        &output,
        "Visit https://go.example/ and enter the code: AB-12\n",
    );
    contains(&output, &format!("scope: \"{}\"", super::SCOPE));
}

#[test]
fn every_http_framing_is_read() {
    // libpq: the token's type is not checked.
    for name in ["chunked", "dripping", "complete", "other_type"] {
        contains(
            &Setup::shared().same("poll", name, ""),
            &format!("oauth:{name}"),
        );
    }
}

#[test]
fn the_token_is_polled_until_it_is_issued() {
    for name in ["pending", "slower"] {
        let output = Setup::shared().same("poll", name, "");
        contains(&output, "another socket: yes, waited: no");
        contains(&output, &format!("oauth:{name}"));
    }
}

#[test]
fn a_caller_that_does_not_wait_does_not_poll_the_issuer_too_early() {
    let setup = Setup::shared();
    setup.issuer.take_requests("asked_early");
    contains(
        &setup.run(
            Lib::Ours,
            "oauth",
            &[&setup.conninfo("asked_early"), "poll,busy,prompt"],
            &[],
        ),
        "OK",
    );
    let requests = setup.issuer.take_requests("asked_early");
    let tokens = requests.iter().filter(|r| r.endpoint() == "token").count();
    assert_eq!(tokens, 3, "{requests:?}");
}

#[test]
fn a_slow_issuer_does_not_block_pqconnectpoll() {
    let setup = Setup::shared();
    let output = setup.run(Lib::Ours, "oauth", &[&setup.conninfo("slow"), "poll"], &[]);
    contains(&output, "another socket: yes, waited: no");
    contains(&output, "oauth:slow");
}

#[test]
fn connect_timeout_ends_a_flow() {
    let setup = Setup::shared();
    let output = setup.same("connect", "slow", "connect_timeout=2");
    contains(&output, "timeout expired");
}

#[test]
fn an_abandoned_flow_leaves_nothing_behind() {
    Setup::shared().same("poll,leave,prompt", "slow", "");
}

#[test]
fn every_bad_reply_gives_libpqs_error() {
    let setup = Setup::shared();
    let good = [
        "plain",
        "pending",
        "slower",
        "slow",
        "chunked",
        "complete",
        "dripping",
        "asked",
        "asked_early",
        "other_type",
    ];
    // libcurl has a different text for the first, other limits for the second, and finds a host in the third.
    let other = ["garbage", "endless_headers", "no_url"];
    for (name, _) in behaviours::ALL {
        if !good.contains(name) && !other.contains(name) {
            let output = setup.same("connect", name, "");
            contains(&output, "status: \"BAD\"");
        }
    }
}

#[test]
fn replies_that_libcurl_treats_differently_are_refused() {
    let setup = Setup::shared();
    let discovery = "failed to fetch OpenID discovery document";
    for (name, expected) in [
        ("garbage", format!("{discovery}: Unsupported protocol")),
        (
            "endless_headers",
            format!("{discovery}: Weird server reply"),
        ),
        (
            "no_url",
            "failed to obtain device authorization: URL using bad/illegal format".to_owned(),
        ),
    ] {
        contains(
            &setup.run(Lib::Ours, "oauth", &[&setup.conninfo(name), "connect"], &[]),
            &expected,
        );
    }
}

#[test]
fn prompts_go_to_the_hook() {
    let setup = Setup::shared();
    for how in [
        "connect,prompt",
        "connect,prompt-default",
        "connect,prompt-fails",
    ] {
        contains(
            &setup.same(how, "complete", ""),
            "prompt: \"https://go.example/\"",
        );
    }
    setup.same("connect,prompt-fails", "pending", "");
}

#[test]
fn a_reset_runs_the_flow_again() {
    let output = Setup::shared().same("connect,prompt,again", "plain", "");
    assert_eq!(output.stdout.matches("prompt:").count(), 2, "{output}");
}

/// The requests to the issuer, without the parts in which HTTP clients differ.
fn transcript(requests: &[Request]) -> String {
    let mut text = String::new();
    for request in requests {
        writeln!(text, "{}", request.line).expect("write to a string");
        for name in ["authorization", "content-type", "accept", "user-agent"] {
            let value = request.header(name);
            writeln!(text, "  {name}: {value:?}").expect("write to a string");
        }
        writeln!(text, "  {}", request.body).expect("write to a string");
    }
    text
}

#[test]
fn the_requests_are_those_of_libpq() {
    let setup = Setup::shared();
    let odd = "oauth_client_id=' !\"#$%&\\'()*+,-./:;<=>?@[\\\\]^_`{|}~\u{e9}'";
    let conninfo = setup.conninfo("asked");
    let cases = [
        "",
        "oauth_scope=''",
        "oauth_scope='a b'",
        odd,
        "oauth_client_secret=''",
        "oauth_client_secret=' :%+\\'~'",
        "oauth_client_secret=x oauth_client_id='a:b c'",
    ];
    for options in cases {
        let asked = |lib| {
            setup.issuer.take_requests("asked");
            let args = [conninfo.as_str(), "connect,prompt", options];
            setup.run(lib, "oauth", &args, &[]).success();
            transcript(&setup.issuer.take_requests("asked"))
        };
        let (oracle, ours) = (asked(Lib::Oracle), asked(Lib::Ours));
        assert_eq!(oracle, ours, "{options}");
        assert_eq!(ours.matches("HTTP/1.1").count(), 3, "{ours}");
    }
}
