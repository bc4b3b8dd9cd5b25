//! A relay in front of a server. Before the answer with the word `hello` is complete, it asks the client to disconnect: with the
//! message if the client supports it, otherwise with the parameter.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::message::{goaway, parameter_status};

pub struct Relay {
    pub port: u16,
    is_stopped: Arc<AtomicBool>,
}

impl Relay {
    /// Listens on a free port of 127.0.0.1, and connects to `server`, another port of it.
    pub fn to(server: u16) -> Relay {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let is_stopped = Arc::new(AtomicBool::new(false));
        let stop = is_stopped.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                // A connection that ends early is the client's affair.
                thread::spawn(move || relay(client, server));
            }
        });
        Relay { port, is_stopped }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        // Wakes the listener.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;

fn relay(mut client: TcpStream, server: u16) -> io::Result<()> {
    let startup = loop {
        let packet = packet(&mut client)?;
        match number(&packet[4..8]) {
            SSL_REQUEST | GSSENC_REQUEST => client.write_all(b"N")?,
            _ => break packet,
        }
    };
    let supports_it = startup.windows(12).any(|part| part == b"_pq_.goaway\0");
    let mut server = TcpStream::connect(("127.0.0.1", server))?;
    server.write_all(&startup)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        to.shutdown(Shutdown::Write)
    });
    let request = match supports_it {
        true => goaway(),
        false => parameter_status("disconnect_requested", "on"),
    };
    let outcome = answers(&mut server, &mut client, &request);
    let _ = client.shutdown(Shutdown::Both);
    outcome
}

/// Passes the server's messages on.
fn answers(server: &mut TcpStream, client: &mut TcpStream, request: &[u8]) -> io::Result<()> {
    let (mut has_answered, mut has_asked) = (false, false);
    loop {
        let mut kind = [0];
        server.read_exact(&mut kind)?;
        let packet = packet(server)?;
        has_answered |= &kind == b"D" && packet.windows(5).any(|part| part == b"hello");
        if &kind == b"Z" && has_answered && !has_asked {
            has_asked = true;
            client.write_all(request)?;
        }
        client.write_all(&[&kind, &packet[..]].concat())?;
    }
}

/// Reads a packet that begins with its length.
fn packet(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut packet = vec![0; 4];
    stream.read_exact(&mut packet)?;
    packet.resize((number(&packet) as usize).clamp(4, 1 << 20), 0);
    stream.read_exact(&mut packet[4..])?;
    Ok(packet)
}

fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}
