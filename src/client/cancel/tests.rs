use super::*;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::thread;

fn target(address: SockAddr) -> CancelTarget {
    CancelTarget {
        address,
        keepalives: None,
        keepalives_idle: None,
        keepalives_interval: None,
        keepalives_count: None,
        tcp_user_timeout: None,
        connect_timeout: None,
        pid: 0x0102_0304,
        key: b"key!".to_vec(),
    }
}

fn tcp() -> (TcpListener, CancelTarget) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, target(address.into()))
}

/// Sends from another thread; returns what `stream` receives until it is closed here.
fn received(target: &CancelTarget, accept: impl FnOnce() -> Box<dyn Read>) -> Vec<u8> {
    let data = snapshot(target).unwrap();
    let expected = HEADER + target.key.len();
    let sender = thread::spawn(move || send(&data));
    let mut stream = accept();
    let mut bytes = vec![0; expected];
    stream.read_exact(&mut bytes).unwrap();
    assert!(!sender.is_finished(), "must wait for the server to close");
    drop(stream);
    sender.join().unwrap().unwrap();
    bytes
}

fn text(target: &CancelTarget) -> String {
    let failure = send(&snapshot(target).unwrap()).unwrap_err();
    String::from_utf8(failure.text(256).as_bytes().to_vec()).unwrap()
}

#[test]
fn the_request_goes_over_tcp() {
    let (listener, target) = tcp();
    let bytes = received(&target, || Box::new(listener.accept().unwrap().0));
    assert_eq!(bytes, b"\0\0\0\x10\x04\xd2\x16\x2e\x01\x02\x03\x04key!");
}

#[test]
fn the_longest_key_goes_over_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let mut target = target(SockAddr::unix(&path).unwrap());
    target.key = vec![7; LONGEST_KEY];
    // Not set for Unix-domain sockets, whatever the value.
    target.keepalives_count = Some(b"100000".to_vec());
    let bytes = received(&target, || Box::new(listener.accept().unwrap().0));
    assert!(bytes.starts_with(b"\0\0\x01\x0c\x04\xd2\x16\x2e"));
    assert_eq!(bytes[HEADER..], target.key);
}

#[test]
fn replies_and_resets_are_ignored() {
    let (listener, target) = tcp();
    let data = snapshot(&target).unwrap();
    let sender = thread::spawn(move || send(&data));
    let (stream, _): (TcpStream, SocketAddr) = listener.accept().unwrap();
    // Closed with unread bytes: the other end gets a reset.
    drop(stream);
    assert_eq!(sender.join().unwrap(), Ok(()));
}

#[test]
fn a_refused_connection_is_reported_with_its_errno() {
    let (listener, target) = tcp();
    drop(listener);
    sys::set_errno(libc::EXDEV);
    assert_eq!(text(&target), "PQcancel() -- connect() failed: error 111\n");
    assert_eq!(sys::errno(), libc::EXDEV);
}

#[test]
fn a_refused_option_is_named() {
    let (_listener, mut target) = tcp();
    target.keepalives_count = Some(b"100000".to_vec());
    assert_eq!(
        text(&target),
        "PQcancel() -- setsockopt(TCP_KEEPCNT) failed: error 22\n"
    );
    target.keepalives_idle = Some(b"0".to_vec());
    assert_eq!(
        text(&target),
        "PQcancel() -- setsockopt(TCP_KEEPIDLE) failed: error 22\n"
    );
}

#[test]
fn without_keepalives_no_option_is_set() {
    let (listener, mut target) = tcp();
    target.keepalives = Some(b"0".to_vec());
    target.keepalives_count = Some(b"100000".to_vec());
    let bytes = received(&target, || Box::new(listener.accept().unwrap().0));
    assert_eq!(bytes.len(), 16);
}

#[test]
fn without_a_key_sending_fails() {
    let (_listener, mut target) = tcp();
    for key in [Vec::new(), vec![0; LONGEST_KEY + 1]] {
        target.key = key;
        assert_eq!(text(&target), "PQcancel() -- no cancellation key received");
    }
}

