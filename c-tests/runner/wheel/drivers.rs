//! psycopg and psycopg2 on the library of the wheel.

use std::fs;

use super::Environment;
use crate::extension;
use crate::support::paths;

/// A driver, and the packages that it consists of.
struct Driver {
    module: &'static str,
    packages: &'static [&'static str],
    /// The start of what the client prints if the driver uses our library.
    served: &'static str,
    /// A part of the name of the libpq that it loads otherwise.
    own: &'static str,
}

const PSYCOPG: Driver = Driver {
    module: "psycopg",
    packages: &["psycopg", "psycopg-pool"],
    served: "implementation: 'python'\nversion: 190000\n",
    own: "/libpq.so.5",
};

const PSYCOPG_BINARY: Driver = Driver {
    module: "psycopg",
    packages: &["psycopg", "psycopg-binary", "psycopg-pool"],
    served: "implementation: 'binary'\nversion: 190000\n",
    own: "psycopg_binary.libs/libpq-",
};

const PSYCOPG2: Driver = Driver {
    module: "psycopg2",
    packages: &["psycopg2"],
    served: "version: 190000\n",
    own: "/libpq.so.5",
};

const PSYCOPG2_BINARY: Driver = Driver {
    module: "psycopg2",
    packages: &["psycopg2-binary"],
    served: "version: 190000\n",
    own: "psycopg2_binary.libs/libpq-",
};

/// What the client prints after the version.
const WORK: &str = "\
blocking: (1000, 'row 1000')
error: '22012'
asynchronous: (1000, 'row 1000')
pool: ['pooled', 'pooled']
goaway: [('off', 0), ('on', 1), 'usable']
";

/// Installs the wheel and a driver, uses the driver with both kinds of preloading, and removes the wheel.
#[track_caller]
fn uses_the_library(driver: &Driver) {
    let environment = Environment::with(driver.packages);
    let before = environment.files();
    let own_version = environment.client(&["version", driver.module]);
    environment.install_wheel();
    let installed = environment.files();

    // Without opting in, nothing changes.
    let version = environment.client(&["version", driver.module]);
    assert_eq!(version, own_version);
    assert!(!version.contains("190000"), "{version}");

    let server = extension::servers().next().expect("a server");
    let database = server.fresh_database();
    server.psql(&database, "CREATE EXTENSION pg_goaway");
    let work = ["work", driver.module, &server.tcp(&database)];
    let expected = format!("{}{WORK}", driver.served);
    assert_eq!(
        environment.client(&[&work[..], &["preload"]].concat()),
        expected
    );
    let refusal = environment.client(&["late", driver.module]);
    assert!(
        refusal.starts_with("another libpq is loaded already: ") && refusal.contains(driver.own),
        "{refusal}"
    );

    environment.module(&["enable"]).success();
    assert_eq!(environment.client(&work), expected);
    environment.module(&["disable"]).success();
    assert_eq!(environment.files(), installed);
    assert_eq!(environment.client(&["version", driver.module]), own_version);

    environment.module(&["enable"]).success();
    environment.uninstall();
    assert_eq!(environment.files(), before);
    assert_eq!(environment.client(&["version", driver.module]), own_version);
}

#[test]
fn psycopg_uses_the_library() {
    uses_the_library(&PSYCOPG);
}

#[test]
fn psycopg_binary_uses_the_library() {
    uses_the_library(&PSYCOPG_BINARY);
}

#[test]
fn psycopg2_uses_the_library() {
    uses_the_library(&PSYCOPG2);
}

#[test]
fn psycopg2_binary_uses_the_library() {
    uses_the_library(&PSYCOPG2_BINARY);
}

#[test]
fn the_example_of_its_readme_uses_the_library() {
    let readme = fs::read_to_string(paths::checkout().join("python/README.md")).expect("a file");
    let block = readme.split("```python\n").nth(1).expect("a block");
    let block = block.split("```").next().expect("the end of the block");
    let environment = Environment::with(PSYCOPG_BINARY.packages);
    environment.install_wheel();
    assert_eq!(environment.run(&["-c", block]), "190000\n");
}

#[test]
fn psycopg_without_a_c_part_finds_the_library_without_one_in_the_system() {
    let environment = Environment::with(&[]);
    environment.install_wheel();
    // psycopg loads the file that this function returns.
    let script = "import ctypes.util, libpq_oxide
ctypes.util.find_library = lambda name: name if name == 'other' else None
libpq_oxide.preload()
libpq_oxide.preload()
find = ctypes.util.find_library
print(find('pq') == libpq_oxide.path(), find('other'), find('none'))";
    assert_eq!(environment.run(&["-c", script]), "True other None\n");
}
