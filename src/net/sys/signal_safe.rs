//! The system calls of PQcancel. They are async-signal-safe: no memory, locks, locale or stdio.
//!
//! A thread may be cancelled in these calls: nothing here or in the callers may need dropping or catch panics.

use socket2::SockAddr;
use std::ffi::{c_int, c_void};
use std::os::fd::RawFd;
use std::time::Instant;
use std::{mem, ptr};

use super::errno;

/// The system calls that are cancellation points.
mod cancellable {
    use std::ffi::{c_int, c_void};

    // Newer compilers refuse another ABI for close than the standard library's, which does not expect cancellation in it.
    #[allow(unknown_lints, invalid_runtime_symbol_definitions)]
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

/// A blocking stream socket of `family`; `Err` is an errno.
pub fn raw_socket(family: c_int) -> Result<RawFd, c_int> {
    // SAFETY: socket takes any arguments.
    let fd = unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 { Err(errno()) } else { Ok(fd) }
}

/// Makes calls that wait in `direction` (`SO_SNDTIMEO`, `SO_RCVTIMEO`) fail at `deadline`. `Err` if it has passed.
fn raw_limit(fd: RawFd, direction: c_int, deadline: Instant) -> Result<(), c_int> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(libc::ETIMEDOUT);
    }
    let left = libc::timeval {
        tv_sec: i32::try_from(left.as_secs()).unwrap_or(i32::MAX).into(),
        // Zero would mean no limit.
        tv_usec: left.subsec_micros().max(1).into(),
    };
    let (place, size) = ((&raw const left).cast(), mem::size_of_val(&left));
    // SAFETY: `size` bytes are readable at `place`. If setsockopt fails, there is no limit.
    unsafe {
        libc::setsockopt(
            fd,
            libc::SOL_SOCKET,
            direction,
            place,
            size as libc::socklen_t,
        )
    };
    Ok(())
}

/// Connects and waits until that is done; `Err` is an errno.
pub fn raw_connect(fd: RawFd, address: &SockAddrBytes, deadline: Instant) -> Result<(), c_int> {
    let place: *const libc::sockaddr = address.bytes.as_ptr().cast();
    loop {
        raw_limit(fd, libc::SO_SNDTIMEO, deadline)?;
        // SAFETY: `length` bytes are readable at `place`.
        if unsafe { cancellable::connect(fd, place, address.length) } == 0 {
            return Ok(());
        }
        match errno() {
            // On Linux, a second connect resumes the wait. At the deadline, TCP returns the last two.
            libc::EINTR | libc::EINPROGRESS | libc::EALREADY => continue,
            // The connection was established between the interruption and the second call.
            libc::EISCONN => return Ok(()),
            // A Unix socket returns it at the deadline.
            libc::EAGAIN if Instant::now() >= deadline => return Err(libc::ETIMEDOUT),
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

/// Waits for one byte, the end of the stream, an error or the deadline.
pub fn raw_await_close(fd: RawFd, deadline: Instant) {
    let mut byte = 0_u8;
    while raw_limit(fd, libc::SO_RCVTIMEO, deadline).is_ok() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    #[test]
    fn addresses_come_back_as_plain_bytes() {
        let address: SocketAddr = "[::1]:5432".parse().unwrap();
        let bytes = SockAddrBytes::from(&SockAddr::from(address));
        assert_eq!(bytes.family(), libc::AF_INET6);
        assert_eq!(bytes.length as usize, mem::size_of::<libc::sockaddr_in6>());
        assert_eq!(SockAddrBytes::EMPTY.family(), 0);
    }
}
