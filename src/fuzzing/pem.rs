//! Files of certificates, revocation lists and keys.

use crate::net::tls::keys;
use crate::verify::keys::KeyFile;
use crate::verify::pem::{self, Roots};

/// Reads `data` as each kind of file. What is found is used as far as that needs no other file.
pub fn pem(data: &[u8]) {
    for read in [Roots::read, Roots::read_with_any_lists, Roots::read_pem] {
        let _ = read(data);
    }
    let lists = pem::lists(data);
    assert!(lists.len() <= data.len());
    let certificates = pem::certificates(data).unwrap_or_default();
    let key = match KeyFile::parse(data) {
        Some(KeyFile::Clear(key)) => keys::signer(key).ok(),
        // A key file could ask for any number of iterations; it is the user's own.
        Some(KeyFile::Encrypted(_)) | None => None,
    };
    if let Some(key) = key {
        for certificate in &certificates {
            let _ = keys::check_pair(certificate, key.as_ref());
        }
    }
    for block in pem::blocks(data).flatten() {
        assert!(block.contents().len() <= data.len());
    }
}
