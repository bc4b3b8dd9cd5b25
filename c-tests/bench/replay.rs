//! A server that implements just enough of the protocol to answer with canned streams as fast as the socket accepts
//! them.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use tempfile::TempDir;

use crate::streams::{self, Stream};
use crate::support::message;
use crate::workloads::{Kind, Workload};

/// Listens on both kinds of socket until the process ends.
pub struct Replay {
    directory: TempDir,
    port: u16,
}

type Streams = Arc<HashMap<String, Stream>>;

impl Replay {
    /// Answers the SQL of these workloads, and any other command with CommandComplete only.
    pub fn start(workloads: &[Workload]) -> Replay {
        let streams = workloads.iter().filter(|w| w.kind != Kind::None);
        let streams: Streams = Arc::new(streams.map(|w| (w.sql(), Stream::of(w))).collect());
        let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
        let tcp = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = tcp.local_addr().expect("its address").port();
        let replay = Replay { directory, port };
        let unix = UnixListener::bind(replay.socket()).expect("a socket");
        let for_unix = Arc::clone(&streams);
        thread::spawn(move || {
            for socket in unix.incoming().flatten() {
                serve(socket, &for_unix);
            }
        });
        thread::spawn(move || {
            for socket in tcp.incoming().flatten() {
                socket.set_nodelay(true).expect("a TCP socket");
                serve(socket, &streams);
            }
        });
        replay
    }

    /// The path of the Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.directory
            .path()
            .join(format!(".s.PGSQL.{}", self.port))
    }

    /// The connection string for the workload's client.
    pub fn way(&self, workload: &Workload) -> String {
        match workload.tcp {
            true => self.tcp(),
            false => self.unix(),
        }
    }

    pub fn unix(&self) -> String {
        let directory = self.directory.path().display();
        format!(
            "host={directory} port={} user=u dbname=d client_encoding=UTF8",
            self.port
        )
    }

    pub fn tcp(&self) -> String {
        format!(
            "host=127.0.0.1 port={} user=u dbname=d sslmode=disable client_encoding=UTF8",
            self.port
        )
    }
}

fn serve(socket: impl Read + Write + Send + 'static, streams: &Streams) {
    let streams = Arc::clone(streams);
    thread::spawn(move || {
        // A client that disconnects is not an error here; the client itself reports errors.
        let _ = Session::new(socket, streams).run();
    });
}

/// The connection to one client.
struct Session<S> {
    socket: S,
    streams: Streams,
    /// Received and not yet processed.
    input: Vec<u8>,
    at: usize,
    /// The buffer for reads.
    room: Vec<u8>,
    out: Vec<u8>,
    /// The text of the prepared statement; the workloads prepare only one.
    statement: String,
}

/// The size of a read: COPY data comes in pieces of any size.
const READ: usize = 256 * 1024;
/// When the output is longer than this, it is sent without waiting for the next Sync.
const SEND: usize = 64 * 1024;

impl<S: Read + Write> Session<S> {
    fn new(socket: S, streams: Streams) -> Session<S> {
        Session {
            socket,
            streams,
            input: Vec::new(),
            at: 0,
            room: vec![0; READ],
            out: Vec::new(),
            statement: String::new(),
        }
    }

    fn run(mut self) -> io::Result<()> {
        self.startup()?;
        loop {
            let (kind, body) = self.message()?;
            match kind {
                b'Q' => self.simple_query(&text(&body))?,
                b'P' => {
                    let mut strings = body.split(|byte| *byte == 0).skip(1);
                    self.statement = text(strings.next().unwrap_or_default());
                    self.out.extend(message::parse_complete());
                }
                b'B' => self.out.extend(message::bind_complete()),
                b'E' => self.execute()?,
                b'S' => {
                    self.out.extend(message::ready(b'I'));
                    self.flush()?;
                }
                b'X' => return Ok(()),
                _ => {}
            }
        }
    }

    fn startup(&mut self) -> io::Result<()> {
        self.fill(4)?;
        let length = length_at(&self.input[self.at..]);
        self.fill(length)?;
        self.at += length;
        self.out.extend(streams::greeting());
        self.flush()
    }

    fn simple_query(&mut self, sql: &str) -> io::Result<()> {
        let streams = Arc::clone(&self.streams);
        match streams.get(sql) {
            Some(Stream::CopyIn(start)) => self.copy_in(start)?,
            Some(Stream::Canned(canned)) => {
                self.out.extend(&canned.head);
                self.rows(canned)?;
            }
            None => self.out.extend(message::command_complete("CREATE TABLE")),
        }
        self.out.extend(message::ready(b'I'));
        self.flush()
    }

    /// Describe is ignored when it arrives; its reply is sent here, which keeps the order.
    fn execute(&mut self) -> io::Result<()> {
        let streams = Arc::clone(&self.streams);
        if let Some(Stream::Canned(canned)) = streams.get(&self.statement) {
            self.out.extend(&canned.head);
            self.rows(canned)?;
        }
        if self.out.len() > SEND {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn rows(&mut self, canned: &streams::Canned) -> io::Result<()> {
        if canned.rows > canned.block_rows {
            self.flush()?;
        }
        for piece in canned.pieces() {
            if piece.len() == canned.block.len() && canned.rows > canned.block_rows {
                self.socket.write_all(piece)?;
            } else {
                self.out.extend(piece);
            }
        }
        self.out.extend(&canned.tail);
        Ok(())
    }

    fn copy_in(&mut self, start: &[u8]) -> io::Result<()> {
        self.out.extend(start);
        self.flush()?;
        loop {
            self.fill(5)?;
            let kind = self.input[self.at];
            self.at += 1 + length_at(&self.input[self.at + 1..]);
            if kind == b'c' {
                self.out.extend(message::command_complete("COPY 1"));
                return Ok(());
            }
            if kind != b'd' {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }

    fn message(&mut self) -> io::Result<(u8, Vec<u8>)> {
        self.fill(5)?;
        let size = 1 + length_at(&self.input[self.at + 1..]);
        self.fill(size)?;
        let kind = self.input[self.at];
        let body = self.input[self.at + 5..self.at + size].to_vec();
        self.at += size;
        Ok((kind, body))
    }

    /// Reads until there are `count` bytes at `at`, which may be beyond the data received so far.
    fn fill(&mut self, count: usize) -> io::Result<()> {
        while self.input.len() < self.at + count {
            let done = self.at.min(self.input.len());
            self.input.drain(..done);
            self.at -= done;
            let got = self.socket.read(&mut self.room)?;
            self.input.extend_from_slice(&self.room[..got]);
            if got == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }
}

fn length_at(bytes: &[u8]) -> usize {
    u32::from_be_bytes(bytes[..4].try_into().expect("four bytes")) as usize
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|b| *b == 0).next().unwrap_or_default()).into_owned()
}
