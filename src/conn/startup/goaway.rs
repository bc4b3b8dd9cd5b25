//! Decides whether the startup packet has the GoAway key. Servers that reject the key do not get it again.

use crate::conninfo::params::GoAwayMode;

/// The limit on addresses remembered, over all resets of a connection.
const MAX_REMEMBERED: usize = 256;

/// Whether to send the key to the current address.
#[derive(Debug)]
pub struct GoAwayRequest {
    mode: GoAwayMode,
    /// Addresses that rejected the key.
    rejecting: Vec<Vec<u8>>,
    current: Vec<u8>,
    sends_key: bool,
    /// How the connection with the key failed, if that does not prove that the key was the reason. The retry without the key
    /// shows it.
    suspicion: Option<Failure>,
}

/// How a server ended a connection before it answered anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It closed it.
    Closed,
    /// It sent an error with this SQLSTATE.
    Error(Option<Vec<u8>>),
}

impl Failure {
    pub fn error(sqlstate: Option<&[u8]>) -> Failure {
        Failure::Error(sqlstate.map(<[u8]>::to_vec))
    }

    fn has_another_reason(&self) -> bool {
        matches!(self, Failure::Error(Some(sqlstate)) if has_another_reason(sqlstate))
    }
}

/// How certain it is that a server rejected the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    Certain,
    /// The retry without the key shows the reason.
    Possible,
}

impl GoAwayRequest {
    pub fn new(mode: GoAwayMode) -> GoAwayRequest {
        GoAwayRequest {
            mode,
            rejecting: Vec::new(),
            current: Vec::new(),
            sends_key: false,
            suspicion: None,
        }
    }

    /// Starts with an address. `wanted` is false for connections that never send the key.
    pub fn begin_address(&mut self, key: &[u8], wanted: bool) {
        self.current = key.to_vec();
        self.suspicion = None;
        let known = self.rejecting.iter().any(|address| address == key);
        self.sends_key = wanted && self.mode != GoAwayMode::Disable && !known;
    }

    /// Whether the startup packet has the key.
    pub fn sends_key(&self) -> bool {
        self.sends_key
    }

    /// Stops sending the key to this address. True if it was sent, so that a retry makes sense.
    pub fn stop_sending(&mut self) -> bool {
        let sent = std::mem::take(&mut self.sends_key);
        if sent {
            self.remember();
        }
        sent
    }

    /// The same, for a failure that may have another reason. The next connection to this address sends the key again, unless the
    /// retry shows that the key was the reason.
    pub fn stop_sending_to_retry(&mut self, failure: Failure) -> bool {
        let sent = std::mem::take(&mut self.sends_key);
        if sent {
            self.suspicion = Some(failure);
        }
        sent
    }

    /// The retry without the key is answered, perhaps with an error. If it gets further than with the key, or to another error,
    /// the key was the reason.
    pub fn retry_answered(&mut self, failure: Option<Failure>) {
        let suspicion = self.suspicion.take();
        let state_of_server = failure.as_ref().is_some_and(Failure::has_another_reason);
        if suspicion.is_some() && suspicion != failure && !state_of_server {
            self.remember();
        }
    }

    fn remember(&mut self) {
        if self.rejecting.len() < MAX_REMEMBERED {
            self.rejecting.push(self.current.clone());
        }
    }
}

/// An error in reply to a startup packet.
#[derive(Debug, Clone, Copy)]
pub struct ServerError<'a> {
    pub sqlstate: Option<&'a [u8]>,
    pub message: &'a [u8],
    /// No other message came before it.
    pub first: bool,
    /// It names the routine of the server's source that raised it, as PostgreSQL's own errors do. PostgreSQL names the key if
    /// the key is the reason. Poolers and proxies have no such field.
    pub has_routine: bool,
}

/// Whether an error shows that the server rejected the key, so that a retry without it is needed.
pub fn rejection(error: ServerError<'_>) -> Option<Rejection> {
    let named = memchr::memmem::find(error.message, b"_pq_.goaway").is_some();
    match error.sqlstate {
        // These can quote the name of a role or a database, which may contain that of the key.
        Some(state) if has_another_reason(state) => None,
        Some([b'2', b'8', ..]) => {
            (error.first && !error.has_routine).then_some(Rejection::Possible)
        }
        _ if named => Some(Rejection::Certain),
        _ if !error.first => None,
        Some(b"08P01" | b"42704") => Some(Rejection::Possible),
        _ if error.has_routine => None,
        _ => Some(Rejection::Possible),
    }
}

