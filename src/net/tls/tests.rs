//! Bytes that a wait received: they must reach rustls once, and before later ones. Records that an attacker has changed.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection};
use socket2::SockAddr;

use super::*;
use crate::verify::provider::provider;

/// The server's end of a connection.
pub struct Peer {
    stream: TcpStream,
    session: ServerConnection,
}

impl Peer {
    /// Reads what the client has sent, and sends what rustls answers.
    pub fn answer(&mut self) {
        self.session.read_tls(&mut self.stream).unwrap();
        self.session.process_new_packets().unwrap();
        self.send(b"");
    }

    /// Sends the rest of the handshake and `data`, together.
    pub fn send(&mut self, data: &[u8]) {
        let records = self.records(data);
        self.stream.write_all(&records).unwrap();
    }

    /// What [`Peer::send`] sends.
    fn records(&mut self, data: &[u8]) -> Vec<u8> {
        self.session.writer().write_all(data).unwrap();
        let mut bytes = Vec::new();
        while self.session.wants_write() {
            self.session.write_tls(&mut bytes).unwrap();
        }
        bytes
    }
}

fn element(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    let length = u8::try_from(contents.len()).unwrap();
    let header: &[u8] = match length {
        128.. => &[tag, 0x81, length],
        _ => &[tag, length],
    };
    [header, &contents].concat()
}

/// A certificate for a new key. Nobody checks its signature.
fn certified_key() -> CertifiedKey {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let algorithm = element(0x30, &[b"\x06\x03\x2b\x65\x70"]);
    let name = element(0x30, &[]);
    let time = element(0x17, &[b"260101000000Z"]);
    let key = element(3, &[b"\0", pair.public_key().as_ref()]);
    let body = [
        &element(2, &[b"\x01"])[..],
        &algorithm,
        &name,
        &element(0x30, &[&time, &time]),
        &name,
        &element(0x30, &[&algorithm, &key]),
    ];
    let signature = element(3, &[&[0; 65]]);
    let certificate = element(0x30, &[&element(0x30, &body), &algorithm, &signature]);
    let key = PrivateKeyDer::Pkcs8(pkcs8.as_ref().to_vec().into());
    let key = provider().key_provider.load_private_key(key).unwrap();
    CertifiedKey::new(vec![CertificateDer::from(certificate)], key)
}

