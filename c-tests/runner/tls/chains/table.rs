//! The table of chains, and the documents that explain its differences.

use std::collections::BTreeSet;
use std::fs;

use crate::support::paths;

/// A line of the table.
pub struct Row {
    pub case: String,
    /// An `sslmode`, and additional options.
    pub options: String,
    pub oracle: String,
    pub ours: String,
    /// The entries of WIDER.md that explain the row; `docs` means docs/tls.md, and `-` means that nothing needs an
    /// explanation.
    pub places: BTreeSet<String>,
    pub description: String,
}

pub fn rows() -> Vec<Row> {
    let text = read("c-tests/runner/tls/chains/cases.tsv");
    text.lines().skip(1).map(row).collect()
}

fn row(line: &str) -> Row {
    let fields: Vec<_> = line.split('\t').map(str::to_owned).collect();
    let Ok([case, options, oracle, ours, places, description]) = <[String; 6]>::try_from(fields)
    else {
        panic!("not a row: {line}");
    };
    let places = places.split(' ').filter(|place| *place != "-");
    Row {
        case,
        options,
        oracle,
        ours,
        places: places.map(str::to_owned).collect(),
        description,
    }
}

impl Row {
    /// Whether an entry of this kind in WIDER.md explains the row: `W` for what webpki refuses, `A` for what C libpq
    /// refuses.
    pub fn has_line(&self, kind: char) -> bool {
        self.places.iter().any(|place| place.starts_with(kind))
    }
}

/// The numbers of the entries in WIDER.md: `| W1 | ...`.
pub fn lines_of_wider() -> BTreeSet<String> {
    let page = read("crates/verify/WIDER.md");
    let numbers = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next());
    let is_number = |number: &&str| {
        number.starts_with(['W', 'A'])
            && number.trim_start_matches(['W', 'A']).parse::<u8>().is_ok()
    };
    numbers.filter(is_number).map(str::to_owned).collect()
}

/// The cases that docs/tls.md names: `chains: NAME, NAME`.
pub fn cases_of_docs() -> BTreeSet<String> {
    let page = read("docs/tls.md");
    let mut cases = BTreeSet::new();
    for line in page.lines().filter(|line| line.starts_with('|')) {
        let Some((_, names)) = line.split_once("`chains: ") else {
            continue;
        };
        let (names, _) = names.split_once('`').expect("the end of the cases");
        cases.extend(names.split(", ").map(str::to_owned));
    }
    cases
}

fn read(path: &str) -> String {
    fs::read_to_string(paths::checkout().join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}
