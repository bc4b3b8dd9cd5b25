//! docs/options.md has the options of the library, in its order, with their environment variables and defaults.

use std::fs;

use crate::support::paths::{self, Lib};
use crate::support::program::{Headers, Program};

/// A row of the page's tables: option, environment variable, default, version.
type Row = [String; 4];

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(paths::checkout().join("docs/options.md")).expect("the page");
    let plain = |cell: &str| cell.trim().trim_matches('`').to_owned();
    let tables = text.lines().filter(|line| line.starts_with("| `"));
    tables
        .map(|line| line.split('|').map(plain).collect::<Vec<_>>())
        .filter(|cells| cells.len() == 7)
        .map(|cells| {
            assert!(!cells[5].is_empty(), "{cells:?}");
            [1, 2, 3, 4].map(|column| cells[column].clone())
        })
        .collect()
}

/// Compares with PQconndefaults of both libraries: `option_table` prints keyword, variable and default of each option.
#[test]
fn the_page_lists_every_option_of_the_library() {
    let table = |lib| {
        let output = Program::with_headers("option_table", Headers::Oracle).run(lib, &[], &[]);
        let lines: Vec<String> = output.success().stdout.lines().map(str::to_owned).collect();
        lines
    };
    let rows = rows();
    let listed: Vec<String> = rows
        .iter()
        .map(|[option, variable, default, _]| format!("{option}|{variable}|{default}"))
        .collect();
    assert_eq!(listed, table(Lib::Ours));
    // Options since 19 are not in libpq 18; those before 16 are in libpq 15.
    for (lib, version) in [(Lib::Oracle, 18), (Lib::Debian15, 15)] {
        let names = |lines: Vec<String>| -> Vec<String> {
            let names = lines.iter().filter_map(|line| line.split('|').next());
            names.map(str::to_owned).collect()
        };
        let has = names(table(lib));
        for [option, _, _, since] in &rows {
            let expected = match since.as_str() {
                "-" => true,
                since => since.parse::<u32>().is_ok_and(|since| since <= version),
            };
            assert_eq!(
                has.contains(option),
                expected,
                "{option} in libpq {version}"
            );
        }
    }
}
