//! The effect on clients: this library, C libpq, psql, PgBouncer. Also servers on which the module must do nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use super::shutdown::assert_logged;
use super::{answer, ask, install, open_directory, servers, session, start, versions, wait_for};
use crate::goaway::pgbouncer::PgBouncer;
use crate::gss::realm::Realm;
use crate::proxy::raw::Raw;
use crate::support::paths::Lib;
use crate::support::postgres::{Postgres, Version};
use crate::support::process::{self, Output, TIMEOUT};
use crate::support::program::{Headers, Program, on_lib};
use crate::support::session::{Session, wait_until};
use crate::tls::certificates::Certificates;
use crate::tls::server::install as install_file;

/// Runs the program `steps` with `run` and asks its client to disconnect while it waits; returns the output.
#[track_caller]
fn asked_while_idle(
    server: &Postgres,
    conninfo: &str,
    steps: &[&str],
    run: impl FnOnce(&[&str]) -> Output + Send,
) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("idle_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let conninfo = format!("{conninfo} application_name={name}");
    let before = ["connect", "parameter disconnect_requested"];
    let calls = [&[conninfo.as_str()][..], &before, steps].concat();
    thread::scope(|scope| {
        let running = scope.spawn(move || run(&calls).success().stdout);
        let pid = format!(
            "SELECT pid FROM pg_stat_activity WHERE application_name = '{name}' AND state = 'idle'"
        );
        let mut found = String::new();
        wait_until("found", || {
            found = server.psql("postgres", &pid);
            if found.is_empty() { "none" } else { "found" }.to_owned()
        });
        let pid = found.trim().parse().expect("a process ID");
        assert_eq!(ask(server, pid), "t");
        running.join().expect("the thread does not panic")
    })
}

/// The same with this library.
#[track_caller]
fn ours_while_idle(server: &Postgres, conninfo: &str, env: &[(&str, &str)]) -> String {
    let program = Program::with_headers("steps", Headers::Ours);
    asked_while_idle(server, conninfo, &OURS, |calls| {
        program.run(Lib::Ours, calls, env)
    })
}

const OURS: [&str; 4] = [
    "await-goaway",
    "goaway",
    "parameter disconnect_requested",
    "exec SELECT 6 * 7",
];

#[track_caller]
fn assert_received(output: &str) {
    let expected =
        "disconnect_requested: \"off\"\nconsumed=1\ngoaway: 1\ndisconnect_requested: \"on\"\n";
    assert!(output.contains(expected), "{output}");
    assert!(output.contains("\"42\""), "{output}");
}

#[test]
fn this_library_sets_the_flag_while_idle() {
    for server in servers() {
        for conninfo in [server.unix("postgres"), server.tcp("postgres")] {
            for options in ["", " options='-c pg_goaway.message=on'"] {
                let conninfo = conninfo.clone() + options;
                let output = ours_while_idle(server, &conninfo, &[]);
                assert_received(&output);
            }
        }
    }
}

#[test]
fn c_libpq_sees_the_parameter() {
    let program = Program::new("steps");
    let steps = [
        "wait",
        "consume",
        "busy",
        "parameter disconnect_requested",
        "exec SELECT 6 * 7",
    ];
    for server in servers() {
        let unix = server.unix("postgres");
        let [c, ours] = [Lib::Oracle, Lib::Ours].map(|lib| {
            asked_while_idle(server, &unix, &steps, |calls| program.run(lib, calls, &[]))
        });
        assert!(
            c.contains("busy -> 0\ndisconnect_requested: \"on\"\n"),
            "{c}"
        );
        assert_eq!(c, ours);
    }
}

#[test]
fn inside_tls() {
    let files = Certificates::shared();
    for version in versions() {
        let server = &start(version, "");
        for (from, to) in [("good.crt", "server.crt"), ("good.key", "server.key")] {
            install_file(server, &files.file(from), to);
        }
        server.psql("postgres", "ALTER SYSTEM SET ssl = on");
        server.control(&["reload"]).success();
        let conninfo = server.tcp("postgres").replace("disable", "require");
        wait_until("on\n", || server.psql("postgres", "SHOW ssl"));
        let output = ours_while_idle(server, &conninfo, &[]);
        assert_received(&output);
    }
}

/// The session is encrypted by GSSAPI.
#[test]
fn inside_gssapi() {
    let realm = Realm::start_on(|config| start(Version::Oracle18, config));
    realm.ticket("good", &[]);
    let environment = realm.environment("good");
    let environment = environment
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let conninfo = realm.conninfo("dbname=encrypted gssencmode=require");
    let output = ours_while_idle(&realm.postgres, &conninfo, &environment);
    assert_received(&output);
}

