//! Client certificates and keys, in all formats.

use super::server::TlsServer;
use crate::support::paths::Lib;

/// A connection string for the database that requires a certificate, with this certificate and key.
pub fn with(server: &TlsServer, certificate: &str, key: &str, more: &str) -> String {
    let files = server.files;
    format!(
        "host=good.test dbname=certified sslmode=verify-full sslrootcert={} sslcert={} sslkey={} {more}",
        files.file("root.crt"),
        files.file(certificate),
        files.file(key)
    )
}

pub fn server() -> TlsServer {
    TlsServer::with("good", "good")
}

/// Writes `client.key` in another format.
pub fn convert(server: &TlsServer, name: &str, arguments: &[&str]) {
    let arguments = [arguments, &["-in", "client.key", "-out", name]].concat();
    server.files.openssl(&arguments);
    server.files.make_private(name);
}

#[test]
fn certificates() {
    let server = server();
    let output = server.same(&[
        with(&server, "client.crt", "client.key", ""),
        with(&server, "client-v1.crt", "client-v1.key", ""),
        with(&server, "client-ec.crt", "client-ec.key", ""),
        with(
            &server,
            "client-chained+between.crt",
            "client-chained.key",
            "",
        ),
        with(&server, "client-chained.crt", "client-chained.key", ""),
        with(&server, "client-revoked.crt", "client-revoked.key", ""),
        with(&server, "client-other.crt", "client-other.key", ""),
        with(&server, "missing.crt", "missing.key", ""),
        with(&server, "client.crt", "client.key", "sslcertmode=disable"),
        with(&server, "client.crt", "client.key", "sslcertmode=require"),
        with(&server, "missing.crt", "missing.key", "sslcertmode=require"),
        with(&server, "client.crt", "client.key", "user=somebody"),
    ]);
    assert!(output.stdout.contains("/CN=tls_user"), "{output}");
    assert!(
        output.stdout.contains("sslv3 alert certificate revoked"),
        "{output}"
    );
    assert!(output.stdout.contains("tlsv1 alert unknown ca"), "{output}");
}

#[test]
fn keys_of_every_kind() {
    let server = server();
    let files = server.files;
    let mut all = Vec::new();
    for (name, key) in [
        (
            "p384",
            &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"][..],
        ),
        (
            "p521",
            &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
        ),
        ("ed", &["-algorithm", "ED25519"]),
        (
            "rsa3072",
            &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
        ),
        (
            "pss",
            &["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"],
        ),
        (
            "pss384",
            &[
                "-algorithm",
                "RSA-PSS",
                "-pkeyopt",
                "rsa_pss_keygen_md:sha384",
                "-pkeyopt",
                "rsa_pss_keygen_mgf1_md:sha384",
            ],
        ),
    ] {
        let name = format!("client-{name}");
        files.key(&name, key);
        files.signed_as(&name, "/CN=tls_user", "root", "", 1000);
        all.push(with(
            &server,
            &format!("{name}.crt"),
            &format!("{name}.key"),
            "",
        ));
    }
    let output = server.same(&all);
    assert_eq!(
        output.stdout.matches("status: 0").count(),
        all.len(),
        "{output}"
    );
}

#[test]
fn certificates_in_tls_1_2() {
    let server = server();
    let old = "ssl_max_protocol_version=TLSv1.2";
    server.same(&[
        with(&server, "client.crt", "client.key", old),
        with(&server, "client-v1.crt", "client-v1.key", old),
        with(&server, "client-ec.crt", "client-ec.key", old),
        with(&server, "client-revoked.crt", "client-revoked.key", old),
        with(&server, "client-other.crt", "client-other.key", old),
        with(&server, "missing.crt", "missing.key", old),
    ]);
}

#[test]
fn invalid_files() {
    let server = server();
    let files = server.files;
    files.write("empty", "");
    files.make_private("empty");
    files.write("open.key", "");
    let directory = files.path("directory");
    std::fs::create_dir_all(directory).expect("create the directory");
    server.same(&[
        with(&server, "client.crt", "missing.key", ""),
        with(&server, "client.crt", "good.key", ""),
        with(&server, "client.crt", "empty", ""),
        with(&server, "client.crt", "open.key", ""),
        with(&server, "client.crt", "directory", ""),
        with(&server, "client.crt", "client.key/x", ""),
        with(&server, "client.crt/x", "client.key", ""),
        with(&server, "empty", "client.key", ""),
        with(&server, "client.key", "client.key", ""),
    ]);
}

/// Permissions of key files: their owner is the tests' user, who may be root.
#[test]
fn permissions_of_keys() {
    use std::os::unix::fs::PermissionsExt;
    let server = server();
    let mut all = Vec::new();
    for mode in [
        0o400, 0o600, 0o640, 0o644, 0o620, 0o604, 0o660, 0o700, 0o666,
    ] {
        let name = format!("mode-{mode:o}.key");
        let path = server.files.path(&name);
        std::fs::copy(server.files.path("client.key"), &path).expect("copy the file");
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, mode).expect("set the file mode");
        all.push(with(&server, "client.crt", &name, ""));
    }
    let output = server.same(&all);
    let refused = output.stdout.matches("has group or world access").count();
    assert!(refused >= 5, "{output}");
}

