//! The client's messages, appended to an output buffer.
//!
//! If a message exceeds the protocol's Int32 length, or memory is exhausted, the functions fail.

use super::backend::HEADER;
use super::codes::{client, request};
pub use super::output::{NoRoom, Output};

/// The room for a Bind message without the statement name and the parameters.
const BIND_ROOM: usize = 64;
/// The initial room for each parameter of a Bind message; longer values reserve more.
const PARAMETER_ROOM: usize = 24;
/// The size of a value's length word and of the bytes after the last value.
const BIND_END: usize = 4 + 4;

/// One parameter of a Bind message.
#[derive(Debug, Clone, Copy)]
pub struct Parameter<'a> {
    /// None is SQL NULL.
    pub value: Option<&'a [u8]>,
    pub binary: bool,
}

/// Appends one message: the type byte, the length, and the `body_size` bytes that `fill` writes.
#[inline]
fn message(
    out: &mut Output,
    kind: u8,
    body_size: usize,
    fill: impl FnOnce(&mut Output),
) -> Result<(), NoRoom> {
    let length = body_size.checked_add(4).ok_or(NoRoom)?;
    let length = i32::try_from(length).map_err(|_| NoRoom)?;
    if out.len().saturating_add(body_size) > i32::MAX as usize {
        return Err(NoRoom);
    }
    out.reserve(body_size + HEADER)?;
    out.put(&header(kind, length));
    let start = out.len();
    fill(out);
    debug_assert_eq!(out.len() - start, body_size);
    Ok(())
}

/// A message header.
#[inline]
fn header(kind: u8, length: i32) -> [u8; HEADER] {
    let [a, b, c, d] = length.to_be_bytes();
    [kind, a, b, c, d]
}

fn put_string(out: &mut Output, text: &[u8]) {
    out.put(text);
    out.put(&[0]);
}

fn put_u16(out: &mut Output, number: u16) {
    out.put(&number.to_be_bytes());
}

fn put_u32(out: &mut Output, number: u32) {
    out.put(&number.to_be_bytes());
}

/// Appends a message with one string, such as Query or CopyFail.
fn string_message(out: &mut Output, kind: u8, text: &[u8]) -> Result<(), NoRoom> {
    message(out, kind, text.len() + 1, |out| put_string(out, text))
}

/// Query (simple protocol).
pub fn query(out: &mut Output, text: &[u8]) -> Result<(), NoRoom> {
    string_message(out, client::QUERY, text)
}

/// Parse. `types` may be shorter than the statement's list of parameters.
pub fn parse(out: &mut Output, name: &[u8], query: &[u8], types: &[u32]) -> Result<(), NoRoom> {
    let size = name.len() + query.len() + 4 + types.len() * 4;
    message(out, client::PARSE, size, |out| {
        put_string(out, name);
        put_string(out, query);
        put_u16(out, types.len() as u16);
        for oid in types {
            put_u32(out, *oid);
        }
    })
}

/// Bind to the unnamed portal. Without `with_formats`, the message has no parameter formats.
///
/// Each value is read only once: the length is filled in at the end. On failure, an incomplete message stays in the buffer.
pub fn bind<'a>(
    out: &mut Output,
    statement: &[u8],
    parameters: impl ExactSizeIterator<Item = Parameter<'a>> + Clone,
    with_formats: bool,
    result_format: i16,
) -> Result<(), NoRoom> {
    let start = out.len();
    let count = parameters.len();
    let [high, low] = (count as u16).to_be_bytes();
    out.reserve(BIND_ROOM + statement.len() + count * PARAMETER_ROOM)?;
    // The length is filled in at the end; the portal's name is empty.
    out.put(&[client::BIND, 0, 0, 0, 0, 0]);
    out.put(statement);
    if with_formats {
        out.put(&[0, high, low]);
        for parameter in parameters.clone() {
            out.put(&[0, parameter.binary.into()]);
        }
        out.put(&[high, low]);
    } else {
        out.put(&[0, 0, 0, high, low]);
    }
    for parameter in parameters {
        let size = parameter.value.map_or(0, <[u8]>::len);
        if out.len() + size > i32::MAX as usize {
            return Err(NoRoom);
        }
        // This includes the room for the end of the message.
        out.reserve(size + BIND_END)?;
        put_value(out, parameter.value);
    }
    let [high, low] = result_format.to_be_bytes();
    out.put(&[0, 1, high, low]);
    fill_in_length(out, start)
}

