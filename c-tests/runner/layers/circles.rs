//! Files of one layer must not import each other in circles, except a parent module and its child modules.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};

use super::{Reader, module_path, sources};

/// For each file, the modules of its own layer that it imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

fn layer(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}

#[test]
fn files_do_not_import_each_other_in_circles() {
    let circles = on_circles(imports(&sources()));
    let arrows = circles
        .iter()
        .flat_map(|(from, all)| all.iter().map(move |to| format!("{from} -> {to}")));
    let arrows = Vec::from_iter(arrows);
    assert!(arrows.is_empty(), "\n{}", arrows.join("\n"));
}

#[test]
fn the_test_finds_circles_of_any_length() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let mut files = vec![
        file("conn/mod.rs", "mod a; mod b; mod c;"),
        file("conn/a.rs", "use super::b::B;"),
        file("conn/b.rs", "use crate::conn::c::{C, D};"),
        file("conn/c.rs", "use super::Parent; use crate::mem::a;"),
        file("conn/c/child.rs", "use super::C;"),
        file("mem/a.rs", ""),
    ];
    assert_eq!(on_circles(imports(&files)), Imports::new());
    // A test may import what the code it tests must not.
    files[3].1.push_str("mod tests { use super::super::a::A; }");
    assert_eq!(on_circles(imports(&files)), Imports::new());
    files[3].1.push_str("fn f() { super::a::g() }");
    let names = Vec::from_iter(on_circles(imports(&files)).into_keys());
    assert_eq!(names, ["conn::a", "conn::b", "conn::c"]);
}

fn imports(files: &[(String, String)]) -> Imports {
    let modules: BTreeSet<String> = files
        .iter()
        .map(|(name, _)| module_path(name).join("::"))
        .collect();
    let code = files.iter().filter(|(name, _)| !is_test(name));
    code.map(|(name, text)| (module_path(name).join("::"), used(name, text, &modules)))
        .collect()
}

fn is_test(name: &str) -> bool {
    module_path(name).iter().any(|word| word == "tests")
}

/// The modules of the same layer that a file names, except its parents and children.
fn used(name: &str, text: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let module = module_path(name);
    let own = module.join("::");
    let tokens: TokenStream = text.parse().unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut paths = BTreeSet::new();
    Reader {
        module: module.clone(),
        paths: &mut paths,
    }
    .read(without_tests(tokens));
    let targets = paths.iter().filter_map(|path| target(path, modules));
    targets
        .filter(|target| layer(target) == layer(&own))
        .filter(|target| !is_above(target, &own) && !is_above(&own, target))
        .collect()
}

/// The file that contains a resolved path.
fn target(path: &[String], modules: &BTreeSet<String>) -> Option<String> {
    let inner = path.strip_prefix(&["crate".to_owned()])?;
    let prefixes = (1..=inner.len()).rev().map(|n| inner[..n].join("::"));
    prefixes.into_iter().find(|name| modules.contains(name))
}

/// Whether `upper` is `lower` or contains it.
fn is_above(upper: &str, lower: &str) -> bool {
    let rest = lower.strip_prefix(upper);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The tokens without the bodies of modules named `tests`.
fn without_tests(tokens: TokenStream) -> TokenStream {
    let tokens = Vec::from_iter(tokens);
    let is_body = |at: usize| {
        let word = |back: usize, name: &str| {
            at.checked_sub(back)
                .and_then(|at| tokens.get(at))
                .is_some_and(|token| token.to_string() == name)
        };
        matches!(tokens[at], TokenTree::Group(_)) && word(1, "tests") && word(2, "mod")
    };
    let kept = (0..tokens.len()).filter(|at| !is_body(*at));
    kept.map(|at| tokens[at].clone()).collect()
}

/// Removes all files that are not on a circle or between two circles. Returns the rest with their imports of each
/// other.
fn on_circles(mut imports: Imports) -> Imports {
    loop {
        let used: BTreeSet<String> = imports.values().flatten().cloned().collect();
        let names: BTreeSet<String> = imports.keys().cloned().collect();
        let before = imports.values().map(BTreeSet::len).sum::<usize>() + imports.len();
        for targets in imports.values_mut() {
            targets.retain(|target| names.contains(target));
        }
        imports.retain(|name, targets| !targets.is_empty() && used.contains(name));
        let after = imports.values().map(BTreeSet::len).sum::<usize>() + imports.len();
        if after == before {
            return imports;
        }
    }
}
