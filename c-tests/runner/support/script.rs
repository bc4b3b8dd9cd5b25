//! A server that sends exact bytes: what a test's closures do with each connection, one after the other.
//!
//! ```ignore
//! let server = Script::new()
//!     .connection(|c| {
//!         c.login();
//!         c.expect(b'Q');
//!         c.send(&[one_value("x", "1"), ready(b'I')].concat());
//!         c.expect_terminate();
//!     })
//!     .start();
//! let output = Program::new("exec").run(Lib::Ours, &[&server.tcp()], &[]);
//! server.finish();
//! ```

mod stream;

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use tempfile::TempDir;

use stream::Stream;

use super::message::{auth_ok, backend_key, parameter_status, ready};

/// A client that keeps a script waiting longer than this has failed its test.
const PATIENCE: Duration = Duration::from_secs(20);

fn patience() -> Duration {
    // Under valgrind, clients are slow.
    let is_slow = std::env::var_os("LIBPQ_OXIDE_VALGRIND").is_some();
    if is_slow { PATIENCE * 20 } else { PATIENCE }
}

type Step = Arc<dyn Fn(&mut Connection) + Send + Sync>;

/// What the server will do.
#[derive(Default, Clone)]
pub struct Script {
    steps: Vec<Step>,
}

impl Script {
    pub fn new() -> Script {
        Script::default()
    }

    /// Handles the next connection; it is closed when `step` returns. A panic in `step` fails the test.
    pub fn connection(mut self, step: impl Fn(&mut Connection) + Send + Sync + 'static) -> Script {
        self.steps.push(Arc::new(step));
        self
    }

    /// Listens on a port of 127.0.0.1 and on a Unix socket of the same number.
    pub fn start(self) -> Server {
        self.listen(None)
    }

    /// Likewise, and does everything inside TLS: each connection begins with a request for it and a handshake.
    pub fn start_tls(self, config: Arc<ServerConfig>) -> Server {
        self.listen(Some(config))
    }

    fn listen(self, tls: Option<Arc<ServerConfig>>) -> Server {
        let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
        let tcp = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = tcp.local_addr().expect("its address").port();
        let unix = UnixListener::bind(directory.path().join(format!(".s.PGSQL.{port}")))
            .expect("a socket");
        let received = Received::default();
        let log = received.clone();
        let encrypted = tls.is_some();
        let thread = thread::spawn(move || serve(&tcp, &unix, &self.steps, tls.as_ref(), &log));
        Server {
            port,
            encrypted,
            directory,
            thread,
            received,
        }
    }
}

/// All that clients sent, connection by connection.
type Received = Arc<Mutex<Vec<Vec<u8>>>>;

/// A running script.
pub struct Server {
    port: u16,
    encrypted: bool,
    directory: TempDir,
    thread: JoinHandle<()>,
    received: Received,
}

impl Server {
    /// A connection string for TCP.
    pub fn tcp(&self) -> String {
        format!(
            "host=127.0.0.1 port={} user=u dbname=d sslmode={}",
            self.port,
            self.sslmode()
        )
    }

    pub fn sslmode(&self) -> &'static str {
        if self.encrypted { "require" } else { "disable" }
    }

    /// A connection string for the Unix socket.
    pub fn unix(&self) -> String {
        format!(
            "host={} port={} user=u dbname=d",
            self.directory.path().display(),
            self.port
        )
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the script to end; panics if any step did, or if a connection it expects was not made. Returns what
    /// the client sent, connection by connection.
    pub fn finish(self) -> Vec<Vec<u8>> {
        if let Err(panic) = self.thread.join() {
            resume_unwind(panic);
        }
        self.received.lock().expect("no panic").clone()
    }
}

fn serve(
    tcp: &TcpListener,
    unix: &UnixListener,
    steps: &[Step],
    tls: Option<&Arc<ServerConfig>>,
    received: &Received,
) {
    tcp.set_nonblocking(true).expect("a nonblocking listener");
    unix.set_nonblocking(true).expect("a nonblocking listener");
    for (number, step) in steps.iter().enumerate() {
        let stream =
            accept(tcp, unix).unwrap_or_else(|| panic!("connection {} was not made", number + 1));
        let mut connection = Connection {
            stream,
            received: Vec::new(),
        };
        if let Some(config) = tls {
            connection.accept_tls(config.clone());
        }
        step(&mut connection);
        connection.stream.say_goodbye();
        received.lock().expect("no panic").push(connection.received);
    }
}

