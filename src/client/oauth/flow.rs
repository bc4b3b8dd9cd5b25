//! The built-in device flow (RFC 8628), as in libpq's module: discovery, device authorization, and
//! token requests until the user has consented.

use super::prompt::Prompt;
use crate::auth::oauth::documents::{
    DeviceAuthorization, Provider, TokenError, access_token, check_content_type,
};
use crate::auth::oauth::{form, issuer};
use crate::client::env;
use crate::client::oauth_debug::OAuthDebug;
use crate::net::http::{HttpExchange, Method, Request, Response, TlsConfig, Url, tls_config};
use crate::net::mux::Mux;
use crate::net::sys;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The provider's address and the client's identity.
pub struct Client {
    pub discovery_uri: String,
    pub issuer: String,
    pub id: Vec<u8>,
    /// An empty secret is not the same as none.
    pub secret: Option<Zeroizing<Vec<u8>>>,
    pub scope: Option<Vec<u8>>,
    pub ca_file: Option<Vec<u8>>,
}

/// The result of a poll.
#[derive(Debug)]
pub enum FlowProgress {
    /// Poll [`DeviceFlow::descriptor`] for reading.
    Waiting,
    /// Show [`DeviceFlow::prompt`] to the user, then call [`DeviceFlow::prompted`].
    Prompt,
    Token(Zeroizing<Vec<u8>>),
    /// With libpq's text.
    Failed(String),
}

/// The state of the flow.
enum FlowStep {
    Start,
    Discovery(HttpExchange),
    DeviceAuthorization(HttpExchange),
    Token(HttpExchange),
    /// The prompt is being shown; the token, if the provider returned it at once.
    Prompt(Option<Zeroizing<Vec<u8>>>),
    /// Waiting until the token may be requested again.
    Pause(Instant),
}

pub struct DeviceFlow {
    client: Client,
    debug: OAuthDebug,
    mux: Mux,
    tls: Option<TlsConfig>,
    step: FlowStep,
    /// The start of error texts.
    context: &'static str,
    provider: Option<Provider>,
    authorization: Option<DeviceAuthorization>,
    prompt: Option<Prompt>,
    polls: u32,
}

impl DeviceFlow {
    pub fn new(client: Client, debug: OAuthDebug) -> Result<DeviceFlow, String> {
        let mux = Mux::new().map_err(|error| system("failed to create epoll set", &error))?;
        Ok(DeviceFlow {
            client,
            debug,
            mux,
            tls: None,
            step: FlowStep::Start,
            context: "failed to fetch OpenID discovery document",
            provider: None,
            authorization: None,
            prompt: None,
            polls: 0,
        })
    }

    /// The descriptor to poll for reading, which this object owns.
    pub fn descriptor(&self) -> i32 {
        self.mux.fd()
    }

    /// What to show to the user.
    pub fn prompt(&self) -> Option<&Prompt> {
        self.prompt.as_ref()
    }

    /// Continues as far as possible without waiting.
    pub fn poll(&mut self) -> FlowProgress {
        if !matches!(self.step, FlowStep::Prompt(_)) {
            self.polls = self.polls.saturating_add(1);
        }
        let progress = self.run().unwrap_or_else(|why| {
            self.step = FlowStep::Start;
            FlowProgress::Failed(format!("{}: {why}", self.context))
        });
        let is_over = matches!(progress, FlowProgress::Token(_) | FlowProgress::Failed(_));
        if is_over && self.debug.call_count {
            env::complain(format!("[libpq] total number of polls: {}\n", self.polls));
        }
        progress
    }

