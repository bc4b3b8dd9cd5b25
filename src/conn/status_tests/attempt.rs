//! A connection attempt without a server.

use ConnStatus::{AwaitingResponse, Bad, Made, Needed, Started};

use crate::conn::session::Session;
use crate::conn::startup::encryption::Available;
use crate::conn::startup::encryption::tests::params;
use crate::conn::startup::{Address, Purpose, Startup, Want};
use crate::conn::status::ConnStatus;
use crate::conninfo::options::{Opt, Options};
use crate::conninfo::params::{GssEncMode, Params, SslMode};

pub const BEFORE_SERVER: [(&str, ConnStatus); 3] = [
    ("close", Needed),
    ("connecting", Started),
    ("writable", Made),
];
pub const STARTUP_PACKET: [(&str, ConnStatus); 2] =
    [("write", AwaitingResponse), ("read", AwaitingResponse)];

/// A connection attempt without a socket. Records the status at each stop.
pub struct Attempt {
    pub startup: Startup,
    pub session: Session,
    pub unix: bool,
    seen: Vec<(&'static str, ConnStatus)>,
}

impl Attempt {
    pub fn new(params: Params, options: &[(Opt, &str)]) -> Attempt {
        let mut parsed = Options::default();
        for (opt, value) in options {
            parsed.set(*opt, Some(value.as_bytes().to_vec()));
        }
        let available = Available {
            tls: true,
            gss: || Ok(()),
        };
        let (environment, purpose) = (Vec::new(), Purpose::Session);
        let startup = Startup::new(params, parsed, environment, purpose, available, |_| true);
        Attempt::of(startup, false)
    }

    pub fn plain(options: &[(Opt, &str)]) -> Attempt {
        Attempt::new(params(SslMode::Disable, GssEncMode::Disable), options)
    }

    pub fn of(startup: Startup, unix: bool) -> Attempt {
        let mut attempt = Attempt {
            startup,
            session: Session::new(),
            unix,
            seen: Vec::new(),
        };
        assert_eq!(attempt.status(), Bad);
        attempt.startup.start(&mut attempt.session);
        assert_eq!(attempt.status(), Needed);
        attempt
    }

    pub fn status(&self) -> ConnStatus {
        self.session.status()
    }

    /// Runs until the test has to supply an event.
    pub fn run(&mut self) {
        loop {
            let want = self.startup.advance(&mut self.session);
            let name = match &want {
                Want::Resolve(_) | Want::Connect(_) => "",
                Want::Connecting => "connecting",
                Want::Peer => "peer",
                Want::Close { .. } => "close",
                Want::Tls => "tls",
                Want::Gss => "gss",
                Want::GssStep => "gss step",
                Want::Writable => "writable",
                Want::Token => "token",
                Want::OAuthFlow => "flow",
                Want::Write => "write",
                Want::Read => "read",
                Want::Notice(_) => "notice",
                Want::Done => "done",
                Want::Failed => "failed",
            };
            if !name.is_empty() {
                self.seen.push((name, self.status()));
            }
            let session = &mut self.session;
            match want {
                Want::Resolve(_) => {
                    let address = |number: u8| Address {
                        numeric: format!("192.0.2.{number}").into_bytes(),
                        unix: self.unix,
                        key: vec![number],
                    };
                    self.startup
                        .resolved(session, Ok(vec![address(1), address(2)]));
                }
                Want::Connect(_) => self.startup.opened(session, Ok(false)),
                Want::Connecting => self.startup.connect_finished(session, Ok(())),
                Want::Close { .. } => {
                    session.start_over();
                    session.drop_connection(false);
                }
                Want::Write => session.output_mut().clear(),
                Want::Writable | Want::Notice(_) => {}
                _ => return,
            }
        }
    }

    pub fn answer(&mut self, bytes: &[u8]) {
        let room = self.session.input_mut().free_space(bytes.len()).unwrap();
        room[..bytes.len()].copy_from_slice(bytes);
        self.session.input_mut().filled(bytes.len());
        self.run();
    }

    /// The statuses since the last call.
    pub fn take(&mut self) -> Vec<(&'static str, ConnStatus)> {
        std::mem::take(&mut self.seen)
    }

    /// Connects over an unencrypted socket, up to the startup packet.
    pub fn reach_server(&mut self) {
        self.run();
        assert_eq!(self.take(), [&BEFORE_SERVER[..], &STARTUP_PACKET].concat());
    }
}
