//! Which messages of a connection are traced, and when.

use crate::protocol::backend::HEADER;
use crate::protocol::trace::{self, AuthResponse, TraceFlags};

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

    fn timestamp(&self) -> Vec<u8> {
        if self.flags.suppress_timestamps {
            return Vec::new();
        }
        (self.clock)()
    }

    /// A message of the server was understood.
    pub fn received(&mut self, frame: &[u8]) {
        let (stamp, flags) = (self.timestamp(), self.flags);
        let context = AuthResponse::default();
        trace::frame_line(&mut self.lines, true, frame, &stamp, flags, context);
    }

    /// Messages were appended to the output.
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
            let (stamp, flags) = (self.timestamp(), self.flags);
            trace::frame_line(&mut self.lines, false, frame, &stamp, flags, meaning);
            messages = others;
        }
    }

    /// The one byte that answers a request for encryption, which `name` tells.
    pub fn answered(&mut self, name: &str, answer: u8) {
        let (stamp, flags) = (self.timestamp(), self.flags);
        trace::answer_line(&mut self.lines, name, answer, &stamp, flags);
    }

    /// A packet without a type byte was appended to the output.
    pub fn sent_untyped(&mut self, packet: &[u8]) {
        let (stamp, flags) = (self.timestamp(), self.flags);
        trace::untyped_line(&mut self.lines, packet, &stamp, flags);
    }
}
