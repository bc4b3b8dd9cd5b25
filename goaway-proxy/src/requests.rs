//! Tracks which of a client's requests the server has not answered yet.
//!
//! The server processes messages in order and answers each Query, FunctionCall and Sync with a ReadyForQuery, with these
//! exceptions:
//!
//! - After an error in a message of the extended protocol, it skips all messages up to the next Sync.
//! - While it reads the data of COPY FROM STDIN, it ignores Sync. Drivers send a Sync after the Execute that starts such a
//!   COPY.
//! - It ignores CopyData, CopyDone and CopyFail when no COPY is active.
//!
//! So requests are kept in order until they are answered, and each answer counts for the first of them. Each message of the
//! extended protocol except Flush has one message that ends its answer. This distinguishes the error of such a message from
//! the error of a query after it.

use std::collections::VecDeque;

use pq_protocol::codes::{client, server};

use crate::framer::{Framer, Part};

/// The kinds of messages that the server handles in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Parse, Bind, Describe, Execute, Close.
    Extended,
    /// Query or FunctionCall: the server answers with ReadyForQuery, unless it skips the message.
    Query,
    Sync,
    /// CopyData.
    Data,
    /// CopyDone or CopyFail.
    DataEnd,
}

/// Consecutive messages of one kind.
#[derive(Debug, Clone, Copy)]
struct Run {
    kind: Kind,
    count: u32,
}

/// A client's stream and the requests in it that have no answer yet.
#[derive(Debug, Default)]
pub struct Requests {
    framer: Framer,
    /// The client's stream is not valid. The server reports the error.
    is_invalid: bool,
    /// Requests without an answer. The sockets' buffers limit the number of runs: messages that the server reads and never
    /// answers are dropped, or join one run.
    unanswered: VecDeque<Run>,
    /// The client has sent messages of the extended protocol after the last Query or Sync, and no Sync yet.
    is_open: bool,
    /// The server skips messages up to the next Sync.
    is_skipping: bool,
    /// The server reads data of a COPY.
    is_copying: bool,
}

/// An empty queue with a larger capacity is freed.
const MAX_KEPT_CAPACITY: usize = 64;

impl Requests {
    /// Whether the server has answered everything.
    pub fn are_answered(&self) -> bool {
        self.unanswered.is_empty()
            && !self.is_open
            && !self.is_skipping
            && !self.is_invalid
            && self.framer.is_at_boundary()
    }

