//! Hashing and changing passwords.

use crate::support::postgres::{Postgres, Version};
use crate::support::program::same_output;

#[test]
fn passwords_as_libpq_changes_them() {
    // A server of its own: other tests log in with the passwords of the shared one.
    let server = Postgres::start(Version::Oracle18, "");
    let output = same_output("password", &[&server.tcp("postgres")], &[]).success();
    for line in ["log in with hashed: yes", "old: \"md5"] {
        assert!(output.stdout.contains(line), "no {line} in\n{output}");
    }
}
