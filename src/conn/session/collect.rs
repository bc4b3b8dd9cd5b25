//! PQgetResult without its waiting.

use super::errors::OUT_OF_MEMORY;
use super::queue::Advance;
use super::{AsyncState, PipelineStatus, Session};
use crate::result::status::Status;
use crate::result::store::PgResultBox;

/// What PQgetResult returns.
pub enum Collected {
    Result(PgResultBox),
    /// The static out-of-memory result, because no other could be allocated.
    OutOfMemory,
    Nothing,
}

impl Session {
    /// The next result. Call it when the state is no longer Busy.
    pub fn collect(&mut self) -> Collected {
        match self.state {
            AsyncState::Idle | AsyncState::Busy => Collected::Nothing,
            AsyncState::PipelineIdle => {
                // The NULL that ends a command's results. The next call starts the next command.
                self.next_in_pipeline();
                Collected::Nothing
            }
            AsyncState::Ready => {
                // If a function was called, nobody waits for it any more, and this is its result.
                self.function = None;
                self.collect_ready()
            }
            AsyncState::ReadyMore => {
                let result = self.take_result();
                self.state = AsyncState::Busy;
                result
            }
            AsyncState::CopyIn | AsyncState::CopyOut | AsyncState::CopyBoth => {
                if self.is_open() {
                    self.copy_result()
                } else {
                    self.fail_command()
                }
            }
        }
    }

    /// The next result of a query that the startup sent.
    // libpq: such a query is collected as if the connection were open.
    pub fn collect_while_starting(&mut self) -> Collected {
        if self.is_copying_in() || self.is_copying_out() {
            return self.copy_result();
        }
        self.collect()
    }

    fn collect_ready(&mut self) -> Collected {
        let collected = self.take_result();
        if self.result.is_some() {
            // This was the last, partly filled chunk. The query's empty final result follows.
            return collected;
        }
        let synced =
            matches!(&collected, Collected::Result(r) if r.status() == Status::PipelineSync);
        self.queue.advance(if synced {
            Advance::Sync
        } else {
            Advance::Result
        });
        if self.pipeline == PipelineStatus::Off {
            self.state = AsyncState::Busy;
        } else {
            self.state = AsyncState::PipelineIdle;
            if synced {
                // No NULL follows a sync point.
                self.next_in_pipeline();
            }
        }
        collected
    }

    /// The current result, or one that carries the error text (libpq: pqPrepareAsyncResult).
    #[inline(always)]
    pub fn take_result(&mut self) -> Collected {
        let collected = match self.result.take() {
            Some(result) => {
                if result.status() == Status::FatalError {
                    self.errors.mark_reported();
                }
                Collected::Result(result)
            }
            None => self.error_result(),
        };
        self.result = self.saved_result.take();
        self.error_result = false;
        collected
    }

    #[cold]
    fn error_result(&mut self) -> Collected {
        if !self.error_result {
            self.errors.add("no error text available");
        }
        let collected = match self.empty_result(Status::FatalError) {
            Ok(mut result) => {
                result.set_error_message(self.errors.unreported());
                Collected::Result(result)
            }
            Err(_) => {
                self.errors.add(OUT_OF_MEMORY);
                Collected::OutOfMemory
            }
        };
        self.errors.mark_reported();
        collected
    }

    /// Ends the command with an error result. The connection is idle then.
    pub fn fail_command(&mut self) -> Collected {
        self.save_error_result();
        self.function = None;
        self.state = AsyncState::Idle;
        self.take_result()
    }

    fn copy_result(&mut self) -> Collected {
        let status = match self.state {
            AsyncState::CopyIn => Status::CopyIn,
            AsyncState::CopyOut => Status::CopyOut,
            _ => Status::CopyBoth,
        };
        if self.result.as_ref().is_some_and(|r| r.status() == status) {
            return self.take_result();
        }
        match self.empty_result(status) {
            Ok(result) => Collected::Result(result),
            Err(_) => Collected::OutOfMemory,
        }
    }
}
