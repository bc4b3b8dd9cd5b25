//! The kernel's count of the bytes of a TCP connection.

use std::ffi::c_int;
use std::mem;
use std::os::fd::RawFd;

/// How many bytes the process has read from a TCP connection; None if the system does not know.
pub fn tcp_bytes_read(fd: RawFd) -> Option<u64> {
    const TRIES: usize = 100;
    for _ in 0..TRIES {
        let arrived = tcp_bytes_arrived(fd)?;
        let waiting = bytes_to_read(fd)?;
        // The end of the stream counts as one byte that is never read.
        let end = u64::from(is_half_closed(fd));
        // Nothing arrived in between.
        if tcp_bytes_arrived(fd)? == arrived {
            return arrived.checked_sub(waiting)?.checked_sub(end);
        }
    }
    None
}

/// tcpi_bytes_received in the kernel's `struct tcp_info`.
fn tcp_bytes_arrived(fd: RawFd) -> Option<u64> {
    const PLACE: usize = 128;
    let mut info = [0u64; 32];
    let mut size = mem::size_of_val(&info) as libc::socklen_t;
    let place = info.as_mut_ptr().cast();
    // SAFETY: `info` has room for the `size` bytes the kernel may write.
    let rc = unsafe { libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, place, &mut size) };
    let known = rc == 0 && size as usize >= PLACE + mem::size_of::<u64>();
    known.then(|| info[PLACE / mem::size_of::<u64>()])
}

fn bytes_to_read(fd: RawFd) -> Option<u64> {
    let mut count: c_int = 0;
    // SAFETY: FIONREAD writes a number.
    let rc = unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut count) };
    u64::try_from(count).ok().filter(|_| rc == 0)
}

/// Whether the peer has closed its side of the connection.
fn is_half_closed(fd: RawFd) -> bool {
    let mut entry = libc::pollfd {
        fd,
        events: libc::POLLRDHUP,
        revents: 0,
    };
    // SAFETY: `entry` is one valid pollfd.
    unsafe { libc::poll(&mut entry, 1, 0) > 0 && entry.revents & libc::POLLRDHUP != 0 }
}
