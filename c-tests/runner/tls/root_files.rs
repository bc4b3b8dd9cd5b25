//! Root files and directories in unusual formats that only one of the libraries reads.

use std::fs;
use std::path::Path;

use super::forms::read;
use super::server::TlsServer;
use crate::support::paths::Lib;
use crate::support::process;
use crate::support::program::{Program, on_lib};

fn connects(server: &TlsServer, lib: Lib, root: &str) -> bool {
    let root = server.files.file(root);
    let line = format!("host=good.test dbname=postgres sslmode=verify-full sslrootcert={root}");
    let output = server.on(lib, "", &[line]).success();
    output.stdout.contains("in use: 1")
}

/// Listed in docs/tls.md.
#[test]
fn formats_that_only_this_library_reads() {
    let server = TlsServer::with("good", "good");
    let root = read(server.files, "root.crt");
    let indented: String = root.lines().map(|line| format!(" {line}\n")).collect();
    for (name, text) in [
        ("r-returns", root.replace('\n', "\r")),
        ("r-indented", indented),
        ("r-headers", root.replacen("-----\n", "-----\nA: b\n\n", 1)),
        ("r-before-begin", format!("text {root}")),
        ("r-behind-end", root.trim_end().to_owned() + "text\n"),
        ("r-nul-before", format!("\0\n{root}")),
    ] {
        server.files.write(name, &text);
        assert!(!connects(&server, Lib::Oracle, name), "{name}");
        assert!(connects(&server, Lib::Ours, name), "{name}");
    }
}

/// Listed in docs/tls.md.
#[test]
fn formats_that_only_openssl_reads() {
    let server = TlsServer::with("good", "good");
    let root = read(server.files, "root.crt");
    let (without_end, _) = root.split_once("-----END").expect("an end");
    for (name, text) in [
        ("r-without-end", format!("{without_end}{root}")),
        ("r-nul", root.replacen('\n', "\0\n", 1)),
    ] {
        server.files.write(name, &text);
        assert!(connects(&server, Lib::Oracle, name), "{name}");
        assert!(!connects(&server, Lib::Ours, name), "{name}");
    }
}

/// Appends zeros, which OpenSSL ignores.
fn enlarge(path: &Path) {
    let file = fs::File::options().append(true).open(path);
    let made = file.and_then(|file| file.set_len((64 << 20) + 1));
    made.expect("enlarge the file");
}

/// Without a list, a revoked certificate would be accepted. Listed in docs/differences.md and docs/tls.md.
#[test]
fn files_larger_than_64_megabytes_end_the_attempt() {
    let server = TlsServer::with("good", "good");
    let files = server.files;
    let hashed = files.path("large-lists");
    fs::create_dir(&hashed).expect("create the directory");
    for (from, to) in [
        ("root.crt", "large.crt"),
        ("v2.crl", "large.crl"),
        ("v2.crl", "large-lists/root.crl"),
    ] {
        fs::copy(files.path(from), files.path(to)).expect("copy the file");
        enlarge(&files.path(to));
    }
    files.openssl(&["rehash", "large-lists"]);
    let root = files.file("root.crt");
    for (settings, error) in [
        (
            format!("sslrootcert={}", files.file("large.crt")),
            "could not read root certificate file",
        ),
        (
            format!("sslrootcert={root} sslcrl={}", files.file("large.crl")),
            "could not read certificate revocation list",
        ),
        (
            format!("sslrootcert={root} sslcrldir={}", hashed.display()),
            "could not read certificate revocation list",
        ),
    ] {
        let line = format!("host=good.test dbname=postgres sslmode=verify-full {settings}");
        let output = |lib| {
            server
                .on(lib, "", std::slice::from_ref(&line))
                .success()
                .stdout
        };
        let oracle = output(Lib::Oracle);
        assert!(oracle.contains("in use: 1"), "{settings}: {oracle}");
        let ours = output(Lib::Ours);
        assert!(ours.contains(error), "{settings}: {ours}");
        assert!(ours.contains("File too large"), "{settings}: {ours}");
    }
}