/// A wrong password, an unknown database, insufficient resources (class 53), a server that starts or stops (57).
fn has_another_reason(sqlstate: &[u8]) -> bool {
    matches!(sqlstate, b"28P01" | b"3D000" | [b'5', b'3' | b'7', ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn does_not_send_the_key_again_to_an_address_that_rejected_it() {
        let mut request = GoAwayRequest::new(GoAwayMode::Prefer);
        request.begin_address(b"a", true);
        assert!(request.sends_key());
        assert!(request.stop_sending());
        assert!(!request.stop_sending());
        request.begin_address(b"b", true);
        assert!(request.sends_key());
        request.begin_address(b"a", true);
        assert!(!request.sends_key());
    }

    #[test]
    fn never_sends_the_key_with_disable_or_replication() {
        let mut request = GoAwayRequest::new(GoAwayMode::Disable);
        request.begin_address(b"a", true);
        assert!(!request.sends_key());
        let mut request = GoAwayRequest::new(GoAwayMode::Notice);
        request.begin_address(b"a", false);
        assert!(!request.sends_key());
    }

    /// Whether the next connection sends the key, if one with the key failed so, and the retry was answered so.
    fn sends_key_after(failure: Failure, answer: Option<Option<Failure>>) -> bool {
        let mut request = GoAwayRequest::new(GoAwayMode::Prefer);
        request.begin_address(b"a", true);
        assert!(request.stop_sending_to_retry(failure.clone()));
        assert!(!request.stop_sending_to_retry(failure));
        if let Some(answer) = answer {
            request.retry_answered(answer);
        }
        assert!(!request.sends_key());
        request.begin_address(b"a", true);
        request.sends_key()
    }

    #[test]
    fn sends_the_key_again_unless_the_retry_gets_another_answer() {
        let error = |sqlstate: &'static [u8]| Failure::error(Some(sqlstate));
        for failure in [error(b"28000"), Failure::error(None), Failure::Closed] {
            assert!(sends_key_after(
                failure.clone(),
                Some(Some(failure.clone()))
            ));
            assert!(sends_key_after(failure.clone(), None));
            assert!(!sends_key_after(failure.clone(), Some(None)));
            assert!(sends_key_after(
                failure.clone(),
                Some(Some(error(b"57P03")))
            ));
            assert!(!sends_key_after(failure, Some(Some(error(b"XX000")))));
        }
    }

    #[test]
    fn an_answer_without_a_retry_shows_nothing() {
        let mut request = GoAwayRequest::new(GoAwayMode::Prefer);
        for answer in [None, Some(Failure::error(None))] {
            request.begin_address(b"a", true);
            request.retry_answered(answer);
            request.begin_address(b"a", true);
            assert!(request.sends_key());
        }
    }

    #[test]
    fn a_name_like_the_key_is_no_rejection() {
        let error = |sqlstate: &'static [u8], message: &'static [u8], first| ServerError {
            sqlstate: Some(sqlstate),
            message,
            first,
            has_routine: true,
        };
        for first in [true, false] {
            let named = b"unrecognized configuration parameter \"_pq_.goaway\"";
            let certain = rejection(error(b"42704", named, first));
            assert_eq!(certain, Some(Rejection::Certain));
            let alike = b"invalid value \"my_pq_.db\"";
            assert_eq!(rejection(error(b"22023", alike, first)), None);
            let name = b"\"a_pq_.goawayb\" does not exist";
            for sqlstate in [&b"28000"[..], b"28P01", b"3D000", b"53300", b"57P03"] {
                assert_eq!(rejection(error(sqlstate, name, first)), None);
            }
        }
        let of_a_pooler = ServerError {
            has_routine: false,
            ..error(b"28000", b"no role \"_pq_.goaway\"", true)
        };
        assert_eq!(rejection(of_a_pooler), Some(Rejection::Possible));
    }

    #[test]
    fn retries_without_the_key_after_certain_errors_only() {
        let error = |sqlstate: Option<&'static [u8]>, first| ServerError {
            sqlstate,
            message: b"unsupported",
            first,
            has_routine: false,
        };
        let state = |state: &'static [u8], first| rejection(error(Some(state), first));
        assert_eq!(state(b"08P01", true), Some(Rejection::Possible));
        assert_eq!(state(b"08P01", false), None);
        for sqlstate in [&b"0A000"[..], b"22023", b"XX000", b"28000", b"58000"] {
            assert_eq!(state(sqlstate, true), Some(Rejection::Possible));
            assert_eq!(state(sqlstate, false), None);
            let has_routine = true;
            let of_postgres = ServerError {
                has_routine,
                ..error(Some(sqlstate), true)
            };
            assert_eq!(rejection(of_postgres), None);
        }
        for sqlstate in [&b"28P01"[..], b"3D000", b"53300", b"57P03", b"57P01"] {
            assert_eq!(state(sqlstate, true), None);
        }
        assert_eq!(rejection(error(None, true)), Some(Rejection::Possible));
        assert_eq!(rejection(error(None, false)), None);
        let named = ServerError {
            message: b"unrecognized \"_pq_.goaway\"",
            has_routine: true,
            ..error(Some(b"22023"), false)
        };
        assert_eq!(rejection(named), Some(Rejection::Certain));
    }
}
