//! Pipeline mode: the transition from one queued command to the next.

use super::queue::QueryClass;
use super::{AsyncState, PipelineStatus, RowMode, Session};
use crate::result::status::Status;

const IN_COPY: &str = "while in COPY";
const UNCOLLECTED: &str = "with uncollected results";

impl Session {
    /// Starts the results of the next queued command (libpq: pqPipelineProcessQueue).
    pub fn next_in_pipeline(&mut self) {
        match self.state {
            AsyncState::Idle if self.queue.is_empty() => return,
            AsyncState::Idle | AsyncState::PipelineIdle => {}
            _ => return,
        }
        self.row_mode = RowMode::Whole;
        let Some(class) = self.queue.class() else {
            self.state = AsyncState::Idle;
            return;
        };
        self.errors.clear();
        self.clear_result();
        if self.pipeline == PipelineStatus::Aborted && class != QueryClass::Sync {
            // The server skips everything up to the sync point and sends nothing for this command.
            self.ensure_result(Status::PipelineAborted);
            self.state = AsyncState::Ready;
        } else {
            self.state = AsyncState::Busy;
        }
    }

    /// PQenterPipelineMode.
    pub fn enter_pipeline(&mut self) -> bool {
        if self.pipeline != PipelineStatus::Off {
            return true;
        }
        if self.state != AsyncState::Idle {
            self.errors
                .add("cannot enter pipeline mode, connection not idle");
            return false;
        }
        self.pipeline = PipelineStatus::On;
        true
    }

    /// PQexitPipelineMode without its flush. `None` means that the mode was off already.
    pub fn exit_pipeline(&mut self) -> Option<bool> {
        let at_rest = matches!(self.state, AsyncState::Idle | AsyncState::PipelineIdle);
        if self.pipeline == PipelineStatus::Off && at_rest && self.queue.is_empty() {
            return None;
        }
        let problem = match self.state {
            AsyncState::Ready | AsyncState::ReadyMore => UNCOLLECTED,
            AsyncState::Busy => "while busy",
            AsyncState::CopyIn | AsyncState::CopyOut | AsyncState::CopyBoth => IN_COPY,
            _ if !self.queue.is_empty() => UNCOLLECTED,
            _ => {
                self.pipeline = PipelineStatus::Off;
                self.state = AsyncState::Idle;
                return Some(true);
            }
        };
        self.refuse_exit(problem);
        if problem == IN_COPY && !self.queue.is_empty() {
            // libpq: adds this error as well.
            self.refuse_exit(UNCOLLECTED);
        }
        Some(false)
    }

    fn refuse_exit(&mut self, problem: &str) {
        self.errors
            .add(format!("cannot exit pipeline mode {problem}"));
    }
}
