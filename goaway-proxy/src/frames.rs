//! Follows the server's stream: finds message boundaries, and reads the few messages that the proxy needs.

use pq_protocol::backend::{Body, HEADER};
use pq_protocol::codes::{server, transaction};
use pq_protocol::fields::SQLSTATE;

use crate::framer::{Framer, InvalidStream, Part, body_length};
use crate::messages;
use crate::registry::Activity;
use crate::requests::Requests;

/// The longest message before the first ReadyForQuery.
const MAX_OPENING_MESSAGE: usize = 64 * 1024;

/// How to edit the server's messages before the session is open.
#[derive(Debug, Clone, Copy)]
pub struct Edits {
    /// The protocol version the client asked for.
    pub version: u32,
    /// Remove channel binding from the SASL mechanisms: the server has TLS, and the client has not.
    pub no_channel_binding: bool,
}

/// The state of a server's stream, which arrives in pieces.
#[derive(Debug)]
pub struct Stream {
    edits: Edits,
    /// The incomplete message at the end of the bytes received; None after the first ReadyForQuery.
    opening: Option<Vec<u8>>,
    /// The server has sent something.
    pub has_begun: bool,
    framer: Framer,
    /// The current message is a GoAway.
    is_goaway: bool,
    /// The server itself has sent a GoAway, which was removed from the stream.
    pub goaway: bool,
    /// The client's requests.
    pub requests: Requests,
    /// The process ID in BackendKeyData.
    pub pid: Option<i32>,
    /// The transaction state in the last ReadyForQuery.
    pub ready: Option<u8>,
    /// The SQLSTATE with which the server refused the session.
    pub refusal: Option<[u8; 5]>,
}

impl Stream {
    pub fn new(edits: Edits) -> Stream {
        Stream {
            edits,
            opening: Some(Vec::new()),
            has_begun: false,
            framer: Framer::default(),
            is_goaway: false,
            goaway: false,
            requests: Requests::default(),
            pid: None,
            ready: None,
            refusal: None,
        }
    }

    /// Whether the session is open: the server has sent the first ReadyForQuery.
    pub fn is_open(&self) -> bool {
        self.opening.is_none()
    }

    pub fn activity(&self) -> Activity {
        match self.ready {
            _ if !self.is_open() => Activity::Opening,
            _ if !self.requests.are_answered() => Activity::Busy,
            Some(transaction::IDLE) => Activity::Idle,
            _ => Activity::InTransaction,
        }
    }

    /// Whether the proxy can insert a message here.
    pub fn is_at_boundary(&self) -> bool {
        self.is_open() && self.framer.is_at_boundary()
    }