fn accept(tcp: &TcpListener, unix: &UnixListener) -> Option<Stream> {
    let deadline = Instant::now() + patience();
    while Instant::now() < deadline {
        let stream = tcp
            .accept()
            .map(|(s, _)| Stream::from(s))
            .or_else(|_| unix.accept().map(|(s, _)| Stream::from(s)));
        match stream {
            Ok(stream) => return stream.prepare(patience()).ok().map(|()| stream),
            Err(_) => thread::sleep(Duration::from_millis(2)),
        }
    }
    None
}

/// The first packet of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum First {
    Startup(Startup),
    SslRequest,
    GssRequest,
    /// The process and the secret key.
    Cancel(u32, Vec<u8>),
}

/// A startup packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Startup {
    /// Major and minor.
    pub version: (u16, u16),
    /// In the order they were sent.
    pub parameters: Vec<(String, String)>,
}

impl Startup {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// One client. Every method panics when the client does something else than it says.
pub struct Connection {
    stream: Stream,
    received: Vec<u8>,
}

impl Connection {
    /// The startup packet, any request to cancel, or a request for encryption.
    #[track_caller]
    pub fn expect_first(&mut self) -> First {
        let length = self.read_u32();
        assert!(
            (8..=10_000).contains(&length),
            "a first packet of {length} bytes"
        );
        let code = self.read_u32();
        let body = self.read(length as usize - 8);
        match code {
            80_877_102 => cancel(&body),
            80_877_103 => First::SslRequest,
            80_877_104 => First::GssRequest,
            _ => First::Startup(Startup {
                version: ((code >> 16) as u16, code as u16),
                parameters: pairs(&body),
            }),
        }
    }

    /// A request for TLS, and the handshake.
    #[track_caller]
    pub fn accept_tls(&mut self, config: Arc<ServerConfig>) {
        assert_eq!(self.expect_first(), First::SslRequest);
        self.send(b"S");
        self.stream.accept_tls(config).expect("a handshake");
    }

    #[track_caller]
    pub fn expect_startup(&mut self) -> Startup {
        match self.expect_first() {
            First::Startup(startup) => startup,
            other => panic!("a startup packet was expected, not {other:?}"),
        }
    }

    /// A startup packet, and an answer that makes the connection ready.
    #[track_caller]
    pub fn login(&mut self) -> Startup {
        let startup = self.expect_startup();
        self.send(&welcome());
        startup
    }

    /// The next message, which must be of type `kind`; returns its body.
    #[track_caller]
    pub fn expect(&mut self, kind: u8) -> Vec<u8> {
        let (got, body) = self.read_message();
        assert_eq!(
            char::from(got),
            char::from(kind),
            "an unexpected message, its body is: {}",
            body.escape_ascii()
        );
        body
    }

    /// Messages of any type up to one of type `last`; returns that one's body.
    #[track_caller]
    pub fn expect_until(&mut self, last: u8) -> Vec<u8> {
        loop {
            let (kind, body) = self.read_message();
            if kind == last {
                return body;
            }
        }
    }

    /// Takes the next message, whatever it is; false at the client's end.
    pub fn try_read_message(&mut self) -> bool {
        let mut kind = [0];
        if !matches!(self.stream.read(&mut kind), Ok(1)) {
            return false;
        }
        self.received.extend(kind);
        let length = self.read_u32();
        self.read(length as usize - 4);
        true
    }

    /// A simple query; returns its text.
    #[track_caller]
    pub fn expect_query(&mut self) -> String {
        let mut body = self.expect(b'Q');
        assert_eq!(body.pop(), Some(0), "a query ends in a zero byte");
        String::from_utf8_lossy(&body).into_owned()
    }

    /// Terminate, and the end of the connection.
    #[track_caller]
    pub fn expect_terminate(&mut self) {
        self.expect(b'X');
        self.expect_eof();
    }

