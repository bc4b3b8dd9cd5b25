//! Handing results to the application: what PQgetResult does apart from waiting.

use super::errors::OUT_OF_MEMORY;
use super::queue::Advance;
use super::{AsyncState, PipelineStatus, Session};
use crate::result::status::Status;
use crate::result::store::PgResultBox;

/// What PQgetResult answers.
pub enum Collected {
    Result(PgResultBox),
    /// The static out-of-memory result: none could be made.
    OutOfMemory,
    Nothing,
}

impl Session {
    /// The next result, once the state is no longer Busy.
    pub fn collect(&mut self) -> Collected {
        match self.state {
            AsyncState::Idle | AsyncState::Busy => Collected::Nothing,
            AsyncState::PipelineIdle => {
                // The NULL that ends a command's results; the next call begins the next command.
                self.next_in_pipeline();
                Collected::Nothing
            }
            AsyncState::Ready => self.collect_ready(),
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

    /// The next result of a query that the startup itself has sent.
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
            // A last, partly filled chunk: the query's empty final result follows.
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
                // No NULL after a sync point.
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

    /// An error ends the command: its text is the result, and the connection is idle.
    pub fn fail_command(&mut self) -> Collected {
        self.save_error_result();
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
