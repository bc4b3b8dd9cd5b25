//! The server's replies to an application's calls.

use crate::conn::application::{Application, Call};

/// Makes the calls in `data`. Each is a byte for the function, a byte for the size of the pieces in which the reply arrives,
/// two bytes for the reply's length, and the reply. No call may hang.
pub fn stream(mut data: &[u8]) {
    let mut application = Application::new();
    while let [kind, size, high, low, rest @ ..] = data {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (answer, rest) = rest.split_at(length);
        let pieces = answer.chunks(usize::from(*size).max(1));
        application.run(call(*kind), pieces.map(<[u8]>::to_vec).collect());
        data = rest;
    }
    drop(application.seen());
}

fn call(kind: u8) -> Call {
    match kind % 10 {
        0 => Call::Query,
        1 => Call::SingleRow,
        2 => Call::Chunked(2),
        3 => Call::Params,
        4 => Call::Prepare,
        5 => Call::Describe,
        6 => Call::Close,
        7 => Call::Pipeline(usize::from(kind / 10 % 4)),
        8 => Call::LeavePipeline,
        _ => Call::Function,
    }
}
