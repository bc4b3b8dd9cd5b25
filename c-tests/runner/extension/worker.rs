//! The background worker: when it checks, what a reload changes, and clocks that jump.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::shutdown::{assert_logged, assert_sound, stop, wait_for_exit, worker};
use super::{
    answer, ask, built, disconnect_request, open_directory, program, session, start, versions,
};
use crate::support::postgres::Postgres;
use crate::support::process::{self, TIMEOUT};
use crate::support::session::{Session, wait_until};

/// Changes settings with a reload.
#[track_caller]
fn reload(server: &Postgres, client: &mut crate::proxy::raw::Raw, settings: &[&str]) {
    for setting in settings {
        answer(client, &format!("ALTER SYSTEM SET pg_goaway.{setting}"));
    }
    server.control(&["reload"]).success();
}

/// The worker wakes up when a function asks a client.
#[test]
fn clients_asked_by_a_function_are_handled_with_any_poll_interval() {
    for version in versions() {
        let server = &start(version, "pg_goaway.poll = 1h\npg_goaway.deadline = 3s");
        let mut client = session(server, &[]);
        let pid = client.backend();
        answer(&mut client, "BEGIN");
        assert_eq!(answer(&mut client, "SELECT 1 / 0"), "EZ");
        assert_eq!(ask(server, pid), "t");
        // A backend that the worker has to remind.
        assert_eq!(answer(&mut client, "ROLLBACK"), "CZ");
        assert_eq!(client.read_message(), disconnect_request());
        let rest = String::from_utf8_lossy(&client.read_rest()).into_owned();
        assert!(rest.contains("C57P01"), "{rest}");
        assert_sound(server);
    }
}

#[test]
fn a_shorter_poll_takes_effect_with_the_reload() {
    for version in versions() {
        let server = &start(version, "pg_goaway.poll = 1h");
        let mut client = session(server, &[]);
        reload(server, &mut client, &["poll = '50ms'"]);
        stop(server, "smart");
        assert_eq!(client.read_message(), disconnect_request());
        drop(client);
        wait_for_exit(server);
    }
}

/// The postmaster starts a worker that cannot load its library again and again, without a pause.
#[test]
fn the_library_may_be_preloaded_by_its_path() {
    for version in versions() {
        let directory = open_directory();
        let library = directory.path().join("pg_goaway.so");
        fs::copy(built(version), &library).expect("copy the library");
        let config = format!("shared_preload_libraries = '{}'", library.display());
        let server = &Postgres::start_installed(version, &config, |_| Some(program(version)));
        let mut client = session(server, &[]);
        stop(server, "smart");
        assert_eq!(client.read_message(), disconnect_request());
        drop(client);
        wait_for_exit(server);
        assert_sound(server);
    }
}

/// When it is turned off, clients that were not asked yet are not asked, until it is turned on again.
#[test]
fn the_drain_can_be_turned_off_and_on_during_a_shutdown() {
    for version in versions() {
        let server = &start(version, "pg_goaway.spread = 1min");
        let clients = [session(server, &[]), session(server, &[])];
        stop(server, "smart");
        while !clients.iter().any(|client| client.is_readable()) {
            thread::sleep(Duration::from_millis(20));
        }
        // The first client was asked at once; the other one would be asked in half a minute.
        let [mut first, mut second] = clients;
        if second.is_readable() {
            std::mem::swap(&mut first, &mut second);
        }
        assert_eq!(first.read_message(), disconnect_request());
        reload(server, &mut first, &["on_shutdown = off", "spread = 0"]);
        thread::sleep(Duration::from_millis(1200));
        assert_eq!(answer(&mut second, "SELECT 1"), "TDCZ");
        reload(server, &mut first, &["on_shutdown = on"]);
        assert_eq!(second.read_message(), disconnect_request());
        drop((first, second));
        wait_for_exit(server);
        assert_logged(server, "clients asked to disconnect: 2, told: 2, left: 2,");
        assert_sound(server);
    }
}

