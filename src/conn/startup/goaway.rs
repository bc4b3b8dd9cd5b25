//! Asking a server for GoAway, and asking no more where the request itself did harm.

use crate::conninfo::params::GoAwayMode;

/// Addresses remembered as unwilling, over all resets of a connection.
const MAX_REMEMBERED: usize = 256;

/// Whether to ask the address being tried.
#[derive(Debug)]
pub struct GoAwayRequest {
    mode: GoAwayMode,
    /// Addresses that broke on the request.
    unwilling: Vec<Vec<u8>>,
    current: Vec<u8>,
    asking: bool,
    /// The current address refused the request with this SQLSTATE, which says little. It is cleared of the suspicion if
    /// it refuses the try without the key alike.
    suspected: Option<Vec<u8>>,
}

/// How sure it is that an error is about the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    Certain,
    /// It may have any other reason: another try shows.
    Possible,
}

impl GoAwayRequest {
    pub fn new(mode: GoAwayMode) -> GoAwayRequest {
        GoAwayRequest {
            mode,
            unwilling: Vec::new(),
            current: Vec::new(),
            asking: false,
            suspected: None,
        }
    }

    /// Begins with an address; `wanted` is false for connections that never ask.
    pub fn begin_address(&mut self, key: &[u8], wanted: bool) {
        self.current = key.to_vec();
        self.suspected = None;
        let known = self.unwilling.iter().any(|address| address == key);
        self.asking = wanted && self.mode != GoAwayMode::Disable && !known;
    }

    /// Whether the startup packet carries the key.
    pub fn is_asked(&self) -> bool {
        self.asking
    }

    /// Never asks this address again; true when it had been asked, so that another try makes sense.
    pub fn give_up(&mut self) -> bool {
        if !self.asking {
            return false;
        }
        self.asking = false;
        if self.unwilling.len() < MAX_REMEMBERED {
            self.unwilling.push(self.current.clone());
        }
        true
    }

    /// Likewise, for an error that may have another reason.
    pub fn suspect(&mut self, sqlstate: Option<&[u8]>) -> bool {
        let again = self.give_up();
        if again {
            self.suspected = Some(sqlstate.unwrap_or_default().to_vec());
        }
        again
    }

    /// The first answer to a try without the key is an error, too. When it is the same, the key was not its reason: the
    /// next connection to this address asks again. This one does not, as another encryption may be the remedy.
    pub fn acquit(&mut self, sqlstate: Option<&[u8]>) {
        if self.suspected.as_deref() == Some(sqlstate.unwrap_or_default()) {
            self.suspected = None;
            let current = &self.current;
            self.unwilling.retain(|address| address != current);
        }
    }
}

/// An error in reply to a startup packet with the key.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    pub sqlstate: Option<&'a [u8]>,
    pub message: &'a [u8],
    /// Nothing came before it.
    pub first: bool,
    /// It tells which routine of the server's source raised it, as PostgreSQL's own errors do. PostgreSQL names the key
    /// if it is the reason; poolers and proxies have no such field.
    pub has_routine: bool,
}

/// Whether an error calls for a try without the key.
pub fn blame(refusal: Refusal<'_>) -> Option<Blame> {
    let named = memchr::memmem::find(refusal.message, b"_pq_").is_some();
    match refusal.sqlstate {
        _ if named => Some(Blame::Certain),
        _ if !refusal.first => None,
        Some(b"08P01" | b"42704") => Some(Blame::Certain),
        _ if refusal.has_routine => None,
        Some(state) if has_another_reason(state) => None,
        _ => Some(Blame::Possible),
    }
}

/// A wrong password, an unknown database, too little of something (class 53), a server that starts or stops (57).
fn has_another_reason(sqlstate: &[u8]) -> bool {
    matches!(sqlstate, b"28P01" | b"3D000" | [b'5', b'3' | b'7', ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_broke_is_not_asked_again() {
        let mut request = GoAwayRequest::new(GoAwayMode::Prefer);
        request.begin_address(b"a", true);
        assert!(request.is_asked());
        assert!(request.give_up());
        assert!(!request.give_up());
        request.begin_address(b"b", true);
        assert!(request.is_asked());
        request.begin_address(b"a", true);
        assert!(!request.is_asked());
    }

    #[test]
    fn disable_and_replication_never_ask() {
        let mut request = GoAwayRequest::new(GoAwayMode::Disable);
        request.begin_address(b"a", true);
        assert!(!request.is_asked());
        let mut request = GoAwayRequest::new(GoAwayMode::Notice);
        request.begin_address(b"a", false);
        assert!(!request.is_asked());
    }

    #[test]
    fn an_address_that_refuses_without_the_key_too_is_asked_again() {
        let mut request = GoAwayRequest::new(GoAwayMode::Prefer);
        request.begin_address(b"a", true);
        assert!(request.suspect(Some(b"28000")));
        request.acquit(Some(b"57P03"));
        request.begin_address(b"a", true);
        assert!(!request.is_asked());
        let mut request = GoAwayRequest::new(GoAwayMode::Prefer);
        request.begin_address(b"a", true);
        assert!(request.suspect(None));
        request.acquit(None);
        assert!(!request.is_asked());
        request.begin_address(b"a", true);
        assert!(request.is_asked());
        assert!(request.give_up());
        request.acquit(None);
        request.begin_address(b"a", true);
        assert!(!request.is_asked());
    }

    #[test]
    fn only_certain_errors_are_blamed_on_the_key() {
        let refusal = |sqlstate: Option<&'static [u8]>, first| Refusal {
            sqlstate,
            message: b"unsupported",
            first,
            has_routine: false,
        };
        let state = |state: &'static [u8], first| blame(refusal(Some(state), first));
        assert_eq!(state(b"08P01", true), Some(Blame::Certain));
        assert_eq!(state(b"08P01", false), None);
        for sqlstate in [&b"0A000"[..], b"22023", b"XX000", b"28000", b"58000"] {
            assert_eq!(state(sqlstate, true), Some(Blame::Possible));
            assert_eq!(state(sqlstate, false), None);
            let has_routine = true;
            let of_postgres = Refusal {
                has_routine,
                ..refusal(Some(sqlstate), true)
            };
            assert_eq!(blame(of_postgres), None);
        }
        for sqlstate in [&b"28P01"[..], b"3D000", b"53300", b"57P03", b"57P01"] {
            assert_eq!(state(sqlstate, true), None);
        }
        assert_eq!(blame(refusal(None, true)), Some(Blame::Possible));
        assert_eq!(blame(refusal(None, false)), None);
        let named = Refusal {
            message: b"unrecognized \"_pq_.goaway\"",
            has_routine: true,
            ..refusal(Some(b"28P01"), false)
        };
        assert_eq!(blame(named), Some(Blame::Certain));
    }
}
