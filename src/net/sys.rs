//! System calls that the standard library does not offer, as safe functions.

use crate::mem::error_text::ErrorText;
use socket2::SockAddr;
use std::ffi::{CStr, CString, OsString, c_char, c_int, c_void};
use std::fs::File;
use std::io;
use std::mem::{self, MaybeUninit};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{IntoRawFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::ptr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub use cancellation::without_cancellation;
#[cfg(feature = "oauth")]
pub use epoll::{epoll_create, epoll_watch, timer_create, timer_set};
pub use tcp_bytes::tcp_bytes_read;

/// Waits until `fd` is ready for reading or writing, or until `timeout` has passed (None: no limit).
///
/// An error or hang-up counts as both: the next read or write will report it. Retries after `EINTR` with the remaining time.
/// `(false, false)` means that the time is over.
pub fn poll(
    fd: RawFd,
    read: bool,
    write: bool,
    timeout: Option<Duration>,
) -> io::Result<(bool, bool)> {
    let mut entry = poll_entry(fd, read, write);
    match timeout.and_then(|timeout| Instant::now().checked_add(timeout)) {
        None => poll_to_the_end(&mut entry, None)?,
        deadline => poll_to_the_end(&mut entry, deadline)?,
    }
    let other = entry.revents & !(libc::POLLIN | libc::POLLOUT) != 0;
    let readable = read && (other || entry.revents & libc::POLLIN != 0);
    let writable = write && (other || entry.revents & libc::POLLOUT != 0);
    Ok((readable, writable))
}

/// Polls until something is ready or the deadline has passed. Inlined, because it is short without a deadline.
#[inline(always)]
fn poll_to_the_end(entry: &mut libc::pollfd, deadline: Option<Instant>) -> io::Result<()> {
    loop {
        match poll_once(entry, deadline.map_or(-1, remaining_ms)) {
            -1 if errno() == libc::EINTR => continue,
            -1 => return Err(io::Error::last_os_error()),
            // The timeout exceeded poll's range, or poll returned up to a millisecond early.
            0 if deadline.is_some_and(|deadline| Instant::now() < deadline) => continue,
            _ => return Ok(()),
        }
    }
}

/// Milliseconds to `deadline`, rounded up so that the last millisecond is not a busy loop.
fn remaining_ms(deadline: Instant) -> c_int {
    let left = deadline.saturating_duration_since(Instant::now());
    c_int::try_from(left.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX)
}

fn poll_entry(fd: RawFd, read: bool, write: bool) -> libc::pollfd {
    let read = if read { libc::POLLIN } else { 0 };
    let write = if write { libc::POLLOUT } else { 0 };
    libc::pollfd {
        fd,
        events: libc::POLLERR | read | write,
        revents: 0,
    }
}

fn poll_once(entry: &mut libc::pollfd, timeout_ms: c_int) -> c_int {
    // SAFETY: `entry` is one valid pollfd.
    unsafe { libc::poll(entry, 1, timeout_ms) }
}

/// Microseconds since the Unix epoch, the clock of `PQgetCurrentTimeUSec`.
pub fn now_usec() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |us| -us),
    }
}

/// The local time as `YYYY-MM-DD HH:MM:SS.uuuuuu`.
pub fn local_time() -> Vec<u8> {
    let now = now_usec();
    let seconds = now.div_euclid(1_000_000);
    let mut broken_down = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid; where it fails, the zeroes stay.
    unsafe { libc::localtime_r(&seconds, broken_down.as_mut_ptr()) };
    // SAFETY: all zeroes are a valid tm, and localtime_r writes valid ones.
    let t = unsafe { broken_down.assume_init() };
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}",
        t.tm_year + 1900,
        t.tm_mon + 1,
        t.tm_mday,
        t.tm_hour,
        t.tm_min,
        t.tm_sec,
        now.rem_euclid(1_000_000)
    )
    .into_bytes()
}

/// This process' id.
pub fn process_id() -> u32 {
    std::process::id()
}

