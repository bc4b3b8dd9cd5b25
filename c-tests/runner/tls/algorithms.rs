//! Key exchange algorithms and keys that are rarely used: either both libraries support them, or only C libpq does.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use super::certificates::Certificates;
use super::server::TlsServer;
use crate::support::paths::Lib;
use crate::support::postgres::free_port;
use crate::support::program::Program;
use crate::support::session::wait_until;

const GOOD: &str = "subjectAltName=DNS:good.test\n";
const VERSIONS: [&str; 2] = ["TLSv1.2", "TLSv1.3"];

/// Makes NAME.key and NAME.crt, issued by `root`.
fn server_certificate(files: &Certificates, name: &str, key: &[&str]) {
    files.key(name, key);
    files.signed_as(name, "/CN=good.test", "root", GOOD, 1000);
}

/// A connection string for each version of TLS and each mode.
fn connections(server: &TlsServer, modes: &[&str]) -> Vec<String> {
    let root = server.files.file("root.crt");
    let mut all = Vec::new();
    for version in VERSIONS {
        for mode in modes {
            let trust = match *mode {
                "verify-ca" | "verify-full" => format!("sslrootcert={root}"),
                _ => String::new(),
            };
            all.push(format!(
                "host=good.test dbname=postgres sslmode={mode} {trust} ssl_max_protocol_version={version}"
            ));
        }
    }
    all
}

#[test]
fn secp521r1_is_the_only_group() {
    let server = TlsServer::with_settings("good", "good", "ssl_groups = 'secp521r1'\n");
    let all = connections(&server, &["prefer", "require", "verify-full"]);
    let output = server.same(&all);
    assert_eq!(output.stdout.matches("in use: 1").count(), 6, "{output}");
}

#[test]
fn certificates_of_p521() {
    let files = Certificates::shared();
    let key = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"];
    server_certificate(files, "p521", &key);
    let server = TlsServer::with("p521", "p521");
    let all = connections(&server, &["prefer", "require", "verify-full"]);
    let output = server.same(&all);
    assert_eq!(output.stdout.matches("in use: 1").count(), 6, "{output}");
}

#[test]
fn certificates_of_p521_for_clients() {
    let files = Certificates::shared();
    let key = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"];
    files.key("client-p521-1.2", &key);
    files.signed_as("client-p521-1.2", "/CN=tls_user", "root", "", 1000);
    let server = TlsServer::with_settings("good", "good", "ssl_groups = 'secp521r1'\n");
    let (certificate, key) = (
        files.file("client-p521-1.2.crt"),
        files.file("client-p521-1.2.key"),
    );
    let all = VERSIONS.map(|version| {
        format!("host=good.test dbname=certified sslmode=require sslcert={certificate} sslkey={key} ssl_max_protocol_version={version}")
    });
    let output = server.same(&all);
    assert_eq!(output.stdout.matches("/CN=tls_user").count(), 2, "{output}");
}

/// C libpq accepts keys of any size if the certificate is not verified. With verification, small keys are refused.
#[test]
fn small_rsa_keys() {
    let files = Certificates::shared();
    for bits in ["512", "768", "1024", "1536"] {
        let name = format!("rsa{bits}");
        let size = format!("rsa_keygen_bits:{bits}");
        server_certificate(files, &name, &["-algorithm", "RSA", "-pkeyopt", &size]);
        let server = TlsServer::weak(&name, &name);
        let mut all = connections(&server, &["prefer", "require", "verify-ca"]);
        // A key of 512 bits is too small for RSA-PSS, which TLS 1.3 requires.
        all.truncate(if bits == "512" { 3 } else { 6 });
        let output = server.same(&all);
        let encrypted = output.stdout.matches("in use: 1").count();
        assert_eq!(encrypted, all.len() / 3 * 2, "{output}");
        let text = "SSL error: certificate verify failed";
        assert!(output.stdout.contains(text), "{output}");
    }
}

/// With PKCS #1 signatures and every digest.
#[test]
fn signatures_of_small_rsa_keys() {
    let files = Certificates::shared();
    let key = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"];
    server_certificate(files, "signing1024", &key);
    for digest in ["sha256", "sha384", "sha512"] {
        for kind in ["rsa_pss_rsae", "rsa_pkcs1"] {
            let server =
                TlsServer::signing(&format!("{kind}_{digest}"), "signing1024", "signing1024");
            let mut all = connections(&server, &["require"]);
            // RFC 8446, 4.2.3: in TLS 1.3, handshakes are not signed with PKCS #1.
            all.truncate(if kind == "rsa_pkcs1" { 1 } else { 2 });
            if kind == "rsa_pss_rsae" && digest == "sha512" {
                // A digest of 64 bytes and a salt of the same size do not fit.
                for lib in [Lib::Oracle, Lib::Ours] {
                    let output = server.on(lib, "", &all);
                    assert!(!output.stdout.contains("in use: 1"), "{output}");
                }
                continue;
            }
            let output = server.same(&all);
            let encrypted = output.stdout.matches("in use: 1").count();
            assert_eq!(encrypted, all.len(), "{output}");
        }
    }
}