/// psql, unmodified, continues as usual.
#[test]
fn psql_is_not_disturbed() {
    for server in servers() {
        for lib in [Lib::Ours, Lib::Oracle, Lib::Debian15] {
            let mut command = on_lib(server.version().bin().join("psql"), lib);
            command.args(["-X", "-q", "-A", "-t", "-d", &server.unix("postgres")]);
            if lib == Lib::Debian15 && server.version() != Version::Debian15 {
                continue; // a newer psql needs a newer libpq
            }
            let mut psql = Session::start(&mut command);
            psql.send("SELECT pg_backend_pid();\n");
            let pid = psql.until("\n").trim().parse().expect("a process ID");
            assert_eq!(ask(server, pid), "t");
            wait_for(server, pid, "state = 'idle'");
            psql.send("SHOW disconnect_requested;\n\\echo end\n");
            assert_eq!(psql.until("end\n"), "on\nend\n");
            assert_eq!(psql.finish().0, "");
        }
    }
}

/// PgBouncer 1.18 closes an idle connection when data arrives on it, so its pool drains by itself.
#[test]
fn an_idle_connection_of_pgbouncer_is_closed() {
    for server in servers() {
        let bouncer = PgBouncer::start(
            server,
            "pool_mode = transaction\nignore_startup_parameters = extra_float_digits\n",
        );
        let mut client = Raw::session(bouncer.port, &[]);
        let pid = client.backend();
        wait_for(server, pid, "state = 'idle'");
        assert_eq!(ask(server, pid), "t");
        let left = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}");
        wait_until("0\n", || server.psql("postgres", &left));
        assert_eq!(answer(&mut client, "BEGIN"), "CZ");
        let next = client.backend();
        assert_ne!(next, pid);
        // A connection in use passes the parameter on when its transaction ends.
        assert_eq!(ask(server, next), "t");
        assert_eq!(answer(&mut client, "COMMIT"), "CSZ");
        assert_eq!(answer(&mut client, "SELECT 1"), "TDCZ");
    }
}

const FOREIGN: &str = r#"
#include "postgres.h"
#include "fmgr.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

static bool variable = false;
extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	DefineCustomBoolVariable("disconnect_requested", "As a future server may define it.", NULL, &variable, false,
							 PGC_INTERNAL, GUC_REPORT, NULL, NULL, NULL);
}
"#;

/// Compiles a module that defines the parameter, as a future server may.
fn install_foreign(version: Version, directory: &Path) -> PathBuf {
    let (source, library) = (directory.join("foreign.c"), directory.join("foreign.so"));
    fs::write(&source, FOREIGN).expect("write the file");
    let mut pg_config = Command::new(version.bin().join("pg_config"));
    let include = process::run(pg_config.arg("--includedir-server"), b"", TIMEOUT).success();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-I", include.stdout.trim(), "-o"]);
    process::run(cc.arg(&library).arg(source), b"", TIMEOUT).success();
    library
}

#[test]
fn the_module_does_nothing_if_the_server_has_the_parameter() {
    for version in versions() {
        let directory = open_directory();
        let foreign = install_foreign(version, directory.path());
        let config = format!(
            "shared_preload_libraries = '{}, pg_goaway'",
            foreign.display()
        );
        let server = Postgres::start_installed(version, &config, |directory| {
            Some(install(version, directory))
        });
        assert_logged(
            &server,
            "pg_goaway does nothing: the server has a parameter \"disconnect_requested\" already",
        );
        server.psql("postgres", "CREATE EXTENSION pg_goaway");
        let mut client = session(&server, &[("pg_goaway.message", "on")]);
        assert_eq!(
            answer(&mut client, "SELECT pg_goaway_backend(pg_backend_pid())"),
            "TEZ"
        );
        assert_eq!(answer(&mut client, "SELECT pg_goaway_all()"), "TEZ");
        assert_eq!(answer(&mut client, "SELECT * FROM pg_goaway_status"), "TEZ");
        server
            .control(&["stop", "-m", "smart", "--no-wait"])
            .success();
        thread::sleep(Duration::from_millis(800));
        assert!(!client.is_readable());
    }
}

/// Without preloading, the functions report what is missing.
#[test]
fn a_module_that_was_not_preloaded_reports_an_error() {
    for version in versions() {
        let server =
            Postgres::start_installed(version, "", |directory| Some(install(version, directory)));
        server.psql("postgres", "CREATE EXTENSION pg_goaway");
        let mut client = session(&server, &[]);
        client.query("SELECT pg_goaway_all()");
        let error = client.read_until_ready().swap_remove(1).1;
        let error = String::from_utf8_lossy(&error).into_owned();
        assert!(error.contains("pg_goaway is not active"), "{error}");
        assert!(error.contains("shared_preload_libraries"), "{error}");
    }
}