/// Writes the length of the message that starts at `start`.
fn fill_in_length(out: &mut Output, start: usize) -> Result<(), NoRoom> {
    let length = i32::try_from(out.len() - start - 1).map_err(|_| NoRoom)?;
    if out.len() > i32::MAX as usize {
        return Err(NoRoom);
    }
    out.overwrite(start + 1, &length.to_be_bytes());
    Ok(())
}

/// Describe and Execute of the unnamed portal, without a row limit.
pub fn describe_and_execute(out: &mut Output) -> Result<(), NoRoom> {
    append(out, b"D\0\0\0\x06P\0E\0\0\0\x09\0\0\0\0\0")
}

fn append(out: &mut Output, bytes: &[u8]) -> Result<(), NoRoom> {
    out.reserve(bytes.len())?;
    out.put(bytes);
    Ok(())
}

fn put_value(out: &mut Output, value: Option<&[u8]>) {
    let length = value.map_or(-1, |bytes| bytes.len() as i32);
    out.put(&length.to_be_bytes());
    out.put(value.unwrap_or_default());
}

/// Describe (`D`) or Close (`C`) of a statement (`S`) or portal (`P`).
pub fn target(out: &mut Output, command: u8, kind: u8, name: &[u8]) -> Result<(), NoRoom> {
    message(out, command, name.len() + 2, |out| {
        out.put(&[kind]);
        put_string(out, name);
    })
}

fn bare(out: &mut Output, kind: u8) -> Result<(), NoRoom> {
    message(out, kind, 0, |_| ())
}

pub fn sync(out: &mut Output) -> Result<(), NoRoom> {
    bare(out, client::SYNC)
}

pub fn flush(out: &mut Output) -> Result<(), NoRoom> {
    bare(out, client::FLUSH)
}

pub fn terminate(out: &mut Output) -> Result<(), NoRoom> {
    bare(out, client::TERMINATE)
}

pub fn copy_done(out: &mut Output) -> Result<(), NoRoom> {
    bare(out, client::COPY_DONE)
}

pub fn copy_fail(out: &mut Output, reason: &[u8]) -> Result<(), NoRoom> {
    string_message(out, client::COPY_FAIL, reason)
}

#[inline]
pub fn copy_data(out: &mut Output, data: &[u8]) -> Result<(), NoRoom> {
    message(out, client::COPY_DATA, data.len(), |out| out.put(data))
}

/// Fast-path function call with binary arguments and a binary result.
pub fn function_call<'a>(
    out: &mut Output,
    function: u32,
    arguments: impl ExactSizeIterator<Item = Option<&'a [u8]>> + Clone,
) -> Result<(), NoRoom> {
    let values: usize = arguments
        .clone()
        .map(|a| a.map_or(0, <[u8]>::len).saturating_add(4))
        .fold(0, usize::saturating_add);
    let size = values.saturating_add(12);
    message(out, client::FUNCTION_CALL, size, |out| {
        put_u32(out, function);
        put_u16(out, 1);
        put_u16(out, 1);
        put_u16(out, arguments.len() as u16);
        for argument in arguments {
            put_value(out, argument);
        }
        put_u16(out, 1);
    })
}

/// PasswordMessage.
pub fn password(out: &mut Output, text: &[u8]) -> Result<(), NoRoom> {
    string_message(out, client::AUTH_RESPONSE, text)
}

pub fn sasl_initial(out: &mut Output, mechanism: &[u8], data: &[u8]) -> Result<(), NoRoom> {
    message(
        out,
        client::AUTH_RESPONSE,
        mechanism.len() + 5 + data.len(),
        |out| {
            put_string(out, mechanism);
            put_value(out, Some(data));
        },
    )
}

pub fn sasl_response(out: &mut Output, data: &[u8]) -> Result<(), NoRoom> {
    message(out, client::AUTH_RESPONSE, data.len(), |out| out.put(data))
}

/// GSSResponse.
pub fn gss_response(out: &mut Output, token: &[u8]) -> Result<(), NoRoom> {
    message(out, client::AUTH_RESPONSE, token.len(), |out| {
        out.put(token)
    })
}

