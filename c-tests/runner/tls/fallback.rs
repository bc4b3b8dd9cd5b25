//! Sessions that continue in plain text or fail because TLS failed, and what the application is told.

use super::certificates::Certificates;
use super::forms::{pem, unreadable};
use super::server::TlsServer;
use crate::support::paths::Lib;

const CBC: &str = "ssl_max_protocol_version = 'TLSv1.2'\nssl_ciphers = 'ECDHE-RSA-AES128-SHA256'\n";
const START: &str = "server offered TLS, but this library could not use it: ";
const END: &str = "; the session is not encrypted\n";

fn notice(reason: &str) -> String {
    format!("{START}{reason}{END}")
}

#[test]
fn a_notice_receiver_gets_the_notice_once() {
    let server = TlsServer::with_settings("good", "good", CBC);
    let conninfo = "host=good.test dbname=postgres sslmode=prefer".to_owned();
    let output = server.on(Lib::Ours, "receiver", &[conninfo]).success();
    assert_eq!(output.stderr, "", "{output}");
    assert!(output.stdout.contains("notices: 1\n"), "{output}");
    assert!(output.stdout.contains("severity: \"NOTICE\""), "{output}");
    assert!(
        output
            .stdout
            .contains(&notice("SSL error: sslv3 alert handshake failure").replace('\n', "\\n")),
        "{output}"
    );
}

/// With target_session_attrs, there are queries between the handshake and the open session.
#[test]
fn the_notice_is_about_the_host_that_connects() {
    let server = TlsServer::with_settings("good", "good", CBC);
    let rest = "dbname=postgres sslmode=prefer target_session_attrs";
    let port = server.port();
    let conninfos = [
        format!("host=good.test {rest}=read-write"),
        format!("host=good.test {rest}=primary"),
        format!("host=good.test {rest}=standby"),
        format!(
            "host=good.test,good.test hostaddr=127.0.0.1,127.0.0.1 port={port},{port} {rest}=prefer-standby"
        ),
    ];
    for (conninfo, notices) in conninfos.iter().zip([1, 1, 0, 1]) {
        let output = server.on(Lib::Ours, "receiver", std::slice::from_ref(conninfo));
        assert!(
            output.stdout.contains(&format!("notices: {notices}\n")),
            "{output}"
        );
    }
}

#[test]
fn no_notice_if_plain_text_or_tls_is_forbidden() {
    let server = TlsServer::with_settings("good", "good", CBC);
    let conninfos = [
        "host=good.test dbname=postgres sslmode=disable",
        "host=good.test dbname=postgres sslmode=allow",
        "host=good.test dbname=only_ssl sslmode=prefer",
        "host=good.test dbname=only_ssl sslmode=allow",
    ]
    .map(str::to_owned);
    let output = server.on(Lib::Ours, "", &conninfos).success();
    assert_eq!(output.stderr, "", "{output}");
    assert_eq!(output.stdout.matches("status: 0").count(), 2, "{output}");
    // If plain text is refused, the error text has the errors of both attempts.
    let both = output
        .stdout
        .matches("This may indicate that the server shares no cipher suite")
        .count();
    assert_eq!(both, 2, "{output}");
}

/// Certificates and files that fail in C libpq too: neither library raises a notice.
#[test]
fn no_notice_for_failures_that_c_libpq_has_too() {
    let files = Certificates::shared();
    let other = format!("sslrootcert={}", files.file("other.crt"));
    let key = format!(
        "sslcert={} sslkey={}",
        files.file("client.crt"),
        files.file("missing.key")
    );
    let mismatch = format!(
        "sslcert={} sslkey={}",
        files.file("client.crt"),
        files.file("good.key")
    );
    let server = TlsServer::with("good", "good");
    let all = [other, key, mismatch]
        .map(|more| format!("host=good.test dbname=postgres sslmode=prefer {more}"));
    let output = server.same(&all);
    assert_eq!(output.stdout.matches("in use: 0").count(), 3, "{output}");
    assert_eq!(output.stderr, "", "{output}");
}

/// Client files that OpenSSL reads and this library does not.
#[test]
fn keys_that_only_openssl_reads() {
    let server = TlsServer::with("good", "good");
    let files = server.files;
    let camellia = [
        "rsa",
        "-traditional",
        "-camellia128",
        "-passout",
        "pass:secret",
        "-in",
        "client.key",
        "-out",
        "camellia",
    ];
    files.openssl(&camellia);
    files.make_private("camellia");
    let with = |mode: &str, key: &str| {
        let certificate = files.file("client.crt");
        format!(
            "host=good.test dbname=postgres sslmode={mode} sslcert={certificate} sslkey={key} sslpassword=secret"
        )
    };
    let key = files.file("camellia");
    let output = server
        .on(Lib::Oracle, "", &[with("prefer", &key)])
        .success();
    assert!(output.stdout.contains("in use: 1"), "{output}");
    let output = server.on(Lib::Ours, "", &[with("prefer", &key)]).success();
    assert!(output.stdout.contains("in use: 0"), "{output}");
    let reason = format!("could not load private key file \"{key}\": unsupported");
    assert_eq!(output.stderr, notice(&reason));
    // A key in an OpenSSL engine.
    let output = server
        .on(Lib::Ours, "", &[with("prefer", "pkcs11:token=x")])
        .success();
    let reason = "certificate present, but not private key file \"pkcs11:token=x\"";
    assert_eq!(output.stderr, notice(reason));
}

/// The issuer of the server's certificate is unknown; it may be among the roots that only OpenSSL can read.
#[test]
fn roots_that_only_openssl_reads() {
    let server = TlsServer::with("good", "good");
    let files = server.files;
    files.write(
        "u-root",
        &pem("CERTIFICATE", &unreadable(files, "root.crt")),
    );
    files.join("u-both", &["u-root", "other.crt"]);
    for root in ["u-root", "u-both"] {
        let root = files.file(root);
        let line = format!("host=good.test dbname=postgres sslmode=prefer sslrootcert={root}");
        let output = server.on(Lib::Ours, "", &[line]).success();
        assert!(output.stdout.contains("in use: 0"), "{output}");
        assert_eq!(
            output.stderr,
            notice("SSL error: certificate verify failed")
        );
    }
}

/// The TLS attributes of sessions that failed at every stage, and after a later reset.
#[test]
fn failed_connections_are_not_in_tls() {
    let root = |file: &str| format!("sslrootcert={}", Certificates::shared().file(file));
    let (good, other) = (root("root.crt"), root("other.crt"));
    let server = TlsServer::with("good", "good");
    let conninfos = [
        format!("host=good.test dbname=postgres sslmode=verify-full {good}"),
        format!("host=good.test dbname=postgres sslmode=verify-ca {other}"),
        format!("host=bad.test dbname=postgres sslmode=verify-full {good}"),
        format!("host=good.test dbname=postgres sslmode=prefer {other}"),
        format!("host=good.test dbname=only_plain sslmode=require {good}"),
        format!("host=good.test dbname=nowhere sslmode=require {good}"),
        "host=good.test dbname=postgres sslmode=require user=md5_user password=wrong".to_owned(),
        "host=good.test dbname=postgres sslmode=require user=scram_user password='secret word'"
            .to_owned(),
        "host=good.test dbname=postgres sslmode=disable".to_owned(),
        "host=good.test dbname=postgres sslmode=verify-ca sslrootcert=/nonexistent".to_owned(),
        "host=good.test dbname=only_ssl sslmode=prefer sslrootcert=/".to_owned(),
    ];
    server.same_as("always", &conninfos, &[]);
}