#[test]
fn large_rsa_keys() {
    let files = Certificates::shared();
    let key = [
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:8320",
        "-pkeyopt",
        "rsa_keygen_primes:5",
    ];
    server_certificate(files, "rsa8320", &key);
    let server = TlsServer::with("rsa8320", "rsa8320");
    let output = server.same(&connections(&server, &["prefer", "require", "verify-full"]));
    assert_eq!(output.stdout.matches("in use: 1").count(), 6, "{output}");
}

/// RSA-PSS-only keys. Listed in docs/tls.md.
#[test]
fn rsa_pss_keys_in_tls_1_2() {
    let server =
        TlsServer::with_settings("rsapss", "rsapss", "ssl_max_protocol_version = 'TLSv1.2'\n");
    let line = |mode: &str| vec![format!("host=good.test dbname=postgres sslmode={mode}")];
    let output = server.on(Lib::Oracle, "", &line("prefer"));
    assert!(output.stdout.contains("in use: 1"), "{output}");
    let output = server.on(Lib::Ours, "", &line("require"));
    let text = "SSL error: wrong signature type\\nThis may indicate that the server shares no";
    assert!(output.stdout.contains(text), "{output}");
    let output = server.on(Lib::Ours, "", &line("prefer"));
    let reason = "SSL error: wrong signature type";
    assert_eq!(
        output.stderr,
        NOTICE.replace("SSL error: sslv3 alert handshake failure", reason)
    );
}

/// OpenSSL's server requires that a TLS 1.2 client announces support for compressed points. Listed in docs/tls.md.
#[test]
fn compressed_points_in_tls_1_2() {
    let files = Certificates::shared();
    let key = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    files.key("long-point", &key);
    let convert = ["ec", "-in", "long-point.key", "-conv_form", "compressed"];
    files.openssl(&[&convert[..], &["-out", "compressed.key"]].concat());
    files.signed_as("compressed", "/CN=good.test", "root", GOOD, 1000);
    let server = TlsServer::with("compressed", "compressed");
    let all = connections(&server, &["prefer", "require", "verify-full"]);
    let (tls12, tls13) = all.split_at(3);
    let output = server.same(tls13);
    assert_eq!(output.stdout.matches("in use: 1").count(), 3, "{output}");
    let output = server.on(Lib::Oracle, "", tls12);
    assert_eq!(output.stdout.matches("in use: 1").count(), 3, "{output}");
    let output = server.on(Lib::Ours, "", tls12);
    assert_eq!(
        output.stdout.matches(NOTHING_IN_COMMON).count(),
        2,
        "{output}"
    );
    assert_eq!(output.stderr, NOTICE);
}

/// rustls accepts handshake messages up to 64 kB, OpenSSL certificate chains up to 100 kB.
#[test]
fn chains_of_many_bytes() {
    let files = Certificates::shared();
    let one = std::fs::read_to_string(files.path("other.crt")).expect("a certificate");
    let good = std::fs::read_to_string(files.path("good.crt")).expect("a certificate");
    let line = |mode: &str| vec![format!("host=good.test dbname=postgres sslmode={mode}")];
    for (name, count, fits) in [("some", 60, true), ("many", 110, false)] {
        files.write(
            &format!("{name}-extra.crt"),
            &(good.clone() + &one.repeat(count)),
        );
        let server = TlsServer::with(&format!("{name}-extra"), "good");
        let expected = server.on(Lib::Oracle, "", &line("prefer"));
        assert!(expected.stdout.contains("in use: 1"), "{expected}");
        let [prefer, require] =
            ["prefer", "require"].map(|mode| server.on(Lib::Ours, "", &line(mode)));
        if fits {
            assert_eq!(prefer, expected, "{prefer}");
            continue;
        }
        let text = "SSL error: excessive message size";
        let hint = "\\nThis library takes messages of a handshake, and so certificate chains, up to 64 kB.";
        assert!(
            require.stdout.contains(&format!("{text}{hint}")),
            "{require}"
        );
        assert!(prefer.stdout.contains("in use: 0"), "{prefer}");
        let notice = NOTICE.replace("SSL error: sslv3 alert handshake failure", text);
        assert_eq!(prefer.stderr, notice);
    }
}

