//! Sources of revocation lists, and of certificates in the same places: root files, files and directories of lists.

use std::fs;

use super::certificates::Certificates;
use super::forms::{pem, read};
use super::server::TlsServer;
use crate::support::paths::Lib;
use crate::support::program::Program;

/// The hash of an authority's name, which OpenSSL uses to find files.
fn hash(files: &Certificates, name: &str) -> String {
    let to = format!("{name}.hash");
    let certificate = format!("{name}.crt");
    files.openssl(&["x509", "-in", &certificate, "-noout", "-hash", "-out", &to]);
    read(files, &to).trim().to_owned()
}

/// Makes a directory with these files.
fn directory(files: &Certificates, name: &str, contents: &[(&str, &str)]) {
    fs::create_dir_all(files.path(name)).expect("create the directory");
    for (file, text) in contents {
        files.write(&format!("{name}/{file}"), text);
    }
}

/// Makes a list of the root that is older than `v1.crl` and revokes nothing, and a root with the same name and
/// another key.
fn make(files: &Certificates) {
    let config = read(files, "config")
        .replace("= index", "= empty-index")
        .replace("= crlnumber", "= empty-crlnumber");
    files.write("empty-config", &config);
    files.write("empty-index", "");
    files.write("empty-crlnumber", "01\n");
    let ca = "ca -config empty-config -gencrl -cert root.crt -keyfile root.key -crl_lastupdate 20200101000000Z -crl_nextupdate 20991231000000Z -out before.crl";
    files.openssl(&ca.split(' ').collect::<Vec<_>>());
    let kind = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    files.key("namesake", &kind);
    files.request("namesake", "/CN=root");
    let signer = ["-signkey", "namesake.key"];
    files.sign(
        "namesake",
        &signer,
        "basicConstraints=critical,CA:TRUE\n",
        1000,
    );
    files.join("root+v1", &["root.crt", "v1.crl"]);
    files.join("root+before", &["root.crt", "before.crl"]);
}

/// Makes directories of lists and certificates with hashes as file names: `l-NAME`.
fn make_directories(files: &Certificates) {
    let text = |name: &str| read(files, name);
    let (own, other) = (hash(files, "root"), hash(files, "other"));
    let damaged = "-----BEGIN X509 CRL-----\n!!\n-----END X509 CRL-----\n";
    let named = |end: &str| format!("{own}.{end}");
    let [zero, r0, r1] = ["0", "r0", "r1"].map(named);
    let (root, v1, before) = (text("root.crt"), text("v1.crl"), text("before.crl"));
    directory(files, "l-empty", &[]);
    directory(files, "l-v1", &[(&r0, &v1)]);
    directory(files, "l-before", &[(&r0, &before)]);
    directory(files, "l-damaged", &[(&r0, damaged), (&r1, &v1)]);
    directory(files, "l-damaged-end", &[(&r0, &(v1.clone() + damaged))]);
    directory(files, "l-root", &[(&zero, &root), (&r0, &before)]);
    directory(files, "l-root-v1", &[(&zero, &(root.clone() + &v1))]);
    directory(files, "l-root-capital", &[(&zero.to_uppercase(), &root)]);
    let misnamed = format!("{other}.0");
    directory(
        files,
        "l-root-misnamed",
        &[(&misnamed, &root), (&r0, &before)],
    );
    let noted = |name: &str, note: &str| {
        files.openssl(&[
            "x509",
            "-in",
            "root.crt",
            "-trustout",
            note,
            "serverAuth",
            "-out",
            name,
        ]);
        text(name)
    };
    let rejected = noted("l-rejected", "-addreject");
    directory(
        files,
        "l-root-rejected",
        &[(&zero, &rejected), (&r0, &before)],
    );
}

/// Connects with each set of files and both libraries; the number of successful connections must be `connected`.
#[track_caller]
fn same(server: &TlsServer, choices: &[&str], connected: usize) {
    let output = server.same(&lines(server, choices));
    let count = output.stdout.matches("in use: 1").count();
    assert_eq!(count, connected, "{output}");
}

