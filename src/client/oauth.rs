//! Gets an OAuth token from the application's functions, or with the built-in flow.

#[cfg_attr(not(feature = "oauth"), path = "oauth/absent.rs")]
mod flow;
mod prompt;

use super::polling::Polling;
use super::{Connection, Hook, Pause, env, without_cancellation};
use crate::conn::startup::Startup;
use crate::conn::startup::oauth::TokenSource;
use crate::conn::status::ConnStatus;
use crate::conninfo::options::Opt;
use crate::mem::error_text::ErrorText;
use flow::{Client, DeviceFlow, FlowProgress};
use zeroize::Zeroizing;

pub use prompt::Prompt;

/// The flow that gets the token.
#[derive(Default)]
pub enum Flow {
    #[default]
    None,
    BuiltIn(Box<DeviceFlow>),
    /// The application's, with its last answer until that is used.
    Application(Option<Polling>),
}

/// The details of a token request. None of them contains a NUL.
pub struct TokenRequest<'a> {
    pub discovery_uri: &'a str,
    pub issuer: &'a str,
    pub scope: Option<&'a [u8]>,
}

/// The application's answer to a token request.
pub enum TokenAnswer<'a> {
    /// None: run the built-in flow.
    Default,
    Token(&'a [u8]),
    /// Run the application's flow.
    Flow,
    /// Fail with this error text.
    Failed(ErrorText),
}

/// The result of one step of the application's flow.
pub enum FlowAnswer<'a> {
    /// Wait until the descriptor is ready for reading or writing.
    Wait(Polling, i32),
    Token(&'a [u8]),
    Failed(ErrorText),
}

impl Connection {
    /// The request for [`Hook::OAuthToken`].
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
            TokenAnswer::Default => {
                match without_cancellation(|| self.startup.as_ref().map(built_in)) {
                    Some(Ok(flow)) => {
                        self.flow = Flow::BuiltIn(Box::new(flow));
                        TokenSource::Flow
                    }
                    Some(Err(text)) => TokenSource::Failed(text.into()),
                    None => return,
                }
            }
        };
        if let Some(startup) = &mut self.startup {
            startup.token_source(&mut self.session, source);
        }
    }

    /// The prompt for [`Hook::OAuthPrompt`].
    pub fn oauth_prompt(&self) -> Option<&Prompt> {
        match &self.flow {
            Flow::BuiltIn(flow) => flow.prompt(),
            _ => None,
        }
    }

    /// libpq: positive if the application has shown the prompt, 0 for the default, negative for an error.
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
            // libpq: the flow is cleaned up with the connection.
            FlowAnswer::Failed(text) => Err(text),
        };
        if let Some(startup) = &mut self.startup {
            startup.token_obtained(&mut self.session, outcome);
        }
    }

    /// Runs the flow; `Ok(None)` when it has ended.
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
                FlowProgress::Failed(text.to_owned())
            }
        };
        let outcome = match progress {
            FlowProgress::Waiting => {
                if let Flow::BuiltIn(flow) = &self.flow {
                    self.alternative = Some(flow.descriptor());
                }
                return Ok(Some(Polling::Reading));
            }
            FlowProgress::Prompt => return Err(Pause::Hook(Hook::OAuthPrompt)),
            FlowProgress::Token(token) => {
                self.end_flow();
                Ok(token)
            }
            FlowProgress::Failed(text) => Err(text.into()),
        };
        startup.token_obtained(&mut self.session, outcome);
        Ok(None)
    }

    /// Ends the flow when its physical connection is closed. True if the application must clean up.
    pub(super) fn end_flow(&mut self) -> bool {
        self.alternative = None;
        matches!(std::mem::take(&mut self.flow), Flow::Application(_))
    }

    /// The descriptor to poll instead of the socket while a flow runs.
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