/// The same for lists that cannot be read because descriptors or memory are used up. Listed in docs/differences.md and
/// docs/tls.md.
#[test]
fn lists_that_a_limit_hides_end_the_attempt() {
    let server = TlsServer::with("good", "good");
    let files = server.files;
    let root = read(files, "root.crt");
    let list = files.file("v2.crl");
    let large = files.path("padded.crl");
    fs::copy(&list, &large).expect("copy the file");
    let padded = fs::File::options().append(true).open(&large);
    let padded = padded.and_then(|file| file.set_len(60 << 20));
    padded.expect("enlarge the file");
    let hashed = files.path("limited-lists");
    fs::create_dir(&hashed).expect("create the directory");
    fs::copy(&list, hashed.join("root.crl")).expect("copy the file");
    files.openssl(&["rehash", "limited-lists"]);
    let (large, hashed) = (large.display(), hashed.display());
    // The socket takes the last descriptor, because the root certificate is not in a file.
    let (descriptors, one_more, memory) = ("ulimit -n 4", "ulimit -n 5", "ulimit -v 50000");
    let no_descriptor = "Too many open files";
    for (limit, setting, reason) in [
        (descriptors, format!("sslcrl={list}"), no_descriptor),
        (descriptors, format!("sslcrldir={hashed}"), no_descriptor),
        (one_more, format!("sslcrldir={hashed}"), no_descriptor),
        (memory, format!("sslcrl={large}"), "Cannot allocate memory"),
    ] {
        let run = |limit: &str| {
            let mut command = on_lib("/bin/sh", Lib::Ours);
            command.args(["-c", &format!("{limit}; exec \"$0\"")]);
            command.arg(Program::new("tls").path());
            command.env("PGSSLROOTCERT", &root);
            let line = format!("host=good.test dbname=postgres sslmode=verify-full {setting}");
            let input = server.conninfo(&line) + "\n";
            process::run(&mut command, input.as_bytes(), process::TIMEOUT)
        };
        let unlimited = run(":").success().stdout;
        assert!(unlimited.contains("in use: 1"), "{setting}: {unlimited}");
        let limited = run(limit).success().stdout;
        let error = "could not read certificate revocation list";
        assert!(limited.contains(error), "{limit}, {setting}: {limited}");
        assert!(limited.contains(reason), "{limit}, {setting}: {limited}");
    }
}

#[test]
fn lines_that_look_like_pem_but_are_not() {
    let server = TlsServer::with("good", "good");
    let root = read(server.files, "root.crt");
    for (name, text) in [
        ("r-foo", format!("-----BEGIN FOO\n{root}")),
        ("r-foo-behind", format!("{root}-----BEGIN FOO\n")),
    ] {
        server.files.write(name, &text);
        for lib in [Lib::Oracle, Lib::Ours] {
            assert!(connects(&server, lib, name), "{name}");
        }
    }
}

/// The file names that OpenSSL looks for, and others. Listed in docs/tls.md.
#[test]
fn names_in_directories_of_roots() {
    let server = TlsServer::with("good", "good");
    let files = server.files;
    fs::create_dir_all(files.path("r-names")).expect("create the directory");
    fs::copy(files.path("root.crt"), files.path("r-names/root.pem")).expect("copy the file");
    files.openssl(&["rehash", "r-names"]);
    let names = fs::read_dir(files.path("r-names")).expect("read the directory");
    let names = names.map(|entry| entry.expect("a file").file_name());
    let mut names = names.map(|name| name.into_string().expect("a name"));
    let hash = names.find(|name| name.ends_with(".0")).expect("a hash");
    let hash = hash.trim_end_matches(".0");
    let missing = files.file("r-missing");
    for (number, (name, several, oracle, ours)) in [
        (format!("{hash}.0"), true, true, true),
        (format!("{hash}.0"), false, true, true),
        (format!("{hash}.1"), true, false, true),
        (format!("{}.0", hash.to_uppercase()), true, false, true),
        (format!("{hash}.1"), false, true, true),
        (format!("{hash}.r0"), false, true, false),
    ]
    .into_iter()
    .enumerate()
    {
        let directory = files.path(&format!("r-names-{number}"));
        fs::create_dir_all(&directory).expect("create the directory");
        fs::copy(files.path("root.crt"), directory.join(&name)).expect("copy the file");
        let directory = directory.display().to_string();
        let directories = match several {
            true => format!("{missing}:{directory}"),
            false => directory,
        };
        let env = [
            ("SSL_CERT_FILE", missing.as_str()),
            ("SSL_CERT_DIR", &directories),
        ];
        let line = server.conninfo("host=good.test dbname=postgres sslrootcert=system") + "\n";
        for (lib, expected) in [(Lib::Oracle, oracle), (Lib::Ours, ours)] {
            let output = Program::new("tls").run_with_input(lib, &[""], &env, line.as_bytes());
            let connected = output.stdout.contains("in use: 1");
            assert_eq!(
                connected, expected,
                "{name} of several: {several}, {lib:?}: {output}"
            );
        }
    }
}
