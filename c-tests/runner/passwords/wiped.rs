//! No secret, and no part of one, is left in the process' memory after PQfinish, or in registers when a function returns.

use std::fs::{self, Permissions};
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use crate::oauth;
use crate::support::paths::Lib;
use crate::support::postgres::{self, Postgres, Version};
use crate::support::program::Program;
use crate::tls::certificates::Certificates;
use crate::tls::forms;
use crate::tls::keys;
use crate::tls::server::TlsServer;

/// No part of it is in another part, or in anything else.
const PASSWORD: &str = "qY7vKx2mWd9-rT4bNz8hLc5.sJ3fPg6uEa1%kB0oVi_QwXyZ";

/// Hidden from the search.
fn inverted(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{:02x}", !byte)).collect()
}

/// What the program prints when it connects in a way, and which then has no secret left in its memory.
#[track_caller]
fn output_of(how: &str, conninfo: &str, secrets: &[&[u8]], env: &[(&str, &str)]) -> String {
    let secrets: Vec<String> = secrets.iter().map(|secret| inverted(secret)).collect();
    let conninfo = inverted(conninfo.as_bytes());
    let mut args = vec![how, &conninfo];
    args.extend(secrets.iter().map(String::as_str));
    Program::new("wiped")
        .run(Lib::Ours, &args, env)
        .success()
        .to_string()
}

/// In every way to connect, and with the functions that return secrets, nothing is left.
#[track_caller]
fn nothing_is_left(conninfo: &str, secrets: &[&[u8]]) {
    nothing_is_left_in(&["k", "p", "s", "rch"], conninfo, secrets, &[]);
}

#[track_caller]
fn nothing_is_found(how: &str, conninfo: &str, output: &str) {
    for claim in ["left: 0\n", "in registers: 0\n"] {
        assert!(output.contains(claim), "{how} {conninfo}\n{output}");
    }
}

#[track_caller]
fn nothing_is_left_in(ways: &[&str], conninfo: &str, secrets: &[&[u8]], env: &[(&str, &str)]) {
    for how in ways {
        let output = output_of(how, conninfo, secrets, env);
        assert!(output.contains("status: 0"), "{how} {conninfo}\n{output}");
        nothing_is_found(how, conninfo, &output);
        // The search finds a secret that is still used, and one in a register.
        let finds = !output.contains("kept: 0\n") && output.contains("planted: 1\n");
        assert!(!how.contains('k') || finds, "{how} {conninfo}\n{output}");
    }
}

/// A server whose roles have the password.
fn server() -> Postgres {
    let server = Postgres::start(Version::Oracle18, "");
    for (role, method) in [
        ("scram_user", "scram-sha-256"),
        ("password_user", "scram-sha-256"),
        ("md5_user", "md5"),
    ] {
        server.psql(
            "postgres",
            &format!(
                "SET password_encryption = '{method}';\nALTER ROLE {role} PASSWORD '{PASSWORD}';\n"
            ),
        );
    }
    server
}

/// A connection string for a role, without a password.
fn conninfo(server: &Postgres, role: &str) -> String {
    format!("{} user={role}", server.tcp("postgres"))
}

fn private_file(directory: &Path, name: &str, text: &str) -> String {
    let file = directory.join(name);
    fs::write(&file, text).expect("a file");
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("a mode");
    file.to_str().expect("a UTF-8 path").to_owned()
}

