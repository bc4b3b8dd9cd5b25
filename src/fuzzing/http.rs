//! Responses of OAuth providers and proxies, and the documents in them.

use crate::auth::oauth::documents::{
    DeviceAuthorization, Provider, TokenError, access_token, check_content_type,
};
use crate::auth::oauth::server_error;
use crate::net::http::response::{Response, ResponseReader};
use crate::net::http::{HttpError, Url};

/// Reads a response that arrives in pieces. The first byte is their size, which must not change the result.
pub fn http(data: &[u8]) {
    let Some((size, data)) = data.split_first() else {
        return;
    };
    for tunnel in [false, true] {
        let in_pieces = outcome(data.chunks(usize::from(*size).max(1)), tunnel);
        let whole = outcome([data].into_iter(), tunnel);
        assert_eq!(in_pieces, whole);
    }
}

/// The status and the body of the response, or the error.
fn outcome<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    tunnel: bool,
) -> Result<(u16, Vec<u8>), HttpError> {
    let mut reader = ResponseReader::default();
    reader.tunnel = tunnel;
    for piece in pieces {
        if reader.feed(piece)? {
            break;
        }
    }
    reader.end()?;
    let response: Response = reader.take().expect("a response that is complete");
    let _ = check_content_type(response.content_type.as_deref());
    Ok((response.status, response.body.to_vec()))
}

/// Parses `data` as each kind of document, and as a URL in one of them.
pub fn json(data: &[u8]) {
    let _ = Provider::parse(data);
    let _ = DeviceAuthorization::parse(data, false);
    let _ = TokenError::parse(data);
    let _ = access_token(data);
    let _ = server_error(data);
    let _ = Url::parse(data, true);
}