#[test]
fn forms_of_keys() {
    let server = server();
    convert(
        &server,
        "pkcs8.der",
        &["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"],
    );
    convert(&server, "pkcs1.pem", &["rsa", "-traditional"]);
    convert(
        &server,
        "pkcs1.der",
        &["rsa", "-traditional", "-outform", "DER"],
    );
    let mut all: Vec<String> = ["pkcs8.der", "pkcs1.pem", "pkcs1.der"]
        .iter()
        .map(|key| with(&server, "client.crt", key, ""))
        .collect();
    for form in ["PEM", "DER"] {
        let name = format!("sec1-{form}");
        let arguments = [
            "ec",
            "-in",
            "client-ec.key",
            "-out",
            &name,
            "-outform",
            form,
        ];
        server.files.openssl(&arguments);
        server.files.make_private(&name);
        all.push(with(&server, "client-ec.crt", &name, ""));
    }
    let output = server.same(&all);
    assert_eq!(output.stdout.matches("status: 0").count(), 5, "{output}");
}

#[test]
fn a_hook_for_the_password() {
    let server = server();
    convert(
        &server,
        "hooked",
        &["pkcs8", "-topk8", "-passout", "pass:hooked"],
    );
    convert(
        &server,
        "not-hooked",
        &["pkcs8", "-topk8", "-passout", "pass:other"],
    );
    let conninfos = [
        with(&server, "client.crt", "hooked", ""),
        with(&server, "client.crt", "hooked", "sslpassword=other"),
        with(&server, "client.crt", "not-hooked", "sslpassword=other"),
        with(&server, "client.crt", "client.key", ""),
    ];
    let output = server.same_as("hook", &conninfos, &[]);
    assert_eq!(output.stdout.matches("hook: size").count(), 3, "{output}");
    assert_eq!(output.stdout.matches("status: 0").count(), 3, "{output}");
}

#[test]
fn there_is_no_password_prompt() {
    let server = server();
    convert(
        &server,
        "unknown",
        &["pkcs8", "-topk8", "-passout", "pass:unknown"],
    );
    let output = server.ours("", &[with(&server, "client.crt", "unknown", "")], &[]);
    assert!(
        output.stdout.contains("could not load private key file"),
        "{output}"
    );
    assert!(output.stdout.contains(": processing error"), "{output}");
}

/// For C libpq such a value is a file name. Listed in docs/tls.md.
#[test]
fn pem_text_in_place_of_files() {
    let server = server();
    let text_of = |name: &str| {
        let text = std::fs::read_to_string(server.files.path(name)).expect("PEM text");
        text.trim().replace('\n', "|")
    };
    let conninfo = format!(
        "host=good.test dbname=certified sslmode=verify-full sslrootcert='{}' sslcert='{}' sslkey='{}'",
        text_of("root.crt"),
        text_of("client.crt"),
        text_of("client.key")
    );
    let output = server
        .ours("", std::slice::from_ref(&conninfo), &[])
        .success();
    assert!(output.stdout.contains("/CN=tls_user"), "{output}");
    let output = server.on(Lib::Oracle, "", std::slice::from_ref(&conninfo));
    let text = "root certificate file \"-----BEGIN CERTIFICATE-----";
    assert!(output.stdout.contains(text), "{output}");
    assert!(output.stdout.contains("\" does not exist"), "{output}");
    // Only the roots in the text are trusted, as with a file: a server with another root is refused in every mode.
    for mode in ["require", "verify-ca", "verify-full"] {
        let other = conninfo
            .replace(&text_of("root.crt"), &text_of("other.crt"))
            .replace("verify-full", mode);
        let output = server.ours("", &[other], &[]).success();
        assert!(
            output.stdout.contains("certificate verify failed"),
            "{mode}: {output}"
        );
    }
    for damaged in [
        "-----BEGIN",
        "-----BEGIN CERTIFICATE-----|!!|-----END CERTIFICATE-----",
    ] {
        let damaged = conninfo.replace(&text_of("root.crt"), damaged);
        let output = server.ours("", &[damaged], &[]).success();
        let text = "could not read root certificate file \"sslrootcert\": ";
        assert!(output.stdout.contains(text), "{output}");
    }
    let broken = conninfo.replace(
        &text_of("client.key"),
        "-----BEGIN PRIVATE KEY-----|c2VjcmV0",
    );
    let output = server.ours("", &[broken], &[]).success();
    assert!(
        output
            .stdout
            .contains("could not load private key file \"sslkey\""),
        "{output}"
    );
    assert!(!output.stdout.contains("c2VjcmV0"), "{output}");
}

#[test]
fn files_in_the_home_directory() {
    let server = server();
    let home = server.files.path("home");
    let directory = home.join(".postgresql");
    std::fs::create_dir_all(&directory).expect("create the directory");
    for (from, to) in [
        ("root.crt", "root.crt"),
        ("client.crt", "postgresql.crt"),
        ("client.key", "postgresql.key"),
        ("v1.crl", "root.crl"),
    ] {
        std::fs::copy(server.files.path(from), directory.join(to)).expect("copy the file");
    }
    let home = home.display().to_string();
    let conninfos = [
        "host=good.test dbname=certified sslmode=verify-full".to_owned(),
        "host=good.test dbname=certified sslmode=prefer".to_owned(),
        "host=bad.test dbname=certified sslmode=verify-full".to_owned(),
    ];
    let output = server.same_as("", &conninfos, &[("HOME", &home)]);
    assert_eq!(output.stdout.matches("/CN=tls_user").count(), 2, "{output}");
    drop(server);
    let server = TlsServer::with("revoked", "revoked");
    let output = server.same_as("", &conninfos, &[("HOME", &home)]);
    assert!(
        output.stdout.contains("certificate verify failed"),
        "{output}"
    );
}
