//! The order in which hosts and addresses are tried.

use super::auth_state::Authentication;
use super::encryption::{Encryption, Method};
use super::{Address, DEFAULT_PORT, Next, Purpose, Startup, Target, Want};
use crate::conn::session::Session;
use crate::conn::status::Phase;
use crate::conninfo::integer;
use crate::conninfo::options::Opt;
use crate::conninfo::params::TargetSessionAttrs;
use crate::mem::error_text::ErrorText;

impl Startup {
    /// Acts on the failure of a physical connection.
    pub(super) fn try_next(&mut self, session: &mut Session, next: Next) -> Option<Want> {
        match next {
            Next::RetryWithoutGoAway => {
                session.truncate_errors(self.error_mark);
                let keep_descriptor = true;
                self.enter(session, Phase::NewConnection { keep_descriptor });
            }
            Next::Same => self.reconnect_to_address(session),
            Next::Address if self.address + 1 < self.addresses.len() => {
                self.address += 1;
                self.begin_address(session);
            }
            Next::Address => {
                // libpq: closes the socket of the last address before it looks for another host.
                self.advance_to(Next::Host);
                let keep_descriptor = false;
                return Some(Want::Close { keep_descriptor });
            }
            Next::Host => self.next_host(session),
            Next::Fail => {
                session.mark_closed();
                return Some(Want::Failed);
            }
        }
        None
    }

    fn reconnect_to_address(&mut self, session: &mut Session) {
        let keep_descriptor = false;
        self.enter(session, Phase::NewConnection { keep_descriptor });
    }

    pub(super) fn next_host(&mut self, session: &mut Session) {
        let prefer_standby = Target::Wanted(TargetSessionAttrs::PreferStandby);
        if self.cancel.is_some() {
            self.fail();
        } else if self.host + 1 < self.params.hosts.len() {
            self.host += 1;
            self.begin_host(session);
        } else if self.target == prefer_standby {
            // No standby was found: accept any server.
            self.target = Target::Anything;
            self.host = 0;
            self.begin_host(session);
        } else {
            self.fail();
        }
    }

    pub(super) fn begin_host(&mut self, session: &mut Session) {
        self.addresses.clear();
        self.address = 0;
        self.enter(session, Phase::Resolving);
    }

    pub(super) fn resolve(&mut self, session: &mut Session) -> Option<Want> {
        let text = match self.host().port.as_deref() {
            None | Some(b"") => return Some(Want::Resolve(DEFAULT_PORT)),
            Some(text) => text,
        };
        match integer::parse(text, "port") {
            Err(message) => self.fail_with(session, message),
            Ok(number) => match u16::try_from(number) {
                Ok(port) if port > 0 => return Some(Want::Resolve(port)),
                _ => {
                    let message = [b"invalid port number: \"", text, b"\""].concat();
                    session.add_error(message);
                    self.advance_to(Next::Host);
                }
            },
        }
        None
    }

    /// The addresses of the current host, or an error text.
    pub fn resolved(&mut self, session: &mut Session, found: Result<Vec<Address>, ErrorText>) {
        match found {
            Ok(addresses) if !addresses.is_empty() => {
                self.addresses = addresses;
                self.address = 0;
                self.begin_address(session);
            }
            Ok(_) => self.advance_to(Next::Host),
            Err(message) => {
                session.add_error(message);
                self.advance_to(Next::Host);
            }
        }
    }

    /// Resets the state that is shared by all connections to one address.
    pub(super) fn begin_address(&mut self, session: &mut Session) {
        self.attempt += 1;
        self.send_application_name = true;
        let key = self.addresses.get(self.address).map(|a| a.key.as_slice());
        let asks =
            self.purpose == Purpose::Session && self.options.non_empty(Opt::Replication).is_none();
        self.goaway.begin_address(key.unwrap_or_default(), asks);
        self.encryption = Encryption::default();
        self.reconnect_to_address(session);
    }

    pub(super) fn new_connection(&mut self, session: &mut Session, keep_descriptor: bool) -> Want {
        self.auth = Authentication::default();
        self.in_use = Method::Plain;
        self.tls = None;
        self.negotiated = false;
        self.replied = false;
        self.enter(session, Phase::Opening);
        Want::Close { keep_descriptor }
    }
}
