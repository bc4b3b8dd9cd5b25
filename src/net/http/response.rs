//! Parses HTTP responses as their bytes arrive.

use super::{HttpError, kind};
use crate::mem;
use httparse::Status;
use zeroize::Zeroizing;

/// The largest body (libpq).
const MAX_BODY: usize = 256 * 1024;
/// The limit for all headers together, including those of interim responses.
const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 128;
/// The limit for a chunk's size line, including its extensions.
const MAX_CHUNK_LINE: usize = 1024;

/// An HTTP response.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    /// The value of the last Content-Type header.
    pub content_type: Option<Vec<u8>>,
    pub body: Zeroizing<Vec<u8>>,
}

/// How the end of the body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(usize),
    /// Chunked; this much of the current chunk is missing, including its end of line. 0: a size line follows.
    Chunks(usize),
    /// The server closes the connection.
    Close,
}

/// Reads one response.
#[derive(Debug, Default)]
pub struct ResponseReader {
    received: Zeroizing<Vec<u8>>,
    /// How many bytes were parsed.
    at: usize,
    head_size: usize,
    head: Option<(Response, Framing)>,
    complete: bool,
    /// The request was CONNECT: a success has no body.
    pub tunnel: bool,
}

impl ResponseReader {
    /// Takes bytes; true if the response is complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<bool, HttpError> {
        self.received.drain(..self.at);
        self.at = 0;
        mem::append_secret(&mut self.received, bytes);
        while self.head.is_none() {
            if !self.read_head()? {
                return Ok(false);
            }
        }
        while !self.complete {
            if !self.read_body()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The server has closed the connection.
    pub fn end(&mut self) -> Result<(), HttpError> {
        match &self.head {
            _ if self.complete => Ok(()),
            None if self.surplus() == 0 && self.head_size == 0 => {
                Err(HttpError::new(kind::EMPTY, ""))
            }
            Some((_, Framing::Close)) => {
                self.complete = true;
                Ok(())
            }
            _ => Err(HttpError::new(kind::PARTIAL, "the connection was closed")),
        }
    }

    /// The complete response, without what follows it.
    pub fn take(&mut self) -> Option<Response> {
        let (response, _) = self.head.take().filter(|_| self.complete)?;
        Some(response)
    }

    /// How many bytes follow the response.
    pub fn surplus(&self) -> usize {
        self.received.len() - self.at
    }

    /// Parses the head; false if more input is needed. Skips interim responses.
    fn read_head(&mut self) -> Result<bool, HttpError> {
        let pending = &self.received[self.at..];
        let start = &pending[..pending.len().min(5)];
        if !b"HTTP/".starts_with(start) {
            let detail = "what came is not HTTP/1";
            return Err(HttpError::new(kind::UNSUPPORTED, detail));
        }
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut headers);
        let status = parsed.parse(pending).map_err(weird)?;
        let size = match status {
            Status::Complete(size) => size,
            Status::Partial => pending.len(),
        };
        if self.head_size + size > MAX_HEAD {
            return Err(weird("the headers are too large"));
        }
        if status.is_partial() {
            return Ok(false);
        }
        self.head = match parsed.code.unwrap_or_default() {
            101 => return Err(weird("the server changes the protocol")),
            100..200 => None,
            code => Some(head(code, parsed.headers, self.tunnel)?),
        };
        self.head_size += size;
        self.at += size;
        Ok(true)
    }

