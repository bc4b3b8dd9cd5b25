//! The old cancel request: a snapshot of plain data, sent with nothing but system calls.
//!
//! [`send`] and everything it calls are async-signal-safe, because a signal handler may call `PQcancel`. The thread may be
//! cancelled inside, so no value may need dropping.

use super::Connection;
use crate::conninfo;
use crate::conninfo::options::Opt;
use crate::mem::error_text::ErrorText;
use crate::net::socket::TcpOption;
use crate::net::sys::{self, SockAddrBytes};
use crate::protocol::codes::request;
use socket2::SockAddr;
use std::ffi::c_int;
use std::mem;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

/// The longest key that a server may send (protocol 3.2).
const LONGEST_KEY: usize = 256;
/// The length, the request code and the process id.
const HEADER: usize = 12;
/// The limit on the time that a request takes if `connect_timeout` is not set.
const DEFAULT_SECONDS: c_int = 60;
/// The least limit on the wait for the end of the connection. PgBouncer keeps a request for up to 10 seconds
/// (`cancel_wait_timeout`); if the caller went on before, the request could cancel its next command.
const LEAST_WAIT: c_int = if cfg!(test) { 1 } else { 12 };

/// What a cancel request needs to know about a connection. The settings are the texts of the options.
pub struct CancelTarget {
    /// The address that the connection uses.
    pub address: SockAddr,
    pub keepalives: Option<Vec<u8>>,
    pub keepalives_idle: Option<Vec<u8>>,
    pub keepalives_interval: Option<Vec<u8>>,
    pub keepalives_count: Option<Vec<u8>>,
    pub tcp_user_timeout: Option<Vec<u8>>,
    pub connect_timeout: Option<Vec<u8>>,
    /// The server process.
    pub pid: i32,
    /// Empty when the server sent none.
    pub key: Vec<u8>,
}

impl Connection {
    /// What PQcancel needs; None without a connection.
    pub fn cancel_target(&self) -> Option<CancelTarget> {
        self.stream.as_ref()?;
        let options = self.startup.as_ref()?.options();
        let text = |opt| options.get(opt).map(<[u8]>::to_vec);
        Some(CancelTarget {
            address: self.address.clone()?,
            keepalives: text(Opt::Keepalives),
            keepalives_idle: text(Opt::KeepalivesIdle),
            keepalives_interval: text(Opt::KeepalivesInterval),
            keepalives_count: text(Opt::KeepalivesCount),
            tcp_user_timeout: text(Opt::TcpUserTimeout),
            connect_timeout: text(Opt::ConnectTimeout),
            pid: self.session.server().process,
            key: self.session.server().key.clone(),
        })
    }
}

/// A cancel request ready to send. It holds no pointers, so a signal handler or another thread can use it, whatever happens
/// to the connection.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct CancelData {
    address: SockAddrBytes,
    /// libpq: up to version 17 these two fields were here, in the machine's byte order. ruby-pg before 1.6 reads them
    /// and sends the request itself. It refuses to cancel unless the first is the process id of the server.
    pid: c_int,
    key_word: u32,
    keepalives: c_int,
    /// Values for the options of [`OPTIONS`]. A negative value keeps the system's default.
    options: [c_int; OPTIONS.len()],
    /// The limit on the time that the request takes.
    seconds: c_int,
    packet_length: usize,
    packet: [u8; HEADER + LONGEST_KEY],
}

const _: () = assert!(
    mem::offset_of!(CancelData, pid) == 136 && mem::offset_of!(CancelData, key_word) == 140
);

/// In libpq's order.
const OPTIONS: [TcpOption; 4] = [
    TcpOption::KeepIdle,
    TcpOption::KeepInterval,
    TcpOption::KeepCount,
    TcpOption::UserTimeout,
];

impl CancelData {
    /// libpq: without a key there is still an object, and sending it fails.
    const WITHOUT_KEY: CancelData = CancelData {
        address: SockAddrBytes::EMPTY,
        pid: 0,
        key_word: 0,
        keepalives: 0,
        options: [0; OPTIONS.len()],
        seconds: DEFAULT_SECONDS,
        packet_length: 0,
        packet: [0; HEADER + LONGEST_KEY],
    };
}

