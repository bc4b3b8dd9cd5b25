//! Reads the client's private key: PEM or DER, PKCS #8, PKCS #1 or SEC 1, encrypted or not.

use std::sync::Arc;

use pem::Pem;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use rustls::sign::SigningKey;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::key_ciphers::decrypt_traditional;
use super::pbes1::Pbes1;
use super::pss_key;
use crate::verify::outline::{self, Elements};
use crate::verify::pem::blocks;
use crate::verify::provider::provider;

pub use super::key_ciphers::KeyError;

/// The contents of a key file.
pub enum KeyFile {
    Clear(PrivateKeyDer<'static>),
    Encrypted(EncryptedKey),
}

/// A key that needs a password.
pub struct EncryptedKey(Encryption);

enum Encryption {
    /// PKCS #8, including the parameters of its encryption.
    Pkcs8(Vec<u8>),
    /// A PEM block with the headers `Proc-Type` and `DEK-Info`, as OpenSSL wrote keys before 1.0.
    Traditional(Pem),
}

impl KeyFile {
    /// Finds the key in a file. libpq: the first PEM block that is a key; otherwise the file as DER.
    pub fn parse(contents: &[u8]) -> Result<KeyFile, KeyError> {
        let blocks = blocks(contents).flatten();
        let mut keys = blocks.filter(|block| block.tag().ends_with("PRIVATE KEY"));
        if let Some(key) = keys.find_map(|block| KeyFile::of_block(block).ok()) {
            return Ok(key);
        }
        let key = PrivateKeyDer::try_from(contents.to_vec());
        key.map(KeyFile::Clear).map_err(|_| KeyError::Unsupported)
    }

    fn of_block(block: Pem) -> Result<KeyFile, KeyError> {
        if block.tag() == ENCRYPTED && Form::of(block.contents()) != Some(Form::Pkcs8) {
            let encrypted = Encryption::Pkcs8(block.into_contents());
            return Ok(KeyFile::Encrypted(EncryptedKey(encrypted)));
        }
        if block.headers().get("Proc-Type").is_some() {
            let encrypted = Encryption::Traditional(block);
            return Ok(KeyFile::Encrypted(EncryptedKey(encrypted)));
        }
        let tag = block.tag().to_owned();
        clear(&tag, block.into_contents()).map(KeyFile::Clear)
    }
}

const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

/// The format of a key, judged by its outer elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Pkcs8,
    Pkcs1,
    Sec1,
}

impl Form {
    /// After the version comes the algorithm, the modulus, or the key.
    fn of(der: &[u8]) -> Option<Form> {
        let mut parts = Elements(Elements(der).take_if(0x30)?.contents);
        parts.take_if(0x02)?;
        match parts.take()?.tag {
            0x30 => Some(Form::Pkcs8),
            0x02 => Some(Form::Pkcs1),
            0x04 => Some(Form::Sec1),
            _ => None,
        }
    }
}

/// The key in a block with the label `tag`. OpenSSL: accepts PKCS #8 under other labels, too.
fn clear(tag: &str, der: Vec<u8>) -> Result<PrivateKeyDer<'static>, KeyError> {
    Ok(match (tag, Form::of(&der)) {
        ("RSA PRIVATE KEY", Some(Form::Pkcs1)) => PrivatePkcs1KeyDer::from(der).into(),
        ("EC PRIVATE KEY", Some(Form::Sec1 | Form::Pkcs8)) => PrivateSec1KeyDer::from(der).into(),
        ("PRIVATE KEY" | ENCRYPTED, Some(Form::Pkcs8)) => PrivatePkcs8KeyDer::from(der).into(),
        ("RSA PRIVATE KEY", Some(Form::Pkcs8)) => {
            let info = PrivateKeyInfoRef::try_from(der.as_slice());
            let info = info.map_err(|_| KeyError::Unsupported)?;
            PrivatePkcs1KeyDer::from(info.private_key.as_bytes().to_vec()).into()
        }
        _ => return Err(KeyError::Unsupported),
    })
}

impl EncryptedKey {
    pub fn decrypt(self, password: &[u8]) -> Result<PrivateKeyDer<'static>, KeyError> {
        match self.0 {
            Encryption::Pkcs8(der) => {
                if let Some(encrypted) = Pbes1::parse(&der) {
                    return Ok(PrivatePkcs8KeyDer::from(encrypted.decrypt(password)?).into());
                }
                let encrypted = EncryptedPrivateKeyInfoRef::try_from(der.as_slice());
                let encrypted = encrypted.map_err(|_| KeyError::Unsupported)?;
                if encrypted.encryption_algorithm.pbes1().is_some() {
                    return Err(KeyError::Unsupported);
                }
                let key = encrypted
                    .decrypt(password)
                    .map_err(|_| KeyError::BadDecrypt)?;
                Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
            }
            Encryption::Traditional(block) => {
                let method = block.headers().get("DEK-Info").unwrap_or_default();
                let der = decrypt_traditional(method, block.contents(), password)?;
                clear(block.tag(), der)
            }
        }
    }
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
