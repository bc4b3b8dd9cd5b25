//! Functions that need no connection: memory, version, time, the thread lock, signals.

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::mem;

use super::alloc;
use super::function_slot::FunctionSlot;
use super::guard::guard;
use super::types::{PGnotify, pg_usec_time_t, pgthreadlock_t};
use super::wait;
use crate::client;

/// The API level: that of libpq 19.
const VERSION: c_int = 190000;

type ThreadLock = unsafe extern "C-unwind" fn(c_int);

// SAFETY: ThreadLock is a function pointer type.
static THREAD_LOCK: FunctionSlot<ThreadLock> = unsafe { FunctionSlot::empty() };

/// Frees memory that this library allocated for the program. Does nothing for NULL. free() has the
/// same effect.
///
/// The memory of the last row of PQgetCopyData (up to 4 kB) is kept for the next row, until the
/// COPY ends.
///
/// # Safety
/// `ptr` is NULL or memory of this library that is the caller's, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQfreemem(ptr: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { alloc::free_for_application(ptr) }
}

/// Frees a notification of PQnotifies, like PQfreemem. For old programs.
///
/// # Safety
/// `notify` is NULL or came from `PQnotifies`, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQfreeNotify(notify: *mut PGnotify) {
    // SAFETY: the caller's promise.
    unsafe { alloc::free(notify.cast()) }
}

/// Returns the API level of the library, 190000 for libpq 19.0.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn PQlibVersion() -> c_int {
    VERSION
}

/// Returns 1. Threads can use different connections at the same time, but a connection only one at
/// a time.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn PQisthreadsafe() -> c_int {
    1
}

/// Returns the current time in microseconds since 1970-01-01 00:00 UTC, for PQsocketPoll.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn PQgetCurrentTimeUSec() -> pg_usec_time_t {
    guard(0, client::now_usec)
}

/// Waits until `sock` is readable (if `forRead` is not 0) or writable (if `forWrite` is not 0), or
/// until `end_time`, in microseconds since 1970-01-01 00:00 UTC. If `end_time` is 0, does not wait;
/// if it is -1, waits without a limit.
///
/// Returns a positive number if the socket is ready, and 0 if the time is over or both flags are 0.
/// Returns a negative number for an error and sets errno; a signal causes EINTR.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn PQsocketPoll(
    sock: c_int,
    forRead: c_int,
    forWrite: c_int,
    end_time: pg_usec_time_t,
) -> c_int {
    if forRead == 0 && forWrite == 0 {
        return 0;
    }
    let timeout = guard(0, || client::wait::timeout_ms(end_time));
    // SAFETY: poll takes any descriptor.
    unsafe { wait::poll_once(sock, forRead != 0, forWrite != 0, timeout) }
}

/// Sets the function that locks access to libraries that are not thread-safe (Kerberos, old
/// versions of Curl), for the whole process. NULL restores the library's own lock. Only needed if
/// the program uses such a library in another thread. Returns the previous function, never NULL.
///
/// # Safety
/// `newhandler` is NULL or can be called from any thread, as long as it is set.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQregisterThreadLock(newhandler: pgthreadlock_t) -> pgthreadlock_t {
    Some(THREAD_LOCK.replace(newhandler).unwrap_or(own_lock))
}

/// Returns the current lock function, never NULL.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn PQgetThreadLock() -> pgthreadlock_t {
    Some(THREAD_LOCK.get().unwrap_or(own_lock))
}

/// Acquires or releases the process-wide lock.
///
/// # Safety
/// The application's function is called. Whoever acquires the lock releases it.
pub(super) unsafe fn thread_lock(take: bool) {
    // SAFETY: the caller of `PQregisterThreadLock` promised that the function can be called.
    unsafe { THREAD_LOCK.get().unwrap_or(own_lock)(take.into()) }
}

struct Mutex(UnsafeCell<libc::pthread_mutex_t>);
// SAFETY: only pthread_mutex_lock and pthread_mutex_unlock access the content.
unsafe impl Sync for Mutex {}
static OWN_LOCK: Mutex = Mutex(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));

// A mutex of the C library, because one call acquires it and another releases it.
unsafe extern "C-unwind" fn own_lock(acquire: c_int) {
    let mutex = OWN_LOCK.0.get();
    // SAFETY: an initialized mutex, which is never moved or destroyed.
    unsafe {
        if acquire != 0 {
            libc::pthread_mutex_lock(mutex);
        } else {
            libc::pthread_mutex_unlock(mutex);
        }
    }
}

