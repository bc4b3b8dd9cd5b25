//! A simulated application that calls a session and records what it sees.

use std::fmt::Write;

use super::session::collect::Collected;
use super::session::copy::CopyStep;
use super::session::function::FunctionStep;
use super::session::function_call::Returns;
use super::session::queue::QueryClass;
use super::session::{RowMode, Session};
use crate::mem::OutOfMemory;
use crate::protocol::frontend::Parameter;
use crate::result::store::PgResult;

/// More steps than any stream needs. Reaching the limit means an infinite loop.
const MOST_STEPS: usize = 20_000;

/// A call of the application. It collects all results of the call.
#[derive(Debug, Clone, Copy)]
pub enum Call {
    Query,
    SingleRow,
    Chunked(usize),
    Params,
    Prepare,
    Describe,
    Close,
    /// This many commands and a sync point.
    Pipeline(usize),
    LeavePipeline,
    Function,
}

pub struct Application {
    session: Session,
    /// The server's answer to the current call, in pieces.
    pieces: std::vec::IntoIter<Vec<u8>>,
    results: String,
    notices: String,
    steps: usize,
}

impl Application {
    pub fn new() -> Application {
        let mut session = Session::new();
        session.mark_open();
        Application {
            session,
            pieces: Vec::new().into_iter(),
            results: String::new(),
            notices: String::new(),
            steps: 0,
        }
    }

    /// Makes a call. `pieces` is the server's answer.
    pub fn run(&mut self, call: Call, pieces: Vec<Vec<u8>>) {
        self.pieces = pieces.into_iter();
        self.session.begin_command();
        self.call(call);
        // Parse what follows the end of the answer.
        while self.more() {
            self.parse();
        }
        self.parse();
        let transaction = self.session.transaction_status();
        let _ = writeln!(self.results, "after {call:?}: {transaction:?}");
        self.session.output_mut().clear();
    }

    /// Everything recorded, each kind in its order.
    pub fn seen(self) -> String {
        let mut session = self.session;
        let mut text = self.results + &self.notices;
        while let Some(notification) = session.notification() {
            let _ = writeln!(text, "{notification:?}");
            session.drop_notification();
        }
        for name in ["TimeZone", "client_encoding"] {
            let _ = writeln!(
                text,
                "{name} {:?}",
                session.server().parameter(name.as_bytes())
            );
        }
        let goaway = session.server().goaway_received();
        let _ = writeln!(
            text,
            "{} {:?}\n{:?} {:?} {:?} {:?} {}",
            session.server().process,
            session.server().key,
            session.status(),
            session.async_state(),
            session.transaction_status(),
            session.pipeline_status(),
            if goaway { "goaway" } else { "" }
        );
        text
    }

    fn step(&mut self) {
        self.steps += 1;
        assert!(self.steps < MOST_STEPS, "in circles:\n{}", self.results);
    }

    /// Receives the next piece. False at the end.
    fn more(&mut self) -> bool {
        self.step();
        let Some(piece) = self.pieces.next() else {
            return false;
        };
        if self.session.is_closed() {
            return true;
        }
        let Ok(room) = self.session.input_mut().free_space(piece.len()) else {
            return false;
        };
        room[..piece.len()].copy_from_slice(&piece);
        self.session.input_mut().filled(piece.len());
        true
    }

    fn parse(&mut self) {
        loop {
            self.step();
            match self.session.parse_input() {
                Some(notice) => self.note(&notice),
                None => return,
            }
        }
    }

    fn note(&mut self, notice: &PgResult) {
        let _ = writeln!(self.notices, "notice {:?}", notice.error_message());
    }

    fn call(&mut self, call: Call) {
        if let Call::LeavePipeline = call {
            let left = self.session.exit_pipeline();
            let _ = writeln!(self.results, "left {left:?}");
            return;
        }
        if let Call::Function = call {
            return self.function();
        }
        if let Call::Pipeline(commands) = call {
            return self.pipeline(commands);
        }
        if self.session.check_sendable().is_err() || !self.send(call) {
            let _ = writeln!(self.results, "refused {:?}", self.session.error_c_str());
            return;
        }
        self.session.command_queued();
        match call {
            Call::SingleRow => assert!(self.session.set_row_mode(RowMode::Single)),
            Call::Chunked(rows) => assert!(self.session.set_row_mode(RowMode::Chunked(rows))),
            _ => {}
        }
        while self.collect() {}
    }

