//! A stream socket to a server: creation, connecting, options.

use super::sys;
use super::transport::retry_interrupted;
use crate::mem::error_text::ErrorText;
#[cfg(any(test, fuzzing))]
use socket2::Domain;
use socket2::{SockAddr, Type};
use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// A nonblocking stream socket. Dropping it closes it without sending anything.
#[derive(Debug)]
pub struct Socket {
    inner: socket2::Socket,
    is_unix: bool,
    /// Bytes received so far.
    received: AtomicU64,
}

/// The step of [`Socket::open`] that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenStep {
    Create,
    NoDelay,
}

/// Why a socket could not be made ready for connecting.
#[derive(Debug)]
pub struct OpenError {
    pub step: OpenStep,
    pub error: io::Error,
}

impl OpenError {
    /// libpq's text.
    pub fn message(&self) -> ErrorText {
        let what: &[u8] = match self.step {
            OpenStep::Create => b"could not create socket: ",
            OpenStep::NoDelay => b"could not set socket to TCP no delay mode: ",
        };
        ErrorText::concat(&[what, &sys::error_text(&self.error)])
    }
}

/// The socket options for TCP keepalive and timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpOption {
    KeepAlive,
    KeepIdle,
    KeepInterval,
    KeepCount,
    UserTimeout,
}

impl TcpOption {
    /// The C name of the option, for error texts.
    pub const fn name(self) -> &'static str {
        match self {
            TcpOption::KeepAlive => "SO_KEEPALIVE",
            TcpOption::KeepIdle => "TCP_KEEPIDLE",
            TcpOption::KeepInterval => "TCP_KEEPINTVL",
            TcpOption::KeepCount => "TCP_KEEPCNT",
            TcpOption::UserTimeout => "TCP_USER_TIMEOUT",
        }
    }

    /// Level and number for `setsockopt`.
    pub const fn number(self) -> (c_int, c_int) {
        match self {
            TcpOption::KeepAlive => (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
            TcpOption::KeepIdle => (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE),
            TcpOption::KeepInterval => (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL),
            TcpOption::KeepCount => (libc::IPPROTO_TCP, libc::TCP_KEEPCNT),
            TcpOption::UserTimeout => (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT),
        }
    }
}

/// The keepalive settings: seconds, seconds, and the number of probes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeepAlive {
    pub idle: Option<i32>,
    pub interval: Option<i32>,
    pub count: Option<i32>,
}

/// A socket option that the system refused.
#[derive(Debug)]
pub struct OptionError {
    pub option: TcpOption,
    pub error: io::Error,
}

impl OptionError {
    /// libpq's text: `setsockopt(NAME) failed: REASON`.
    pub fn message(&self) -> ErrorText {
        let what = format!("setsockopt({}) failed: ", self.option.name());
        ErrorText::concat(&[what.as_bytes(), &sys::error_text(&self.error)])
    }
}

impl Socket {
    fn new(inner: socket2::Socket, is_unix: bool) -> Socket {
        Socket {
            inner,
            is_unix,
            received: AtomicU64::new(0),
        }
    }