/// StartupMessage; `pairs` are written in order.
pub fn startup<'a>(
    out: &mut Output,
    version: u32,
    pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
) -> Result<(), NoRoom> {
    let text: usize = pairs.clone().map(|(k, v)| k.len() + v.len() + 2).sum();
    let length = i32::try_from(text.saturating_add(9)).map_err(|_| NoRoom)?;
    out.reserve(length as usize)?;
    out.put(&length.to_be_bytes());
    put_u32(out, version);
    for (key, value) in pairs {
        put_string(out, key);
        put_string(out, value);
    }
    out.put(&[0]);
    Ok(())
}

/// SSLRequest.
pub fn tls_request(out: &mut Output) -> Result<(), NoRoom> {
    untyped(out, request::TLS, &[])
}

/// GSSENCRequest.
pub fn gss_request(out: &mut Output) -> Result<(), NoRoom> {
    untyped(out, request::GSS, &[])
}

/// Appends a message with a code and a body, without a type byte.
fn untyped(out: &mut Output, code: u32, body: &[u8]) -> Result<(), NoRoom> {
    let length = 8 + body.len();
    out.reserve(length)?;
    put_u32(out, length as u32);
    put_u32(out, code);
    out.put(body);
    Ok(())
}

/// CancelRequest with a key of 4 to 256 bytes.
pub fn cancel_request(out: &mut Output, process: i32, key: &[u8]) -> Result<(), NoRoom> {
    untyped(
        out,
        request::CANCEL,
        &[&process.to_be_bytes(), key].concat(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_encoded_as_the_protocol_says() {
        let mut out = Output::new();
        query(&mut out, b"x").unwrap();
        parse(&mut out, b"s", b"q", &[23]).unwrap();
        sync(&mut out).unwrap();
        assert_eq!(
            &out[..],
            b"Q\0\0\0\x06x\0P\0\0\0\x0es\0q\0\0\x01\0\0\0\x17S\0\0\0\x04"
        );
    }

    #[test]
    fn bind_writes_formats_only_when_given() {
        let one = [Parameter {
            value: Some(b"ab"),
            binary: true,
        }];
        let mut out = Output::new();
        bind(&mut out, b"", one.iter().copied(), true, 1).unwrap();
        assert_eq!(
            &out[..],
            b"B\0\0\0\x16\0\0\0\x01\0\x01\0\x01\0\0\0\x02ab\0\x01\0\x01"
        );
        out.clear();
        bind(&mut out, b"", one.iter().copied(), false, 0).unwrap();
        assert_eq!(&out[..], b"B\0\0\0\x14\0\0\0\0\0\x01\0\0\0\x02ab\0\x01\0\0");
    }

    /// The size is checked before memory is reserved, so that it cannot wrap around.
    #[test]
    #[cfg_attr(miri, ignore = "needs 2 GB")]
    fn messages_longer_than_the_protocol_allows_are_refused_before_memory_is_reserved() {
        // Nobody reads or writes this memory, so it is not used.
        let most = vec![0; i32::MAX as usize];
        for size in [
            i32::MAX as usize,
            i32::MAX as usize - 3,
            i32::MAX as usize - 50,
        ] {
            let huge = &most[..size];
            let parameter = |value| Parameter {
                value: Some(value),
                binary: true,
            };
            let values = [parameter(&b"1"[..]), parameter(huge)];
            let mut out = Output::new();
            query(&mut out, &[b'x'; 100]).unwrap();
            assert_eq!(copy_data(&mut out, huge), Err(NoRoom));
            assert_eq!(query(&mut out, huge), Err(NoRoom));
            assert_eq!(parse(&mut out, b"", huge, &[]), Err(NoRoom));
            assert_eq!(
                function_call(&mut out, 1, [Some(huge)].into_iter()),
                Err(NoRoom)
            );
            assert_eq!(
                bind(&mut out, b"", values.into_iter(), true, 0),
                Err(NoRoom)
            );
            assert!(out.capacity() < 1 << 20);
        }
    }

    #[test]
    fn the_length_of_a_startup_packet_includes_itself() {
        let mut out = Output::new();
        let pairs: [(&[u8], &[u8]); 1] = [(b"user", b"u")];
        startup(&mut out, 0x30000, pairs.into_iter()).unwrap();
        assert_eq!(&out[..], b"\0\0\0\x10\0\x03\0\0user\0u\0\0");
        assert_eq!(out.len(), 0x10);
    }
}
