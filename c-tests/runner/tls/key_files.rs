//! Client key files: PEM labels, encryption, and other contents.

use super::forms::{der, pem, read};
use super::keys::{convert, server, with};
use crate::support::paths::Lib;

#[test]
fn encrypted_keys() {
    let server = server();
    let mut all = Vec::new();
    for (name, arguments) in [
        (
            "pbes2-aes",
            &[
                "pkcs8",
                "-topk8",
                "-passout",
                "pass:secret",
                "-v2",
                "aes-256-cbc",
            ][..],
        ),
        (
            "pbes2-3des",
            &["pkcs8", "-topk8", "-passout", "pass:secret", "-v2", "des3"],
        ),
        (
            "pbes2-sha1",
            &[
                "pkcs8",
                "-topk8",
                "-passout",
                "pass:secret",
                "-v2prf",
                "hmacWithSHA1",
            ],
        ),
        (
            "old-aes128",
            &["rsa", "-traditional", "-passout", "pass:secret", "-aes128"],
        ),
        (
            "old-aes192",
            &["rsa", "-traditional", "-passout", "pass:secret", "-aes192"],
        ),
        (
            "old-aes256",
            &["rsa", "-traditional", "-passout", "pass:secret", "-aes256"],
        ),
        (
            "old-3des",
            &["rsa", "-traditional", "-passout", "pass:secret", "-des3"],
        ),
        (
            "pbes2-aes128",
            &[
                "pkcs8",
                "-topk8",
                "-passout",
                "pass:secret",
                "-v2",
                "aes-128-cbc",
            ],
        ),
        (
            "pbes2-aes192",
            &[
                "pkcs8",
                "-topk8",
                "-passout",
                "pass:secret",
                "-v2",
                "aes-192-cbc",
            ],
        ),
        (
            "pbes2-sha512",
            &[
                "pkcs8",
                "-topk8",
                "-passout",
                "pass:secret",
                "-v2prf",
                "hmacWithSHA512",
            ],
        ),
        (
            "scrypt",
            &["pkcs8", "-topk8", "-passout", "pass:secret", "-scrypt"],
        ),
    ] {
        convert(&server, name, arguments);
        all.push(with(&server, "client.crt", name, "sslpassword=secret"));
        all.push(with(&server, "client.crt", name, "sslpassword=wrong"));
    }
    let output = server.same(&all);
    assert_eq!(output.stdout.matches("status: 0").count(), 11, "{output}");
    assert!(output.stdout.contains("bad decrypt"), "{output}");
}

/// Encryption as in PKCS #12.
#[test]
fn keys_encrypted_in_old_formats() {
    let server = server();
    let mut all = Vec::new();
    for (name, method, password) in [
        ("pbes1-3des", "PBE-SHA1-3DES", "secret"),
        ("pbes1-2des", "PBE-SHA1-2DES", "secret"),
        ("pbes1-letters", "PBE-SHA1-3DES", "Grüße 日本 𝄞"),
        (
            "pbes1-long",
            "PBE-SHA1-3DES",
            "a password of more than one block of SHA-1, which is 64 bytes",
        ),
    ] {
        let given = format!("pass:{password}");
        let arguments = ["pkcs8", "-topk8", "-passout", &given, "-v1", method];
        convert(&server, name, &arguments);
        for given in [password, "wrong"] {
            all.push(with(
                &server,
                "client.crt",
                name,
                &format!("sslpassword='{given}'"),
            ));
        }
    }
    let output = server.same(&all);
    assert_eq!(output.stdout.matches("status: 0").count(), 4, "{output}");
    assert!(output.stdout.contains("bad decrypt"), "{output}");
}

/// Ciphers that only C libpq supports. Listed in docs/tls.md.
#[test]
fn keys_encrypted_with_unusual_ciphers() {
    let server = server();
    for (name, arguments) in [
        (
            "old-camellia",
            &[
                "rsa",
                "-traditional",
                "-passout",
                "pass:secret",
                "-camellia128",
            ][..],
        ),
        (
            "old-aria",
            &["rsa", "-traditional", "-passout", "pass:secret", "-aria256"],
        ),
        (
            "old-ctr",
            &[
                "rsa",
                "-traditional",
                "-passout",
                "pass:secret",
                "-aes-128-ctr",
            ],
        ),
        (
            "pbes2-camellia",
            &[
                "pkcs8",
                "-topk8",
                "-passout",
                "pass:secret",
                "-v2",
                "camellia-256-cbc",
            ],
        ),
        (
            "pbes2-aria",
            &[
                "pkcs8",
                "-topk8",
                "-passout",
                "pass:secret",
                "-v2",
                "aria-128-cbc",
            ],
        ),
    ] {
        convert(&server, name, arguments);
        let conninfo = [with(&server, "client.crt", name, "sslpassword=secret")];
        let output = server.on(Lib::Oracle, "", &conninfo);
        assert!(output.stdout.contains("status: 0"), "{output}");
        let output = server.on(Lib::Ours, "", &conninfo);
        let text = format!("{name}\": unsupported\\n");
        assert!(output.stdout.contains(&text), "{output}");
    }
}