    /// Receives what is available, at most `buf.len()` bytes.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let count = retry_interrupted(|| sys::recv(self.fd(), buf, libc::MSG_DONTWAIT))?;
        self.count_received(count);
        Ok(count)
    }

    /// The caller received this many bytes from the descriptor.
    #[inline]
    pub fn count_received(&self, count: usize) {
        // Nobody else uses the socket, so there is no race.
        let before = self.received.load(Relaxed);
        self.received.store(before + count as u64, Relaxed);
    }

    /// How many bytes were read from the descriptor without [`Socket::count_received`]; None if unknown.
    pub fn unreported_bytes(&self) -> Option<u64> {
        let read = sys::tcp_bytes_read(self.fd())?;
        read.checked_sub(self.received.load(Relaxed))
    }

    /// A new socket for `address`: close-on-exec, nonblocking and, for TCP, without Nagle's delay.
    pub fn open(address: &SockAddr) -> Result<Socket, OpenError> {
        let failed = |step| move |error| OpenError { step, error };
        let inner = socket2::Socket::new(address.domain(), Type::STREAM.nonblocking(), None)
            .map_err(failed(OpenStep::Create))?;
        let is_unix = address.is_unix();
        if !is_unix {
            inner
                .set_tcp_nodelay(true)
                .map_err(failed(OpenStep::NoDelay))?;
        }
        Ok(Socket::new(inner, is_unix))
    }

    /// Ends a TCP connection, and returns the same socket for another one, with its options. epoll continues to watch it. None:
    /// it is closed, because it cannot be used again.
    pub fn disconnected(self) -> Option<Socket> {
        if self.is_unix || sys::disconnect(self.fd()).is_err() || self.has_peer() {
            return None;
        }
        // The application, or another process that shares the socket, may have made it blocking.
        self.inner.set_nonblocking(true).ok()?;
        // Linux: the reset of the old connection.
        let _ = self.take_error();
        let already = sys::tcp_bytes_read(self.fd()).unwrap_or(0);
        self.received.store(already, Relaxed);
        Some(self)
    }

    /// Whether it is connected.
    pub fn has_peer(&self) -> bool {
        self.inner.peer_addr().is_ok()
    }

    /// The same socket with the descriptor number of `other`, which is closed. Keeps its own number if the system refuses.
    pub fn in_place_of(self, other: Socket) -> Socket {
        match sys::duplicate_onto(self.fd(), other.fd()) {
            Ok(()) => Socket::new(other.inner, self.is_unix),
            Err(_) => self,
        }
    }

    /// Starts to connect. True if the connection is established. False: wait until the socket is writable, then call
    /// [`Socket::take_error`].
    pub fn connect(&self, address: &SockAddr) -> io::Result<bool> {
        match self.inner.connect(address) {
            Ok(()) => Ok(true),
            // libpq: EAGAIN (a Unix-domain socket with a full backlog) is a failure.
            Err(error) => match error.raw_os_error() {
                Some(libc::EINPROGRESS | libc::EINTR) => Ok(false),
                _ => Err(error),
            },
        }
    }

    /// Returns and clears the pending error of the socket (`SO_ERROR`).
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.take_error()
    }

    /// Turns keepalives on and applies the settings in libpq's order. Stops at the first failure.
    pub fn set_keepalive(&self, settings: &KeepAlive) -> Result<(), OptionError> {
        self.set_option(TcpOption::KeepAlive, 1)?;
        let given = [
            (TcpOption::KeepIdle, settings.idle),
            (TcpOption::KeepInterval, settings.interval),
            (TcpOption::KeepCount, settings.count),
        ];
        for (option, value) in given {
            if let Some(value) = value {
                // libpq: a negative value becomes 0, which Linux refuses.
                self.set_option(option, value.max(0))?;
            }
        }
        Ok(())
    }

    /// Closes a connection when sent data is not acknowledged for this long; 0 is the system's default.
    pub fn set_tcp_user_timeout(&self, milliseconds: i32) -> Result<(), OptionError> {
        self.set_option(TcpOption::UserTimeout, milliseconds.max(0))
    }

    fn set_option(&self, option: TcpOption, value: c_int) -> Result<(), OptionError> {
        let (level, number) = option.number();
        sys::set_option(self.fd(), level, number, value)
            .map_err(|error| OptionError { option, error })
    }

    /// User and group id of the server; Unix-domain sockets only.
    pub fn peer_credentials(&self) -> io::Result<(libc::uid_t, libc::gid_t)> {
        sys::peer_credentials(self.fd())
    }

    /// Whether it is a Unix-domain socket.
    pub fn is_unix(&self) -> bool {
        self.is_unix
    }

    /// Makes reads block.
    pub fn set_blocking(&self) -> io::Result<()> {
        self.inner.set_nonblocking(false)
    }

    /// Nothing more is to be received. From now on, poll says that the socket is readable.
    pub fn stop_receiving(&self) {
        // It can only fail if the connection is gone, and then poll says the same.
        let _ = self.inner.shutdown(std::net::Shutdown::Read);
    }

    /// The descriptor, which this object owns.
    pub fn fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