/// Replaces `@` with the directory of the files.
fn lines(server: &TlsServer, choices: &[&str]) -> Vec<String> {
    let here = server.files.file("");
    let line = |choice: &&str| {
        let choice = choice.replace('@', &here);
        format!("host=good.test dbname=postgres sslmode=verify-ca {choice}")
    };
    choices.iter().map(line).collect()
}

#[test]
fn lists_in_root_files_and_in_list_options() {
    let server = TlsServer::with("revoked", "revoked");
    make(server.files);
    make_directories(server.files);
    same(
        &server,
        &[
            "sslrootcert=@root+v1",
            "sslrootcert=@root+v1 sslcrl=@missing.crl",
            "sslrootcert=@root+before sslcrl=@other.crl",
            "sslrootcert=@root+before sslcrldir=@l-empty",
        ],
        4,
    );
    same(
        &server,
        &[
            "sslrootcert=@root+v1 sslcrl=@before.crl",
            "sslrootcert=@root+v1 sslcrl=@other.crl",
            "sslrootcert=@root+v1 sslcrldir=@l-before",
            "sslrootcert=@root+v1 sslcrldir=@l-empty",
            "sslrootcert=@root+v1 sslcrldir=@missing",
        ],
        0,
    );
}

/// If the file of lists in the home directory exists, the lists in the root file are used too.
#[test]
fn lists_in_root_files_and_the_default_file() {
    let server = TlsServer::with("revoked", "revoked");
    let files = server.files;
    make(files);
    for (name, root, connected) in [("h-v1", "root+v1", 0), ("h-before", "root+before", 1)] {
        let home = files.path(name);
        fs::create_dir_all(home.join(".postgresql")).expect("create the directory");
        files.join(&format!("{name}/.postgresql/root.crt"), &[root]);
        files.join(&format!("{name}/.postgresql/root.crl"), &["other.crl"]);
        let home = home.display().to_string();
        let output = server.same_as("", &lines(&server, &[""]), &[("HOME", &home)]);
        let count = output.stdout.matches("in use: 1").count();
        assert_eq!(count, connected, "{output}");
    }
}

/// With `sslrootcert=system`, no list is used.
#[test]
fn lists_in_files_of_the_system() {
    let server = TlsServer::with("revoked", "revoked");
    let files = server.files;
    make(files);
    let list = files.file("v1.crl");
    let line = [format!(
        "host=good.test dbname=postgres sslrootcert=system sslcrl={list}"
    )];
    for (name, connected) in [("root+v1", true), ("v1.crl", false)] {
        let file = files.file(name);
        let env = [
            ("SSL_CERT_FILE", &file[..]),
            ("SSL_CERT_DIR", "/nonexistent"),
        ];
        let output = server.same_as("", &line, &env);
        assert_eq!(output.stdout.contains("in use: 1"), connected, "{output}");
    }
}

/// C libpq does not find it. Listed in docs/tls.md.
#[test]
fn certificates_of_the_system_under_another_hash() {
    let server = TlsServer::with("good", "good");
    make(server.files);
    make_directories(server.files);
    let line = server.conninfo("host=good.test dbname=postgres sslrootcert=system\n");
    let [other, directory] = ["other.crt", "l-root-misnamed"].map(|name| server.files.file(name));
    let env = [
        ("SSL_CERT_FILE", &other[..]),
        ("SSL_CERT_DIR", &directory[..]),
    ];
    for (lib, text) in [
        (Lib::Oracle, "failed: SSL error: "),
        (Lib::Ours, "in use: 1"),
    ] {
        let program = Program::new("tls");
        let output = program.run_with_input(lib, &[""], &env, line.as_bytes());
        assert!(output.stdout.contains(text), "{output}");
    }
}

