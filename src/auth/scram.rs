//! The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), and the secret a server stores.

use super::saslprep;
use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use std::num::NonZeroU32;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Random bytes in a client's nonce.
pub const RAW_NONCE_LENGTH: usize = 18;
/// Random bytes in the salt of [`build_secret`].
pub const SALT_LENGTH: usize = 16;

/// A key or hash of SHA-256.
pub type Key = [u8; 32];
/// A key that is moved with its owner, without leaving copies of itself.
pub type OwnedKey = Box<Zeroizing<Key>>;

/// libpq: bits after the last whole byte are ignored.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// What the client's first message says about channel binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// No TLS, or channel binding is disabled (`n`).
    Unsupported,
    /// The client supports it, but the server did not offer it (`y`).
    NotOffered,
    /// SCRAM-SHA-256-PLUS with `tls-server-end-point`: the hash of the server's certificate.
    ServerEndPoint(Vec<u8>),
}

impl Binding {
    fn header(&self) -> &'static [u8] {
        match self {
            Binding::Unsupported => b"n,,",
            Binding::NotOffered => b"y,,",
            Binding::ServerEndPoint(_) => b"p=tls-server-end-point,,",
        }
    }

    fn data(&self) -> &[u8] {
        match self {
            Binding::ServerEndPoint(hash) => hash,
            _ => &[],
        }
    }
}

/// The secrets with which the client authenticates itself and verifies the server. A key takes precedence over the
/// password.
#[derive(Default)]
pub struct Credentials {
    pub password: Option<Zeroizing<Vec<u8>>>,
    pub client_key: Option<OwnedKey>,
    pub server_key: Option<OwnedKey>,
}

/// Why an exchange failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScramError {
    EmptyMessage,
    LengthMismatch,
    AttributeExpected(u8),
    EqualsExpected(u8),
    NonceMismatch,
    InvalidSalt,
    InvalidIterationCount,
    InvalidServerSignature,
    /// The text of the server's `e=` attribute.
    Server(Vec<u8>),
    IncorrectServerSignature,
    /// The exchange does not expect this message now.
    InvalidState,
}

impl ScramError {
    /// libpq's text.
    pub fn message(&self) -> Vec<u8> {
        match self {
            ScramError::EmptyMessage => malformed("empty message"),
            ScramError::LengthMismatch => malformed("length mismatch"),
            ScramError::AttributeExpected(name) => {
                malformed(&format!("attribute \"{}\" expected", char::from(*name)))
            }
            ScramError::EqualsExpected(name) => malformed(&format!(
                "expected character \"=\" for attribute \"{}\"",
                char::from(*name)
            )),
            ScramError::NonceMismatch => b"invalid SCRAM response (nonce mismatch)".to_vec(),
            ScramError::InvalidSalt => malformed("invalid salt"),
            ScramError::InvalidIterationCount => malformed("invalid iteration count"),
            ScramError::InvalidServerSignature => malformed("invalid server signature"),
            ScramError::Server(text) => [
                b"error received from server in SCRAM exchange: ",
                text.as_slice(),
            ]
            .concat(),
            ScramError::IncorrectServerSignature => b"incorrect server signature".to_vec(),
            ScramError::InvalidState => b"invalid SCRAM exchange state".to_vec(),
        }
    }
}

fn malformed(what: &str) -> Vec<u8> {
    format!("malformed SCRAM message ({what})").into_bytes()
}

/// The state of the exchange.
enum State {
    Start,
    /// The first message was sent.
    NonceSent,
    /// The final message was sent. Holds the signature expected from the server, if it can be computed.
    ProofSent(Option<Zeroizing<Key>>),
    Finished,
}

/// The client's side of one exchange.
pub struct Client {
    binding: Binding,
    credentials: Credentials,
    /// The nonce in its base64 form.
    nonce: Vec<u8>,
    state: State,
}

impl Client {
    /// An exchange that uses `raw_nonce`, which must be random and never used before.
    pub fn new(
        binding: Binding,
        mut credentials: Credentials,
        raw_nonce: [u8; RAW_NONCE_LENGTH],
    ) -> Client {
        credentials.password = credentials
            .password
            .map(|password| saslprep::prepare(&password));
        Client {
            binding,
            credentials,
            nonce: BASE64.encode(raw_nonce).into_bytes(),
            state: State::Start,
        }
    }

