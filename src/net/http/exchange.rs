//! One request and its response, over a connection of its own.

use super::link::{Link, Received};
use super::proxy::{Proxy, Variable};
use super::request::Request;
use super::response::{Response, ResponseReader};
use super::tls::TlsConfig;
use super::url::Url;
use super::{HttpError, kind, trace};
use crate::net::mux::Mux;
use crate::net::resolve;
use crate::net::socket::Socket;
use crate::net::sys;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use socket2::SockAddr;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The limit for the whole exchange.
const PATIENCE: Duration = Duration::from_secs(300);

/// A request in progress.
pub struct HttpExchange {
    url: Url,
    proxy: Option<Proxy>,
    tls: Option<TlsConfig>,
    trace: bool,
    /// The request, and the size of its head.
    request: (Zeroizing<Vec<u8>>, usize),
    /// Addresses that were not tried yet.
    addresses: VecDeque<SockAddr>,
    /// Why the last connection attempt failed.
    refusal: Option<HttpError>,
    deadline: Instant,
    stage: Stage,
}

enum Stage {
    Connect,
    Connecting(Socket),
    /// Waiting for the proxy's reply to CONNECT.
    Tunnel(Talk),
    Talk(Talk),
}

/// Bytes to send, and the reader of the response.
struct Talk {
    link: Link,
    bytes: Zeroizing<Vec<u8>>,
    sent: usize,
    /// The request has been printed.
    traced: bool,
    reader: ResponseReader,
}

impl HttpExchange {
    /// Resolves the server's name, which may block, and prepares the request. https needs `tls`.
    pub fn new(
        request: &Request,
        tls: Option<TlsConfig>,
        trace: bool,
        variable: Variable<'_>,
    ) -> Result<HttpExchange, HttpError> {
        let url = request.url.clone();
        let proxy = Proxy::for_url(&url, variable)?;
        let (host, port) = match &proxy {
            Some(proxy) => (proxy.host.as_str(), proxy.port),
            None => (url.host.as_str(), url.port),
        };
        let found = resolve::resolve(host.as_bytes(), port, false).map_err(|why| {
            let kind = match &proxy {
                Some(_) => kind::RESOLVE_PROXY,
                None => kind::RESOLVE,
            };
            HttpError::new(kind, format!("{host}: {why}"))
        })?;
        Ok(HttpExchange {
            request: request.bytes(proxy.as_ref()),
            url,
            proxy,
            tls,
            trace,
            addresses: found.into_iter().map(SockAddr::from).collect(),
            refusal: None,
            deadline: Instant::now() + PATIENCE,
            stage: Stage::Connect,
        })
    }

