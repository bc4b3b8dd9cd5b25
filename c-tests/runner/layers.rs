//! Checks that imports point to lower layers only. Reads every path in `src/`, in any notation, and compares it with
//! the table of layers.

mod circles;
mod picture;
mod self_test;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::support::paths::checkout;

/// What a top-level module may import from the rest of the crate, and what it must not import from outside.
struct Layer {
    folder: &'static str,
    may_use: &'static [&'static str],
    must_not_name: &'static [&'static str],
}

const LAYERS: &[Layer] = &[
    Layer {
        folder: "protocol",
        may_use: &[],
        must_not_name: OUTSIDE,
    },
    Layer {
        folder: "verify",
        may_use: &[],
        must_not_name: &["libc", "std::env"],
    },
    Layer {
        folder: "auth",
        may_use: &[],
        must_not_name: OUTSIDE,
    },
    Layer {
        folder: "mem",
        may_use: &[],
        must_not_name: &[],
    },
    Layer {
        folder: "text",
        may_use: &[],
        must_not_name: OUTSIDE,
    },
    Layer {
        folder: "conninfo",
        may_use: LOWEST,
        must_not_name: &["std::env", "std::fs", "libc"],
    },
    Layer {
        folder: "result",
        may_use: LOWEST,
        must_not_name: &["libc"],
    },
    Layer {
        folder: "conn",
        may_use: &["protocol", "auth", "mem", "text", "conninfo", "result"],
        must_not_name: &[
            "std::net",
            "std::io",
            "std::time::Instant",
            "std::time::SystemTime",
            "libc",
            "rustls",
            "socket2",
        ],
    },
    Layer {
        folder: "net",
        may_use: &[
            "protocol",
            "verify",
            "auth",
            "mem",
            "text",
            "conninfo::directory",
            "conninfo::hosts",
            "conninfo::params",
        ],
        must_not_name: &[],
    },
    Layer {
        folder: "client",
        may_use: &[
            "protocol", "verify", "auth", "mem", "text", "conninfo", "result", "conn", "net",
        ],
        must_not_name: &[],
    },
    Layer {
        folder: "ffi",
        may_use: &["client", "result", "conninfo", "text", "mem"],
        must_not_name: &[],
    },
    Layer {
        folder: "fuzzing",
        may_use: &[
            "protocol", "verify", "auth", "conninfo", "conn", "net", "ffi",
        ],
        must_not_name: &[],
    },
    Layer {
        folder: "goaway-proxy",
        may_use: &["protocol", "verify"],
        must_not_name: &[],
    },
];

const LOWEST: &[&str] = &["protocol", "auth", "mem", "text"];

const OUTSIDE: &[&str] = &["libc", "std::net", "std::fs", "std::env"];

/// The packages other than the library: a name, the folder, and the crate's name in paths.
const PACKAGES: [(&str, &str, &str); 3] = [
    ("protocol", "crates/protocol/src", "pq_protocol"),
    ("verify", "crates/verify/src", "pq_verify"),
    ("goaway-proxy", "goaway-proxy/src", "goaway_proxy"),
];

/// The folders and files in which `unsafe` is allowed.
const MAY_HOLD_UNSAFE: &[&str] = &[
    "ffi/",
    "mem/",
    "net/sys.rs",
    "net/sys/",
    "net/dl.rs",
    "net/dl/",
];

#[test]
fn imports_point_down() {
    let mut violations = Vec::new();
    for (name, text) in sources() {
        violations.extend(upward(&name, &text));
    }
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn unsafe_stays_where_it_belongs() {
    let mut violations = Vec::new();
    for (name, text) in sources() {
        violations.extend(misplaced_unsafe(&name, &text));
    }
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

/// All files below `src/`: relative path and text.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&checkout().join("src"), "", &mut found);
    assert!(found.len() > 20, "too few source files found");
    for (layer, directory, _) in PACKAGES {
        let before = found.len();
        collect(
            &checkout().join(directory),
            &format!("{layer}/"),
            &mut found,
        );
        assert!(found.len() > before + 5, "no sources in {directory}");
    }
    found
}

fn collect(directory: &Path, prefix: &str, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory)
        .expect("read the directory")
        .flatten()
    {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), found);
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).expect("a source file");
            found.push((name, text));
        }
    }
}

