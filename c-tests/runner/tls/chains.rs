//! Valid and forged certificate chains and revocation lists, with C libpq and with ours. `chains/cases.py` generates
//! them, and `chains/cases.tsv` has the expected results. If ours accepts what C libpq refuses, this is a security
//! bug unless `crates/verify/WIDER.md` explains why it is safe. If ours refuses what C libpq accepts, `docs/tls.md`
//! must list it.

mod flips;
mod mixed;
mod server;
mod table;
mod webpki_alone;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use tempfile::TempDir;

use crate::support::paths::{self, Lib};
use crate::support::process::{self, TIMEOUT};
use crate::support::program::Program;
use server::ChainServer;
use table::Row;

/// The error text for `refused` in the table. C libpq shows OpenSSL's first error, which may be a different one.
const REFUSED: &str = "SSL error: certificate verify failed";
const REFUSED_BY_OPENSSL: &str = "SSL error: ";

/// Generates the files of all cases of `cases.tsv` in a temporary directory.
fn generate() -> TempDir {
    generate_with("cases.py", &[])
}

fn generate_with(generator: &str, arguments: &[&str]) -> TempDir {
    let directory = TempDir::with_prefix("pq-chains-").expect("a temporary directory");
    let mut python = Command::new(paths::cache().join("python/bin/python"));
    python
        .arg("-B")
        .arg(
            paths::checkout()
                .join("c-tests/runner/tls/chains")
                .join(generator),
        )
        .arg(directory.path())
        .args(arguments);
    process::run(&mut python, b"", 5 * TIMEOUT).success();
    directory
}

fn generated(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).expect("the chains").flatten();
    let directories = entries.filter(|entry| entry.path().is_dir());
    directories
        .map(|entry| entry.file_name().into_string().expect("a name"))
        .collect()
}

/// A connection string for each row.
fn conninfos(rows: &[&Row], directory: &Path, server: &ChainServer) -> String {
    let mut text = String::new();
    for row in rows {
        let own = directory.join(&row.case);
        let (list, lists) = (own.join("list.pem"), own.join("lists"));
        let host = match row.options.contains("host=") {
            true => "",
            false => "host=good.test",
        };
        let (root, at) = (own.join("root.pem"), server.conninfo(&row.case));
        let (root, options) = (root.display(), &row.options);
        let _ = write!(text, "{at} {host} sslrootcert={root} sslmode={options}");
        if list.exists() {
            let _ = write!(text, " sslcrl={}", list.display());
        }
        if lists.exists() {
            let _ = write!(text, " sslcrldir={}", lists.display());
        }
        text.push('\n');
    }
    text
}

/// The library's output for each row.
fn outcomes(lib: Lib, input: &str) -> Vec<String> {
    let env = [("PGGSSENCMODE", "disable"), ("PGGOAWAY", "disable")];
    let program = Program::new("verify").timeout(5 * TIMEOUT);
    let output = program.run_with_input(lib, &[], &env, input.as_bytes());
    let lines = output.success().stdout;
    let is_refused = |line: &str| match lib {
        Lib::Oracle => line.starts_with(REFUSED_BY_OPENSSL),
        _ => line == REFUSED,
    };
    let outcome = |line| match is_refused(line) {
        true => "refused",
        false => line,
    };
    lines.lines().map(|line| outcome(line).to_owned()).collect()
}

#[test]
fn each_chain_gives_the_result_in_the_table() {
    let (rows, directory) = (table::rows(), generate());
    let used: BTreeSet<_> = rows.iter().map(|row| row.case.clone()).collect();
    assert_eq!(
        used,
        generated(directory.path()),
        "the cases in the table and those that cases.py generates"
    );
    let server = ChainServer::start(directory.path());
    let input = conninfos(&rows.iter().collect::<Vec<_>>(), directory.path(), &server);
    let (oracle, ours) = thread::scope(|scope| {
        let oracle = scope.spawn(|| outcomes(Lib::Oracle, &input));
        let ours = outcomes(Lib::Ours, &input);
        (oracle.join().expect("the oracle's outcomes"), ours)
    });
    assert_eq!((oracle.len(), ours.len()), (rows.len(), rows.len()));
    let mut wrong = String::new();
    for ((row, oracle), ours) in rows.iter().zip(oracle).zip(ours) {
        if (&row.oracle, &row.ours) != (&oracle, &ours) {
            let (case, options, description) = (&row.case, &row.options, &row.description);
            let expected = (&row.oracle, &row.ours);
            let _ = writeln!(
                wrong,
                "{case}\t{options}\t{oracle}\t{ours}\texpected {expected:?}: {description}"
            );
        }
    }
    assert!(wrong.is_empty(), "case, options, C libpq, ours:\n{wrong}");
}

/// WIDER.md must list each way in which the library accepts more than webpki or than C libpq. Each of its entries
/// must have a chain that is accepted because of it, and a forged one that is refused.
#[test]
fn the_table_matches_wider_md() {
    let (rows, directory, lines) = (table::rows(), generate(), table::lines_of_wider());
    let mut uses: BTreeMap<String, [bool; 2]> = BTreeMap::new();
    let mut wrong = String::new();
    for row in &rows {
        let (accepted, case) = (row.ours == "ok", &row.case);
        for place in row.places.iter().filter(|place| *place != "docs") {
            uses.entry(place.clone()).or_default()[usize::from(accepted)] = true;
        }
        if !accepted {
            continue;
        }
        let webpki = webpki_alone::verify(&directory.path().join(case));
        if webpki.is_err() != row.has_line('W') {
            let _ = writeln!(
                wrong,
                "{case}: webpki returns {webpki:?}, the column `place` is {:?}",
                row.places
            );
        }
        if (row.oracle != "ok") != row.has_line('A') {
            let _ = writeln!(
                wrong,
                "{case}: C libpq returns {}, the column `place` is {:?}",
                row.oracle, row.places
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(uses.keys().cloned().collect::<BTreeSet<_>>(), lines);
    let one_sided: Vec<_> = uses
        .iter()
        .filter(|(_, seen)| **seen != [true; 2])
        .collect();
    assert!(
        one_sided.is_empty(),
        "entries of WIDER.md without a refused or an accepted chain: {one_sided:?}"
    );
}

/// docs/tls.md must list exactly the cases in which the libraries differ.
#[test]
fn the_table_matches_tls_md() {
    let rows = table::rows();
    let stricter = |row: &&Row| row.oracle == "ok" && row.ours != "ok";
    let wider = |row: &&Row| row.oracle != "ok" && row.ours == "ok";
    let names = |rows: Vec<&Row>| -> BTreeSet<String> {
        rows.into_iter().map(|row| row.case.clone()).collect()
    };
    let marked = rows.iter().filter(|row| row.places.contains("docs"));
    let stricter = names(rows.iter().filter(stricter).collect());
    assert_eq!(
        names(marked.collect()),
        stricter,
        "the cases marked `docs`, and those that only C libpq accepts"
    );
    let differing = &stricter | &names(rows.iter().filter(wider).collect());
    assert_eq!(
        table::cases_of_docs(),
        differing,
        "the cases in docs/tls.md, and those in which the libraries differ"
    );
}
