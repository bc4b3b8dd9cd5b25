//! Messages a client sends, appended to an output buffer.
//!
//! A message that would exceed the protocol's Int32 length is not appended at all.

use bytes::{BufMut, BytesMut};

use super::backend::HEADER;

/// A message does not fit the protocol's 31-bit length word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

pub const CANCEL_REQUEST_CODE: u32 = 80_877_102;
/// Room for a Bind message beside its statement's name and its parameters.
const BIND_ROOM: usize = 64;
/// Room for a parameter of a Bind message; longer values make their own.
const PARAMETER_ROOM: usize = 24;
const TLS_REQUEST_CODE: u32 = (1234 << 16) | 5679;
const GSS_REQUEST_CODE: u32 = (1234 << 16) | 5680;

/// One parameter of a Bind message.
#[derive(Debug, Clone, Copy)]
pub struct Parameter<'a> {
    /// None is SQL NULL.
    pub value: Option<&'a [u8]>,
    pub binary: bool,
}

/// Appends one message: its type byte, its length, and what `fill` writes.
#[inline]
fn message(
    out: &mut BytesMut,
    kind: u8,
    body_size: usize,
    fill: impl FnOnce(&mut BytesMut),
) -> Result<(), TooLarge> {
    let length = body_size.checked_add(4).ok_or(TooLarge)?;
    let length = i32::try_from(length).map_err(|_| TooLarge)?;
    if out.len().saturating_add(body_size) > i32::MAX as usize {
        return Err(TooLarge);
    }
    out.reserve(body_size + HEADER);
    out.put_slice(&header(kind, length));
    let start = out.len();
    fill(out);
    debug_assert_eq!(out.len() - start, body_size);
    Ok(())
}

/// The bytes before a message's body.
#[inline]
fn header(kind: u8, length: i32) -> [u8; HEADER] {
    let [a, b, c, d] = length.to_be_bytes();
    [kind, a, b, c, d]
}

fn put_string(out: &mut BytesMut, text: &[u8]) {
    out.put_slice(text);
    out.put_u8(0);
}

/// A message that is one string, as Query or CopyFail.
fn string_message(out: &mut BytesMut, kind: u8, text: &[u8]) -> Result<(), TooLarge> {
    message(out, kind, text.len() + 1, |out| put_string(out, text))
}

/// Simple query.
pub fn query(out: &mut BytesMut, text: &[u8]) -> Result<(), TooLarge> {
    string_message(out, b'Q', text)
}

/// Parse: `types` may be shorter than the statement's parameter list.
pub fn parse(out: &mut BytesMut, name: &[u8], query: &[u8], types: &[u32]) -> Result<(), TooLarge> {
    let size = name.len() + query.len() + 4 + types.len() * 4;
    message(out, b'P', size, |out| {
        put_string(out, name);
        put_string(out, query);
        out.put_u16(types.len() as u16);
        for oid in types {
            out.put_u32(*oid);
        }
    })
}

/// Bind to the unnamed portal. `with_formats` says whether parameter formats were given at all.
///
/// Each parameter is looked at once: the length is filled in at the end. A message too large is left half
/// written.
pub fn bind<'a>(
    out: &mut BytesMut,
    statement: &[u8],
    parameters: impl ExactSizeIterator<Item = Parameter<'a>> + Clone,
    with_formats: bool,
    result_format: i16,
) -> Result<(), TooLarge> {
    let start = out.len();
    let count = parameters.len();
    let [high, low] = (count as u16).to_be_bytes();
    out.reserve(BIND_ROOM + statement.len() + count * PARAMETER_ROOM);
    // The length comes at the end; the portal has no name.
    out.put_slice(&[b'B', 0, 0, 0, 0, 0]);
    out.put_slice(statement);
    if with_formats {
        out.put_slice(&[0, high, low]);
        for parameter in parameters.clone() {
            out.put_slice(&[0, parameter.binary.into()]);
        }
        out.put_slice(&[high, low]);
    } else {
        out.put_slice(&[0, 0, 0, high, low]);
    }
    for parameter in parameters {
        if out.len() + parameter.value.map_or(0, <[u8]>::len) > i32::MAX as usize {
            return Err(TooLarge);
        }
        put_value(out, parameter.value);
    }
    let [high, low] = result_format.to_be_bytes();
    out.put_slice(&[0, 1, high, low]);
    fill_in_length(out, start)
}

