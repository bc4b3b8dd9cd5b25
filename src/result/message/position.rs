//! The LINE block: the line of a query with a mark under the position of the error.

use crate::text::encoding::{dsplen, mblen};

/// The number of columns of the query that are shown.
const DISPLAY_SIZE: usize = 60;
/// The number of columns kept to the right of the mark when a line is cut.
const MIN_RIGHT: usize = 10;

/// Appends the line of `query` that contains character number `character`, counted from 1, and the mark under it. Appends
/// nothing if the query has no such character.
pub fn append(out: &mut Vec<u8>, query: &[u8], character: i32, encoding: i32) {
    let Some(index) = usize::try_from(character)
        .ok()
        .and_then(|n| n.checked_sub(1))
    else {
        return;
    };
    let Some(line) = find_line(query, index, encoding) else {
        return;
    };
    let (shown, mark) = cut(line.text, line.mark, encoding);
    let start = out.len();
    out.extend_from_slice(format!("LINE {}: ", line.number).as_bytes());
    if shown.start > 0 {
        out.extend_from_slice(b"...");
    }
    let prefix = out.len() - start;
    let text = &line.text[shown.start..shown.end];
    out.extend(text.iter().map(|&c| if c == b'\t' { b' ' } else { c }));
    if shown.end < line.text.len() {
        out.extend_from_slice(b"...");
    }
    out.push(b'\n');
    out.resize(out.len() + prefix + mark, b' ');
    out.extend_from_slice(b"^\n");
}

struct Line<'a> {
    text: &'a [u8],
    number: usize,
    /// The offset of the marked character in `text`; the length of `text` if the mark is after it.
    mark: usize,
}

/// The line that contains character number `index`, counted from 0.
fn find_line(query: &[u8], index: usize, encoding: i32) -> Option<Line<'_>> {
    let mut start = 0;
    let mut number = 1;
    let mut before = 0;
    let mut characters = Characters::new(query, encoding);
    for _ in 0..index {
        let character = characters.next()?;
        let byte = query[character.start];
        if byte == b'\r' || byte == b'\n' {
            // \r, \n and \r\n each end one line.
            number += usize::from(byte == b'\r' || before != b'\r');
            start = characters.at;
        }
        before = byte;
    }
    let mark = characters.at;
    let end = characters
        .find(|character| matches!(query[character.start], b'\r' | b'\n'))
        .map_or(query.len(), |character| character.start);
    Some(Line {
        text: &query[start..end],
        number,
        mark: mark - start,
    })
}

/// The part of a line that is shown, and the column of the mark in it.
fn cut(line: &[u8], mark: usize, encoding: i32) -> (std::ops::Range<usize>, usize) {
    let column_of = |byte| column_at(line, byte, encoding);
    let (width, mark_column) = (column_of(line.len()), column_of(mark));
    if width <= DISPLAY_SIZE {
        return (0..line.len(), mark_column);
    }
    if DISPLAY_SIZE >= mark_column + MIN_RIGHT {
        let end = last_within(line, DISPLAY_SIZE, encoding);
        return (0..end, mark_column);
    }
    let end = last_within(line, mark_column + MIN_RIGHT, encoding);
    let least = column_of(end).saturating_sub(DISPLAY_SIZE);
    let start = first_from(line, least, encoding);
    (start..end, mark_column.saturating_sub(column_of(start)))
}

/// The column of the character at `byte`.
fn column_at(line: &[u8], byte: usize, encoding: i32) -> usize {
    Characters::new(&line[..byte], encoding)
        .map(|character| character.width)
        .sum()
}

/// The last character boundary at or before `column`.
fn last_within(line: &[u8], column: usize, encoding: i32) -> usize {
    let mut end = 0;
    let mut columns = 0;
    for character in Characters::new(line, encoding) {
        columns += character.width;
        if columns > column {
            break;
        }
        end = character.end;
    }
    end
}

/// The first character boundary at or after `column`.
fn first_from(line: &[u8], column: usize, encoding: i32) -> usize {
    let mut columns = 0;
    for character in Characters::new(line, encoding) {
        if columns >= column {
            return character.start;
        }
        columns += character.width;
    }
    line.len()
}

struct Character {
    start: usize,
    end: usize,
    width: usize,
}

struct Characters<'a> {
    text: &'a [u8],
    at: usize,
    encoding: i32,
}

impl Characters<'_> {
    fn new(text: &[u8], encoding: i32) -> Characters<'_> {
        Characters {
            text,
            at: 0,
            encoding,
        }
    }
}

