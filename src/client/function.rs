//! Fast-path function calls; waits for the result.

use super::io::Sent;
use super::{Connection, Pause};
use crate::conn::session::collect::Collected;
use crate::conn::session::function::FunctionStep;
pub use crate::conn::session::function_call::{FunctionCall, Returns};
use crate::conn::session::send::Flush;

/// An argument of a call, as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument<'a> {
    Null,
    Int2([u8; 2]),
    Int4([u8; 4]),
    Int8([u8; 8]),
    Bytes(&'a [u8]),
}

impl Argument<'_> {
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Argument::Null => None,
            Argument::Int2(bytes) => Some(bytes),
            Argument::Int4(bytes) => Some(bytes),
            Argument::Int8(bytes) => Some(bytes),
            Argument::Bytes(bytes) => Some(bytes),
        }
    }
}

impl From<i32> for Argument<'_> {
    fn from(value: i32) -> Self {
        Argument::Int4(value.to_be_bytes())
    }
}

impl From<u32> for Argument<'_> {
    fn from(value: u32) -> Self {
        Argument::Int4(value.to_be_bytes())
    }
}

impl From<i64> for Argument<'_> {
    fn from(value: i64) -> Self {
        Argument::Int8(value.to_be_bytes())
    }
}

impl FunctionCall {
    /// The returned integer. libpq: an integer of 2 bytes is unsigned.
    pub fn integer(&self) -> Option<i32> {
        match *self.value.as_deref()? {
            [a, b] => Some(u16::from_be_bytes([a, b]).into()),
            [a, b, c, d] => Some(i32::from_be_bytes([a, b, c, d])),
            _ => None,
        }
    }

    /// The size of the returned value: -1 for NULL, 0 if nothing was returned.
    pub fn length(&self) -> i32 {
        match &self.value {
            Some(value) => i32::try_from(value.len()).unwrap_or(i32::MAX),
            None if self.answered => -1,
            None => 0,
        }
    }
}

impl Connection {
    /// Starts a call. False if no function can be called now.
    pub fn begin_function(&mut self) -> bool {
        let open = self.startup_is_over() && self.stream.is_some();
        self.session.begin_function(open).is_ok()
    }

    /// Sends a call of `function`, after [`Connection::begin_function`].
    pub fn start_function(
        &mut self,
        function: u32,
        arguments: &[Argument<'_>],
        returns: Returns,
    ) -> Sent {
        let values = arguments.iter().map(Argument::bytes);
        let started = self.session.start_function(function, values, returns);
        if started.is_err() {
            return Sent::No;
        }
        self.push(Flush::Now)
    }

    /// The number of the call just started.
    pub fn function_number(&self) -> u32 {
        self.session.command_number()
    }

    /// Undoes a call that could not be sent, unless another command has begun.
    pub fn take_back_function(&mut self, number: u32) {
        self.session.take_back_function(number);
    }

    /// Waits until the call with this number is done.
    pub fn await_function(&mut self, number: u32) -> Result<(Collected, FunctionCall), Pause> {
        loop {
            match self.session.step_function(number) {
                FunctionStep::Notice(notice) => return Err(Pause::Notice(notice)),
                FunctionStep::NeedInput => {
                    if !self.await_reply()? {
                        // libpq: this joins the server's error message, which is not a result of its own then.
                        self.session.save_error_result();
                        break;
                    }
                }
                FunctionStep::Done => break,
                FunctionStep::Lost => {
                    return Ok((self.session.lost_function(), FunctionCall::default()));
                }
            }
        }
        let finished = self.session.finish_function();
        self.close_if_fatal();
        Ok(finished)
    }
}