/// Prepares the request for [`send`]. The error is libpq's text for an option that is not an integer.
pub fn snapshot(target: &CancelTarget) -> Result<CancelData, ErrorText> {
    let mut data = CancelData::WITHOUT_KEY;
    let length = HEADER + target.key.len();
    if target.key.is_empty() || length > data.packet.len() {
        return Ok(data);
    }
    let user_timeout = integer("tcp_user_timeout", &target.tcp_user_timeout)?;
    data.keepalives = integer("keepalives", &target.keepalives)?;
    data.options = [
        integer("keepalives_idle", &target.keepalives_idle)?,
        integer("keepalives_interval", &target.keepalives_interval)?,
        integer("keepalives_count", &target.keepalives_count)?,
        user_timeout,
    ];
    // An asynchronous connection may have an invalid value, which it does not use.
    let timeout = integer("connect_timeout", &target.connect_timeout);
    data.seconds = timeout.ok().filter(|s| *s > 0).unwrap_or(DEFAULT_SECONDS);
    data.address = SockAddrBytes::from(&target.address);
    data.pid = target.pid;
    data.key_word = target
        .key
        .first_chunk()
        .map_or(0, |word| u32::from_be_bytes(*word));
    data.packet_length = length;
    let header = [
        (length as u32).to_be_bytes(),
        request::CANCEL.to_be_bytes(),
        target.pid.to_be_bytes(),
    ];
    let packet = header.as_flattened().iter().chain(&target.key);
    data.packet
        .iter_mut()
        .zip(packet)
        .for_each(|(to, from)| *to = *from);
    Ok(data)
}

/// -1 for an option that is not set.
fn integer(option: &'static str, text: &Option<Vec<u8>>) -> Result<c_int, ErrorText> {
    text.as_deref()
        .map_or(Ok(-1), |text| conninfo::integer::parse(text, option))
}

/// Why a cancel request was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CancelFailure {
    reason: &'static [u8],
    errno: Option<c_int>,
}

impl CancelFailure {
    /// The server sent no key, so there is nothing to send.
    pub const NO_OBJECT: CancelFailure = CancelFailure {
        reason: b"PQcancel() -- no cancel object supplied",
        errno: None,
    };
    const NO_KEY: CancelFailure = CancelFailure {
        reason: b"PQcancel() -- no cancellation key received",
        errno: None,
    };

    /// libpq's text, truncated to a C buffer of `size` bytes including the NUL.
    pub fn text(&self, size: usize) -> CancelText {
        let mut text = CancelText::new(size);
        text.append(self.reason);
        // libpq: the newline is always there, even if the error number is truncated.
        if let (Some(errno), Some(room)) = (self.errno, text.room().checked_sub(1)) {
            let number = CancelText::of_error(errno);
            text.append(number.as_bytes().get(..room).unwrap_or(number.as_bytes()));
            text.append(b"\n");
        }
        text
    }
}

/// A short text on the stack.
pub struct CancelText {
    bytes: [u8; 128],
    length: usize,
    limit: usize,
}

impl CancelText {
    fn new(size: usize) -> CancelText {
        CancelText {
            bytes: [0; 128],
            length: 0,
            limit: size.min(128).saturating_sub(1),
        }
    }

    /// `error N`.
    fn of_error(errno: c_int) -> CancelText {
        let mut text = CancelText::new(32);
        text.append(b"error ");
        let (mut rest, mut digits, mut count) = (errno.unsigned_abs(), [b'0'; 10], 1);
        for (place, digit) in digits.iter_mut().rev().enumerate() {
            *digit = b'0' + (rest % 10) as u8;
            if rest != 0 {
                count = place + 1;
            }
            rest /= 10;
        }
        text.append(digits.get(digits.len() - count..).unwrap_or_default());
        text
    }

    fn room(&self) -> usize {
        self.limit - self.length
    }

