//! The manual page, docs/goaway-proxy.1, against the program: its options, status, metrics and log.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use serde_json::Value;

use super::raw::session;
use super::{Proxy, program};
use crate::support::paths::checkout;
use crate::support::postgres::{Postgres, free_port};
use crate::support::process::{self, TIMEOUT};

/// The page as text, with long lines. A tag is indented by two columns, and its description by four. Fails if the formatter warns.
fn page() -> String {
    let mut groff = Command::new("groff");
    groff.args([
        "-man",
        "-ww",
        "-Tutf8",
        "-rLL=400n",
        "-rIN=2n",
        "-dAD=l",
        "-P-cbou",
    ]);
    groff.arg(checkout().join("docs/goaway-proxy.1"));
    let output = process::run(&mut groff, b"", TIMEOUT).success();
    assert_eq!(output.stderr, "", "groff warns");
    // It prints the hyphen and the quotes of Unicode.
    output.stdout.replace(['\u{2010}', '\u{2212}'], "-")
}

/// A section: the tags of its list, and the description of each, with single spaces.
fn section(name: &str) -> Vec<(String, String)> {
    let page = page();
    let lines = page.lines().skip_while(|line| *line != name).skip(1);
    let lines = lines.take_while(|line| line.is_empty() || line.starts_with(' '));
    let mut items: Vec<(String, String)> = Vec::new();
    for line in lines {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        match (line.len() - line.trim_start().len(), items.last_mut()) {
            (2, _) => items.push((words(line), String::new())),
            (_, Some((_, text))) => *text = words(&format!("{text} {line}")),
            _ => {}
        }
    }
    items
}

