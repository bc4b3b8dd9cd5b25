//! Runs the commands of docs/switchover.md on a primary and a standby that Debian's tools manage.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::sessions::Session;
use crate::documents::compiled;
use crate::extension;
use crate::support::paths::{self, Lib};
use crate::support::postgres::{Version, as_service_user, free_port, service_user};
use crate::support::process::{self, TIMEOUT};
use crate::support::program::on_lib;
use crate::support::session;

/// Creates the clusters `main` and `standby` below `$PG_CLUSTER_CONF_ROOT`.
const CREATE: &str = r#"set -eu
cd "$1"
module=$2 main=$3 standby=$4
create() {
    pg_createcluster -p "$2" -d "$PWD/$1" -s "$PWD" -l "$PWD/$1.log" 15 "$1" -- -A trust -U postgres --no-sync >/dev/null
    cat >>"$PG_CLUSTER_CONF_ROOT/15/$1/postgresql.conf" <<END
dynamic_library_path = '$module:\$libdir'
shared_preload_libraries = 'pg_goaway'
pg_goaway.spread = 0
listen_addresses = '127.0.0.1'
fsync = off
END
}
create main "$main"
pg_ctlcluster 15 main start
create standby "$standby"
rm -rf standby
/usr/lib/postgresql/15/bin/pg_basebackup -R -c fast --no-sync -D standby \
    -d "host=127.0.0.1 port=$main user=postgres application_name=standby"
chmod 700 standby
pg_ctlcluster 15 standby start
"#;

#[test]
fn the_runbook_works() {
    let module = extension::built(Version::Debian15);
    let (main, standby) = (free_port(), free_port());
    let session = Session::new("docs/switchover.md");
    let restart = "pg_ctlcluster 15 main start";
    // A client that does not leave.
    let stubborn = "pg_ctlcluster 15 main start
        psql -c 'SELECT pg_sleep(60)' >/dev/null 2>&1 & sleep 0.5
        pg_ctlcluster -m smart 15 main stop -- -t 1 && exit 9";
    let promoted = format!("until psql -p {standby} -c 'SELECT 1' >/dev/null; do sleep 0.05; done");
    let session = session
        .before("pg_ctlcluster -m fast 15 main stop", stubborn)
        .before("pg_stat_replication", restart)
        .before("pg_conftool -s 15 main", &promoted)
        .replace("port=5433", format!("port={standby}"));
    let directory = session.directory.path().to_owned();
    let conf = directory.join("etc");
    fs::create_dir(&conf).expect("a directory");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).expect("its mode");
    let library = directory.join("module");
    fs::create_dir(&library).expect("a directory");
    fs::copy(module, library.join("pg_goaway.so")).expect("the module");
    if let Some((uid, gid)) = service_user() {
        for path in [&directory, &conf] {
            chown(path, Some(uid), Some(gid)).expect("their owner");
        }
    }
    let as_postgres = |command: &mut Command| {
        as_service_user(command);
        command
            .env("PG_CLUSTER_CONF_ROOT", &conf)
            .current_dir(&directory);
        command.envs([
            ("PGHOST", "127.0.0.1"),
            ("PGUSER", "postgres"),
            ("PGDATABASE", "postgres"),
        ]);
        command.env("PGPORT", main.to_string());
    };
    // Declared after the session, so that the servers stop before their files are removed.
    let _stop = Stop(&directory);
    let mut create = Command::new("/bin/bash");
    as_postgres(&mut create);
    create
        .args(["-c", CREATE, "bash"])
        .arg(&directory)
        .arg(&library);
    create.args([main.to_string(), standby.to_string()]);
    process::run(&mut create, b"", Duration::from_secs(120)).success();

    // A pool that leaves when asked. It knows both servers, and wants the one that accepts writes.
    let program = compiled(
        &session.directory,
        &paths::checkout().join("examples/pool.c"),
    );
    let mut pool = on_lib(program, Lib::Ours);
    pool.arg(format!(
        "host=127.0.0.1,127.0.0.1 port={main},{standby} user=postgres dbname=postgres target_session_attrs=read-write"
    ));
    let mut pool = session::Session::start(&mut pool);
    pool.send("SELECT 'before'\n");
    assert!(pool.until("\n").starts_with("before"));

    let mut bash = Command::new("/bin/bash");
    as_postgres(&mut bash);
    session.run_in(&mut bash);

    let log = fs::read_to_string(directory.join("main.log")).expect("the log");
    assert!(log.contains("received smart shutdown request"), "{log}");
    assert!(
        log.contains("clients asked to disconnect: 1, told: 1, left: 1"),
        "{log}"
    );
    assert!(log.contains("received fast shutdown request"), "{log}");
    // The pool has left the old primary by itself, and now works on the new one.
    pool.send("SELECT 'after'\n");
    pool.until("after (server process ");
    // The old primary follows the new one.
    let mut psql = Command::new("/usr/lib/postgresql/15/bin/psql");
    as_postgres(&mut psql);
    psql.args(["-XAt", "-p", &standby.to_string()]);
    psql.args(["-c", "SELECT count(*) FROM pg_stat_replication"]);
    session::wait_until("1\n", || process::run(&mut psql, b"", TIMEOUT).stdout);
    pool.finish();
}

/// Stops both clusters at the end, whatever happens.
struct Stop<'a>(&'a Path);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        for name in ["main", "standby"] {
            let mut stop = Command::new("/usr/lib/postgresql/15/bin/pg_ctl");
            as_service_user(&mut stop);
            stop.args(["stop", "-m", "immediate", "-D"])
                .arg(self.0.join(name));
            process::run(&mut stop, b"", TIMEOUT);
        }
    }
}
