//! Closing connections.

use crate::client::gss::GssState;
use crate::client::io;
use crate::client::tls_files::KeyPassword;
use crate::client::{Connection, Waiting, without_cancellation};
use crate::net::stream::Stream;
use crate::net::sys;

impl Connection {
    /// Closes the socket of the last physical connection. With `keeps_number`, keeps it open until the next socket takes over
    /// its descriptor number.
    pub(super) fn begin_physical_connection(&mut self, keeps_number: bool) {
        let last = self.stream.take().or(self.retired.take());
        self.close_socket();
        self.retired = last.filter(|_| keeps_number);
        self.session.start_over();
        self.write_error = None;
        self.late = None;
        self.send_failure = None;
        self.receiving = false;
        self.gss = GssState::default();
        self.key_password = KeyPassword::default();
    }

    pub(super) fn close_socket(&mut self) {
        self.stream = None;
        self.retired = None;
        self.session.drop_connection(false);
    }

    /// Sends Terminate if the connection is open, closes it, and forgets the server (libpq: pqClosePGconn).
    pub fn close(&mut self) {
        without_cancellation(|| {
            self.say_goodbye();
            self.close_socket();
            self.end_flow();
        });
        self.session.close();
        if let Some(startup) = &mut self.startup {
            startup.forget_token();
        }
        self.write_error = None;
        self.late = None;
        self.send_failure = None;
        self.waited = None;
        self.receiving = false;
        self.read_size = 0;
        self.send_size = io::SEND_THRESHOLD;
        self.waiting = Waiting::Nothing;
    }

    fn say_goodbye(&mut self) {
        // A forked child must not end its parent's session.
        let own = self.process == sys::process_id();
        if own && self.stream.is_some() && self.session.is_open() {
            // There is always room for a Terminate. Nobody waits for the result.
            if self.session.send_terminate().is_ok() {
                self.session.set_nonblocking(true);
                self.flush();
                self.end_encryption();
            }
        }
    }

    /// Ends the encrypted stream, so that the server does not take it for truncated.
    fn end_encryption(&mut self) {
        if let Some(Stream::Tls(tls)) = &mut self.stream {
            tls.say_goodbye();
        }
    }
}