const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The time of day, moved by the seconds that a file says. */
int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	struct timespec now;
	char text[32] = "";
	int file = open(OFFSET, O_RDONLY);

	(void) tz;
	if (file >= 0)
	{
		if (read(file, text, sizeof text - 1) < 0)
			text[0] = 0;
		close(file);
	}
	clock_gettime(CLOCK_REALTIME, &now);
	tv->tv_sec = now.tv_sec + atol(text);
	tv->tv_usec = now.tv_nsec / 1000;
	return 0;
}
"#;

/// Builds a library that adds the seconds in a file to the time of day; returns the paths of both.
fn clock(server: &Postgres) -> (PathBuf, PathBuf) {
    let at = |name: &str| server.socket_directory().join(name);
    let (source, library, offset) = (at("clock.c"), at("clock.so"), at("offset"));
    fs::write(&source, CLOCK).expect("write the file");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-Wall", "-Werror"]);
    cc.arg(format!("-DOFFSET=\"{}\"", offset.display()));
    process::run(cc.arg("-o").arg(&library).arg(source), b"", TIMEOUT).success();
    (library, offset)
}

/// A deadline does not get shorter when the clock is set forward, and a shutdown is noticed when it is set back.
#[test]
fn changes_of_the_time_of_day_do_no_harm() {
    for version in versions() {
        let server = &start(version, "pg_goaway.deadline = 1min");
        let (library, offset) = clock(server);
        let preload = [("LD_PRELOAD", library.to_str().expect("a plain name"))];
        server.control_with(&["restart"], &preload).success();
        let mut client = session(server, &[]);
        let day = "SELECT extract(day FROM clock_timestamp() - now()) > 300";
        let pid = client.backend();
        assert_eq!(ask(server, pid), "t");
        assert_eq!(client.read_message(), disconnect_request());

        client.query("BEGIN");
        client.read_until_ready();
        fs::write(&offset, "31536000").expect("write the file");
        assert_eq!(client.value(day), "t", "the clock did not jump");
        answer(&mut client, "COMMIT");
        thread::sleep(Duration::from_millis(1500));
        assert_eq!(answer(&mut client, "SELECT 1"), "TDCZ");

        fs::write(&offset, "-31536000").expect("write the file");
        let mut other = session(server, &[]);
        stop(server, "smart");
        assert_eq!(other.read_message(), disconnect_request());
        drop((client, other));
        wait_for_exit(server);
        assert_sound(server);
    }
}

/// The system calls of the worker after the signal `name`, while the server is stopped.
#[track_caller]
fn calls_after(server: &Postgres, name: &str, mode: &str) -> Vec<String> {
    let pid = worker(server);
    let file = server.socket_directory().join("trace");
    let mut strace = Command::new("strace");
    strace.arg("-o").arg(&file).args(["-p", &pid]);
    let strace = Session::start(&mut strace);
    let status = format!("/proc/{pid}/status");
    wait_until("traced", || {
        let status = fs::read_to_string(&status).expect("the worker's status");
        let untraced = status.contains("TracerPid:\t0\n");
        if untraced { "untraced" } else { "traced" }.to_owned()
    });
    stop(server, mode);
    wait_for_exit(server);
    strace.finish();
    let trace = fs::read_to_string(file).expect("a trace");
    let signal = format!("--- {name} ");
    let (_, calls) = trace.split_once(&signal).expect("the signal");
    calls.lines().skip(1).map(str::to_owned).collect()
}

/// After the signal the worker does not wait, so it does not delay a fast or immediate shutdown, however long it
/// would have slept.
#[test]
fn the_worker_exits_at_once_when_the_server_stops() {
    for version in versions() {
        for (mode, signal, most) in [("fast", "SIGTERM", 20), ("immediate", "SIGQUIT", 5)] {
            let server = &start(version, "pg_goaway.poll = 1h");
            wait_until("it runs", || {
                let pid = worker(server);
                if pid.is_empty() { "none" } else { "it runs" }.to_owned()
            });
            let calls = calls_after(server, signal, mode);
            let text = calls.join("\n");
            assert!(text.contains("exit_group("), "{mode}: {text}");
            // The last line is the exit.
            assert!(calls.len() <= most, "{mode}: {text}");
            for wait in [
                "epoll_",
                "poll(",
                "select",
                "nanosleep",
                "FUTEX_WAIT",
                "fsync",
            ] {
                assert!(!text.contains(wait), "{mode}: {text}");
            }
        }
    }
}
