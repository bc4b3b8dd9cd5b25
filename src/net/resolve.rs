//! Converts host names and socket directories to addresses, and addresses to text.

use super::sys;
use crate::mem::error_text::ErrorText;
use socket2::SockAddr;
use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;

/// The longest path of a Unix-domain socket, without its NUL.
const LONGEST_PATH: usize = 107;

/// The addresses of `host`, in the resolver's order. With `numeric`, `host` must be a numeric address.
///
/// `Err` is the resolver's text.
pub fn resolve(host: &[u8], port: u16, numeric: bool) -> Result<Vec<SocketAddr>, String> {
    // libpq: an empty name means the loopback addresses.
    let node = (!host.is_empty()).then_some(host);
    sys::getaddrinfo(node, port, numeric)
        .map_err(|code| String::from_utf8_lossy(&sys::gai_strerror(code)).into_owned())
}

/// The path of the socket for `port` in `directory`, for messages.
pub fn unix_path(directory: &[u8], port: u16) -> Vec<u8> {
    [directory, format!("/.s.PGSQL.{port}").as_bytes()].concat()
}

/// The address of the socket for `port` in `directory`. A directory that begins with `@` is in the
/// abstract namespace. `Err` is libpq's text.
pub fn unix_address(directory: &[u8], port: u16) -> Result<SockAddr, ErrorText> {
    let path = unix_path(directory, port);
    let mut name = path.clone();
    if let Some(first @ b'@') = name.first_mut() {
        *first = 0;
    }
    match SockAddr::unix(OsStr::from_bytes(&name)) {
        Ok(address) if path.len() <= LONGEST_PATH => Ok(address),
        _ => Err(too_long(&path)),
    }
}

/// The path of a Unix-domain socket, for messages: `@` marks the abstract namespace.
pub fn displayed_path(address: &SockAddr) -> Vec<u8> {
    if let Some(path) = address.as_pathname() {
        return path.as_os_str().as_bytes().to_vec();
    }
    let name = address.as_abstract_namespace().unwrap_or_default();
    [b"@", name].concat()
}

fn too_long(path: &[u8]) -> ErrorText {
    let limit = format!("\" is too long (maximum {LONGEST_PATH} bytes)");
    ErrorText::concat(&[b"Unix-domain socket path \"", path, limit.as_bytes()])
}

/// The numeric form of an Internet address, as libpq writes it; None for a Unix-domain socket.
pub fn numeric_host(address: &SockAddr) -> Option<String> {
    Some(match address.as_socket()?.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => v4_compatible(ip).unwrap_or_else(|| ip.to_string()),
    })
}

/// libpq: shows an IPv4-compatible address (`::1.2.3.4`) with its last half in IPv4 form.
fn v4_compatible(ip: Ipv6Addr) -> Option<String> {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
            let last = (u32::from(high) << 16) | u32::from(low);
            Some(format!("::{}", Ipv4Addr::from(last)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(host: &str) -> String {
        let addresses = resolve(host.as_bytes(), 5432, true).unwrap();
        assert_eq!(
            addresses.len(),
            1,
            "one address, as only streams are asked for"
        );
        assert_eq!(addresses[0].port(), 5432);
        numeric_host(&addresses[0].into()).unwrap()
    }

    #[test]
    fn numeric_addresses_survive_the_round_trip() {
        for text in [
            "127.0.0.1",
            "::1",
            "::1.2.3.4",
            "::ffff:1.2.3.4",
            "2001:db8::5:0:0:1",
        ] {
            assert_eq!(numeric(text), text);
        }
        assert_eq!(numeric("127.1"), "127.0.0.1");
        assert_eq!(numeric("2001:DB8:0:1:0:0:0:1"), "2001:db8:0:1::1");
    }

    #[test]
    fn a_scope_is_kept_in_the_address() {
        let addresses = resolve(b"fe80::1%lo", 1, true).unwrap();
        let SocketAddr::V6(v6) = addresses[0] else {
            panic!("not IPv6: {addresses:?}");
        };
        assert_ne!(v6.scope_id(), 0);
    }

    #[test]
    fn failures_use_the_resolvers_texts() {
        let no_name = Err("Name or service not known".to_string());
        assert_eq!(resolve(b"localhost", 1, true), no_name);
        assert_eq!(resolve(b"a\0b", 1, false), no_name);
    }

    #[test]
    fn an_empty_host_is_the_loopback() {
        let addresses = resolve(b"", 7, false).unwrap();
        assert!(addresses.iter().all(|address| address.ip().is_loopback()));
        assert!(!addresses.is_empty());
    }

    #[test]
    fn unix_sockets_have_their_path_or_an_abstract_name() {
        let address = unix_address(b"/tmp", 5432).unwrap();
        let path = std::path::Path::new("/tmp/.s.PGSQL.5432");
        assert_eq!(address.as_pathname(), Some(path));
        assert_eq!(numeric_host(&address), None);
        let address = unix_address(b"@db", 1).unwrap();
        assert_eq!(address.as_abstract_namespace(), Some(&b"db/.s.PGSQL.1"[..]));
    }

    #[test]
    fn the_longest_path_is_107_bytes() {
        let suffix = "/.s.PGSQL.5432".len();
        for first in [b'/', b'@'] {
            let mut directory = vec![first; LONGEST_PATH - suffix];
            assert!(unix_address(&directory, 5432).is_ok());
            directory.push(b'x');
            let text = unix_address(&directory, 5432).unwrap_err();
            assert!(text.starts_with(b"Unix-domain socket path \""));
            assert!(text.ends_with(b"x/.s.PGSQL.5432\" is too long (maximum 107 bytes)"));
        }
    }
}
