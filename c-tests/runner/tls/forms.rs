//! Formats of certificate files.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::certificates::Certificates;
use super::server::TlsServer;
use crate::support::paths::Lib;

/// PEM with the label `label`.
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("base64"))
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// The contents of the first block of a PEM file.
pub fn der(files: &Certificates, name: &str) -> Vec<u8> {
    let text = read(files, name);
    let inside: String = text
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with('-'))
        .collect();
    STANDARD.decode(inside).expect("base64")
}

pub fn read(files: &Certificates, name: &str) -> String {
    fs::read_to_string(files.path(name)).expect("a file")
}

/// The certificate with month 99 in a date.
pub fn unreadable(files: &Certificates, name: &str) -> Vec<u8> {
    let mut der = der(files, name);
    // The end of its validity: UTCTime, YYMMDDHHMMSSZ.
    let time = der
        .windows(2)
        .enumerate()
        .filter(|(_, window)| *window == [0x17, 13])
        .nth(1)
        .expect("a time")
        .0;
    der[time + 4..time + 6].copy_from_slice(b"99");
    der
}

/// Connects with each root file. Those in `connected` must connect.
#[track_caller]
pub fn same_roots(server: &TlsServer, names: &[&str], connected: usize) {
    let all: Vec<String> = names
        .iter()
        .map(|name| {
            let root = server.files.file(name);
            format!("host=good.test dbname=postgres sslmode=verify-full sslrootcert={root}")
        })
        .collect();
    let output = server.same(&all);
    assert_eq!(
        output.stdout.matches("in use: 1").count(),
        connected,
        "{output}"
    );
}

#[test]
fn trusted_certificates_of_clients() {
    let server = TlsServer::with("good", "good");
    let files = server.files;
    files.openssl(&[
        "x509",
        "-in",
        "client.crt",
        "-trustout",
        "-addreject",
        "clientAuth",
        "-out",
        "client-noted",
    ]);
    files.write(
        "client-x509",
        &read(files, "client.crt").replace("CERTIFICATE", "X509 CERTIFICATE"),
    );
    let (root, key) = (files.file("root.crt"), files.file("client.key"));
    let all = ["client-noted", "client-x509"].map(|name| {
        let certificate = files.file(name);
        format!("host=good.test dbname=certified sslmode=verify-full sslrootcert={root} sslcert={certificate} sslkey={key}")
    });
    let output = server.same(&all);
    assert_eq!(output.stdout.matches("/CN=tls_user").count(), 2, "{output}");
}

#[test]
fn root_files_with_damaged_parts() {
    let server = TlsServer::with("good", "good");
    let files = server.files;
    let (root, other) = (read(files, "root.crt"), read(files, "other.crt"));
    let whole = der(files, "root.crt");
    files.write(
        "d-month",
        &(pem("CERTIFICATE", &unreadable(files, "other.crt")) + &root),
    );
    files.write(
        "d-month-behind",
        &(root.clone() + &pem("CERTIFICATE", &unreadable(files, "other.crt"))),
    );
    files.write(
        "d-trailing",
        &pem("CERTIFICATE", &[&whole[..], b"behind"].concat()),
    );
    files.write("d-x509", &pem("X509 CERTIFICATE", &whole));
    files.write("d-key", &(read(files, "good.key") + &root));
    files.write(
        "d-base64",
        &(pem("CERTIFICATE", &whole).replace("\nMI", "\n!!") + &root),
    );
    files.write(
        "d-end",
        &(other.replace("END CERTIFICATE", "END CERT") + &root),
    );
    files.write("d-tag", &(pem("CERTIFICATE", b"\0\0\0") + &root));
    files.write(
        "d-other-base64",
        &("-----BEGIN FOO-----\n!!\n-----END FOO-----\n".to_owned() + &root),
    );
    files.write(
        "d-cut",
        &(root + other.rsplit_once("-----END").expect("an end").0),
    );
    files.write("d-nothing", "nothing\n");
    files.write("d-empty", "");
    same_roots(
        &server,
        &["d-month", "d-month-behind", "d-trailing", "d-x509", "d-key"],
        5,
    );
    // Each in its own process: errors stay in OpenSSL's queue, and the next connection would report them.
    for name in [
        "d-base64",
        "d-end",
        "d-tag",
        "d-other-base64",
        "d-cut",
        "d-nothing",
        "d-empty",
    ] {
        same_roots(&server, &[name], 0);
    }
}

