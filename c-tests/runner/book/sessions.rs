//! Runs the commands and the SQL of a page, one after the other in one shell, in a directory of its own. Ports and directories that belong
//! to the reader's machine are replaced.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::pages::{Block, Mark, Page};
use crate::extension;
use crate::support::installation::Installation;
use crate::support::paths::{self, Lib};
use crate::support::postgres::{Postgres, Version, free_port};
use crate::support::process::{self, Output};
use crate::support::program::on_lib;

/// The pages whose commands are run, here or in `switchover`.
const SESSIONS: [&str; 7] = [
    "README.md",
    "docs/install.md",
    "docs/options.md",
    "docs/proxy.md",
    "docs/quick-start.md",
    "docs/switchover.md",
    "pg_goaway/README.md",
];

pub fn is_in_a_session(page: &Page, block: &Block) -> bool {
    let is_session = SESSIONS.iter().any(|path| page.path == Path::new(path));
    is_session && ["sh", "sql"].contains(&block.language.as_str())
}

/// A page's commands, and what to change in them.
pub struct Session {
    page: Page,
    pub directory: TempDir,
    replacements: Vec<(String, String)>,
    /// Commands to run before the block that contains a text.
    before: Vec<(&'static str, String)>,
}

impl Session {
    pub fn new(path: &str) -> Session {
        assert!(SESSIONS.contains(&path), "{path}");
        Session {
            page: Page::read(Path::new(path)),
            directory: TempDir::with_prefix("pq-").expect("a temporary directory"),
            replacements: Vec::new(),
            before: Vec::new(),
        }
    }

    pub fn replace(mut self, from: &str, to: impl ToString) -> Session {
        let found = self
            .page
            .blocks
            .iter()
            .any(|block| block.text.contains(from));
        assert!(found, "{}: no {from:?}", self.page.path.display());
        self.replacements.push((from.to_owned(), to.to_string()));
        self
    }