#[cfg(any(test, fuzzing))]
impl From<socket2::Socket> for Socket {
    fn from(inner: socket2::Socket) -> Socket {
        let is_unix = inner.domain().is_ok_and(|domain| domain == Domain::UNIX);
        Socket::new(inner, is_unix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::net::{SocketAddr, TcpListener};
    use std::os::unix::net::UnixListener;

    fn listener() -> (TcpListener, SockAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = SockAddr::from(listener.local_addr().unwrap());
        (listener, address)
    }

    fn connected(address: &SockAddr) -> Socket {
        let socket = Socket::open(address).unwrap();
        if !socket.connect(address).unwrap() {
            assert_eq!(
                sys::poll(socket.fd(), false, true, None).unwrap(),
                (false, true)
            );
        }
        assert!(socket.take_error().unwrap().is_none());
        socket
    }

    /// Connects at once. The server's side waits in the backlog and is closed.
    fn connected_by_unix_socket() -> Socket {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".s.PGSQL.5432");
        let _listener = UnixListener::bind(&path).unwrap();
        let address = SockAddr::unix(&path).unwrap();
        let socket = Socket::open(&address).unwrap();
        assert!(socket.connect(&address).unwrap());
        socket
    }

    #[test]
    fn a_tcp_socket_connects_without_nagles_delay() {
        let (listener, address) = listener();
        let socket = connected(&address);
        let (_peer, client) = listener.accept().unwrap();
        assert_eq!(
            socket.inner.peer_addr().unwrap().as_socket(),
            address.as_socket()
        );
        assert_eq!(socket.inner.local_addr().unwrap().as_socket(), Some(client));
        assert!(socket.inner.tcp_nodelay().unwrap());
    }

    #[test]
    fn the_descriptor_is_nonblocking_and_not_inherited() {
        let (_listener, address) = listener();
        let socket = Socket::open(&address).unwrap();
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", socket.fd())).unwrap();
        let flags = info.lines().find_map(|l| l.strip_prefix("flags:")).unwrap();
        let flags = i32::from_str_radix(flags.trim(), 8).unwrap();
        assert_ne!(flags & libc::O_CLOEXEC, 0);
        assert_ne!(flags & libc::O_NONBLOCK, 0);
    }

    #[test]
    fn a_socket_takes_over_the_descriptor_number_of_another() {
        let (listener, address) = listener();
        let (first, second) = (connected(&address), Socket::open(&address).unwrap());
        let (number, own) = (first.fd(), second.fd());
        let (first_peer, _) = listener.accept().unwrap();
        let second = second.in_place_of(first);
        assert_eq!(second.fd(), number);
        assert!(sys::get_option(own, libc::SOL_SOCKET, libc::SO_TYPE).is_err());
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap();
        let flags = info.lines().find_map(|l| l.strip_prefix("flags:")).unwrap();
        let flags = i32::from_str_radix(flags.trim(), 8).unwrap();
        assert_ne!(flags & libc::O_CLOEXEC, 0);
        assert_ne!(flags & libc::O_NONBLOCK, 0);
        // The first one is closed.
        assert_eq!(std::io::Read::read(&mut &first_peer, &mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_disconnected_tcp_socket_connects_again() {
        for peer_closes in [false, true] {
            let (listener, address) = listener();
            let first = connected(&address);
            let number = first.fd();
            first.set_blocking().unwrap();
            let (mut peer, _) = listener.accept().unwrap();
            std::io::Write::write_all(&mut peer, b"not read").unwrap();
            let peer = (!peer_closes).then_some(peer);
            let again = first.disconnected().unwrap();
            assert_eq!(again.fd(), number);
            assert!(again.inner.tcp_nodelay().unwrap());
            assert!(again.inner.nonblocking().unwrap());
            if !again.connect(&address).unwrap() {
                let ready = sys::poll(number, false, true, None);
                assert_eq!(ready.unwrap(), (false, true));
            }
            assert!(again.take_error().unwrap().is_none());
            let (mut second_peer, _) = listener.accept().unwrap();
            std::io::Write::write_all(&mut second_peer, b"new").unwrap();
            sys::poll(number, true, false, None).unwrap();
            let mut bytes = [0; 16];
            assert_eq!(again.recv(&mut bytes).unwrap(), 3);
            assert_eq!(again.unreported_bytes(), Some(0));
            let end = peer.map(|mut peer| std::io::Read::read(&mut peer, &mut [0]));
            assert!(end.is_none_or(|end| !matches!(end, Ok(1..))));
        }
    }

    #[test]
    fn a_unix_socket_cannot_be_used_again() {
        assert!(connected_by_unix_socket().disconnected().is_none());
    }

    #[test]
    fn a_refused_connection_is_reported_at_once_or_by_take_error() {
        let (listener, address) = listener();
        drop(listener);
        let socket = Socket::open(&address).unwrap();
        let error = match socket.connect(&address) {
            Err(error) => error,
            Ok(done) => {
                assert!(!done);
                sys::poll(socket.fd(), false, true, None).unwrap();
                socket.take_error().unwrap().unwrap()
            }
        };
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_unix_socket_connects_at_once_and_shows_its_peer() {
        let socket = connected_by_unix_socket();
        let (uid, _) = socket.peer_credentials().unwrap();
        assert_eq!(
            sys::user_name_or_complaint(uid).unwrap(),
            sys::user_name_of_euid().unwrap()
        );
    }

    #[test]
    fn keepalive_settings_are_set_on_the_socket() {
        let (_listener, address) = listener();
        let socket = Socket::open(&address).unwrap();
        let settings = KeepAlive {
            idle: Some(77),
            interval: None,
            count: Some(5),
        };
        socket.set_keepalive(&settings).unwrap();
        socket.set_tcp_user_timeout(-9).unwrap();
        let value = |option: TcpOption| {
            let (level, number) = option.number();
            sys::get_option(socket.fd(), level, number).unwrap()
        };
        assert_eq!(value(TcpOption::KeepAlive), 1);
        assert_eq!(value(TcpOption::KeepIdle), 77);
        assert_eq!(value(TcpOption::KeepCount), 5);
        assert_eq!(value(TcpOption::UserTimeout), 0);
    }

    #[test]
    fn a_refused_option_is_named_in_the_error() {
        let (_listener, address) = listener();
        let socket = Socket::open(&address).unwrap();
        let settings = KeepAlive {
            count: Some(100_000),
            ..KeepAlive::default()
        };
        let error = socket.set_keepalive(&settings).unwrap_err();
        assert_eq!(
            error.message(),
            b"setsockopt(TCP_KEEPCNT) failed: Invalid argument"
        );
        let settings = KeepAlive {
            idle: Some(-1),
            ..KeepAlive::default()
        };
        let error = socket.set_keepalive(&settings).unwrap_err();
        assert_eq!(error.option, TcpOption::KeepIdle);
    }

    #[test]
    fn open_errors_use_libpqs_texts() {
        let error = OpenError {
            step: OpenStep::Create,
            error: io::Error::from_raw_os_error(libc::EAFNOSUPPORT),
        };
        assert_eq!(
            error.message(),
            b"could not create socket: Address family not supported by protocol"
        );
        let any: SocketAddr = "127.0.0.1:1".parse().unwrap();
        assert!(Socket::open(&any.into()).is_ok());
    }
}
