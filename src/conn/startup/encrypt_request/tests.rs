use super::*;
use crate::conn::startup::encryption::Available;
use crate::conn::startup::encryption::tests::params;
use crate::conn::startup::{Address, CancelKey, Purpose};
use crate::conn::status::ConnStatus;
use crate::conninfo::options::Options;
use crate::conninfo::params::{GssEncMode, Params, SslMode};

const TLS_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const GSS_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x30";

/// A connection attempt with a connected TCP socket, and what it did.
struct Bench {
    startup: Startup,
    session: Session,
    /// The number of physical connections.
    connections: usize,
    notices: Vec<String>,
}

impl Bench {
    fn new(params: Params) -> Bench {
        let available = Available {
            tls: true,
            gss: || Ok(()),
        };
        let (options, nothing) = (Options::default(), Vec::new());
        let purpose = Purpose::Session;
        let startup = Startup::new(params, options, nothing, purpose, available, |_| true);
        Bench::of(startup)
    }

    fn of(startup: Startup) -> Bench {
        let mut bench = Bench {
            startup,
            session: Session::new(),
            connections: 0,
            notices: Vec::new(),
        };
        bench.startup.start(&mut bench.session);
        bench
    }

    /// Runs until the attempt waits for the server or a handshake, or ends. Returns the bytes sent and what it waits for.
    fn run(&mut self) -> (Vec<u8>, &'static str) {
        let mut sent = Vec::new();
        loop {
            match self.startup.advance(&mut self.session) {
                Want::Resolve(_) => {
                    let address = Address {
                        numeric: b"192.0.2.1".to_vec(),
                        unix: false,
                        key: b"one".to_vec(),
                    };
                    self.startup.resolved(&mut self.session, Ok(vec![address]));
                }
                Want::Close { .. } => {
                    self.connections += 1;
                    self.session.start_over();
                    self.session.input_mut().clear();
                }
                Want::Connect(_) => self.startup.opened(&mut self.session, Ok(true)),
                Want::Writable => {}
                Want::Write => {
                    sent.extend_from_slice(self.session.output());
                    self.session.output_mut().clear();
                }
                Want::Read => return (sent, "read"),
                Want::Tls => return (sent, "tls"),
                Want::Gss => return (sent, "gss"),
                Want::Failed => return (sent, "failed"),
                Want::Done => return (sent, "done"),
                Want::Notice(notice) => {
                    let text = notice.error_message().to_string_lossy();
                    self.notices.push(text.into_owned());
                }
                _ => return (sent, "other"),
            }
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        let room = self.session.input_mut().free_space(bytes.len()).unwrap();
        room[..bytes.len()].copy_from_slice(bytes);
        self.session.input_mut().filled(bytes.len());
    }

    fn answer(&mut self, bytes: &[u8]) -> (Vec<u8>, &'static str) {
        self.receive(bytes);
        self.run()
    }

    fn errors(&self) -> String {
        String::from_utf8_lossy(self.session.error_text()).into_owned()
    }
}

fn tls(sslmode: SslMode) -> Bench {
    Bench::new(params(sslmode, GssEncMode::Disable))
}

fn facts() -> TlsFacts {
    TlsFacts {
        certificate_requested: false,
        certificate_sent: false,
        server_end_point: Ok(Vec::new()),
    }
}

/// Whether `sent` is a startup packet and nothing else.
fn is_startup_packet(sent: &[u8]) -> bool {
    let length = sent.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
    length == u32::try_from(sent.len()).ok() && sent.get(4..8) == Some(b"\0\x03\0\0")
}

#[test]
fn requests_tls_and_starts_the_handshake() {
    let mut bench = tls(SslMode::Require);
    assert_eq!(bench.run(), (TLS_REQUEST.to_vec(), "read"));
    assert_eq!(bench.session.status(), ConnStatus::SslStartup);
    assert_eq!(bench.answer(b"S"), (vec![], "tls"));
    bench.startup.tls_established(&mut bench.session, facts());
    assert_eq!(bench.session.status(), ConnStatus::Made);
    let (sent, waits) = bench.run();
    assert!(is_startup_packet(&sent));
    assert_eq!((waits, bench.connections), ("read", 1));
}

#[test]
fn continues_without_tls_only_if_permitted() {
    let mut bench = tls(SslMode::Prefer);
    bench.run();
    let (sent, waits) = bench.answer(b"N");
    assert!(is_startup_packet(&sent));
    assert_eq!((waits, bench.connections), ("read", 1));
    let mut bench = tls(SslMode::Require);
    bench.run();
    assert_eq!(bench.answer(b"N"), (vec![], "failed"));
    assert!(
        bench
            .errors()
            .ends_with("failed: server does not support SSL, but SSL was required\n")
    );
}

#[test]
fn reconnects_without_tls_after_a_failed_handshake() {
    let mut bench = tls(SslMode::Prefer);
    bench.run();
    bench.answer(b"S");
    bench
        .startup
        .handshake_failed(&mut bench.session, "SSL error: x");
    let (sent, waits) = bench.run();
    assert!(is_startup_packet(&sent));
    assert_eq!((waits, bench.connections), ("read", 2));
    let mut bench = tls(SslMode::VerifyCa);
    bench.run();
    bench.answer(b"S");
    bench
        .startup
        .handshake_failed(&mut bench.session, "SSL error: x");
    assert_eq!(bench.run(), (vec![], "failed"));
    assert!(bench.errors().ends_with("failed: SSL error: x\n"));
}

/// AuthenticationOk and ReadyForQuery.
const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";

/// TLS fails, for a reason of this library if `own`, and the session is opened without it.
fn opened_without_tls(own: bool) -> Bench {
    let mut bench = tls(SslMode::Prefer);
    bench.run();
    bench.answer(b"S");
    if own {
        bench.startup.tls_not_usable(b"SSL error: x\nand a hint");
    }
    let text = "SSL error: x\nand a hint";
    bench.startup.handshake_failed(&mut bench.session, text);
    bench.run();
    assert_eq!(bench.answer(WELCOME), (vec![], "done"));
    assert_eq!(bench.errors(), "");
    bench
}

#[test]
fn a_notice_reports_a_session_without_tls_after_a_failure_of_this_library() {
    let text = "server offered TLS, but this library could not use it: SSL error: x; the session is not encrypted\n";
    assert_eq!(opened_without_tls(true).notices, [text]);
    assert!(opened_without_tls(false).notices.is_empty());
}

#[test]
fn no_notice_about_an_earlier_connection() {
    let mut bench = opened_without_tls(true);
    bench.notices.clear();
    bench.startup.start(&mut bench.session);
    bench.run();
    bench.answer(b"N");
    assert_eq!(bench.answer(WELCOME), (vec![], "done"));
    assert!(bench.notices.is_empty());
}

#[test]
fn unencrypted_bytes_after_the_answer_fail_the_attempt() {
    let mut bench = tls(SslMode::Prefer);
    bench.run();
    assert_eq!(bench.answer(b"SR"), (vec![], "tls"));
    bench.startup.tls_established(&mut bench.session, facts());
    assert_eq!(bench.run(), (vec![], "failed"));
    assert!(
        bench
            .errors()
            .ends_with("received unencrypted data after SSL response\n")
    );
    let mut bench = Bench::new(params(SslMode::Disable, GssEncMode::Prefer));
    bench.run();
    assert_eq!(bench.answer(b"GR"), (vec![], "gss"));
    bench.startup.gss_established(&mut bench.session);
    assert_eq!(bench.run(), (vec![], "failed"));
    assert!(
        bench
            .errors()
            .ends_with("received unencrypted data after GSSAPI encryption response\n")
    );
}

#[test]
fn does_not_show_an_error_sent_before_encryption() {
    let mut bench = tls(SslMode::Prefer);
    bench.run();
    assert_eq!(bench.answer(b"E\0\0\0\x0fMsecret\0\0"), (vec![], "failed"));
    let errors = bench.errors();
    assert!(errors.ends_with("server sent an error response during SSL exchange\n"));
    assert!(!errors.contains("secret"));
    let mut bench = tls(SslMode::Prefer);
    bench.run();
    assert_eq!(bench.answer(b"x"), (vec![], "failed"));
    assert!(
        bench
            .errors()
            .ends_with("received invalid response to SSL negotiation: x\n")
    );
}

#[test]
fn requests_tls_on_the_same_connection_after_gssapi_was_declined() {
    let mut bench = Bench::new(params(SslMode::Require, GssEncMode::Prefer));
    assert_eq!(bench.run(), (GSS_REQUEST.to_vec(), "read"));
    assert_eq!(bench.session.status(), ConnStatus::GssStartup);
    assert_eq!(bench.answer(b"N"), (TLS_REQUEST.to_vec(), "read"));
    assert_eq!(bench.connections, 1);
}

#[test]
fn reconnects_after_an_error_in_answer_to_the_gssapi_request() {
    let mut bench = Bench::new(params(SslMode::Require, GssEncMode::Prefer));
    bench.run();
    assert_eq!(
        bench.answer(b"E\0\0\0\x0fMsecret\0\0"),
        (TLS_REQUEST.to_vec(), "read")
    );
    assert_eq!(bench.connections, 2);
    assert!(!bench.errors().contains("secret"));
}

#[test]
fn fails_if_required_gssapi_is_declined() {
    let mut bench = Bench::new(params(SslMode::Prefer, GssEncMode::Require));
    bench.run();
    assert_eq!(bench.answer(b"N"), (vec![], "failed"));
    let text = "server doesn't support GSSAPI encryption, but it was required\n";
    assert!(bench.errors().ends_with(text));
}

#[test]
fn starts_the_gssapi_handshake_when_accepted() {
    let mut bench = Bench::new(params(SslMode::Prefer, GssEncMode::Prefer));
    bench.run();
    assert_eq!(bench.answer(b"G"), (vec![], "gss"));
    bench.startup.gss_established(&mut bench.session);
    let (sent, _) = bench.run();
    assert!(is_startup_packet(&sent));
}

#[test]
fn direct_tls_starts_without_a_request() {
    let mut direct = params(SslMode::Require, GssEncMode::Disable);
    direct.sslnegotiation = SslNegotiation::Direct;
    let mut bench = Bench::new(direct);
    assert_eq!(bench.run(), (vec![], "tls"));
    assert_eq!(bench.session.status(), ConnStatus::SslStartup);
    begins_inside_tls(bench);
}

/// After the handshake, nothing comes before the startup packet.
#[track_caller]
fn begins_inside_tls(mut bench: Bench) {
    bench.startup.tls_established(&mut bench.session, facts());
    let (sent, waits) = bench.run();
    assert!(is_startup_packet(&sent), "{}", sent.escape_ascii());
    assert_eq!(waits, "read");
}

#[test]
fn direct_tls_after_declined_gssapi_reconnects() {
    let mut direct = params(SslMode::Require, GssEncMode::Prefer);
    direct.sslnegotiation = SslNegotiation::Direct;
    let mut bench = Bench::new(direct);
    bench.run();
    assert_eq!(bench.answer(b"N"), (vec![], "tls"));
    assert_eq!(bench.connections, 2);
    begins_inside_tls(bench);
}

#[test]
fn encrypts_cancel_requests() {
    let bench = tls(SslMode::Require);
    let address = Address {
        numeric: b"192.0.2.1".to_vec(),
        unix: false,
        key: b"one".to_vec(),
    };
    let cancel = CancelKey {
        process: 7,
        key: b"abcd".to_vec(),
    };
    let mut bench = Bench::of(bench.startup.for_cancel(address, cancel));
    assert_eq!(bench.run(), (TLS_REQUEST.to_vec(), "read"));
    assert_eq!(bench.answer(b"S"), (vec![], "tls"));
    bench.startup.tls_established(&mut bench.session, facts());
    let request = b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x07abcd";
    assert_eq!(bench.run(), (request.to_vec(), "read"));
}

#[test]
fn traces_requests_and_answers() {
    let mut bench = tls(SslMode::Require);
    let mut tracer = crate::conn::session::tracing::Tracer::new(Vec::new);
    tracer.flags.suppress_timestamps = true;
    *bench.session.tracer_mut() = Some(tracer);
    bench.run();
    bench.answer(b"S");
    let lines = bench.session.tracer_mut().as_mut().unwrap().take_lines();
    let expected = "F\t8\tSSLRequest\t 1234 5679\nB\t1\tSSLResponse\t S\n";
    assert_eq!(String::from_utf8_lossy(&lines), expected);
}
