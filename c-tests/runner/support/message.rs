//! The server's messages, as bytes. The functions compute counts and lengths; a test that needs wrong ones writes the
//! bytes itself.

/// A message of any type: the type byte, the length, the body.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short body");
    let mut bytes = vec![kind];
    bytes.extend(length.to_be_bytes());
    bytes.extend(body);
    bytes
}

/// AuthenticationOk.
pub fn auth_ok() -> Vec<u8> {
    auth(0, b"")
}

/// Any authentication request: 3 cleartext, 5 MD5 (a salt of 4 bytes), 10 SASL, 11 continue, 12 final.
pub fn auth(code: u32, rest: &[u8]) -> Vec<u8> {
    message(b'R', &[&code.to_be_bytes(), rest].concat())
}

/// NegotiateProtocolVersion: the version that the server offers and the parameter names it does not know.
pub fn negotiate_version(major: u16, minor: u16, unknown: &[&str]) -> Vec<u8> {
    let mut body = [major.to_be_bytes(), minor.to_be_bytes()].concat();
    body.extend((unknown.len() as u32).to_be_bytes());
    unknown
        .iter()
        .for_each(|name| body.extend(zero_terminated(name)));
    message(b'v', &body)
}

pub fn parameter_status(name: &str, value: &str) -> Vec<u8> {
    message(
        b'S',
        &[zero_terminated(name), zero_terminated(value)].concat(),
    )
}

pub fn backend_key(pid: u32, key: &[u8]) -> Vec<u8> {
    message(b'K', &[&pid.to_be_bytes(), key].concat())
}

/// ReadyForQuery: `b'I'` idle, `b'T'` in a transaction, `b'E'` in a failed one.
pub fn ready(status: u8) -> Vec<u8> {
    message(b'Z', &[status])
}

/// GoAway.
pub fn goaway() -> Vec<u8> {
    message(b'g', b"")
}

/// RowDescription of text columns (type `text`, no table).
pub fn row_description(names: &[&str]) -> Vec<u8> {
    let columns: Vec<Column> = names
        .iter()
        .map(|name| Column {
            name,
            ..Column::default()
        })
        .collect();
    row_description_of(&columns)
}

/// A column of a RowDescription.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    pub name: &'a str,
    pub table: u32,
    pub number: i16,
    pub kind: u32,
    pub size: i16,
    pub modifier: i32,
    pub format: i16,
}

impl Default for Column<'_> {
    fn default() -> Self {
        const TEXT: u32 = 25;
        Column {
            name: "",
            table: 0,
            number: 0,
            kind: TEXT,
            size: -1,
            modifier: -1,
            format: 0,
        }
    }
}

