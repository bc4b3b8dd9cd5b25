//! The packets at the start of a connection: encryption requests, cancel requests and startup packets.

use pq_protocol::backend::Body;
use pq_protocol::codes::{GOAWAY_KEY, request};

/// PostgreSQL's limit for a startup packet.
const MAX_LENGTH: usize = 10_000;

/// A packet that starts a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Opening {
    TlsRequest,
    GssRequest,
    /// The whole packet, to be forwarded unchanged.
    Cancel(Vec<u8>),
    Session(Startup),
}

/// A startup packet, with the request for GoAway removed.
#[derive(Debug, PartialEq, Eq)]
pub struct Startup {
    /// The packet for the server.
    pub packet: Vec<u8>,
    pub version: u32,
    /// The client requests GoAway.
    pub requests_goaway: bool,
    /// A replication connection, which never receives GoAway.
    pub replication: bool,
    /// Without control characters, for the log and the status only.
    pub user: Box<str>,
    pub database: Box<str>,
}

/// The packet SSLRequest.
pub fn tls_request() -> [u8; 8] {
    let [a, b, c, d] = request::TLS.to_be_bytes();
    [0, 0, 0, 8, a, b, c, d]
}

/// The length of the packet that starts with these four bytes; None if it is not valid.
pub fn length(head: [u8; 4]) -> Option<usize> {
    let length = usize::try_from(u32::from_be_bytes(head)).ok()?;
    (8..=MAX_LENGTH).contains(&length).then_some(length)
}

/// Parses a whole packet, with its length word. The error has PostgreSQL's wording.
pub fn read(packet: &[u8]) -> Result<Opening, &'static str> {
    const INVALID: &str = "invalid length of startup packet";
    let mut body = Body(packet);
    body.u32().ok_or(INVALID)?;
    match body.u32().ok_or(INVALID)? {
        request::TLS if body.is_empty() => Ok(Opening::TlsRequest),
        request::GSS if body.is_empty() => Ok(Opening::GssRequest),
        request::TLS | request::GSS => Err(INVALID),
        request::CANCEL => Ok(Opening::Cancel(packet.to_vec())),
        version if version >> 16 == 3 => session(version, body).map(Opening::Session),
        _ => Err("unsupported frontend protocol"),
    }
}

