//! Debian's drivers that link to libpq. All their symbols are bound at load time, and the programs in
//! `c-tests/drivers` must print the same as with Debian's libpq.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::support::clients::{Clients, same};
use crate::support::paths::{self, Lib};
use crate::support::postgres::{Postgres, Version};
use crate::support::process::{self, TIMEOUT};

fn source(name: &str) -> PathBuf {
    paths::checkout().join("c-tests/drivers").join(name)
}

/// Runs a program with Debian's libpq and with ours, with `input` as stdin, and compares. Returns the output.
#[track_caller]
fn same_driver(program: &str, args: &[&str], input: &str) -> String {
    same(Version::Debian15, Postgres::shared_debian15(), |clients| {
        run(clients, program, args, input)
    })
}

fn run(clients: &Clients<'_>, program: &str, args: &[&str], input: &str) -> String {
    let directory = TempDir::new().expect("a temporary directory");
    let logs = TempDir::new().expect("a temporary directory");
    let log = directory.path().join("loader");
    let server = clients.server.port().to_string();
    let args: Vec<_> = args
        .iter()
        .map(|arg| {
            arg.replace("PORT", &server)
                .replace("DATABASE", clients.database)
        })
        .collect();
    let mut command = clients.command(program);
    command.args(args).env("LD_BIND_NOW", "1");
    command.env("LD_DEBUG", "libs").env("LD_DEBUG_OUTPUT", &log);
    // psqlodbc logs to /tmp unless this file names another directory.
    let settings = format!("[PostgreSQL Unicode]\nLogdir={}\n", logs.path().display());
    fs::write(logs.path().join("odbcinst.ini"), settings).expect("settings of ODBC");
    command.env("ODBCSYSINI", logs.path());
    let output = process::run(&mut command, input.as_bytes(), TIMEOUT).success();
    assert_loads(clients.lib, &directory);
    output.to_string()
}

/// Checks in the dynamic loader's log which libpq the process has loaded.
#[track_caller]
fn assert_loads(lib: Lib, logs: &TempDir) {
    let taken = format!(
        "calling init: {}",
        lib.directory().join("libpq.so.5").display()
    );
    let logs: Vec<_> = fs::read_dir(logs.path())
        .expect("the loader's logs")
        .map(|file| fs::read_to_string(file.expect("a log").path()).expect("read the log"))
        .collect();
    assert!(
        logs.iter().any(|log| log.contains(&taken)),
        "{taken:?} is not in {logs:?}"
    );
}

/// Compiles a C++ program.
#[track_caller]
fn compiled(name: &str, libraries: &[&str], flags: &[&str]) -> String {
    let directory = paths::target().join("c-tests");
    fs::create_dir_all(&directory).expect("create the directory");
    let program = directory.join(name);
    let mut command = Command::new("g++");
    command
        .args(["-std=c++17", "-g", "-fPIC", "-o"])
        .arg(&program);
    command
        .args(flags)
        .arg(source(&format!("{name}.cpp")))
        .args(libraries);
    process::run(&mut command, b"", TIMEOUT).success();
    program.to_str().expect("a plain path").to_owned()
}

#[track_caller]
fn same_script(interpreter: &str, name: &str) -> String {
    let path = source(name);
    same_driver(interpreter, &[path.to_str().expect("a plain path")], "")
}

#[test]
fn psycopg2() {
    let output = same_script("/usr/bin/python3", "psycopg2_client.py");
    assert!(
        output.contains("[42, 'naïve 日本', None, Decimal('1.5'), b'\\x00\\xff', [1, None]]\n"),
        "{output}"
    );
    assert!(
        output.contains("canceling statement due to user request\n"),
        "{output}"
    );
    assert!(output.contains("\n3000000\n"), "{output}");
}

#[test]
fn dbd_pg() {
    let output = same_script("/usr/bin/perl", "dbd_pg_client.pl");
    assert!(output.contains("42|naïve 日|undef|1.5|[1 2]\n"), "{output}");
    assert!(
        output.contains("22012 ERROR:  division by zero\n"),
        "{output}"
    );
    assert!(
        output.contains("1 2 3 10 11 12\n") && output.contains("6 object\n"),
        "{output}"
    );
}

#[test]
fn php() {
    let output = same_script("/usr/bin/php", "php_pgsql_client.php");
    assert!(
        output.contains("{\"n\":\"42\",\"t\":\"naïve 日本\",\"u\":null} int4\n"),
        "{output}"
    );
    assert!(output.contains("ERROR:  division by zero"), "{output}");
    assert!(output.contains("12 1 object\n"), "{output}");
}

#[test]
fn libpqxx() {
    let output = same_driver(&compiled("libpqxx_client", &["-lpqxx"], &[]), &[], "");
    assert!(output.contains("42 naïve 日本 1 1.5\n5050\n"), "{output}");
    assert!(output.contains("notified: payload\n"), "{output}");
}

#[test]
fn qt() {
    let include = format!("-I/usr/include/{}-linux-gnu/qt5", std::env::consts::ARCH);
    let program = compiled("qt_client", &["-lQt5Sql", "-lQt5Core"], &[&include]);
    let output = same_driver(&program, &[], "");
    assert!(output.contains("42 naïve 日本 1 00ff\n"), "{output}");
    assert!(output.contains("10,9,8,7,6,5,4,3,2,1,\n"), "{output}");
    assert!(
        output.ends_with("channel payload 1\n--- Exit(0)\n"),
        "{output}"
    );
}

#[test]
fn odbc() {
    let driver = format!(
        "/usr/lib/{}-linux-gnu/odbc/psqlodbcw.so",
        std::env::consts::ARCH
    );
    let connection = format!(
        "Driver={driver};Servername=127.0.0.1;Port=PORT;Database=DATABASE;Username=postgres;SSLmode=disable"
    );
    let script = "CREATE TABLE t (a int, b text)\nINSERT INTO t VALUES (42, 'naïve'), (7, NULL)\nSELECT * FROM t ORDER BY a\n\
        SELECT 1/0\nSELECT current_user\n";
    let output = same_driver("/usr/bin/isql", &["-v", "-b", "-k", &connection], script);
    assert!(output.contains("| 42         | naïve"), "{output}");
    assert!(output.contains("division by zero"), "{output}");
}
