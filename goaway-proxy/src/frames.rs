//! What the proxy sees of a server's stream: message boundaries, and of messages only the few it has to know.

use pq_protocol::backend::{Body, HEADER};
use pq_protocol::codes::{server, transaction};
use pq_protocol::fields::SQLSTATE;

use crate::framer::{Framer, Nonsense, Part, body_length};
use crate::messages;
use crate::registry::Activity;
use crate::requests::Requests;

/// A message before the first ReadyForQuery is not longer than this.
const LONGEST_OPENING: usize = 64 * 1024;
/// What the start of a session needs edited.
#[derive(Debug, Clone, Copy)]
pub struct Edits {
    /// The protocol version the client asked for.
    pub version: u32,
    /// The client has no TLS while the server has: channel binding cannot work.
    pub no_channel_binding: bool,
}

/// A server's stream, taken in as it comes.
#[derive(Debug)]
pub struct Stream {
    edits: Edits,
    /// The beginning of the stream, whole messages of which are passed on; gone after the first ReadyForQuery.
    opening: Option<Vec<u8>>,
    /// The server has said something.
    pub has_begun: bool,
    framer: Framer,
    /// The message that is coming is a GoAway.
    is_goaway: bool,
    /// The server itself has sent a GoAway.
    pub goaway: bool,
    /// What the client has asked for meanwhile.
    pub requests: Requests,
    /// The process the server named in BackendKeyData.
    pub pid: Option<i32>,
    /// The transaction state that the last ReadyForQuery told.
    pub ready: Option<u8>,
    /// The server's first reply refused the session with this SQLSTATE.
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

    /// Whether a session has been opened.
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

    /// Whether a message could be put in here.
    pub fn is_at_boundary(&self) -> bool {
        self.is_open() && self.framer.is_at_boundary()
    }

    /// Takes in bytes before the session is open: what the client is to be sent is appended to `out`. What stands
    /// behind the first ReadyForQuery is answered and not taken in.
    pub fn open<'a>(&mut self, bytes: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Nonsense> {
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
                return bytes.get(bytes.len() - unread..).ok_or(Nonsense);
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
                self.ready = Some(body.first().copied().unwrap_or(transaction::IDLE))
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

    /// Takes in the first bytes of an open session, of which there is one at least. `to_boundary`: no more than to the
    /// next boundary.
    pub fn follow(&mut self, bytes: &[u8], to_boundary: bool) -> Result<Run, Nonsense> {
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
                // ReadyForQuery counts with the state it tells.
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

/// What becomes of the next bytes, so many of them.
#[derive(Debug, PartialEq, Eq)]
pub enum Run {
    Pass(usize),
    /// They are of a GoAway of the server's own.
    Drop(usize),
}

/// A message: its type, its body, and what stands behind it.
type Message<'a> = (u8, &'a [u8], &'a [u8]);

/// The first message; None when more of it has to come.
fn split(bytes: &[u8]) -> Result<Option<Message<'_>>, Nonsense> {
    let Some((&header, rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let length = body_length(header)?;
    if length > LONGEST_OPENING {
        return Err(Nonsense);
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
    fn an_opening_is_passed_on_however_it_is_cut() {
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
    fn boundaries_are_found_however_the_stream_is_cut() {
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
    fn a_goaway_of_the_servers_is_taken_out_however_the_stream_is_cut() {
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
    fn a_refusal_and_nonsense_are_told() {
        let mut stream = Stream::new(EDITS);
        let refusal = messages::shutting_down();
        let mut out = Vec::new();
        stream.open(&refusal, &mut out).unwrap();
        assert_eq!(stream.refusal, Some(*b"57P03"));
        assert_eq!(out, refusal);
        for bad in [&b"R\0\0\0\x03"[..], b"HTTP/1.1", b"R\xff\xff\xff\xff"] {
            let mut stream = Stream::new(EDITS);
            assert_eq!(stream.open(bad, &mut out), Err(Nonsense));
        }
        let mut stream = Stream::new(EDITS);
        stream.open(OPENING, &mut out).unwrap();
        assert_eq!(stream.follow(b"D\0\0\0\x03", false), Err(Nonsense));
    }
}
