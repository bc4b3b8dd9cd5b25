//! The trace lines of `PQtrace`: one line for each message.

use std::io::Write;

use super::codes::server;

/// The flags of `PQsetTraceFlags`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TraceFlags {
    /// No time at the beginning of a line (`PQTRACE_SUPPRESS_TIMESTAMPS`).
    pub suppress_timestamps: bool,
    /// Placeholders for values that differ from run to run (`PQTRACE_REGRESS_MODE`).
    pub regress: bool,
}

/// Which message a client's message of type `p` is: several messages share this type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuthResponse {
    #[default]
    Unknown,
    Gss,
    Password,
    SaslInitial,
    Sasl,
}

/// Appends the line of a message with a type byte; `frame` is type, length and body. `timestamp` is the
/// local time as `YYYY-MM-DD HH:MM:SS.uuuuuu`, unused when suppressed.
///
/// If a frame is shorter than its counts say, the line contains the fields that are there.
pub fn frame_line(
    out: &mut Vec<u8>,
    from_server: bool,
    frame: &[u8],
    timestamp: &[u8],
    flags: TraceFlags,
    context: AuthResponse,
) {
    let Some((&kind, rest)) = frame.split_first() else {
        return;
    };
    let length = rest
        .first_chunk()
        .map_or(0, |word| i32::from_be_bytes(*word));
    begin(out, timestamp, flags);
    out.extend_from_slice(if from_server { b"B\t" } else { b"F\t" });
    // The size of an error depends on the server's version and language.
    if flags.regress
        && from_server
        && matches!(kind, server::ERROR_RESPONSE | server::NOTICE_RESPONSE)
    {
        out.extend_from_slice(b"NN\t");
    } else {
        print(out, format_args!("{length}\t"));
    }
    let mut line = Line::new(out, frame, 5, flags.regress);
    if from_server {
        line.server_message(kind, length);
    } else {
        line.client_message(kind, context);
    }
    line.finish(i64::from(length) + 1, 1);
}

/// Appends the line of a message without a type byte: a startup packet, an encryption request or a cancel request.
pub fn untyped_line(out: &mut Vec<u8>, frame: &[u8], timestamp: &[u8], flags: TraceFlags) {
    let word = |at| {
        frame
            .get(at..)?
            .first_chunk()
            .copied()
            .map(i32::from_be_bytes)
    };
    let length = word(0).unwrap_or(0);
    begin(out, timestamp, flags);
    let code = match word(4) {
        Some(code) if length >= 8 => code as u32,
        _ => return print(out, format_args!("F\t{length}\tUnknown message\n")),
    };
    print(out, format_args!("F\t{length}\t"));
    let mut line = Line::new(out, frame, 4, flags.regress);
    line.untyped_message(code, length);
    line.finish(i64::from(length), 0);
}

/// Appends the line of a one-byte answer; `name` is `SSLResponse` or `GSSENCResponse`.
pub fn answer_line(out: &mut Vec<u8>, name: &str, answer: u8, timestamp: &[u8], flags: TraceFlags) {
    begin(out, timestamp, flags);
    print(out, format_args!("B\t1\t{name}\t "));
    out.extend_from_slice(&[answer, b'\n']);
}

fn begin(out: &mut Vec<u8>, timestamp: &[u8], flags: TraceFlags) {
    if !flags.suppress_timestamps {
        out.extend_from_slice(timestamp);
        out.push(b'\t');
    }
}

fn print(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a Vec cannot fail.
    let _ = out.write_fmt(text);
}

fn printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// A line under construction. The cursor may move past the end of the frame, which ends all loops.
struct Line<'a> {
    out: &'a mut Vec<u8>,
    frame: &'a [u8],
    cursor: usize,
    regress: bool,
}

impl<'a> Line<'a> {
    fn new(out: &'a mut Vec<u8>, frame: &'a [u8], cursor: usize, regress: bool) -> Line<'a> {
        Line {
            out,
            frame,
            cursor,
            regress,
        }
    }

    /// Ends the line. Adds a second line if the message's length and its fields disagree.
    fn finish(self, expected: i64, header: i64) {
        self.out.push(b'\n');
        let consumed = i64::try_from(self.cursor).unwrap_or(i64::MAX);
        if consumed != expected {
            let (consumed, expected) = (consumed.saturating_sub(header), expected - header);
            print(
                self.out,
                format_args!(
                    "mismatched message length: consumed {consumed}, expected {expected}\n"
                ),
            );
        }
    }

    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(name.as_bytes());
    }

    fn at_end(&self) -> bool {
        self.cursor >= self.frame.len()
    }

    /// The next `count` bytes, or fewer at the end.
    fn take(&mut self, count: usize) -> &'a [u8] {
        let rest = self.frame.get(self.cursor..).unwrap_or_default();
        self.cursor = self.cursor.saturating_add(count);
        rest.get(..count).unwrap_or(rest)
    }

    fn byte1(&mut self) -> u8 {
        let Some(&byte) = self.take(1).first() else {
            return 0;
        };
        self.out.push(b' ');
        self.quoted(byte);
        byte
    }

    /// One byte, in hexadecimal when it is not printable.
    fn quoted(&mut self, byte: u8) {
        if printable(byte) {
            self.out.push(byte);
        } else {
            print(self.out, format_args!("\\x{byte:02x}"));
        }
    }

    fn int16(&mut self) -> u16 {
        let Ok(bytes) = self.take(2).try_into() else {
            return 0;
        };
        // libpq: the number is unsigned.
        let value = u16::from_be_bytes(bytes);
        print(self.out, format_args!(" {value}"));
        value
    }

    fn int32(&mut self, suppress: bool) -> i32 {
        let Ok(bytes) = self.take(4).try_into() else {
            return 0;
        };
        let value = i32::from_be_bytes(bytes);
        if suppress {
            self.name(" NNNN");
        } else {
            print(self.out, format_args!(" {value}"));
        }
        value
    }

    fn string(&mut self, suppress: bool) {
        let rest = self.frame.get(self.cursor..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(rest.len());
        let text = self.take(length.saturating_add(1));
        if suppress {
            return self.name(" \"SSSS\"");
        }
        self.name(" \"");
        self.out
            .extend_from_slice(text.get(..length).unwrap_or(text));
        self.name("\"");
    }

    /// `count` bytes, in hexadecimal where they are not printable.
    fn characters(&mut self, count: usize, suppress: bool) {
        let bytes = self.take(count);
        if suppress {
            return self.name(" 'BBBB'");
        }
        self.name(" '");
        for &byte in bytes {
            self.quoted(byte);
        }
        self.name("'");
    }

    fn remaining(&self) -> usize {
        self.frame.len().saturating_sub(self.cursor)
    }

    fn rest(&mut self, suppress: bool) {
        self.characters(self.remaining(), suppress);
    }

    /// A length and that many bytes; the length -1 means NULL.
    fn value(&mut self, suppress: bool) {
        let length = self.int32(false);
        if length != -1 {
            self.characters(usize::try_from(length).unwrap_or(0), suppress);
        }
    }

    /// A count, and then that many items, as long as bytes are left.
    fn counted(&mut self, item: fn(&mut Self)) {
        for _ in 0..self.int16() {
            if self.at_end() {
                return;
            }
            item(self);
        }
    }

    fn int16s(&mut self) {
        self.counted(|line| {
            line.int16();
        });
    }

    fn oids(&mut self) {
        self.counted(|line| {
            line.int32(line.regress);
        });
    }

    fn strings(&mut self, count: usize) {
        for _ in 0..count {
            self.string(false);
        }
    }
}

mod messages;

#[cfg(test)]
mod tests;
