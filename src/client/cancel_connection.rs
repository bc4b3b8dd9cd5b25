//! Nonblocking cancel requests over their own connections, encrypted like the connection to cancel.

use super::connect::described;
use super::polling::Polling;
use super::{Connection, Pause};
use crate::conn::startup::{CancelKey, Startup};
use crate::conn::status::ConnStatus;

impl Connection {
    /// A connection that cancels the command of `original`. Its status is Allocated, or Bad with an error text.
    pub fn for_cancelling(original: Option<&Connection>) -> Connection {
        let mut connection = Connection::new();
        match original.map_or(Err("connection pointer is NULL"), Connection::cancelling) {
            Ok((startup, addresses)) => {
                connection.startup = Some(startup);
                connection.addresses = addresses;
                connection.session.mark_allocated();
            }
            Err(reason) => connection.session.add_error(reason),
        }
        connection
    }

    /// The startup state for a cancel request, and its only address.
    fn cancelling(&self) -> Result<(Startup, Vec<socket2::SockAddr>), &'static str> {
        let (Some(_), Some(startup), Some(address)) = (&self.stream, &self.startup, &self.address)
        else {
            return Err("connection not open");
        };
        let server = self.session.server();
        if server.key.is_empty() {
            return Err("no cancellation key received");
        }
        let key = CancelKey {
            process: server.process,
            key: server.key.clone(),
        };
        let startup = startup.for_cancel(described(address), key);
        Ok((startup, vec![address.clone()]))
    }

    /// Starts a request (PQcancelStart). False if it failed at once.
    pub fn start_cancel(&mut self) -> Result<bool, Pause> {
        match self.session.status() {
            ConnStatus::Bad => Ok(false),
            ConnStatus::Allocated => self.start(),
            _ => {
                let reason = "cancel request is already being sent on this connection";
                self.session.mark_closed();
                Ok(self.refuse(reason))
            }
        }
    }

    /// Continues a request as far as possible without waiting (PQcancelPoll).
    pub fn poll_cancel(&mut self) -> Result<Polling, Pause> {
        if self.session.status() == ConnStatus::Allocated {
            // Polled before it was started.
            self.refuse("invalid connection state, probably indicative of memory corruption");
            self.session.mark_closed();
        }
        self.poll_connect()
    }

    /// Prepares the connection for another request.
    pub fn reset_cancel(&mut self) {
        self.close();
        self.session.mark_allocated();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelling_nothing_is_an_error() {
        let mut none = Connection::for_cancelling(None);
        assert_eq!(none.status(), ConnStatus::Bad);
        assert_eq!(none.errors().to_bytes(), b"connection pointer is NULL\n");
        assert!(matches!(none.start_cancel(), Ok(false)));
        assert!(matches!(none.poll_cancel(), Ok(Polling::Failed)));
        assert_eq!(none.errors().to_bytes(), b"connection pointer is NULL\n");
        let closed = Connection::for_cancelling(Some(&none));
        assert_eq!(closed.errors().to_bytes(), b"connection not open\n");
    }

    #[test]
    fn a_connection_without_a_target_still_fails_after_a_reset() {
        let mut none = Connection::for_cancelling(None);
        none.reset_cancel();
        assert_eq!(none.status(), ConnStatus::Allocated);
        assert_eq!(none.errors().to_bytes(), b"");
        assert!(matches!(none.start_cancel(), Ok(false)));
        assert_eq!(none.status(), ConnStatus::Bad);
    }

    #[test]
    fn polling_before_the_start_fails() {
        let mut none = Connection::for_cancelling(None);
        none.reset_cancel();
        assert!(matches!(none.poll_cancel(), Ok(Polling::Failed)));
        assert_eq!(none.status(), ConnStatus::Bad);
        assert!(
            none.errors()
                .to_bytes()
                .starts_with(b"invalid connection state")
        );
    }
}
