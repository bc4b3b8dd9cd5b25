//! Finds message boundaries in a stream by the message headers.

use pq_protocol::backend::HEADER;
use pq_protocol::codes::server;

/// The stream does not follow PostgreSQL's protocol: a message length is impossible.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidStream;

/// The position in a stream that arrives in pieces.
#[derive(Debug, Default)]
pub struct Framer {
    header: [u8; HEADER],
    have: usize,
    /// The bytes of the current message's body that are still missing.
    left: usize,
}

/// The next part of a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// The header of a message of this type is complete.
    Header(u8),
    /// This many bytes of the body of a message of this type.
    Body(u8, usize),
    /// An incomplete header.
    Piece,
}

impl Framer {
    pub fn is_at_boundary(&self) -> bool {
        self.have == 0 && self.left == 0
    }

    /// Consumes the first part of `bytes`, which must not be empty. Returns the part and the remaining bytes.
    pub fn next<'a>(&mut self, bytes: &'a [u8]) -> Result<(Part, &'a [u8]), InvalidStream> {
        if self.left > 0 {
            let count = self.left.min(bytes.len());
            self.left -= count;
            return Ok((Part::Body(self.header[0], count), &bytes[count..]));
        }
        let count = bytes.len().min(HEADER - self.have);
        self.header[self.have..self.have + count].copy_from_slice(&bytes[..count]);
        self.have += count;
        let rest = &bytes[count..];
        if self.have < HEADER {
            return Ok((Part::Piece, rest));
        }
        self.have = 0;
        self.left = body_length(self.header)?;
        Ok((Part::Header(self.header[0]), rest))
    }
}

/// The body length of a message with this header. A ReadyForQuery, which no client sends, has one byte, so that its body
/// cannot arrive in pieces.
pub fn body_length(header: [u8; HEADER]) -> Result<usize, InvalidStream> {
    let [kind, a, b, c, d] = header;
    let length = i32::from_be_bytes([a, b, c, d]);
    let length = usize::try_from(length).map_err(|_| InvalidStream)?;
    let length = length.checked_sub(4).ok_or(InvalidStream)?;
    if kind == server::READY_FOR_QUERY && length != 1 {
        return Err(InvalidStream);
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_wherever_the_stream_is_split() {
        let messages = b"D\0\0\0\x06xyC\0\0\0\x04";
        for cut in 0..=messages.len() {
            let mut framer = Framer::default();
            let (mut kinds, mut bodies) = (Vec::new(), 0);
            for mut bytes in [&messages[..cut], &messages[cut..]] {
                while !bytes.is_empty() {
                    let (part, rest) = framer.next(bytes).unwrap();
                    bytes = rest;
                    match part {
                        Part::Header(kind) => kinds.push(kind),
                        Part::Body(kind, count) => {
                            assert_eq!(kind, b'D');
                            bodies += count;
                        }
                        Part::Piece => assert!(rest.is_empty()),
                    }
                }
            }
            assert_eq!((&kinds[..], bodies), (&b"DC"[..], 2), "{cut}");
            assert!(framer.is_at_boundary());
        }
        for bad in [b"D\0\0\0\x03", b"D\xff\xff\xff\xff"] {
            assert_eq!(Framer::default().next(bad), Err(InvalidStream));
        }
    }
}
