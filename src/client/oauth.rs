//! Getting a token: from the application's functions, or by the built-in flow.

mod flow;
mod prompt;

use super::polling::Polling;
use super::{Connection, Hook, Pause, apart, env};
use crate::conn::startup::Startup;
use crate::conn::startup::oauth::TokenSource;
use crate::conn::status::ConnStatus;
use crate::conninfo::options::Opt;
use crate::mem::error_text::ErrorText;
use flow::{Client, DeviceFlow, Progress};
use zeroize::Zeroizing;

pub use prompt::Prompt;

/// The flow that is to bring a token.
#[derive(Default)]
pub enum Flow {
    #[default]
    None,
    BuiltIn(Box<DeviceFlow>),
    /// The application's; its answer to the last question, until it was passed on.
    Application(Option<Polling>),
}

/// What a token is asked for with. None of it has a NUL in it.
pub struct TokenRequest<'a> {
    pub discovery_uri: &'a str,
    pub issuer: &'a str,
    pub scope: Option<&'a [u8]>,
}

/// What the application says when it is asked for a token.
pub enum TokenAnswer<'a> {
    /// Nothing: the built-in flow is to be run.
    Default,
    Token(&'a [u8]),
    /// Its own flow is to be run.
    Flow,
    /// With the text for the error message.
    Failed(ErrorText),
}

/// What the application's flow came to.
pub enum FlowAnswer<'a> {
    /// The descriptor is to be polled, for reading or writing.
    Wait(Polling, i32),
    Token(&'a [u8]),
    Failed(ErrorText),
}

impl Connection {
    /// What [`Hook::OAuthToken`] is about.
    pub fn token_request(&self) -> Option<TokenRequest<'_>> {
        let startup = self.startup.as_ref()?;
        Some(TokenRequest {
            discovery_uri: startup.oauth().discovery_uri.as_deref()?,
            issuer: startup.oauth().issuer.as_deref()?,
            scope: startup.options().get(Opt::OAuthScope),
        })
    }

    pub fn answer_token_request(&mut self, answer: TokenAnswer<'_>) {
        let source = match answer {
            TokenAnswer::Token(token) => TokenSource::Token(secret(token)),
            TokenAnswer::Failed(text) => TokenSource::Failed(text),
            TokenAnswer::Flow => {
                self.flow = Flow::Application(None);
                TokenSource::Flow
            }
            TokenAnswer::Default => match apart(|| self.startup.as_ref().map(built_in)) {
                Some(Ok(flow)) => {
                    self.flow = Flow::BuiltIn(Box::new(flow));
                    TokenSource::Flow
                }
                Some(Err(text)) => TokenSource::Failed(text.into()),
                None => return,
            },
        };
        if let Some(startup) = &mut self.startup {
            startup.token_source(&mut self.session, source);
        }
    }

    /// What [`Hook::OAuthPrompt`] is about.
    pub fn oauth_prompt(&self) -> Option<&Prompt> {
        match &self.flow {
            Flow::BuiltIn(flow) => flow.prompt(),
            _ => None,
        }
    }

    /// libpq: more than 0 when the application has told the user, 0 for the default, less than 0 for an error.
    pub fn answer_oauth_prompt(&mut self, outcome: i32) {
        if let Flow::BuiltIn(flow) = &mut self.flow
            && let Err(text) = flow.prompted(outcome)
            && let Some(startup) = &mut self.startup
        {
            startup.token_obtained(&mut self.session, Err(text.into()));
        }
    }

    pub fn answer_oauth_flow(&mut self, answer: FlowAnswer<'_>) {
        let outcome = match answer {
            FlowAnswer::Wait(polling, descriptor) => {
                self.flow = Flow::Application(Some(polling));
                self.alternative = Some(descriptor);
                return;
            }
            FlowAnswer::Token(token) => {
                self.end_flow();
                Ok(secret(token))
            }
            // libpq: the flow goes with the connection.
            FlowAnswer::Failed(text) => Err(text),
        };
        if let Some(startup) = &mut self.startup {
            startup.token_obtained(&mut self.session, outcome);
        }
    }

    /// Drives the flow; Done(None) when it has ended.
    pub(super) fn run_flow(&mut self, startup: &mut Startup) -> Result<Option<Polling>, Pause> {
        let progress = match &mut self.flow {
            Flow::BuiltIn(flow) => flow.poll(),
            Flow::Application(answer) => {
                return match answer.take() {
                    Some(polling) => Ok(Some(polling)),
                    None => Err(Pause::Hook(Hook::OAuthFlow)),
                };
            }
            Flow::None => {
                let text = "internal error: async authentication has no handler";
                Progress::Failed(text.to_owned())
            }
        };
        let outcome = match progress {
            Progress::Waiting => {
                if let Flow::BuiltIn(flow) = &self.flow {
                    self.alternative = Some(flow.descriptor());
                }
                return Ok(Some(Polling::Reading));
            }
            Progress::Prompt => return Err(Pause::Hook(Hook::OAuthPrompt)),
            Progress::Token(token) => {
                self.end_flow();
                Ok(token)
            }
            Progress::Failed(text) => Err(text.into()),
        };
        startup.token_obtained(&mut self.session, outcome);
        Ok(None)
    }

    /// Forgets the flow when its physical connection goes; true when the application is to clean up.
    pub(super) fn end_flow(&mut self) -> bool {
        self.alternative = None;
        matches!(std::mem::take(&mut self.flow), Flow::Application(_))
    }

    /// The descriptor that stands for the socket while a flow runs.
    pub(super) fn alternative_socket(&self) -> Option<i32> {
        self.alternative
            .filter(|_| self.session.status() == ConnStatus::Authenticating)
    }
}

fn secret(token: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(token.to_vec())
}

fn built_in(startup: &Startup) -> Result<DeviceFlow, String> {
    let options = startup.options();
    let text = |opt| options.get(opt).map(<[u8]>::to_vec);
    let client = Client {
        discovery_uri: startup.oauth().discovery_uri.clone().unwrap_or_default(),
        issuer: startup.oauth().issuer.clone().unwrap_or_default(),
        id: text(Opt::OAuthClientId).unwrap_or_default(),
        secret: text(Opt::OAuthClientSecret).map(Zeroizing::new),
        scope: text(Opt::OAuthScope),
        ca_file: text(Opt::OAuthCaFile).filter(|name| !name.is_empty()),
    };
    DeviceFlow::new(client, env::oauth_debug(true))
}
