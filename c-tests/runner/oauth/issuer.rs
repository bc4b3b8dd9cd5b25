//! An OAuth issuer for the tests: HTTPS on the loopback address, with responses that no real issuer sends.
//!
//! Each behaviour is a separate issuer, `https://127.0.0.1:PORT/NAME`, with a role of the same name in the server.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::tls::certificates::Certificates;

/// The delay of a slow issuer's response.
pub const SLOWNESS: Duration = Duration::from_millis(1000);

/// A received request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method and path, as in the request line.
    pub line: String,
    pub headers: Vec<String>,
    pub body: String,
}

impl Request {
    /// The path after the issuer's name.
    pub fn endpoint(&self) -> &str {
        let path = self.line.split(' ').nth(1).unwrap_or_default();
        path.splitn(3, '/').nth(2).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let fits = |line: &&String| line.to_ascii_lowercase().starts_with(&format!("{name}:"));
        let line = self.headers.iter().find(fits)?;
        Some(line[name.len() + 1..].trim())
    }
}

/// The input of a behaviour: the request, the issuer's address, and the number of requests to this endpoint since the
/// discovery document was last fetched.
pub struct Call<'a> {
    pub request: &'a Request,
    pub issuer: &'a str,
    pub number: usize,
}

/// The bytes of a response. The bytes in `endless` follow, repeated without end.
pub struct Answer {
    pub bytes: Vec<u8>,
    pub endless: Vec<u8>,
}

pub type Behaviour = fn(&Call<'_>) -> Answer;

/// A running issuer. It runs until the tests end.
pub struct Issuer {
    pub port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Issuer {
    pub fn start(behaviours: &'static [(&'static str, Behaviour)]) -> Issuer {
        let config = Arc::new(Certificates::shared().server_config("ip-chained"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener
            .local_addr()
            .expect("the listener's address")
            .port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let shared = Shared {
            behaviours,
            port,
            requests: requests.clone(),
            numbers: Arc::default(),
        };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, shared) = (config.clone(), shared.clone());
                // A client that disconnects early is not an error.
                thread::spawn(move || shared.serve(stream, config));
            }
        });
        Issuer { port, requests }
    }

    /// Returns and removes the requests made to an issuer so far.
    pub fn take_requests(&self, name: &str) -> Vec<Request> {
        let mut all = self.requests.lock().expect("the lock is not poisoned");
        let (taken, others) = all.drain(..).partition(|r: &Request| r.name() == name);
        *all = others;
        taken
    }
}

impl Request {
    fn name(&self) -> &str {
        let path = self.line.split(' ').nth(1).unwrap_or_default();
        path.split('/').nth(1).unwrap_or_default()
    }
}

#[derive(Clone)]
struct Shared {
    behaviours: &'static [(&'static str, Behaviour)],
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    numbers: Arc<Mutex<HashMap<String, usize>>>,
}

impl Shared {
    fn serve(&self, stream: TcpStream, config: Arc<ServerConfig>) -> Option<()> {
        let session = ServerConnection::new(config).ok()?;
        let mut stream = StreamOwned::new(session, stream);
        let request = read_request(&mut stream)?;
        self.requests.lock().ok()?.push(request.clone());
        let name = request.name();
        let (_, behave) = self.behaviours.iter().find(|(known, _)| *known == name)?;
        let issuer = format!("https://127.0.0.1:{}/{name}", self.port);
        let answer = behave(&Call {
            request: &request,
            issuer: &issuer,
            number: self.number(&request),
        });
        stream.write_all(&answer.bytes).ok()?;
        while !answer.endless.is_empty() {
            stream.write_all(&answer.endless).ok()?;
        }
        stream.conn.send_close_notify();
        stream.flush().ok()
    }

    fn number(&self, request: &Request) -> usize {
        let mut numbers = self.numbers.lock().expect("the lock is not poisoned");
        let name = request.name().to_owned();
        if request.endpoint().starts_with(".well-known/") {
            numbers.retain(|key, _| !key.starts_with(&format!("{name}/")));
        }
        let number = numbers.entry(format!("{name}/{}", request.endpoint()));
        let number = number.or_default();
        *number += 1;
        *number
    }
}

fn read_request(stream: &mut impl Read) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut request = Request {
        line: lines.first()?.clone(),
        headers: lines.split_off(1),
        body: String::new(),
    };
    let length = request.header("content-length").map(str::parse);
    let mut body = vec![0; length.transpose().ok()?.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    request.body = String::from_utf8(body).ok()?;
    Some(request)
}

/// A response with a JSON body.
pub fn json(status: u16, body: &str) -> Answer {
    respond(
        status,
        "Content-Type: application/json\r\n",
        body.as_bytes(),
    )
}

/// A response with the given headers, each including its end of line.
pub fn respond(status: u16, headers: &str, body: &[u8]) -> Answer {
    let head = format!(
        "HTTP/1.1 {status} x\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    raw(&[head.as_bytes(), body].concat())
}

/// A response of exactly these bytes.
pub fn raw(bytes: &[u8]) -> Answer {
    Answer {
        bytes: bytes.to_vec(),
        endless: Vec::new(),
    }
}