/// Sets the handler of a signal and returns the previous one, or SIG_ERR. Interrupted system calls
/// are restarted, except by SIGALRM. Only programs older than PostgreSQL 9.3 use it.
///
/// # Safety
/// `func` is SIG_DFL, SIG_IGN or a handler that may run at any moment.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pqsignal(
    signo: c_int,
    func: libc::sighandler_t,
) -> libc::sighandler_t {
    // SAFETY: zero bytes are a valid sigaction: default handler, no flags, empty mask.
    let (mut new, mut old): (libc::sigaction, libc::sigaction) = unsafe { mem::zeroed() };
    new.sa_sigaction = func;
    new.sa_flags = match signo {
        libc::SIGALRM => 0,
        libc::SIGCHLD => libc::SA_RESTART | libc::SA_NOCLDSTOP,
        _ => libc::SA_RESTART,
    };
    // SAFETY: both structs live here; the handler is the caller's promise.
    match unsafe { libc::sigaction(signo, &new, &mut old) } {
        0 => old.sa_sigaction,
        _ => libc::SIG_ERR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn socket_poll_returns_when_the_socket_is_ready_or_the_time_is_over() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let poll = |read, write, end| PQsocketPoll(ours.as_raw_fd(), read, write, end);
        assert_eq!(poll(0, 0, -1), 0);
        assert_eq!(poll(1, 0, 0), 0);
        assert_eq!(poll(1, 0, PQgetCurrentTimeUSec() - 1), 0);
        assert_eq!(poll(1, 0, i64::MIN), 0);
        let end = PQgetCurrentTimeUSec() + 20_000;
        assert_eq!(poll(1, 0, end), 0);
        assert!(PQgetCurrentTimeUSec() >= end - 1000);
        theirs.write_all(b"x").unwrap();
        assert!(poll(1, 0, -1) > 0);
        assert!(poll(0, 1, i64::MAX) > 0);
    }
    use std::ptr;
    use std::sync::atomic::{AtomicI32, Ordering};

    static ACQUIRED: AtomicI32 = AtomicI32::new(0);

    unsafe extern "C-unwind" fn counting_lock(acquire: c_int) {
        ACQUIRED.fetch_add(acquire, Ordering::SeqCst);
    }

    #[test]
    fn the_thread_lock_is_never_null() {
        let call = |lock: pgthreadlock_t, acquire| {
            // SAFETY: both locks take any int; `own_lock` is released after it was taken.
            unsafe { lock.expect("never NULL")(acquire) }
        };
        call(PQgetThreadLock(), 1);
        call(PQgetThreadLock(), 0);
        // SAFETY: `counting_lock` may be called from anywhere.
        let before = unsafe { PQregisterThreadLock(Some(counting_lock)) };
        assert!(before.is_some());
        call(PQgetThreadLock(), 1);
        assert_eq!(ACQUIRED.load(Ordering::SeqCst), 1);
        // SAFETY: NULL is allowed.
        let before = unsafe { PQregisterThreadLock(None) };
        call(before, 1);
        assert_eq!(ACQUIRED.load(Ordering::SeqCst), 2);
        call(PQgetThreadLock(), 1);
        call(PQgetThreadLock(), 0);
        assert_eq!(ACQUIRED.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn freeing_null_does_nothing() {
        // SAFETY: NULL is allowed.
        unsafe {
            PQfreemem(ptr::null_mut());
            PQfreeNotify(ptr::null_mut());
        }
    }

    fn flags_of(signo: c_int) -> c_int {
        // SAFETY: zero bytes are a valid sigaction, and asking changes nothing.
        unsafe {
            let mut now: libc::sigaction = mem::zeroed();
            libc::sigaction(signo, ptr::null(), &mut now);
            now.sa_flags
        }
    }

    #[test]
    fn signals_restart_system_calls_except_sigalrm() {
        for (signo, flags) in [
            (libc::SIGUSR2, libc::SA_RESTART),
            (libc::SIGALRM, 0),
            (libc::SIGCHLD, libc::SA_RESTART | libc::SA_NOCLDSTOP),
        ] {
            // SAFETY: SIG_IGN and SIG_DFL are always allowed.
            unsafe {
                assert_eq!(pqsignal(signo, libc::SIG_IGN), libc::SIG_DFL);
                let restart = libc::SA_RESTART | libc::SA_NOCLDSTOP;
                assert_eq!(flags_of(signo) & restart, flags);
                assert_eq!(pqsignal(signo, libc::SIG_DFL), libc::SIG_IGN);
            }
        }
        // SAFETY: the kernel refuses it.
        assert_eq!(unsafe { pqsignal(-1, libc::SIG_IGN) }, libc::SIG_ERR);
    }
}