fn session(version: u32, mut body: Body<'_>) -> Result<Startup, &'static str> {
    const INVALID: &str = "invalid startup packet layout: expected terminator as last byte";
    let mut packet = vec![0; 4];
    packet.extend(version.to_be_bytes());
    let (mut requests_goaway, mut replication) = (false, false);
    let (mut user, mut database) = (&b""[..], &b""[..]);
    loop {
        let key = body.string().ok_or(INVALID)?;
        if key.is_empty() {
            break;
        }
        let value = body.string().ok_or(INVALID)?;
        if key == GOAWAY_KEY {
            requests_goaway = !is_off(value);
            continue;
        }
        match key {
            b"user" => user = value,
            b"database" => database = value,
            _ => {}
        }
        replication |= key == b"replication" && !is_off(value);
        for text in [key, value] {
            packet.extend_from_slice(text);
            packet.push(0);
        }
    }
    if !body.is_empty() {
        return Err(INVALID);
    }
    packet.push(0);
    let length = u32::try_from(packet.len()).map_err(|_| INVALID)?;
    packet[..4].copy_from_slice(&length.to_be_bytes());
    if database.is_empty() {
        database = user;
    }
    Ok(Startup {
        packet,
        version,
        requests_goaway,
        replication,
        user: printable(user),
        database: printable(database),
    })
}

/// Appends the client's address to the application_name in a startup packet.
pub fn add_address(packet: &[u8], address: &str) -> Vec<u8> {
    /// The server truncates longer names.
    const LONGEST_NAME: usize = 63;
    const KEY: &[u8] = b"application_name";
    let mut body = Body(packet.get(8..).unwrap_or_default());
    let mut marked = packet[..packet.len().min(8)].to_vec();
    let mut name = &b""[..];
    while let Some(key) = body.string().filter(|key| !key.is_empty()) {
        let value = body.string().unwrap_or_default();
        match key == KEY {
            true => name = value,
            false => marked.extend([key, b"\0", value, b"\0"].concat()),
        }
    }
    let mark = match name.is_empty() {
        true => address.to_owned(),
        false => format!(" - {address}"),
    };
    let room = LONGEST_NAME.saturating_sub(mark.len());
    let name = &name[..name.len().min(room)];
    marked.extend([KEY, b"\0", name, mark.as_bytes(), b"\0\0"].concat());
    // The server refuses a packet that is too long.
    let length = u32::try_from(marked.len()).unwrap_or(u32::MAX);
    marked[..4].copy_from_slice(&length.to_be_bytes());
    marked
}

/// Replaces control characters, so that the text fits in one line of the log.
fn printable(name: &[u8]) -> Box<str> {
    let text = String::from_utf8_lossy(name);
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

fn is_off(value: &[u8]) -> bool {
    let off: [&[u8]; 4] = [b"0", b"off", b"false", b"no"];
    off.iter().any(|word| value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(version: u32, pairs: &[(&str, &str)]) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        for (key, value) in pairs {
            body.extend([key.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
        }
        body.push(0);
        [&(body.len() as u32 + 4).to_be_bytes()[..], &body].concat()
    }

    fn startup(pairs: &[(&str, &str)]) -> Startup {
        match read(&packet(0x0003_0000, pairs)) {
            Ok(Opening::Session(startup)) => startup,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_request_for_goaway_is_removed_and_the_rest_stays() {
        let asked = startup(&[("user", "u"), ("_pq_.goaway", ""), ("_pq_.x", "1")]);
        assert!(asked.requests_goaway && !asked.replication);
        assert_eq!(
            asked.packet,
            packet(0x0003_0000, &[("user", "u"), ("_pq_.x", "1")])
        );
        assert!(!startup(&[("_pq_.goaway", "Off")]).requests_goaway);
        assert!(!startup(&[("user", "u")]).requests_goaway);
    }

    #[test]
    fn user_and_database_are_parsed() {
        let named = startup(&[("user", "u"), ("database", "d\nx")]);
        assert_eq!((&*named.user, &*named.database), ("u", "d?x"));
        assert_eq!(&*startup(&[("user", "u")]).database, "u");
    }

    #[test]
    fn the_address_is_appended_to_the_application_name() {
        let long = "x".repeat(80);
        let cut = format!("{} - 10.0.0.1:5", &long[..50]);
        for (name, expected) in [
            ("", "10.0.0.1:5"),
            ("psql", "psql - 10.0.0.1:5"),
            (&long, &cut),
        ] {
            let of = |name| {
                let pairs = [("user", "u"), ("a", "b"), ("application_name", name)];
                packet(0x0003_0000, &pairs)
            };
            assert_eq!(add_address(&of(name), "10.0.0.1:5"), of(expected));
        }
        let unnamed = packet(0x0003_0000, &[("user", "u")]);
        let named = [("user", "u"), ("application_name", "a")];
        assert_eq!(add_address(&unnamed, "a"), packet(0x0003_0000, &named));
    }

    #[test]
    fn replication_connections_are_recognized() {
        assert!(startup(&[("replication", "true")]).replication);
        assert!(startup(&[("replication", "database")]).replication);
        assert!(!startup(&[("replication", "off")]).replication);
    }

    #[test]
    fn encryption_and_cancel_requests_are_recognized() {
        assert_eq!(read(&[0, 0, 0, 8, 4, 210, 22, 47]), Ok(Opening::TlsRequest));
        assert_eq!(read(&[0, 0, 0, 8, 4, 210, 22, 48]), Ok(Opening::GssRequest));
        let cancel = [0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1, 9, 9, 9, 9];
        assert_eq!(read(&cancel), Ok(Opening::Cancel(cancel.to_vec())));
    }

    #[test]
    fn invalid_packets_are_refused() {
        assert_eq!(length([0, 0, 0, 7]), None);
        assert_eq!(length([0, 0, 0x27, 0x11]), None);
        assert_eq!(length([0x80, 0, 0, 9]), None);
        assert_eq!(length([0, 0, 0x27, 0x10]), Some(10_000));
        assert!(read(&packet(0x0002_0000, &[])).is_err());
        assert!(read(&[0, 0, 0, 8, 0, 3, 0, 0]).is_err());
        let whole = packet(0x0003_0000, &[("user", "u")]);
        for cut in 8..whole.len() {
            assert!(read(&whole[..cut]).is_err(), "{cut}");
        }
        assert!(read(&[&whole[..], b"x"].concat()).is_err());
    }
}
