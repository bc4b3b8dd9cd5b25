//! The bytes of the canned replies.

use crate::support::message::{
    Column, auth_ok, backend_key, command_complete, copy_data, copy_done, copy_in_response,
    copy_out_response, data_row, parameter_status, ready, row_description_of,
};
use crate::workloads::{Kind, Shape, Workload};

/// Rows are sent repeatedly from a block of about this size, which stays in the CPU cache.
const BLOCK: usize = 64 * 1024;

/// The reply to a workload's SQL.
pub enum Stream {
    Canned(Canned),
    /// The CopyInResponse; the data that follows is discarded.
    CopyIn(Vec<u8>),
}

/// A head, many rows, a tail.
pub struct Canned {
    pub head: Vec<u8>,
    pub block: Vec<u8>,
    pub block_rows: usize,
    pub rows: usize,
    pub tail: Vec<u8>,
}

impl Canned {
    /// The rows, as slices of the block.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let row = self.block.len() / self.block_rows;
        let whole = self.rows / self.block_rows;
        let rest = &self.block[..self.rows % self.block_rows * row];
        std::iter::repeat_n(&self.block[..], whole).chain([rest])
    }
}

impl Stream {
    pub fn of(workload: &Workload) -> Stream {
        if workload.kind == Kind::CopyIn {
            return Stream::CopyIn(copy_in_response(1));
        }
        let Shape { rows, columns, .. } = workload.shape;
        let row = row(workload);
        let block_rows = (BLOCK / row.len()).clamp(1, rows);
        Stream::Canned(Canned {
            head: match workload.kind {
                Kind::CopyOut => copy_out_response(1),
                kind => row_description_of(&described(columns, kind == Kind::Binary)),
            },
            block: row.repeat(block_rows),
            block_rows,
            rows,
            tail: match workload.kind {
                Kind::CopyOut => [copy_done(), command_complete(&format!("COPY {rows}"))].concat(),
                _ => command_complete(&format!("SELECT {rows}")),
            },
        })
    }
}

fn described(count: usize, binary: bool) -> Vec<Column<'static>> {
    let column = Column {
        name: "c",
        format: binary.into(),
        ..Column::default()
    };
    vec![column; count]
}

fn row(workload: &Workload) -> Vec<u8> {
    let Shape { columns, width, .. } = workload.shape;
    let value: Vec<u8> = match workload.kind {
        Kind::Binary => 7u64.to_be_bytes().to_vec(),
        _ => (0..width).map(|at| b'a' + (at % 26) as u8).collect(),
    };
    match workload.kind {
        Kind::CopyOut => {
            let mut line = value;
            line[width - 1] = b'\n';
            copy_data(&line)
        }
        _ => data_row(&vec![Some(value.as_slice()); columns]),
    }
}

/// Everything that the server sends before the first query.
pub fn greeting() -> Vec<u8> {
    let parameters = [
        ("server_version", "18.0"),
        ("server_encoding", "UTF8"),
        ("client_encoding", "UTF8"),
        ("application_name", ""),
        ("default_transaction_read_only", "off"),
        ("in_hot_standby", "off"),
        ("is_superuser", "on"),
        ("session_authorization", "postgres"),
        ("DateStyle", "ISO, MDY"),
        ("IntervalStyle", "postgres"),
        ("TimeZone", "UTC"),
        ("integer_datetimes", "on"),
        ("standard_conforming_strings", "on"),
        ("scram_iterations", "4096"),
        ("search_path", "\"$user\", public"),
    ];
    let parameters = parameters
        .iter()
        .flat_map(|(name, value)| parameter_status(name, value));
    let mut all = auth_ok();
    all.extend(parameters);
    all.extend(backend_key(1234, &[1, 2, 3, 4]));
    all.extend(ready(b'I'));
    all
}
