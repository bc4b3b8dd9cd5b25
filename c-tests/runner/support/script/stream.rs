//! The stream of a scripted connection: a socket, optionally with TLS.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection};
use socket2::Socket;

pub struct Stream {
    socket: Socket,
    tls: Option<ServerConnection>,
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Stream {
        stream.set_nodelay(true).expect("TCP_NODELAY");
        Stream::on(OwnedFd::from(stream).into())
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Stream {
        Stream::on(OwnedFd::from(stream).into())
    }
}

impl Stream {
    fn on(socket: Socket) -> Stream {
        Stream { socket, tls: None }
    }

    pub fn prepare(&self, timeout: Duration) -> io::Result<()> {
        self.socket.set_nonblocking(false)?;
        self.socket.set_read_timeout(Some(timeout))?;
        self.socket.set_write_timeout(Some(timeout))
    }

    /// Does the server's side of a TLS handshake.
    pub fn accept_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        tls.set_buffer_limit(None);
        while tls.is_handshaking() {
            tls.complete_io(&mut self.socket)?;
        }
        self.tls = Some(tls);
        Ok(())
    }

    pub fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.socket.read(into);
        };
        loop {
            match tls.reader().read(into) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    tls.read_tls(&mut self.socket)?;
                    tls.process_new_packets().map_err(io::Error::other)?;
                }
                // A client may close the connection without close_notify.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                outcome => return outcome,
            }
        }
    }

    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sealed = self.seal(bytes);
        self.write_sealed(&sealed)
    }

    /// The bytes as they are sent on the socket: with TLS, as records.
    pub fn seal(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(tls) = &mut self.tls else {
            return bytes.to_vec();
        };
        let mut records = Vec::new();
        let written = tls.writer().write_all(bytes);
        written.expect("rustls takes any number of bytes");
        while tls.wants_write() {
            let written = tls.write_tls(&mut records);
            written.expect("a vector takes any number of bytes");
        }
        records
    }

    pub fn write_sealed(&mut self, records: &[u8]) -> io::Result<()> {
        self.socket.write_all(records)
    }

    /// Changes the key that encrypts everything sent from now on.
    pub fn renew_keys(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.refresh_traffic_keys().expect("TLS 1.3");
        }
    }

    /// With TLS, sends close_notify, as PostgreSQL does.
    pub fn send_close_notify(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let goodbye = self.seal(b"");
            let _ = self.write_sealed(&goodbye);
        }
    }

    /// Closes the server's direction of the connection.
    pub fn shutdown(&mut self) {
        self.send_close_notify();
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// As `shutdown`, but does not send close_notify.
    pub fn cut_off(&mut self) {
        self.tls = None;
        self.shutdown();
    }

    /// Makes the next close send a TCP reset (TCP only).
    pub fn reset(&mut self) {
        self.tls = None;
        let linger = self.socket.set_linger(Some(Duration::ZERO));
        linger.expect("SO_LINGER");
    }
}