/// Writes the length of the message that began at `start`.
fn fill_in_length(out: &mut BytesMut, start: usize) -> Result<(), TooLarge> {
    let length = i32::try_from(out.len() - start - 1).map_err(|_| TooLarge)?;
    if out.len() > i32::MAX as usize {
        return Err(TooLarge);
    }
    let word = out.get_mut(start + 1..start + HEADER).ok_or(TooLarge)?;
    word.copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// What runs a bound statement: Describe and Execute of the unnamed portal, without a row limit.
pub fn describe_and_execute(out: &mut BytesMut) {
    out.put_slice(b"D\0\0\0\x06P\0E\0\0\0\x09\0\0\0\0\0");
}

fn put_value(out: &mut BytesMut, value: Option<&[u8]>) {
    let length = value.map_or(-1, |bytes| bytes.len() as i32);
    out.put_slice(&length.to_be_bytes());
    out.put_slice(value.unwrap_or_default());
}

/// Describe (`D`) or Close (`C`) of a statement (`S`) or portal (`P`).
pub fn target(out: &mut BytesMut, command: u8, kind: u8, name: &[u8]) -> Result<(), TooLarge> {
    message(out, command, name.len() + 2, |out| {
        out.put_u8(kind);
        put_string(out, name);
    })
}

fn bare(out: &mut BytesMut, kind: u8) -> Result<(), TooLarge> {
    message(out, kind, 0, |_| ())
}

pub fn sync(out: &mut BytesMut) -> Result<(), TooLarge> {
    bare(out, b'S')
}

pub fn flush(out: &mut BytesMut) -> Result<(), TooLarge> {
    bare(out, b'H')
}

pub fn terminate(out: &mut BytesMut) -> Result<(), TooLarge> {
    bare(out, b'X')
}

pub fn copy_done(out: &mut BytesMut) -> Result<(), TooLarge> {
    bare(out, b'c')
}

pub fn copy_fail(out: &mut BytesMut, reason: &[u8]) -> Result<(), TooLarge> {
    string_message(out, b'f', reason)
}

#[inline]
pub fn copy_data(out: &mut BytesMut, data: &[u8]) -> Result<(), TooLarge> {
    message(out, b'd', data.len(), |out| out.put_slice(data))
}

/// Fast-path function call with binary arguments and a binary result.
pub fn function_call<'a>(
    out: &mut BytesMut,
    function: u32,
    arguments: impl ExactSizeIterator<Item = Option<&'a [u8]>> + Clone,
) -> Result<(), TooLarge> {
    let values: usize = arguments
        .clone()
        .map(|a| a.map_or(0, <[u8]>::len).saturating_add(4))
        .fold(0, usize::saturating_add);
    let size = values.saturating_add(12);
    message(out, b'F', size, |out| {
        out.put_u32(function);
        out.put_i16(1);
        out.put_i16(1);
        out.put_u16(arguments.len() as u16);
        for argument in arguments {
            put_value(out, argument);
        }
        out.put_i16(1);
    })
}

/// PasswordMessage: the text with its terminating zero.
pub fn password(out: &mut BytesMut, text: &[u8]) -> Result<(), TooLarge> {
    string_message(out, b'p', text)
}

pub fn sasl_initial(out: &mut BytesMut, mechanism: &[u8], data: &[u8]) -> Result<(), TooLarge> {
    message(out, b'p', mechanism.len() + 5 + data.len(), |out| {
        put_string(out, mechanism);
        put_value(out, Some(data));
    })
}

pub fn sasl_response(out: &mut BytesMut, data: &[u8]) -> Result<(), TooLarge> {
    message(out, b'p', data.len(), |out| out.put_slice(data))
}

/// GSSResponse.
pub fn gss_response(out: &mut BytesMut, token: &[u8]) -> Result<(), TooLarge> {
    message(out, b'p', token.len(), |out| out.put_slice(token))
}

/// StartupMessage; `pairs` are written in order.
pub fn startup<'a>(
    out: &mut BytesMut,
    version: u32,
    pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
) -> Result<(), TooLarge> {
    let text: usize = pairs.clone().map(|(k, v)| k.len() + v.len() + 2).sum();
    let length = i32::try_from(text.saturating_add(9)).map_err(|_| TooLarge)?;
    out.reserve(length as usize);
    out.put_i32(length);
    out.put_u32(version);
    for (key, value) in pairs {
        put_string(out, key);
        put_string(out, value);
    }
    out.put_u8(0);
    Ok(())
}

/// SSLRequest.
pub fn tls_request(out: &mut BytesMut) {
    out.put_i32(8);
    out.put_u32(TLS_REQUEST_CODE);
}

/// GSSENCRequest.
pub fn gss_request(out: &mut BytesMut) {
    out.put_i32(8);
    out.put_u32(GSS_REQUEST_CODE);
}

/// CancelRequest with a key of 4 to 256 bytes.
pub fn cancel_request(out: &mut BytesMut, process: i32, key: &[u8]) {
    out.put_i32(12 + key.len() as i32);
    out.put_u32(CANCEL_REQUEST_CODE);
    out.put_i32(process);
    out.put_slice(key);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_protocols_bytes() {
        let mut out = BytesMut::new();
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
        let mut out = BytesMut::new();
        bind(&mut out, b"", one.iter().copied(), true, 1).unwrap();
        assert_eq!(
            &out[..],
            b"B\0\0\0\x16\0\0\0\x01\0\x01\0\x01\0\0\0\x02ab\0\x01\0\x01"
        );
        out.clear();
        bind(&mut out, b"", one.iter().copied(), false, 0).unwrap();
        assert_eq!(&out[..], b"B\0\0\0\x14\0\0\0\0\0\x01\0\0\0\x02ab\0\x01\0\0");
    }

    #[test]
    fn startup_counts_itself() {
        let mut out = BytesMut::new();
        let pairs: [(&[u8], &[u8]); 1] = [(b"user", b"u")];
        startup(&mut out, 0x30000, pairs.into_iter()).unwrap();
        assert_eq!(&out[..], b"\0\0\0\x10\0\x03\0\0user\0u\0\0");
        assert_eq!(out.len(), 0x10);
    }
}
