//! What a release consists of.

mod archive;

use crate::support::paths;

/// Says so if not: the scripts pack what is committed.
fn is_git_checkout() -> bool {
    let is = paths::checkout().join(".git").exists();
    if !is {
        eprintln!("skipped: this is no git checkout");
    }
    is
}
