//! GSSAPI on a connected socket: token exchange, encrypted packets, and authentication without encryption.

pub mod cache;
pub mod packet;

use std::ffi::c_void;
use std::io::{self, ErrorKind};

use crate::mem::error_text::ErrorText;

use super::dl::gssapi::{Context, Credentials, Failure, Gssapi, Name, flag};
use super::socket::Socket;
use super::socket_error;
use super::sys;
use super::transport::{
    EncryptionError, HandshakeProgress, check_memory, retry_interrupted, send_all,
};
use packet::{HEADER, Incoming, MAX_DATA, MAX_TOKEN, Received, packet};

/// libpq: GSS_REQUIRED_FLAGS
const ENCRYPTION: u32 =
    flag::MUTUAL | flag::REPLAY | flag::SEQUENCE | flag::CONFIDENTIALITY | flag::INTEGRITY;
const INITIATE: &str = "could not initiate GSSAPI security context";

/// The server to authenticate to.
#[derive(Debug, Clone)]
pub struct Peer {
    pub service: Vec<u8>,
    pub host: Vec<u8>,
    /// Whether to delegate the user's credentials to the server.
    pub delegate: bool,
}

/// Checks that there are credentials; Err says what is missing.
pub fn check_credentials() -> Result<(), ErrorText> {
    let missing = b"no credential cache";
    if !cache::is_likely() {
        return Err(missing.into());
    }
    let credentials = Gssapi::load()?.credentials();
    credentials.map(drop).map_err(|_| missing.into())
}

/// The client's side of a token exchange.
struct TokenExchange {
    context: Context,
    server: Name,
    credentials: Option<Credentials>,
    wanted: u32,
}

impl TokenExchange {
    fn new(gssapi: Gssapi, peer: &Peer, wanted: u32) -> Result<TokenExchange, ErrorText> {
        if peer.host.is_empty() {
            return Err(b"host name must be specified".into());
        }
        let name = [&peer.service[..], b"@", &peer.host].concat();
        let server = gssapi
            .service_name(&name)
            .map_err(|failure| failure.after("GSSAPI name import error"))?;
        Ok(TokenExchange {
            context: gssapi.context(),
            server,
            // Without credentials, the library searches for some itself and reports the failure.
            credentials: gssapi.credentials().ok(),
            wanted,
        })
    }

    /// Takes the server's token (empty at first). Returns the token for the server, which may be empty, and whether the context
    /// is established.
    fn step(&mut self, token: &[u8]) -> Result<(Vec<u8>, bool), Failure> {
        let credentials = self.credentials.as_ref();
        let step = self
            .context
            .initiate(credentials, &self.server, self.wanted, token)?;
        Ok((step.token.to_vec(), step.complete))
    }
}

/// Authentication with tokens in messages of the protocol.
pub struct Authentication(TokenExchange);

impl Authentication {
    /// Prepares an exchange; Err is libpq's text.
    pub fn new(peer: &Peer) -> Result<Authentication, ErrorText> {
        let gssapi = Gssapi::load()
            .map_err(|reason| format!("GSSAPI authentication not supported: {reason}"))?;
        let delegation = if peer.delegate { flag::DELEGATE } else { 0 };
        TokenExchange::new(gssapi, peer, flag::MUTUAL | delegation).map(Authentication)
    }

    /// Takes the server's token (empty at first). Returns the token for the server, which may be empty, and whether the server
    /// is authenticated.
    pub fn step(&mut self, token: &[u8]) -> Result<(Vec<u8>, bool), ErrorText> {
        let step = self.0.step(token);
        step.map_err(|failure| failure.after("GSSAPI continuation error"))
    }

    /// The `gss_ctx_id_t`, which this object owns.
    pub fn handle(&self) -> *mut c_void {
        self.0.context.handle()
    }
}

/// A socket with GSSAPI encryption.
pub struct Gss {
    socket: Socket,
    exchange: TokenExchange,
    /// The largest plain text of one packet, once the context is established.
    most: Option<usize>,
    incoming: Incoming,
    /// The packet being sent; bytes from `sent` on are left.
    outgoing: Vec<u8>,
    sent: usize,
    /// How many of the caller's bytes are in `outgoing`.
    owed: usize,
    /// Decrypted bytes; those before `taken` were returned.
    plain: Vec<u8>,
    taken: usize,
}

impl std::fmt::Debug for Gss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gss").field("socket", &self.socket).finish()
    }
}

impl Gss {
    /// Prepares a handshake on `socket`. On failure returns the socket and libpq's text.
    pub fn new(socket: Socket, peer: &Peer) -> Result<Gss, (Socket, ErrorText)> {
        let exchange = match begin(peer) {
            Ok(exchange) => exchange,
            Err(message) => return Err((socket, message)),
        };
        Ok(Gss {
            socket,
            exchange,
            most: None,
            incoming: Incoming::default(),
            outgoing: Vec::new(),
            sent: 0,
            owed: 0,
            plain: Vec::new(),
            taken: 0,
        })
    }

