//! A lock that a forked child can acquire even if a thread of its parent held it.

use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// The value of a lock that is not held.
const FREE: i32 = 0;

/// Holds the id of the process that holds the lock. One of its threads holds it, for a short time.
pub struct Lock(AtomicI32);

/// Releases the lock when dropped.
pub struct Held<'a>(&'a Lock);

impl Lock {
    pub const fn new() -> Lock {
        Lock(AtomicI32::new(FREE))
    }

    #[cfg(test)]
    pub fn held_by(process: i32) -> Lock {
        Lock(AtomicI32::new(process))
    }

    pub fn acquire(&self) -> Held<'_> {
        // SAFETY: getpid has no conditions.
        let process = unsafe { libc::getpid() };
        loop {
            match self
                .0
                .compare_exchange_weak(FREE, process, Acquire, Relaxed)
            {
                Ok(_) => return Held(self),
                // SAFETY: sched_yield has no conditions.
                Err(holder) if holder == process || holder == FREE => unsafe {
                    libc::sched_yield();
                },
                // The thread that held the lock when this process was forked does not exist here. Its marks may be
                // incomplete; at worst a few granules are lost.
                Err(holder) => {
                    if self
                        .0
                        .compare_exchange(holder, process, Acquire, Relaxed)
                        .is_ok()
                    {
                        return Held(self);
                    }
                }
            }
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.0.store(FREE, Release);
    }
}