    /// Continues as far as possible without waiting. None: call again when `mux` is readable.
    pub fn step(&mut self, mux: &Mux) -> Result<Option<Response>, HttpError> {
        let response = self.advance(mux)?;
        if response.is_none() {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let detail = format!("no answer within {} s", PATIENCE.as_secs());
                return Err(HttpError::new(kind::TIMEOUT, detail));
            }
            mux.set_timer(Some(left)).map_err(|e| system(&e))?;
        }
        Ok(response)
    }

    fn advance(&mut self, mux: &Mux) -> Result<Option<Response>, HttpError> {
        loop {
            match &mut self.stage {
                Stage::Connect => self.connect()?,
                Stage::Connecting(socket) => {
                    let writable = sys::poll(socket.fd(), false, true, Some(Duration::ZERO));
                    if !writable.map_err(|e| system(&e))?.1 {
                        mux.watch(socket.fd(), false, true)
                            .map_err(|e| system(&e))?;
                        return Ok(None);
                    }
                    self.connected()?;
                }
                Stage::Tunnel(talk) => match talk.step(mux, self.trace, usize::MAX)? {
                    None => return Ok(None),
                    Some(response) => self.tunnelled(&response)?,
                },
                Stage::Talk(talk) => return talk.step(mux, self.trace, self.request.1),
            }
        }
    }

    /// Tries the next address.
    fn connect(&mut self) -> Result<(), HttpError> {
        let Some(address) = self.addresses.pop_front() else {
            let unknown = || HttpError::new(kind::CONNECT, "no address");
            return Err(self.refusal.take().unwrap_or_else(unknown));
        };
        let opened = Socket::open(&address).map_err(|error| error.message());
        let outcome = opened.and_then(|socket| match socket.connect(&address) {
            Ok(_) => Ok(socket),
            Err(error) => Err(sys::error_text(&error).into()),
        });
        match outcome {
            Ok(socket) => self.stage = Stage::Connecting(socket),
            Err(why) => self.refused(&why),
        }
        Ok(())
    }

    fn refused(&mut self, why: &[u8]) {
        let peer = match &self.proxy {
            Some(proxy) => format!("proxy {} port {}", proxy.host, proxy.port),
            None => format!("{} port {}", self.url.host, self.url.port),
        };
        let why = String::from_utf8_lossy(why);
        self.refusal = Some(HttpError::new(kind::CONNECT, format!("{peer}: {why}")));
        self.stage = Stage::Connect;
    }

    /// The connection attempt has finished.
    fn connected(&mut self) -> Result<(), HttpError> {
        let Stage::Connecting(socket) = std::mem::replace(&mut self.stage, Stage::Connect) else {
            return Ok(());
        };
        match socket.take_error() {
            Ok(None) => {}
            Ok(Some(error)) | Err(error) => {
                self.refused(&sys::error_text(&error));
                return Ok(());
            }
        }
        let link = Link::new(socket);
        match self.proxy.as_ref().filter(|_| self.url.https) {
            None => self.talk(link),
            Some(proxy) => {
                let mut talk = Talk::new(link, proxy.tunnel_request(&self.url));
                talk.reader.tunnel = true;
                self.stage = Stage::Tunnel(talk);
                Ok(())
            }
        }
    }

    /// The proxy has replied.
    fn tunnelled(&mut self, response: &Response) -> Result<(), HttpError> {
        let Stage::Tunnel(talk) = std::mem::replace(&mut self.stage, Stage::Connect) else {
            return Ok(());
        };
        if !(200..300).contains(&response.status) {
            // libcurl's text.
            let detail = format!("CONNECT tunnel failed, response {}", response.status);
            return Err(HttpError::new(kind::RECEIVE, detail));
        }
        if talk.reader.surplus() > 0 {
            let detail = "the proxy sent more than its answer";
            return Err(HttpError::new(kind::WEIRD, detail));
        }
        self.talk(talk.link)
    }

    fn talk(&mut self, mut link: Link) -> Result<(), HttpError> {
        if self.url.https {
            let failed = |why: String| HttpError::new(kind::TLS, why);
            let config = self
                .tls
                .clone()
                .ok_or_else(|| failed("no TLS".to_owned()))?;
            let name = ServerName::try_from(self.url.host.clone());
            let name = name.map_err(|error| failed(error.to_string()))?;
            let tls = ClientConnection::new(config, name);
            link.encrypt(tls.map_err(|error| failed(error.to_string()))?);
        }
        let bytes = std::mem::take(&mut self.request.0);
        self.stage = Stage::Talk(Talk::new(link, bytes));
        Ok(())
    }
}

impl Talk {
    fn new(link: Link, bytes: Zeroizing<Vec<u8>>) -> Talk {
        Talk {
            link,
            bytes,
            sent: 0,
            traced: false,
            reader: ResponseReader::default(),
        }
    }

    /// Sends and receives as far as possible. `head` is the size of the headers, for tracing.
    fn step(&mut self, mux: &Mux, trace: bool, head: usize) -> Result<Option<Response>, HttpError> {
        if trace && !std::mem::replace(&mut self.traced, true) {
            let (head, body) = self.bytes.split_at(head.min(self.bytes.len()));
            trace::print('>', head, true);
            trace::print('>', body, false);
        }
        let failure = self.send().err();
        loop {
            match self.link.receive()? {
                Received::Nothing => break,
                Received::Bytes(bytes) => {
                    if trace {
                        trace::print('<', bytes, false);
                    }
                    if self.reader.feed(bytes)? {
                        return Ok(self.reader.take());
                    }
                }
                Received::End => {
                    self.reader.end()?;
                    return Ok(self.reader.take());
                }
            }
        }
        // A server may reply and close before it has read everything: its response counts.
        if let Some(failure) = failure {
            return Err(failure);
        }
        let unsent = self.sent < self.bytes.len() && self.link.can_send();
        let write = unsent || self.link.wants_write();
        mux.watch(self.link.socket.fd(), true, write)
            .map_err(|e| system(&e))?;
        Ok(None)
    }

    fn send(&mut self) -> Result<(), HttpError> {
        loop {
            let rest = self.bytes.get(self.sent..).unwrap_or_default();
            if rest.is_empty() && !self.link.wants_write() {
                return Ok(());
            }
            let count = self.link.send(rest)?;
            if count == 0 {
                return Ok(());
            }
            self.sent += count;
        }
    }
}

fn system(error: &std::io::Error) -> HttpError {
    let text = sys::error_text(error);
    HttpError::new(kind::CONNECT, String::from_utf8_lossy(&text))
}
