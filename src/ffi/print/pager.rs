//! A pager for results that do not fit the terminal.

use crate::result::print::{PrintOptions, line_length};
use crate::result::store::PgResult;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ptr;

/// Whether stdin and stdout are terminals, PAGER is set, and the result does not fit the screen.
pub fn is_wanted(result: &PgResult, options: &PrintOptions) -> bool {
    // SAFETY: isatty takes any descriptor.
    let terminals =
        unsafe { libc::isatty(libc::STDIN_FILENO) != 0 && libc::isatty(libc::STDOUT_FILENO) != 0 };
    terminals && !options.html3 && program().is_some() && is_too_long(result, options, screen())
}

/// The pager's command, from the environment variable PAGER.
fn program() -> Option<&'static CStr> {
    // SAFETY: like libpq, reads the environment, which the program must not change at the same time.
    let value = unsafe { libc::getenv(c"PAGER".as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: not NULL, so a string.
    let value = unsafe { CStr::from_ptr(value) };
    let blank = value.to_bytes().iter().all(|c| b" \t\r\n".contains(c));
    (!blank).then_some(value)
}

/// Rows and columns of the terminal.
fn screen() -> (i64, i64) {
    let mut size = MaybeUninit::<libc::winsize>::zeroed();
    // SAFETY: TIOCGWINSZ fills a winsize, for which zeros are valid as well.
    let size = unsafe {
        let answer = libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, size.as_mut_ptr());
        if answer == -1 {
            None
        } else {
            Some(size.assume_init())
        }
    };
    match size {
        Some(size) if size.ws_row > 0 && size.ws_col > 0 => {
            (size.ws_row.into(), size.ws_col.into())
        }
        _ => (24, 80),
    }
}

/// libpq's estimate.
fn is_too_long(result: &PgResult, options: &PrintOptions, (rows, columns): (i64, i64)) -> bool {
    let count = i64::from(result.nrows());
    if options.expanded {
        return count.saturating_mul(i64::from(result.ncols()) + 1) >= rows;
    }
    let length = i64::try_from(line_length(result, options)).unwrap_or(i64::MAX);
    let lines = length / columns + 1;
    let lines_a_row = lines * (1 + i64::from(options.standard));
    let header = i64::from(options.header) * (lines * 2 + 2);
    count.saturating_mul(lines_a_row) >= rows - header
}

/// Runs `print` with a pipe to the pager; false if there is no pager.
///
/// SIGPIPE is held back meanwhile: the user may leave the pager before the end.
pub fn with_pager(print: impl FnOnce(*mut libc::FILE)) -> bool {
    let Some(program) = program() else {
        return false;
    };
    // SAFETY: flushing everything is always allowed; both strings are valid.
    let pipe = unsafe {
        libc::fflush(ptr::null_mut());
        libc::popen(program.as_ptr(), c"w".as_ptr())
    };
    if pipe.is_null() {
        return false;
    }
    let held = BlockedSigpipe::new();
    print(pipe);
    // SAFETY: `pipe` is from popen and is not used again.
    unsafe { libc::pclose(pipe) };
    drop(held);
    true
}

/// Blocks SIGPIPE in this thread until it is dropped, and discards a SIGPIPE that is pending then.
struct BlockedSigpipe {
    earlier: libc::sigset_t,
    was_pending: bool,
    held: bool,
}

impl BlockedSigpipe {
    fn new() -> BlockedSigpipe {
        let sigpipe = sigpipe();
        let mut earlier = empty_set();
        // SAFETY: both sets are valid.
        let held = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &sigpipe, &mut earlier) } == 0;
        BlockedSigpipe {
            earlier,
            was_pending: held && is_sigpipe_pending(),
            held,
        }
    }
}

impl Drop for BlockedSigpipe {
    fn drop(&mut self) {
        if !self.held {
            return;
        }
        if !self.was_pending && is_sigpipe_pending() {
            let at_once = libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            // SAFETY: all pointers are valid, or NULL as sigtimedwait allows.
            unsafe { libc::sigtimedwait(&sigpipe(), ptr::null_mut(), &at_once) };
        }
        // SAFETY: `earlier` is a mask that pthread_sigmask gave.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.earlier, ptr::null_mut()) };
    }
}

fn empty_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

fn sigpipe() -> libc::sigset_t {
    let mut set = empty_set();
    // SAFETY: a valid set and signal.
    unsafe { libc::sigaddset(&mut set, libc::SIGPIPE) };
    set
}

fn is_sigpipe_pending() -> bool {
    let mut pending = empty_set();
    // SAFETY: valid sets, a valid signal.
    unsafe {
        libc::sigpending(&mut pending) == 0 && libc::sigismember(&pending, libc::SIGPIPE) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::builder::tests::result;

    #[test]
    fn estimates_whether_a_result_fits_the_screen() {
        let row: &[Option<&[u8]>] = &[Some(b"1")];
        let result = result(&[b"a"], &[row; 10]);
        let mut options = PrintOptions {
            separator: b"|",
            ..PrintOptions::default()
        };
        assert!(is_too_long(&result, &options, (10, 80)));
        assert!(!is_too_long(&result, &options, (11, 80)));
        // A line is estimated at 1 + 2 + 1 columns.
        assert!(is_too_long(&result, &options, (20, 4)));
        options.header = true;
        assert!(is_too_long(&result, &options, (14, 80)));
        assert!(!is_too_long(&result, &options, (15, 80)));
        options.standard = true;
        assert!(is_too_long(&result, &options, (24, 80)));
        assert!(!is_too_long(&result, &options, (25, 80)));
        options.expanded = true;
        assert!(is_too_long(&result, &options, (20, 80)));
        assert!(!is_too_long(&result, &options, (21, 80)));
    }

    #[test]
    fn a_sigpipe_of_the_pager_is_discarded() {
        let held = BlockedSigpipe::new();
        // SAFETY: the signal is blocked in this thread.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGPIPE) };
        assert!(is_sigpipe_pending());
        drop(held);
        assert!(!is_sigpipe_pending());
    }
}
