//! Hashing and changing passwords.

mod wiped;

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