    /// Processes bytes before the session is open, and appends the bytes for the client to `out`. Returns the bytes after
    /// the first ReadyForQuery without processing them.
    pub fn open<'a>(
        &mut self,
        bytes: &'a [u8],
        out: &mut Vec<u8>,
    ) -> Result<&'a [u8], InvalidStream> {
        let Some(mut opening) = self.opening.take() else {
            return Ok(bytes);
        };
        opening.extend_from_slice(bytes);
        self.has_begun |= !bytes.is_empty();
        let mut rest = &opening[..];
        while let Some((kind, body, behind)) = split(rest)? {
            self.pass(kind, body, out);
            rest = behind;
            if self.ready.is_some() {
                let unread = rest.len();
                return bytes.get(bytes.len() - unread..).ok_or(InvalidStream);
            }
        }
        let done = opening.len() - rest.len();
        opening.drain(..done);
        self.opening = Some(opening);
        Ok(&[])
    }

    fn pass(&mut self, kind: u8, body: &[u8], out: &mut Vec<u8>) {
        if kind == server::GO_AWAY {
            self.goaway = true;
            return;
        }
        let edited = match kind {
            server::NEGOTIATE_PROTOCOL_VERSION => {
                Some(messages::without_goaway(body, self.edits.version).unwrap_or_default())
            }
            server::AUTHENTICATION if self.edits.no_channel_binding => {
                messages::without_channel_binding(body)
            }
            _ => None,
        };
        match kind {
            server::BACKEND_KEY_DATA => self.pid = Body(body).i32(),
            server::READY_FOR_QUERY => {
                self.ready = body.first().copied();
            }
            server::ERROR_RESPONSE => self.refusal = sqlstate(body),
            _ => {}
        }
        match edited {
            Some(edited) => out.extend(edited),
            None => {
                out.push(kind);
                out.extend((body.len() as u32 + 4).to_be_bytes());
                out.extend_from_slice(body);
            }
        }
    }

    /// Processes bytes of an open session, at least one. With `to_boundary`, it stops at the next message boundary.
    pub fn follow(&mut self, bytes: &[u8], to_boundary: bool) -> Result<Run, InvalidStream> {
        let mut rest = bytes;
        let begins_goaway = |stream: &Stream, rest: &[u8]| {
            stream.framer.is_at_boundary() && rest.first() == Some(&server::GO_AWAY)
        };
        self.is_goaway |= begins_goaway(self, rest);
        while !rest.is_empty() {
            let (part, behind) = self.framer.next(rest)?;
            match part {
                Part::Body(server::READY_FOR_QUERY, _) => {
                    self.ready = rest.first().copied();
                    self.requests.note_reply(server::READY_FOR_QUERY);
                }
                // ReadyForQuery counts when its body arrives, with the transaction state.
                Part::Header(kind) if kind != server::READY_FOR_QUERY => {
                    self.requests.note_reply(kind)
                }
                _ => {}
            }
            rest = behind;
            let stops_here = to_boundary || self.is_goaway;
            if begins_goaway(self, rest) || (stops_here && self.framer.is_at_boundary()) {
                break;
            }
        }
        let length = bytes.len() - rest.len();
        if !self.is_goaway {
            return Ok(Run::Pass(length));
        }
        if self.framer.is_at_boundary() {
            self.is_goaway = false;
            self.goaway = true;
        }
        Ok(Run::Drop(length))
    }
}

/// What to do with the next bytes; holds their number.
#[derive(Debug, PartialEq, Eq)]
pub enum Run {
    /// Forward them to the client.
    Pass(usize),
    /// They belong to a GoAway from the server.
    Drop(usize),
}

/// A message's type, its body, and the bytes after it.
type Message<'a> = (u8, &'a [u8], &'a [u8]);

