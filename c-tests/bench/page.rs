//! The pages to which the figures are written.

use std::fs;

use crate::support::paths::checkout;

/// Replaces a part of a page, between the comments that name it.
pub fn write(page: &str, part: &str, text: &str) {
    let path = checkout().join(page);
    let old = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{page}: {e}"));
    write_file(page, &replaced(&old, part, text));
}

pub fn write_file(name: &str, text: &str) {
    fs::write(checkout().join(name), text).unwrap_or_else(|e| panic!("{name}: {e}"));
}

fn replaced(page: &str, part: &str, text: &str) -> String {
    let begin = format!("<!-- {part} -->\n");
    let end = format!("<!-- end of {part} -->");
    let halves = page.split_once(&begin);
    let (head, rest) = halves.unwrap_or_else(|| panic!("no {begin:?}"));
    let ends = rest.split_once(&end);
    let (_, tail) = ends.unwrap_or_else(|| panic!("no {end:?}"));
    [head, &begin, text, &end, tail].concat()
}

/// Checks that the page has the part.
pub fn check(page: &str, part: &str) {
    let old = fs::read_to_string(checkout().join(page)).unwrap_or_else(|e| panic!("{page}: {e}"));
    let new = replaced(&old, part, "new\n");
    assert!(new.contains(&format!("<!-- {part} -->\nnew\n<!-- end of {part} -->")));
}