    /// Appends as many bytes as fit.
    fn append(&mut self, more: &[u8]) {
        let places = self.bytes.iter_mut().take(self.limit).skip(self.length);
        let taken = places.zip(more).map(|(to, from)| *to = *from).count();
        self.length += taken;
    }

    /// The text without a NUL.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Connection {
    /// Builds the request that PQrequestCancel sends; None with an error text.
    pub fn cancel_request(&mut self) -> Option<CancelData> {
        let data = match self.cancel_target() {
            Some(target) => request(&target),
            None => Err(b"PQrequestCancel() -- connection is not open\n".into()),
        };
        data.map_err(|text| self.replace_error(&text)).ok()
    }
}

/// [`snapshot`]; `Err` is the complete text of the connection's error message.
fn request(target: &CancelTarget) -> Result<CancelData, ErrorText> {
    snapshot(target).map_err(|message| ErrorText::concat(&[&message, b"\n"]))
}

/// Sends the request and waits until the server closes the connection, but not longer than the request may take. Keeps
/// errno.
pub fn send(data: &CancelData) -> Result<(), CancelFailure> {
    let saved = sys::errno();
    let outcome = attempt(data);
    sys::set_errno(saved);
    outcome
}

fn attempt(data: &CancelData) -> Result<(), CancelFailure> {
    let packet = match data.packet.get(..data.packet_length) {
        Some(packet) if !packet.is_empty() => packet,
        _ => return Err(CancelFailure::NO_KEY),
    };
    let fd = sys::raw_socket(data.address.family())
        .map_err(failed(b"PQcancel() -- socket() failed: "))?;
    let outcome = exchange(fd, data, packet);
    sys::raw_close(fd);
    outcome
}

fn exchange(fd: RawFd, data: &CancelData, packet: &[u8]) -> Result<(), CancelFailure> {
    if data.address.family() != libc::AF_UNIX && data.keepalives != 0 {
        set_options(fd, data)?;
    }
    sys::raw_connect(fd, &data.address, deadline(data.seconds))
        .map_err(failed(b"PQcancel() -- connect() failed: "))?;
    sys::raw_send_all(fd, packet).map_err(failed(b"PQcancel() -- send() failed: "))?;
    // Otherwise the next command could be cancelled instead. libpq: the end of this wait is not checked.
    sys::raw_await_close(fd, deadline(data.seconds.max(LEAST_WAIT)));
    Ok(())
}

fn deadline(seconds: c_int) -> Instant {
    let now = Instant::now();
    let limit = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    now.checked_add(limit).unwrap_or(now)
}

fn set_options(fd: RawFd, data: &CancelData) -> Result<(), CancelFailure> {
    set_option(fd, TcpOption::KeepAlive, 1)?;
    for (option, value) in OPTIONS.iter().zip(data.options) {
        set_option(fd, *option, value)?;
    }
    Ok(())
}

fn set_option(fd: RawFd, option: TcpOption, value: c_int) -> Result<(), CancelFailure> {
    if value < 0 {
        return Ok(());
    }
    let (level, number) = option.number();
    sys::set_option(fd, level, number, value)
        .map_err(|error| failed(refused(option))(error.raw_os_error().unwrap_or(0)))
}

/// Spelled out, because texts cannot be concatenated here.
fn refused(option: TcpOption) -> &'static [u8] {
    match option {
        TcpOption::KeepAlive => b"PQcancel() -- setsockopt(SO_KEEPALIVE) failed: ",
        TcpOption::KeepIdle => b"PQcancel() -- setsockopt(TCP_KEEPIDLE) failed: ",
        TcpOption::KeepInterval => b"PQcancel() -- setsockopt(TCP_KEEPINTVL) failed: ",
        TcpOption::KeepCount => b"PQcancel() -- setsockopt(TCP_KEEPCNT) failed: ",
        TcpOption::UserTimeout => b"PQcancel() -- setsockopt(TCP_USER_TIMEOUT) failed: ",
    }
}

fn failed(reason: &'static [u8]) -> impl Fn(c_int) -> CancelFailure {
    move |errno| CancelFailure {
        reason,
        errno: Some(errno),
    }
}

#[cfg(test)]
mod tests;