    fn send(&mut self, call: Call) -> bool {
        let session = &mut self.session;
        let none = std::iter::empty::<Parameter<'_>>();
        let sent = match call {
            Call::Params => session.send_bound(Some((b"SELECT", &[])), b"", none, false, 0),
            Call::Prepare => session.send_prepare(b"s", b"SELECT", &[]),
            Call::Describe => session.send_target(QueryClass::Describe, b'S', b"s"),
            Call::Close => session.send_target(QueryClass::Close, b'S', b"s"),
            _ => session.send_query(b"SELECT"),
        };
        sent.is_ok()
    }

    fn pipeline(&mut self, commands: usize) {
        self.session.enter_pipeline();
        for _ in 0..commands {
            if self.session.check_sendable().is_ok() && self.send(Call::Params) {
                self.session.command_queued();
            }
        }
        if self.session.send_pipeline_sync().is_ok() {
            self.session.command_queued();
        }
        // One NULL for each command and none after the sync point.
        for _ in 0..=commands {
            while self.collect() {}
        }
    }

    /// Collects one result. False for the NULL after the last one.
    fn collect(&mut self) -> bool {
        self.parse();
        while self.session.is_busy() {
            if !self.more() {
                self.session.mark_closed();
                self.session.drop_connection(true);
                let collected = self.session.fail_command();
                return self.show(collected);
            }
            self.parse();
        }
        let collected = self.session.collect();
        if !self.show(collected) {
            return false;
        }
        if self.session.is_copying_in() {
            let ended = self.session.send_copy_end(None);
            let _ = writeln!(self.results, "ended {ended:?}");
        }
        if self.session.is_copying_out() {
            self.copy_out();
        }
        true
    }

    fn show(&mut self, collected: Collected) -> bool {
        self.step();
        match collected {
            Collected::Nothing => {
                self.results += "NULL\n";
                false
            }
            Collected::OutOfMemory => panic!("{OutOfMemory:?}"),
            Collected::Result(result) => {
                show(&result, &mut self.results);
                true
            }
        }
    }

    fn copy_out(&mut self) {
        while self.session.is_copying_out() {
            self.step();
            match self.session.next_copy_data() {
                CopyStep::Data(size) => {
                    let data = self.session.copy_data(size).escape_ascii().to_string();
                    let _ = writeln!(self.results, "data {data}");
                    self.session.consume_message(size);
                }
                CopyStep::Notice(notice) => self.note(&notice),
                CopyStep::NeedInput if self.more() => {}
                CopyStep::NeedInput => {
                    self.session.fail("the end");
                    return;
                }
                CopyStep::End | CopyStep::Failed => return,
            }
        }
    }

    fn function(&mut self) {
        let none = std::iter::empty::<Option<&[u8]>>();
        if self
            .session
            .start_function(1, none.collect::<Vec<_>>().into_iter(), Returns::Anything)
            .is_err()
        {
            return;
        }
        loop {
            self.step();
            let number = self.session.command_number();
            match self.session.step_function(number) {
                FunctionStep::Notice(notice) => self.note(&notice),
                FunctionStep::NeedInput if self.more() => {}
                FunctionStep::NeedInput => {
                    self.session.fail("the end");
                    break;
                }
                FunctionStep::Done => break,
                FunctionStep::Lost => unreachable!("no notice processor calls anything"),
            }
        }
        let (collected, call) = self.session.finish_function();
        let _ = writeln!(self.results, "value {:?}", call.value);
        self.show(collected);
    }
}

fn show(result: &PgResult, text: &mut String) {
    let _ = write!(text, "{:?} {:?} ", result.status(), result.cmd_status());
    let _ = write!(text, "{:?} {:?}", result.error_message(), result.params());
    for row in 0..result.nrows() {
        for column in 0..result.ncols() {
            let value = result.bytes(row, column).flatten();
            let value = value.map(|bytes| bytes.escape_ascii().to_string());
            let _ = write!(text, " {value:?}");
        }
    }
    text.push('\n');
}
