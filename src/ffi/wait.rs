//! The waits of blocking calls.
//!
//! A thread may be cancelled with pthread_cancel while it waits. That unwinds all frames from here up to the
//! application's. So no frame on the way may hold a value that must be dropped, or catch panics. For this reason, the
//! client only says what to wait for, and these functions and the exported functions that wait have the `C-unwind` ABI.
//! Everything else in the library runs with cancellation disabled: see `net::sys::without_cancellation`.
//!
//! Before version 2.41, glibc may also cancel a thread when a system call has done its work, and nobody learns how many bytes
//! went. So a call that does not wait is made by [`at_once`].

use std::ffi::{c_int, c_void};
use std::time::Instant;

use super::conn::pg_conn;
use crate::client::wait::{Input, Output};
use crate::client::{Wait, Waited, without_cancellation};

unsafe extern "C-unwind" {
    fn poll(entries: *mut libc::pollfd, count: libc::nfds_t, timeout: c_int) -> c_int;
    fn recv(fd: c_int, place: *mut c_void, room: usize, flags: c_int) -> isize;
    fn pthread_testcancel();
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
        counted,
    } = input;
    // SAFETY: the caller's promise; at_once has no work if it unwinds.
    unsafe {
        loop {
            if polls && let Waited::PollFailed(code) = await_ready(descriptor, true, false, None) {
                return Waited::PollFailed(code);
            }
            let received = if polls || !counted {
                let flags = libc::MSG_DONTWAIT;
                at_once(|| libc::recv(descriptor, place.cast(), room, flags))
            } else {
                count_or_errno(|| recv(descriptor, place.cast(), room, 0))
            };
            match received {
                Ok(count) => return Waited::Received(count),
                Err(libc::EINTR) => {}
                Err(libc::EAGAIN) => polls = true,
                Err(code) => return Waited::ReceiveFailed(code),
            }
        }
    }
}

/// Makes a system call that does not wait. It is a cancellation point: a thread is cancelled before the call, or not in it.
///
/// # Safety
/// No frame up to the application's has work to do when it is unwound.
#[inline]
unsafe fn at_once(system_call: impl FnOnce() -> isize) -> Result<usize, c_int> {
    // SAFETY: the caller's promise.
    unsafe { pthread_testcancel() };
    without_cancellation(|| count_or_errno(system_call))
}

/// The outcome of a system call. Leaves errno as it was.
#[inline]
fn count_or_errno(system_call: impl FnOnce() -> isize) -> Result<usize, c_int> {
    // SAFETY: errno's place is the thread's own.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        let count = system_call();
        usize::try_from(count).map_err(|_| std::mem::replace(&mut *errno, before))
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
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the caller's promise; no frame has work to do.
    unsafe { at_once(|| libc::send(output.descriptor, output.place.cast(), output.length, flags)) }
}