    /// client-first-message.
    pub fn first_message(&mut self) -> Vec<u8> {
        self.state = State::NonceSent;
        [self.binding.header(), &self.first_message_bare()].concat()
    }

    /// The user name is empty, because the server uses the one in the startup packet.
    fn first_message_bare(&self) -> Vec<u8> {
        [b"n=,r=", self.nonce.as_slice()].concat()
    }

    /// client-final-message, the response to server-first-message.
    ///
    /// The time is proportional to the server's iteration count. libpq: any count up to 2147483647 is accepted, so a
    /// hostile server can keep a client busy for minutes.
    pub fn final_message(&mut self, server_first: &[u8]) -> Result<Vec<u8>, ScramError> {
        if !matches!(self.state, State::NonceSent) {
            return Err(ScramError::InvalidState);
        }
        let server = ServerFirst::parse(server_first, &self.nonce)?;
        let mut message = self.without_proof(server.nonce);
        let bare = self.first_message_bare();
        let auth_message = [&bare, b",".as_slice(), server_first, b",", &message].concat();
        let (client_key, server_key) = self.keys(&server);
        let stored_key = sha256(client_key.as_slice());
        let mut proof = hmac_sha256(stored_key.as_slice(), &auth_message);
        for (byte, key) in proof.iter_mut().zip(client_key.iter()) {
            *byte ^= key;
        }
        message.extend_from_slice(b",p=");
        message.extend_from_slice(BASE64.encode(proof.as_slice()).as_bytes());
        let signature = server_key.map(|key| hmac_sha256(key.as_slice(), &auth_message));
        self.state = State::ProofSent(signature);
        Ok(message)
    }

    fn without_proof(&self, nonce: &[u8]) -> Vec<u8> {
        let binding = [self.binding.header(), self.binding.data()].concat();
        let binding = BASE64.encode(binding);
        [b"c=", binding.as_bytes(), b",r=", nonce].concat()
    }

    /// The client key, and the server key if it can be computed.
    fn keys(&self, server: &ServerFirst) -> (Zeroizing<Key>, Option<Zeroizing<Key>>) {
        let Credentials {
            password,
            client_key,
            server_key,
        } = &self.credentials;
        if let (Some(client), Some(server)) = (client_key, server_key) {
            return ((**client).clone(), Some((**server).clone()));
        }
        let salted = password
            .as_ref()
            .map(|password| salted_password(password, &server.salt, server.iterations));
        let key = |name: &[u8]| {
            salted
                .as_ref()
                .map(|salted| hmac_sha256(salted.as_slice(), name))
        };
        let client = client_key
            .as_deref()
            .cloned()
            .or_else(|| key(b"Client Key"));
        let server = server_key
            .as_deref()
            .cloned()
            .or_else(|| key(b"Server Key"));
        // With neither a key nor a password the proof is wrong, and the server will reject it.
        (client.unwrap_or_default(), server)
    }

    /// Checks server-final-message. Only `Ok` proves that the server knows the secret.
    pub fn verify(&mut self, server_final: &[u8]) -> Result<(), ScramError> {
        let State::ProofSent(expected) = std::mem::replace(&mut self.state, State::Start) else {
            return Err(ScramError::InvalidState);
        };
        let signature = parse_server_final(server_final)?;
        self.state = State::Finished;
        match expected {
            Some(expected) if bool::from(expected.ct_eq(&signature)) => Ok(()),
            _ => Err(ScramError::IncorrectServerSignature),
        }
    }

    /// Whether the exchange completed with channel binding. Meaningless after a failed [`Client::verify`].
    pub fn channel_bound(&self) -> bool {
        matches!(self.state, State::Finished) && matches!(self.binding, Binding::ServerEndPoint(_))
    }
}

/// server-first-message.
struct ServerFirst<'a> {
    nonce: &'a [u8],
    salt: Vec<u8>,
    iterations: NonZeroU32,
}

