//! The picture of the layers in ARCHITECTURE.md must match the table of the layer test.
//!
//! `LIBPQ_OXIDE_BLESS=1` writes the picture instead of comparing it.

use std::collections::BTreeSet;
use std::fs;

use super::{LAYERS, Layer};
use crate::support::paths::checkout;

const BEGIN: &str = "<!-- layers -->\n";
const END: &str = "<!-- end of layers -->";

#[test]
fn architecture_md_shows_the_checked_layers() {
    let path = checkout().join("ARCHITECTURE.md");
    let page = fs::read_to_string(&path).expect("ARCHITECTURE.md");
    let (before, rest) = page.split_once(BEGIN).expect("the mark before the layers");
    let (shown, after) = rest.split_once(END).expect("the mark after the layers");
    let picture = picture();
    if std::env::var_os("LIBPQ_OXIDE_BLESS").is_some() {
        let page = [before, BEGIN, &picture, END, after].concat();
        fs::write(&path, page).expect("ARCHITECTURE.md can be written");
        return;
    }
    assert_eq!(shown, picture, "LIBPQ_OXIDE_BLESS=1 writes the picture");
}

/// One line for each folder with its level, the highest level first, and the folders it imports directly.
fn picture() -> String {
    let mut lines = vec!["```text".to_owned()];
    let top = LAYERS.iter().map(floor).max().unwrap_or_default();
    for level in (0..=top).rev() {
        for layer in LAYERS.iter().filter(|layer| floor(layer) == level) {
            let uses: BTreeSet<&str> = folders_used(layer).collect();
            let uses = Vec::from_iter(uses).join(" ");
            lines.push(match uses.is_empty() {
                true => format!("{level}  {}", layer.folder),
                false => format!("{level}  {:<12} -> {uses}", layer.folder),
            });
        }
    }
    lines.push("```\n".to_owned());
    lines.join("\n")
}

/// The top-level folders that a layer may import.
fn folders_used(layer: &Layer) -> impl Iterator<Item = &'static str> {
    let top = |path: &&'static str| path.split("::").next().unwrap_or_default();
    layer.may_use.iter().map(top)
}

/// One more than the highest level of the folders that the layer imports.
fn floor(layer: &Layer) -> usize {
    let used = folders_used(layer).filter_map(|name| LAYERS.iter().find(|l| l.folder == name));
    used.map(|lower| floor(lower) + 1).max().unwrap_or(0)
}
