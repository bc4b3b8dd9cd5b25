//! OAuth flows that the application implements.

use super::Setup;
use crate::support::paths::Lib;
use crate::support::process::Output;
use crate::support::program::{Headers, Program};

#[track_caller]
fn contains(output: &Output, what: &str) {
    assert!(output.to_string().contains(what), "no {what} in\n{output}");
}

#[test]
fn tokens_from_the_application_are_used() {
    let setup = Setup::shared();
    for (how, token) in [("at-once", "token-at-once"), ("async", "token-of-flow")] {
        for way in ["connect", "poll"] {
            let output = setup.same(&format!("{way},{how}"), "plain", "");
            contains(&output, "oauth:plain");
            contains(&output, "cleanup: \"in time\"");
            let log = setup.server.log();
            assert!(log.contains(&format!("token=\"{token}\"")), "{log}");
        }
    }
}

#[test]
fn a_known_discovery_uri_saves_a_connection() {
    let setup = Setup::shared();
    let known = format!(
        "oauth_issuer={}/.well-known/openid-configuration",
        setup.uri("plain")
    );
    for how in [
        "poll,at-once",
        "poll,async",
        "connect,refuse",
        "connect,at-once,again",
    ] {
        setup.same(how, "plain", &known);
    }
}

#[test]
fn misbehaving_hooks_give_libpqs_errors() {
    let setup = Setup::shared();
    for how in ["refuse", "nothing", "fail-async", "no-token", "no-socket"] {
        let output = setup.same(&format!("connect,{how}"), "plain", "");
        contains(&output, "user-defined OAuth flow");
        contains(&output, "cleanup: \"in time\"");
        setup.same(&format!("poll,{how},again"), "plain", "");
    }
}

#[test]
fn a_flow_that_hangs_ends_with_its_connection() {
    let setup = Setup::shared();
    contains(
        &setup.same("connect,hang", "plain", "connect_timeout=1"),
        "timeout expired",
    );
    let output = setup.same("poll,hang,leave", "plain", "");
    contains(&output, "== finish\ncleanup: \"in time\"");
}

#[test]
fn each_reset_runs_the_flow() {
    let output = Setup::shared().same("connect,async,again", "plain", "");
    assert_eq!(output.stdout.matches("cleanup").count(), 2, "{output}");
}

#[test]
fn tokens_that_the_server_refuses_fail() {
    let setup = Setup::shared();
    // The validator accepts every well-formed token.
    contains(
        &setup.same("connect", "empty_token", ""),
        "OAuth bearer authentication failed",
    );
}

fn version_2(how: &str) -> Output {
    let setup = Setup::shared();
    let program = Program::with_headers("oauth_v2", Headers::Ours);
    let mut output = program.run(Lib::Ours, &[&setup.conninfo("plain"), how], &[]);
    output.stdout = setup.tidy(&output.stdout);
    output.success()
}

#[test]
fn the_hook_of_version_2_is_called_first() {
    let asked = "asked in version 2: \"https://127.0.0.1:PORT/plain/.well-known/openid-configuration\"\n  \
         scope: \"openid postgres\"\n  issuer: \"https://127.0.0.1:PORT/plain\"\n  error: NULL\n";
    let cleanup = "cleanup, issuer: \"https://127.0.0.1:PORT/plain\"\n";
    let failed = "failed: user-defined OAuth flow failed";
    for (how, ending) in [
        (
            "token",
            format!("{cleanup}connected: 1\nerror: \"\"\n== finish\n"),
        ),
        (
            "async",
            format!(
                "flow, issuer: \"https://127.0.0.1:PORT/plain\"\n{cleanup}connected: 1\nerror: \"\"\n== finish\n"
            ),
        ),
    ] {
        assert_eq!(version_2(how).stdout, format!("{asked}{ending}"));
    }
    for (how, words) in [
        (
            "fails",
            "failed: user-defined OAuth flow failed: the hook's own words\\n\"\n== finish\n",
        ),
        (
            "fails-silently",
            "failed: user-defined OAuth flow failed\\n\"\n== finish\n",
        ),
        (
            "async-fails",
            "failed: user-defined OAuth flow failed: the flow's own words\\n\"\n== finish\ncleanup",
        ),
    ] {
        let output = version_2(how);
        contains(&output, asked);
        contains(&output, words);
        assert_eq!(output.stdout.matches("cleanup").count(), 1, "{output}");
    }
    let output = version_2("v1-fails");
    contains(&output, "asked in version 1");
    contains(&output, &format!("{failed}\\n"));
}

#[test]
fn the_built_in_flow_runs_if_the_hook_declines() {
    let output = version_2("v1-default");
    contains(&output, "asked in version 1");
    // The trusted certificate was not configured.
    let words = "failed to fetch OpenID discovery document: SSL peer certificate or SSH remote key was not OK";
    contains(&output, words);
}