/// The paths in file `name` that its layer must not import.
fn upward(name: &str, text: &str) -> Vec<String> {
    let module = module_path(name);
    let Some(layer) = module.first() else {
        return Vec::new(); // lib.rs declares the layers.
    };
    let Some(layer) = LAYERS.iter().find(|known| known.folder == layer) else {
        return vec![format!("{name}: its layer is not in the table")];
    };
    let tokens: TokenStream = match text.parse() {
        Ok(tokens) => tokens,
        Err(e) => return vec![format!("{name}: {e}")],
    };
    let mut paths = BTreeSet::new();
    Reader {
        module,
        paths: &mut paths,
    }
    .read(tokens);
    let violations = paths.iter().filter_map(|path| violation(layer, path));
    violations
        .map(|violation| format!("{name}: {violation}"))
        .collect()
}

/// The module path of a file: `net/sys.rs` and `net/sys/mod.rs` are `net::sys`, a folder's `mod.rs` is the folder,
/// and `lib.rs` is the root.
fn module_path(name: &str) -> Vec<String> {
    let mut stem = name.trim_end_matches(".rs").trim_end_matches("/mod");
    if stem == "lib" {
        return Vec::new();
    }
    for (layer, ..) in PACKAGES {
        if [format!("{layer}/lib"), format!("{layer}/main")].contains(&stem.to_owned()) {
            stem = layer;
        }
    }
    stem.split('/').map(str::to_owned).collect()
}

fn violation(layer: &Layer, path: &[String]) -> Option<String> {
    let [root, rest @ ..] = path else { return None };
    let full = path.join("::");
    if root != "crate" {
        // `use std::time` also gives access to `time::Instant`.
        let whole = full.trim_end_matches("::*");
        let leads_to = |name: &&&str| is_within(&full, name) || is_within(name, whole);
        let forbidden = layer.must_not_name.iter().find(leads_to);
        return forbidden.map(|name| format!("{} must not name {name}: {full}", layer.folder));
    }
    match rest {
        [] => Some(format!(
            "{} names the whole crate, which hides what it uses",
            layer.folder
        )),
        [first, ..] if first == layer.folder => None,
        _ => {
            let inner = rest.join("::");
            let allowed = layer.may_use.iter().any(|name| is_within(&inner, name));
            (!allowed).then(|| format!("{} must not use {full}", layer.folder))
        }
    }
}

/// Whether `path` is `name` or below it.
fn is_within(path: &str, name: &str) -> bool {
    path.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Collects the paths in a token stream. Paths in the crate are resolved to `crate::...`, others are kept as written.
/// Macro bodies are read too; strings, comments and lifetimes are not.
struct Reader<'a> {
    module: Vec<String>,
    paths: &'a mut BTreeSet<Vec<String>>,
}

