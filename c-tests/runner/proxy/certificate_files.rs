//! The proxy's certificate and key files, in the formats in which other programs write them.

use std::fs;

use super::Proxy;
use super::tls::{conninfo, fails_with, query};
use crate::support::paths::Lib;
use crate::support::postgres::Postgres;
use crate::support::process::End;
use crate::tls::certificates::Certificates;
use crate::tls::server::TlsServer;

/// A proxy that shows clients this certificate.
fn proxy(certificate: &str, key: &str) -> Proxy {
    let files = Certificates::shared();
    let (certificate, key) = (files.file(certificate), files.file(key));
    let server = format!("127.0.0.1:{}", Postgres::shared().port());
    Proxy::to(&server, &["--tls-cert", &certificate, "--tls-key", &key])
}

#[track_caller]
fn connects(certificate: &str, key: &str, mode: &str) {
    let proxy = proxy(certificate, key);
    let output = query(Lib::Ours, &conninfo(&proxy, mode));
    assert_eq!(output.end, End::Exit(0), "{certificate} {key}: {output}");
}

#[test]
fn keys_in_every_format() {
    let files = Certificates::shared();
    let convert = |arguments: &[&str], out: &str| {
        files.openssl(&[arguments, &["-out", out]].concat());
    };
    convert(
        &["rsa", "-in", "good.key", "-traditional"],
        "proxy-pkcs1.key",
    );
    convert(
        &["pkey", "-in", "good.key", "-outform", "DER"],
        "proxy-der.key",
    );
    convert(&["ec", "-in", "ecdsa.key"], "proxy-sec1.key");
    for key in ["good.key", "proxy-pkcs1.key", "proxy-der.key"] {
        connects("good.crt", key, "sslmode=verify-full");
    }
    for key in ["ecdsa.key", "proxy-sec1.key"] {
        // This certificate signed itself, so the client does not verify it.
        connects("ecdsa.crt", key, "sslmode=require sslrootcert=missing");
    }
    let read = |name: &str| fs::read_to_string(files.path(name)).expect("a file");
    let pkcs1 = read("proxy-pkcs1.key");
    assert!(pkcs1.contains("BEGIN RSA PRIVATE KEY"));
    assert!(read("proxy-sec1.key").contains("BEGIN EC PRIVATE KEY"));
    // Both in one file, with other text, and with the ends of lines of Windows.
    let all = ["Text.\n", &read("good.crt"), &pkcs1, "More text."].concat();
    files.write("proxy-all.pem", &all.replace('\n', "\r\n"));
    connects("proxy-all.pem", "proxy-all.pem", "sslmode=verify-full");
}

#[test]
fn certificates_in_every_format() {
    let files = Certificates::shared();
    let good = ["x509", "-in", "good.crt", "-out"];
    for (name, arguments) in [
        (
            "proxy-trusted.crt",
            &["-trustout", "-addtrust", "serverAuth"][..],
        ),
        ("proxy-text.crt", &["-text"]),
        ("proxy-der.crt", &["-outform", "DER"]),
    ] {
        files.openssl(&[&good[..], &[name], arguments].concat());
        connects(name, "good.key", "sslmode=verify-full");
    }
    // Without the second certificate, the client cannot verify the first one.
    connects("chained+between.crt", "chained.key", "sslmode=verify-full");
    let alone = proxy("chained.crt", "chained.key");
    fails_with(
        Lib::Ours,
        &conninfo(&alone, "sslmode=verify-full"),
        "certificate verify failed",
    );
}

#[test]
fn trust_settings_of_openssl_apply_to_the_root_certificates() {
    let server = TlsServer::with("chained+between", "chained");
    let files = server.files;
    let mark = |name: &str, out: &str| {
        let file = format!("{name}.crt");
        files.openssl(&[
            "x509",
            "-in",
            &file,
            "-trustout",
            "-addreject",
            "serverAuth",
            "-out",
            out,
        ]);
    };
    mark("root", "proxy-no-root");
    mark("between", "proxy-no-between");
    files.join("proxy-marked", &["proxy-no-between", "root.crt"]);
    files.join("proxy-none", &["proxy-no-root", "between.crt"]);
    for (roots, verified) in [
        ("root.crt", true),
        ("proxy-marked", false),
        ("proxy-none", false),
    ] {
        let roots = files.file(roots);
        let options = ["--server-tls", "verify-ca", "--server-ca", &roots];
        let proxy = Proxy::to(&format!("127.0.0.1:{}", server.port()), &options);
        let output = query(Lib::Ours, &conninfo(&proxy, "sslmode=disable"));
        assert_eq!(output.end == End::Exit(0), verified, "{roots}: {output}");
    }
}