impl<'a> ServerFirst<'a> {
    fn parse(message: &'a [u8], client_nonce: &[u8]) -> Result<ServerFirst<'a>, ScramError> {
        let mut rest = checked(message)?;
        let nonce = attribute(&mut rest, b'r')?;
        let ours = nonce.get(..client_nonce.len());
        if !ours.is_some_and(|ours| bool::from(ours.ct_eq(client_nonce))) {
            return Err(ScramError::NonceMismatch);
        }
        let salt = decode(attribute(&mut rest, b's')?).ok_or(ScramError::InvalidSalt)?;
        let iterations = iteration_count(attribute(&mut rest, b'i')?);
        // libpq: extensions after these attributes are ignored.
        Ok(ServerFirst {
            nonce,
            salt,
            iterations: iterations.ok_or(ScramError::InvalidIterationCount)?,
        })
    }
}

fn parse_server_final(message: &[u8]) -> Result<Key, ScramError> {
    let mut rest = checked(message)?;
    if rest.first() == Some(&b'e') {
        return Err(ScramError::Server(attribute(&mut rest, b'e')?.to_vec()));
    }
    // libpq: extensions after this attribute are ignored.
    let signature = decode(attribute(&mut rest, b'v')?);
    signature
        .and_then(|signature| Key::try_from(signature).ok())
        .ok_or(ScramError::InvalidServerSignature)
}

fn checked(message: &[u8]) -> Result<&[u8], ScramError> {
    if message.is_empty() {
        return Err(ScramError::EmptyMessage);
    }
    if message.contains(&0) {
        return Err(ScramError::LengthMismatch);
    }
    Ok(message)
}

/// The value of attribute `name`, which must come next. `rest` becomes what follows it and its comma.
fn attribute<'a>(rest: &mut &'a [u8], name: u8) -> Result<&'a [u8], ScramError> {
    let value = rest
        .strip_prefix(&[name])
        .ok_or(ScramError::AttributeExpected(name))?
        .strip_prefix(b"=")
        .ok_or(ScramError::EqualsExpected(name))?;
    let end = value
        .iter()
        .position(|byte| *byte == b',')
        .unwrap_or(value.len());
    *rest = value.get(end + 1..).unwrap_or_default();
    Ok(&value[..end])
}

/// libpq: white space between the digits is skipped.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let blank = |c: &u8| matches!(c, b' ' | b'\t' | b'\n' | b'\r');
    let digits: Vec<u8> = text.iter().copied().filter(|c| !blank(c)).collect();
    BASE64.decode(digits).ok()
}

/// A positive `int` in decimal. As in C, white space and a sign may come before it.
fn iteration_count(text: &[u8]) -> Option<NonZeroU32> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
    let count = text.parse::<i32>().ok()?;
    NonZeroU32::new(u32::try_from(count).ok()?)
}

// aws-lc-rs computes these three without allocating memory, so they cannot fail.

fn salted_password(password: &[u8], salt: &[u8], iterations: NonZeroU32) -> Zeroizing<Key> {
    let mut salted = Zeroizing::new(Key::default());
    let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::derive(algorithm, iterations, salt, password, salted.as_mut_slice());
    salted
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> Zeroizing<Key> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    key_of(tag.as_ref())
}

fn sha256(message: &[u8]) -> Zeroizing<Key> {
    key_of(digest::digest(&digest::SHA256, message).as_ref())
}

/// `hash` is as long as a key.
fn key_of(hash: &[u8]) -> Zeroizing<Key> {
    let mut key = Zeroizing::new(Key::default());
    key.copy_from_slice(hash);
    key
}

/// The secret that the server stores for `password`: `SCRAM-SHA-256$ITERATIONS:SALT$STORED_KEY:SERVER_KEY`.
/// `iterations` is at least 1.
pub fn build_secret(password: &[u8], salt: &[u8; SALT_LENGTH], iterations: u32) -> Vec<u8> {
    let iterations = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
    let salted = salted_password(&saslprep::prepare(password), salt, iterations);
    let client_key = hmac_sha256(salted.as_slice(), b"Client Key");
    let stored_key = BASE64.encode(sha256(client_key.as_slice()).as_slice());
    let server_key = BASE64.encode(hmac_sha256(salted.as_slice(), b"Server Key").as_slice());
    let salt = BASE64.encode(salt);
    format!("SCRAM-SHA-256${iterations}:{salt}${stored_key}:{server_key}").into_bytes()
}

#[cfg(test)]
mod tests;
