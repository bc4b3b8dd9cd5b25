//! OpenSSL's trust settings on certificates (`TRUSTED CERTIFICATE`) in root files.

use std::fs;

use super::certificates::{AUTHORITY, Certificates};
use super::forms::{pem, same_roots, unreadable};
use super::server::TlsServer;
use crate::support::paths::Lib;

/// Makes copies of `root.crt` with OpenSSL's trust settings.
fn trusted(files: &Certificates) -> [&'static [&'static str]; 2] {
    let note = |name: &str, notes: &[&str]| {
        files.openssl(
            &[
                &["x509", "-in", "root.crt", "-trustout", "-out", name],
                notes,
            ]
            .concat(),
        );
    };
    note("t-none", &[]);
    note("t-alias", &["-setalias", "the root"]);
    note("t-server", &["-addtrust", "serverAuth"]);
    note("t-any", &["-addtrust", "anyExtendedKeyUsage"]);
    note(
        "t-more",
        &["-addtrust", "clientAuth", "-addtrust", "serverAuth"],
    );
    note("t-no-client", &["-addreject", "clientAuth"]);
    note("t-client", &["-addtrust", "clientAuth"]);
    note("t-reject", &["-addreject", "serverAuth"]);
    note("t-reject-any", &["-addreject", "anyExtendedKeyUsage"]);
    note(
        "t-both",
        &["-addtrust", "serverAuth", "-addreject", "serverAuth"],
    );
    files.join("t-none+other", &["t-none", "other.crt"]);
    files.join("t-first-plain", &["root.crt", "t-reject"]);
    files.join("t-first-reject", &["t-reject", "root.crt"]);
    files.join("t-first-client", &["t-client", "root.crt"]);
    [
        &[
            "t-none",
            "t-alias",
            "t-server",
            "t-any",
            "t-more",
            "t-no-client",
            "t-none+other",
            "t-first-plain",
        ],
        &[
            "t-client",
            "t-reject",
            "t-reject-any",
            "t-both",
            "t-first-reject",
            "t-first-client",
        ],
    ]
}

#[test]
fn trusted_certificates_as_roots() {
    let server = TlsServer::with("good", "good");
    let [good, bad] = trusted(server.files);
    same_roots(&server, good, good.len());
    same_roots(&server, bad, 0);
    for (names, connected) in [(good, true), (bad, false)] {
        for name in names {
            let file = server.files.file(name);
            let system = ["host=good.test dbname=postgres sslrootcert=system".to_owned()];
            let output = server.same_as("", &system, &[("SSL_CERT_FILE", &file)]);
            assert_eq!(
                output.stdout.contains("in use: 1"),
                connected,
                "{name}: {output}"
            );
        }
    }
}

/// Connects with a root file that joins these certificates. `NAME+SETTING` is NAME.crt with a trust setting.
fn connects(server: &TlsServer, lib: Lib, mix: &str) -> bool {
    let files = server.files;
    let part = |part: &str| {
        let Some((name, setting)) = part.split_once('+') else {
            return format!("{part}.crt");
        };
        let note = match setting {
            "reject" => ["-addreject", "serverAuth"],
            "client" => ["-addtrust", "clientAuth"],
            "server" => ["-addtrust", "serverAuth"],
            _ => ["-setalias", "x"],
        };
        let (from, to) = (format!("{name}.crt"), format!("mixed-{part}"));
        let arguments = ["x509", "-in", &from, "-trustout", "-out", &to];
        files.openssl(&[&arguments, &note[..]].concat());
        to
    };
    let parts: Vec<_> = mix.split(' ').map(part).collect();
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    files.join("mixed", &parts);
    let root = files.file("mixed");
    let line = format!("host=good.test dbname=postgres sslmode=verify-full sslrootcert={root}");
    let output = server.on(lib, "", &[line]).success();
    output.stdout.contains("in use: 1")
}

/// Both libraries connect with the mixes in `good`, and with none of those in `bad`.
#[track_caller]
fn same_mixes(server: &TlsServer, good: &[&str], bad: &[&str]) {
    for (mixes, expected) in [(good, true), (bad, false)] {
        for mix in mixes {
            for lib in [Lib::Oracle, Lib::Ours] {
                assert_eq!(connects(server, lib, mix), expected, "{lib:?}: {mix}");
            }
        }
    }
}

#[track_caller]
fn only_c_connects(server: &TlsServer, mixes: &[&str]) {
    for mix in mixes {
        assert!(connects(server, Lib::Oracle, mix), "{mix}");
        assert!(!connects(server, Lib::Ours, mix), "{mix}");
    }
}