    /// The client's end of the connection, with nothing before it.
    #[track_caller]
    pub fn expect_eof(&mut self) {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(0) => {}
            // A client that closes with something unread sends a reset.
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => {}
            other => panic!(
                "the client should have closed: {other:?} {}",
                byte.escape_ascii()
            ),
        }
    }

    /// Whatever the client sends up to its end of the connection, however that comes.
    pub fn drain(&mut self) {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = self.stream.read(&mut bytes) {
            self.received.extend(&bytes[..count]);
        }
    }

    /// As [`Connection::send`], to a client that may have left.
    pub fn try_send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the client reads");
    }

    /// The bytes as [`Connection::send_sealed`] takes them: inside TLS, records of their own.
    pub fn seal(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.stream.seal(bytes)
    }

    /// Sends what was sealed, all of it at once or parts of it: TCP knows nothing of records.
    #[track_caller]
    pub fn send_sealed(&mut self, bytes: &[u8]) {
        self.stream.write_sealed(bytes).expect("the client reads");
    }

    /// Inside TLS, takes other keys for what is sent from now on.
    pub fn renew_keys(&mut self) {
        self.stream.renew_keys();
    }

    /// Sends each byte by itself.
    #[track_caller]
    pub fn send_split(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send(&[*byte]);
            // Long enough that a waiting client sees it alone.
            thread::sleep(Duration::from_micros(200));
        }
    }

    pub fn wait(&mut self, time: Duration) {
        thread::sleep(time);
    }

    /// Ends the server's side; the client sees the end of the stream, and can still send.
    pub fn shutdown(&mut self) {
        self.stream.shutdown();
    }

    /// Likewise, but inside TLS without telling: nothing can be read or sent any more.
    pub fn cut_off(&mut self) {
        self.stream.cut_off();
    }

    /// Makes the close that follows a reset (TCP only).
    pub fn reset(&mut self) {
        self.stream.reset();
    }

    /// Any number of bytes.
    #[track_caller]
    pub fn read(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        let mut filled = 0;
        while filled < n {
            match self.stream.read(&mut bytes[filled..]) {
                Ok(0) => panic!("the client closed, {} more bytes were expected", n - filled),
                Ok(count) => filled += count,
                Err(e) => panic!(
                    "nothing comes from the client, {} more bytes were expected: {e}",
                    n - filled
                ),
            }
        }
        self.received.extend(&bytes);
        bytes
    }

    /// The next message: its type and its body.
    #[track_caller]
    pub fn read_message(&mut self) -> (u8, Vec<u8>) {
        let kind = self.read(1)[0];
        let length = self.read_u32();
        assert!(
            (4..1 << 30).contains(&length),
            "message {} of {length} bytes",
            char::from(kind)
        );
        (kind, self.read(length as usize - 4))
    }

    #[track_caller]
    fn read_u32(&mut self) -> u32 {
        let bytes = self.read(4);
        u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }
}

/// What a server of version 18 says to a client it trusts.
pub fn welcome() -> Vec<u8> {
    let parameters = [
        ("client_encoding", "UTF8"),
        ("default_transaction_read_only", "off"),
        ("in_hot_standby", "off"),
        ("integer_datetimes", "on"),
        ("server_encoding", "UTF8"),
        ("server_version", "18.0"),
        ("standard_conforming_strings", "on"),
    ];
    let mut bytes = auth_ok();
    parameters
        .iter()
        .for_each(|(name, value)| bytes.extend(parameter_status(name, value)));
    bytes.extend(backend_key(1234, &[1, 2, 3, 4]));
    bytes.extend(ready(b'I'));
    bytes
}

#[track_caller]
fn cancel(body: &[u8]) -> First {
    let (pid, key) = body.split_first_chunk().expect("a process number");
    First::Cancel(u32::from_be_bytes(*pid), key.to_vec())
}

#[track_caller]
fn pairs(body: &[u8]) -> Vec<(String, String)> {
    let body = body.strip_suffix(&[0]).expect("a zero byte at the end");
    let mut texts: Vec<_> = body
        .split(|byte| *byte == 0)
        .map(|t| String::from_utf8_lossy(t).into_owned())
        .collect();
    assert_eq!(texts.pop().as_deref(), Some(""), "zero-terminated texts");
    assert!(texts.len().is_multiple_of(2), "names and values: {texts:?}");
    texts
        .chunks_exact(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect()
}