    /// Continues the handshake as far as possible without waiting. Err is libpq's text; it is empty if the server closed the
    /// connection.
    pub fn handshake(&mut self) -> Result<HandshakeProgress, ErrorText> {
        loop {
            match self.send_packet() {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(HandshakeProgress::Write);
                }
                // libpq: pretends success, so that the server's last message is read.
                Err(_) => self.drop_packet(),
            }
            if self.most.is_some() {
                return Ok(HandshakeProgress::Done);
            }
            let begun = !self.handle().is_null();
            let token = match begun.then(|| self.incoming.token(&self.socket)) {
                None => Vec::new(),
                Some(Ok(Received::Token(token))) => token,
                Some(Ok(Received::Error(packet))) => return Err(words(&packet).into()),
                Some(Ok(Received::End)) => return Err(b"".into()),
                Some(Err(error)) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(HandshakeProgress::Read);
                }
                Some(Err(error)) => {
                    return Err(socket_error::of_receive(&error));
                }
            };
            self.answer(&token)?;
        }
    }

    fn answer(&mut self, token: &[u8]) -> Result<(), ErrorText> {
        let step = self.exchange.step(token);
        let (token, complete) = step.map_err(|failure| failure.after(INITIATE))?;
        if !token.is_empty() {
            self.outgoing = packet(&token, MAX_TOKEN)?;
            return Ok(());
        }
        if !complete {
            return Err(INITIATE.into());
        }
        self.exchange.credentials = None;
        let attempt = "GSSAPI size check error";
        let limit = self.exchange.context.size_limit((MAX_DATA - HEADER) as u32);
        match limit.map_err(|failure| failure.after(attempt))? {
            0 => Err(attempt.into()),
            most => {
                self.most = Some(most as usize);
                Ok(())
            }
        }
    }

    fn send_packet(&mut self) -> io::Result<()> {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        while let Some(rest) = self
            .outgoing
            .get(self.sent..)
            .filter(|rest| !rest.is_empty())
        {
            self.sent += retry_interrupted(|| sys::send(self.socket.fd(), rest, flags))?;
        }
        self.drop_packet();
        Ok(())
    }

    fn drop_packet(&mut self) {
        self.outgoing.clear();
        self.sent = 0;
    }

    /// As [`super::stream::Stream::recv`].
    pub fn recv(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        check_memory()?;
        while self.pending() == 0 {
            match self.incoming.data(&self.socket)? {
                Received::Token(token) => self.open(&token)?,
                Received::Error(_) | Received::End => return Ok(0),
            }
        }
        let rest = self.plain.get(self.taken..).unwrap_or_default();
        let count = rest.len().min(buf.len());
        for (to, from) in buf.iter_mut().zip(rest) {
            *to = *from;
        }
        self.taken += count;
        Ok(count)
    }

    /// Decrypts a packet.
    fn open(&mut self, token: &[u8]) -> io::Result<()> {
        let opened = self.exchange.context.unwrap(token);
        let (plain, confidential) = opened
            .map_err(|failure| EncryptionError::io(failure.after("GSSAPI unwrap error"), false))?;
        if !confidential {
            let text = b"incoming GSSAPI message did not use confidentiality";
            return Err(EncryptionError::io(text.into(), false));
        }
        self.plain.clear();
        self.plain.extend_from_slice(&plain);
        self.taken = 0;
        Ok(())
    }

    /// As [`super::stream::Stream::send`].
    pub fn send(&mut self, buf: &[u8]) -> io::Result<usize> {
        send_all(buf, |rest| self.send_some(rest))
    }

    /// Sends the first bytes, or none of them. After `WouldBlock`, the next call must begin with the same bytes.
    fn send_some(&mut self, buf: &[u8]) -> io::Result<usize> {
        check_memory()?;
        if self.owed == 0 {
            let most = self.most.ok_or(ErrorKind::NotConnected)?;
            let plain = buf.get(..most).unwrap_or(buf);
            self.outgoing = self
                .seal(plain)
                .map_err(|text| EncryptionError::io(text, false))?;
            self.owed = plain.len();
        }
        self.send_packet()?;
        Ok(std::mem::take(&mut self.owed))
    }

    /// The packet with `plain` encrypted.
    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, ErrorText> {
        let sealed = self.exchange.context.wrap(plain);
        let (token, confidential) = sealed.map_err(|failure| failure.after("GSSAPI wrap error"))?;
        if !confidential {
            return Err(b"outgoing GSSAPI message would not use confidentiality".into());
        }
        packet(&token, MAX_DATA)
    }

    /// Bytes decrypted but not returned yet.
    pub fn pending(&self) -> usize {
        self.plain.len().saturating_sub(self.taken)
    }

    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    pub fn into_socket(self) -> Socket {
        self.socket
    }

    /// Whether the handshake is done, so that data is encrypted.
    pub fn is_established(&self) -> bool {
        self.most.is_some()
    }

    /// The `gss_ctx_id_t`, which this object owns; NULL before the first token.
    pub fn handle(&self) -> *mut c_void {
        self.exchange.context.handle()
    }
}

fn begin(peer: &Peer) -> Result<TokenExchange, ErrorText> {
    let mut exchange = TokenExchange::new(Gssapi::load()?, peer, ENCRYPTION)?;
    if peer.delegate && exchange.credentials.is_some() {
        exchange.wanted |= flag::DELEGATE;
    }
    Ok(exchange)
}

/// The text of an old-style ErrorResponse, which is not authenticated.
fn words(packet: &[u8]) -> Vec<u8> {
    let text = packet.get(1..).unwrap_or_default();
    let end = text.iter().position(|&byte| byte == 0);
    text.get(..end.unwrap_or(text.len()))
        .unwrap_or_default()
        .to_vec()
}
