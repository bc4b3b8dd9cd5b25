//! What the start refuses, or warns of: a proxy that would serve itself, and one that lets strangers pass for others.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tracing::warn;

use crate::address::{Place, Server};

/// Where the proxy listens with TCP.
#[derive(Debug, Default, Clone)]
pub struct Own(pub Vec<SocketAddr>);

impl Own {
    pub fn of(places: &[Place]) -> Own {
        let addresses = places.iter().filter_map(|place| match place {
            Place::Tcp(address) => Some(*address),
            Place::Unix(_) => None,
        });
        Own(addresses.collect())
    }

    /// Whether a connection to `address` comes out here.
    pub fn has(&self, address: SocketAddr) -> bool {
        let same_port = self.0.iter().filter(|own| own.port() == address.port());
        let ip = address.ip().to_canonical();
        let mut ips = same_port.map(|own| own.ip().to_canonical());
        ips.any(|own| {
            own == ip
                // Who connects to 0.0.0.0 reaches a loopback address.
                || (ip.is_unspecified() && own.is_loopback())
                || (own.is_unspecified() && is_of_this_machine(ip))
        })
    }
}

/// An address of this machine is reached from that same address; asking for the way sends nothing.
fn is_of_this_machine(ip: IpAddr) -> bool {
    let way = || {
        let any: IpAddr = match ip {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((ip, 9))?;
        socket.local_addr()
    };
    ip.is_unspecified() || ip.is_loopback() || way().is_ok_and(|local| local.ip() == ip)
}

/// Err when the server is one of the proxy's own listeners. `addresses`: the server's.
pub fn refuse_loop(
    server: &Server,
    addresses: &[SocketAddr],
    places: &[Place],
) -> Result<(), String> {
    let own = Own::of(places);
    let is_loop = match server {
        Server::Tcp(..) => addresses.iter().any(|address| own.has(*address)),
        Server::Unix(path) => places.iter().any(|place| match place {
            Place::Unix(own) => is_same_file(path, own),
            Place::Tcp(_) => false,
        }),
    };
    match is_loop {
        true => Err(format!(
            "the server {server} is where the proxy itself is to listen: it would connect to itself"
        )),
        false => Ok(()),
    }
}

/// Whether two paths name the same place, be there a file or not.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let directory = |path: &Path| {
        let found = fs::metadata(path.parent()?).ok()?;
        Some((found.dev(), found.ino()))
    };
    one == other
        || (one.file_name() == other.file_name()
            && directory(one).is_some_and(|place| directory(other) == Some(place)))
}

/// Warns where clients from elsewhere reach a server that takes them for clients of this machine.
pub fn warn_of_trust(addresses: &[SocketAddr], own: &Own) {
    let is_local = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
    let Some(server) = addresses.iter().find(|address| is_local(address)) else {
        return;
    };
    if let Some(open) = own.0.iter().find(|address| !is_local(address)) {
        warn!(
            "clients of other machines can connect to {open}, and the server sees all of them come from {}: \
             its pg_hba.conf must not trust that address",
            server.ip()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::socket_path;

    fn own(text: &str) -> Own {
        Own(vec![text.parse().unwrap()])
    }

    #[test]
    fn itself_is_known_by_any_name() {
        for (listener, address, expected) in [
            ("127.0.0.1:5", "127.0.0.1:5", true),
            ("127.0.0.1:5", "127.0.0.1:6", false),
            ("127.0.0.1:5", "127.0.0.2:5", false),
            ("127.0.0.1:5", "[::ffff:127.0.0.1]:5", true),
            ("127.0.0.1:5", "0.0.0.0:5", true),
            ("0.0.0.0:5", "127.0.0.9:5", true),
            ("0.0.0.0:5", "192.0.2.1:5", false),
            ("192.0.2.1:5", "127.0.0.1:5", false),
        ] {
            let found = own(listener).has(address.parse().unwrap());
            assert_eq!(found, expected, "{listener} {address}");
        }
    }

    #[test]
    fn a_socket_is_known_by_any_name() {
        let directory = tempfile::tempdir().unwrap();
        let other_name = directory.path().join("..");
        let name = directory.path().file_name().unwrap();
        let server = Server::Unix(socket_path(directory.path(), 5));
        let check = |port| {
            let place = Place::Unix(socket_path(&other_name.join(name), port));
            refuse_loop(&server, &[], &[place])
        };
        assert!(check(5).is_err());
        assert!(check(6).is_ok());
    }
}
