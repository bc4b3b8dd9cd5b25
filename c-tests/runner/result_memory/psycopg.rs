//! psycopg 3 with its C extension, which reads rows directly in the memory of results. Tested compiled against this
//! library, and as the wheel from PyPI with this library loaded before the libpq in the wheel.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::languages::{assert_runs_on, loaded};
use crate::support::paths::{self, Lib};
use crate::support::postgres::Postgres;
use crate::support::process::{self, Output, diff};
use crate::support::program::on_lib;

/// Compiling is slow, and so are a million rows in Python.
const LONG_TIMEOUT: Duration = Duration::from_secs(600);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Psycopg {
    /// `psycopg-c`, compiled by this test.
    Compiled,
    /// `psycopg-binary`.
    Wheel,
}

impl Psycopg {
    fn implementation(self) -> &'static str {
        match self {
            Psycopg::Compiled => "c",
            Psycopg::Wheel => "binary",
        }
    }

    /// The directory that contains the package.
    fn folder(self) -> PathBuf {
        match self {
            Psycopg::Compiled => compiled().to_owned(),
            Psycopg::Wheel => from_cache("psycopg/binary"),
        }
    }

    /// Runs one part of a program of `c-tests/ffi` with `lib`.
    #[track_caller]
    fn run(self, lib: Lib, file: &str, args: &[&str]) -> Output {
        let mut command = on_lib(from_cache("python/bin/python"), lib);
        command
            .env("LD_BIND_NOW", "1")
            .env("PSYCOPG_IMPL", self.implementation())
            .env("PYTHONPATH", self.folder())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env_remove("LIBPQ_OXIDE_RESULTS");
        if self == Psycopg::Wheel {
            command.env("LD_PRELOAD", lib.directory().join("libpq.so.5"));
        }
        command
            .arg(paths::checkout().join("c-tests/ffi").join(file))
            .args(args);
        let output = process::run(&mut command, b"", LONG_TIMEOUT).success();
        match self {
            Psycopg::Compiled => assert_runs_on(lib, &output),
            Psycopg::Wheel => assert_is_preloaded(lib, &output),
        }
        output
    }

    /// Runs one part with the oracle and with ours, and compares the facts. Returns them.
    #[track_caller]
    fn same(self, file: &str, part: &str) -> String {
        let server = Postgres::shared();
        let run = |lib| {
            let database = server.fresh_database();
            self.run(lib, file, &[part, &server.tcp(&database)]).stdout
        };
        let (expected, ours) = (run(Lib::Oracle), run(Lib::Ours));
        let difference = diff("oracle", &expected, "ours", &ours);
        assert!(difference.is_empty(), "{self:?} {part}:\n{difference}");
        ours
    }
}

fn from_cache(name: &str) -> PathBuf {
    let path = paths::cache().join(name);
    assert!(path.exists(), "no {}: run c-tests/setup.sh", path.display());
    path
}

/// The wheel's own libpq is loaded too, and must be the only other one.
#[track_caller]
fn assert_is_preloaded(lib: Lib, output: &Output) {
    let directory = lib.directory().canonicalize().expect("a directory");
    let loaded = loaded(output);
    let ours = loaded.iter().filter(|file| file.starts_with(&directory));
    assert!(ours.count() == 1 && loaded.len() <= 2, "{lib:?}: {output}");
}

/// psycopg-c, compiled once with this library's headers, and again when these change.
fn compiled() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let sources = from_cache("psycopg/source");
        let archive = fs::read_dir(&sources)
            .expect("read the directory")
            .flatten()
            .next();
        let archive = archive.expect("psycopg's source").path();
        let folder = paths::target().join("c-tests/psycopg_c");
        if !is_current(&folder, &archive) {
            compile(&folder, &archive);
        }
        folder
    })
}

const DONE: &str = "done";

fn is_current(folder: &Path, archive: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|of| of.modified()).ok();
    let Some(done) = modified(&folder.join(DONE)) else {
        return false;
    };
    let headers = fs::read_dir(paths::checkout().join("include")).expect("headers");
    let headers = headers.flatten().map(|header| header.path());
    let mut sources = headers.chain([archive.to_owned()]);
    sources.all(|source| modified(&source).is_some_and(|time| time <= done))
}

#[track_caller]
fn compile(folder: &Path, archive: &Path) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).expect("create the directory");
    let mut tar = Command::new("tar");
    tar.args(["--strip-components=1", "-xzf"]).arg(archive);
    process::run(tar.arg("-C").arg(folder), b"", LONG_TIMEOUT).success();
    let tools = write_pg_config(folder);
    let mut setup = Command::new(from_cache("python/bin/python"));
    setup
        .args(["setup.py", "-q", "build_ext", "--inplace"])
        .current_dir(folder)
        .env("PATH", format!("{}:/usr/bin:/bin", tools.display()))
        .env("CFLAGS", "-O1 -g0");
    process::run(&mut setup, b"", LONG_TIMEOUT).success();
    fs::write(folder.join(DONE), "").expect("write the marker file");
}

