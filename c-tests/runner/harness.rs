//! Tests of the harness itself: they make it fail, because a test that cannot fail proves nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::support::message::{negotiate_version, one_value, ready};
use crate::support::paths::Lib;
use crate::support::postgres::{PASSWORD, Postgres, Version};
use crate::support::process::End;
use crate::support::program::{Program, same_output_as};
use crate::support::script::{First, Script};

/// Runs `act`, which must panic, and returns the panic's text.
#[track_caller]
fn panic_of(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).expect_err("a panic was expected");
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic
            .downcast::<&str>()
            .map_or_else(|_| String::new(), |text| (*text).to_owned()),
    }
}

#[test]
fn programs_load_the_selected_library() {
    for lib in [Lib::Ours, Lib::Oracle, Lib::Debian15] {
        let output = Program::new("which").run(lib, &[], &[]).success();
        let expected = lib.directory().canonicalize().expect("a directory");
        let loaded = output.stdout.lines().next().unwrap_or_default();
        assert!(
            std::path::Path::new(loaded).starts_with(expected),
            "{lib:?} loads {output}"
        );
    }
}

#[test]
fn the_oracles_have_their_versions() {
    let version = |lib| Program::new("which").run(lib, &[], &[]).success().stdout;
    assert!(
        version(Lib::Oracle).contains("version 18"),
        "{}",
        version(Lib::Oracle)
    );
    assert!(
        version(Lib::Debian15).contains("version 15"),
        "{}",
        version(Lib::Debian15)
    );
}

#[test]
fn a_program_fails_with_a_library_that_lacks_a_function() {
    let server = Postgres::shared();
    let output = Program::new("async").run(Lib::Debian15, &["rows", &server.tcp("postgres")], &[]);
    assert_ne!(output.end, End::Exit(0), "{output}");
    assert!(output.stderr.contains("undefined symbol"), "{output}");
}

#[test]
fn a_difference_in_output_fails() {
    let text = panic_of(|| {
        // Each library prints its own version, so the outputs of 15 and ours always differ.
        same_output_as(Lib::Debian15, "which", &[], &[]);
    });
    assert!(text.contains("-version 15"), "{text}");
}