    /// The application has shown the prompt (positive), it is to be printed here (0), or it cannot be shown (negative).
    pub fn prompted(&mut self, outcome: i32) -> Result<(), String> {
        match &self.prompt {
            _ if outcome < 0 => Err(format!("{}: device prompt failed", self.context)),
            Some(prompt) if outcome == 0 => {
                env::complain(prompt.text());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn run(&mut self) -> Result<FlowProgress, String> {
        loop {
            match &mut self.step {
                FlowStep::Start => {
                    self.start_discovery()?;
                    // libpq: the caller sees the other descriptor even if the provider replies at once.
                    let soon = self.mux.set_timer(Some(Duration::ZERO));
                    soon.map_err(|error| format!("failed to set timer: {error}"))?;
                    return Ok(FlowProgress::Waiting);
                }
                FlowStep::Discovery(exchange) => match advance(exchange, &self.mux)? {
                    None => return Ok(FlowProgress::Waiting),
                    Some(response) => self.discovered(&response)?,
                },
                FlowStep::DeviceAuthorization(exchange) => match advance(exchange, &self.mux)? {
                    None => return Ok(FlowProgress::Waiting),
                    Some(response) => self.authorized(&response)?,
                },
                FlowStep::Token(exchange) => match advance(exchange, &self.mux)? {
                    None => return Ok(FlowProgress::Waiting),
                    Some(response) => {
                        let token = self.answered(&response)?;
                        self.step = FlowStep::Prompt(token);
                        if self.must_prompt() {
                            return Ok(FlowProgress::Prompt);
                        }
                    }
                },
                FlowStep::Prompt(token) => match token.take() {
                    Some(token) => return Ok(FlowProgress::Token(token)),
                    None => self.pause()?,
                },
                FlowStep::Pause(end) => {
                    // libpq: a poll before the pause is over does not send a request.
                    if Instant::now() < *end {
                        return Ok(FlowProgress::Waiting);
                    }
                    self.start_token()?;
                }
            }
        }
    }

    fn start_discovery(&mut self) -> Result<(), String> {
        let uri = self.client.discovery_uri.clone();
        self.step = FlowStep::Discovery(self.send(&uri, Method::Get, None)?);
        Ok(())
    }

    fn discovered(&mut self, response: &Response) -> Result<(), String> {
        if response.status != 200 {
            return Err(unexpected(response));
        }
        self.context = "failed to parse OpenID discovery document";
        let provider = json(response, Provider::parse)?;
        if provider.issuer != self.client.issuer {
            return Err(format!(
                "the issuer identifier ({}) does not match oauth_issuer ({})",
                provider.issuer, self.client.issuer
            ));
        }
        self.context = "cannot run OAuth device authorization";
        let endpoint = self.device_endpoint(&provider)?;
        self.provider = Some(provider);
        self.context = "failed to obtain device authorization";
        let scope = self.client.scope.clone().unwrap_or_default();
        let fields: &[(&str, &[u8])] = match scope.is_empty() {
            true => &[],
            false => &[("scope", &scope)],
        };
        let exchange = self.post(&endpoint, fields)?;
        self.step = FlowStep::DeviceAuthorization(exchange);
        Ok(())
    }

    fn device_endpoint(&self, provider: &Provider) -> Result<String, String> {
        let Some(endpoint) = &provider.device_authorization_endpoint else {
            return Err(format!(
                "issuer \"{}\" does not provide a device authorization endpoint",
                provider.issuer
            ));
        };
        let named = [
            ("device authorization endpoint", endpoint),
            ("token endpoint", &provider.token_endpoint),
        ];
        for (name, uri) in named {
            if !self.debug.http && !issuer::uses_https(uri) {
                return Err(format!("{name} \"{uri}\" must use HTTPS"));
            }
        }
        Ok(endpoint.clone())
    }

    fn authorized(&mut self, response: &Response) -> Result<(), String> {
        match response.status {
            200 => {
                self.context = "failed to parse device authorization";
                let allow_zero = self.debug.dos_endpoint;
                let authorization = json(response, |body| {
                    DeviceAuthorization::parse(body, allow_zero)
                })?;
                self.prompt = Some(Prompt::of(&authorization));
                self.authorization = Some(authorization);
                self.start_token()
            }
            400 | 401 => {
                let error = self.token_error(response)?;
                Err(self.refusal(response, &error))
            }
            _ => Err(unexpected(response)),
        }
    }

    fn start_token(&mut self) -> Result<(), String> {
        self.context = "failed to obtain access token";
        let (Some(provider), Some(authorization)) = (&self.provider, &self.authorization) else {
            return Err("internal error: no device authorization".to_owned());
        };
        let endpoint = provider.token_endpoint.clone();
        let code = authorization.device_code.clone();
        let fields: [(&str, &[u8]); 2] = [
            ("device_code", code.as_bytes()),
            ("grant_type", form::DEVICE_CODE_GRANT),
        ];
        self.step = FlowStep::Token(self.post(&endpoint, &fields)?);
        Ok(())
    }

    /// The token in the response; None if it must be requested again.
    fn answered(&mut self, response: &Response) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
        let error = match response.status {
            200 => {
                self.context = "failed to parse access token response";
                return json(response, access_token).map(Some);
            }
            400 | 401 => self.token_error(response)?,
            _ => return Err(unexpected(response)),
        };
        match error.error.as_str() {
            "authorization_pending" => Ok(None),
            "slow_down" => self.slow_down().map(|()| None),
            _ => Err(self.refusal(response, &error)),
        }
    }

    fn slow_down(&mut self) -> Result<(), String> {
        if let Some(authorization) = &mut self.authorization {
            let slower = authorization.interval.checked_add(5);
            authorization.interval = slower.ok_or("slow_down interval overflow")?;
        }
        Ok(())
    }

    /// Whether to show the prompt now. libpq: once, after the first response of the token endpoint.
    fn must_prompt(&mut self) -> bool {
        let prompt = self.prompt.as_mut();
        prompt.is_some_and(|prompt| !std::mem::replace(&mut prompt.shown, true))
    }

    fn pause(&mut self) -> Result<(), String> {
        let interval = self.authorization.as_ref().map_or(0, |a| a.interval);
        let pause = Duration::from_secs(u64::try_from(interval).unwrap_or_default());
        let end = Instant::now().checked_add(pause);
        self.step = FlowStep::Pause(end.ok_or("the pause is too long")?);
        let set = self.mux.set_timer(Some(pause));
        set.map_err(|error| system("setting timerfd", &error))
    }

    fn token_error(&mut self, response: &Response) -> Result<TokenError, String> {
        let error = json(response, TokenError::parse);
        if error.is_err() {
            self.context = "failed to parse token error response";
        }
        error
    }

    /// libpq's text for an error response of the provider.
    fn refusal(&self, response: &Response, error: &TokenError) -> String {
        let code = &error.error;
        match (&error.description, response.status, &self.client.secret) {
            (Some(description), _, _) => format!("{description} ({code})"),
            (None, 401, Some(_)) => {
                format!("provider rejected the oauth_client_secret ({code})")
            }
            (None, 401, None) => format!(
                "provider requires client authentication, and no oauth_client_secret is set ({code})"
            ),
            _ => format!("({code})"),
        }
    }

    /// Posts a form with the client's credentials.
    fn post(&mut self, uri: &str, fields: &[(&str, &[u8])]) -> Result<HttpExchange, String> {
        let id = self.client.id.clone();
        let mut fields = fields.to_vec();
        let authorization = match &self.client.secret {
            // libpq: some providers reject requests with the client id in both places.
            Some(secret) => Some(form::basic_credentials(&id, secret)),
            None => {
                fields.push(("client_id", &id));
                None
            }
        };
        self.send(uri, Method::Post(form::body(&fields)), authorization)
    }

    fn send(
        &mut self,
        uri: &str,
        method: Method,
        authorization: Option<Zeroizing<String>>,
    ) -> Result<HttpExchange, String> {
        let text = |error: crate::net::http::HttpError| error.to_string();
        let url = Url::parse(uri.as_bytes(), self.debug.http).map_err(text)?;
        if url.https && self.tls.is_none() {
            let config = tls_config(self.client.ca_file.as_deref()).map_err(text)?;
            self.tls = Some(config);
        }
        let request = Request {
            url,
            method,
            authorization,
        };
        HttpExchange::new(&request, self.tls.clone(), self.debug.trace, &env::text).map_err(text)
    }
}

fn advance(exchange: &mut HttpExchange, mux: &Mux) -> Result<Option<Response>, String> {
    exchange.step(mux).map_err(|error| error.to_string())
}

fn system(what: &str, error: &std::io::Error) -> String {
    format!(
        "{what}: {}",
        String::from_utf8_lossy(&sys::error_text(error))
    )
}

fn unexpected(response: &Response) -> String {
    format!("unexpected response code {}", response.status)
}

fn json<T>(
    response: &Response,
    parse: impl FnOnce(&[u8]) -> Result<T, String>,
) -> Result<T, String> {
    check_content_type(response.content_type.as_deref())?;
    parse(&response.body)
}