pub fn row_description_of(columns: &[Column<'_>]) -> Vec<u8> {
    let mut body = count(columns.len()).to_vec();
    for column in columns {
        body.extend(zero_terminated(column.name));
        body.extend(column.table.to_be_bytes());
        body.extend(column.number.to_be_bytes());
        body.extend(column.kind.to_be_bytes());
        body.extend(column.size.to_be_bytes());
        body.extend(column.modifier.to_be_bytes());
        body.extend(column.format.to_be_bytes());
    }
    message(b'T', &body)
}

pub fn parameter_description(types: &[u32]) -> Vec<u8> {
    let mut body = count(types.len()).to_vec();
    types
        .iter()
        .for_each(|kind| body.extend(kind.to_be_bytes()));
    message(b't', &body)
}

/// DataRow; `None` is NULL.
pub fn data_row(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = count(values.len()).to_vec();
    values.iter().for_each(|value| body.extend(counted(*value)));
    message(b'D', &body)
}

/// DataRow of texts without NULLs.
pub fn text_row(values: &[&str]) -> Vec<u8> {
    let values: Vec<_> = values.iter().map(|value| Some(value.as_bytes())).collect();
    data_row(&values)
}

pub fn command_complete(tag: &str) -> Vec<u8> {
    message(b'C', &zero_terminated(tag))
}

pub fn empty_query() -> Vec<u8> {
    message(b'I', b"")
}

pub fn parse_complete() -> Vec<u8> {
    message(b'1', b"")
}

pub fn bind_complete() -> Vec<u8> {
    message(b'2', b"")
}

pub fn close_complete() -> Vec<u8> {
    message(b'3', b"")
}

pub fn no_data() -> Vec<u8> {
    message(b'n', b"")
}

pub fn portal_suspended() -> Vec<u8> {
    message(b's', b"")
}

/// ErrorResponse of severity ERROR.
pub fn error(sqlstate: &str, text: &str) -> Vec<u8> {
    message(
        b'E',
        &fields(&[
            (b'S', "ERROR"),
            (b'V', "ERROR"),
            (b'C', sqlstate),
            (b'M', text),
        ]),
    )
}

/// ErrorResponse of severity FATAL.
pub fn fatal(sqlstate: &str, text: &str) -> Vec<u8> {
    message(
        b'E',
        &fields(&[
            (b'S', "FATAL"),
            (b'V', "FATAL"),
            (b'C', sqlstate),
            (b'M', text),
        ]),
    )
}

/// NoticeResponse of severity NOTICE.
pub fn notice(text: &str) -> Vec<u8> {
    message(
        b'N',
        &fields(&[
            (b'S', "NOTICE"),
            (b'V', "NOTICE"),
            (b'C', "00000"),
            (b'M', text),
        ]),
    )
}

/// The body of an ErrorResponse or NoticeResponse.
pub fn fields(fields: &[(u8, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (code, text) in fields {
        body.push(*code);
        body.extend(zero_terminated(text));
    }
    body.push(0);
    body
}

pub fn notification(pid: u32, channel: &str, payload: &str) -> Vec<u8> {
    let names = [zero_terminated(channel), zero_terminated(payload)].concat();
    message(b'A', &[&pid.to_be_bytes(), names.as_slice()].concat())
}

/// CopyInResponse with text columns.
pub fn copy_in_response(columns: u16) -> Vec<u8> {
    copy_response(b'G', 0, columns)
}

/// CopyOutResponse with text columns.
pub fn copy_out_response(columns: u16) -> Vec<u8> {
    copy_response(b'H', 0, columns)
}

/// CopyBothResponse without columns, as in replication.
pub fn copy_both_response() -> Vec<u8> {
    copy_response(b'W', 0, 0)
}

/// A copy response: overall format, and the same format for each column.
pub fn copy_response(kind: u8, format: u8, columns: u16) -> Vec<u8> {
    let mut body = vec![format];
    body.extend(columns.to_be_bytes());
    (0..columns).for_each(|_| body.extend([0, format]));
    message(kind, &body)
}

pub fn copy_data(bytes: &[u8]) -> Vec<u8> {
    message(b'd', bytes)
}

pub fn copy_done() -> Vec<u8> {
    message(b'c', b"")
}

/// FunctionCallResponse; `None` is NULL.
pub fn function_result(value: Option<&[u8]>) -> Vec<u8> {
    message(b'V', &counted(value))
}

/// The reply, up to CommandComplete, to the query that libpq sends before the first call of a large-object function.
/// `missing` is a function that the server does not have.
pub fn large_object_functions(missing: &str) -> Vec<u8> {
    let names = [
        "lo_open",
        "lo_close",
        "lo_creat",
        "lo_create",
        "lo_unlink",
        "lo_lseek",
        "lo_lseek64",
        "lo_tell",
        "lo_tell64",
        "lo_truncate",
        "lo_truncate64",
        "loread",
        "lowrite",
    ];
    let mut bytes = row_description(&["proname", "oid"]);
    for (number, name) in names.iter().enumerate() {
        if *name != missing {
            bytes.extend(text_row(&[name, &(1000 + number).to_string()]));
        }
    }
    bytes.extend(command_complete("SELECT 13"));
    bytes
}

/// The reply to a query with one column and one row, up to CommandComplete.
pub fn one_value(name: &str, value: &str) -> Vec<u8> {
    [
        row_description(&[name]),
        text_row(&[value]),
        command_complete("SELECT 1"),
    ]
    .concat()
}

fn zero_terminated(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

fn count(n: usize) -> [u8; 2] {
    u16::try_from(n).expect("a count of 16 bits").to_be_bytes()
}

fn counted(value: Option<&[u8]>) -> Vec<u8> {
    match value {
        None => (-1i32).to_be_bytes().to_vec(),
        Some(value) => {
            let length = i32::try_from(value.len()).expect("a short value");
            [&length.to_be_bytes(), value].concat()
        }
    }
}
