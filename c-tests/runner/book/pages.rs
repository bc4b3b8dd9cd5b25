//! The pages of the book: those that docs/SUMMARY.md lists, with their code blocks, links and headings.

use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::support::paths;

/// What the comment above a code block says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// `not run: REASON`
    NotRun(String),
    /// `background NAME`: a proxy, whose process id the variable NAME gets.
    Background(String),
    /// `prints: LINE / LINE`, instead of what all examples print.
    Prints(Vec<String>),
    /// `also with C libpq`: it compiles with C libpq's headers, too.
    AlsoWithC,
}

#[derive(Debug)]
pub struct Block {
    /// `docs/install.md:12`
    pub place: String,
    pub language: String,
    pub mark: Option<Mark>,
    pub text: String,
}

pub struct Page {
    /// Relative to the checkout.
    pub path: PathBuf,
    pub blocks: Vec<Block>,
    /// Targets of links and images, with their line.
    pub links: Vec<(usize, String)>,
    /// What `#...` in a link can name.
    pub anchors: Vec<String>,
}

/// The pages that docs/SUMMARY.md lists, in its order.
pub fn all() -> Vec<Page> {
    let summary = Page::read(Path::new("docs/SUMMARY.md"));
    let paths = summary.links.iter().map(|(_, link)| {
        let path = Path::new("docs").join(link);
        normal(&path)
    });
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| Page::read(&path))
        .collect()
}

/// Without `..`.
pub fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

impl Page {
    pub fn read(path: &Path) -> Page {
        Page::read_in(paths::checkout(), path)
    }

    /// Reads a page of a copy of the checkout.
    pub fn read_in(root: &Path, path: &Path) -> Page {
        let text = fs::read_to_string(root.join(path))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Page::parse(path, &text)
    }

    pub fn parse(path: &Path, text: &str) -> Page {
        let mut page = Page {
            path: path.to_owned(),
            blocks: Vec::new(),
            links: Vec::new(),
            anchors: Vec::new(),
        };
        let line = |offset: usize| text[..offset].matches('\n').count() + 1;
        let mut mark = None;
        let mut heading: Option<String> = None;
        let mut block: Option<Block> = None;
        let parser = Parser::new_ext(text, Options::ENABLE_TABLES);
        for (event, range) in parser.into_offset_iter() {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match kind {
                        CodeBlockKind::Fenced(language) => language.into_string(),
                        // Commands to type.
                        CodeBlockKind::Indented => "sh".to_owned(),
                    };
                    let place = format!("{}:{}", path.display(), line(range.start));
                    block = Some(Block {
                        place,
                        language,
                        mark: mark.take(),
                        text: String::new(),
                    });
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let anchor = anchor(&heading.take().unwrap_or_default(), &page.anchors);
                    page.anchors.push(anchor);
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push((line(range.start), dest_url.into_string()));
                }
                Event::Html(html) => mark = parse_mark(&html).or(mark),
                Event::Start(Tag::Paragraph) => mark = None,
                Event::Text(part) | Event::Code(part) => {
                    if let Some(block) = &mut block {
                        block.text += &part;
                    } else if let Some(heading) = &mut heading {
                        *heading += &part;
                    }
                }
                _ => {}
            }
        }
        page
    }

    /// The blocks in one language.
    pub fn blocks_in(&self, language: &str) -> impl Iterator<Item = &Block> {
        self.blocks
            .iter()
            .filter(move |block| block.language == language)
    }
}

/// The anchor of a heading, as mdBook and GitHub make it.
fn anchor(heading: &str, others: &[String]) -> String {
    let kept = heading.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    let anchor: String = kept.collect();
    let is_taken = |name: &str| others.iter().any(|other| other == name);
    match is_taken(&anchor) {
        false => anchor,
        true => (1..)
            .map(|number| format!("{anchor}-{number}"))
            .find(|name| !is_taken(name))
            .unwrap_or_default(),
    }
}

fn parse_mark(html: &str) -> Option<Mark> {
    let text = html
        .trim()
        .strip_prefix("<!--")?
        .strip_suffix("-->")?
        .trim();
    if let Some(reason) = text.strip_prefix("not run: ") {
        return Some(Mark::NotRun(reason.to_owned()));
    }
    if let Some(lines) = text.strip_prefix("prints: ") {
        return Some(Mark::Prints(
            lines.split(" / ").map(str::to_owned).collect(),
        ));
    }
    match text {
        "background" => Some(Mark::Background("background".to_owned())),
        "prints nothing" => Some(Mark::Prints(Vec::new())),
        "also with C libpq" => Some(Mark::AlsoWithC),
        _ => Some(Mark::Background(
            text.strip_prefix("background ")?.to_owned(),
        )),
    }
}

#[test]
fn blocks_are_found_in_lists_and_marks_belong_to_the_next_block() {
    let text = "# A `b`\n\n<!-- not run: why -->\n```sh\none\n```\n\n1. item\n\n   ```sql\n   two\n   ```\n\n# A b\n\ntext\n\n    three\n";
    let page = Page::parse(Path::new("p"), text);
    let blocks: Vec<_> = page
        .blocks
        .iter()
        .map(|block| {
            let Block {
                place,
                language,
                mark,
                text,
            } = block;
            (
                place.as_str(),
                language.as_str(),
                mark.clone(),
                text.as_str(),
            )
        })
        .collect();
    let not_run = Some(Mark::NotRun("why".to_owned()));
    let expected = [
        ("p:4", "sh", not_run, "one\n"),
        ("p:10", "sql", None, "two\n"),
        ("p:18", "sh", None, "three\n"),
    ];
    assert_eq!(blocks, expected);
    assert_eq!(page.anchors, ["a-b", "a-b-1"]);
}