#[test]
fn keys_with_other_pem_labels() {
    let server = server();
    let files = server.files;
    files.openssl(&[
        "rsa",
        "-in",
        "client.key",
        "-traditional",
        "-out",
        "l-pkcs1",
    ]);
    files.openssl(&["ec", "-in", "client-ec.key", "-out", "l-sec1"]);
    files.openssl(&[
        "pkcs8",
        "-topk8",
        "-in",
        "client.key",
        "-passout",
        "pass:secret",
        "-out",
        "l-encrypted",
    ]);
    let mut all = Vec::new();
    for (certificate, keys) in [
        ("client.crt", ["client.key", "l-pkcs1", "l-encrypted"]),
        ("client-ec.crt", ["client-ec.key", "l-sec1", "l-sec1"]),
    ] {
        for key in keys {
            for label in [
                "PRIVATE KEY",
                "RSA PRIVATE KEY",
                "EC PRIVATE KEY",
                "DSA PRIVATE KEY",
                "ENCRYPTED PRIVATE KEY",
                "ANY PRIVATE KEY",
            ] {
                let name = format!("l-{key}-{}", label.replace(' ', "-"));
                files.write(&name, &pem(label, &der(files, key)));
                files.make_private(&name);
                all.push(with(&server, certificate, &name, "sslpassword=secret"));
            }
        }
    }
    let output = server.same(&all);
    // PKCS #8: RSA with three labels, EC with three; PKCS #1, SEC 1 (twice) and encrypted keys with their own labels.
    assert_eq!(
        output.stdout.matches("/CN=tls_user").count(),
        3 + 1 + 1 + 3 + 1 + 1,
        "{output}"
    );
}

#[test]
fn keys_after_a_damaged_block() {
    let server = server();
    let files = server.files;
    files.openssl(&[
        "pkcs8",
        "-topk8",
        "-in",
        "client.key",
        "-passout",
        "pass:secret",
        "-out",
        "b-encrypted",
    ]);
    let mut all = Vec::new();
    for (number, before) in [
        "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END FOO-----\n",
        "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END FOO-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        "some text\n",
    ]
    .iter()
    .enumerate()
    {
        for key in ["client.key", "b-encrypted"] {
            let name = format!("b-{number}-{key}");
            files.write(&name, &(before.to_string() + &read(files, key)));
            files.make_private(&name);
            all.push(with(&server, "client.crt", &name, "sslpassword=secret"));
        }
    }
    files.write(
        "b-behind",
        &(read(files, "client.key") + "-----BEGIN FOO-----\n!!!!\n-----END FOO-----\n"),
    );
    files.make_private("b-behind");
    all.push(with(&server, "client.crt", "b-behind", ""));
    let output = server.same(&all);
    assert_eq!(
        output.stdout.matches("/CN=tls_user").count(),
        all.len(),
        "{output}"
    );
}

#[test]
fn keys_of_other_certificates() {
    let server = server();
    let files = server.files;
    files.key("k-ed25519", &["-algorithm", "ED25519"]);
    files.key(
        "k-pss",
        &["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"],
    );
    files.key(
        "k-p384",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    );
    let keys = [
        "good.key",
        "client-ec.key",
        "ecdsa.key",
        "k-ed25519.key",
        "k-pss.key",
        "k-p384.key",
    ];
    for certificate in ["client.crt", "client-ec.crt"] {
        for key in keys {
            // Each in its own process: errors stay in OpenSSL's queue after a connection.
            let output = server.same(&[with(&server, certificate, key, "")]);
            let good = certificate == "client-ec.crt" && key == "client-ec.key";
            assert_eq!(output.stdout.contains("status: 0"), good, "{output}");
        }
    }
}

/// OpenSSL treats the key as a part of the block before it. Listed in docs/tls.md.
#[test]
fn a_key_after_an_unterminated_block() {
    let server = server();
    let files = server.files;
    for (name, before) in [
        ("n-certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"),
        ("n-key", "-----BEGIN PRIVATE KEY-----\nAAAA\n"),
    ] {
        files.write(name, &(before.to_owned() + &read(files, "client.key")));
        files.make_private(name);
        let conninfo = [with(&server, "client.crt", name, "")];
        let output = server.on(Lib::Oracle, "", &conninfo);
        assert!(output.stdout.contains("unsupported"), "{output}");
        let output = server.on(Lib::Ours, "", &conninfo);
        assert!(output.stdout.contains("/CN=tls_user"), "{output}");
    }
}

/// Listed in docs/tls.md.
#[test]
fn bytes_that_are_not_text_before_the_first_block() {
    let server = server();
    let files = server.files;
    for name in ["client.crt", "client.key"] {
        files.write("n-nul", &("\0".to_owned() + &read(files, name)));
        files.make_private("n-nul");
        let conninfo = match name {
            "client.crt" => with(&server, "n-nul", "client.key", ""),
            _ => with(&server, "client.crt", "n-nul", ""),
        };
        let output = server.on(Lib::Oracle, "", std::slice::from_ref(&conninfo));
        assert!(!output.stdout.contains("/CN=tls_user"), "{name}: {output}");
        let output = server.on(Lib::Ours, "", &[conninfo]);
        assert!(output.stdout.contains("/CN=tls_user"), "{name}: {output}");
    }
}
