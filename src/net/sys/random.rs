//! Whether the system gives out random bytes.

use std::fs::File;
use std::io;

use super::without_cancellation;

/// Whether TLS can have random bytes. aws-lc asks in the same way, and ends the process when it gets none: for instance
/// where a seccomp filter forbids getrandom with EPERM.
pub fn has_random_bytes() -> bool {
    without_cancellation(|| {
        let mut byte = 0u8;
        // SAFETY: `byte` is writable for one byte.
        let count = unsafe {
            libc::syscall(
                libc::SYS_getrandom,
                &raw mut byte,
                1usize,
                libc::GRND_NONBLOCK,
            )
        };
        count == 1 || without_getrandom(io::Error::last_os_error().raw_os_error())
    })
}

/// The system call failed with this error.
fn without_getrandom(error: Option<i32>) -> bool {
    match error {
        // The system has just started: aws-lc waits.
        Some(libc::EAGAIN | libc::EINTR) => true,
        Some(libc::ENOSYS) => File::open("/dev/urandom").is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_missing_system_call_is_replaced_by_the_device() {
        assert!(has_random_bytes());
        assert!(without_getrandom(Some(libc::ENOSYS)));
        assert!(without_getrandom(Some(libc::EAGAIN)));
        assert!(!without_getrandom(Some(libc::EPERM)));
        assert!(!without_getrandom(Some(libc::EIO)));
    }
}