/// One `recv`; does not retry or wait.
pub fn recv(fd: RawFd, buf: &mut [u8], flags: c_int) -> io::Result<usize> {
    // SAFETY: `buf` is writable for its length.
    let n = unsafe { libc::recv(fd, buf.as_mut_ptr().cast(), buf.len(), flags) };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Makes the descriptor number `to` refer to the file of `from`, atomically. Closes what `to` referred to. The new
/// descriptor is close-on-exec.
pub fn duplicate_onto(from: RawFd, to: RawFd) -> io::Result<()> {
    loop {
        // SAFETY: dup3 touches no memory. The callers own both descriptors.
        if unsafe { libc::dup3(from, to, libc::O_CLOEXEC) } >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        // Linux: EBUSY is a race with another thread's open.
        if !matches!(error.raw_os_error(), Some(libc::EINTR | libc::EBUSY)) {
            return Err(error);
        }
    }
}

/// One `send`; does not retry or wait. The caller passes `MSG_NOSIGNAL`.
pub fn send(fd: RawFd, buf: &[u8], flags: c_int) -> io::Result<usize> {
    // SAFETY: `buf` is readable for its length.
    let n = unsafe { libc::send(fd, buf.as_ptr().cast(), buf.len(), flags) };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// `setsockopt` with an `int` value. Async-signal-safe.
pub fn set_option(fd: RawFd, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    let size = mem::size_of::<c_int>() as libc::socklen_t;
    // SAFETY: `value` is an int of `size` bytes that outlives the call.
    let rc = unsafe { libc::setsockopt(fd, level, option, (&raw const value).cast(), size) };
    if rc == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The `int` value of a socket option.
#[cfg(test)]
pub fn get_option(fd: RawFd, level: c_int, option: c_int) -> io::Result<c_int> {
    let mut value: c_int = 0;
    let mut size = mem::size_of::<c_int>() as libc::socklen_t;
    // SAFETY: `value` has room for the `size` bytes the kernel may write.
    let rc = unsafe { libc::getsockopt(fd, level, option, (&raw mut value).cast(), &mut size) };
    if rc == 0 {
        Ok(value)
    } else {
        Err(io::Error::last_os_error())
    }
}

/// User and group id of the process at the other end of a Unix-domain socket.
pub fn peer_credentials(fd: RawFd) -> io::Result<(libc::uid_t, libc::gid_t)> {
    let mut peer = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut size = mem::size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: `peer` has room for the `size` bytes the kernel may write.
    let rc = unsafe {
        let (level, option) = (libc::SOL_SOCKET, libc::SO_PEERCRED);
        libc::getsockopt(fd, level, option, (&raw mut peer).cast(), &mut size)
    };
    if rc != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((peer.uid, peer.gid))
}

/// Closes a file. `Err` is the errno of a write that failed late.
pub fn close_file(file: File) -> Result<(), c_int> {
    // SAFETY: the descriptor was the file's own, and nobody else has it now.
    match unsafe { libc::close(file.into_raw_fd()) } {
        0 => Ok(()),
        _ => Err(errno()),
    }
}

// ---- password database ----

/// The name of the effective user, or libpq's text for the failure.
pub fn user_name_of_euid() -> Result<Vec<u8>, ErrorText> {
    user_name_or_complaint(effective_user())
}

/// The name of user `uid`, or libpq's text for the failure.
pub fn user_name_or_complaint(uid: libc::uid_t) -> Result<Vec<u8>, ErrorText> {
    match passwd_entry(uid, |entry| entry.pw_name) {
        Ok(Some(name)) => Ok(name),
        Ok(None) => Err(format!("local user with ID {uid} does not exist").into()),
        Err(code) => {
            let what = format!("could not look up local user ID {uid}: ");
            Err(ErrorText::concat(&[what.as_bytes(), &strerror(code)]))
        }
    }
}

/// The effective user's home directory in the password database (not `$HOME`).
pub fn home_directory() -> Option<PathBuf> {
    let home = passwd_entry(effective_user(), |entry| entry.pw_dir).ok()??;
    Some(PathBuf::from(OsString::from_vec(home)))
}

/// The real user id.
#[cfg(feature = "gss")]
pub fn user_id() -> libc::uid_t {
    // SAFETY: getuid has no preconditions.
    unsafe { libc::getuid() }
}

/// The effective user id.
pub fn effective_user() -> libc::uid_t {
    // SAFETY: geteuid has no preconditions.
    unsafe { libc::geteuid() }
}

/// One field of the entry for `uid`; `Err` is an errno.
fn passwd_entry(
    uid: libc::uid_t,
    field: fn(&libc::passwd) -> *mut c_char,
) -> Result<Option<Vec<u8>>, c_int> {
    const LARGEST: usize = 1 << 20;
    let mut buffer = vec![0_u8; 1 << 12];
    loop {
        match passwd_lookup(uid, &mut buffer, field) {
            Err(libc::ERANGE) if buffer.len() < LARGEST => buffer.resize(buffer.len() * 2, 0),
            Err(libc::EINTR) => continue,
            outcome => return outcome,
        }
    }
}

fn passwd_lookup(
    uid: libc::uid_t,
    buffer: &mut [u8],
    field: fn(&libc::passwd) -> *mut c_char,
) -> Result<Option<Vec<u8>>, c_int> {
    let mut entry = MaybeUninit::<libc::passwd>::uninit();
    let mut found = ptr::null_mut();
    let (text, size) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: all pointers are valid; `buffer` is writable for `size` bytes.
    let rc = unsafe { libc::getpwuid_r(uid, entry.as_mut_ptr(), text, size, &mut found) };
    if rc != 0 {
        return Err(rc);
    }
    // SAFETY: `found` is NULL or points to `entry`, which then is filled in.
    let Some(entry) = (unsafe { found.as_ref() }) else {
        return Ok(None);
    };
    // SAFETY: NULL, or a C string inside `buffer`.
    Ok(unsafe { copy_of(field(entry)) })
}

/// A copy of a C string, None for NULL.
///
/// # Safety
/// `text` is NULL or points to a NUL-terminated string.
unsafe fn copy_of(text: *const c_char) -> Option<Vec<u8>> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not NULL, and NUL-terminated by the caller's promise.
    Some(unsafe { CStr::from_ptr(text) }.to_bytes().to_vec())
}

// ---- texts of the C library ----

/// The C library's text for `code`.
pub fn strerror(code: c_int) -> Vec<u8> {
    let mut buffer = [0_u8; 256];
    // SAFETY: `buffer` is writable for its length.
    let rc = unsafe { libc::strerror_r(code, buffer.as_mut_ptr().cast(), buffer.len()) };
    match CStr::from_bytes_until_nul(&buffer) {
        Ok(text) if rc == 0 || !text.is_empty() => text.to_bytes().to_vec(),
        _ => format!("operating system error {code}").into_bytes(),
    }
}

/// The C library's text for an error of a system call.
pub fn error_text(error: &io::Error) -> Vec<u8> {
    match error.raw_os_error() {
        Some(code) => strerror(code),
        None => error.to_string().into_bytes(),
    }
}

/// The name of the process's character locale (`setlocale(LC_CTYPE, NULL)`).
pub fn character_locale() -> Vec<u8> {
    // SAFETY: NULL changes nothing; the answer is NULL or a C string, copied at once.
    unsafe { copy_of(libc::setlocale(libc::LC_CTYPE, ptr::null())) }.unwrap_or_default()
}

/// The character set of a locale (`nl_langinfo(CODESET)`); None if the locale does not exist. Does not change the
/// process's own locale.
pub fn codeset(locale: &[u8]) -> Option<Vec<u8>> {
    let name = CString::new(locale).ok()?;
    // SAFETY: the name is a C string, and no base locale is given.
    let locale = unsafe { libc::newlocale(libc::LC_CTYPE_MASK, name.as_ptr(), ptr::null_mut()) };
    if locale.is_null() {
        return None;
    }
    // SAFETY: `locale` is valid; the text lives at least as long as it does.
    let codeset = unsafe { copy_of(libc::nl_langinfo_l(libc::CODESET, locale)) };
    // SAFETY: `locale` came from newlocale and is not used again.
    unsafe { libc::freelocale(locale) };
    codeset
}

// ---- name resolution ----

/// The stream addresses of `host` (None: loopback), in the resolver's order; `Err` is an `EAI_` code.
pub fn getaddrinfo(
    host: Option<&[u8]>,
    port: u16,
    numeric: bool,
) -> Result<Vec<SocketAddr>, c_int> {
    let host = host.map(CString::new).transpose();
    let host = host.map_err(|_| libc::EAI_NONAME)?;
    let service = CString::new(port.to_string()).map_err(|_| libc::EAI_SERVICE)?;
    // SAFETY: addrinfo is a plain C struct for which all zeros are "no hints".
    let mut hints: libc::addrinfo = unsafe { mem::zeroed() };
    hints.ai_family = libc::AF_UNSPEC;
    hints.ai_socktype = libc::SOCK_STREAM;
    hints.ai_flags = if numeric { libc::AI_NUMERICHOST } else { 0 };
    let node = host.as_ref().map_or(ptr::null(), |host| host.as_ptr());
    let mut list = ptr::null_mut();
    // SAFETY: `node` is NULL or a C string, `service` a C string, `list` a place for the result.
    let rc = unsafe { libc::getaddrinfo(node, service.as_ptr(), &hints, &mut list) };
    if rc != 0 {
        return Err(rc);
    }
    // SAFETY: getaddrinfo succeeded, so `list` is a valid list that nobody else owns.
    Ok(unsafe { take_addresses(list) })
}

/// Copies the IPv4 and IPv6 addresses of `list` and frees it.
///
/// # Safety
/// `list` came from `getaddrinfo` and is not used again.
unsafe fn take_addresses(list: *mut libc::addrinfo) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    // SAFETY: NULL or a valid node, by the caller's promise.
    let mut next = unsafe { list.as_ref() };
    while let Some(node) = next {
        // SAFETY: the node's address is NULL or as its length says.
        addresses.extend(unsafe { socket_address(node.ai_addr, node.ai_addrlen) });
        // SAFETY: NULL or the list's next valid node.
        next = unsafe { node.ai_next.as_ref() };
    }
    // SAFETY: the list came from getaddrinfo and no reference into it is left.
    unsafe { libc::freeaddrinfo(list) };
    addresses
}

/// An Internet address as a Rust type; None for other families.
///
/// # Safety
/// `address` is NULL or points to `length` readable bytes.
unsafe fn socket_address(
    address: *const libc::sockaddr,
    length: libc::socklen_t,
) -> Option<SocketAddr> {
    let length = length as usize;
    if address.is_null() || length < mem::size_of::<libc::sockaddr>() {
        return None;
    }
    // SAFETY: at least a sockaddr is readable.
    match c_int::from(unsafe { (*address).sa_family }) {
        libc::AF_INET if length >= mem::size_of::<libc::sockaddr_in>() => {
            // SAFETY: the length suffices for an IPv4 address; unaligned reads need no more.
            let v4 = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 if length >= mem::size_of::<libc::sockaddr_in6>() => {
            // SAFETY: the length suffices for an IPv6 address; unaligned reads need no more.
            let v6 = unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
            let (ip, port) = (
                Ipv6Addr::from(v6.sin6_addr.s6_addr),
                u16::from_be(v6.sin6_port),
            );
            Some(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// The C library's text for an `EAI_` code.
pub fn gai_strerror(code: c_int) -> Vec<u8> {
    // SAFETY: gai_strerror takes any code and answers a static C string.
    unsafe { copy_of(libc::gai_strerror(code)) }.unwrap_or_default()
}

// ---- PQcancel: everything below is async-signal-safe (no memory, locks, locale, stdio) ----
//
// A thread may be cancelled in these calls: nothing here or in the callers may need dropping or catch panics.

/// The system calls that are cancellation points.
mod cancellable {
    use std::ffi::{c_int, c_void};

    unsafe extern "C-unwind" {
        pub fn connect(fd: c_int, address: *const libc::sockaddr, length: libc::socklen_t)
        -> c_int;
        pub fn send(fd: c_int, place: *const c_void, length: usize, flags: c_int) -> isize;
        pub fn recv(fd: c_int, place: *mut c_void, length: usize, flags: c_int) -> isize;
        pub fn close(fd: c_int) -> c_int;
    }
}

/// A socket address as plain bytes, which a signal handler can read.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub struct SockAddrBytes {
    bytes: [u8; mem::size_of::<libc::sockaddr_storage>()],
    length: libc::socklen_t,
}

impl SockAddrBytes {
    /// No address: family 0, length 0.
    pub const EMPTY: SockAddrBytes = SockAddrBytes {
        bytes: [0; mem::size_of::<libc::sockaddr_storage>()],
        length: 0,
    };

    /// The address family (`AF_...`).
    pub fn family(&self) -> c_int {
        let [a, b, ..] = self.bytes;
        c_int::from(libc::sa_family_t::from_ne_bytes([a, b]))
    }
}

impl From<&SockAddr> for SockAddrBytes {
    fn from(address: &SockAddr) -> SockAddrBytes {
        let mut copy = SockAddrBytes::EMPTY;
        let length = (address.len() as usize).min(copy.bytes.len());
        // SAFETY: a SockAddr's storage is initialised and as large as `copy.bytes`; they cannot overlap.
        unsafe {
            ptr::copy_nonoverlapping(address.as_ptr().cast(), copy.bytes.as_mut_ptr(), length);
        }
        copy.length = length as libc::socklen_t;
        copy
    }
}

/// The calling thread's errno.
pub fn errno() -> c_int {
    // SAFETY: the location is valid for the calling thread.
    unsafe { *libc::__errno_location() }
}

/// Sets the calling thread's errno.
pub fn set_errno(code: c_int) {
    // SAFETY: the location is valid for the calling thread.
    unsafe { *libc::__errno_location() = code };
}

/// A blocking stream socket of `family`; `Err` is an errno.
pub fn raw_socket(family: c_int) -> Result<RawFd, c_int> {
    // SAFETY: socket takes any arguments.
    let fd = unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 { Err(errno()) } else { Ok(fd) }
}

/// Connects and waits until that is done; `Err` is an errno.
pub fn raw_connect(fd: RawFd, address: &SockAddrBytes) -> Result<(), c_int> {
    let place: *const libc::sockaddr = address.bytes.as_ptr().cast();
    loop {
        // SAFETY: `length` bytes are readable at `place`.
        if unsafe { cancellable::connect(fd, place, address.length) } == 0 {
            return Ok(());
        }
        match errno() {
            // On Linux, a second connect resumes the wait.
            libc::EINTR => continue,
            // The connection was established between the interruption and the second call.
            libc::EISCONN => return Ok(()),
            code => return Err(code),
        }
    }
}

/// Sends all of `packet` without SIGPIPE; `Err` is an errno.
pub fn raw_send_all(fd: RawFd, mut packet: &[u8]) -> Result<(), c_int> {
    while !packet.is_empty() {
        let (place, length) = (packet.as_ptr().cast(), packet.len());
        // SAFETY: `length` bytes are readable at `place`.
        let n = unsafe { cancellable::send(fd, place, length, libc::MSG_NOSIGNAL) };
        match usize::try_from(n) {
            Ok(sent) => packet = packet.get(sent..).unwrap_or_default(),
            Err(_) if errno() == libc::EINTR => continue,
            Err(_) => return Err(errno()),
        }
    }
    Ok(())
}

/// Waits for one byte, the end of the stream or an error.
pub fn raw_await_close(fd: RawFd) {
    let mut byte = 0_u8;
    loop {
        let place: *mut c_void = (&raw mut byte).cast();
        // SAFETY: one byte is writable at `place`.
        if unsafe { cancellable::recv(fd, place, 1, 0) } >= 0 || errno() != libc::EINTR {
            return;
        }
    }
}

/// Closes a socket made by [`raw_socket`].
pub fn raw_close(fd: RawFd) {
    // SAFETY: close takes any number; the caller made this descriptor and drops it here.
    unsafe { cancellable::close(fd) };
}

mod cancellation;
#[cfg(feature = "oauth")]
mod epoll;
mod tcp_bytes;
#[cfg(test)]
mod tests;
