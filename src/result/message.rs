//! Formats an error or notice of the server as text.

mod position;

use super::status::Status;
use super::store::PgResult;
use crate::protocol::fields::{self, ErrorFields};

/// How much of an error is shown (PGVerbosity).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    Terse,
    Default,
    Verbose,
    Sqlstate,
}

impl Verbosity {
    /// The verbosity with libpq's number. As in libpq, unknown numbers mean the default.
    pub fn from_code(code: i32) -> Verbosity {
        match code {
            0 => Verbosity::Terse,
            2 => Verbosity::Verbose,
            3 => Verbosity::Sqlstate,
            _ => Verbosity::Default,
        }
    }
}

/// When the CONTEXT line is shown (PGContextVisibility).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShowContext {
    Never,
    Errors,
    Always,
}

impl ShowContext {
    /// The visibility with libpq's number. As in libpq, unknown numbers mean never.
    pub fn from_code(code: i32) -> ShowContext {
        match code {
            1 => ShowContext::Errors,
            2 => ShowContext::Always,
            _ => ShowContext::Never,
        }
    }
}

/// How a message is formatted.
#[derive(Debug, Clone, Copy)]
pub struct MessageStyle {
    pub verbosity: Verbosity,
    pub show_context: ShowContext,
    /// The client encoding, for the widths of characters.
    pub encoding: i32,
    /// Whether this is an error and not a notice.
    pub error: bool,
}

impl Default for MessageStyle {
    fn default() -> MessageStyle {
        MessageStyle {
            verbosity: Verbosity::Default,
            show_context: ShowContext::Errors,
            encoding: 0,
            error: false,
        }
    }
}

/// Appends the text of an error or notice, newline included, to `out`.
///
/// `query` is the command that caused it, if the caller knows it.
pub fn format_error(
    fields: &ErrorFields,
    style: &MessageStyle,
    query: Option<&[u8]>,
    out: &mut Vec<u8>,
) {
    // Labels, and at most 60 columns of the query.
    const BESIDE_FIELDS: usize = 1024;
    if out
        .try_reserve(fields.memory_size() + BESIDE_FIELDS)
        .is_err()
    {
        append(out, &[b"out of memory\n"]);
        return;
    }
    if fields.iter().next().is_none() {
        append(out, &[b"no error message available\n"]);
        return;
    }
    if let Some(severity) = fields.get(fields::SEVERITY) {
        append(out, &[severity, b":  "]);
    }
    let mut message = Message { fields, style, out };
    match style.verbosity {
        Verbosity::Sqlstate if message.line(b"", fields::SQLSTATE) => {}
        Verbosity::Sqlstate | Verbosity::Terse => message.primary(query),
        Verbosity::Default => message.details(query),
        Verbosity::Verbose => {
            if let Some(sqlstate) = fields.get(fields::SQLSTATE) {
                append(message.out, &[sqlstate, b": "]);
            }
            message.details(query);
            message.names();
            message.location();
        }
    }
}

impl PgResult {
    /// The text of an error result, formatted in another style.
    pub fn verbose_error_message(
        &self,
        verbosity: Verbosity,
        show_context: ShowContext,
    ) -> Vec<u8> {
        let mut out = Vec::new();
        if !matches!(self.status(), Status::FatalError | Status::NonfatalError) {
            out.extend_from_slice(b"PGresult is not an error result\n");
        } else if let Some(fields) = self.error_fields() {
            let style = MessageStyle {
                verbosity,
                show_context,
                encoding: self.encoding(),
                error: self.status() == Status::FatalError,
            };
            format_error(fields, &style, self.error_query(), &mut out);
        } else if self.error_message().is_empty() {
            out.extend_from_slice(b"no error message available\n");
        } else {
            out.extend_from_slice(self.error_message().to_bytes());
        }
        out
    }
}

struct Message<'a> {
    fields: &'a ErrorFields,
    style: &'a MessageStyle,
    out: &'a mut Vec<u8>,
}

