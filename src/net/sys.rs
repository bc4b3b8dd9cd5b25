//! System calls that the standard library does not offer, as safe functions.

mod addresses;
mod cancellation;
#[cfg(feature = "oauth")]
mod epoll;
mod locale;
mod random;
mod signal_safe;
mod tcp_bytes;
mod users;

pub use addresses::{gai_strerror, getaddrinfo};
pub use cancellation::without_cancellation;
#[cfg(feature = "oauth")]
pub use epoll::{epoll_create, epoll_watch, timer_create, timer_set};
pub use locale::{character_locale, codeset};
pub use random::has_random_bytes;
pub use signal_safe::{
    SockAddrBytes, raw_await_close, raw_close, raw_connect, raw_send_all, raw_socket,
};
pub use tcp_bytes::tcp_bytes_read;
#[cfg(feature = "gss")]
pub use users::{effective_user, user_id};
pub use users::{home_directory, user_name_of_euid, user_name_or_complaint};

use std::ffi::{CStr, c_char, c_int};
use std::fs::File;
use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{IntoRawFd, RawFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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

/// Ends a TCP connection, so that its socket can connect again.
pub fn disconnect(fd: RawFd) -> io::Result<()> {
    let nowhere = libc::sockaddr {
        sa_family: libc::AF_UNSPEC as libc::sa_family_t,
        sa_data: [0; 14],
    };
    let size = mem::size_of_val(&nowhere) as libc::socklen_t;
    // SAFETY: `nowhere` is an address of `size` bytes.
    match unsafe { libc::connect(fd, &raw const nowhere, size) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
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

#[cfg(test)]
mod tests;
