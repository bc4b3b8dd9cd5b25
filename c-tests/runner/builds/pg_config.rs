//! `pg_config`, which `make install WITH_PG_CONFIG=1` writes.

use std::fs;
use std::process::Command;

use super::plain;
use crate::support::installation::Installation;
use crate::support::paths;
use crate::support::process::{self, End, TIMEOUT};

fn ask(installation: &Installation, options: &[&str]) -> process::Output {
    let mut command = plain(installation.prefix().join("bin/pg_config"));
    process::run(command.args(options), b"", TIMEOUT)
}

#[test]
fn it_prints_the_directories_of_the_installation() {
    let installation = Installation::in_place();
    let prefix = installation.prefix();
    let prefix = prefix.display();
    let options = [
        "--libdir",
        "--includedir",
        "--pkgincludedir",
        "--includedir-server",
        "--bindir",
        "--cppflags",
        "--ldflags",
    ];
    let expected = format!(
        "{prefix}/lib\n{prefix}/include\n{prefix}/include/postgresql\n{prefix}/include/postgresql/server\n{prefix}/bin\n\
         -I{prefix}/include\n-L{prefix}/lib\n"
    );
    assert_eq!(
        ask(&installation, &options).success().stdout,
        expected,
        "{options:?}"
    );
    // No other version: Perl's App::Info takes the first three numbers with dots between them for PostgreSQL's.
    let version = "PostgreSQL 19.0 (libpq-oxide)\n";
    let output = ask(&installation, &["--version"]).success();
    assert_eq!(output.stdout, version);
    // What a program that is linked with libpq.a needs, as pkg-config says it.
    let libs = ask(&installation, &["--libs"]).success().stdout;
    let flags = installation.pkg_config(&["--libs", "--static"]);
    for lib in libs.split_whitespace() {
        assert!(
            flags.iter().any(|flag| flag == lib),
            "{lib} is not in {flags:?}"
        );
    }
    let all = ask(&installation, &[]).success().stdout;
    assert!(
        all.contains(&format!("LIBDIR = {prefix}/lib\n")) && all.ends_with(version),
        "{all}"
    );
}

#[test]
fn it_refuses_questions_about_a_server() {
    let installation = Installation::in_place();
    for (option, text) in [
        (
            "--pgxs",
            "pg_config: --pgxs belongs to a server, and this pg_config is that of the client library",
        ),
        ("--nonsense", "pg_config: unknown option --nonsense"),
    ] {
        let output = ask(&installation, &[option, "--libdir"]);
        assert_eq!(output.end, End::Exit(1), "{output}");
        assert!(
            output.stderr.starts_with(text) && output.stdout.is_empty(),
            "{output}"
        );
    }
}

#[test]
fn it_is_installed_on_request_and_uninstalled() {
    let installation = Installation::in_place();
    let program = installation.prefix().join("bin/pg_config");
    assert!(program.exists());
    installation.make("uninstall");
    assert!(!program.exists(), "pg_config is left");
}

#[test]
fn another_pg_config_is_neither_overwritten_nor_removed() {
    let installation = Installation::new();
    let program = installation.prefix().join("bin/pg_config");
    fs::create_dir_all(program.parent().expect("bin")).expect("a directory");
    fs::write(&program, "another's").expect("a file");
    let mut make = Command::new("make");
    make.current_dir(paths::checkout())
        .args(["install", "WITH_PG_CONFIG=1", "PREFIX=/opt/pq"]);
    make.arg(format!("DESTDIR={}", installation.root.path().display()))
        .env("CARGO_TARGET_DIR", paths::target());
    let output = process::run(&mut make, b"", TIMEOUT);
    assert_eq!(output.end, End::Exit(2), "{output}");
    assert!(
        output
            .stderr
            .contains("/bin/pg_config is not libpq-oxide's"),
        "{output}"
    );
    installation.make("uninstall");
    assert_eq!(
        fs::read_to_string(program).expect("the other pg_config"),
        "another's"
    );
}

#[test]
fn the_header_has_the_version_that_the_library_reports() {
    let installation = Installation::in_place();
    let source = installation.root.path().join("version.c");
    let text = "#include <pg_config.h>\n#include <libpq-fe.h>\n#include <stdio.h>\n\
                int main(void) { return printf(\"%d %s\\n\", PQlibVersion() - PG_VERSION_NUM, PG_VERSION) < 0; }\n";
    fs::write(&source, text).expect("a source file");
    let program = installation.root.path().join("version");
    let flags = installation.pkg_config(&["--cflags", "--libs"]);
    installation.compile(&source, &program, &[], &flags);
    let mut command = plain(program);
    command.env("LD_LIBRARY_PATH", installation.lib());
    let output = process::run(&mut command, b"", TIMEOUT).success();
    let version = installation.pkg_config(&["--modversion"]);
    assert_eq!(output.stdout, format!("0 {}\n", version[0]));
}
