//! The book is complete: SUMMARY.md lists every page, and every link leads somewhere, in the repository and in the built book.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::pages::{self, Page, normal};
use crate::support::paths;
use crate::support::process::{self, TIMEOUT};

/// Pages of the repository that are not part of the book would not be checked.
#[test]
fn the_summary_lists_every_page() {
    let listed: Vec<PathBuf> = pages::all().into_iter().map(|page| page.path).collect();
    let mut find = Command::new("find");
    find.current_dir(paths::checkout());
    find.args([
        ".", "-name", "target", "-prune", "-o", "-name", "*.md", "-printf", "%P\\n",
    ]);
    let found = process::run(&mut find, b"", TIMEOUT).success().stdout;
    let missing: Vec<&str> = found
        .lines()
        .filter(|path| *path != "docs/SUMMARY.md" && !path.starts_with("dist/"))
        .filter(|path| !listed.iter().any(|page| page == Path::new(path)))
        .collect();
    assert_eq!(missing, [""; 0], "not in docs/SUMMARY.md");
    let mut sorted = listed.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), listed.len(), "a page is listed twice");
}

/// Links that do not lead to a file or heading below `root`.
fn broken(root: &Path, pages: &[Page]) -> Vec<String> {
    let mut broken = Vec::new();
    for page in pages {
        for (line, link) in &page.links {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            if file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            let path = match file {
                "" => page.path.clone(),
                file => normal(&page.path.parent().unwrap_or(Path::new("")).join(file)),
            };
            let target = pages.iter().find(|other| other.path == path);
            let has_anchor = || target.is_some_and(|page| page.anchors.iter().any(|a| a == anchor));
            if !root.join(&path).is_file() || (!anchor.is_empty() && !has_anchor()) {
                broken.push(format!("{}:{line}: {link}", page.path.display()));
            }
        }
    }
    broken
}

#[test]
fn every_link_leads_to_a_file_or_heading() {
    let mut pages = pages::all();
    pages.push(Page::read(Path::new("docs/SUMMARY.md")));
    assert_eq!(broken(paths::checkout(), &pages), [""; 0]);
}

#[test]
fn broken_links_are_found() {
    let page = |text| Page::parse(Path::new("docs/tls.md"), text);
    let text = "# Here\n[a](#here) [b](#there) [c](../README.md) [d](no.md) ![e](drain.svg) [f](https://x/y)";
    assert_eq!(
        broken(paths::checkout(), &[page(text)]),
        ["docs/tls.md:2: #there", "docs/tls.md:2: no.md"]
    );
}

/// `make docs` copies the pages and all that they link to; mdBook then finds each file.
#[test]
fn the_built_book_has_everything_that_pages_link_to() {
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let mut stage = Command::new(paths::checkout().join("docs/book/build.sh"));
    stage.arg("stage").arg(directory.path());
    process::run(&mut stage, b"", TIMEOUT).success();
    let root = directory.path().join("src");
    let summary = Page::read_in(&root, Path::new("SUMMARY.md"));
    let staged: Vec<PathBuf> = summary.links.iter().map(|(_, link)| link.into()).collect();
    let mut pages: Vec<Page> = staged
        .iter()
        .map(|path| Page::read_in(&root, path))
        .collect();
    // The manual page is one of them, as text.
    assert_eq!(pages.len(), pages::all().len() + 1);
    let manual = fs::read_to_string(root.join("docs/goaway-proxy.1.md")).expect("the manual page");
    assert!(manual.contains("\nROLLING RESTART\n"), "{manual}");
    pages.push(summary);
    assert_eq!(broken(&root, &pages), [""; 0]);
}