/// A server's certificate need not be readable if it is not verified.
#[test]
fn a_server_with_an_unreadable_certificate() {
    let files = Certificates::shared();
    files.write(
        "month.crt",
        &pem("CERTIFICATE", &unreadable(files, "good.crt")),
    );
    let server = TlsServer::with("month", "good");
    let all = ["require", "prefer"].map(|mode| {
        ["TLSv1.2", "TLSv1.3"].map(|version| {
            format!(
                "host=good.test dbname=postgres ssl_max_protocol_version={version} sslmode={mode}"
            )
        })
    });
    let output = server.same(&all.concat());
    assert_eq!(output.stdout.matches("in use: 1").count(), 4, "{output}");
    let root = files.file("root.crt");
    let verified = format!("host=good.test dbname=postgres sslmode=verify-ca sslrootcert={root}");
    for lib in [Lib::Oracle, Lib::Ours] {
        let output = server.on(lib, "", std::slice::from_ref(&verified));
        assert!(output.stdout.contains("status: 1"), "{output}");
    }
}

/// The certificates in `SSL_CERT_FILE` and in `SSL_CERT_DIR` are both used.
#[test]
fn system_roots() {
    let server = TlsServer::with("good", "good");
    let files = server.files;
    let directory = |name: &str, link: &str| {
        let path = files.path(name);
        fs::create_dir_all(&path).expect("create the directory");
        fs::copy(files.path("root.crt"), path.join("root.pem")).expect("copy the file");
        match link {
            "" => {}
            "rehash" => files.openssl(&["rehash", name]),
            link => fs::copy(files.path("root.crt"), path.join(link))
                .map(drop)
                .expect("copy the file"),
        }
        path.display().to_string()
    };
    let hashed = directory("s-hashed", "rehash");
    let plain = directory("s-plain", "");
    let (root, other) = (files.file("root.crt"), files.file("other.crt"));
    let missing = files.file("s-missing");
    files.write(
        "s-damaged",
        "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
    );
    let damaged = files.file("s-damaged");
    let both = format!("{missing}:{hashed}");
    let line = ["host=good.test dbname=postgres sslrootcert=system".to_owned()];
    for (file, dir, connected) in [
        (Some(""), Some(&hashed), true),
        (Some(&missing[..]), Some(&hashed), true),
        (Some(&damaged), Some(&hashed), true),
        (Some(&other), Some(&hashed), true),
        (Some(&other), Some(&both), true),
        (None, Some(&hashed), true),
        (Some(&root), Some(&missing), true),
        (Some(&root), None, true),
        (Some(&other), Some(&plain), false),
        (None, Some(&plain), false),
        (Some(&missing), Some(&missing), false),
        (Some(""), None, false),
        (Some(&missing), None, false),
    ] {
        let mut env = Vec::new();
        env.extend(file.map(|file| ("SSL_CERT_FILE", file)));
        env.extend(dir.map(|dir| ("SSL_CERT_DIR", dir.as_str())));
        let output = server.same_as("", &line, &env);
        assert_eq!(
            output.stdout.contains("in use: 1"),
            connected,
            "{env:?}: {output}"
        );
    }
}

/// C libpq reads only PEM. Listed in docs/tls.md.
#[test]
fn certificates_in_der() {
    let server = TlsServer::with("good", "good");
    let files = server.files;
    for name in ["root", "client"] {
        let (from, to) = (format!("{name}.crt"), format!("{name}.der"));
        files.openssl(&["x509", "-in", &from, "-outform", "DER", "-out", &to]);
    }
    let (root, key) = (files.file("root.der"), files.file("client.key"));
    let certificate = files.file("client.der");
    let line = [format!(
        "host=good.test dbname=certified sslmode=verify-full sslrootcert={root} sslcert={certificate} sslkey={key}"
    )];
    let output = server.on(Lib::Oracle, "", &line);
    assert!(
        output.stdout.contains("no certificate or crl found"),
        "{output}"
    );
    let output = server.on(Lib::Ours, "", &line);
    assert!(output.stdout.contains("/CN=tls_user"), "{output}");
}