#[test]
fn directories_of_lists() {
    let server = TlsServer::with("revoked", "revoked");
    make(server.files);
    make_directories(server.files);
    same(
        &server,
        &[
            "sslrootcert=@root.crt sslcrldir=@missing:@l-v1",
            "sslrootcert=@root.crt sslcrldir=:@l-v1:",
            "sslrootcert=@root.crt sslcrldir=@l-v1:@l-before",
            "sslrootcert=@root.crt sslcrldir=@l-empty:@l-v1 sslcrl=@other.crl",
            "sslrootcert=@root.crt sslcrldir=@l-damaged-end",
            "sslrootcert=@root.crt sslcrldir=@l-damaged-end sslcrl=@before.crl",
            "sslrootcert=@root.crt sslcrldir=@l-v1 sslcrl=@before.crl",
            "sslrootcert=@root.crt sslcrldir=:",
        ],
        0,
    );
    // If there is already a list of the issuer, only the first directory is searched.
    same(
        &server,
        &[
            "sslrootcert=@root.crt sslcrldir=@l-empty:@l-before",
            "sslrootcert=@root.crt sslcrldir=@l-before:@l-v1",
            "sslrootcert=@root.crt sslcrldir=@l-empty:@l-v1 sslcrl=@before.crl",
            "sslrootcert=@root+before sslcrldir=@l-empty:@l-v1",
        ],
        4,
    );
}

/// Certificates and lists of a name that is in no other file, in files named by the hash.
#[test]
fn certificates_in_directories_of_lists() {
    let server = TlsServer::with("revoked", "revoked");
    make(server.files);
    make_directories(server.files);
    same(
        &server,
        &[
            "sslrootcert=@other.crt sslcrldir=@l-root",
            "sslrootcert=@other.crt sslcrldir=@l-empty:@l-root",
            "sslrootcert=@other.crt sslcrldir=@l-root-v1 sslcrl=@before.crl",
            "sslrootcert=@other.crt sslcrldir=@l-root-v1:@l-before",
            "sslrootcert=@root.crt sslcrldir=@l-root-rejected",
        ],
        5,
    );
    same(
        &server,
        &[
            "sslrootcert=@other.crt sslcrldir=@l-v1:@l-root",
            "sslrootcert=@other.crt sslcrldir=@l-root-v1",
            "sslrootcert=@other.crt sslcrldir=@l-root-misnamed",
            "sslrootcert=@other.crt sslcrldir=@l-root-capital:@l-before",
            "sslrootcert=@other.crt sslcrldir=@l-root-rejected",
            "sslrootcert=@other.crt sslcrldir=@l-root-rejected:@l-root",
            "sslrootcert=@namesake.crt sslcrldir=@l-root",
            "sslrootcert=@other.crt sslcrldir=@l-root sslcrl=@namesake.crt",
        ],
        0,
    );
}

/// C libpq does not read past it. Listed in docs/tls.md.
#[test]
fn a_damaged_list_does_not_hide_later_ones() {
    let server = TlsServer::with("revoked", "revoked");
    make(server.files);
    make_directories(server.files);
    let choice = "sslrootcert=@root.crt sslcrldir=@l-damaged sslcrl=@before.crl";
    for (lib, text) in [
        (Lib::Oracle, "in use: 1"),
        (Lib::Ours, "SSL error: certificate verify failed"),
    ] {
        let output = server.on(lib, "", &lines(&server, &[choice]));
        assert!(output.stdout.contains(text), "{output}");
    }
}

#[test]
fn damaged_lists_in_root_files() {
    let server = TlsServer::with("good", "good");
    let files = server.files;
    let root = read(files, "root.crt");
    files.write("list-of-zeros", &(root.clone() + &pem("X509 CRL", &[0; 3])));
    files.write(
        "list-with-zeros",
        &(pem("X509 CRL", b"0\x03\0\x01\0") + &root),
    );
    same(&server, &["sslrootcert=@list-of-zeros"], 0);
    same(&server, &["sslrootcert=@list-with-zeros"], 0);
}