fn tags(name: &str) -> BTreeSet<String> {
    let tags = section(name).into_iter().map(|(tag, _)| tag);
    tags.flat_map(|tag| tag.split(", ").map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// The words that begin with two hyphens.
fn options(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| c.is_whitespace() || "[],.()|=".contains(c));
    words
        .filter(|word| word.strip_prefix("--").is_some_and(|name| !name.is_empty()))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_page_has_the_options_of_the_program() {
    let help = process::run(program().arg("--help"), b"", TIMEOUT)
        .success()
        .stdout;
    // The first word of a line is an option; others only mention one.
    let lines: Vec<&str> = help
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with('-'))
        .collect();
    let documented: Vec<String> = section("OPTIONS")
        .into_iter()
        .map(|(tag, _)| tag)
        .filter(|tag| tag.starts_with('-'))
        .collect();
    let first = |line: &&str| line.split("  ").next().unwrap_or_default().to_owned();
    let offered = options(&lines.iter().map(first).collect::<Vec<_>>().join(" "));
    assert!(offered.len() > 20, "{offered:?}");
    assert_eq!(options(&documented.join(" ")), offered);
}

#[test]
fn the_page_has_the_commands_of_ctl() {
    let help = process::run(program().args(["ctl", "--help"]), b"", TIMEOUT)
        .success()
        .stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: BTreeSet<String> = commands
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect();
    let documented = tags("CONTROL COMMANDS");
    let missing: Vec<_> = commands.difference(&documented).collect();
    assert!(
        missing.is_empty() && commands.len() == 3,
        "{missing:?} of {commands:?}"
    );
}

#[test]
fn the_page_has_the_fields_of_the_status() {
    let proxy = Proxy::start(Postgres::shared(), &[]);
    let _client = session(&proxy, &[]);
    let status = proxy.status();
    let keys = |value: &Value| -> Vec<String> {
        let object = value.as_object().expect("an object");
        object.keys().cloned().collect()
    };
    let fields = [keys(&status), keys(&status["clients"][0])].concat();
    let fields: BTreeSet<String> = fields.into_iter().collect();
    let documented: BTreeSet<String> = tags("STATUS")
        .into_iter()
        .filter(|tag| !tag.contains(' '))
        .collect();
    assert_eq!(documented, fields);
}

#[test]
fn the_page_has_the_metrics() {
    let address = format!("127.0.0.1:{}", free_port());
    let _proxy = Proxy::start(Postgres::shared(), &["--metrics", &address]);
    let mut stream = TcpStream::connect(&address).expect("it listens");
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        .expect("it reads");
    let mut metrics = String::new();
    stream.read_to_string(&mut metrics).expect("it answers");
    let documented = section("METRICS");
    let find = |name: &str| {
        let mut items = documented.iter();
        items.find(|(tag, _)| tag.split('{').next() == Some(name))
    };
    let mut names = BTreeSet::new();
    for line in metrics
        .lines()
        .filter(|line| line.starts_with("goaway_proxy_"))
    {
        let name = line.split(['{', ' ']).next().expect("a name");
        let (tag, text) = find(name).unwrap_or_else(|| panic!("{name} is not in the page"));
        if let Some((_, label)) = line.split_once('{') {
            let (label, value) = label.split_once("=\"").expect("a label");
            let value = value.split('"').next().expect("a value");
            assert!(tag.contains(&format!("{{{label}=")), "{tag}: {line}");
            assert!(text.contains(value), "{text}: {line}");
        }
        names.insert(name.to_owned());
    }
    for line in metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
    {
        let (name, kind) = line.split_once(' ').expect("a name and a type");
        let (_, text) = find(name).expect("a description");
        assert!(text.starts_with(kind), "{line}: {text}");
    }
    let listed = documented
        .iter()
        .filter(|(tag, _)| tag.starts_with("goaway_"));
    assert_eq!(listed.count(), names.len());
}

/// A message of the log that has fields.
struct Message {
    text: String,
    fields: Vec<String>,
}

/// The messages in the arguments of `info!` and the like.
fn messages(tokens: TokenStream, found: &mut Vec<Message>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (number, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else {
            continue;
        };
        let name = number
            .checked_sub(2)
            .map(|before| tokens[before].to_string());
        let is_log = ["info", "warn", "error"]
            .iter()
            .any(|log| name.as_deref() == Some(log));
        let is_macro = number > 0 && tokens[number - 1].to_string() == "!";
        match is_log && is_macro && group.delimiter() == Delimiter::Parenthesis {
            true => found.extend(message(group.stream())),
            false => messages(group.stream(), found),
        }
    }
}

fn message(arguments: TokenStream) -> Option<Message> {
    let tokens: Vec<TokenTree> = arguments.into_iter().collect();
    let is_text = |token: &TokenTree| token.to_string().starts_with('"');
    let text = tokens.iter().position(is_text)?;
    // A field is `name`, `%name` or `name = value`.
    let fields = tokens[..text]
        .split(|token| token.to_string() == ",")
        .filter_map(|field| {
            let word = |token: &&TokenTree| matches!(token, TokenTree::Ident(_));
            Some(field.iter().find(word)?.to_string())
        });
    let text = tokens[text].to_string();
    Some(Message {
        text: text.trim_matches('"').to_owned(),
        fields: fields.collect(),
    })
}

#[test]
fn the_page_has_every_message_of_the_log_with_its_fields() {
    let mut found = Vec::new();
    for file in fs::read_dir(checkout().join("goaway-proxy/src")).expect("the sources") {
        let path = file.expect("a file").path();
        if path.is_file() {
            let text = fs::read_to_string(&path).expect("a source");
            messages(text.parse().expect("Rust"), &mut found);
        }
    }
    found.retain(|message| !message.fields.is_empty());
    assert!(found.len() >= 12, "{} messages", found.len());
    let documented = section("LOG");
    for message in found {
        // The longest part that is not a value.
        let parts = message.text.split(['{', '}']).step_by(2);
        let text = parts.max_by_key(|part| part.len()).unwrap_or_default();
        let text = text.trim_matches([' ', ':']);
        let item = documented.iter().find(|(tag, _)| tag.contains(text));
        let (_, description) = item.unwrap_or_else(|| panic!("{text:?} is not in the page"));
        let missing: Vec<&String> = message
            .fields
            .iter()
            .filter(|field| !description.contains(field.as_str()))
            .filter(|_| !description.starts_with("The same fields"))
            .collect();
        assert!(
            missing.is_empty(),
            "{text}: {missing:?} are not in {description:?}"
        );
    }
}