/// Algorithms that rustls lacks: C libpq encrypts, and ours reports why it does not.
#[test]
fn servers_that_this_library_cannot_speak_with() {
    let files = Certificates::shared();
    server_certificate(files, "ed448", &["-algorithm", "ED448"]);
    let old =
        |ciphers| format!("ssl_max_protocol_version = 'TLSv1.2'\nssl_ciphers = '{ciphers}'\n");
    for (name, certificate, settings) in [
        ("CBC", "good", old("ECDHE-RSA-AES128-SHA256")),
        ("static RSA", "good", old("AES256-GCM-SHA384")),
        ("DHE", "good", old("DHE-RSA-AES128-GCM-SHA256")),
        ("Ed448", "ed448", String::new()),
        ("Ed448 in TLS 1.2", "ed448", old("HIGH")),
        ("X448", "good", "ssl_groups = 'X448'\n".to_owned()),
        (
            "ffdhe2048",
            "good",
            "ssl_groups = 'ffdhe2048'\nssl_min_protocol_version = 'TLSv1.3'\n".to_owned(),
        ),
    ] {
        let server = TlsServer::with_settings(certificate, certificate, &settings);
        let line = |mode: &str| format!("host=good.test dbname=postgres sslmode={mode}");
        for mode in ["prefer", "require"] {
            let output = server.on(Lib::Oracle, "", &[line(mode)]).success();
            assert!(output.stdout.contains("in use: 1"), "{name}: {output}");
        }
        let output = server.on(Lib::Ours, "", &[line("require")]).success();
        assert!(output.stdout.contains("status: 1"), "{name}: {output}");
        assert!(
            output.stdout.contains(NOTHING_IN_COMMON),
            "{name}: {output}"
        );
        assert_eq!(output.stderr, "", "{name}");
        let output = server.on(Lib::Ours, "", &[line("prefer")]).success();
        assert!(output.stdout.contains("status: 0"), "{name}: {output}");
        assert!(output.stdout.contains("in use: 0"), "{name}: {output}");
        assert_eq!(output.stderr, NOTICE, "{name}");
    }
}

const NOTHING_IN_COMMON: &str = "SSL error: sslv3 alert handshake failure\\nThis may indicate that the server shares no cipher suite, key exchange group or type of certificate with this library, which has only TLS 1.3 and TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305.";
const NOTICE: &str = "server offered TLS, but this library could not use it: SSL error: sslv3 alert handshake failure; the session is not encrypted\n";

/// A TLS 1.2 server that renegotiates during a session, as PostgreSQL did before 9.5. C libpq renegotiates; rustls
/// refuses, and OpenSSL's server then ends the session. Listed in docs/tls.md.
#[test]
fn renegotiation_ends_the_session() {
    let run = |lib| {
        let mut server = Renegotiating::start(Certificates::shared());
        let line = format!(
            "host=good.test hostaddr=127.0.0.1 port={} user=u dbname=d sslmode=require sslnegotiation=direct gssencmode=disable\n",
            server.port
        );
        let program = Program::new("tls");
        let client = thread::spawn(move || program.run_with_input(lib, &[], &[], line.as_bytes()));
        server.wait_for("user");
        server.write(b"r\n");
        server.wait_for("SSL_do_handshake -> 1");
        // Instead of a reply to the startup packet, a message that ends the connection attempt.
        server.write(b"S\0\0\0\x05\0");
        client.join().expect("the client").stdout
    };
    let expected = run(Lib::Oracle);
    let text = "expected authentication request from server, but received S";
    assert!(expected.contains(text), "{expected}");
    let ours = run(Lib::Ours);
    let text = "SSL error: sslv3 alert handshake failure";
    assert!(ours.contains(text), "{ours}");
}

/// A server of the openssl program; it is ended when dropped.
struct Renegotiating {
    process: Child,
    port: u16,
    printed: Arc<Mutex<Vec<u8>>>,
}

impl Renegotiating {
    fn start(files: &Certificates) -> Renegotiating {
        let port = free_port();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-tls1_2", "-alpn", "postgresql", "-accept"]);
        command.arg(port.to_string());
        command.args([
            "-cert",
            &files.file("good.crt"),
            "-key",
            &files.file("good.key"),
        ]);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.stderr(Stdio::null()).spawn().expect("openssl runs");
        let mut output = process.stdout.take().expect("a pipe");
        let printed = Arc::new(Mutex::new(Vec::new()));
        let shared = printed.clone();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shared
                    .lock()
                    .expect("a lock")
                    .extend_from_slice(&bytes[..count]);
            }
        });
        let server = Renegotiating {
            process,
            port,
            printed,
        };
        server.wait_for("ACCEPT");
        server
    }

    fn wait_for(&self, text: &str) {
        wait_until("there", || {
            let printed = self.printed.lock().expect("a lock");
            let printed = String::from_utf8_lossy(&printed);
            if printed.contains(text) {
                "there".to_owned()
            } else {
                printed.into_owned()
            }
        });
    }

    fn write(&mut self, bytes: &[u8]) {
        let input = self.process.stdin.as_mut().expect("a pipe");
        input.write_all(bytes).expect("a server that reads");
    }
}

impl Drop for Renegotiating {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
