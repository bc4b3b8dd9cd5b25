//! The data that the server of the current physical connection has sent. It is dropped with the connection.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use crate::conninfo::params::ProtocolVersion;
use crate::text::encoding;

/// The encoding and escaping mode last reported on any connection, for functions without a connection argument.
static LAST_ENCODING: AtomicI32 = AtomicI32::new(encoding::SQL_ASCII);
static LAST_STD_STRINGS: AtomicBool = AtomicBool::new(false);

/// The encoding and `standard_conforming_strings` last reported on any connection.
pub fn process_wide_escaping() -> (i32, bool) {
    (
        LAST_ENCODING.load(Ordering::Relaxed),
        LAST_STD_STRINGS.load(Ordering::Relaxed),
    )
}

const DISCONNECT_REQUESTED: &[u8] = b"disconnect_requested";
const DEFAULT_SCRAM_ITERATIONS: u32 = 4096;
const MAX_KEY: usize = 256;
/// The limit on distinct parameters stored. A normal server reports about twenty.
const MAX_PARAMETERS: usize = 1024;

/// The number of server functions that implement large objects.
pub const LARGE_OBJECT_FUNCTIONS: usize = 13;

/// A reported parameter. Its value ends in a NUL.
#[derive(Debug)]
struct Parameter {
    name: Vec<u8>,
    value: Vec<u8>,
}

/// Whether the server asked the client to disconnect.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct GoAway {
    message: bool,
    parameter: bool,
}

/// The state of the server (libpq resets the same in pqDropServerData).
#[derive(Debug)]
pub struct ServerData {
    parameters: Vec<Parameter>,
    pub protocol: ProtocolVersion,
    pub version: i32,
    pub encoding: i32,
    pub std_strings: bool,
    pub default_read_only: Option<bool>,
    pub in_hot_standby: Option<bool>,
    pub scram_iterations: u32,
    pub process: i32,
    /// The cancel key: 4 bytes in protocol 3.0, up to 256 in 3.2, empty before it is received.
    pub key: Vec<u8>,
    /// The SQLSTATE of the last error, all zero before the first one.
    pub sqlstate: [u8; 5],
    goaway: GoAway,
    pub auth_requested: bool,
    pub password_needed: bool,
    pub client_finished_auth: bool,
    pub gssapi_used: bool,
    /// The OIDs of the large-object functions after they were looked up.
    pub large_object_functions: Option<[u32; LARGE_OBJECT_FUNCTIONS]>,
}

impl Default for ServerData {
    fn default() -> ServerData {
        ServerData {
            parameters: Vec::new(),
            protocol: ProtocolVersion::V3_0,
            version: 0,
            encoding: encoding::SQL_ASCII,
            std_strings: false,
            default_read_only: None,
            in_hot_standby: None,
            scram_iterations: DEFAULT_SCRAM_ITERATIONS,
            process: 0,
            key: Vec::new(),
            sqlstate: [0; 5],
            goaway: GoAway::default(),
            auth_requested: false,
            password_needed: false,
            client_finished_auth: false,
            gssapi_used: false,
            large_object_functions: None,
        }
    }
}

impl ServerData {
    /// Stores a ParameterStatus and updates the fields that depend on it.
    pub fn set_parameter(&mut self, name: &[u8], value: &[u8]) {
        self.store(name, value);
        match name {
            b"client_encoding" => {
                // libpq: an unknown encoding name means SQL_ASCII.
                self.encoding = encoding::from_name(value).unwrap_or(encoding::SQL_ASCII);
                LAST_ENCODING.store(self.encoding, Ordering::Relaxed);
            }
            b"standard_conforming_strings" => {
                self.std_strings = value == b"on";
                LAST_STD_STRINGS.store(self.std_strings, Ordering::Relaxed);
            }
            b"server_version" => self.version = version_number(value),
            b"default_transaction_read_only" => self.default_read_only = Some(value == b"on"),
            b"in_hot_standby" => self.in_hot_standby = Some(value == b"on"),
            b"scram_iterations" => self.scram_iterations = leading_number(value).unwrap_or(0),
            DISCONNECT_REQUESTED => self.goaway.parameter = value == b"on",
            _ => {}
        }
    }

    fn store(&mut self, name: &[u8], value: &[u8]) {
        let mut value = value.to_vec();
        value.push(0);
        let room = self.parameters.len() < MAX_PARAMETERS;
        match self.parameters.iter_mut().find(|p| p.name == name) {
            Some(known) => known.value = value,
            None if room => self.parameters.push(Parameter {
                name: name.to_vec(),
                value,
            }),
            None => {}
        }
    }

