//! What a client has asked for and the server still owes it.
//!
//! The server takes what the client sends in order, and answers each Query, FunctionCall and Sync with a ReadyForQuery,
//! with these exceptions:
//!
//! - After an error in a message of the extended protocol it skips everything up to the next Sync.
//! - While it reads the data of COPY FROM STDIN it ignores Sync. Drivers send one behind the Execute that begins such a
//!   COPY.
//! - Data of a COPY, and the end of it, that come when there is no COPY (any more) are ignored.
//!
//! So what was sent is kept in order until it is answered, and an answer counts for the first that is left. Each message
//! of the extended protocol but Flush has one message that ends its answer. By that the error of such a message can be
//! told from the error of a query behind it.

use std::collections::VecDeque;

use pq_protocol::codes::{client, server};

use crate::framer::{Framer, Part};

/// What the server takes alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Parse, Bind, Describe, Execute, Close.
    Extended,
    /// Query or FunctionCall: a ReadyForQuery answers it, unless it is skipped.
    Query,
    Sync,
    /// CopyData, any number of them.
    Data,
    /// CopyDone or CopyFail.
    DataEnd,
}

/// So many of a kind, one after the other.
#[derive(Debug, Clone, Copy)]
struct Run {
    kind: Kind,
    count: u32,
}

/// A client's stream, followed as it comes.
#[derive(Debug, Default)]
pub struct Requests {
    framer: Framer,
    /// The client's stream makes no sense; what comes of it is the server's to say.
    is_nonsense: bool,
    /// What the server has not answered. It is no longer than what the sockets hold: what the server takes and never
    /// answers is dropped, or of one kind.
    unanswered: VecDeque<Run>,
    /// Something of the extended protocol was sent behind the last Query or Sync, and waits for its Sync.
    is_open: bool,
    /// The server skips what comes, up to a Sync.
    is_skipping: bool,
    /// The server reads COPY's data.
    is_copying: bool,
}

/// A queue that has grown beyond this is not kept when it is empty.
const KEPT: usize = 64;

impl Requests {
    /// Whether the server has answered everything.
    pub fn are_answered(&self) -> bool {
        self.unanswered.is_empty()
            && !self.is_open
            && !self.is_skipping
            && !self.is_nonsense
            && self.framer.is_at_boundary()
    }

    /// Takes in what the client sent.
    pub fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_nonsense {
            match self.framer.next(bytes) {
                Ok((part, rest)) => {
                    bytes = rest;
                    if let Part::Header(kind) = part {
                        self.note(kind);
                    }
                }
                Err(_) => self.is_nonsense = true,
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
            // Where nothing is under way no COPY can be.
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

    /// A Sync between two pieces of a COPY's data was ignored, and is forgotten.
    fn push_data(&mut self) {
        let mut last = self.unanswered.iter().rev().map(|run| run.kind);
        if self.is_copying && last.next() == Some(Kind::Sync) && last.next() == Some(Kind::Data) {
            self.unanswered.pop_back();
        }
        self.push(Kind::Data);
    }

    /// Takes in a message of the server's, of this type.
    pub fn note_reply(&mut self, kind: u8) {
        match kind {
            // The answers to Parse, Bind, Close, Describe and Execute end with one of these.
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

    /// Takes one away at the front.
    fn pop(&mut self) {
        if let Some(run) = self.unanswered.front_mut() {
            run.count -= 1;
            if run.count == 0 {
                self.unanswered.pop_front();
            }
        }
    }

    /// Takes away what is of these kinds at the front.
    fn drop_all(&mut self, kinds: &[Kind]) {
        while self.front().is_some_and(|kind| kinds.contains(&kind)) {
            self.unanswered.pop_front();
        }
    }

    /// Data of a COPY that has ended, or never was, is ignored.
    fn drop_data(&mut self) {
        self.drop_all(&[Kind::Data, Kind::DataEnd]);
    }

    fn note_completion(&mut self) {
        if self.front() == Some(Kind::Extended) {
            self.pop();
            // An Execute that was no COPY.
            if self.front() != Some(Kind::Extended) {
                self.drop_data();
            }
        }
    }

    /// The COPY is complete: the server has read its data, and ignored each Sync before the end of it.
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
            // Its ReadyForQuery is still to come, and may be another COPY's before.
            self.unanswered.push_front(began);
        }
    }

    fn note_error(&mut self) {
        let was_copying = std::mem::take(&mut self.is_copying);
        match self.front() {
            Some(Kind::Extended) => {
                self.unanswered.pop_front();
                if was_copying {
                    // Those before its data the server has passed, for the data is behind them.
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

    /// Takes away what the server skips. Without a Sync it goes on with what is still to come.
    fn skip(&mut self) {
        while self.front().is_some_and(|kind| kind != Kind::Sync) {
            self.unanswered.pop_front();
        }
        self.is_skipping = self.unanswered.is_empty();
    }

    fn note_ready(&mut self) {
        self.is_copying = false;
        self.is_skipping = false;
        // Nothing is left here unless the server counts in another way.
        self.drop_all(&[Kind::Extended, Kind::Data, Kind::DataEnd]);
        self.pop();
        self.drop_data();
        if self.unanswered.is_empty() && self.unanswered.capacity() > KEPT {
            self.unanswered = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A conversation: messages by their types, the server's in brackets. Whether all is answered at its end.
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

    /// All is answered at the end, and nothing earlier.
    #[track_caller]
    fn check(conversation: &str) {
        assert!(answered(conversation), "{conversation}");
        let early = conversation.strip_suffix("Z]").unwrap();
        assert!(!answered(&format!("{early}]")), "{early}");
        // Each time the server is heard it owes something.
        for (at, _) in conversation.match_indices('[') {
            let asked = &conversation[..at];
            assert!(!answered(asked), "{asked}");
        }
    }

    #[test]
    fn each_request_is_waited_for() {
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
        // The first is answered while the second has no Sync yet, or waits for it.
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
            // Of a Sync: at its commit.
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
            // Of a transaction block in one query.
            "Q[CG]dc[CG]dc[CZ]",
            // What was under way when COPY failed.
            "Q[GE]ddcQ[Z Z]",
            "PBES[12G]ddcS[CZ]",
            "PBES[12G]ddfS[EZ]",
            "PBES[12GE]S[Z]",
            "PBES[12GE]dcS[Z]",
            // The Sync behind the data is seen after the error.
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
        // The end of a COPY that had failed already is no other's.
        check("Q[EZ]dcPBES[12G]dcS[CZ]");
    }

    #[test]
    fn what_is_not_understood_makes_nothing_idle() {
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
    fn what_is_never_answered_takes_no_room() {
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
