//! What a client has asked for and the server still owes it.
//!
//! The server answers each Query, FunctionCall and Sync with a ReadyForQuery, in order. There are two exceptions. A
//! Sync that comes in the midst of COPY FROM STDIN is ignored; drivers send one behind the Execute that begins such a
//! COPY, and that is followed here. A Query that stands between an error and its Sync is skipped; no driver sends one,
//! and here it counts as owed: a doubt never makes a session idle.

use crate::framer::{Framer, Part};

/// A client's stream, followed as it comes.
#[derive(Debug, Default)]
pub struct Requests {
    framer: Framer,
    /// The client's stream makes no sense; what comes of it is the server's to say.
    is_nonsense: bool,
    /// Requests that a ReadyForQuery answers, the number of the last one that was no Sync, and how many are answered.
    sent: u64,
    last_query: u64,
    answered: u64,
    /// Something was sent behind the last of them, and waits for its Sync.
    is_open: bool,
    /// The server reads COPY's data and, of all else, skips Sync.
    is_copying: bool,
    /// Ends of COPY's data that were sent before the server said that it begins.
    early_ends: u64,
}

impl Requests {
    /// Whether the server has answered everything.
    pub fn are_answered(&self) -> bool {
        self.sent == self.answered
            && !self.is_open
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
            b'Q' | b'F' => {
                self.sent += 1;
                self.last_query = self.sent;
            }
            b'S' => {
                self.sent += 1;
                self.is_open = false;
            }
            b'P' | b'B' | b'E' | b'D' | b'C' => self.is_open = true,
            b'c' | b'f' if self.is_copying => self.end_copying(),
            b'c' | b'f' if !self.are_all_ready() => self.early_ends += 1,
            _ => {}
        }
    }

    fn are_all_ready(&self) -> bool {
        self.sent == self.answered && !self.is_open
    }

    /// The syncs that were sent since COPY began are those it ignored, unless a query began it.
    fn end_copying(&mut self) {
        self.is_copying = false;
        if self.last_query <= self.answered {
            self.answered = self.sent;
            self.is_open = true;
        }
    }

    /// Takes in a message of the server's, of this type.
    pub fn note_reply(&mut self, kind: u8) {
        match kind {
            b'Z' => {
                self.answered = self.sent.min(self.answered + 1);
                self.is_copying = false;
                if self.are_all_ready() {
                    self.early_ends = 0;
                }
            }
            // What the server answers now stands before the end that was sent already.
            b'G' if self.early_ends > 0 => self.early_ends -= 1,
            b'G' => self.is_copying = true,
            b'E' if self.is_copying => self.end_copying(),
            _ => {}
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

    #[track_caller]
    fn check(conversation: &str) {
        assert!(answered(conversation), "{conversation}");
        // Nor is it before the last ReadyForQuery.
        let early = conversation.strip_suffix("Z]").unwrap();
        assert!(!answered(&format!("{early}]")), "{early}");
    }

    #[test]
    fn each_request_is_waited_for() {
        for conversation in [
            "Q[TDCZ]",
            "F[VZ]",
            "PBDES[12TDCZ]",
            "QQ[CZ][CZ]",
            "PBES PBES Q[CZ CZ CZ]",
            "PBEH[C]S[Z]",
            "Q[CZ]PBES[CZ]",
        ] {
            check(conversation);
        }
        assert!(answered(""));
        // The first is answered while the second has no Sync yet, or waits for it.
        assert!(!answered("S PBE[Z]"));
        assert!(!answered("QS[Z]"));
    }

    #[test]
    fn copy_ignores_syncs() {
        for conversation in [
            "Q[G]ddc[CZ]",
            "Q[G]ddf[EZ]",
            // Of a transaction block in one query.
            "Q[CG]dc[CG]dc[CZ]",
            // What was under way when COPY failed.
            "Q[GE]ddcQ[Z Z]",
            "PBES[G]ddcS[CZ]",
            "PBES[12G]ddfS[EZ]",
            "PBES[GE]S[Z]",
            "PBES[GE]dcS[Z]",
            "Q PBES[Z G]ddcS[CZ]",
            "PBES[Z]PBES[G]dcS[CZ]Q[Z]",
            // Sent without waiting for the server.
            "Qdc[GCZ]",
            "QdcQdc[GCZ GCZ]",
            "PBEdcS[GCZ]",
            "PBEdcS PBEdcS[GCZ GCZ]",
        ] {
            check(conversation);
        }
        // The end of a COPY that had failed already is no other's.
        assert!(answered("Q[EZ]dcPBES[G]dcS[CZ]"));
    }

    #[test]
    fn a_doubt_makes_nothing_idle() {
        // The query is skipped.
        assert!(!answered("PBE[E]QS[Z]"));
        assert!(!answered("Q[CZZZ]S"));
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
}