impl Iterator for Characters<'_> {
    type Item = Character;

    fn next(&mut self) -> Option<Character> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let start = self.at;
        self.at += mblen(self.encoding, rest).clamp(1, rest.len());
        // Control characters, tabs too, count as one column.
        let width = usize::try_from(dsplen(self.encoding, rest)).unwrap_or(1);
        Some(Character {
            start,
            end: self.at,
            width: width.max(1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::encoding::{SQL_ASCII, UTF8};

    fn shown(query: &str, character: i32) -> String {
        let mut out = Vec::new();
        append(&mut out, query.as_bytes(), character, UTF8);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_mark_is_under_the_character() {
        assert_eq!(shown("selec 1", 1), "LINE 1: selec 1\n        ^\n");
        assert_eq!(shown("selec 1", 7), "LINE 1: selec 1\n              ^\n");
        assert_eq!(shown("ab", 3), "LINE 1: ab\n          ^\n");
        assert_eq!(shown("", 1), "LINE 1: \n        ^\n");
    }

    #[test]
    fn positions_outside_the_query_show_nothing() {
        for character in [i32::MIN, -1, 0, 4, i32::MAX] {
            assert_eq!(shown("ab", character), "");
        }
    }

    #[test]
    fn tabs_become_one_space() {
        assert_eq!(shown("a\tb\tc", 5), "LINE 1: a b c\n            ^\n");
    }

    #[test]
    fn every_kind_of_line_end_counts_once() {
        assert_eq!(shown("a\nb\nc", 5), "LINE 3: c\n        ^\n");
        assert_eq!(shown("a\r\nb\r\nc", 7), "LINE 3: c\n        ^\n");
        assert_eq!(shown("a\rb\rc", 5), "LINE 3: c\n        ^\n");
        assert_eq!(shown("a\n\n\rb", 5), "LINE 4: b\n        ^\n");
        assert_eq!(shown("\r\n\nx", 4), "LINE 3: x\n        ^\n");
        // At the line end itself the mark is after the line.
        assert_eq!(shown("ab\ncd", 3), "LINE 1: ab\n          ^\n");
        assert_eq!(shown("ab\r\ncd", 4), "LINE 2: \n        ^\n");
    }

    #[test]
    fn wide_characters_move_the_mark_two_columns() {
        assert_eq!(shown("日本x", 3), "LINE 1: 日本x\n            ^\n");
        assert_eq!(shown("éx", 2), "LINE 1: éx\n         ^\n");
    }

    #[test]
    fn a_long_line_is_cut_at_the_right_first() {
        let query = "x".repeat(100);
        let line = "x".repeat(60);
        assert_eq!(
            shown(&query, 51),
            format!("LINE 1: {line}...\n{}^\n", " ".repeat(8 + 50))
        );
        assert_eq!(
            shown(&"x".repeat(60), 60),
            format!("LINE 1: {line}\n{}^\n", " ".repeat(67))
        );
    }

    #[test]
    fn a_long_line_is_cut_at_the_left_if_necessary() {
        let query = "x".repeat(200);
        let line = "x".repeat(60);
        assert_eq!(
            shown(&query, 101),
            format!("LINE 1: ...{line}...\n{}^\n", " ".repeat(8 + 3 + 50))
        );
        assert_eq!(
            shown(&query, 200),
            format!("LINE 1: ...{line}\n{}^\n", " ".repeat(8 + 3 + 59))
        );
    }

    #[test]
    fn wide_lines_are_cut_by_columns() {
        let query = "日".repeat(100);
        assert_eq!(
            shown(&query, 51),
            format!(
                "LINE 1: ...{}...\n{}^\n",
                "日".repeat(30),
                " ".repeat(8 + 3 + 50)
            )
        );
        assert_eq!(
            shown(&query, 1),
            format!("LINE 1: {}...\n{}^\n", "日".repeat(30), " ".repeat(8))
        );
    }

    #[test]
    fn an_incomplete_character_at_the_end_is_accepted() {
        for encoding in 0..42 {
            for end in 0..8u8 {
                let query = [
                    b"ab".as_slice(),
                    &[0x81, 0xE3, 0x8E, 0xF0][..usize::from(end % 5)],
                ]
                .concat();
                for character in 0..10 {
                    append(&mut Vec::new(), &query, character, encoding);
                }
            }
        }
    }

    #[test]
    fn single_byte_encodings_count_bytes() {
        let mut out = Vec::new();
        append(&mut out, "日x".as_bytes(), 4, SQL_ASCII);
        assert_eq!(out, "LINE 1: 日x\n           ^\n".as_bytes());
    }
}
