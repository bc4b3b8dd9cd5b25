//! Prints results in libpq's old layouts.
//!
//! As in libpq, widths are counted in bytes, and values end at a NUL.

mod legacy;
mod table;

pub use legacy::{display_tuples, print_tuples};

use super::store::PgResult;

/// Receives the text in pieces.
pub type Sink<'a> = dyn FnMut(&[u8]) + 'a;

/// The options of [`print`] (PQprintOpt without its pager).
#[derive(Default)]
pub struct PrintOptions<'a> {
    pub header: bool,
    pub align: bool,
    pub standard: bool,
    pub html3: bool,
    pub expanded: bool,
    pub separator: &'a [u8],
    pub table_option: &'a [u8],
    pub caption: Option<&'a [u8]>,
    /// Names to print instead of the columns' names. An empty one has no effect.
    pub names: Vec<&'a [u8]>,
}

impl PrintOptions<'_> {
    /// Whether all rows are measured before the first one is printed.
    fn is_table(&self) -> bool {
        !self.expanded && (self.align || self.html3)
    }
}

/// Prints `result` (PQprint). Prints nothing if it has no columns, or if there is no memory for their widths.
pub fn print(result: &PgResult, options: &PrintOptions, out: &mut Sink) {
    if result.ncols() > 0
        && let Some(mut printer) = Printer::new(result, options, out)
    {
        printer.print();
    }
}

/// The width of a line as PQprint estimates it, to choose between terminal and pager.
pub fn line_length(result: &PgResult, options: &PrintOptions) -> usize {
    let separator = 2 * options.separator.len();
    let names = names(result, options);
    let widths = names.map(|name| name.len() + separator);
    widths.sum::<usize>() + 1
}

/// The measurements of a column.
struct Column<'a> {
    name: &'a [u8],
    width: usize,
    /// The length of its part of the border.
    rule: usize,
    /// Whether it has a value that is not a number.
    text: bool,
}

struct Printer<'a, 'o> {
    result: &'a PgResult,
    options: &'a PrintOptions<'a>,
    columns: Vec<Column<'a>>,
    out: &'o mut Sink<'o>,
}

impl<'a, 'o> Printer<'a, 'o> {
    fn new(
        result: &'a PgResult,
        options: &'a PrintOptions<'a>,
        out: &'o mut Sink<'o>,
    ) -> Option<Printer<'a, 'o>> {
        let columns = names(result, options).map(|name| Column {
            name,
            width: name.len(),
            rule: 0,
            text: false,
        });
        Some(Printer {
            result,
            options,
            columns: collected(columns)?,
            out,
        })
    }

    fn print(&mut self) {
        let options = self.options;
        if options.header && !options.html3 && !options.is_table() {
            self.leading_header();
        }
        if options.expanded && options.html3 {
            self.html_title();
        }
        for row in 0..self.result.nrows() {
            self.visit_row(row);
        }
        if options.is_table() {
            self.table();
        }
        if options.header && !options.html3 {
            let rows = self.result.nrows();
            let plural = if rows == 1 { "" } else { "s" };
            self.put(&[format!("({rows} row{plural})\n\n").as_bytes()]);
        }
        if options.html3 && !options.expanded {
            self.put(&[b"</table>\n"]);
        }
    }

    fn put(&mut self, parts: &[&[u8]]) {
        for part in parts {
            (self.out)(part);
        }
    }

    /// The header of layouts that print each row without measuring all first.
    fn leading_header(&mut self) {
        let separator = self.options.separator;
        if self.options.expanded {
            self.name(b"Field");
            self.put(&[separator]);
            let blank: &[u8] = if self.options.align { b" " } else { b"" };
            return self.put(&[blank, b"Value\n"]);
        }
        let mut length = 0;
        for column in 0..self.columns.len() {
            let name = self.columns[column].name;
            let before: &[u8] = if column > 0 { separator } else { b"" };
            self.put(&[before, name]);
            length += before.len() + name.len();
        }
        self.put(&[b"\n"]);
        repeat(self.out, b'-', length);
        self.put(&[b"\n"]);
    }

    /// Prints a name in the left column of the expanded layout.
    fn name(&mut self, name: &[u8]) {
        let widest = self.columns.iter().map(|column| column.name.len()).max();
        let width = if self.options.align { widest } else { None };
        padded(self.out, name, width.unwrap_or(0), true);
    }

    fn html_title(&mut self) {
        let counted = self.count_text("Query retrieved");
        let caption = self.options.caption.unwrap_or(&counted);
        self.put(&[b"<center><h2>", caption, b"</h2></center>\n"]);
    }

    fn count_text(&self, verb: &str) -> Vec<u8> {
        let (rows, columns) = (self.result.nrows(), self.result.ncols());
        format!("{verb} {rows} rows * {columns} fields").into_bytes()
    }