/// Both ends of a connection before the handshake, with TLS of at most `version`.
pub fn ends(version: &str) -> (Tls, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = SockAddr::from(listener.local_addr().unwrap());
    let socket = Socket::open(&address).unwrap();
    socket.connect(&address).unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_nodelay(true).unwrap();
    sys::poll(socket.fd(), false, true, None).unwrap();
    let resolver = SingleCertAndKey::from(certified_key());
    let config = ServerConfig::builder_with_provider(provider().clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    let session = ServerConnection::new(Arc::new(config)).unwrap();
    let versions = Versions {
        min: None,
        max: Some(version.into()),
    };
    let settings = Settings {
        versions,
        ..Settings::default()
    };
    let tls = Tls::new(socket, settings).unwrap();
    (tls, Peer { stream, session })
}

/// Receives at most `limit` bytes as a wait does. Returns how many.
pub fn receive(tls: &mut Tls, limit: usize) -> usize {
    let descriptor = tls.socket().fd();
    sys::poll(descriptor, true, false, None).unwrap();
    let buffer = tls.wait_buffer().unwrap();
    let limit = limit.min(buffer.len());
    sys::recv(descriptor, &mut buffer[..limit], libc::MSG_DONTWAIT).unwrap()
}

const VERSIONS: [&str; 2] = ["TLSv1.2", "TLSv1.3"];

#[test]
fn the_handshake_uses_bytes_of_a_wait_before_those_of_the_socket() {
    for version in VERSIONS {
        for limit in [1, 7, 300, usize::MAX] {
            let (mut tls, mut peer) = ends(version);
            while tls.handshake().unwrap() != HandshakeProgress::Done {
                peer.answer();
                let count = receive(&mut tls, limit);
                // As after a cancelled receive.
                let unreported = tls.socket().unreported_bytes();
                assert_eq!(unreported, Some(count as u64), "{version} {limit}");
                tls.socket().count_received(count);
                tls.note_received(count);
                assert_eq!(tls.pending(), count);
            }
            assert_eq!(tls.version(), Some(version));
            assert_eq!(tls.socket().unreported_bytes(), Some(0));
        }
    }
}

#[test]
fn the_handshake_counts_what_it_reads() {
    for version in VERSIONS {
        let (mut tls, mut peer) = ends(version);
        while tls.handshake().unwrap() != HandshakeProgress::Done {
            assert_eq!(tls.socket().unreported_bytes(), Some(0));
            peer.answer();
            sys::poll(tls.socket().fd(), true, false, None).unwrap();
        }
        assert_eq!(tls.socket().unreported_bytes(), Some(0));
    }
}

/// In TLS 1.2 the server's last message of the handshake can come together with data.
#[test]
fn data_behind_the_handshake_is_not_lost() {
    for by_wait in [false, true] {
        let (mut tls, mut peer) = ends("TLSv1.2");
        assert_eq!(tls.handshake().unwrap(), HandshakeProgress::Read);
        peer.answer();
        sys::poll(tls.socket().fd(), true, false, None).unwrap();
        assert_eq!(tls.handshake().unwrap(), HandshakeProgress::Read);
        peer.session.read_tls(&mut peer.stream).unwrap();
        peer.session.process_new_packets().unwrap();
        peer.send(b"hello");
        if by_wait {
            let count = receive(&mut tls, usize::MAX);
            tls.socket().count_received(count);
            tls.note_received(count);
        } else {
            sys::poll(tls.socket().fd(), true, false, None).unwrap();
        }
        assert_eq!(tls.handshake().unwrap(), HandshakeProgress::Done);
        assert!(tls.pending() > 0);
        let mut data = [0; 9];
        assert_eq!(tls.recv(&mut data).unwrap(), 5);
        assert_eq!(&data[..5], b"hello");
    }
}

fn finish_handshake(tls: &mut Tls, peer: &mut Peer) {
    while tls.handshake().unwrap() != HandshakeProgress::Done {
        peer.answer();
        sys::poll(tls.socket().fd(), true, false, None).unwrap();
    }
}

#[test]
fn an_encrypted_record_with_a_changed_header_is_refused() {
    // The content type, and both bytes of the version.
    let changes = [(0, 20), (0, 21), (0, 22), (0, 24), (1, 2), (2, 1), (2, 4)];
    for version in VERSIONS {
        for (place, byte) in changes {
            let (mut tls, mut peer) = ends(version);
            finish_handshake(&mut tls, &mut peer);
            if version == "TLSv1.3" {
                // The client's last message; the answer to it is the tickets.
                peer.answer();
            }
            let mut data = [0; 9];
            peer.send(b"hello");
            sys::poll(tls.socket().fd(), true, false, None).unwrap();
            assert_eq!(tls.recv(&mut data).unwrap(), 5, "{version}");
            let mut record = peer.records(b"hello");
            assert_eq!(record[..3], [23, 3, 3]);
            record[place] = byte;
            peer.stream.write_all(&record).unwrap();
            sys::poll(tls.socket().fd(), true, false, None).unwrap();
            let error = tls.recv(&mut data).unwrap_err();
            let changed = format!("{version}, byte {place} is {byte}: {error}");
            assert_ne!(error.kind(), ErrorKind::WouldBlock, "{changed}");
        }
    }
}

#[test]
fn a_close_notify_that_is_not_encrypted_is_ignored_before_the_servers_hello() {
    for version in VERSIONS {
        let (mut tls, mut peer) = ends(version);
        assert_eq!(tls.handshake().unwrap(), HandshakeProgress::Read);
        peer.stream.write_all(&[21, 3, 3, 0, 2, 1, 0]).unwrap();
        finish_handshake(&mut tls, &mut peer);
        assert_eq!(tls.version(), Some(version));
        assert!(!tls.has_ended());
    }
}

/// Data come before the failure that followed them in the same read, and the application is told to come back for it.
#[test]
fn data_before_a_damaged_record_are_not_lost() {
    for version in VERSIONS {
        for waits in [false, true] {
            let (mut tls, mut peer) = ends(version);
            finish_handshake(&mut tls, &mut peer);
            if version == "TLSv1.3" {
                // The client's last message; the answer to it is the tickets.
                peer.answer();
                sys::poll(tls.socket().fd(), true, false, None).unwrap();
                assert!(tls.recv(&mut [0]).is_err());
            }
            let damaged = [&b"\x17\x03\x03\0\x20"[..], &[b'x'; 32]].concat();
            let records = [peer.records(b"first "), peer.records(b"second"), damaged].concat();
            peer.stream.write_all(&records).unwrap();
            if waits {
                let count = receive(&mut tls, usize::MAX);
                assert_eq!(count, records.len());
                tls.note_received(count);
            } else {
                sys::poll(tls.socket().fd(), true, false, None).unwrap();
            }
            let mut text: Vec<u8> = Vec::new();
            let mut buf = [0; 5];
            let error = loop {
                match tls.recv(&mut buf) {
                    Ok(count) => text.extend(&buf[..count]),
                    Err(error) => break error,
                }
                assert!(tls.is_ready());
            };
            assert_eq!(text, b"first second");
            for error in [
                error,
                tls.recv(&mut buf).unwrap_err(),
                tls.send(b"x").unwrap_err(),
            ] {
                let shown = EncryptionError::inside(&error).unwrap().text.to_string();
                assert_eq!(shown, "SSL error: decryption failed or bad record mac");
            }
            let now = Some(std::time::Duration::ZERO);
            let polled = sys::poll(tls.socket().fd(), true, false, now).unwrap();
            assert!(polled.0, "{polled:?}");
        }
    }
}

/// As the failure above.
#[test]
fn the_end_behind_data_makes_the_socket_readable() {
    for version in VERSIONS {
        let (mut tls, mut peer) = ends(version);
        finish_handshake(&mut tls, &mut peer);
        if version == "TLSv1.3" {
            peer.answer();
        }
        let mut records = peer.records(b"last");
        peer.session.send_close_notify();
        records.extend(peer.records(b""));
        peer.stream.write_all(&records).unwrap();
        let mut buf = [0; 9];
        let count = loop {
            sys::poll(tls.socket().fd(), true, false, None).unwrap();
            match tls.recv(&mut buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                received => break received.unwrap(),
            }
        };
        assert_eq!(buf[..count], *b"last");
        let now = Some(std::time::Duration::ZERO);
        assert!(sys::poll(tls.socket().fd(), true, false, now).unwrap().0);
        let error = tls.recv(&mut buf).unwrap_err();
        let shown = EncryptionError::inside(&error).unwrap();
        assert_eq!(shown.text.to_string().as_bytes(), failure::CLOSED);
        assert!(shown.ended);
    }
}