/// Splits off the first message; None when it is incomplete.
fn split(bytes: &[u8]) -> Result<Option<Message<'_>>, InvalidStream> {
    let Some((&header, rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let length = body_length(header)?;
    if length > MAX_OPENING_MESSAGE {
        return Err(InvalidStream);
    }
    let split = rest.split_at_checked(length);
    Ok(split.map(|(body, behind)| (header[0], body, behind)))
}

fn sqlstate(body: &[u8]) -> Option<[u8; 5]> {
    let fields = pq_protocol::fields::ErrorFields::parse(body)?;
    fields.get(SQLSTATE)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDITS: Edits = Edits {
        version: 0x0003_0000,
        no_channel_binding: true,
    };
    const OPENING: &[u8] =
        b"R\0\0\0\x08\0\0\0\0S\0\0\0\x08a\0b\0K\0\0\0\x0c\0\0\x01\x02keyyZ\0\0\0\x05I";

    #[test]
    fn an_opening_is_forwarded_wherever_it_is_split() {
        for cut in 0..=OPENING.len() {
            let mut stream = Stream::new(EDITS);
            let mut out = Vec::new();
            let (first, second) = OPENING.split_at(cut);
            assert_eq!(stream.open(first, &mut out), Ok(&b""[..]));
            assert_eq!(stream.is_open(), cut == OPENING.len());
            let second = [second, b"C\0\0"].concat();
            let behind = stream.open(&second, &mut out).unwrap().to_vec();
            assert_eq!(behind, b"C\0\0");
            assert_eq!(out, OPENING);
            assert_eq!(
                (stream.pid, stream.ready),
                (Some(0x102), Some(transaction::IDLE))
            );
            assert!(stream.is_at_boundary());
        }
    }

    #[test]
    fn boundaries_are_found_wherever_the_stream_is_split() {
        let messages = b"D\0\0\0\x06xyC\0\0\0\x04Z\0\0\0\x05T";
        for cut in 0..=messages.len() {
            let mut stream = Stream::new(EDITS);
            stream.open(OPENING, &mut Vec::new()).unwrap();
            if cut > 0 {
                assert_eq!(stream.follow(&messages[..cut], false), Ok(Run::Pass(cut)));
            }
            assert_eq!(
                stream.is_at_boundary(),
                [0, 7, 12, 18].contains(&cut),
                "{cut}"
            );
            let Some(end) = [7, 12, 18].into_iter().find(|end| *end > cut) else {
                continue;
            };
            let next = stream.follow(&messages[cut..], true);
            assert_eq!(next, Ok(Run::Pass(end - cut)), "{cut}");
        }
    }

    #[test]
    fn a_servers_goaway_is_removed_wherever_the_stream_is_split() {
        let messages = b"D\0\0\0\x05gg\0\0\0\x05gg\0\0\0\x04C\0\0\0\x04Z\0\0\0\x05I";
        for cut in 0..=messages.len() {
            let mut stream = Stream::new(EDITS);
            stream.open(OPENING, &mut Vec::new()).unwrap();
            let (mut passed, mut goaways) = (Vec::new(), 0);
            for mut bytes in [&messages[..cut], &messages[cut..]] {
                while !bytes.is_empty() {
                    let length = match stream.follow(bytes, false).unwrap() {
                        Run::Pass(length) => {
                            passed.extend_from_slice(&bytes[..length]);
                            length
                        }
                        Run::Drop(length) => length,
                    };
                    bytes = &bytes[length..];
                    goaways += u32::from(std::mem::take(&mut stream.goaway));
                }
            }
            assert_eq!(passed, b"D\0\0\0\x05gC\0\0\0\x04Z\0\0\0\x05I", "{cut}");
            assert_eq!((goaways, stream.is_at_boundary()), (2, true), "{cut}");
        }
        let mut stream = Stream::new(EDITS);
        let mut out = Vec::new();
        let early = [b"g\0\0\0\x04", OPENING].concat();
        stream.open(&early, &mut out).unwrap();
        assert!(stream.goaway && out == OPENING);
    }

    #[test]
    fn the_transaction_state_is_followed() {
        let mut stream = Stream::new(EDITS);
        stream.open(OPENING, &mut Vec::new()).unwrap();
        for byte in b"Z\0\0\0\x05T" {
            stream.follow(&[*byte], false).unwrap();
        }
        assert_eq!(stream.ready, Some(transaction::IN_BLOCK));
    }

    #[test]
    fn refusals_and_invalid_streams_are_detected() {
        let mut stream = Stream::new(EDITS);
        let refusal = messages::shutting_down();
        let mut out = Vec::new();
        stream.open(&refusal, &mut out).unwrap();
        assert_eq!(stream.refusal, Some(*b"57P03"));
        assert_eq!(out, refusal);
        for bad in [
            &b"R\0\0\0\x03"[..],
            b"HTTP/1.1",
            b"R\xff\xff\xff\xff",
            b"Z\0\0\0\x04",
        ] {
            let mut stream = Stream::new(EDITS);
            assert_eq!(stream.open(bad, &mut out), Err(InvalidStream));
        }
        for bad in [&b"D\0\0\0\x03"[..], b"Z\0\0\0\x04", b"Z\0\0\0\x06IT"] {
            let mut stream = Stream::new(EDITS);
            stream.open(OPENING, &mut out).unwrap();
            assert_eq!(stream.follow(bad, false), Err(InvalidStream));
        }
    }
}
