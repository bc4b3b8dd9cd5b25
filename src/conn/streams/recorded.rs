//! Recorded streams: the server's replies to some calls, written by hand from the protocol's description.

use crate::conn::application::Call;

/// A call and the server's answer.
pub type Turn = (Call, fn() -> Vec<u8>);

/// The turns of one connection.
pub struct Recorded {
    pub name: &'static str,
    pub turns: &'static [Turn],
}

pub const RECORDED: &[Recorded] = &[
    Recorded {
        name: "simple",
        turns: &[
            (Call::Query, simple),
            (Call::SingleRow, simple),
            (Call::Chunked(2), simple),
            (Call::Query, end),
        ],
    },
    Recorded {
        name: "extended",
        turns: &[
            (Call::Params, || [bound(), ready(b'I')].concat()),
            (Call::Prepare, || [message(b'1', b""), ready(b'I')].concat()),
            (Call::Describe, described),
            (Call::Close, || [message(b'3', b""), ready(b'I')].concat()),
            (Call::Query, end),
        ],
    },
    Recorded {
        name: "pipeline",
        turns: &[
            (Call::Pipeline(3), pipeline),
            (Call::Pipeline(1), || [bound(), ready(b'I')].concat()),
            (Call::LeavePipeline, Vec::new),
            (Call::Query, end),
        ],
    },
    Recorded {
        name: "copy",
        turns: &[
            (Call::Query, copy_out),
            (Call::Query, copy_in),
            (Call::Query, copy_both),
            (Call::Query, end),
        ],
    },
    Recorded {
        name: "errors",
        turns: &[
            (Call::Query, failing),
            (Call::SingleRow, failing),
            (Call::Chunked(2), failing),
            (Call::Query, end),
        ],
    },
    Recorded {
        name: "function",
        turns: &[
            (Call::Function, function),
            (Call::Function, || [error(), ready(b'I')].concat()),
            (Call::Query, end),
        ],
    },
];

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u32 + 4;
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

fn columns(count: u8) -> Vec<u8> {
    let mut body = vec![0, count];
    for _ in 0..count {
        body.extend(b"x\0\0\0\0\x07\0\x01\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0");
    }
    message(b'T', &body)
}

/// A row of two columns.
fn row(value: &[u8]) -> Vec<u8> {
    let length = value.len() as u32;
    message(
        b'D',
        &[&[0, 2], &length.to_be_bytes()[..], value, &[255; 4]].concat(),
    )
}

fn rows() -> Vec<u8> {
    let rows = [row(b"one"), row(b""), row(&[b'x'; 300])].concat();
    [columns(2), rows, message(b'C', b"SELECT 3\0")].concat()
}

fn ready(letter: u8) -> Vec<u8> {
    message(b'Z', &[letter])
}

fn goaway() -> Vec<u8> {
    message(b'g', b"")
}

/// Messages that can arrive at any time.
fn asides() -> Vec<u8> {
    [
        message(b'N', b"SNOTICE\0C00000\0Mcareful\0\0"),
        message(b'A', b"\0\0\0\x07channel\0payload\0"),
        message(b'S', b"TimeZone\0UTC\0"),
    ]
    .concat()
}

fn error() -> Vec<u8> {
    message(b'E', b"SERROR\0C22012\0Mdivision by zero\0P3\0\0")
}

fn simple() -> Vec<u8> {
    [asides(), rows(), rows(), asides(), goaway(), ready(b'T')].concat()
}

/// The last turn, after which the session is idle.
fn end() -> Vec<u8> {
    [message(b'I', b""), goaway(), ready(b'I'), asides()].concat()
}

fn bound() -> Vec<u8> {
    [message(b'1', b""), message(b'2', b""), rows()].concat()
}

fn described() -> Vec<u8> {
    let parameters = message(b't', &[0, 1, 0, 0, 0, 23]);
    [parameters, columns(2), ready(b'I')].concat()
}

fn pipeline() -> Vec<u8> {
    let failed = [message(b'1', b""), error(), ready(b'I')].concat();
    [bound(), asides(), failed].concat()
}

fn started(kind: u8) -> Vec<u8> {
    message(kind, &[0, 0, 1, 0, 0])
}

fn copied(rows: u8) -> Vec<u8> {
    [
        message(b'C', &[b"COPY ", &[b'0' + rows, 0][..]].concat()),
        ready(b'I'),
    ]
    .concat()
}

fn copy_out() -> Vec<u8> {
    let (one, nothing) = (message(b'd', b"one\n"), message(b'd', b""));
    let rows = [one, nothing, asides(), message(b'd', b"two\n")].concat();
    [started(b'H'), rows, message(b'c', b""), copied(2)].concat()
}

fn copy_in() -> Vec<u8> {
    [started(b'G'), asides(), copied(0)].concat()
}

fn copy_both() -> Vec<u8> {
    let data = [message(b'd', b"log"), goaway(), message(b'c', b"")].concat();
    [started(b'W'), data, copied(1)].concat()
}

fn failing() -> Vec<u8> {
    let rows = [row(b"one"), row(b"two"), row(b"three")].concat();
    [columns(2), rows, error(), ready(b'E')].concat()
}

fn function() -> Vec<u8> {
    let value = message(b'V', &[0, 0, 0, 3, b'a', b'b', b'c']);
    [asides(), value, ready(b'I')].concat()
}
