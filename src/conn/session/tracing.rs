//! Which messages of a connection are traced, and when.

use crate::protocol::backend::HEADER;
use crate::protocol::trace::{self, AuthResponse, TraceFlags};

/// How many bytes of a line stand for one of its message, at the most.
const MOST_PER_BYTE: usize = 5;
/// What else a line has: its time, length and names.
const BESIDE_MESSAGE: usize = 1024;

/// Collects PQtrace's lines until the caller writes them.
pub struct Tracer {
    pub flags: TraceFlags,
    clock: fn() -> Vec<u8>,
    lines: Vec<u8>,
}

impl Tracer {
    /// `clock` gives the local time as the lines begin with it.
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

    /// Makes room for the line of a message; one for which there is no memory is left out.
    fn has_room_for(&mut self, message: &[u8]) -> bool {
        let room = message.len().saturating_mul(MOST_PER_BYTE) + BESIDE_MESSAGE;
        self.lines.try_reserve(room).is_ok()
    }

    fn timestamp(&self) -> Vec<u8> {
        if self.flags.suppress_timestamps {
            return Vec::new();
        }
        (self.clock)()
    }

    /// A message of the server was understood.
    #[cold]
    pub fn received(&mut self, frame: &[u8]) {
        if !self.has_room_for(frame) {
            return;
        }
        let (stamp, flags) = (self.timestamp(), self.flags);
        let context = AuthResponse::default();
        trace::frame_line(&mut self.lines, true, frame, &stamp, flags, context);
    }

    /// Messages were appended to the output.
    #[cold]
    pub fn sent(&mut self, messages: &[u8]) {
        self.sent_auth(messages, AuthResponse::default());
    }

    /// As [`Tracer::sent`]; `meaning` tells what a 'p' message is.
    pub fn sent_auth(&mut self, mut messages: &[u8], meaning: AuthResponse) {
        while let Some((_, rest)) = messages.split_first_chunk::<1>() {
            let length = rest
                .first_chunk()
                .map_or(0, |word| u32::from_be_bytes(*word));
            let total = (1 + length as usize).clamp(HEADER, messages.len().max(HEADER));
            let (frame, others) = messages.split_at(total.min(messages.len()));
            messages = others;
            if self.has_room_for(frame) {
                let (stamp, flags) = (self.timestamp(), self.flags);
                trace::frame_line(&mut self.lines, false, frame, &stamp, flags, meaning);
            }
        }
    }

    /// The one byte that answers a request for encryption, which `name` tells.
    pub fn answered(&mut self, name: &str, answer: u8) {
        let (stamp, flags) = (self.timestamp(), self.flags);
        trace::answer_line(&mut self.lines, name, answer, &stamp, flags);
    }

    /// A packet without a type byte was appended to the output.
    pub fn sent_untyped(&mut self, packet: &[u8]) {
        if !self.has_room_for(packet) {
            return;
        }
        let (stamp, flags) = (self.timestamp(), self.flags);
        trace::untyped_line(&mut self.lines, packet, &stamp, flags);
    }
}
