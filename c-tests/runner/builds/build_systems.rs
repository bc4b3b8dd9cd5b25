//! CMake and Meson find an installation that is not in the system's directories, and their programs run on it.

use std::fs;
use std::path::Path;

use super::{plain, run};
use crate::support::installation::Installation;
use crate::support::paths;
use crate::support::postgres::Postgres;
use crate::support::process::{self, TIMEOUT};

#[test]
fn cmake_finds_an_installation() {
    let installation = Installation::in_place();
    let build = installation.root.path().join("build");
    let mut configure = plain("cmake");
    configure
        .arg("-S")
        .arg(paths::checkout().join("examples/cmake"));
    configure.arg("-B").arg(&build);
    configure.arg(format!(
        "-DCMAKE_PREFIX_PATH={}",
        installation.prefix().display()
    ));
    let output = run(&mut configure);
    assert!(
        output.stdout.contains("(found suitable version \"19."),
        "{output}"
    );
    run(plain("cmake").arg("--build").arg(&build));
    assert_runs_on(&installation, &build.join("pool"));
}

#[test]
fn meson_finds_an_installation() {
    let installation = Installation::in_place();
    let build = installation.root.path().join("build");
    let mut setup = plain("meson");
    setup
        .args(["setup", "--pkg-config-path"])
        .arg(installation.lib().join("pkgconfig"));
    setup
        .arg(&build)
        .arg(paths::checkout().join("examples/meson"));
    let output = run(&mut setup);
    assert!(
        output.stdout.contains("dependency libpq found: YES 19.0"),
        "{output}"
    );
    run(plain("meson").args(["compile", "-C"]).arg(&build));
    assert_runs_on(&installation, &build.join("pool"));
}

/// The build systems write the directory of the library into the program.
#[track_caller]
fn assert_runs_on(installation: &Installation, program: &Path) {
    let loaded = run(plain("ldd").arg(program)).stdout;
    let library = installation.lib().join("libpq.so.5");
    assert!(
        loaded.contains(&format!("=> {} ", library.display())),
        "{loaded}"
    );
    let conninfo = Postgres::shared().unix("postgres");
    let mut pool = plain(fs::canonicalize(program).expect("the program"));
    let output = process::run(pool.arg(conninfo), b"SELECT 'hello'\n", TIMEOUT).success();
    assert!(output.stdout.starts_with("hello "), "{output}");
}
