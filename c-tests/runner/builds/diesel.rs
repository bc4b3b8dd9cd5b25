//! A Rust program with libpq.a: diesel, through pq-sys.

use std::path::PathBuf;
use std::process::Command;

use super::static_library::{needed, verify_full};
use super::{plain, run};
use crate::support::installation::Installation;
use crate::support::paths;
use crate::tls::server::TlsServer;

/// Builds `c-tests/static/diesel` with the variables that pq-sys documents.
fn build(installation: &Installation, rustflags: &str) -> PathBuf {
    // Build scripts and macros are compiled for the host, and so need no flags, if the target is named.
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let directory = paths::target().join("c-tests/diesel");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "build",
            "--locked",
            "--quiet",
            "--target",
            &target,
            "--manifest-path",
        ])
        .arg(paths::checkout().join("c-tests/static/diesel/Cargo.toml"))
        .env("CARGO_TARGET_DIR", &directory)
        .env("RUSTFLAGS", rustflags)
        .env("PQ_LIB_STATIC", "1")
        .env("PQ_LIB_DIR", installation.lib());
    run(&mut cargo);
    directory.join(target).join("debug/diesel_client")
}

#[test]
fn diesel_with_the_static_library_has_tls_without_openssl() {
    let installation = Installation::new();
    let server = TlsServer::with("good", "good");
    for rustflags in ["", "-Ctarget-feature=+crt-static"] {
        let program = build(&installation, rustflags);
        let needed = needed(&program);
        let unwanted = ["libpq", "libssl", "libcrypto"];
        assert!(
            !needed
                .iter()
                .any(|name| unwanted.iter().any(|of| name.starts_with(of))),
            "{needed:?}"
        );
        assert_eq!(needed.is_empty(), !rustflags.is_empty(), "{needed:?}");
        let output = run(plain(&program).arg(verify_full(&server)));
        assert_eq!(
            output.stdout, "libpq 190000\nencrypted: true TLSv1.3\npanic caught: true\n",
            "{output}"
        );
    }
}
