//! A server that sends exact bytes. A test gives one closure for each connection; they run one after the other.
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
use super::valgrind::patience;

/// How long a script waits for its client. After that the test fails.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(20);

type Step = Arc<dyn Fn(&mut Connection) + Send + Sync>;

/// What the server does with its connections.
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

    /// As [`Script::start`], but with TLS: each connection begins with an SSLRequest and a handshake.
    pub fn start_tls(self, config: Arc<ServerConfig>) -> Server {
        self.listen(Some(config))
    }

    fn listen(self, tls: Option<Arc<ServerConfig>>) -> Server {
        let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
        let tcp = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = tcp.local_addr().expect("the listener's address").port();
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

/// The bytes that the clients sent, one entry for each connection.
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

    /// Waits until the script has ended and returns the bytes that the clients sent, one entry for each connection.
    /// Panics if a step panicked or if an expected connection was not made.
    pub fn finish(self) -> Vec<Vec<u8>> {
        if let Err(panic) = self.thread.join() {
            resume_unwind(panic);
        }
        self.received
            .lock()
            .expect("the lock is not poisoned")
            .clone()
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
        connection.stream.send_close_notify();
        received
            .lock()
            .expect("the lock is not poisoned")
            .push(connection.received);
    }
}

fn accept(tcp: &TcpListener, unix: &UnixListener) -> Option<Stream> {
    let deadline = Instant::now() + patience(CLIENT_TIMEOUT);
    while Instant::now() < deadline {
        let stream = tcp
            .accept()
            .map(|(s, _)| Stream::from(s))
            .or_else(|_| unix.accept().map(|(s, _)| Stream::from(s)));
        match stream {
            Ok(stream) => {
                return stream
                    .prepare(patience(CLIENT_TIMEOUT))
                    .ok()
                    .map(|()| stream);
            }
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
    /// In the order sent.
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

/// A connection to one client. Every method panics if the client sends something else than the method expects.
pub struct Connection {
    stream: Stream,
    received: Vec<u8>,
}

impl Connection {
    /// Reads a startup packet, a cancel request, or a request for encryption.
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

    /// Reads an SSLRequest and does the handshake.
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

    /// Reads a startup packet and answers so that the connection is ready for queries.
    #[track_caller]
    pub fn login(&mut self) -> Startup {
        let startup = self.expect_startup();
        self.send(&welcome());
        startup
    }

    /// Reads the next message, which must have the type `kind`, and returns its body.
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

    /// Reads messages of any type up to one of type `last` and returns the body of that one.
    #[track_caller]
    pub fn expect_until(&mut self, last: u8) -> Vec<u8> {
        loop {
            let (kind, body) = self.read_message();
            if kind == last {
                return body;
            }
        }
    }

    /// Reads the next message of any type; returns false if the client has closed the connection.
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

    /// Reads a simple query and returns its text.
    #[track_caller]
    pub fn expect_query(&mut self) -> String {
        let mut body = self.expect(b'Q');
        assert_eq!(body.pop(), Some(0), "a query ends in a zero byte");
        String::from_utf8_lossy(&body).into_owned()
    }

    /// Reads Terminate and the end of the connection.
    #[track_caller]
    pub fn expect_terminate(&mut self) {
        self.expect(b'X');
        self.expect_eof();
    }

    /// Checks that the client closes the connection and sends nothing before.
    #[track_caller]
    pub fn expect_eof(&mut self) {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(0) => {}
            // The kernel sends a reset if the client closes the socket while it has unread data.
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => {}
            other => panic!(
                "the client should have closed: {other:?} {}",
                byte.escape_ascii()
            ),
        }
    }

    /// Reads whatever the client sends until the connection ends, normally or with an error.
    pub fn drain(&mut self) {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = self.stream.read(&mut bytes) {
            self.received.extend(&bytes[..count]);
        }
    }

    /// With TLS, sends `bytes`, and behind them in the same packet a record that cannot be decrypted.
    #[track_caller]
    pub fn send_damaged(&mut self, bytes: &[u8]) {
        let mut records = self.seal(bytes);
        records.extend(b"\x17\x03\x03\0\x20");
        records.extend([b'x'; 32]);
        self.send_sealed(&records);
    }

    /// As [`Connection::send`], but the client may have closed the connection.
    pub fn try_send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the client reads");
    }

    /// Encrypts `bytes` for [`Connection::send_sealed`]. With TLS they become separate records.
    pub fn seal(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.stream.seal(bytes)
    }

    /// Sends sealed bytes, or a part of them: TCP does not know where a record ends.
    #[track_caller]
    pub fn send_sealed(&mut self, bytes: &[u8]) {
        self.stream.write_sealed(bytes).expect("the client reads");
    }

    /// With TLS, switches to new keys for everything that is sent from now on.
    pub fn renew_keys(&mut self) {
        self.stream.renew_keys();
    }

    /// Sends each byte in its own write.
    #[track_caller]
    pub fn send_split(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send(&[*byte]);
            // Long enough that a waiting client reads the byte alone.
            thread::sleep(Duration::from_micros(200));
        }
    }

    pub fn wait(&mut self, time: Duration) {
        thread::sleep(time);
    }

    /// Closes the server's direction of the connection: the client reads end of file and can still send.
    pub fn shutdown(&mut self) {
        self.stream.shutdown();
    }

    /// As `shutdown`, but with TLS it sends no close_notify, and afterwards the server can neither read nor send.
    pub fn cut_off(&mut self) {
        self.stream.cut_off();
    }

    /// Makes the next close send a TCP reset (TCP only).
    pub fn reset(&mut self) {
        self.stream.reset();
    }

    /// Reads `n` bytes.
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

    /// Reads the next message and returns its type and its body.
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

/// What a PostgreSQL 18 server sends after the startup packet to a client that needs no password.
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
