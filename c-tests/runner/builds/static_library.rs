//! libpq.a in C programs: TLS without OpenSSL, and other Rust code in the same program.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{plain, run};
use crate::support::installation::Installation;
use crate::support::paths;
use crate::tls::server::TlsServer;

const ENCRYPTED: &str = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// A connection string with a host name that the server's certificate must have.
pub fn verify_full(server: &TlsServer) -> String {
    let root = server.files.file("root.crt");
    server.conninfo(&format!(
        "host=good.test dbname=only_ssl sslmode=verify-full sslrootcert={root}"
    ))
}

/// The shared libraries that a program names.
pub fn needed(program: &Path) -> Vec<String> {
    let output = run(plain("readelf").args(["--dynamic", "--wide"]).arg(program));
    let lines = output
        .stdout
        .lines()
        .filter(|line| line.contains("(NEEDED)"));
    let name = |line: &str| Some(line.split_once('[')?.1.trim_end_matches(']').to_owned());
    lines.filter_map(name).collect()
}

/// Compiles a C program with libpq.a and, with `-static`, all other libraries.
fn compiled(installation: &Installation, source: &Path, more: &[&str]) -> PathBuf {
    let program = installation.root.path().join("program");
    let flags: Vec<_> = installation
        .pkg_config(&["--cflags", "--libs", "--static"])
        .into_iter()
        .map(|flag| flag.replace("-lpq", "-l:libpq.a"))
        .collect();
    installation.compile(source, &program, more, &flags);
    program
}

#[test]
fn only_the_functions_of_libpq_are_global() {
    let installation = Installation::new();
    let archive = installation.lib().join("libpq.a");
    let output = run(plain("nm")
        .args(["--extern-only", "--defined-only", "--format=just-symbols"])
        .arg(archive));
    let exports = fs::read_to_string(paths::checkout().join("include/exports.txt"));
    let exports = exports.expect("the list of exports");
    let exports: BTreeSet<_> = exports.lines().collect();
    let global: BTreeSet<_> = output
        .stdout
        .lines()
        .filter(|line| !line.is_empty() && !line.ends_with(':'))
        .collect();
    assert_eq!(global, exports);
}

#[test]
fn a_c_program_has_tls_without_openssl() {
    let installation = Installation::new();
    let source = paths::checkout().join("c-tests/programs/query.c");
    let server = TlsServer::with("good", "good");
    for more in [&[][..], &["-static"]] {
        let program = compiled(&installation, &source, more);
        let needed = needed(&program);
        let others = needed.iter().filter(|name| {
            let own = ["libc.so.", "libm.so.", "libgcc_s.so.", "ld-linux"];
            !own.iter().any(|own| name.starts_with(own))
        });
        assert_eq!(others.collect::<Vec<_>>(), Vec::<&String>::new());
        assert_eq!(needed.is_empty(), more == ["-static"], "{needed:?}");
        let output = run(plain(&program).arg(verify_full(&server)).arg(ENCRYPTED));
        assert_eq!(output.stdout, "SELECT 1\nt\tTLSv1.3\n", "{output}");
        // A certificate for another name is refused.
        let wrong = verify_full(&server).replace("good.test", "wrong.test");
        let output = crate::support::process::run(
            plain(&program).arg(wrong).arg(ENCRYPTED),
            b"",
            super::COMPILING,
        );
        assert!(
            output
                .stdout
                .contains("does not match host name \"wrong.test\""),
            "{output}"
        );
    }
}

/// Compiles `c-tests/static/other_rust.rs` to a static library.
fn other_rust(directory: &Path) -> PathBuf {
    let library = directory.join("libother_rust.a");
    let mut rustc = std::process::Command::new("rustc");
    rustc
        .args([
            "--edition=2024",
            "--crate-type=staticlib",
            "-Copt-level=1",
            "-o",
        ])
        .arg(&library)
        .arg(paths::checkout().join("c-tests/static/other_rust.rs"));
    run(&mut rustc);
    library
}

#[test]
fn a_c_program_may_contain_other_rust_code() {
    let installation = Installation::new();
    let source = paths::checkout().join("c-tests/static/two_runtimes.c");
    let other = other_rust(installation.root.path());
    let other = other.to_str().expect("a plain path");
    let server = TlsServer::with("good", "good");
    for order in [&[other, "-l:libpq.a"][..], &["-l:libpq.a", other]] {
        let directory = format!("-L{}", installation.lib().display());
        let libraries = [&[directory.as_str(), "-Wl,--no-as-needed"], order].concat();
        let program = compiled(&installation, &source, &libraries);
        let output = run(plain(&program).arg(verify_full(&server)));
        assert_eq!(output.stdout, "t TLSv1.3\nother: 6\n", "{output}");
    }
}