#[test]
fn no_password_is_left_in_memory_after_pqfinish() {
    let server = server();
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let directory = directory.path();
    let passwords = private_file(directory, "passwords", &format!("*:*:*:*:{PASSWORD}\n"));
    let services = format!("[one]\nuser=nobody\npassword={PASSWORD}\n");
    let services = private_file(directory, "services", &services);
    let port = server.port();
    // The first digit of each code is in the part of the password before it.
    let encoded: String = PASSWORD
        .bytes()
        .map(|byte| format!("%{byte:02x}"))
        .collect();
    let secrets = [PASSWORD.as_bytes(), encoded.as_bytes()];
    for role in ["scram_user", "md5_user", "password_user"] {
        let start = conninfo(&server, role);
        for conninfo in [
            format!("{start} password={PASSWORD}"),
            format!("{start} password = '{PASSWORD}' application_name=x"),
            format!("{start} passfile={passwords}"),
            format!("{start} service=one servicefile={services}"),
            format!("postgresql://{role}:{PASSWORD}@127.0.0.1:{port}/postgres").replace('%', "%25"),
            format!("postgresql://{role}:{encoded}@127.0.0.1:{port}/postgres"),
            format!("postgresql://{role}@127.0.0.1:{port}/postgres?password={encoded}"),
        ] {
            nothing_is_left(&conninfo, &secrets);
        }
    }
}