/// A certificate NAME with the key of `other`, which `issuer` signs, or the key itself.
fn reissue(files: &Certificates, name: &str, subject: &str, other: &str, issuer: &str) {
    fs::copy(
        files.path(&format!("{other}.key")),
        files.path(&format!("{name}.key")),
    )
    .expect("copy the file");
    match issuer {
        "" => files.self_signed_with(name, subject, AUTHORITY),
        issuer => files.signed_as(name, subject, issuer, AUTHORITY, 1000),
    }
}

/// A trust setting on an intermediate applies to every chain with it.
#[test]
fn rejected_intermediates() {
    let server = TlsServer::with("chained+between", "chained");
    let bad = [
        "root between+reject",
        "between+reject root",
        "root between+client",
        "between+reject between root",
        "between root+reject",
    ];
    same_mixes(
        &server,
        &["root between+alias", "between between+reject root"],
        &bad,
    );
    // A date that cannot be read does not make the mark void.
    let reject = b"\x30\x0c\xa0\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01";
    let noted = [&unreadable(server.files, "between.crt")[..], reject].concat();
    server
        .files
        .write("unread.crt", &pem("TRUSTED CERTIFICATE", &noted));
    same_mixes(&server, &[], &["unread root"]);
    server.switch("chained", "chained");
    same_mixes(
        &server,
        &["between between+reject root"],
        &["between+reject root", "between+reject between root"],
    );
}

/// A rejected authority is rejected in each certificate of its key, if it is not trusted before.
#[test]
fn rejected_authorities_with_another_certificate() {
    let server = TlsServer::with("good", "good");
    let files = server.files;
    reissue(files, "root-again", "/CN=root", "root", "");
    reissue(files, "root-crossed", "/CN=root", "root", "other");
    reissue(files, "between-again", "/CN=between", "between", "root");
    same_mixes(
        &server,
        &["root-again root+reject", "root-crossed other root+reject"],
        &[
            "root+reject root-again",
            "root+client root-again",
            "root+reject root-crossed other",
        ],
    );
    files.join("good+crossed.crt", &["good.crt", "root-crossed.crt"]);
    server.switch("good+crossed", "good");
    same_mixes(
        &server,
        &["other", "root-again root+reject"],
        &[
            "root+reject other",
            "other root+reject",
            "root+client other",
        ],
    );
    files.join("chained+again.crt", &["chained.crt", "between-again.crt"]);
    server.switch("chained+again", "chained");
    same_mixes(
        &server,
        &["root", "between-again between+reject root"],
        &[
            "between+reject root",
            "root between+client",
            "between+reject between-again root",
        ],
    );
}

/// Listed in docs/tls.md.
#[test]
fn rejected_authorities_under_another_name() {
    let server = TlsServer::with("good", "good");
    let files = server.files;
    reissue(files, "renamed", "/CN=renamed", "root", "other");
    files.key("under-renamed", &["-algorithm", "ED25519"]);
    files.signed_as(
        "under-renamed",
        "/CN=under",
        "renamed",
        "subjectAltName=DNS:good.test\n",
        1000,
    );
    files.join(
        "under-renamed+renamed.crt",
        &["under-renamed.crt", "renamed.crt"],
    );
    server.switch("under-renamed+renamed", "under-renamed");
    same_mixes(&server, &["other"], &["root"]);
    only_c_connects(&server, &["root+reject other", "other root+reject"]);
}

/// OpenSSL looks only at the settings of issuers. Listed in docs/tls.md.
#[test]
fn a_rejected_certificate_of_the_server() {
    let server = TlsServer::with("good", "good");
    same_mixes(
        &server,
        &["good good+reject root", "good+server root"],
        &["good+reject", "good+server", "good+reject root+reject"],
    );
    only_c_connects(
        &server,
        &[
            "good+reject root",
            "root good+reject",
            "root good+client",
            "good+reject good root",
            "good+reject root+server",
        ],
    );
}

#[test]
fn trust_settings_of_a_certificate_that_signed_itself() {
    let server = TlsServer::with("good", "good");
    let files = server.files;
    files.key("own", &["-algorithm", "ED25519"]);
    files.self_signed_with("own", "/CN=own", "subjectAltName=DNS:good.test\n");
    server.switch("own", "own");
    same_mixes(
        &server,
        &["own", "own+server", "own own+reject"],
        &[
            "own+reject",
            "own+client",
            "own+reject own",
            "root own+reject",
        ],
    );
}

/// For OpenSSL, an intermediate that is explicitly trusted ends the chain. Listed in docs/tls.md.
#[test]
fn a_trust_mark_does_not_make_an_intermediate_a_root() {
    let server = TlsServer::with("chained+between", "chained");
    only_c_connects(
        &server,
        &[
            "between+server",
            "between+server root+reject",
            "root+client between+server",
        ],
    );
}
