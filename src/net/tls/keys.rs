//! The client's private key: its decryption, and its certificate.

use std::sync::Arc;

use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::SigningKey;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::key_ciphers::decrypt_traditional;
use super::pbes1::Pbes1;
use super::pss_key;
use crate::verify::keys::{EncryptedKey, key_in_block};
use crate::verify::outline;
use crate::verify::provider::provider;

pub use super::key_ciphers::KeyError;

/// Decrypts a key with its password.
pub fn decrypt(key: EncryptedKey, password: &[u8]) -> Result<PrivateKeyDer<'static>, KeyError> {
    match key {
        EncryptedKey::Pkcs8(der) => decrypt_pkcs8(&der, password),
        EncryptedKey::Traditional(block) => {
            let method = block.headers().get("DEK-Info").unwrap_or_default();
            let der = decrypt_traditional(method, block.contents(), password)?;
            key_in_block(block.tag(), der).ok_or(KeyError::Unsupported)
        }
    }
}

fn decrypt_pkcs8(der: &[u8], password: &[u8]) -> Result<PrivateKeyDer<'static>, KeyError> {
    if let Some(encrypted) = Pbes1::parse(der) {
        return Ok(PrivatePkcs8KeyDer::from(encrypted.decrypt(password)?).into());
    }
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(der);
    let encrypted = encrypted.map_err(|_| KeyError::Unsupported)?;
    if encrypted.encryption_algorithm.pbes1().is_some() {
        return Err(KeyError::Unsupported);
    }
    let key = encrypted
        .decrypt(password)
        .map_err(|_| KeyError::BadDecrypt)?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

/// A key ready to sign with.
pub fn signer(key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, KeyError> {
    let provider = provider();
    if let Some(key) = pss_key::load(&key, provider) {
        return Ok(key);
    }
    let loaded = provider.key_provider.load_private_key(key);
    loaded.map_err(|_| KeyError::Unsupported)
}

/// Checks that `certificate`, of any age, belongs to `key`.
pub fn check_pair(certificate: &CertificateDer<'_>, key: &dyn SigningKey) -> Result<(), KeyError> {
    let same = || {
        let public = key.public_key()?;
        let (_, own) = SubjectPublicKeyInfo::from_der(&public).ok()?;
        let outline = outline::outline(certificate)?;
        let (_, named) = SubjectPublicKeyInfo::from_der(outline.key).ok()?;
        if own.algorithm.algorithm != named.algorithm.algorithm {
            return Some(Err(KeyError::OfAnotherKind));
        }
        // Parameters can be encoded in several ways, so only the key is compared.
        let same = own.subject_public_key.data == named.subject_public_key.data;
        same.then_some(Ok(()))
    };
    same().unwrap_or(Err(KeyError::OfAnother))
}