#[test]
fn a_program_that_hangs_is_killed() {
    let begin = Instant::now();
    let hang = Program::new("which").timeout(Duration::from_millis(300));
    let output = hang.run(Lib::Oracle, &["hang"], &[]);
    assert_eq!(output.end, End::TimedOut);
    assert!(
        begin.elapsed() < Duration::from_secs(20),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn endless_output_is_cut_off() {
    let output = Program::new("which").run(Lib::Oracle, &["chatter"], &[]);
    assert_eq!(output.end, End::Signal(13));
}

#[test]
fn a_crash_is_reported() {
    assert_eq!(
        Program::new("which").run(Lib::Oracle, &["abort"], &[]).end,
        End::Signal(6)
    );
}

#[test]
fn memcheck_reports_errors() {
    let complaints = |what| {
        let (output, complaints) = Program::new("faulty").run_under_memcheck(&[what], &[], b"");
        (output.end, complaints)
    };
    assert_eq!(complaints("nothing"), (End::Exit(0), String::new()));
    let faults = [
        ("leak", "definitely lost"),
        ("read freed", "Invalid read"),
        ("read past the end", "Invalid read"),
        ("in a child", "Invalid read"),
    ];
    for (what, words) in faults {
        let (end, text) = complaints(what);
        assert_eq!(end, End::Exit(99), "{what}: {text}");
        // Memory of the library: valgrind names its file, or its functions if it has debug information.
        let own = text.contains("libpq.so") || text.contains("pq::");
        assert!(text.contains(words) && own, "{what}: {text}");
    }
}

#[test]
fn a_script_receives_the_exact_startup_packet() {
    let server = Script::new()
        .connection(|c| {
            let startup = c.expect_startup();
            assert_eq!(startup.version, (3, 2));
            let keys: Vec<_> = startup
                .parameters
                .iter()
                .map(|(key, _)| key.as_str())
                .collect();
            assert_eq!(keys, ["user", "database", "application_name"]);
            assert_eq!(startup.get("application_name"), Some("me"));
            c.send(&negotiate_version(3, 0, &[]));
            c.send_split(&crate::support::script::welcome());
            assert_eq!(c.expect_query(), "SELECT 'x'");
            c.send_split(&[one_value("x", "value"), ready(b'I')].concat());
            c.expect_terminate();
        })
        .start();
    let conninfo = format!(
        "{} application_name=me max_protocol_version=3.2",
        server.tcp()
    );
    let output = Program::new("query").run(Lib::Oracle, &[&conninfo, "SELECT 'x'"], &[]);
    let received = server.finish();
    assert!(output.success().stdout.contains("value"));
    assert!(
        received[0].ends_with(b"Q\0\0\0\x0fSELECT 'x'\0X\0\0\0\x04"),
        "{}",
        received[0].escape_ascii()
    );
}

#[test]
fn a_script_accepts_connections_in_order_on_both_sockets() {
    let server = Script::new()
        .connection(|c| {
            assert_eq!(c.expect_first(), First::SslRequest);
            c.send(b"N");
            c.login();
            c.expect_terminate();
        })
        .connection(|c| {
            c.login();
            c.expect_terminate();
        })
        .start();
    for conninfo in [server.tcp().replace("disable", "prefer"), server.unix()] {
        Program::new("query")
            .run(Lib::Oracle, &[&conninfo], &[])
            .success();
    }
    server.finish();
}

#[test]
fn a_client_that_deviates_from_the_script_fails() {
    let server = Script::new()
        .connection(|c| {
            c.login();
            c.expect_query();
        })
        .start();
    Program::new("query").run(Lib::Oracle, &[&server.tcp()], &[]);
    let text = panic_of(|| drop(server.finish()));
    assert!(text.contains("unexpected message"), "{text}");
}

#[test]
fn a_server_asks_each_role_for_its_authentication_method() {
    let server = Postgres::shared();
    let query = Program::new("query");
    let sql = "SELECT current_user, coalesce(inet_server_port(), 0) > 0";
    for role in [
        "md5_user",
        "scram_user",
        "password_user",
        "other_user",
        "peer_user",
    ] {
        let conninfo = format!(
            "{} user={role} password='{PASSWORD}'",
            server.unix("postgres")
        );
        let output = query.run(Lib::Oracle, &[&conninfo, sql], &[]).success();
        assert!(output.stdout.contains(&format!("{role}\tf")), "{output}");
    }
    for role in ["md5_user", "scram_user", "password_user"] {
        let conninfo = format!("{} user={role} password=wrong", server.tcp("postgres"));
        let output = query.run(Lib::Oracle, &[&conninfo, sql], &[]);
        assert!(
            output.stdout.contains("password authentication failed"),
            "{output}"
        );
    }
    let conninfo = format!("{} user=reject_user", server.tcp("postgres"));
    assert!(
        query
            .run(Lib::Oracle, &[&conninfo, sql], &[])
            .stdout
            .contains("pg_hba.conf rejects")
    );
}

#[test]
fn a_separate_server_restarts_and_is_removed() {
    let server = Postgres::start(Version::Debian15, "max_connections = 7");
    assert_eq!(server.psql("postgres", "SHOW max_connections"), "7\n");
    server.control(&["restart", "-m", "fast"]).success();
    let database = server.fresh_database();
    assert_eq!(
        server.psql(&database, "SELECT current_database()"),
        format!("{database}\n")
    );
    let (directory, conninfo) = (server.socket_directory().to_owned(), server.tcp("postgres"));
    drop(server);
    assert!(!directory.exists());
    let output = Program::new("query").run(Lib::Oracle, &[&conninfo], &[]);
    assert!(output.stdout.contains("Connection refused"), "{output}");
}