    /// Parses some of the body; false if more input is needed.
    fn read_body(&mut self) -> Result<bool, HttpError> {
        let Some((response, framing)) = &mut self.head else {
            return Ok(false);
        };
        let pending = &self.received[self.at..];
        let taken = match framing {
            Framing::Length(0) => {
                self.complete = true;
                return Ok(true);
            }
            Framing::Chunks(0) => match chunk_size(pending)? {
                None => 0,
                Some((_, 0)) => {
                    // The trailer has nothing of interest.
                    self.complete = true;
                    return Ok(true);
                }
                Some((line, size)) => {
                    *framing = Framing::Chunks(size + 2);
                    line
                }
            },
            Framing::Chunks(missing @ 1..=2) => {
                let count = pending.len().min(*missing);
                if !b"\r\n"[2 - *missing..].starts_with(&pending[..count]) {
                    return Err(weird("a chunk does not end where it should"));
                }
                *missing -= count;
                count
            }
            Framing::Chunks(missing) => {
                let count = add(response, pending, *missing - 2)?;
                *missing -= count;
                count
            }
            Framing::Length(missing) => {
                let count = add(response, pending, *missing)?;
                *missing -= count;
                count
            }
            Framing::Close => add(response, pending, usize::MAX)?,
        };
        self.at += taken;
        Ok(taken > 0)
    }
}

/// Adds at most `limit` bytes to the body; returns how many.
fn add(response: &mut Response, bytes: &[u8], limit: usize) -> Result<usize, HttpError> {
    let bytes = &bytes[..bytes.len().min(limit)];
    if response.body.len() + bytes.len() > MAX_BODY {
        return Err(HttpError::new(kind::TOO_LARGE, ""));
    }
    mem::append_secret(&mut response.body, bytes);
    Ok(bytes.len())
}

/// The length of the size line and of its chunk; None if more input is needed.
fn chunk_size(pending: &[u8]) -> Result<Option<(usize, usize)>, HttpError> {
    match httparse::parse_chunk_size(pending) {
        Err(_) => Err(weird("bad size of a chunk")),
        Ok(Status::Partial) if pending.len() > MAX_CHUNK_LINE => Err(weird("bad size of a chunk")),
        Ok(Status::Partial) => Ok(None),
        Ok(Status::Complete((line, _))) if line > MAX_CHUNK_LINE => {
            Err(weird("bad size of a chunk"))
        }
        Ok(Status::Complete((line, size))) => match usize::try_from(size) {
            Ok(size) if size <= MAX_BODY => Ok(Some((line, size))),
            _ => Err(HttpError::new(kind::TOO_LARGE, "")),
        },
    }
}

fn head(
    status: u16,
    headers: &[httparse::Header<'_>],
    tunnel: bool,
) -> Result<(Response, Framing), HttpError> {
    let response = Response {
        status,
        content_type: values(headers, "content-type").last().map(<[u8]>::to_vec),
        body: Zeroizing::new(Vec::new()),
    };
    let without_body = matches!(status, 204 | 304) || tunnel && (200..300).contains(&status);
    let framing = match without_body {
        true => Framing::Length(0),
        false => framing(headers)?,
    };
    Ok((response, framing))
}

fn framing(headers: &[httparse::Header<'_>]) -> Result<Framing, HttpError> {
    if let Some(encoding) = values(headers, "transfer-encoding").last() {
        return match encoding.eq_ignore_ascii_case(b"chunked") {
            true => Ok(Framing::Chunks(0)),
            false => Err(weird("unknown transfer encoding")),
        };
    }
    let mut lengths = values(headers, "content-length");
    let Some(length) = lengths.next() else {
        return Ok(Framing::Close);
    };
    if !length.iter().all(u8::is_ascii_digit) || lengths.any(|other| other != length) {
        return Err(weird("bad content length"));
    }
    let text = std::str::from_utf8(length).map_err(weird)?;
    match text.parse() {
        Ok(length) if length <= MAX_BODY => Ok(Framing::Length(length)),
        Err(_) if text.is_empty() => Err(weird("bad content length")),
        _ => Err(HttpError::new(kind::TOO_LARGE, "")),
    }
}

fn values<'a>(
    headers: &'a [httparse::Header<'a>],
    name: &'a str,
) -> impl Iterator<Item = &'a [u8]> {
    let named = headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name));
    named.map(|header| header.value.trim_ascii())
}

fn weird(detail: impl ToString) -> HttpError {
    HttpError::new(kind::WEIRD, detail.to_string())
}

#[cfg(test)]
mod tests;
