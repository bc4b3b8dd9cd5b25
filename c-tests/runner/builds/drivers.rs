//! Drivers that ask pg_config, built from source on an installation: psycopg2 and PyGreSQL.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{plain, run};
use crate::support::installation::Installation;
use crate::support::paths;
use crate::support::postgres::Postgres;
use crate::support::process::Output;

/// An installation, and the source of a driver next to it.
struct Driver {
    installation: Installation,
    source: PathBuf,
}

impl Driver {
    /// Unpacks an archive that `c-tests/setup.sh` has fetched.
    fn unpack(archive: &str) -> Driver {
        let installation = Installation::in_place();
        let source = installation.root.path().join("source");
        std::fs::create_dir(&source).expect("a directory");
        let archive = paths::cache().join("sources").join(archive);
        assert!(
            archive.exists(),
            "no {}: run c-tests/setup.sh",
            archive.display()
        );
        run(plain("tar")
            .args(["--strip-components=1", "-xzf"])
            .arg(archive)
            .arg("-C")
            .arg(&source));
        Driver {
            installation,
            source,
        }
    }

    /// Compiles a Python package. The installation's pg_config is the first in the `PATH`.
    fn build_python(&self, python: &Path) {
        let path = self.installation.prefix().join("bin");
        let mut setup = plain(python);
        setup
            .current_dir(&self.source)
            .args(["setup.py", "-q", "build", "--build-lib", "built"])
            .env("PATH", format!("{}:/usr/bin:/bin", path.display()))
            .env("CFLAGS", "-O0");
        run(&mut setup);
    }

    /// Runs a program on the driver, with an empty database.
    #[track_caller]
    fn client(
        &self,
        interpreter: impl AsRef<Path>,
        configure: impl FnOnce(&mut Command),
    ) -> Output {
        let server = Postgres::shared();
        let mut command = plain(interpreter);
        command
            .env("LD_LIBRARY_PATH", self.installation.lib())
            .env("LD_BIND_NOW", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONPATH", self.source.join("built"))
            .env("PGHOST", server.socket_directory())
            .env("PGPORT", server.port().to_string())
            .env("PGUSER", "postgres")
            .env("PGDATABASE", server.fresh_database());
        configure(&mut command);
        run(&mut command)
    }
}

#[test]
fn psycopg2() {
    let driver = Driver::unpack("psycopg2-2.9.13.tar.gz");
    let python = paths::cache().join("python/bin/python");
    driver.build_python(&python);
    let versions = "import psycopg2, psycopg2.extensions as e; print(psycopg2.__libpq_version__, e.libpq_version())";
    let output = driver.client(&python, |command| {
        command.args(["-c", versions]);
    });
    assert_eq!(output.stdout, "190000 190000\n", "{output}");
    let output = driver.client(&python, |command| {
        command.arg(paths::checkout().join("c-tests/drivers/psycopg2_client.py"));
    });
    assert!(
        output
            .stdout
            .contains("canceling statement due to user request\n")
            && output.stdout.ends_with("3000000\n"),
        "{output}"
    );
}

#[test]
fn pygresql() {
    let driver = Driver::unpack("pygresql-6.2.3.tar.gz");
    let python = paths::cache().join("python/bin/python");
    driver.build_python(&python);
    let script =
        "import pg; print(pg.get_pqlib_version(), pg.DB().query('SELECT 6 * 7').onescalar())";
    let output = driver.client(&python, |command| {
        command.args(["-c", script]);
    });
    assert_eq!(output.stdout, "190000 42\n", "{output}");
}
