//! Other TLS options, and unusual server certificates.

use super::server::TlsServer;

/// A connection string with verification, with the root certificate in `root`.
fn verify(server: &TlsServer, host: &str, root: &str, more: &str) -> String {
    let root = server.files.file(root);
    format!("host={host} dbname=postgres sslmode=verify-full sslrootcert={root} {more}")
}

#[test]
fn roots() {
    let server = TlsServer::with("good", "good");
    server.same(&[
        verify(&server, "good.test", "root.crt", ""),
        verify(&server, "good.test", "all.crt", ""),
        verify(&server, "good.test", "other.crt", ""),
        verify(&server, "good.test", "missing.crt", ""),
        "host=good.test dbname=postgres sslmode=verify-ca".to_owned(),
        "host=good.test dbname=postgres sslmode=require".to_owned(),
        "host='' dbname=postgres sslmode=verify-full sslrootcert=system".to_owned(),
        "host=good.test dbname=postgres sslrootcert=system".to_owned(),
        "host=good.test dbname=postgres sslmode=require sslrootcert=system".to_owned(),
    ]);
    let own = server.files.file("root.crt");
    let system = ["host=good.test dbname=postgres sslrootcert=system".to_owned()];
    let output = server.same_as("", &system, &[("SSL_CERT_FILE", &own)]);
    assert!(output.stdout.contains("status: 0"), "{output}");
    let other = server.files.file("other.crt");
    server.same_as("", &system, &[("SSL_CERT_FILE", &other)]);
}

#[test]
fn a_root_file_without_certificates() {
    let server = TlsServer::with("good", "good");
    server.files.write("no-certificate", "nothing\n");
    let conninfo = verify(&server, "good.test", "no-certificate", "");
    let output = server.ours("", &[conninfo], &[]).success();
    let text = "/no-certificate\": no certificate or crl found\\n";
    assert!(
        output
            .stdout
            .contains("could not read root certificate file"),
        "{output}"
    );
    assert!(output.stdout.contains(text), "{output}");
}

#[test]
fn a_directory_of_system_roots() {
    let server = TlsServer::with("good", "good");
    let directory = server.files.path("system");
    std::fs::create_dir_all(&directory).expect("create the directory");
    std::fs::copy(server.files.path("root.crt"), directory.join("root.pem"))
        .expect("copy the file");
    server.files.openssl(&["rehash", "system"]);
    let directory = directory.display().to_string();
    let system = ["host=good.test dbname=postgres sslrootcert=system".to_owned()];
    let output = server.same_as("", &system, &[("SSL_CERT_DIR", &directory)]);
    assert!(output.stdout.contains("status: 0"), "{output}");
}

#[test]
fn host_names() {
    let names = |server: &TlsServer, hosts: &[&str]| -> Vec<String> {
        hosts
            .iter()
            .map(|host| verify(server, host, "root.crt", ""))
            .collect()
    };
    for (certificate, hosts) in [
        (
            "wildcard",
            &["good.test", "a.good.test", "test", "GOOD.TEST", ".test"][..],
        ),
        (
            "ip",
            &["127.0.0.1", "127.1", "good.test", "127.0.0.2", "::1"],
        ),
        (
            "wrong-host",
            &["other.test", "third.test", "good.test", "127.0.0.1"],
        ),
        ("cn", &["good.test", "Good.Test", "other.test", "''"]),
        (
            "good",
            &["good.test", "good.test.", "'good.test '", "good_test"],
        ),
    ] {
        let server = TlsServer::with(certificate, certificate);
        server.same(&names(&server, hosts));
    }
}

#[test]
fn chains() {
    let server = TlsServer::with("chained+between", "chained");
    server.same(&[
        verify(&server, "chained", "root.crt", "sslmode=verify-ca"),
        verify(&server, "chained", "between.crt", "sslmode=verify-ca"),
        verify(&server, "good.test", "root.crt", ""),
    ]);
    drop(server);
    let server = TlsServer::with("chained", "chained");
    server.same(&[
        verify(&server, "good.test", "root.crt", ""),
        verify(&server, "good.test", "root+between.crt", ""),
        verify(&server, "good.test", "between.crt", ""),
    ]);
}

#[test]
fn certificates_that_webpki_rejects() {
    for (certificate, root) in [
        ("self", "self.crt"),
        ("self", "root.crt"),
        ("ecdsa", "ecdsa.crt"),
        ("ed25519", "ed25519.crt"),
        ("rsapss", "rsapss.crt"),
        ("rsapss", "root.crt"),
        ("from-v1root", "v1root.crt"),
        ("from-v1root", "root.crt"),
        ("client-purpose", "root.crt"),
        ("cn", "other.crt"),
    ] {
        let server = TlsServer::with(certificate, certificate);
        server.same(&[
            verify(&server, "good.test", root, ""),
            verify(&server, "good.test", root, "channel_binding=require user=scram_user password='secret word'"),
            verify(&server, "good.test", root, "channel_binding=disable user=scram_user password='secret word'"),
            "host=good.test dbname=postgres sslmode=require channel_binding=require user=scram_user password='secret word'".to_owned(),
        ]);
    }
}

