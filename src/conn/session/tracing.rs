//! PQtrace: collects the lines for messages sent and received.

use crate::protocol::backend::HEADER;
use crate::protocol::trace::{self, AuthResponse, TraceFlags};

/// The maximum number of bytes that a line has for each byte of its message.
const MAX_PER_BYTE: usize = 5;
/// The maximum length of the rest of a line: time, length and names.
const MAX_OVERHEAD: usize = 1024;

/// Collects the lines of PQtrace until the caller writes them.
pub struct Tracer {
    pub flags: TraceFlags,
    clock: fn() -> Vec<u8>,
    lines: Vec<u8>,
}

impl Tracer {
    /// `clock` returns the local time in the format of the lines.
    pub fn new(clock: fn() -> Vec<u8>) -> Tracer {
        Tracer {
            flags: TraceFlags::default(),
            clock,
            lines: Vec::new(),
        }
    }

    /// The lines since the last call.
    pub fn take_lines(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.lines)
    }

    /// Reserves memory for the line of a message. Lines without memory are dropped.
    fn reserve_line(&mut self, message: &[u8]) -> bool {
        let room = message.len().saturating_mul(MAX_PER_BYTE) + MAX_OVERHEAD;
        self.lines.try_reserve(room).is_ok()
    }

    fn timestamp(&self) -> Vec<u8> {
        if self.flags.suppress_timestamps {
            return Vec::new();
        }
        (self.clock)()
    }

    /// Adds the line for a message of the server.
    #[cold]
    pub fn received(&mut self, frame: &[u8]) {
        if !self.reserve_line(frame) {
            return;
        }
        let (stamp, flags) = (self.timestamp(), self.flags);
        let context = AuthResponse::default();
        trace::frame_line(&mut self.lines, true, frame, &stamp, flags, context);
    }

    /// Adds the lines for messages appended to the output.
    #[cold]
    pub fn sent(&mut self, messages: &[u8]) {
        self.sent_auth(messages, AuthResponse::default());
    }

    /// As [`Tracer::sent`]. `meaning` tells what a 'p' message is.
    pub fn sent_auth(&mut self, mut messages: &[u8], meaning: AuthResponse) {
        while let Some((_, rest)) = messages.split_first_chunk::<1>() {
            let length = rest
                .first_chunk()
                .map_or(0, |word| u32::from_be_bytes(*word));
            let total = (1 + length as usize).clamp(HEADER, messages.len().max(HEADER));
            let (frame, others) = messages.split_at(total.min(messages.len()));
            messages = others;
            if self.reserve_line(frame) {
                let (stamp, flags) = (self.timestamp(), self.flags);
                trace::frame_line(&mut self.lines, false, frame, &stamp, flags, meaning);
            }
        }
    }

    /// Adds the line for the one-byte answer to the encryption request `name`.
    pub fn answered(&mut self, name: &str, answer: u8) {
        let (stamp, flags) = (self.timestamp(), self.flags);
        trace::answer_line(&mut self.lines, name, answer, &stamp, flags);
    }

    /// Adds the line for a packet without a type byte.
    pub fn sent_untyped(&mut self, packet: &[u8]) {
        if !self.reserve_line(packet) {
            return;
        }
        let (stamp, flags) = (self.timestamp(), self.flags);
        trace::untyped_line(&mut self.lines, packet, &stamp, flags);
    }
}
