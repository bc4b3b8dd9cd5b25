//! Sends the client's certificate when the server asks for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SigningKey};

/// A certificate chain, the client's own first, and its key.
#[derive(Debug)]
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: Arc<dyn SigningKey>,
}

/// Sends the certificate regardless of its age, and records whether the server asked for one.
#[derive(Debug)]
pub struct Asked {
    identity: Option<Arc<CertifiedKey>>,
    asked: AtomicBool,
}

impl Asked {
    pub fn new(identity: Option<Identity>) -> Asked {
        let certified = |identity: Identity| CertifiedKey::new(identity.chain, identity.key);
        Asked {
            identity: identity.map(|identity| Arc::new(certified(identity))),
            asked: AtomicBool::new(false),
        }
    }

    pub fn requested(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    pub fn sent(&self) -> bool {
        self.requested() && self.identity.is_some()
    }
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        // libpq: sends it whatever authorities the server lists.
        self.identity.clone()
    }

    fn has_certs(&self) -> bool {
        self.identity.is_some()
    }
}
