//! Blocking connects, with a time limit (libpq: pqConnectDBComplete).

use std::time::{Duration, Instant};

use crate::client::polling::Polling;
use crate::client::{Connection, Pause, Wait, Waited, Waiting};
use crate::conn::startup::Startup;
use crate::conninfo::integer;
use crate::conninfo::options::Opt;

/// The state of a blocking connect.
pub struct ConnectWait {
    polling: Polling,
    limit: Option<u64>,
    attempt: Option<u64>,
    deadline: Option<Instant>,
    /// The last poll stopped for a notice: continue without waiting.
    resumed: bool,
}

impl ConnectWait {
    /// After a successful [`Connection::start`].
    pub fn new() -> ConnectWait {
        ConnectWait {
            polling: Polling::Writing,
            limit: None,
            attempt: None,
            deadline: None,
            resumed: false,
        }
    }
}

impl Connection {
    /// Completes the connection, with connect_timeout for each address (libpq: pqConnectDBComplete).
    pub fn finish_connecting(&mut self, wait: &mut ConnectWait) -> Result<bool, Pause> {
        if !self.read_timeout(wait) {
            return Ok(false);
        }
        loop {
            match wait.polling {
                Polling::Ok => return Ok(true),
                Polling::Failed => {
                    self.session.mark_closed();
                    return Ok(false);
                }
                Polling::Reading | Polling::Writing => {}
            }
            if !wait.resumed {
                match self.waited.take() {
                    None => match self.connect_wait(wait) {
                        Ok(Some(wait)) => return Err(Pause::Wait(wait)),
                        Ok(None) => {}
                        Err(()) => return self.give_up(),
                    },
                    Some(Waited::PollFailed(errno)) => {
                        self.note_poll_failure(errno);
                        return self.give_up();
                    }
                    Some(Waited::TooLong) => self.time_out(),
                    Some(_) => {}
                }
            }
            wait.resumed = true;
            wait.polling = self.poll_connect()?;
            wait.resumed = false;
        }
    }

    /// Reads connect_timeout once. False if it is not an integer.
    fn read_timeout(&mut self, wait: &mut ConnectWait) -> bool {
        let startup = self.startup.as_ref();
        let text = startup.and_then(|s| s.options().get(Opt::ConnectTimeout));
        let Some(text) = text.filter(|_| wait.limit.is_none()) else {
            return true;
        };
        match integer::parse(text, "connect_timeout") {
            Ok(seconds) => {
                wait.limit = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0);
                true
            }
            Err(message) => {
                self.session.add_error(message);
                self.session.mark_closed();
                false
            }
        }
    }

    fn give_up(&mut self) -> Result<bool, Pause> {
        self.session.mark_closed();
        Ok(false)
    }

    /// The wait for the socket; None if there is input already.
    fn connect_wait(&mut self, wait: &mut ConnectWait) -> Result<Option<Wait>, ()> {
        let attempt = self.startup.as_ref().map(Startup::attempt);
        if let Some(seconds) = wait.limit
            && wait.attempt != attempt
        {
            wait.attempt = attempt;
            wait.deadline = Instant::now().checked_add(Duration::from_secs(seconds));
        }
        let reading = wait.polling == Polling::Reading;
        let descriptor = match (self.alternative_socket(), &self.stream) {
            (Some(alternative), _) => alternative,
            (None, Some(stream)) if reading && stream.pending() > 0 => return Ok(None),
            (None, Some(stream)) => stream.fd(),
            (None, None) => {
                self.session.add_error("invalid socket");
                return Err(());
            }
        };
        Ok(Some(Wait::Poll {
            descriptor,
            read: reading,
            write: !reading,
            deadline: wait.deadline,
        }))
    }

    /// The time for this address is over: try the next one.
    fn time_out(&mut self) {
        if let Some(startup) = &mut self.startup {
            startup.time_out(&mut self.session);
            self.waiting = Waiting::Nothing;
        }
    }
}
