//! A lock that a forked child can take though a thread of its parent held it.

use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Nobody holds it.
const FREE: i32 = 0;

/// Held by a process: by one of its threads, for a moment.
pub struct Lock(AtomicI32);

/// Gives the lock back when dropped.
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
                // The thread that held it when this process was forked is not here. What it was marking is as it
                // left it; at worst a few granules are lost.
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