impl<'a> Message<'a> {
    /// Appends a labeled line. False if there is no such field.
    fn line(&mut self, label: &[u8], code: u8) -> bool {
        let text = self.fields.get(code);
        if let Some(text) = text {
            append(self.out, &[label, text, b"\n"]);
        }
        text.is_some()
    }

    /// The primary line and, if the query is known, the position of the error in it.
    fn primary(&mut self, query: Option<&[u8]>) {
        let text = self.fields.get(fields::MESSAGE_PRIMARY);
        append(self.out, &[text.unwrap_or_default()]);
        let (position, query) = match self.fields.get(fields::STATEMENT_POSITION) {
            Some(position) => (Some(position), query.filter(|_| self.shows_query())),
            None => self.internal_position(),
        };
        match (position, query) {
            (Some(position), None) => append(self.out, &[b" at character ", position, b"\n"]),
            (Some(position), Some(query)) => {
                append(self.out, &[b"\n"]);
                let character = atoi(position);
                position::append(self.out, query, character, self.style.encoding);
            }
            (None, _) => append(self.out, &[b"\n"]),
        }
    }

    fn internal_position(&self) -> (Option<&'a [u8]>, Option<&'a [u8]>) {
        let query = self.fields.get(fields::INTERNAL_QUERY);
        (
            self.fields.get(fields::INTERNAL_POSITION),
            query.filter(|_| self.shows_query()),
        )
    }

    fn shows_query(&self) -> bool {
        matches!(
            self.style.verbosity,
            Verbosity::Default | Verbosity::Verbose
        )
    }

    fn details(&mut self, query: Option<&[u8]>) {
        self.primary(query);
        self.line(b"DETAIL:  ", fields::MESSAGE_DETAIL);
        self.line(b"HINT:  ", fields::MESSAGE_HINT);
        self.line(b"QUERY:  ", fields::INTERNAL_QUERY);
        let shows_context = match self.style.show_context {
            ShowContext::Never => false,
            ShowContext::Errors => self.style.error,
            ShowContext::Always => true,
        };
        if shows_context {
            self.line(b"CONTEXT:  ", fields::CONTEXT);
        }
    }

    fn names(&mut self) {
        self.line(b"SCHEMA NAME:  ", fields::SCHEMA_NAME);
        self.line(b"TABLE NAME:  ", fields::TABLE_NAME);
        self.line(b"COLUMN NAME:  ", fields::COLUMN_NAME);
        self.line(b"DATATYPE NAME:  ", fields::DATATYPE_NAME);
        self.line(b"CONSTRAINT NAME:  ", fields::CONSTRAINT_NAME);
    }

    fn location(&mut self) {
        let function = self.fields.get(fields::SOURCE_FUNCTION);
        let file = self.fields.get(fields::SOURCE_FILE);
        let line = self.fields.get(fields::SOURCE_LINE);
        if function.is_none() && file.is_none() && line.is_none() {
            return;
        }
        append(self.out, &[b"LOCATION:  "]);
        if let Some(function) = function {
            append(self.out, &[function, b", "]);
        }
        if let (Some(file), Some(line)) = (file, line) {
            append(self.out, &[file, b":", line]);
        }
        append(self.out, &[b"\n"]);
    }
}

fn append(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// The number at the start of `text`, as C's `atoi` parses it; 0 if it overflows.
fn atoi(text: &[u8]) -> i32 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.split_first() {
        Some((b'-', digits)) => (true, digits),
        Some((b'+', digits)) => (false, digits),
        _ => (false, text),
    };
    let number = digits
        .iter()
        .take_while(|digit| digit.is_ascii_digit())
        .try_fold(0i32, |number, digit| {
            number.checked_mul(10)?.checked_add(i32::from(digit - b'0'))
        });
    let number = number.unwrap_or(0);
    if negative { -number } else { number }
}

#[cfg(test)]
mod tests;