/// The keys that the library computes from the password, and those that the application passes instead.
#[test]
fn no_scram_key_is_left() {
    const SALT: &[u8] = b"salt of sixteen.";
    let server = server();
    let mut salted = [0; 32];
    let iterations = NonZeroU32::new(4096).expect("not zero");
    let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::derive(
        algorithm,
        iterations,
        SALT,
        PASSWORD.as_bytes(),
        &mut salted,
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let (client, servers) = (
        hmac::sign(&key, b"Client Key"),
        hmac::sign(&key, b"Server Key"),
    );
    let stored = digest::digest(&digest::SHA256, client.as_ref());
    let verifier = format!(
        "SCRAM-SHA-256$4096:{}${}:{}",
        STANDARD.encode(SALT),
        STANDARD.encode(stored),
        STANDARD.encode(servers)
    );
    server.psql(
        "postgres",
        &format!("ALTER ROLE scram_user PASSWORD '{verifier}'"),
    );
    let start = conninfo(&server, "scram_user");
    let secrets = [
        PASSWORD.as_bytes(),
        &salted,
        client.as_ref(),
        servers.as_ref(),
    ];
    nothing_is_left(&format!("{start} password={PASSWORD}"), &secrets);
    let texts = [STANDARD.encode(client), STANDARD.encode(servers)];
    let conninfo = format!(
        "{start} require_auth=scram-sha-256 scram_client_key={} scram_server_key={}",
        texts[0], texts[1]
    );
    let secrets = [
        client.as_ref(),
        servers.as_ref(),
        texts[0].as_bytes(),
        texts[1].as_bytes(),
    ];
    nothing_is_left(&conninfo, &secrets);
}

#[test]
fn no_password_is_left_if_the_connection_fails() {
    let server = server();
    let start = conninfo(&server, "scram_user");
    server.psql("postgres", "ALTER ROLE scram_user PASSWORD 'another'");
    for conninfo in [
        format!("{start} password={PASSWORD}"),
        format!("{start} password={PASSWORD} host=127.0.0.1,127.0.0.1"),
        format!("{start} password={PASSWORD} sslmode=nonsense"),
        format!("{start} password={PASSWORD} nonsense=x"),
        format!("{start} password='{PASSWORD}"),
        format!("postgresql://u@[::1]/?passwort={PASSWORD}").replace('%', "%25"),
    ] {
        let secrets = [PASSWORD.as_bytes()];
        let output = output_of("cr", &conninfo, &secrets, &[]);
        assert!(output.contains("status: 1"), "{conninfo}\n{output}");
        nothing_is_found("cr", &conninfo, &output);
    }
}

/// The message quotes the password, and is the application's. The registers are not.
#[test]
fn no_password_is_left_in_registers_if_a_connection_string_is_malformed() {
    for conninfo in [
        format!("postgresql://me:{PASSWORD}%zz@127.0.0.1/postgres"),
        format!("postgresql://me:{PASSWORD}@[::1").replace('%', "%25"),
        format!("postgresql://127.0.0.1/?ssl{PASSWORD}=true").replace('%', "%25"),
        format!("  {PASSWORD}"),
        format!("password=a {PASSWORD}=b"),
    ] {
        let output = output_of("e", &conninfo, &[PASSWORD.as_bytes()], &[]);
        assert!(output.contains("malformed: 1\n"), "{conninfo}\n{output}");
        let clean = output.contains("in registers: 0\n");
        assert!(clean, "{conninfo}\n{output}");
    }
}

/// A part of a client key that only its owner knows, and the text of that part in the file.
fn private_part(server: &TlsServer, key: &str) -> (Vec<u8>, String) {
    let der = forms::der(server.files, key);
    // ECPrivateKey: version 1, an octet string of 32 bytes.
    let start = der.windows(5).position(|w| w == [2, 1, 1, 4, 32]);
    let start = start.expect("a private key for P-256") + 5;
    let text = forms::read(server.files, key);
    let (_, text) = text.split_once("-----\n").expect("PEM");
    let start_of_text = start * 4 / 3 - 16;
    // A line has 64 letters and its end.
    let text = text[start_of_text..start_of_text + 16 + 40].to_owned();
    (der[start..start + 32].to_vec(), text)
}

#[test]
fn no_client_key_and_no_password_of_one_is_left() {
    let server = keys::server();
    server.files.openssl(&[
        "pkcs8",
        "-topk8",
        "-nocrypt",
        "-in",
        "client-ec.key",
        "-out",
        "client-plain.key",
    ]);
    server.files.make_private("client-plain.key");
    let (key, text) = private_part(&server, "client-plain.key");
    let secrets = [&key[..], text.as_bytes()];
    let conninfo =
        |file, more: &str| server.conninfo(&keys::with(&server, "client-ec.crt", file, more));
    let ways = ["", "p", "s", "rc"];
    nothing_is_left_in(&ways, &conninfo("client-plain.key", ""), &secrets, &[]);
    let pass = format!("pass:{PASSWORD}");
    for (name, arguments) in [
        (
            "client-pkcs8.key",
            &["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", &pass][..],
        ),
        ("client-old.key", &["ec", "-aes256", "-passout", &pass]),
    ] {
        let files = ["-in", "client-ec.key", "-out", name];
        server.files.openssl(&[arguments, &files].concat());
        server.files.make_private(name);
        let conninfo = conninfo(name, &format!("sslpassword={PASSWORD}"));
        let secrets = [&key[..], PASSWORD.as_bytes()];
        nothing_is_left_in(&["k", "p", "rc"], &conninfo, &secrets, &[]);
    }
}

#[test]
fn no_password_that_was_sent_over_tls_is_left() {
    let server = TlsServer::with("good", "good");
    let root = server.files.file("root.crt");
    for role in ["scram_user", "password_user"] {
        server.psql(&format!("ALTER ROLE {role} PASSWORD '{PASSWORD}'"));
        for version in ["TLSv1.2", "TLSv1.3"] {
            let conninfo = server.conninfo(&format!(
                "host=good.test user={role} dbname=postgres sslmode=verify-full sslrootcert={root} \
                 ssl_max_protocol_version={version} password={PASSWORD}"
            ));
            nothing_is_left(&conninfo, &[PASSWORD.as_bytes()]);
        }
        // The other tests of this server know the role by it.
        server.psql(&format!(
            "ALTER ROLE {role} PASSWORD '{}'",
            postgres::PASSWORD
        ));
    }
}

/// The token stays in rustls' buffer, which it was received in.
#[test]
fn no_secret_of_an_oauth_client_is_left() {
    let setup = oauth::Setup::shared();
    let conninfo = format!("{} oauth_client_secret={PASSWORD}", setup.conninfo("plain"));
    let header = STANDARD.encode(format!("me:{PASSWORD}").replace('%', "%25"));
    let secrets = [PASSWORD.as_bytes(), header.as_bytes()];
    let ca_file = Certificates::shared().file("root.crt");
    let env = [("PGOAUTHCAFILE", ca_file.as_str())];
    nothing_is_left_in(&["k", "p", "rc"], &conninfo, &secrets, &env);
}