impl Reader<'_> {
    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = match &tokens[at] {
                TokenTree::Group(group) => {
                    self.read(group.stream());
                    at + 1
                }
                TokenTree::Ident(word) if word == "mod" => self.read_module(&tokens, at),
                TokenTree::Ident(word) if word == "extern" => self.read_extern(&tokens, at),
                TokenTree::Ident(_) => self.read_path(&tokens, at, &[]),
                _ => at + 1,
            };
        }
    }

    /// `mod name { ... }` is one module deeper.
    fn read_module(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
            (tokens.get(at + 1), tokens.get(at + 2))
        else {
            return at + 1;
        };
        let module = [self.module.as_slice(), &[name.to_string()]].concat();
        Reader {
            module,
            paths: self.paths,
        }
        .read(body.stream());
        at + 3
    }

    /// `extern crate name`, possibly with a new name.
    fn read_extern(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        if let (Some(TokenTree::Ident(word)), Some(TokenTree::Ident(name))) =
            (tokens.get(at + 1), tokens.get(at + 2))
            && word == "crate"
        {
            let name = name.to_string();
            self.record(
                vec![if name == "self" {
                    "crate".to_owned()
                } else {
                    name
                }],
                true,
            );
            return at + 3;
        }
        at + 1
    }

    /// Reads the path that begins at `at`; in a group, `prefix` comes before it. Returns the index after the path.
    fn read_path(&mut self, tokens: &[TokenTree], at: usize, prefix: &[String]) -> usize {
        let mut path = prefix.to_vec();
        let mut at = at;
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(word)) => {
                    path.push(word.to_string().trim_start_matches("r#").to_owned())
                }
                Some(TokenTree::Punct(star))
                    if star.as_char() == '*' && path.len() > prefix.len() =>
                {
                    path.push("*".to_owned());
                }
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.read_group(group.stream(), &path);
                    return at + 1;
                }
                _ => break,
            }
            at += 1;
            if !is_colons(tokens, at) {
                break;
            }
            at += 2;
        }
        let renamed = matches!(tokens.get(at), Some(TokenTree::Ident(word)) if word == "as");
        self.record(path, renamed);
        at
    }

    /// Reads `{a, b::c, self}` after a path.
    fn read_group(&mut self, tokens: TokenStream, prefix: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for item in
            tokens.split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ','))
        {
            match item.first() {
                None => {}
                Some(TokenTree::Punct(_)) => {
                    self.record([prefix, &["*".to_owned()]].concat(), false)
                }
                Some(_) => {
                    self.read_path(item, 0, prefix);
                }
            }
        }
    }

    /// Records a path. A single word is a local name or `pub(crate)` and is ignored, unless it is renamed.
    fn record(&mut self, mut path: Vec<String>, renamed: bool) {
        if path.len() > 1 && path.last().is_some_and(|word| word == "self") {
            path.pop();
        } else if path.len() == 1 && !renamed && path != ["libc"] {
            return;
        }
        self.paths.insert(self.resolve(&path));
    }

    /// Replaces `super`, `self` and the crate's own name with `crate`.
    fn resolve(&self, path: &[String]) -> Vec<String> {
        let (first, rest) = (path[0].as_str(), &path[1..]);
        let package = |layer: &str| PACKAGES.iter().find(|(known, ..)| *known == layer);
        let own = self.module.first().and_then(|layer| package(layer));
        let other = PACKAGES.iter().find(|(_, _, name)| *name == first);
        let mut base = match (first, own, other) {
            ("super" | "self", ..) => self.module.clone(),
            ("crate", Some((layer, ..)), _) | (_, _, Some((layer, ..))) => {
                vec![(*layer).to_owned()]
            }
            ("crate" | "pq", ..) => Vec::new(),
            _ => return path.to_vec(),
        };
        if first == "super" {
            base.pop();
        }
        for word in rest {
            match word.as_str() {
                "self" => {}
                "super" => drop(base.pop()),
                _ => base.push(word.clone()),
            }
        }
        base.insert(0, "crate".to_owned());
        base
    }
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let colon =
        |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    colon(at) && colon(at + 1)
}

/// The lines of file `name` with a forbidden `unsafe`.
fn misplaced_unsafe(name: &str, text: &str) -> Vec<String> {
    if MAY_HOLD_UNSAFE.iter().any(|place| name.starts_with(place)) {
        return Vec::new();
    }
    let mut lines = BTreeSet::new();
    match text.parse() {
        Ok(tokens) => find_unsafe(tokens, &mut lines),
        Err(e) => return vec![format!("{name}: {e}")],
    }
    let shown = lines.iter().map(|number| {
        let line = text.lines().nth(number - 1).unwrap_or_default();
        format!("{name}:{number}: {}", line.trim())
    });
    shown.collect()
}

/// Collects the lines that have the keyword `unsafe`, outside strings and comments.
fn find_unsafe(tokens: TokenStream, lines: &mut BTreeSet<usize>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => find_unsafe(group.stream(), lines),
            TokenTree::Ident(word) if word == "unsafe" => {
                lines.insert(word.span().start().line);
            }
            _ => {}
        }
    }
}
