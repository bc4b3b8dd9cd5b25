//! A TLS server that sends the chain of the case that the client asks for: each case has its own loopback address.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// AuthenticationOk and ReadyForQuery.
const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";

pub struct ChainServer {
    port: u16,
    /// The numbers of the cases.
    numbers: BTreeMap<String, u16>,
}

/// Sends one chain to every client, whether it fits the key or not.
#[derive(Debug)]
struct Chain(Arc<CertifiedKey>);

impl ResolvesServerCert for Chain {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

impl ChainServer {
    /// Serves NAME/chain.pem of each NAME in the directory until the process ends.
    pub fn start(directory: &Path) -> ChainServer {
        let entries = fs::read_dir(directory).expect("the chains").flatten();
        let mut chains: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        chains.retain(|path| path.is_dir());
        let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into();
        let numbers = chains.iter().map(name).zip(0..).collect();
        let key = PrivateKeyDer::from_pem_file(directory.join("leaf.key")).expect("the key");
        let key = aws_lc_rs::sign::any_supported_type(&key).expect("the key");
        let configs = chains
            .iter()
            .map(|path| config(&path.join("chain.pem"), &key));
        let configs: Vec<_> = configs.collect();
        let listener = TcpListener::bind(("0.0.0.0", 0)).expect("a free port");
        let port = listener
            .local_addr()
            .expect("the listener's address")
            .port();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let number = number(&client);
                let config = configs.get(usize::from(number)).expect("a case").clone();
                thread::spawn(move || serve(client, config));
            }
        });
        ChainServer { port, numbers }
    }

    pub fn conninfo(&self, case: &str) -> String {
        let [high, low] = self.numbers[case].to_be_bytes();
        let port = self.port;
        format!("hostaddr=127.1.{high}.{low} port={port} user=u dbname=d sslnegotiation=direct")
    }
}

/// The case that a client asks for, given by the address it connected to.
fn number(client: &TcpStream) -> u16 {
    match client.local_addr().expect("an address").ip() {
        IpAddr::V4(address) => {
            let [_, _, high, low] = Ipv4Addr::octets(&address);
            u16::from_be_bytes([high, low])
        }
        IpAddr::V6(_) => unreachable!("the listener is of version 4"),
    }
}

fn config(chain: &Path, key: &Arc<dyn SigningKey>) -> Arc<ServerConfig> {
    let certificates = CertificateDer::pem_file_iter(chain).expect("a chain");
    let certificates = certificates.map(|certificate| certificate.expect("a certificate"));
    let certified = CertifiedKey::new(certificates.collect(), key.clone());
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Chain(Arc::new(certified))));
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Arc::new(config)
}

/// A session that only becomes ready. Clients that do not trust the chain disconnect.
fn serve(client: TcpStream, config: Arc<ServerConfig>) {
    let session = ServerConnection::new(config).expect("a session");
    let mut stream = StreamOwned::new(session, client);
    let mut message = [0; 4];
    if stream.read_exact(&mut message).is_ok() && stream.write_all(WELCOME).is_ok() {
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    }
}
