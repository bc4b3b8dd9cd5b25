//! The server's addresses, and sockets to them.

use socket2::SockAddr;

use crate::client::{Connection, env};
use crate::conn::startup::{Address, OpenFailure, Startup};
use crate::conninfo::integer;
use crate::conninfo::options::{Opt, Options};
use crate::conninfo::params::{Host, HostKind};
use crate::mem::error_text::ErrorText;
use crate::net::resolve;
use crate::net::socket::{KeepAlive, OpenError, OpenStep, Socket};
use crate::net::stream::Stream;
use crate::net::sys;

impl Connection {
    pub(super) fn look_up(
        &mut self,
        startup: &Startup,
        port: u16,
    ) -> Result<Vec<Address>, ErrorText> {
        self.addresses = addresses_of(startup.host(), port)?;
        if startup.params().shuffle_addresses {
            env::shuffle(&mut self.addresses);
        }
        Ok(self.addresses.iter().map(described).collect())
    }

    pub(super) fn open(&mut self, startup: &Startup, index: usize) -> Result<bool, OpenFailure> {
        let Some(address) = self.addresses.get(index).cloned() else {
            return Err(OpenFailure::Socket("invalid socket".into()));
        };
        self.address = Some(address.clone());
        if let Some((socket, connected)) = self.connect_again(&address, startup.options()) {
            self.connect_errno = (!connected).then_some(libc::EINPROGRESS);
            self.stream = Some(Stream::Plain(socket));
            return Ok(connected);
        }
        let socket = self.socket_for(&address).map_err(|error| {
            self.connect_errno = error.error.raw_os_error();
            match error.step {
                OpenStep::Create => OpenFailure::Socket(error.message()),
                OpenStep::NoDelay => OpenFailure::Options(error.message()),
            }
        })?;
        if !address.is_unix() {
            set_options(&socket, startup.options()).map_err(OpenFailure::Options)?;
        }
        let outcome = socket.connect(&address);
        self.connect_errno = match &outcome {
            Ok(true) => None,
            Ok(false) => Some(libc::EINPROGRESS),
            Err(error) => error.raw_os_error(),
        };
        self.stream = Some(Stream::Plain(socket));
        outcome.map_err(|error| OpenFailure::Connect(sys::error_text(&error).into()))
    }

    /// Connects the TCP socket that the application may wait for, because epoll watches sockets. True: it is connected. None:
    /// there is none, or it is closed. A preloaded library that handles TCP, such as torsocks or tsocks, may not allow this; it
    /// notices that a descriptor is closed, but not that another takes over its number.
    fn connect_again(&mut self, address: &SockAddr, options: &Options) -> Option<(Socket, bool)> {
        let is_tcp = |replaced: &mut Stream| !replaced.socket().is_unix();
        let replaced = self.retired.take_if(is_tcp)?;
        let socket = replaced.into_socket().disconnected()?;
        set_options(&socket, options).ok()?;
        let connected = socket.connect(address).ok()?;
        (!connected || socket.has_peer()).then_some((socket, connected))
    }

    /// A new socket for `address`. It takes over the descriptor number of a Unix-domain socket that the application may wait for,
    /// for poll.
    fn socket_for(&mut self, address: &SockAddr) -> Result<Socket, OpenError> {
        let Some(replaced) = self.retired.take().map(Stream::into_socket) else {
            return Socket::open(address);
        };
        if let Ok(socket) = Socket::open(address) {
            return Ok(socket.in_place_of(replaced));
        }
        // There may be no free descriptor for a second socket.
        drop(replaced);
        Socket::open(address)
    }

    pub(super) fn peer_user(&self) -> Result<Vec<u8>, ErrorText> {
        let Some(stream) = &self.stream else {
            return Err(b"invalid socket".into());
        };
        let (uid, _) = stream.socket().peer_credentials().map_err(|error| {
            let prefix = b"could not get peer credentials: ";
            [&prefix[..], &sys::error_text(&error)].concat()
        })?;
        sys::user_name_or_complaint(uid)
    }
}

fn addresses_of(host: &Host, port: u16) -> Result<Vec<SockAddr>, ErrorText> {
    let name = host.host.as_deref().unwrap_or_default();
    let (text, numeric, complaint) = match host.kind {
        HostKind::Unix => return resolve::unix_address(name, port).map(|address| vec![address]),
        HostKind::Name => (
            name,
            false,
            ["could not translate host name \"", "\" to address: "],
        ),
        HostKind::Address => (
            host.hostaddr.as_deref().unwrap_or_default(),
            true,
            ["could not parse network address \"", "\": "],
        ),
    };
    match resolve::resolve(text, port, numeric) {
        Ok(found) => Ok(found.into_iter().map(SockAddr::from).collect()),
        Err(reason) => Err(ErrorText::concat(&[
            complaint[0].as_bytes(),
            text,
            complaint[1].as_bytes(),
            reason.as_bytes(),
        ])),
    }
}

/// An address as the startup code and its error texts use it.
pub(in crate::client) fn described(address: &SockAddr) -> Address {
    let unix = address.is_unix();
    let numeric = if unix {
        resolve::displayed_path(address)
    } else {
        let host = resolve::numeric_host(address);
        host.unwrap_or_default().into_bytes()
    };
    let port = address.as_socket().map_or(0, |address| address.port());
    let key = [numeric.as_slice(), &port.to_be_bytes()].concat();
    Address { numeric, unix, key }
}

/// Sets keepalives and timeouts of a TCP socket. Err is libpq's text.
fn set_options(socket: &Socket, options: &Options) -> Result<(), ErrorText> {
    let number = |opt: Opt, name| {
        let text = options.get(opt);
        text.map(|text| integer::parse(text, name)).transpose()
    };
    if number(Opt::Keepalives, "keepalives")? == Some(0) {
        return Ok(());
    }
    let keepalive = KeepAlive {
        idle: number(Opt::KeepalivesIdle, "keepalives_idle")?,
        interval: number(Opt::KeepalivesInterval, "keepalives_interval")?,
        count: number(Opt::KeepalivesCount, "keepalives_count")?,
    };
    socket.set_keepalive(&keepalive).map_err(|e| e.message())?;
    match number(Opt::TcpUserTimeout, "tcp_user_timeout")? {
        Some(timeout) => socket
            .set_tcp_user_timeout(timeout)
            .map_err(|e| e.message()),
        None => Ok(()),
    }
}
