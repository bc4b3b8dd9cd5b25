//! Which code blocks are not run, and why. All of them are parsed, and the files and targets that they name exist.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use super::languages::LANGUAGES;
use super::pages::{self, Block, Mark, Page};
use super::sessions::is_in_a_session;
use crate::support::paths;
use crate::support::process::{self, End, TIMEOUT};

/// The reasons for not running a block, and how many blocks have each. Before you add one: can the block be run with another directory,
/// port or server, as `sessions` does?
const NOT_RUN: [(&str, usize); 13] = [
    ("a command for developers; takes minutes", 21),
    ("a part of a program", 1),
    ("configuration of another tool", 3),
    (
        "installs files; other tests do that in a temporary directory",
        14,
    ),
    ("needs certificates for the host", 1),
    ("needs docker", 1),
    ("needs systemd", 3),
    (
        "needs the installed package; the tests of the gem run it",
        6,
    ),
    (
        "needs the installed package; the tests of the wheel run it",
        3,
    ),
    ("needs the server of a stock Debian", 1),
    ("takes minutes", 5),
    ("the same, in another way", 1),
    ("the servers of the tests have this line", 1),
];

fn is_run(block: &Block) -> bool {
    !matches!(block.mark, Some(Mark::NotRun(_)))
}

#[test]
fn few_blocks_are_not_run_and_each_says_why() {
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for block in pages::all().into_iter().flat_map(|page| page.blocks) {
        if let Some(Mark::NotRun(reason)) = block.mark {
            reasons.entry(reason).or_default().push(block.place);
        }
    }
    let numbers: Vec<(&str, usize)> = reasons
        .iter()
        .map(|(reason, places)| (reason.as_str(), places.len()))
        .collect();
    assert_eq!(numbers, NOT_RUN, "{reasons:#?}");
}

/// A block in a language that nobody runs would be forgotten.
#[test]
fn every_other_block_is_run() {
    for page in pages::all() {
        for block in page.blocks.iter().filter(|block| is_run(block)) {
            let language = block.language.as_str();
            let known = language == "text"
                || LANGUAGES.contains(&language)
                || is_in_a_session(&page, block);
            assert!(known, "{}: nothing runs {language:?}", block.place);
        }
    }
}

#[test]
fn every_shell_block_is_parsed() {
    for block in pages::all().iter().flat_map(|page| page.blocks_in("sh")) {
        assert_eq!(
            parse("bash", &["-n"], block),
            End::Exit(0),
            "{}",
            block.place
        );
    }
}

/// Parts of programs.
#[test]
fn every_block_in_python_is_parsed() {
    let check = "import ast, sys; ast.parse(sys.stdin.read())";
    for block in pages::all()
        .iter()
        .flat_map(|page| page.blocks_in("python"))
    {
        let end = parse("/usr/bin/python3", &["-c", check], block);
        assert_eq!(end, End::Exit(0), "{}", block.place);
    }
}

fn parse(program: &str, args: &[&str], block: &Block) -> End {
    let mut command = Command::new(program);
    process::run(command.args(args), block.text.as_bytes(), TIMEOUT).end
}

/// The words of a page's shell blocks, by line, without comments.
fn shell_lines(page: &Page) -> Vec<Vec<&str>> {
    let lines = page.blocks_in("sh").flat_map(|block| block.text.lines());
    lines
        .map(|line| {
            line.split_whitespace()
                .take_while(|word| !word.starts_with('#'))
                .collect()
        })
        .collect()
}

#[test]
fn every_target_of_make_exists() {
    let makefile = fs::read_to_string(paths::checkout().join("Makefile")).expect("the Makefile");
    let is_target = |word: &str| {
        let rule = format!("{word}:");
        makefile.lines().any(|line| line.starts_with(&rule))
    };
    // The module has a Makefile of its own.
    let pages = pages::all()
        .into_iter()
        .filter(|page| !page.path.starts_with("pg_goaway"));
    for page in pages {
        for line in shell_lines(&page)
            .iter()
            .filter(|line| line.first() == Some(&"make"))
        {
            let words = line[1..].iter().take_while(|word| **word != "&&");
            for word in words.filter(|word| !word.contains('=')) {
                assert!(is_target(word), "{}: make {word}", page.path.display());
            }
        }
    }
}

#[test]
fn every_file_of_the_repository_exists() {
    let ours = [
        "c-tests/",
        "crates/",
        "docs/",
        "examples/",
        "packaging/",
        "pg_goaway/",
        "python/",
        "ruby/",
    ];
    for page in pages::all() {
        for word in shell_lines(&page).concat() {
            let path = word.trim_matches(['"', '\'', ';', ')']);
            let is_ours = ours.iter().any(|folder| path.starts_with(folder));
            assert!(
                !is_ours || paths::checkout().join(path).exists(),
                "{}: {path}",
                page.path.display()
            );
        }
    }
}
