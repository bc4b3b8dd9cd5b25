//! The client's private key: PEM or DER, PKCS #8, PKCS #1 or SEC 1, encrypted or not.

use std::sync::Arc;

use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use des::TdesEde3;
use md5::{Digest, Md5};
use pem::Pem;
use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use rustls::sign::SigningKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use zeroize::Zeroizing;

use super::provider::provider;
use super::pss_key;

/// Why there is no key, as OpenSSL words it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// The certificate is not for this key.
    OfAnother,
    /// No key at all, or a kind of key or of encryption that is not known here.
    Unsupported,
    /// The password is wrong.
    BadDecrypt,
    /// There is no password.
    NoPassword,
}

impl KeyError {
    pub fn text(self) -> &'static str {
        match self {
            KeyError::Unsupported => "unsupported",
            KeyError::OfAnother => "key values mismatch",
            KeyError::BadDecrypt => "bad decrypt",
            KeyError::NoPassword => "processing error",
        }
    }
}

/// The contents of a key file.
pub enum KeyFile {
    Clear(PrivateKeyDer<'static>),
    Encrypted(EncryptedKey),
}

/// A key that takes a password.
pub struct EncryptedKey(Encryption);

enum Encryption {
    /// PKCS #8, with what it says of its encryption.
    Pkcs8(Vec<u8>),
    /// The headers `Proc-Type` and `DEK-Info` of a PEM block, as OpenSSL has written keys before 1.0.
    Traditional(Pem),
}

impl KeyFile {
    /// Finds the key in a file. libpq: the first PEM block that can be one, else the file as DER.
    pub fn parse(contents: &[u8]) -> Result<KeyFile, KeyError> {
        let blocks = pem::parse_many(contents).unwrap_or_default();
        match blocks
            .into_iter()
            .find(|block| block.tag().ends_with("PRIVATE KEY"))
        {
            Some(block) => KeyFile::of_block(block),
            None => {
                let key = PrivateKeyDer::try_from(contents.to_vec());
                key.map(KeyFile::Clear).map_err(|_| KeyError::Unsupported)
            }
        }
    }

    fn of_block(block: Pem) -> Result<KeyFile, KeyError> {
        if block.tag() == "ENCRYPTED PRIVATE KEY" {
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

/// The key in a block with the label `tag`.
fn clear(tag: &str, der: Vec<u8>) -> Result<PrivateKeyDer<'static>, KeyError> {
    Ok(match tag {
        "PRIVATE KEY" => PrivatePkcs8KeyDer::from(der).into(),
        "RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(der).into(),
        "EC PRIVATE KEY" => PrivateSec1KeyDer::from(der).into(),
        _ => return Err(KeyError::Unsupported),
    })
}

impl EncryptedKey {
    pub fn decrypt(self, password: &[u8]) -> Result<PrivateKeyDer<'static>, KeyError> {
        match self.0 {
            Encryption::Pkcs8(der) => {
                let encrypted = EncryptedPrivateKeyInfoRef::try_from(der.as_slice());
                let encrypted = encrypted.map_err(|_| KeyError::Unsupported)?;
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

/// Decrypts what `method`, a cipher's name and the initialization vector in hexadecimal, says.
fn decrypt_traditional(method: &str, data: &[u8], password: &[u8]) -> Result<Vec<u8>, KeyError> {
    let (cipher, vector) = method.split_once(',').ok_or(KeyError::Unsupported)?;
    let vector = unhex(vector.trim()).ok_or(KeyError::Unsupported)?;
    let decrypt = match cipher.trim() {
        "AES-128-CBC" => decrypt_with::<Aes128, 16, 16>,
        "AES-192-CBC" => decrypt_with::<Aes192, 24, 16>,
        "AES-256-CBC" => decrypt_with::<Aes256, 32, 16>,
        "DES-EDE3-CBC" => decrypt_with::<TdesEde3, 24, 8>,
        _ => return Err(KeyError::Unsupported),
    };
    decrypt(data, password, &vector)
}

fn decrypt_with<C, const KEY: usize, const VECTOR: usize>(
    data: &[u8],
    password: &[u8],
    vector: &[u8],
) -> Result<Vec<u8>, KeyError>
where
    C: cbc::cipher::BlockCipherDecrypt + cbc::cipher::KeyInit,
{
    if vector.len() != VECTOR {
        return Err(KeyError::Unsupported);
    }
    let key = derive_key(password, vector, KEY);
    let cipher = Decryptor::<C>::new_from_slices(&key, vector);
    let cipher = cipher.map_err(|_| KeyError::Unsupported)?;
    let mut room = Zeroizing::new(data.to_vec());
    let clear = cipher.decrypt_padded::<Pkcs7>(&mut room);
    clear.map(<[u8]>::to_vec).map_err(|_| KeyError::BadDecrypt)
}

/// OpenSSL's EVP_BytesToKey with MD5, one round, and the first 8 bytes of the vector as salt.
fn derive_key(password: &[u8], vector: &[u8], size: usize) -> Zeroizing<Vec<u8>> {
    let salt = vector.get(..8).unwrap_or(vector);
    let mut key = Zeroizing::new(Vec::with_capacity(size + 16));
    let mut last: Vec<u8> = Vec::new();
    while key.len() < size {
        let mut hash = Md5::new();
        hash.update(&last);
        hash.update(password);
        hash.update(salt);
        last = hash.finalize().to_vec();
        key.extend_from_slice(&last);
    }
    key.truncate(size);
    key
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    let bytes = digits
        .chunks_exact(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8);
    Some(bytes.collect())
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

/// Whether `certificate`, of any age, is for `key`.
pub fn belongs(certificate: &CertificateDer<'_>, key: &dyn SigningKey) -> bool {
    let Some(public) = key.public_key() else {
        return false;
    };
    let parsed = X509Certificate::from_der(certificate);
    parsed.is_ok_and(|(_, parsed)| parsed.tbs_certificate.subject_pki.raw == public.as_ref())
}
