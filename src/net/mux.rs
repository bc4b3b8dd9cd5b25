//! One descriptor for a socket and a timer: it is readable when one of them is ready.

use super::sys;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// An epoll set with a timer in it, and at most one socket.
#[derive(Debug)]
pub struct Mux {
    epoll: OwnedFd,
    timer: OwnedFd,
}

impl Mux {
    pub fn new() -> io::Result<Mux> {
        let mux = Mux {
            epoll: sys::epoll_create()?,
            timer: sys::timer_create()?,
        };
        sys::epoll_watch(&mux.epoll, mux.timer.as_raw_fd(), true, false)?;
        Ok(mux)
    }

    /// Watches the socket `fd`, until it is closed.
    pub fn watch(&self, fd: RawFd, read: bool, write: bool) -> io::Result<()> {
        sys::epoll_watch(&self.epoll, fd, read, write)
    }

    /// Sets the timer again; None stops it.
    pub fn set_timer(&self, after: Option<Duration>) -> io::Result<()> {
        sys::timer_set(&self.timer, after)
    }

    /// The descriptor to poll for reading, which this object owns.
    pub fn fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    fn is_readable(mux: &Mux, wait: u64) -> bool {
        let wait = Duration::from_millis(wait);
        sys::poll(mux.fd(), true, false, Some(wait)).unwrap().0
    }

    #[test]
    fn a_timer_makes_it_readable_until_it_is_set_again() {
        let mux = Mux::new().unwrap();
        assert!(!is_readable(&mux, 0));
        mux.set_timer(Some(Duration::from_millis(20))).unwrap();
        assert!(is_readable(&mux, 5000));
        assert!(is_readable(&mux, 0));
        mux.set_timer(None).unwrap();
        assert!(!is_readable(&mux, 0));
        mux.set_timer(Some(Duration::ZERO)).unwrap();
        assert!(is_readable(&mux, 5000));
        mux.set_timer(Some(Duration::MAX)).unwrap();
        assert!(!is_readable(&mux, 0));
    }

    #[test]
    fn a_socket_makes_it_readable_as_long_as_it_is_open() {
        let mux = Mux::new().unwrap();
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        mux.watch(ours.as_raw_fd(), true, false).unwrap();
        assert!(!is_readable(&mux, 0));
        theirs.write_all(b"x").unwrap();
        assert!(is_readable(&mux, 5000));
        mux.watch(ours.as_raw_fd(), false, false).unwrap();
        assert!(!is_readable(&mux, 0));
        mux.watch(ours.as_raw_fd(), true, true).unwrap();
        assert!(is_readable(&mux, 5000));
        drop(ours);
        assert!(!is_readable(&mux, 0));
        assert!(mux.watch(-1, true, false).is_err());
    }
}
