//! A relay in the middle of an encrypted session that has none of its keys.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A packet: its length and the token.
type Packet = Vec<u8>;

/// What the relay does with a packet from the server.
pub enum Fate {
    Passed,
    Dropped,
    /// Replaces it with these bytes, and then closes.
    Replaced(Vec<u8>),
}

/// The packets seen so far. The current one is the last of `server`. The handshake's are the first in each direction.
pub struct Seen<'a> {
    pub server: &'a [Packet],
    pub client: &'a [Packet],
}

impl Seen<'_> {
    pub fn last(&self) -> &[u8] {
        self.server.last().expect("a packet has come")
    }
}

/// Starts a relay between clients and the server on `port`, which adds `behind` after the server's reply to the
/// request for encryption. Returns the port to connect to.
pub fn between(
    port: u16,
    behind: &'static [u8],
    meddle: impl Fn(&Seen<'_>) -> Fate + Send + Copy + 'static,
) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let own = listener.local_addr().expect("its address").port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", port)).expect("the server");
            // Client or server may close at any time.
            thread::spawn(move || relay(client, server, behind, &meddle));
        }
    });
    own
}

fn relay(
    mut client: TcpStream,
    mut server: TcpStream,
    behind: &[u8],
    meddle: &dyn Fn(&Seen<'_>) -> Fate,
) -> io::Result<()> {
    let mut request = [0; 8];
    let mut answer = [0; 1];
    client.read_exact(&mut request)?;
    server.write_all(&request)?;
    server.read_exact(&mut answer)?;
    client.write_all(&[&answer, behind].concat())?;
    let requests = Arc::new(Mutex::new(Vec::new()));
    let there = {
        let (client, server) = (client.try_clone()?, server.try_clone()?);
        let requests = requests.clone();
        thread::spawn(move || pass_requests(client, server, &requests))
    };
    let mut replies = Vec::new();
    while let Ok(packet) = read_packet(&mut server) {
        replies.push(packet);
        let fate = meddle(&Seen {
            server: &replies,
            client: &requests.lock().expect("no panic"),
        });
        match fate {
            Fate::Passed => client.write_all(replies.last().expect("the packet"))?,
            Fate::Dropped => {}
            Fate::Replaced(bytes) => {
                client.write_all(&bytes)?;
                break;
            }
        }
    }
    client.shutdown(Shutdown::Write)?;
    server.shutdown(Shutdown::Both)?;
    let _ = there.join();
    Ok(())
}

/// Continues to read when the server is gone: a client that waits for buffer space would not read the end of file.
fn pass_requests(mut client: TcpStream, mut server: TcpStream, seen: &Mutex<Vec<Packet>>) {
    while let Ok(packet) = read_packet(&mut client) {
        seen.lock().expect("no panic").push(packet.clone());
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
