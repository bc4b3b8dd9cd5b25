//! The paths of the checkout, the build, the cache and the oracle.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the checkout, or of the copy that `LIBPQ_OXIDE_CHECKOUT` names.
pub fn checkout() -> &'static Path {
    static CHECKOUT: OnceLock<PathBuf> = OnceLock::new();
    CHECKOUT.get_or_init(|| from_environment("LIBPQ_OXIDE_CHECKOUT", env!("CARGO_MANIFEST_DIR")))
}

/// Cargo's target directory, or the directory that `LIBPQ_OXIDE_TARGET` names.
pub fn target() -> PathBuf {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    from_environment("LIBPQ_OXIDE_TARGET", tmp.parent().unwrap_or(tmp))
}

/// The user who runs the tests may not be able to read the paths that were compiled in: see
/// `c-tests/ordinary_user.sh`.
fn from_environment(name: &str, otherwise: impl AsRef<Path>) -> PathBuf {
    std::env::var_os(name).map_or_else(|| otherwise.as_ref().to_owned(), PathBuf::from)
}

/// Builds goaway-proxy in debug mode and returns its path: Cargo does not build other packages' programs for a test.
pub fn goaway_proxy() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        // The arguments select the same features of dependencies as `cargo test --workspace`, so that Cargo does not
        // compile the dependencies again.
        let status = Command::new(env!("CARGO"))
            .current_dir(checkout())
            .args([
                "build",
                "--locked",
                "--quiet",
                "--workspace",
                "--bins",
                "--test",
                "headers",
            ])
            .arg("--target-dir")
            .arg(target())
            .status()
            .expect("cargo runs");
        assert!(status.success(), "goaway-proxy cannot be built");
        target().join("debug/goaway-proxy")
    })
}

/// The cache outside the checkout. Only `c-tests/lib/cache.sh` decides where it is.
pub fn cache() -> &'static Path {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    CACHE.get_or_init(|| {
        let script = checkout().join("c-tests/lib/cache.sh");
        let shell = Command::new("bash")
            .args(["-euc", ". \"$1\"; printf %s \"$cache\"", "bash"])
            .arg(script)
            .output()
            .expect("bash runs");
        assert!(shell.status.success(), "cache.sh failed: {shell:?}");
        PathBuf::from(String::from_utf8(shell.stdout).expect("a UTF-8 path"))
    })
}

/// The directory in which the oracle is installed.
pub fn oracle() -> PathBuf {
    let prefix = cache().join("postgresql-18");
    assert!(
        cache().join("oracle.stamp").exists(),
        "no oracle in {}: run c-tests/oracle/build.sh",
        prefix.display()
    );
    prefix
}

/// A libpq.so.5 to run a program with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lib {
    /// The library under test: the release build, or the one in the directory that `LIBPQ_OXIDE_LIB` names.
    Ours,
    /// C libpq 18.
    Oracle,
    /// C libpq 15, from Debian 12.
    Debian15,
}

impl Lib {
    /// The directory of `libpq.so.5`.
    pub fn directory(self) -> PathBuf {
        let directory = match self {
            Lib::Ours => std::env::var_os("LIBPQ_OXIDE_LIB")
                .map_or_else(|| target().join("release"), PathBuf::from),
            Lib::Oracle => oracle().join("lib"),
            Lib::Debian15 => format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH).into(),
        };
        assert!(
            directory.join("libpq.so.5").exists(),
            "no libpq.so.5 in {}: run make first",
            directory.display()
        );
        directory
    }
}
