//! A client that sends and receives raw bytes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::Proxy;

pub struct Raw {
    stream: TcpStream,
}

/// Opens a session with these parameters and reads all messages up to the first ReadyForQuery.
#[track_caller]
pub fn session(proxy: &Proxy, parameters: &[(&str, &str)]) -> Raw {
    Raw::session(proxy.port, parameters)
}

impl Proxy {
    /// Checks that a new client is refused with the SQLSTATE that makes libpq try its next host.
    #[track_caller]
    pub fn refuses_as_if_shutting_down(&self) {
        let mut late = Raw::connect(self.port);
        late.startup(&[("user", "postgres")]);
        let (kind, body) = late.read_message();
        assert_eq!(kind, b'E');
        let refused = body.windows(6).any(|part| part == b"C57P03");
        assert!(refused, "{}", body.escape_ascii());
    }
}

impl Raw {
    pub fn connect(port: u16) -> Raw {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the proxy listens");
        let timeout = Some(Duration::from_secs(60));
        stream.set_read_timeout(timeout).expect("a timeout");
        stream.set_write_timeout(timeout).expect("a timeout");
        Raw { stream }
    }

    #[track_caller]
    pub fn session(port: u16, parameters: &[(&str, &str)]) -> Raw {
        let user = [("user", "postgres"), ("database", "postgres")];
        Raw::session_of(port, &[&user, parameters].concat())
    }

    /// As [`Raw::session`], but only with the given parameters.
    #[track_caller]
    pub fn session_of(port: u16, parameters: &[(&str, &str)]) -> Raw {
        let mut client = Raw::connect(port);
        client.startup(parameters);
        let opening = client.read_until_ready();
        assert_eq!(opening[0].0, b'R');
        client
    }

    /// The client's own address.
    pub fn address(&self) -> String {
        let address = self.stream.local_addr().expect("an open socket");
        address.to_string()
    }

    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the proxy reads");
    }

    pub fn startup(&mut self, parameters: &[(&str, &str)]) {
        self.send(&startup(parameters));
    }

    pub fn query(&mut self, sql: &str) {
        let length = (sql.len() as u32 + 5).to_be_bytes();
        self.send(&[b"Q", &length[..], sql.as_bytes(), b"\0"].concat());
    }

    #[track_caller]
    pub fn read_exact(&mut self, bytes: &mut [u8]) {
        self.stream.read_exact(bytes).expect("the proxy answers");
    }

    #[track_caller]
    pub fn read_message(&mut self) -> (u8, Vec<u8>) {
        let mut header = [0; 5];
        self.read_exact(&mut header);
        let [kind, length @ ..] = header;
        let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
        self.read_exact(&mut body);
        (kind, body)
    }

    /// The backend's process id, read from the messages of a new session.
    #[track_caller]
    pub fn backend(&mut self) -> u64 {
        let pid = self.value("SELECT pg_backend_pid()");
        pid.parse().expect("a process ID")
    }

    /// The value that a query returns; it must be the only one.
    #[track_caller]
    pub fn value(&mut self, sql: &str) -> String {
        self.query(sql);
        let messages = self.read_until_ready();
        let row = messages.iter().find(|(kind, _)| *kind == b'D');
        let (_, row) = row.expect("a row");
        // After a count and a length.
        String::from_utf8_lossy(&row[6..]).into_owned()
    }

    /// All messages up to ReadyForQuery.
    #[track_caller]
    pub fn read_until_ready(&mut self) -> Vec<(u8, Vec<u8>)> {
        let mut messages = vec![self.read_message()];
        while messages.last().is_some_and(|(kind, _)| *kind != b'Z') {
            messages.push(self.read_message());
        }
        messages
    }

    /// Whether a read would return at once, also at end of file.
    pub fn is_readable(&self) -> bool {
        self.stream.set_nonblocking(true).expect("an open socket");
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).expect("an open socket");
        peeked.is_ok()
    }

    /// Reads until the connection ends, normally or not.
    #[track_caller]
    pub fn read_rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.stream.read_to_end(&mut bytes) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => {
                panic!("{} bytes, then {error}", bytes.len())
            }
            _ => bytes,
        }
    }

    /// The same, but returns only the number of bytes.
    #[track_caller]
    pub fn read_to_end(&mut self) -> usize {
        self.read_rest().len()
    }

    /// Closes the connection with a reset.
    pub fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        let at_once = Some(Duration::ZERO);
        socket.set_linger(at_once).expect("an open socket");
    }

    pub fn shutdown(&self) {
        self.stream
            .shutdown(Shutdown::Write)
            .expect("an open socket");
    }
}

/// A startup packet of protocol 3.0.
pub fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = vec![0, 3, 0, 0];
    for (key, value) in parameters {
        body.extend([key.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    body.push(0);
    [&(body.len() as u32 + 4).to_be_bytes()[..], &body].concat()
}