    /// Processes bytes from the client.
    pub fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_invalid {
            match self.framer.next(bytes) {
                Ok((part, rest)) => {
                    bytes = rest;
                    if let Part::Header(kind) = part {
                        self.note(kind);
                    }
                }
                Err(_) => self.is_invalid = true,
            }
        }
    }

    fn note(&mut self, kind: u8) {
        match kind {
            client::SYNC => {
                self.is_open = false;
                self.is_skipping = false;
                self.push(Kind::Sync);
            }
            _ if self.is_skipping => {}
            client::QUERY | client::FUNCTION_CALL => {
                self.is_open = false;
                self.push(Kind::Query);
            }
            client::PARSE | client::BIND | client::EXECUTE | client::DESCRIBE | client::CLOSE => {
                self.is_open = true;
                self.push(Kind::Extended);
            }
            // Without an unanswered request, no COPY can be active.
            client::COPY_DATA if !self.unanswered.is_empty() => self.push_data(),
            client::COPY_DONE | client::COPY_FAIL if !self.unanswered.is_empty() => {
                self.push(Kind::DataEnd)
            }
            _ => {}
        }
    }

    fn push(&mut self, kind: Kind) {
        match self.unanswered.back_mut() {
            Some(run) if run.kind == kind => run.count = run.count.saturating_add(1),
            _ => self.unanswered.push_back(Run { kind, count: 1 }),
        }
    }

    /// Adds CopyData. The server has ignored a Sync between two CopyData messages, so it is removed.
    fn push_data(&mut self) {
        let mut last = self.unanswered.iter().rev().map(|run| run.kind);
        if self.is_copying && last.next() == Some(Kind::Sync) && last.next() == Some(Kind::Data) {
            self.unanswered.pop_back();
        }
        self.push(Kind::Data);
    }

    /// Processes a message of this type from the server.
    pub fn note_reply(&mut self, kind: u8) {
        match kind {
            // The answer to Parse, Bind, Close, Describe or Execute ends with one of these.
            server::PARSE_COMPLETE
            | server::BIND_COMPLETE
            | server::CLOSE_COMPLETE
            | server::NO_DATA
            | server::ROW_DESCRIPTION
            | server::EMPTY_QUERY_RESPONSE
            | server::PORTAL_SUSPENDED => self.note_completion(),
            server::COMMAND_COMPLETE if self.is_copying => self.end_copying(),
            server::COMMAND_COMPLETE => self.note_completion(),
            server::COPY_IN_RESPONSE => self.is_copying = true,
            server::ERROR_RESPONSE => self.note_error(),
            server::READY_FOR_QUERY => self.note_ready(),
            _ => {}
        }
    }

    fn front(&self) -> Option<Kind> {
        self.unanswered.front().map(|run| run.kind)
    }

    /// Removes the first request.
    fn pop(&mut self) {
        if let Some(run) = self.unanswered.front_mut() {
            run.count -= 1;
            if run.count == 0 {
                self.unanswered.pop_front();
            }
        }
    }

    /// Removes requests of these kinds from the front.
    fn drop_all(&mut self, kinds: &[Kind]) {
        while self.front().is_some_and(|kind| kinds.contains(&kind)) {
            self.unanswered.pop_front();
        }
    }

    /// Removes CopyData and the like from the front: the server ignores them without an active COPY.
    fn drop_data(&mut self) {
        self.drop_all(&[Kind::Data, Kind::DataEnd]);
    }

    fn note_completion(&mut self) {
        if self.front() == Some(Kind::Extended) {
            self.pop();
            // This was an Execute without a COPY.
            if self.front() != Some(Kind::Extended) {
                self.drop_data();
            }
        }
    }

    /// The COPY is complete: the server has read the data, and has ignored each Sync before the end of the data.
    fn end_copying(&mut self) {
        self.is_copying = false;
        let Some(began) = self.unanswered.pop_front() else {
            return;
        };
        self.drop_all(&[Kind::Sync, Kind::Data]);
        if self.front() == Some(Kind::DataEnd) {
            self.pop();
        }
        if began.kind == Kind::Query {
            // Its ReadyForQuery is still missing, and the query may start another COPY before.
            self.unanswered.push_front(began);
        }
    }

    fn note_error(&mut self) {
        let was_copying = std::mem::take(&mut self.is_copying);
        match self.front() {
            Some(Kind::Extended) => {
                self.unanswered.pop_front();
                if was_copying {
                    // The server has ignored the Syncs before the data.
                    self.drop_all(&[Kind::Sync]);
                }
                self.skip();
            }
            Some(Kind::Query) if was_copying => {
                let began = self.unanswered.pop_front();
                self.drop_all(&[Kind::Sync]);
                if let Some(began) = began {
                    self.unanswered.push_front(began);
                }
            }
            _ => {}
        }
    }

    /// Removes the messages that the server skips. If there is no Sync yet, later messages are skipped, too.
    fn skip(&mut self) {
        while self.front().is_some_and(|kind| kind != Kind::Sync) {
            self.unanswered.pop_front();
        }
        self.is_skipping = self.unanswered.is_empty();
    }

    fn note_ready(&mut self) {
        self.is_copying = false;
        self.is_skipping = false;
        // This removes nothing unless the server does not follow the rules above.
        self.drop_all(&[Kind::Extended, Kind::Data, Kind::DataEnd]);
        self.pop();
        self.drop_data();
        if self.unanswered.is_empty() && self.unanswered.capacity() > MAX_KEPT_CAPACITY {
            self.unanswered = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether everything is answered after this exchange: message types, with the server's in brackets.
    fn answered(conversation: &str) -> bool {
        let mut requests = Requests::default();
        let mut is_reply = false;
        for kind in conversation.bytes().filter(|kind| *kind != b' ') {
            match kind {
                b'[' | b']' => is_reply = kind == b'[',
                _ if is_reply => requests.note_reply(kind),
                _ => requests.follow(&[kind, 0, 0, 0, 5, 0]),
            }
        }
        requests.are_answered()
    }

    /// Checks that everything is answered at the end of the exchange, and not earlier.
    #[track_caller]
    fn check(conversation: &str) {
        assert!(answered(conversation), "{conversation}");
        let early = conversation.strip_suffix("Z]").unwrap();
        assert!(!answered(&format!("{early}]")), "{early}");
        // Before each of the server's messages, an answer is missing.
        for (at, _) in conversation.match_indices('[') {
            let asked = &conversation[..at];
            assert!(!answered(asked), "{asked}");
        }
    }

    #[test]
    fn each_request_waits_for_its_answer() {
        for conversation in [
            "Q[TDCZ]",
            "F[VZ]",
            "PBDES[12TDCZ]",
            "QQ[CZ][CZ]",
            "PBES PBES Q[12CZ 12CZ CZ]",
            "PBEH[12C]S[Z]",
            "PDS[1tnZ]",
            "PBECS[12s3Z]",
            "Q[CZ]PBES[12IZ]",
            "PBE Q[12C TDCZ]",
        ] {
            check(conversation);
        }
        assert!(answered(""));
        // Only the first request is answered.
        assert!(!answered("S PBE[Z]"));
        assert!(!answered("QS[Z]"));
        assert!(!answered("PBEH[12C]"));
        assert!(!answered("Q[CZZZ]S"));
    }

    #[test]
    fn an_error_skips_to_the_next_sync() {
        for conversation in [
            "PBES[EZ]",
            "PBE[E]QS[Z]",
            "PBE[E]Q Q F S[Z]",
            "PBE[E]QdcfPBES[Z]",
            "PBE Q S[EZ]",
            "PBE Q S Q[EZ CZ]",
            "PBE Q PBE S Q[1E Z CZ]",
            // The query's own error skips nothing.
            "PBE Q S[12C EZ Z]",
            "PBE Q[12C EZ]",
            "Q PBES[EZ 12CZ]",
            "F[EZ]S[Z]",
            // Sync itself fails, when it commits.
            "PBES Q[12CEZ CZ]",
            "PBES PBES[EZ EZ]",
            "PBE[E]P[]B[]S[Z]Q[CZ]",
        ] {
            check(conversation);
        }
        assert!(!answered("PBE[E]"));
        assert!(!answered("PBE[E]Q"));
        assert!(!answered("PBE Q[E]"));
    }

    #[test]
    fn copy_ignores_syncs() {
        for conversation in [
            "Q[G]ddc[CZ]",
            "Q[G]ddf[EZ]",
            "Q[G]Sdc[CZ]",
            // Two COPYs in one query.
            "Q[CG]dc[CG]dc[CZ]",
            // The client still sends data after the COPY failed.
            "Q[GE]ddcQ[Z Z]",
            "PBES[12G]ddcS[CZ]",
            "PBES[12G]ddfS[EZ]",
            "PBES[12GE]S[Z]",
            "PBES[12GE]dcS[Z]",
            // The server reads the Sync after the data, when the COPY has failed.
            "PBES[12G]dS Q[E Z CZ]",
            "PBES[12GE]dcQS[Z]",
            "Q PBES[Z 12G]ddcS[CZ]",
            "PBES[12CZ]PBES[12G]dcS[CZ]Q[Z]",
            // Sent without waiting for the server.
            "Qdc[GCZ]",
            "QdcQdc[GCZ GCZ]",
            "QdcQ[EZ CZ]",
            "PBEdcS[12GCZ]",
            "PBEdcS[EZ]",
            "PBEdcS PBEdcS[12GCZ 12GCZ]",
            "PBEdcS PBEdcS[12CZ 12GCZ]",
        ] {
            check(conversation);
        }
        // A CopyDone after a failed query does not end a later COPY.
        check("Q[EZ]dcPBES[12G]dcS[CZ]");
    }

    #[test]
    fn an_invalid_stream_never_counts_as_answered() {
        let mut requests = Requests::default();
        for (bytes, expected) in [
            (&b"d\0\0"[..], false),
            (b"\0\x06x", false),
            (b"y", true),
            (b"Q\0\0\0\x03", false),
            (b"S\0\0\0\x04", false),
        ] {
            requests.follow(bytes);
            assert_eq!(requests.are_answered(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn messages_without_an_answer_do_not_fill_the_queue() {
        let mut requests = Requests::default();
        requests.follow(b"Q\0\0\0\x04");
        requests.note_reply(server::COPY_IN_RESPONSE);
        for _ in 0..10_000 {
            requests.follow(b"S\0\0\0\x04d\0\0\0\x04d\0\0\0\x04H\0\0\0\x04");
        }
        assert!(
            requests.unanswered.len() < 4,
            "{}",
            requests.unanswered.len()
        );
        requests.follow(b"c\0\0\0\x04");
        requests.note_reply(server::COMMAND_COMPLETE);
        requests.note_reply(server::READY_FOR_QUERY);
        assert!(requests.are_answered());
    }
}
