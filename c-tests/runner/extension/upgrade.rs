//! pg_upgrade of a server that has loaded the module.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::shutdown::{assert_logged, stop, wait_for_exit};
use super::{ask, disconnect_request, install, session, versions};
use crate::support::postgres::{Postgres, Version, as_service_user};
use crate::support::process::{self, TIMEOUT};

const PRELOAD: &str = "shared_preload_libraries = 'pg_goaway'";

/// Starts a server with the module; also returns a directory with all its programs, in which pg_upgrade finds the
/// module.
fn complete(version: Version) -> (Postgres, PathBuf) {
    let mut programs = PathBuf::new();
    let server = Postgres::start_installed(version, PRELOAD, |directory| {
        let program = install(version, directory);
        programs = program.parent().expect("a directory").to_owned();
        let mut copy = Command::new("sh");
        copy.args(["-c", "cp -rn \"$1/.\" \"$2/\"", "sh"]);
        process::run(copy.arg(version.bin()).arg(&programs), b"", TIMEOUT).success();
        Some(program)
    });
    (server, programs)
}

/// Runs a program as the servers' user, in a directory of its own.
#[track_caller]
fn run(program: PathBuf, directory: &Path, arguments: &[&str]) {
    let mut command = Command::new(program);
    as_service_user(&mut command);
    command.current_dir(directory).args(arguments);
    process::run(&mut command, b"", TIMEOUT).success();
}

/// Creates the cluster again, empty and with the settings of an older version.
fn empty(server: &Postgres, programs: &Path) {
    stop(server, "fast");
    wait_for_exit(server);
    let data = server.data();
    let conf = fs::read_to_string(data.join("postgresql.conf")).expect("postgresql.conf");
    fs::rename(&data, data.with_extension("before")).expect("rename the data directory");
    let directory = data.to_str().expect("a plain name");
    let options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"];
    let like_before = ["--locale=C.UTF-8", "--no-data-checksums", "-D", directory];
    let options = [&options[..], &like_before].concat();
    run(programs.join("initdb"), server.socket_directory(), &options);
    fs::write(data.join("postgresql.conf"), conf).expect("postgresql.conf");
}

#[test]
fn pg_upgrade_keeps_the_extension_and_dependent_objects() {
    let (old, old_programs) = complete(versions()[0]);
    let (new, new_programs) = complete(Version::Oracle18);
    let sql = "CREATE EXTENSION pg_goaway;
        CREATE VIEW not_told AS SELECT pid FROM pg_goaway_status WHERE told_at IS NULL;
        CREATE FUNCTION leave(int) RETURNS boolean LANGUAGE sql RETURN pg_goaway_backend($1);
        REVOKE ALL ON FUNCTION pg_goaway_all() FROM PUBLIC";
    old.psql("postgres", sql);
    stop(&old, "fast");
    wait_for_exit(&old);
    empty(&new, &new_programs);

    let text = |path: &Path| path.to_str().expect("a plain name").to_owned();
    let arguments = [
        "-b",
        &text(&old_programs),
        "-B",
        &text(&new_programs),
        "-d",
        &text(&old.data()),
        "-D",
        &text(&new.data()),
        "-U",
        "postgres",
        "--no-sync",
    ];
    let pg_upgrade = new_programs.join("pg_upgrade");
    run(pg_upgrade, new.socket_directory(), &arguments);
    new.control(&["start"]).success();

    let version = "SELECT extversion FROM pg_extension WHERE extname = 'pg_goaway'";
    assert_eq!(new.psql("postgres", version), "1.0\n");
    assert_eq!(new.psql("postgres", "SELECT count(*) FROM not_told"), "0\n");
    let privileges = "SELECT has_function_privilege('other_user', f, 'EXECUTE')
        FROM unnest(ARRAY['pg_goaway_all()', 'pg_goaway_backend(int)']::regprocedure[]) f";
    assert_eq!(new.psql("postgres", privileges), "f\nt\n");
    let mut client = session(&new, &[]);
    let pid = client.backend();
    let leave = format!("SELECT leave({pid})");
    assert_eq!(new.psql("postgres", &leave), "t\n");
    assert_eq!(client.read_message(), disconnect_request());
    let mut other = session(&new, &[]);
    let pid = other.backend();
    assert_eq!(ask(&new, pid), "t");
    assert_eq!(other.read_message(), disconnect_request());
    stop(&new, "smart");
    drop((client, other));
    wait_for_exit(&new);
    assert_logged(&new, "clients asked to disconnect: 2, told: 2, left: 2,");
}