/// Creates a directory with a pg_config that prints the paths of this library and its headers: the library need not be
/// installed.
fn write_pg_config(folder: &Path) -> PathBuf {
    let (include, tools) = (folder.join("pq-include"), folder.join("pq-tools"));
    fs::create_dir_all(&include).expect("create the directory");
    fs::create_dir_all(&tools).expect("create the directory");
    for header in fs::read_dir(paths::checkout().join("include")).expect("headers") {
        let header = header.expect("a header");
        symlink(header.path(), include.join(header.file_name())).expect("a link");
    }
    let (include, lib) = (include.display(), Lib::Ours.directory());
    let lib = lib.display();
    let script = format!(
        "#!/bin/sh\ncase $1 in\n--includedir) echo '{include}' ;;\n--libdir) echo '{lib}' ;;\n*) exit 1 ;;\nesac\n"
    );
    let program = tools.join("pg_config");
    fs::write(&program, script).expect("write the file");
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("set the file mode");
    tools
}

/// Defines every test for both packages.
macro_rules! with_both {
    ($($name:ident)*) => {
        mod compiled {
            $(#[test] fn $name() { super::$name(super::Psycopg::Compiled); })*
        }
        mod wheel {
            $(#[test] fn $name() { super::$name(super::Psycopg::Wheel); })*
        }
    };
}

with_both! {
    runs_on_this_library
    every_row_factory
    values
    streams
    copies
    pipeline
    server_side_cursors
    a_million_rows
    rows_of_1600_columns
    what_the_python_part_does
    asyncio
}

fn runs_on_this_library(psycopg: Psycopg) {
    let output = psycopg.run(Lib::Ours, "psycopg_rows.py", &["library"]);
    let implementation = psycopg.implementation();
    let expected = format!("implementation: '{implementation}'\nversion: 190000\n");
    assert_eq!(output.stdout, expected);
}

#[track_caller]
fn assert_facts(psycopg: Psycopg, part: &str, facts: &[&str]) {
    let output = psycopg.same("psycopg_rows.py", part);
    for fact in facts {
        assert!(output.contains(fact), "no {fact:?} in:\n{output}");
    }
}

fn every_row_factory(psycopg: Psycopg) {
    let facts = [
        "tuple, all: [(None, '')]\n",
        "dict, one: {'a': 1, 'b': 'one'}\n",
        "scalar, all: [None]\n",
        "class, many: [Pair(a=2, b=None)]\n",
    ];
    assert_facts(psycopg, "factories", &facts);
}

fn values(psycopg: Psycopg) {
    let facts = [
        "first: (0, None, '', None, '', 0.0, True, Decimal('0.25'), [0, None, 0], ",
        "no columns: [(), (), ()]\n",
        "after the connection: (100, '",
    ];
    assert_facts(psycopg, "values", &facts);
}

fn streams(psycopg: Psycopg) {
    let facts = [
        "stream of 100: (100, '",
        "nothing: []\n",
        "left early: ('usable',)\n",
    ];
    assert_facts(psycopg, "streams", &facts);
}

fn copies(psycopg: Psycopg) {
    let facts = ["copied in: 2000\n", "rows out: (4000, '"];
    assert_facts(psycopg, "copies", &facts);
}

fn pipeline(psycopg: Psycopg) {
    let facts = [
        "piped: (200, '",
        "pipeline refused: ([('first',)], '22012')\n",
    ];
    assert_facts(psycopg, "pipeline", &facts);
}

fn server_side_cursors(psycopg: Psycopg) {
    let facts = [
        "server side: (100, '",
        "held: [(1,), (2,), (3,), (4,), (5,)]\n",
    ];
    assert_facts(psycopg, "server_side", &facts);
}

fn a_million_rows(psycopg: Psycopg) {
    let facts = ["many rows: (1000000, '", "streamed: (1000000, '"];
    assert_facts(psycopg, "many_rows", &facts);
}

fn rows_of_1600_columns(psycopg: Psycopg) {
    let facts = ["columns: (1600, '", "wide rows: (50, '"];
    assert_facts(psycopg, "many_columns", &facts);
}

fn what_the_python_part_does(psycopg: Psycopg) {
    let output = psycopg.same("psycopg_client.py", "real");
    assert!(output.contains("large value: True\n"), "{output}");
}

fn asyncio(psycopg: Psycopg) {
    let output = psycopg.same("psycopg_client.py", "asynchronous");
    assert!(output.contains("cancelled: '57014'\n"), "{output}");
}
