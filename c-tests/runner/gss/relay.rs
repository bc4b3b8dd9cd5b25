//! A relay between a client and a server that changes, drops or replaces the packets of an encrypted session. It has
//! none of the session's keys.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A packet: the length and the token.
type Packet = Vec<u8>;

/// What the relay does with a packet from the server.
pub enum Action {
    Forward,
    Drop,
    /// Sends these bytes instead, and then closes the connection.
    Replace(Vec<u8>),
}

/// The packets received so far, beginning with the handshake. The current packet is the last of `server`.
pub struct Packets<'a> {
    pub server: &'a [Packet],
    pub client: &'a [Packet],
}

impl Packets<'_> {
    pub fn last(&self) -> &[u8] {
        self.server.last().expect("a packet from the server")
    }
}

/// Starts a relay between clients and the server on `port`, which appends `extra` to the server's reply to the
/// encryption request. Returns the port to connect to.
pub fn start(
    port: u16,
    extra: &'static [u8],
    decide: impl Fn(&Packets<'_>) -> Action + Send + Copy + 'static,
) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let own_port = listener
        .local_addr()
        .expect("the listener's address")
        .port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", port)).expect("the server");
            // Client or server may close at any time.
            thread::spawn(move || relay(client, server, extra, &decide));
        }
    });
    own_port
}

fn relay(
    mut client: TcpStream,
    mut server: TcpStream,
    extra: &[u8],
    decide: &dyn Fn(&Packets<'_>) -> Action,
) -> io::Result<()> {
    let mut request = [0; 8];
    let mut answer = [0; 1];
    client.read_exact(&mut request)?;
    server.write_all(&request)?;
    server.read_exact(&mut answer)?;
    client.write_all(&[&answer, extra].concat())?;
    let requests = Arc::new(Mutex::new(Vec::new()));
    let requests_thread = {
        let (client, server) = (client.try_clone()?, server.try_clone()?);
        let requests = requests.clone();
        thread::spawn(move || forward_requests(client, server, &requests))
    };
    let mut replies = Vec::new();
    while let Ok(packet) = read_packet(&mut server) {
        replies.push(packet);
        let action = decide(&Packets {
            server: &replies,
            client: &requests.lock().expect("the lock is not poisoned"),
        });
        match action {
            Action::Forward => client.write_all(replies.last().expect("the packet"))?,
            Action::Drop => {}
            Action::Replace(bytes) => {
                client.write_all(&bytes)?;
                break;
            }
        }
    }
    client.shutdown(Shutdown::Write)?;
    server.shutdown(Shutdown::Both)?;
    let _ = requests_thread.join();
    Ok(())
}

/// Forwards the client's packets. It continues to read after the server has disconnected: otherwise a client that
/// waits for buffer space would never see the end of file.
fn forward_requests(mut client: TcpStream, mut server: TcpStream, seen: &Mutex<Vec<Packet>>) {
    while let Ok(packet) = read_packet(&mut client) {
        seen.lock()
            .expect("the lock is not poisoned")
            .push(packet.clone());
        let _ = server.write_all(&packet);
    }
}

fn read_packet(from: &mut TcpStream) -> io::Result<Packet> {
    let mut packet = vec![0; 4];
    from.read_exact(&mut packet)?;
    let length = u32::from_be_bytes([packet[0], packet[1], packet[2], packet[3]]);
    packet.resize(4 + length as usize, 0);
    from.read_exact(&mut packet[4..])?;
    Ok(packet)
}