#[test]
fn settings_must_be_integers() {
    let (_listener, mut target) = tcp();
    target.tcp_user_timeout = Some(b" 7\n".to_vec());
    target.keepalives_idle = Some(b"+8".to_vec());
    target.keepalives_interval = Some(b"-9".to_vec());
    let data = snapshot(&target).unwrap();
    assert_eq!((data.keepalives, data.options), (-1, [8, -9, -1, 7]));
    for text in ["", "x", "1x", "2147483648", "1 2"] {
        target.keepalives = Some(text.into());
        let Err(error) = snapshot(&target) else {
            panic!("accepted {text}");
        };
        let expected =
            format!("invalid integer value \"{text}\" for connection option \"keepalives\"");
        assert_eq!(error, expected.as_bytes());
    }
}

#[test]
fn connect_timeout_limits_the_time() {
    let (_listener, mut target) = tcp();
    for (text, seconds) in [("7", 7), ("0", 60), ("-1", 60), ("x", 60)] {
        target.connect_timeout = Some(text.into());
        assert_eq!(snapshot(&target).unwrap().seconds, seconds, "{text}");
    }
    target.connect_timeout = None;
    assert_eq!(snapshot(&target).unwrap().seconds, 60);
}

/// How long a request takes that may take one second.
fn time_of(target: &mut CancelTarget) -> (Result<(), CancelFailure>, Duration) {
    target.connect_timeout = Some(b"1".to_vec());
    let data = snapshot(target).unwrap();
    let start = Instant::now();
    (send(&data), start.elapsed())
}

#[test]
fn a_silent_server_does_not_delay_the_caller_without_limit() {
    // The kernel accepts the connection and the request.
    let (_listener, mut target) = tcp();
    let (outcome, time) = time_of(&mut target);
    assert_eq!(outcome, Ok(()));
    assert!((1..10).contains(&time.as_secs()), "{time:?}");
}

#[test]
fn a_server_that_accepts_no_connection_does_not_delay_the_caller_without_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let socket = || socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None);
    let listener = socket().unwrap();
    let address = SockAddr::unix(&path).unwrap();
    listener.bind(&address).unwrap();
    listener.listen(0).unwrap();
    // Fills the backlog.
    let waiting = socket().unwrap();
    waiting.connect(&address).unwrap();
    let (outcome, time) = time_of(&mut target(address));
    let failure = outcome.unwrap_err();
    assert_eq!(
        failure.text(256).as_bytes(),
        b"PQcancel() -- connect() failed: error 110\n"
    );
    assert!((1..10).contains(&time.as_secs()), "{time:?}");
}

#[test]
fn an_immediate_request_reports_failures() {
    let (_listener, mut target) = tcp();
    target.keepalives_count = Some(b"100000".to_vec());
    let Ok(data) = request(&target) else {
        panic!("refused");
    };
    let failure = send(&data).unwrap_err();
    assert_eq!(
        failure.text(usize::MAX).as_bytes(),
        b"PQcancel() -- setsockopt(TCP_KEEPCNT) failed: error 22\n"
    );
    target.keepalives_count = Some(b"many".to_vec());
    assert_eq!(
        request(&target).err().unwrap(),
        b"invalid integer value \"many\" for connection option \"keepalives_count\"\n"
    );
}

#[test]
fn texts_fit_their_buffers() {
    let failure = failed(b"PQcancel() -- send() failed: ")(104);
    let whole = "PQcancel() -- send() failed: error 104\n";
    assert_eq!(whole.len(), 39);
    let cut = |size| String::from_utf8(failure.text(size).as_bytes().to_vec()).unwrap();
    assert_eq!(cut(usize::MAX), whole);
    assert_eq!(cut(40), whole);
    assert_eq!(cut(39), "PQcancel() -- send() failed: error 10\n");
    assert_eq!(cut(31), "PQcancel() -- send() failed: \n");
    assert_eq!(cut(30), "PQcancel() -- send() failed: ");
    assert_eq!(cut(9), "PQcancel");
    assert_eq!((cut(1), cut(0)), (String::new(), String::new()));
    assert_eq!(CancelFailure::NO_OBJECT.text(5).as_bytes(), b"PQca");
}

#[test]
fn error_numbers_are_decimal() {
    let text = |errno| String::from_utf8(CancelText::of_error(errno).as_bytes().to_vec()).unwrap();
    assert_eq!(text(0), "error 0");
    assert_eq!(text(10), "error 10");
    assert_eq!(text(c_int::MAX), "error 2147483647");
}

#[test]
fn process_and_key_are_where_ruby_pg_reads_them() {
    let (_listener, target) = tcp();
    let data = snapshot(&target).unwrap();
    assert_eq!(data.pid, 0x0102_0304);
    assert_eq!(data.key_word.to_be_bytes(), *b"key!");
}