    /// Runs `commands` before the block that contains `text`, once.
    pub fn before(mut self, text: &'static str, commands: &str) -> Session {
        self.before.push((text, commands.to_owned()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The page as a script for bash.
    pub fn script(&self) -> String {
        // Every process of the page ends with it.
        let mut script =
            "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n".to_owned();
        for block in self
            .page
            .blocks
            .iter()
            .filter(|block| is_in_a_session(&self.page, block))
        {
            let text = block.text.trim_end();
            for (_, commands) in self.before.iter().filter(|(found, _)| text.contains(found)) {
                script += &format!("{commands}\n");
            }
            script += &format!("echo '=== {}'\n", block.place);
            script += &match (&block.mark, block.language.as_str()) {
                (Some(Mark::NotRun(_)), _) => continue,
                (Some(Mark::Background(name)), _) => format!(
                    "{text} 2>{name}.log &\n{name}=$!\n\
                     until grep -q 'listening at' {name}.log; do kill -0 ${name} || {{ cat {name}.log; exit 1; }}; sleep 0.05; done\n"
                ),
                (_, "sql") => {
                    format!("psql -X -v ON_ERROR_STOP=1 <<'END_OF_SQL'\n{text}\nEND_OF_SQL\n")
                }
                _ => format!("{text}\n"),
            };
        }
        for (from, to) in &self.replacements {
            script = script.replace(from, to);
        }
        script
    }

    /// Runs the page with our library and this server.
    #[track_caller]
    pub fn run(&self, server: &Postgres, database: &str, env: &[(&str, &str)]) -> Output {
        let mut bash = on_lib("/bin/bash", Lib::Ours);
        let proxy = paths::goaway_proxy().parent().expect("a directory");
        bash.current_dir(self.directory.path());
        bash.env(
            "PATH",
            format!("{}:/usr/sbin:/usr/bin:/bin", proxy.display()),
        );
        bash.envs([
            ("PGHOST", "127.0.0.1"),
            ("PGPORT", &server.port().to_string()),
            ("PGUSER", "postgres"),
            ("PGDATABASE", database),
        ]);
        bash.envs(env.iter().copied());
        self.run_in(&mut bash)
    }

    #[track_caller]
    pub fn run_in(&self, bash: &mut Command) -> Output {
        let script = self.script();
        let output = process::run(bash.arg("-c").arg(&script), b"", Duration::from_secs(120));
        assert_eq!(output.end, process::End::Exit(0), "{output}\n{script}");
        output
    }
}

/// What the pages about building programs expect in the current directory, and the variables that make the compiler and the loader use
/// an installation.
fn build_in(session: &Session, installation: &Installation) -> Vec<(String, String)> {
    let readme = Page::read(Path::new("README.md"));
    let hello = readme.blocks_in("c").next().expect("the program");
    for name in ["hello.c", "program.c"] {
        fs::write(session.path(name), &hello.text).expect("a file");
    }
    let checkout = paths::checkout();
    symlink(checkout.join("examples"), session.path("examples")).expect("a link");
    let target = session.path("libpq-oxide/target");
    fs::create_dir_all(&target).expect("a directory");
    symlink(
        checkout.join("include"),
        session.path("libpq-oxide/include"),
    )
    .expect("a link");
    symlink(Lib::Ours.directory(), target.join("release")).expect("a link");
    let library = installation.prefix().join("lib");
    let path = |path: &Path| path.display().to_string();
    [
        ("PKG_CONFIG_SYSROOT_DIR", path(installation.root.path())),
        ("PKG_CONFIG_LIBDIR", path(&library.join("pkgconfig"))),
        ("LD_LIBRARY_PATH", path(&library)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

#[track_caller]
fn run_with_installation(session: &Session) -> Output {
    let installation = Installation::new();
    let variables = build_in(session, &installation);
    let env: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    session.run(Postgres::shared(), "postgres", &env)
}

#[test]
fn readme() {
    let server = Postgres::shared();
    let session = Session::new("README.md")
        .replace("127.0.0.1:5432", format!("127.0.0.1:{}", server.port()))
        .replace("127.0.0.1:6432", format!("127.0.0.1:{}", free_port()));
    let directory = session.directory.path().display().to_string();
    let session = session.replace("/run/goaway-proxy", directory);
    let output = run_with_installation(&session);
    let answer = "asking all clients to disconnect when convenient";
    assert!(output.stdout.contains(answer), "{output}");
}

#[test]
fn install() {
    // The tests' server runs without a psql that could be looked at.
    let client = "psql -c 'SELECT pg_sleep(60)' >/dev/null & pid=$!
        until grep -q libpq /proc/$pid/maps; do kill -0 $pid; sleep 0.05; done";
    let session = Session::new("docs/install.md")
        .before("/proc/PID", client)
        .replace("/proc/PID", "/proc/$pid");
    let output = run_with_installation(&session);
    // Each of three commands shows it.
    let shown = output
        .stdout
        .lines()
        .filter(|line| line.contains("/opt/pq/lib/libpq.so.5"));
    assert!(shown.count() >= 3, "{output}");
}

#[test]
fn quick_start() {
    let output = run_with_installation(&Session::new("docs/quick-start.md"));
    assert_eq!(output.stdout.matches("hello\n").count(), 2, "{output}");
}

#[test]
fn options() {
    let server = Postgres::shared();
    let session = Session::new("docs/options.md").replace("5432", server.port());
    let output = session.run(server, "postgres", &[]);
    assert!(output.stdout.contains(" report\n"), "{output}");
}

#[test]
fn pg_goaway() {
    for server in extension::servers() {
        let session = Session::new("pg_goaway/README.md");
        session.run(server, &server.fresh_database(), &[]);
    }
}

#[test]
fn proxy() {
    let server = Postgres::start(Version::Oracle18, "");
    // A client that supports GoAway; the page names its process.
    let client = "(sleep 100) | psql 'host=127.0.0.1 port=6432 application_name=client goaway=notice' >client.log & client=$!
        until pid=$(psql -XAtc \"SELECT pid FROM pg_stat_activity WHERE application_name = 'client'\") && [ -n \"$pid\" ]; do sleep 0.05; done";
    let drained = "kill $client
        wait $background
        grep -q 'drained in .* left=.* ended=0' background.log || { cat background.log; exit 1; }";
    let rolled = "until [ \"$(goaway-proxy ctl --control $PWD/rolling status | jq -r .server_health)\" = up ]; do sleep 0.05; done";
    let session = Session::new("docs/proxy.md")
        .replace("--spread 5", "--spread 0.1")
        .replace("sleep 6", "sleep 0.5")
        .before("status | jq -r '.clients", client)
        .replace("goaway 12345", "goaway $pid")
        .before("--listen 127.0.0.1:6433 --server 127.0.0.1:5432 --reuse-port --control /run/goaway-proxy/rolling --deadline 60", drained)
        .before("jq .server_health", rolled)
        .replace("127.0.0.1:5432", format!("127.0.0.1:{}", server.port()))
        .replace("6432", free_port())
        .replace("6433", free_port())
        .replace("9432", free_port());
    let directory = session.directory.path().display().to_string();
    let session = session.replace("/run/goaway-proxy", directory);
    let output = session.run(&server, "postgres", &[]);
    for text in [
        "through the proxy",
        "\"server_health\":\"up\"",
        "goaway_proxy_clients_asked",
        "the session goes on",
        "\"up\"\n",
    ] {
        assert!(output.stdout.contains(text), "{text}: {output}");
    }
    let notice = "server requests to disconnect when convenient";
    assert!(output.stderr.contains(notice), "{output}");
    let log = fs::read_to_string(session.path("old.log")).expect("the old proxy's log");
    assert!(log.contains("draining"), "{log}");
}
