//! The SQL tests, and the files that PGXN and packagers read.

use std::fs;

use super::{make, servers, start, versions};
use crate::support::paths;
use crate::support::process::{self, TIMEOUT};

#[test]
fn make_installcheck() {
    for server in servers() {
        let mut command = make(server.version());
        command
            .arg("installcheck")
            .env("PGHOST", server.socket_directory())
            .env("PGPORT", server.port().to_string())
            .env("PGUSER", "postgres");
        let output = process::run(&mut command, b"", TIMEOUT);
        let differences = paths::target().join(format!(
            "c-tests/pg_goaway-{:?}/regression.diffs",
            server.version()
        ));
        let differences = fs::read_to_string(differences).unwrap_or_default();
        assert_eq!(output.end, process::End::Exit(0), "{output}{differences}");
    }
}

#[test]
fn version_and_license_are_the_same_in_all_files() {
    let folder = paths::checkout().join("pg_goaway");
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect(name);
    let meta: serde_json::Value = serde_json::from_str(&read("META.json")).expect("JSON");
    let provides = &meta["provides"]["pg_goaway"];
    let version = provides["version"].as_str().expect("a version");
    let (major_minor, _) = version
        .rsplit_once('.')
        .expect("a version of three numbers");
    let control = format!("default_version = '{major_minor}'\n");
    assert!(read("pg_goaway.control").contains(&control), "{version}");
    let script = format!("pg_goaway--{major_minor}.sql");
    assert_eq!(provides["file"], script.as_str());
    assert!(read("Makefile").contains(&script));
    read(&script);
    let license = fs::read_to_string(paths::checkout().join("LICENSE")).expect("LICENSE");
    assert_eq!(read("LICENSE"), license);
}

#[test]
fn the_extension_can_be_moved_to_another_schema() {
    for version in versions() {
        let server = start(version, "");
        let sql = "DROP EXTENSION pg_goaway; CREATE SCHEMA elsewhere; CREATE SCHEMA there;
            CREATE EXTENSION pg_goaway SCHEMA elsewhere; ALTER EXTENSION pg_goaway SET SCHEMA there;
            SELECT count(*) FROM there.pg_goaway_status";
        assert_eq!(server.psql("postgres", sql), "0\n");
    }
}
