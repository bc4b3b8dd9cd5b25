//! epoll and timerfd.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;
use std::{mem, ptr};

use super::errno;

/// A new epoll set.
pub fn epoll_create() -> io::Result<OwnedFd> {
    // SAFETY: epoll_create1 takes any flags.
    owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
}

/// Adds `fd` to the set, or changes what is watched if it is a member.
pub fn epoll_watch(epoll: &OwnedFd, fd: RawFd, read: bool, write: bool) -> io::Result<()> {
    let read = if read { libc::EPOLLIN } else { 0 };
    let write = if write { libc::EPOLLOUT } else { 0 };
    let mut event = libc::epoll_event {
        events: (read | write) as u32,
        u64: 0,
    };
    let mut control = |operation| {
        // SAFETY: `event` is a valid event for the length of the call.
        unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd, &mut event) }
    };
    if control(libc::EPOLL_CTL_MOD) == 0
        || errno() == libc::ENOENT && control(libc::EPOLL_CTL_ADD) == 0
    {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

/// A timer that is not set. It becomes readable when its time has passed.
pub fn timer_create() -> io::Result<OwnedFd> {
    let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
    // SAFETY: timerfd_create takes any arguments.
    owned(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })
}

/// Sets the timer again; None stops it.
pub fn timer_set(timer: &OwnedFd, after: Option<Duration>) -> io::Result<()> {
    // All zeros would stop the timer.
    let after = after.map(|after| after.max(Duration::from_nanos(1)));
    let after = after.unwrap_or_default();
    // SAFETY: an itimerspec is a plain C struct for which all zeroes are valid.
    let mut setting: libc::itimerspec = unsafe { mem::zeroed() };
    // 68 years are enough, and fit wherever time_t does.
    setting.it_value.tv_sec = i32::try_from(after.as_secs()).unwrap_or(i32::MAX).into();
    setting.it_value.tv_nsec = after.subsec_nanos().into();
    // SAFETY: `setting` is valid, and the old one is not asked for.
    match unsafe { libc::timerfd_settime(timer.as_raw_fd(), 0, &setting, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A descriptor that a system call has just made.
fn owned(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the system made it for the caller, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