    /// Measures a row, or prints it.
    fn visit_row(&mut self, row: i32) {
        let options = self.options;
        let number = row.to_string();
        let number = number.as_bytes();
        if options.expanded && options.html3 {
            self.html_table(b"");
            self.put(&[b"<caption align=\"top\">", number, b"</caption>\n"]);
        } else if options.expanded {
            self.put(&[b"-- RECORD ", number, b" --\n"]);
        }
        for column in 0..self.columns.len() {
            match text(self.result, row, column) {
                Some(value) => self.visit_value(row, column, value),
                // libpq: with html3 alone, separators of empty values come before the table.
                None if !options.align && !options.expanded => self.end_value(column),
                None => {}
            }
        }
        if options.expanded && options.html3 {
            self.put(&[b"</table>\n"]);
        }
    }

    fn visit_value(&mut self, row: i32, column: usize, value: &[u8]) {
        let options = self.options;
        if options.align && !is_numeric(value) {
            self.columns[column].text = true;
        }
        if options.is_table() {
            // libpq: the width includes the bytes after a NUL.
            let value = self.result.value(row, column as i32);
            let width = &mut self.columns[column].width;
            *width = (*width).max(value.map_or(0, |value| value.len as usize));
        } else if options.expanded {
            self.expanded_value(column, value);
        } else {
            self.put(&[value]);
            self.end_value(column);
        }
    }

    fn end_value(&mut self, column: usize) {
        let last = column + 1 == self.columns.len();
        self.put(&[if last { b"\n" } else { self.options.separator }]);
    }

    fn expanded_value(&mut self, column: usize, value: &[u8]) {
        let name = self.columns[column].name;
        if self.options.html3 {
            let align = self.alignment(column);
            self.put(&[
                b"<tr><td align=\"left\"><b>",
                name,
                b"</b></td><td align=\"",
            ]);
            return self.put(&[align, b"\">", value, b"</td></tr>\n"]);
        }
        self.name(name);
        let blank: &[u8] = if self.options.align { b" " } else { b"" };
        self.put(&[self.options.separator, blank, value, b"\n"]);
    }

    fn html_table(&mut self, end: &[u8]) {
        self.put(&[b"<table ", self.options.table_option, b">", end]);
    }

    fn alignment(&self, column: usize) -> &'static [u8] {
        if self.columns[column].text {
            b"left"
        } else {
            b"right"
        }
    }
}

fn names<'a>(
    result: &'a PgResult,
    options: &'a PrintOptions<'a>,
) -> impl ExactSizeIterator<Item = &'a [u8]> {
    let given = |column: usize| options.names.get(column).filter(|name| !name.is_empty());
    (0..result.ncols() as usize)
        .map(move |column| given(column).copied().unwrap_or(own_name(result, column)))
}

fn own_name(result: &PgResult, column: usize) -> &[u8] {
    let name = result.columns().and_then(|columns| columns.name(column));
    name.unwrap_or_default().to_bytes()
}

/// The value up to a NUL; None if that is empty.
fn text(result: &PgResult, row: i32, column: usize) -> Option<&[u8]> {
    let value = result.bytes(row, column as i32).flatten()?;
    let end = memchr::memchr(0, value).unwrap_or(value.len());
    (end > 0).then_some(&value[..end])
}

/// Whether a value, which is not empty, counts as a number. Numbers are right-aligned.
fn is_numeric(value: &[u8]) -> bool {
    let allowed = |c: &u8| c.is_ascii_digit() || b".Ee -".contains(c);
    value.iter().all(allowed)
        && !value.starts_with(b"E")
        && !value.starts_with(b"e")
        && value.last().is_some_and(u8::is_ascii_digit)
}

/// `count` copies of one byte.
fn repeat(out: &mut Sink, byte: u8, mut count: usize) {
    let piece = [byte; 64];
    while count > 0 {
        let part = count.min(piece.len());
        out(&piece[..part]);
        count -= part;
    }
}

/// A text padded with spaces: after it if it is aligned `left`, otherwise before it.
fn padded(out: &mut Sink, text: &[u8], width: usize, left: bool) {
    let fill = width.saturating_sub(text.len());
    if left {
        out(text);
        repeat(out, b' ', fill);
    } else {
        repeat(out, b' ', fill);
        out(text);
    }
}

/// Collects an iterator; None if there is no memory.
fn collected<T>(items: impl ExactSizeIterator<Item = T>) -> Option<Vec<T>> {
    let mut all = Vec::new();
    all.try_reserve_exact(items.len()).ok()?;
    all.extend(items);
    Some(all)
}

#[cfg(test)]
mod tests;