#[test]
fn channel_binding() {
    let server = TlsServer::with("good", "good");
    let scram = "user=scram_user password='secret word'";
    let mut all = Vec::new();
    for binding in ["disable", "prefer", "require"] {
        for mode in ["disable", "require"] {
            for who in [
                scram,
                "user=md5_user password='secret word'",
                "user=postgres",
            ] {
                all.push(format!(
                    "host=good.test dbname=postgres sslmode={mode} channel_binding={binding} {who}"
                ));
            }
        }
    }
    let output = server.same(&all);
    assert!(
        output.stdout.contains("channel binding required"),
        "{output}"
    );
}

#[test]
fn revocation_lists() {
    for certificate in ["good", "revoked"] {
        let server = TlsServer::with(certificate, certificate);
        let file = |name: &str| server.files.file(name);
        let all: Vec<String> = [
            format!("sslcrl={}", file("v1.crl")),
            format!("sslcrl={}", file("v2.crl")),
            format!("sslcrl={}", file("other.crl")),
            format!("sslcrl={}", file("missing.crl")),
            format!("sslcrl={}", file("root.crt")),
            format!("sslcrldir={}", file("v1-lists")),
            format!("sslcrldir={}", file("v2-lists")),
            format!("sslcrldir={}", file("missing")),
            format!(
                "sslcrl={} sslcrldir={}",
                file("other.crl"),
                file("v1-lists")
            ),
            format!(
                "sslcrl={} sslcrldir={}",
                file("missing.crl"),
                file("v1-lists")
            ),
        ]
        .iter()
        .map(|more| {
            verify(
                &server,
                "good.test",
                "root.crt",
                &format!("sslmode=verify-ca {more}"),
            )
        })
        .collect();
        server.same(&all);
    }
}

#[test]
fn protocol_versions() {
    let server = TlsServer::with("good", "good");
    let mut all = Vec::new();
    for min in ["", "TLSv1", "TLSv1.1", "tlsv1.2", "TLSv1.3", "TLSv1.4"] {
        for max in ["", "TLSv1.2", "TLSv1.3", "SSLv3"] {
            all.push(format!(
                "host=good.test dbname=postgres sslmode=require ssl_min_protocol_version='{min}' ssl_max_protocol_version='{max}'"
            ));
        }
    }
    server.same(&all);
}

#[test]
fn old_protocol_versions_give_an_error() {
    let server = TlsServer::with("good", "good");
    let old = "host=good.test dbname=postgres sslmode=require ssl_min_protocol_version=TLSv1 ssl_max_protocol_version=TLSv1.1";
    let output = server.ours("", &[old.to_owned()], &[]).success();
    assert!(
        output
            .stdout
            .contains(r#""TLSv1.1" is not supported, the lowest supported version is TLSv1.2"#),
        "{output}"
    );
}

#[test]
fn pqsslattribute_names_the_library() {
    let server = TlsServer::with("good", "good");
    let output = server.ours("library", &[], &[]).success();
    assert_eq!(output.stdout, "library: \"rustls\"\n");
}

#[test]
fn sslkeylogfile() {
    let server = TlsServer::with("good", "good");
    let path = server.files.path("secrets");
    let conninfo = format!(
        "host=good.test dbname=postgres sslmode=require sslkeylogfile={}",
        path.display()
    );
    server.ours("", &[conninfo], &[]).success();
    let secrets = std::fs::read_to_string(&path).expect("the secrets");
    for label in [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    ] {
        let line = secrets
            .lines()
            .find(|line| line.starts_with(label))
            .expect(label);
        assert!(
            line.split(' ')
                .nth(1)
                .is_some_and(|random| random.len() == 64),
            "{line}"
        );
    }
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&path)
        .expect("the file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let nowhere = "host=good.test dbname=postgres sslmode=require sslkeylogfile=/nonexistent/x";
    let output = server.ours("", &[nowhere.to_owned()], &[]).success();
    let warning = "WARNING: could not open SSL key logging file \"/nonexistent/x\": No such file or directory\n";
    assert!(output.stderr.starts_with(warning), "{output}");
    assert!(output.stdout.contains("status: 0"), "{output}");
}

#[test]
fn cancel_requests() {
    let server = TlsServer::with("good", "good");
    let all: Vec<String> = ["disable", "require", "verify-full"]
        .iter()
        .flat_map(|mode| {
            let root = server.files.file("root.crt");
            ["postgres", "direct"].map(|negotiation| {
                format!("host=good.test dbname=postgres sslrootcert={root} sslmode={mode} sslnegotiation={negotiation}")
            })
        })
        .collect();
    let output = server.same_as("cancel", &all, &[]);
    assert_eq!(output.stdout.matches("57014").count(), 5, "{output}");
}

#[test]
fn forged_chains() {
    for (forged, root) in [
        ("forged-by-v3", "root.crt"),
        ("forged-by-v3-old", "root.crt"),
        ("forged-by-v1", "root.crt"),
        ("forged-by-v1-old", "root.crt"),
        ("forged-by-lists-only", "root.crt"),
        ("forged-too-far", "short.crt"),
    ] {
        let server = TlsServer::with(&format!("{forged}+issuer"), forged);
        let output = server.same(&[verify(&server, "good.test", root, "")]);
        assert!(
            output.stdout.contains("certificate verify failed"),
            "{output}"
        );
    }
}
