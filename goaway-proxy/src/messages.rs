//! The messages that the proxy writes, and the server's messages that it edits.

use pq_protocol::backend::Body;
use pq_protocol::codes::{GOAWAY_KEY, server};

pub const GOAWAY: &[u8] = b"g\0\0\0\x04";
pub const TERMINATE: &[u8] = b"X\0\0\0\x04";
/// The AuthenticationRequest code for a list of SASL mechanisms.
const SASL: u32 = 10;
const SCRAM_PLUS: &[u8] = b"SCRAM-SHA-256-PLUS";

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    // All bodies are at most a few thousand bytes long.
    let length = body.len() as u32 + 4;
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

/// ParameterStatus `disconnect_requested=on`.
pub fn disconnect_requested() -> Vec<u8> {
    message(server::PARAMETER_STATUS, b"disconnect_requested\0on\0")
}

/// A FATAL ErrorResponse.
pub fn fatal(sqlstate: &str, text: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{sqlstate}\0M{text}\0\0");
    message(server::ERROR_RESPONSE, fields.as_bytes())
}

/// "the database system is shutting down": libpq then tries the next host.
pub fn shutting_down() -> Vec<u8> {
    fatal("57P03", "the database system is shutting down")
}

/// The error that a terminated session receives.
pub fn terminated() -> Vec<u8> {
    fatal(
        "57P01",
        "terminating connection due to administrator command",
    )
}

/// Builds NegotiateProtocolVersion from its body without the option for GoAway, which the proxy handles itself. None when the
/// message would then tell a client that requested `version` nothing.
pub fn without_goaway(body: &[u8], version: u32) -> Option<Vec<u8>> {
    let whole = || Some(message(server::NEGOTIATE_PROTOCOL_VERSION, body));
    let mut rest = Body(body);
    let (Some(spoken), Some(count)) = (rest.u32(), rest.u32()) else {
        return whole();
    };
    let mut names = Vec::new();
    let mut left = 0;
    for _ in 0..count {
        let Some(name) = rest.string() else {
            return whole();
        };
        if name != GOAWAY_KEY {
            names.extend_from_slice(name);
            names.push(0);
            left += 1;
        }
    }
    if left == count {
        return whole();
    }
    if left == 0 && spoken == version {
        return None;
    }
    let edited = [&spoken.to_be_bytes()[..], &left.to_be_bytes(), &names].concat();
    Some(message(server::NEGOTIATE_PROTOCOL_VERSION, &edited))
}

/// Builds AuthenticationRequest from its body without SCRAM-SHA-256-PLUS, for a client without TLS. None when the message
/// does not have to change.
pub fn without_channel_binding(body: &[u8]) -> Option<Vec<u8>> {
    let mut rest = Body(body);
    if rest.u32()? != SASL {
        return None;
    }
    let mut edited = SASL.to_be_bytes().to_vec();
    let mut found = false;
    loop {
        let name = rest.string()?;
        if name == SCRAM_PLUS {
            found = true;
            continue;
        }
        edited.extend_from_slice(name);
        edited.push(0);
        if name.is_empty() {
            break;
        }
    }
    found.then(|| message(server::AUTHENTICATION, &edited))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiate(version: u32, names: &[&[u8]]) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        body.extend((names.len() as u32).to_be_bytes());
        for name in names {
            body.extend_from_slice(name);
            body.push(0);
        }
        body
    }

    #[test]
    fn the_goaway_option_is_removed_from_negotiate_protocol_version() {
        const V3: u32 = 0x0003_0000;
        const V3_2: u32 = 0x0003_0002;
        let both = negotiate(V3, &[GOAWAY_KEY, b"_pq_.x"]);
        let one = negotiate(V3, &[b"_pq_.x"]);
        assert_eq!(
            without_goaway(&both, V3),
            Some(message(server::NEGOTIATE_PROTOCOL_VERSION, &one))
        );
        assert_eq!(
            without_goaway(&one, V3),
            Some(message(server::NEGOTIATE_PROTOCOL_VERSION, &one))
        );
        let only = negotiate(V3, &[GOAWAY_KEY]);
        assert_eq!(without_goaway(&only, V3), None);
        let downgrade = negotiate(V3, &[]);
        assert_eq!(
            without_goaway(&only, V3_2),
            Some(message(server::NEGOTIATE_PROTOCOL_VERSION, &downgrade))
        );
        assert_eq!(
            without_goaway(&downgrade, V3_2),
            Some(message(server::NEGOTIATE_PROTOCOL_VERSION, &downgrade))
        );
        for cut in 0..both.len() {
            let whole = Some(message(server::NEGOTIATE_PROTOCOL_VERSION, &both[..cut]));
            assert_eq!(without_goaway(&both[..cut], V3), whole, "{cut}");
        }
    }

    #[test]
    fn channel_binding_is_removed_from_the_mechanisms() {
        let list = b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
        let edited = message(server::AUTHENTICATION, b"\0\0\0\x0aSCRAM-SHA-256\0\0");
        assert_eq!(without_channel_binding(list), Some(edited));
        assert_eq!(
            without_channel_binding(b"\0\0\0\x0aSCRAM-SHA-256\0\0"),
            None
        );
        assert_eq!(without_channel_binding(b"\0\0\0\0"), None);
        assert_eq!(
            without_channel_binding(b"\0\0\0\x0aSCRAM-SHA-256-PLUS"),
            None
        );
    }
}
