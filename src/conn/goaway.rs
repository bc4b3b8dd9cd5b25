//! Asking a server for GoAway, and asking no more where the request itself did harm.

use crate::conninfo::params::GoAwayMode;

/// The startup packet's key.
pub const KEY: &[u8] = b"_pq_.goaway";
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
}

impl GoAwayRequest {
    pub fn new(mode: GoAwayMode) -> GoAwayRequest {
        GoAwayRequest {
            mode,
            unwilling: Vec::new(),
            current: Vec::new(),
            asking: false,
        }
    }

    /// Begins with an address; `wanted` is false for connections that never ask.
    pub fn begin_address(&mut self, key: &[u8], wanted: bool) {
        self.current = key.to_vec();
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
}

/// Whether an error in reply to a startup packet with the key calls for a try without it.
/// `first` says that nothing came before it.
pub fn is_blamed(sqlstate: Option<&[u8]>, message: &[u8], first: bool) -> bool {
    let protocol_error = matches!(sqlstate, Some(b"08P01" | b"42704"));
    (first && protocol_error) || memchr::memmem::find(message, b"_pq_").is_some()
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
    fn only_certain_errors_are_blamed_on_the_key() {
        assert!(is_blamed(
            Some(b"08P01"),
            b"unsupported startup parameter",
            true
        ));
        assert!(!is_blamed(Some(b"08P01"), b"unsupported", false));
        assert!(!is_blamed(Some(b"28P01"), b"wrong password", true));
        assert!(is_blamed(None, b"unrecognized \"_pq_.goaway\"", false));
    }
}
