//! Generates libpq-fe.h with cbindgen, and makes the changes that cbindgen cannot be configured for.

use std::path::Path;

/// The files whose functions the header declares, in order. The functions of events.rs and pqexpbuffer.rs are in
/// separate, hand-written headers.
const SOURCES: [&str; 34] = [
    "enums",
    "types",
    "conn/token_request",
    "connect",
    "ping",
    "conninfo",
    "status",
    "status/target",
    "status/session",
    "exec",
    "asynchronous",
    "pipeline",
    "function",
    "result",
    "clear",
    "result/columns",
    "result/command",
    "result/modify",
    "copy",
    "cancel",
    "cancel_connection",
    "notice",
    "trace",
    "escape",
    "encoding",
    "client_encoding",
    "password",
    "large_object",
    "large_object/files",
    "print",
    "tls",
    "gss",
    "oauth",
    "misc",
];

/// The text of libpq-fe.h.
pub fn libpq_fe(root: &Path) -> String {
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    let mut builder = cbindgen::Builder::new().with_config(config);
    for name in SOURCES {
        builder = builder.with_src(root.join(format!("src/ffi/{name}.rs")));
    }
    let bindings = builder.generate().expect("cbindgen reads src/ffi");
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text).expect("the sources are UTF-8");
    tidy_comments(&typedef_enums(&text))
}

/// Changes `enum X {...};` to `typedef enum X {...} X;`, because C programs write `X` alone.
fn typedef_enums(text: &str) -> String {
    let mut out = String::new();
    let mut name = None;
    for line in text.lines() {
        let tag = line
            .strip_prefix("enum ")
            .and_then(|rest| rest.strip_suffix(" {"));
        match (tag, name) {
            (Some(tag), _) => {
                name = Some(tag);
                out += &format!("typedef {line}\n");
            }
            (None, Some(tag)) if line == "};" => {
                name = None;
                out += &format!("}} {tag};\n");
            }
            _ => out += &format!("{line}\n"),
        }
    }
    out
}

/// Removes the `# Safety` part from comments made of rustdoc, and joins their lines.
fn tidy_comments(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let indent = &line[..line.len() - line.trim_start().len()];
        // Comments from cbindgen have no stars before their lines; those from cbindgen.toml have.
        let is_generated = line.trim() == "/*"
            && lines
                .clone()
                .next()
                .is_some_and(|next| !next.starts_with(" *"));
        if is_generated {
            let body = lines
                .by_ref()
                .map(str::trim)
                .take_while(|line| *line != "*/");
            out += &comment(indent, &body.collect::<Vec<_>>());
        } else {
            out += &format!("{line}\n");
        }
    }
    out
}

fn comment(indent: &str, body: &[&str]) -> String {
    let end = body
        .iter()
        .position(|line| *line == "# Safety")
        .unwrap_or(body.len());
    let text = body[..end].join("\n").trim_end().replace('`', "");
    if text.is_empty() {
        return String::new();
    }
    if !text.contains('\n') && indent.len() + text.len() + 6 <= 100 {
        return format!("{indent}/* {text} */\n");
    }
    let mut out = format!("{indent}/*\n");
    for line in text.lines() {
        out += format!("{indent} * {line}").trim_end();
        out += "\n";
    }
    out + indent + " */\n"
}
