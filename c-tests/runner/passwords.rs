//! Hashing and changing passwords.

mod wiped;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::support::interpose;
use crate::support::paths::Lib;
use crate::support::postgres::{PASSWORD, Postgres, Version};
use crate::support::program::{Program, same_output};

#[test]
fn passwords_change_as_in_libpq() {
    // A separate server, because other tests log in with the passwords of the shared one.
    let server = Postgres::start(Version::Oracle18, "");
    let output = same_output("password", &[&server.tcp("postgres")], &[]).success();
    for line in ["log in with hashed: yes", "old: \"md5"] {
        assert!(output.stdout.contains(line), "no {line} in\n{output}");
    }
}

#[test]
fn a_wrong_password_from_a_file_names_the_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("passwords");
    fs::write(&path, "*:*:*:*:wrong\n").expect("a password file");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a private file");
    let path = path.to_str().expect("a UTF-8 path");
    let server = Postgres::shared().tcp("postgres");
    let outcome = |user: &str, options: &str, env: &[(&str, &str)]| {
        let conninfo = format!("{server} user={user} {options}");
        let output = same_output("steps", &[&conninfo, "connect", "state"], env);
        assert!(output.stdout.contains("status=1"), "{output}");
        output.stdout.contains("password retrieved from file")
    };
    for user in ["scram_user", "md5_user", "password_user"] {
        assert!(outcome(user, &format!("passfile={path}"), &[]), "{user}");
        assert!(outcome(user, "", &[("PGPASSFILE", path)]), "{user}");
        // Two hosts, or a password that is not from the file.
        assert!(outcome(
            user,
            &format!("host=127.0.0.1,127.0.0.1 passfile={path}"),
            &[]
        ));
        let given = format!("passfile={path} password=other");
        assert!(!outcome(user, &given, &[]), "{user}");
        let env = [("PGPASSFILE", path), ("PGPASSWORD", "other")];
        assert!(!outcome(user, "", &env), "{user}");
    }
    // An error that is not about the password.
    let given = format!("passfile={path} dbname=none");
    assert!(!outcome("postgres", &given, &[]));
}

/// The texts are C libpq's. It is not run, because OpenSSL's random numbers cannot be made to fail.
#[test]
fn nonce_and_salt_fail_without_random_bytes() {
    // It makes random numbers fail.
    let preload = interpose::library("no_random");
    let run = |name, args: &[&str]| {
        let env = [("LD_PRELOAD", preload.as_str())];
        let output = Program::new(name).run(Lib::Ours, args, &env);
        assert!(output.stderr.contains("asked: yes"), "{output}");
        output
    };
    let server = Postgres::start(Version::Oracle18, "");
    let user = format!("user=scram_user password='{PASSWORD}'");
    let conninfo = format!("{} {user}", server.unix("postgres"));
    let output = run("query", &[&conninfo, "SELECT 1"]);
    let text = "failed: could not generate nonce\n";
    assert!(output.stdout.contains(text), "{output}");
    let output = run("password", &[&server.unix("postgres")]);
    let text = "scram: NULL\n  connection: \"could not encrypt password: could not generate random salt\\n\"\n";
    assert!(output.stdout.contains(text), "{output}");
    // MD5 needs no salt.
    assert!(output.stdout.contains("md5: \"md5"), "{output}");
}