    /// Stores a BackendKeyData. `Err` has libpq's error text.
    pub fn set_key(&mut self, process: i32, key: &[u8]) -> Result<(), String> {
        self.process = process;
        self.key.clear();
        let length = key.len();
        let problem = if length != 4 && self.protocol == ProtocolVersion::V3_0 {
            "not allowed in protocol version 3.0 (must be 4 bytes)"
        } else if length < 4 {
            "is too short (minimum 4 bytes)"
        } else if length > MAX_KEY {
            "is too long (maximum 256 bytes)"
        } else {
            self.key.extend_from_slice(key);
            return Ok(());
        };
        Err(format!(
            "received invalid BackendKeyData message: cancel key with length {length} {problem}"
        ))
    }

    /// Stores the SQLSTATE of the last error or notice.
    pub fn set_sqlstate(&mut self, state: &[u8]) {
        self.sqlstate = state.try_into().unwrap_or_default();
    }

    /// The last reported value with its NUL. After a GoAway message `disconnect_requested` is always "on".
    pub fn parameter(&self, name: &[u8]) -> Option<&[u8]> {
        if name == DISCONNECT_REQUESTED && self.goaway.message {
            return Some(b"on\0");
        }
        let found = self.parameters.iter().find(|p| p.name == name)?;
        Some(&found.value)
    }

    /// Whether the value of `name` depends on GoAway messages that are not parsed yet.
    pub fn depends_on_goaway(name: &[u8]) -> bool {
        name == DISCONNECT_REQUESTED
    }

    /// Whether the server asked the client to disconnect, by message or by parameter.
    pub fn goaway_received(&self) -> bool {
        self.goaway.message || self.goaway.parameter
    }

    /// Whether it asked by message, which is final.
    pub fn goaway_message_received(&self) -> bool {
        self.goaway.message
    }

    /// Stores a GoAway message. True for the first one of this connection.
    pub fn note_goaway(&mut self) -> bool {
        !std::mem::replace(&mut self.goaway.message, true)
    }
}

/// `server_version` as a number (libpq: sscanf of up to three numbers).
fn version_number(text: &[u8]) -> i32 {
    let mut numbers = text.split(|&b| b == b'.');
    let mut next_number = |whole: bool| {
        let text = numbers.next()?;
        // Only digits can precede the next dot.
        leading_number(text).map(|n| (n, whole || text.iter().all(u8::is_ascii_digit)))
    };
    let first = next_number(false);
    let second = first
        .filter(|(_, whole)| *whole)
        .and_then(|_| next_number(false));
    let third = second
        .filter(|(_, whole)| *whole)
        .and_then(|_| next_number(true));
    let [major, minor, revision] = [first, second, third].map(|found| Some(found?.0));
    let combine = |major: u32, minor: u32, revision: u32| {
        let hundred = |a: u32, b: u32| a.checked_mul(100)?.checked_add(b);
        hundred(hundred(major, minor)?, revision).and_then(|n| i32::try_from(n).ok())
    };
    match (major, minor, revision) {
        (Some(major), Some(minor), Some(revision)) => combine(major, minor, revision),
        (Some(major), Some(minor), None) if major >= 10 => combine(major, 0, minor),
        (Some(major), Some(minor), None) => combine(major, minor, 0),
        (Some(major), None, _) => combine(major, 0, 0),
        _ => None,
    }
    .unwrap_or(0)
}

/// The number at the start of a text.
fn leading_number(text: &[u8]) -> Option<u32> {
    let end = text
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(text.len());
    std::str::from_utf8(&text[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_server_versions_like_libpq() {
        for (text, number) in [
            (&b"15.18 (Debian 15.18-0+deb12u1)"[..], 150018),
            (b"18beta1", 180000),
            (b"19devel", 190000),
            (b"9.6.24", 90624),
            (b"9.6", 90600),
            (b"x", 0),
            (b"99999999999.1", 0),
        ] {
            assert_eq!(version_number(text), number, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_goaway_message_is_final() {
        let mut server = ServerData::default();
        assert_eq!(server.parameter(b"disconnect_requested"), None);
        server.set_parameter(b"disconnect_requested", b"off");
        assert!(!server.goaway_received());
        server.set_parameter(b"disconnect_requested", b"on");
        assert!(server.goaway_received());
        server.set_parameter(b"disconnect_requested", b"off");
        assert!(!server.goaway_received());
        assert!(server.note_goaway());
        assert!(!server.note_goaway());
        server.set_parameter(b"disconnect_requested", b"off");
        assert!(server.goaway_received());
        assert_eq!(
            server.parameter(b"disconnect_requested"),
            Some(&b"on\0"[..])
        );
    }
}
