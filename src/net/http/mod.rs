//! A small HTTP/1.1 client for OAuth providers: one request for each connection, no blocking, no
//! redirects. Error texts begin with libcurl's words, which libpq shows.

mod exchange;
mod link;
mod proxy;
mod request;
pub mod response;
mod tls;
mod trace;
mod url;

pub use exchange::HttpExchange;
pub use request::{Method, Request};
pub use response::Response;
pub use tls::{TlsConfig, tls_config};
pub use url::Url;

use std::fmt;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpError {
    /// libcurl's text for the kind of failure.
    pub kind: &'static str,
    /// Details; may be empty.
    pub detail: String,
}

impl HttpError {
    fn new(kind: &'static str, detail: impl Into<String>) -> HttpError {
        let detail = detail.into();
        HttpError { kind, detail }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.as_str() {
            "" => write!(f, "{}", self.kind),
            detail => write!(f, "{} ({detail})", self.kind),
        }
    }
}

/// libcurl's texts.
mod kind {
    pub const UNSUPPORTED: &str = "Unsupported protocol";
    pub const BAD_URL: &str = "URL using bad/illegal format or missing URL";
    pub const RESOLVE: &str = "Couldn't resolve host name";
    pub const RESOLVE_PROXY: &str = "Couldn't resolve proxy name";
    pub const CONNECT: &str = "Couldn't connect to server";
    pub const WEIRD: &str = "Weird server reply";
    pub const TIMEOUT: &str = "Timeout was reached";
    pub const TLS: &str = "SSL connect error";
    pub const EMPTY: &str = "Server returned nothing (no headers, no data)";
    pub const SEND: &str = "Failed sending data to the peer";
    pub const RECEIVE: &str = "Failure when receiving data from the peer";
    pub const PARTIAL: &str = "Transferred a partial file";
    pub const VERIFY: &str = "SSL peer certificate or SSH remote key was not OK";
    pub const CA_FILE: &str = "Problem with the SSL CA cert (path? access rights?)";
    /// A text of libpq.
    pub const TOO_LARGE: &str = "response is too large";
}
