use super::*;

/// The response, however the bytes are split.
#[track_caller]
fn read(bytes: &[u8]) -> Result<Response, HttpError> {
    let whole = read_in(bytes, bytes.len());
    for size in [1, 7] {
        let split = read_in(bytes, size);
        match (&whole, &split) {
            (Ok(whole), Ok(split)) => {
                assert_eq!(whole.status, split.status);
                assert_eq!(whole.content_type, split.content_type);
                assert_eq!(whole.body, split.body);
            }
            (Err(whole), Err(split)) => assert_eq!(whole.kind, split.kind),
            _ => panic!("{whole:?} in one piece, {split:?} in pieces of {size}"),
        }
    }
    whole
}

fn read_in(bytes: &[u8], size: usize) -> Result<Response, HttpError> {
    let mut reader = ResponseReader::default();
    for piece in bytes.chunks(size.max(1)) {
        if reader.feed(piece)? {
            return Ok(reader.take().expect("it is complete"));
        }
    }
    reader.end()?;
    Ok(reader.take().expect("it is complete"))
}

#[track_caller]
fn body(bytes: &[u8]) -> Vec<u8> {
    read(bytes).expect("a response").body.to_vec()
}

#[track_caller]
fn kind_of(bytes: &[u8]) -> &'static str {
    read(bytes).expect_err("a failure").kind
}

#[test]
fn the_end_of_each_kind_of_body_is_found() {
    assert_eq!(
        body(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc"),
        b"ab"
    );
    assert_eq!(body(b"HTTP/1.0 200 OK\r\n\r\nabc"), b"abc");
    assert_eq!(body(b"HTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\n"), b"");
    assert_eq!(body(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), b"");
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n\
        2\r\nab\r\n0001;x=y\r\nc\r\n0\r\nTrailer: x\r\n\r\n";
    assert_eq!(body(chunked), b"abc");
    let interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nLink: y\r\n\r\n\
        HTTP/1.1 400 Bad\r\nContent-Length: 1\r\n\r\nx";
    assert_eq!(read(interim).expect("a response").status, 400);
}

#[test]
fn the_last_content_type_counts() {
    let response = read(
        b"HTTP/1.1 200 OK\r\nContent-Type: a\r\ncontent-type:  b; c \r\nContent-Length: 0\r\n\r\n",
    );
    let response = response.expect("a response");
    assert_eq!(response.content_type.as_deref(), Some(&b"b; c"[..]));
    let response = read(b"HTTP/1.1 200 OK\r\n\r\n").expect("a response");
    assert_eq!(response.content_type, None);
}

#[test]
fn malformed_responses_are_errors() {
    let cases: [(&[u8], &str); 15] = [
        (b"", kind::EMPTY),
        (b"HTTP/1.1 200 OK\r\n", kind::PARTIAL),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na",
            kind::PARTIAL,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na",
            kind::PARTIAL,
        ),
        (b"hello", kind::UNSUPPORTED),
        (b"\x15\x03\x01\0\x02\x02\x16", kind::UNSUPPORTED),
        (b"HTTP/2 200\r\n\r\n", kind::WEIRD),
        (b"HTTP/1.1 x\r\n\r\n", kind::WEIRD),
        (b"HTTP/1.1 101 x\r\n\r\n", kind::WEIRD),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
            kind::WEIRD,
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\na", kind::WEIRD),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            kind::WEIRD,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\na",
            kind::WEIRD,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            kind::WEIRD,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
            kind::WEIRD,
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(kind_of(bytes), expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn the_sizes_of_heads_chunks_and_bodies_are_limited() {
    for length in ["262145", "99999999999999999999999999"] {
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        assert_eq!(kind_of(text.as_bytes()), kind::TOO_LARGE);
    }
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let huge = [&chunked[..], b"ffffffffffffffff\r\n"].concat();
    assert_eq!(kind_of(&huge), kind::TOO_LARGE);
    let many = [&chunked[..], &b"1\r\nx\r\n".repeat(MAX_BODY + 1)].concat();
    assert_eq!(read_in(&many, 4096).unwrap_err().kind, kind::TOO_LARGE);
    let endless = [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &vec![b'x'; MAX_BODY + 1]].concat();
    assert_eq!(read_in(&endless, 4096).unwrap_err().kind, kind::TOO_LARGE);
    let exact = [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &vec![b'x'; MAX_BODY]].concat();
    assert_eq!(read_in(&exact, 4096).unwrap().body.len(), MAX_BODY);
    let extension = [&chunked[..], b"1;", &vec![b'x'; 2 * MAX_CHUNK_LINE]].concat();
    assert_eq!(read_in(&extension, 64).unwrap_err().kind, kind::WEIRD);
    let header = [&b"HTTP/1.1 200 OK\r\nX: "[..], &vec![b'x'; MAX_HEAD]].concat();
    assert_eq!(read_in(&header, 4096).unwrap_err().kind, kind::WEIRD);
    let headers = [
        &b"HTTP/1.1 200 OK\r\n"[..],
        &b"X: y\r\n".repeat(MAX_HEADERS + 1),
    ]
    .concat();
    assert_eq!(read_in(&headers, 4096).unwrap_err().kind, kind::WEIRD);
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(MAX_HEAD / 25 + 1);
    assert_eq!(read_in(&interim, 4096).unwrap_err().kind, kind::WEIRD);
}

#[test]
fn a_tunnel_has_no_body() {
    let mut reader = ResponseReader {
        tunnel: true,
        ..ResponseReader::default()
    };
    let complete = reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
    assert_eq!(complete, Ok(true));
    assert_eq!(reader.surplus(), 2);
}
