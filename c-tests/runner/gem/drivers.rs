//! ruby-pg on the library of the gem.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{Environment, gem, plain};
use crate::extension;
use crate::support::message::{goaway, one_value, ready};
use crate::support::paths::{self, Lib};
use crate::support::process::{self, TIMEOUT};
use crate::support::script::Script;

/// What the client prints after the versions.
const WORK: &str = "\
blocking: [\"1000\", \"row 1000\"]
asynchronous: [\"1000\", \"row 1000\"]
error: \"22012\"
scheduled: [\"here\", \"there\"]
cancelled: \"57014\"
pool: [\"pooled\", \"pooled\"]
goaway: [\"off\", \"on\", \"usable\"]
";

impl Environment {
    /// `c-tests/ffi/gem_client.rb`.
    fn client(&self, args: &[&str]) -> Command {
        let mut ruby = self.command("/usr/bin/ruby");
        ruby.arg(paths::checkout().join("c-tests/ffi/gem_client.rb"))
            .args(args);
        ruby.envs(self.pg_gem.map(|version| ("PG_GEM", version)));
        ruby
    }

    /// The output of the client.
    #[track_caller]
    fn facts(&self, args: &[&str]) -> String {
        process::run(&mut self.client(args), b"", TIMEOUT)
            .success()
            .stdout
    }

    /// The files in which the loader finds the functions of libpq that ruby-pg calls.
    fn bindings(&self, args: &[&str]) -> BTreeSet<PathBuf> {
        let log = tempfile::tempdir().expect("a temporary directory");
        let mut client = self.client(args);
        // The loader finds all functions at once, and writes where to a file for each process.
        client
            .env("LD_BIND_NOW", "1")
            .env("LD_DEBUG", "bindings")
            .env("LD_DEBUG_OUTPUT", log.path().join("process"));
        process::run(&mut client, b"", TIMEOUT).success();
        let mut files = BTreeSet::new();
        for entry in fs::read_dir(log.path()).expect("the directory") {
            let text = fs::read_to_string(entry.expect("a log").path()).expect("a log");
            files.extend(text.lines().filter_map(binding));
        }
        files
    }
}

/// The second file in a line of the loader's such as ``binding file /a/pg_ext.so [0] to /b/libpq.so.5 [0]: normal symbol `PQexec'``.
fn binding(line: &str) -> Option<PathBuf> {
    let (_, rest) = line.split_once("binding file ")?;
    let (from, rest) = rest.split_once(" [0] to ")?;
    let (to, rest) = rest.split_once(" [0]: normal symbol `")?;
    let (symbol, _) = rest.split_once('\'')?;
    let is_libpq = include_str!("../../../include/exports.txt")
        .lines()
        .any(|export| export == symbol);
    (from.ends_with("/pg_ext.so") && is_libpq).then(|| PathBuf::from(to))
}

/// Installs the gem beside ruby-pg, uses ruby-pg with both kinds of preloading, and removes the gem. `own` is a part of the
/// name of the libpq that ruby-pg uses otherwise.
#[track_caller]
fn serves(environment: &Environment, own: &str) {
    let before = environment.files();
    let own_version = environment.facts(&["version"]);
    environment.install(gem());

    // Without opting in, nothing changes.
    assert_eq!(environment.facts(&["version"]), own_version);
    assert!(!own_version.contains("190000"), "{own_version}");

    let server = extension::servers().next().expect("a server");
    let database = server.fresh_database();
    server.psql(&database, "CREATE EXTENSION pg_goaway");
    let conninfo = server.tcp(&database);
    let ruby_pg = own_version.lines().next().expect("a version");
    let expected = format!("{ruby_pg}\nversion: 190000\n{WORK}");
    let preloaded = ["work", &conninfo, "preload"];
    assert_eq!(environment.facts(&preloaded), expected);
    let ours = environment.ruby("require 'libpq_oxide'; puts LibpqOxide.path");
    let found = environment.bindings(&preloaded);
    assert_eq!(found, BTreeSet::from([PathBuf::from(ours.trim_end())]));

    let client = environment.client(&["work", &conninfo]);
    let mut run = environment.command(environment.program());
    run.arg("--")
        .arg(client.get_program())
        .args(client.get_args());
    run.envs(
        client
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let output = process::run(&mut run, b"", TIMEOUT).success();
    assert_eq!(output.stdout, expected);

    let refusal = environment.facts(&["late"]);
    assert!(
        refusal.starts_with("another libpq is loaded already: ") && refusal.contains(own),
        "{refusal}"
    );

    environment.uninstall();
    assert_eq!(environment.files(), before);
    assert_eq!(environment.facts(&["version"]), own_version);
}

#[test]
fn serves_debians_ruby_pg() {
    serves(&Environment::empty(), "/libpq.so.5");
}

/// The version of a gem pg that has Debian's ruby-pg in it.
const PRECOMPILED: &str = "1.4.5.1";

/// pg_ext.so needs a libpq with a name of its own, which the gem contains, as in the gem for x86_64-linux on rubygems.org. Here the libpq is
/// C libpq 18, and the rest is Debian's.
#[test]
fn serves_a_precompiled_gem() {
    serves(&with_precompiled_gem(), "/libpq-ruby-pg.so.1");
}

fn with_precompiled_gem() -> Environment {
    let mut environment = Environment::empty();
    environment.pg_gem = Some(PRECOMPILED);
    let mut build = plain("/usr/bin/ruby");
    build
        .arg(paths::checkout().join("c-tests/tools/precompiled_pg.rb"))
        .arg(PRECOMPILED)
        .arg(Lib::Oracle.directory().join("libpq.so.5"))
        .arg(environment.root.path());
    let built = process::run(&mut build, b"", TIMEOUT).success();
    environment.install(built.stdout.trim_end().as_ref());
    environment
}

#[test]
fn serves_applications_with_a_gemfile() {
    let environment = with_precompiled_gem();
    environment.install(gem());
    // As Rails does it.
    let script = "require 'bundler'
        Bundler.ui.level = 'error'
        Bundler.definition.tap(&:resolve_only_locally!).lock('Gemfile.lock')
        Bundler.setup
        Bundler.require
        p PG.library_version, $LOADED_FEATURES.grep(/libpq_oxide.rb/).size";
    let pg = format!("gem 'pg', '{PRECOMPILED}'\n");
    let ours = "gem 'libpq-oxide', require: 'libpq_oxide/preload'\n";
    let root = environment.root.path();
    for (gems, launcher, expected) in [
        (format!("{ours}{pg}"), &[][..], "190000\n1\n"),
        // The Gemfile need not name the gem if its program starts the application.
        (pg.clone(), &["--"], "190000\n1\n"),
        (pg, &[], "180006\n0\n"),
    ] {
        let gemfile = format!("source 'https://rubygems.org'\n{gems}");
        fs::write(root.join("Gemfile"), gemfile).expect("a Gemfile");
        let _ = fs::remove_file(root.join("Gemfile.lock"));
        let mut run = match launcher {
            [] => environment.command("/usr/bin/ruby"),
            launcher => {
                let mut run = environment.command(environment.program());
                run.args(launcher).arg("/usr/bin/ruby");
                run
            }
        };
        run.current_dir(root).env("HOME", root).args(["-e", script]);
        let output = process::run(&mut run, b"", TIMEOUT).success();
        assert_eq!(output.stdout, expected, "{output}");
    }
}

/// The code blocks of ruby/README.md.
fn blocks() -> Vec<String> {
    let readme = fs::read_to_string(paths::checkout().join("ruby/README.md")).expect("a file");
    let blocks = readme.split("```ruby\n").skip(1);
    blocks
        .filter_map(|rest| Some(rest.split_once("```")?.0.to_owned()))
        .collect()
}

/// Runs a program that asks for `hello` and is told to disconnect.
#[track_caller]
fn assert_block_works(mut command: Command) {
    let server = Script::new()
        .connection(|c| {
            c.login();
            c.expect_query();
            c.send(&[&goaway()[..], &one_value("v", "hello"), &ready(b'I')].concat());
            c.expect_terminate();
        })
        .start();
    command.envs([
        ("PGHOST", "127.0.0.1"),
        ("PGPORT", &server.port().to_string()),
        ("PGUSER", "u"),
        ("PGDATABASE", "d"),
        ("PGSSLMODE", "disable"),
    ]);
    let output = process::run(&mut command, b"", TIMEOUT).success();
    server.finish();
    let expected = "hello\nthe server asks to disconnect\n";
    assert_eq!(output.stdout, expected, "{output}");
}

#[test]
fn the_examples_of_its_readme_work() {
    let environment = Environment::new();
    let [preload, ruby_pg, fiddle] = &blocks()[..] else {
        panic!("three blocks were expected");
    };
    assert_eq!(environment.ruby(preload), "190000\n");
    for block in [format!("{preload}{ruby_pg}"), fiddle.clone()] {
        let block = block.replace("puts PG.library_version", "PG.library_version");
        let mut ruby = environment.command("/usr/bin/ruby");
        ruby.args(["-e", &block]);
        assert_block_works(ruby);
    }
}
