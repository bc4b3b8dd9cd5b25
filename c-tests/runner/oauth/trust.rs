//! The certificates that the built-in flow trusts, and the effects of PGOAUTHDEBUG.

use super::Setup;
use crate::support::paths::Lib;
use crate::support::process::{self, Output};
use crate::tls::certificates::Certificates;

#[track_caller]
fn contains(output: &Output, what: &str) {
    assert!(output.to_string().contains(what), "no {what} in\n{output}");
}

fn connect(options: &str, env: &[(&str, &str)]) -> Output {
    let setup = Setup::shared();
    let args = [&setup.conninfo("plain"), "connect", options];
    setup.run_in(Lib::Ours, "oauth", &args, env).success()
}

#[test]
fn an_untrusted_issuer_gives_libpqs_error() {
    let setup = Setup::shared();
    let certificates = Certificates::shared();
    let root = certificates.file("root.crt");
    let der = ["-outform", "DER", "-out", "oauth-root.der"];
    certificates.openssl(&[&["x509", "-in", "root.crt"][..], &der].concat());
    let cases = [
        (None, "SSL peer certificate or SSH remote key was not OK"),
        (
            Some(certificates.file("other.crt")),
            "SSL peer certificate or SSH remote key was not OK",
        ),
        (
            Some("/nonexistent/file".to_owned()),
            "Problem with the SSL CA cert (path? access rights?)",
        ),
        (
            Some(certificates.file("config")),
            "Problem with the SSL CA cert (path? access rights?)",
        ),
        (
            Some(certificates.file("oauth-root.der")),
            "Problem with the SSL CA cert (path? access rights?)",
        ),
    ];
    for (file, words) in cases {
        let mut env = vec![("PGOAUTHDEBUG", "UNSAFE")];
        if let Some(file) = &file {
            // The system trusts the issuer: the file replaces its certificates.
            env.extend([("PGOAUTHCAFILE", file.as_str()), ("SSL_CERT_FILE", &root)]);
        }
        let args = [&setup.conninfo("plain"), "connect"];
        let run = |lib| setup.run_in(lib, "oauth", &args.map(|arg| arg as &str), &env);
        let (oracle, ours) = (run(Lib::Oracle), run(Lib::Ours));
        let difference = process::diff("oracle", &oracle.to_string(), "ours", &ours.to_string());
        assert!(difference.is_empty(), "{file:?}\n{difference}");
        contains(&ours, words);
    }
}

/// The issuer sends an intermediate certificate. A trust setting in the CA file applies to it, too.
#[test]
fn trust_settings_in_the_ca_file() {
    let setup = Setup::shared();
    let files = Certificates::shared();
    for name in ["root", "between"] {
        let (from, to) = (format!("{name}.crt"), format!("oauth-no-{name}"));
        let reject = ["-trustout", "-addreject", "serverAuth"];
        files.openssl(&[&["x509", "-in", &from, "-out", &to], &reject[..]].concat());
    }
    let (root, between) = ("root.crt", "between.crt");
    let (no_root, no_between) = ("oauth-no-root", "oauth-no-between");
    for (parts, verified) in [
        (&[root][..], true),
        // libcurl: any trusted certificate ends the chain.
        (&[between], true),
        (&[between, no_root], true),
        (&[between, no_between, root], true),
        (&[root, no_between], false),
        (&[no_between, root], false),
        (&[no_between, between, root], false),
        (&[no_between], false),
        (&[no_root], false),
        (&["v1.crl"], false),
    ] {
        files.join("oauth-roots", parts);
        let file = files.file("oauth-roots");
        let output = setup.same_with("connect", "plain", "", &[("PGOAUTHCAFILE", &file)]);
        let text = output.to_string();
        assert_eq!(text.contains("oauth:plain"), verified, "{parts:?}\n{text}");
    }
}

#[test]
fn oauth_ca_file_works_without_debug_mode() {
    let file = Certificates::shared().file("root.crt");
    let output = connect(&format!("oauth_ca_file='{file}'"), &[]);
    contains(&output, "oauth:plain");
    // The option counts, not the variable; an empty one means the certificates of the system.
    let other = Certificates::shared().file("other.crt");
    let variable = [("PGOAUTHCAFILE", other.as_str())];
    let output = connect(&format!("oauth_ca_file='{file}'"), &variable);
    contains(&output, "oauth:plain");
    let output = connect("oauth_ca_file=''", &[("SSL_CERT_FILE", &file)]);
    contains(&output, "oauth:plain");
    let output = connect("", &[("PGOAUTHCAFILE", &file)]);
    contains(&output, "oauth:plain");
    contains(
        &output,
        "--- stderr\nVisit https://go.example/ and enter the code: AB-12\n---",
    );
}

#[test]
fn plain_http_must_be_allowed_explicitly() {
    let file = Certificates::shared().file("root.crt");
    let setup = Setup::shared();
    for (debug, words) in [
        (
            "",
            "device authorization endpoint \"http://127.0.0.1:1/device\" must use HTTPS",
        ),
        (
            "http",
            "device authorization endpoint \"http://127.0.0.1:1/device\" must use HTTPS",
        ),
        (
            "UNSAFE:http",
            "failed to obtain device authorization: Couldn't connect to server",
        ),
    ] {
        let env = [("PGOAUTHCAFILE", file.as_str()), ("PGOAUTHDEBUG", debug)];
        let args = [&setup.conninfo("plain_http"), "connect"];
        let output = setup.run_in(Lib::Ours, "oauth", &args.map(|arg| arg as &str), &env);
        contains(&output, words);
        let warned = output
            .stderr
            .contains("WARNING: PGOAUTHDEBUG option \"http\" is unsafe (ignored)\n");
        assert_eq!(warned, debug == "http", "{output}");
    }
}

#[test]
fn polls_are_counted_and_exchanges_printed() {
    let file = Certificates::shared().file("root.crt");
    let program = crate::support::program::Program::new("oauth");
    let conninfo = Setup::shared().conninfo("plain");
    let stderr = |debug| {
        let env = [("PGOAUTHCAFILE", file.as_str()), ("PGOAUTHDEBUG", debug)];
        let args = [conninfo.as_str(), "connect"];
        program.run(Lib::Ours, &args, &env).success().stderr
    };
    let counted = stderr("call-count");
    let (_, number) = counted
        .split_once("[libpq] total number of polls: ")
        .expect("a count");
    let number: u32 = number.trim().parse().expect("a number");
    assert!((3..50).contains(&number), "{counted}");
    assert!(!counted.contains("POST"), "{counted}");
    let printed = stderr("UNSAFE:trace");
    for line in [
        "[http] > GET /plain/.well-known/openid-configuration HTTP/1.1\n",
        "[http] > POST /plain/token HTTP/1.1\n",
        "[http] > device_code=a+code+%26+more&grant_type=",
        "[http] < HTTP/1.1 200 x",
        "token-of-issuer",
    ] {
        assert!(printed.contains(line), "no {line} in\n{printed}");
    }
    // The TLS handshake takes several steps, but the request is printed once.
    let requests = printed.matches("[http] > GET /plain/.well-known/").count();
    assert_eq!(requests, 1, "{printed}");
    assert!(!printed.contains("total number"), "{printed}");
}
