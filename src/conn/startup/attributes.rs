//! `target_session_attrs`: whether the connected server is acceptable.

use super::{Next, Startup, Target, Want};
use crate::conn::session::Session;
use crate::conn::session::collect::Collected;
use crate::conn::status::Phase;
use crate::conninfo::params::TargetSessionAttrs;
use crate::result::status::Status;
use crate::result::store::PgResultBox;

const SHOW_READ_ONLY: &str = "SHOW transaction_read_only";
const IS_IN_RECOVERY: &str = "SELECT pg_catalog.pg_is_in_recovery()";
/// The query, as libpq's error text calls it.
const IS_IN_RECOVERY_NAME: &str = "SELECT pg_is_in_recovery()";
/// Older servers have no hot standby.
const FIRST_STANDBY_VERSION: i32 = 90_000;

impl Startup {
    pub(super) fn check_target(&mut self, session: &mut Session) -> Option<Want> {
        let wanted = match self.target {
            Target::Anything => TargetSessionAttrs::Any,
            Target::Wanted(wanted) => wanted,
        };
        match wanted {
            TargetSessionAttrs::Any => Some(self.accept_session(session)),
            TargetSessionAttrs::ReadWrite | TargetSessionAttrs::ReadOnly => {
                self.check_read_only(session, wanted == TargetSessionAttrs::ReadOnly)
            }
            TargetSessionAttrs::Primary
            | TargetSessionAttrs::Standby
            | TargetSessionAttrs::PreferStandby => {
                self.check_standby(session, wanted != TargetSessionAttrs::Primary)
            }
        }
    }

    fn check_read_only(&mut self, session: &mut Session, wanted: bool) -> Option<Want> {
        let server = session.server();
        let (Some(read_only), Some(standby)) = (server.default_read_only, server.in_hot_standby)
        else {
            return self.probe(session, SHOW_READ_ONLY, Phase::ProbeWritable);
        };
        if (read_only || standby) == wanted {
            return Some(self.accept_session(session));
        }
        Some(self.reject(
            session,
            if wanted {
                "session is not read-only"
            } else {
                "session is read-only"
            },
        ))
    }

    fn check_standby(&mut self, session: &mut Session, wanted: bool) -> Option<Want> {
        if session.server().version < FIRST_STANDBY_VERSION {
            session.server_mut().in_hot_standby = Some(false);
        }
        match session.server().in_hot_standby {
            None => self.probe(session, IS_IN_RECOVERY, Phase::ProbeStandby),
            Some(standby) if standby == wanted => Some(self.accept_session(session)),
            Some(true) => Some(self.reject(session, "server is in hot standby mode")),
            Some(false) => Some(self.reject(session, "server is not in hot standby mode")),
        }
    }

    fn accept_session(&mut self, session: &mut Session) -> Want {
        if let Some(notice) = self.unencrypted_notice(session) {
            return Want::Notice(notice);
        }
        session.clear_errors();
        session.mark_open();
        self.forget_token();
        Want::Done
    }

    /// Ends the session with a Terminate and tries the next host.
    fn reject(&mut self, session: &mut Session, reason: &str) -> Want {
        session.add_error(reason);
        // There is always room for a Terminate.
        let _ = session.send_terminate();
        self.advance_to(Next::Host);
        Want::Write
    }

    /// Sends a query. Keeps the error text of the hosts tried before.
    fn probe(&mut self, session: &mut Session, query: &str, phase: Phase) -> Option<Want> {
        let sent = session
            .check_ready_for_command()
            .and_then(|()| session.send_query(query.as_bytes()));
        if sent.is_err() {
            self.fail();
            return None;
        }
        session.command_queued();
        self.enter(session, phase);
        Some(Want::Write)
    }

    pub(super) fn evaluate_probe(&mut self, session: &mut Session, phase: Phase) -> Option<Want> {
        let answer = match self.answer_of_probe(session) {
            Ok(answer) => answer,
            Err(want) => return Some(want),
        };
        let writable = phase == Phase::ProbeWritable;
        match answer {
            Some(value) if writable => {
                // "on" means that one of the two is on. Here it does not matter which.
                let read_only = value.starts_with(b"on");
                session.server_mut().default_read_only = Some(read_only);
                session.server_mut().in_hot_standby = Some(read_only);
            }
            Some(value) => session.server_mut().in_hot_standby = Some(value.starts_with(b"t")),
            None => {
                let query = if writable {
                    SHOW_READ_ONLY
                } else {
                    IS_IN_RECOVERY_NAME
                };
                return Some(self.reject(session, &format!("\"{query}\" failed")));
            }
        }
        self.enter(session, Phase::Consume);
        None
    }

    /// The value that the probe returned, or `None` for any other result. `Err` is what to wait for.
    fn answer_of_probe(&mut self, session: &mut Session) -> Result<Option<Vec<u8>>, Want> {
        if let Some(notice) = session.parse_input() {
            return Err(Want::Notice(notice));
        }
        if session.is_busy() {
            return Err(Want::Read);
        }
        Ok(match session.collect_while_starting() {
            Collected::Result(result) => single_value(&result),
            _ => None,
        })
    }

    /// Reads until the probe's command is complete.
    pub(super) fn finish_probe(&mut self, session: &mut Session) -> Option<Want> {
        if let Err(want) = self.read_result(session) {
            return want;
        }
        match session.collect_while_starting() {
            Collected::Nothing => self.enter(session, Phase::CheckTarget),
            Collected::Result(result) if result.status().is_copy() => {
                self.fail_with(session, "unexpected message from server during startup");
            }
            _ => {}
        }
        None
    }
}

fn single_value(result: &PgResultBox) -> Option<Vec<u8>> {
    (result.status() == Status::TuplesOk && result.nrows() == 1 && result.ncols() > 0)
        .then(|| result.bytes(0, 0).flatten().map(<[u8]>::to_vec))
        .flatten()
}
