//! The waits of blocking calls.
//!
//! A thread may be cancelled with pthread_cancel while it waits. That unwinds all frames from here up to the
//! application's. So no frame on the way may hold a value that must be dropped, or catch panics. For this reason, the
//! client only says what to wait for, and these functions and the exported functions that wait have the `C-unwind` ABI.
//! Everything else in the library runs with cancellation disabled: see `net::sys::without_cancellation`.

use std::ffi::{c_int, c_void};
use std::time::Instant;

use super::conn::pg_conn;
use crate::client::wait::{Input, Output};
use crate::client::{Wait, Waited};

unsafe extern "C-unwind" {
    fn poll(entries: *mut libc::pollfd, count: libc::nfds_t, timeout: c_int) -> c_int;
    fn recv(fd: c_int, place: *mut c_void, room: usize, flags: c_int) -> isize;
    fn send(fd: c_int, place: *const c_void, length: usize, flags: c_int) -> isize;
}

/// Waits for what a step of `conn` asked for, and reports the outcome to the client.
///
/// # Safety
/// `conn` is a live connection whose step has just returned `wait`; nobody borrows it.
#[inline]
pub unsafe fn wait_and_report(conn: *mut pg_conn, wait: Wait) {
    // SAFETY: the caller's promise; the client keeps the buffer until it knows the outcome.
    unsafe {
        let waited = match wait {
            Wait::Input(input) => receive(input),
            Wait::Poll {
                descriptor,
                read,
                write,
                deadline,
            } => await_ready(descriptor, read, write, deadline),
        };
        (*conn).client.waited(waited);
    }
}

/// # Safety
/// The input points to a buffer of the size that it says.
#[inline]
pub unsafe fn receive(input: Input) -> Waited {
    let Input {
        descriptor,
        place,
        room,
        poll: mut polls,
    } = input;
    // SAFETY: the caller's promise, and errno's place is the thread's own.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        loop {
            if polls && let Waited::PollFailed(code) = await_ready(descriptor, true, false, None) {
                return Waited::PollFailed(code);
            }
            let flags = if polls { libc::MSG_DONTWAIT } else { 0 };
            let count = recv(descriptor, place.cast(), room, flags);
            if let Ok(count) = usize::try_from(count) {
                return Waited::Received(count);
            }
            match std::mem::replace(&mut *errno, before) {
                libc::EINTR => {}
                libc::EAGAIN => polls = true,
                code => return Waited::ReceiveFailed(code),
            }
        }
    }
}

/// # Safety
/// None; poll takes any descriptor.
unsafe fn await_ready(
    descriptor: c_int,
    read: bool,
    write: bool,
    deadline: Option<Instant>,
) -> Waited {
    // SAFETY: errno's place is the thread's own.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        loop {
            let ready = poll_once(descriptor, read, write, deadline.map_or(-1, remaining_ms));
            let code = std::mem::replace(&mut *errno, before);
            match ready {
                1.. => return Waited::Ready,
                // The timeout was longer than poll can express, or poll returned up to a millisecond early.
                0 if deadline.is_some_and(|deadline| Instant::now() < deadline) => {}
                0 => return Waited::TooLong,
                _ if code == libc::EINTR => {}
                _ => return Waited::PollFailed(code),
            }
        }
    }
}

/// Milliseconds until `deadline`, rounded up so that the last millisecond is not a busy loop.
fn remaining_ms(deadline: Instant) -> c_int {
    let left = deadline.saturating_duration_since(Instant::now());
    c_int::try_from(left.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX)
}

/// Calls `poll` once, without a retry. Sets errno if it fails.
///
/// # Safety
/// None; poll takes any descriptor.
pub unsafe fn poll_once(descriptor: c_int, read: bool, write: bool, timeout_ms: c_int) -> c_int {
    let read = if read { libc::POLLIN } else { 0 };
    let write = if write { libc::POLLOUT } else { 0 };
    let mut entry = libc::pollfd {
        fd: descriptor,
        events: libc::POLLERR | read | write,
        revents: 0,
    };
    // SAFETY: `entry` is one valid pollfd.
    unsafe { poll(&mut entry, 1, timeout_ms) }
}

/// Sends as much as the socket takes without waiting. Like any `send`, it is a cancellation point.
///
/// # Safety
/// The output belongs to a connection that nobody else uses.
#[inline]
pub unsafe fn send_now(output: Output) -> Result<usize, c_int> {
    // SAFETY: the caller's promise, and errno's place is the thread's own.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        let count = send(output.descriptor, output.place.cast(), output.length, flags);
        match usize::try_from(count) {
            Ok(count) => Ok(count),
            Err(_) => Err(std::mem::replace(&mut *errno, before)),
        }
    }
}
