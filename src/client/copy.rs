//! COPY, blocking if the caller wants to.

use super::io::{Flushed, Sent};
use super::{Connection, Pause};
use crate::conn::session::copy::CopyStep;
use crate::conn::session::send::Flush;
use crate::protocol::frontend;
use crate::result::store::PgResultBox;

/// In nonblocking mode, PQputCopyData returns 0 while this many bytes wait to be sent.
pub const COPY_QUEUE: usize = 256 << 20;

/// The next part of a COPY OUT.
pub enum CopyOut {
    /// This many bytes: [`Connection::copy_data`], then [`Connection::copy_consumed`].
    Data(usize),
    /// No data yet, and the caller does not want to wait.
    Nothing,
    /// The end of the data.
    End,
    Failed,
}

impl Connection {
    /// Queues a row of COPY data if nothing else must be done: no input to parse, nothing to trace, nothing to send. False:
    /// call [`Connection::put_copy_data`]. Never panics.
    #[inline]
    pub fn queue_copy_row(&mut self, data: &[u8]) -> bool {
        self.session.queue_copy_row(data, self.send_size)
    }

    /// PQputCopyData. None: too much data waits to be sent, and the caller does not want to wait.
    pub fn put_copy_data(&mut self, data: &[u8]) -> Result<Option<Sent>, Pause> {
        let copying = self.session.is_copying_in();
        if self.session.check_copying(copying).is_err() {
            return Ok(Some(Sent::No));
        }
        // Input from the server must not accumulate.
        self.parse()?;
        if data.is_empty() {
            return Ok(Some(Sent::Yes));
        }
        if self.is_copy_queue_full() {
            // Callers of PQputCopyData may retry without PQflush.
            match self.flush() {
                Flushed::Failed => return Ok(Some(Sent::No)),
                _ if self.is_copy_queue_full() => return Ok(None),
                _ => {}
            }
        }
        let appended = self.session.append(|out| frontend::copy_data(out, data));
        Ok(Some(match appended {
            Ok(()) => self.push(Flush::Later),
            Err(_) => Sent::No,
        }))
    }

    fn is_copy_queue_full(&self) -> bool {
        self.session.is_nonblocking() && self.session.output().len() >= COPY_QUEUE
    }

    /// PQputCopyEnd.
    pub fn put_copy_end(&mut self, reason: Option<&[u8]>) -> Sent {
        let copying = self.session.is_copying_in();
        if self.session.check_copying(copying).is_err()
            || self.session.send_copy_end(reason).is_err()
        {
            return Sent::No;
        }
        self.push(Flush::Now)
    }

    /// The data of the next CopyData message, if nothing else must be done first. None: call [`Connection::get_copy_data`].
    /// Never panics.
    #[inline]
    pub fn copy_row_at_hand(&self) -> Option<&[u8]> {
        self.session.copy_row_at_hand()
    }

    /// The next part of a COPY OUT; with `wait`, waits for it.
    pub fn get_copy_data(&mut self, wait: bool) -> Result<CopyOut, Pause> {
        let copying = self.session.is_copying_out();
        if self.session.check_copying(copying).is_err() {
            return Ok(CopyOut::Failed);
        }
        loop {
            let step = self.session.next_copy_data();
            self.close_if_fatal();
            match step {
                CopyStep::Notice(notice) => return Err(Pause::Notice(notice)),
                CopyStep::Data(size) => return Ok(CopyOut::Data(size)),
                CopyStep::End => return Ok(CopyOut::End),
                CopyStep::Failed => return Ok(CopyOut::Failed),
                CopyStep::NeedInput if !wait => return Ok(CopyOut::Nothing),
                CopyStep::NeedInput => {
                    if !self.await_reply()? {
                        return Ok(CopyOut::Failed);
                    }
                }
            }
        }
    }

    /// The data that [`CopyOut::Data`] announced.
    pub fn copy_data(&self, size: usize) -> &[u8] {
        self.session.copy_data(size)
    }

    /// Drops the data that [`CopyOut::Data`] announced.
    #[inline]
    pub fn copy_consumed(&mut self, size: usize) {
        self.session.consume_copy_data(size);
    }

    /// How many bytes of the current row the old COPY functions have returned already.
    pub fn copy_already_done(&mut self) -> &mut usize {
        self.session.copy_already_done()
    }

    /// There is no memory for the row that [`CopyOut::Data`] announced; it stays in the buffer.
    pub fn copy_row_starved(&mut self) {
        self.copy_starved = true;
        self.add_error("out of memory");
    }

    /// Whether a text COPY OUT is in progress.
    pub fn is_text_copy_out(&self) -> bool {
        self.stream.is_some() && self.session.is_copying_out_text()
    }

    pub fn is_copying_out(&self) -> bool {
        self.session.is_copying_out()
    }

    /// Starts PQendcopy; then call [`Connection::flush_copy`]. False if it failed.
    pub fn end_copy(&mut self) -> bool {
        let (copying_in, copying_out) =
            (self.session.is_copying_in(), self.session.is_copying_out());
        if self
            .session
            .check_copying(copying_in || copying_out)
            .is_err()
        {
            return false;
        }
        if copying_in && self.session.send_copy_end(None).is_err() {
            return false;
        }
        true
    }

    /// PQendcopy up to the wait for its result. False if it cannot continue now.
    pub fn flush_copy(&mut self) -> Result<bool, Pause> {
        if self.flush_out()? != Flushed::All && self.session.is_nonblocking() {
            return Ok(false);
        }
        self.session.leave_copy();
        Ok(true)
    }
}

impl Connection {
    /// In nonblocking mode: whether the result of a COPY has not arrived yet.
    pub fn would_wait_for_copy_end(&mut self) -> Result<bool, Pause> {
        if !self.session.is_nonblocking() {
            return Ok(false);
        }
        self.is_busy()
    }

    /// The error text as a notice, without its last newline.
    pub fn error_as_notice(&mut self) -> Option<PgResultBox> {
        let text = self.session.error_text().to_vec();
        let text = text.strip_suffix(b"\n").unwrap_or(&text);
        (!text.is_empty()).then(|| self.internal_notice(text))?
    }
}
