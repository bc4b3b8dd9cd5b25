//! Checks at the start: the proxy refuses to be its own server, and warns when the server may trust its address.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tracing::warn;

use crate::address::{ListenAddress, Server};

/// The addresses of the proxy's TCP listeners.
#[derive(Debug, Default, Clone)]
pub struct OwnAddresses(pub Vec<SocketAddr>);

impl OwnAddresses {
    pub fn of(places: &[ListenAddress]) -> OwnAddresses {
        let addresses = places.iter().filter_map(|place| match place {
            ListenAddress::Tcp(address) => Some(*address),
            ListenAddress::Unix(_) => None,
        });
        OwnAddresses(addresses.collect())
    }

    /// Whether a connection to `address` would reach one of these listeners.
    pub fn contains(&self, address: SocketAddr) -> bool {
        let same_port = self.0.iter().filter(|own| own.port() == address.port());
        let ip = address.ip().to_canonical();
        let mut ips = same_port.map(|own| own.ip().to_canonical());
        ips.any(|own| {
            own == ip
                // A connection to 0.0.0.0 reaches the loopback interface.
                || (ip.is_unspecified() && own.is_loopback())
                || (own.is_unspecified() && is_of_this_machine(ip))
        })
    }
}

/// Whether `ip` is local: the kernel then chooses it as the source address, too. Connecting a UDP socket sends nothing.
fn is_of_this_machine(ip: IpAddr) -> bool {
    let source = || {
        let any: IpAddr = match ip {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((ip, 9))?;
        socket.local_addr()
    };
    ip.is_unspecified() || ip.is_loopback() || source().is_ok_and(|local| local.ip() == ip)
}

/// Refuses a server that is one of the proxy's own listeners. `addresses` are the server's.
pub fn refuse_loop(
    server: &Server,
    addresses: &[SocketAddr],
    places: &[ListenAddress],
) -> Result<(), String> {
    let own = OwnAddresses::of(places);
    let is_loop = match server {
        Server::Tcp(..) => addresses.iter().any(|address| own.contains(*address)),
        Server::Unix(path) => places.iter().any(|place| match place {
            ListenAddress::Unix(own) => is_same_file(path, own),
            ListenAddress::Tcp(_) => false,
        }),
    };
    match is_loop {
        true => Err(format!(
            "the server address {server} is also a listen address of this proxy: it would connect to itself"
        )),
        false => Ok(()),
    }
}

/// Whether two paths name the same directory entry, even if the file does not exist.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let directory = |path: &Path| {
        let found = fs::metadata(path.parent()?).ok()?;
        Some((found.dev(), found.ino()))
    };
    one == other
        || (one.file_name() == other.file_name()
            && directory(one).is_some_and(|place| directory(other) == Some(place)))
}

/// Warns when remote clients can connect to the proxy and the server sees them as local clients.
pub fn warn_about_trusted_address(addresses: &[SocketAddr], own: &OwnAddresses) {
    let is_local = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
    let Some(server) = addresses.iter().find(|address| is_local(address)) else {
        return;
    };
    if let Some(open) = own.0.iter().find(|address| !is_local(address)) {
        warn!(
            "remote clients can connect to {open}, and the server sees them connect from {}: \
             its pg_hba.conf must not trust that address",
            server.ip()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::socket_path;

    fn own(text: &str) -> OwnAddresses {
        OwnAddresses(vec![text.parse().unwrap()])
    }

    #[test]
    fn listeners_are_recognized_by_every_address_that_reaches_them() {
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
            let found = own(listener).contains(address.parse().unwrap());
            assert_eq!(found, expected, "{listener} {address}");
        }
    }

    #[test]
    fn a_socket_is_recognized_by_another_path_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let other_name = directory.path().join("..");
        let name = directory.path().file_name().unwrap();
        let server = Server::Unix(socket_path(directory.path(), 5));
        let check = |port| {
            let place = ListenAddress::Unix(socket_path(&other_name.join(name), port));
            refuse_loop(&server, &[], &[place])
        };
        assert!(check(5).is_err());
        assert!(check(6).is_ok());
    }
}
