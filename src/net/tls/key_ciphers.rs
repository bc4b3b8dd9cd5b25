//! Decrypts private keys with passwords: CBC, and the headers of old PEM files.

use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use des::TdesEde3;
use md5::{Digest, Md5};
use zeroize::Zeroizing;

/// Why there is no key, in OpenSSL's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// The certificate belongs to another key.
    OfAnother,
    /// The certificate belongs to another kind of key.
    OfAnotherKind,
    /// Not a key, or an unsupported kind of key or encryption.
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
            KeyError::OfAnotherKind => "no certificate assigned",
            KeyError::BadDecrypt => "bad decrypt",
            KeyError::NoPassword => "processing error",
        }
    }
}

/// Decrypts with `method`: a cipher's name and the initialization vector in hexadecimal.
pub fn decrypt_traditional(
    method: &str,
    data: &[u8],
    password: &[u8],
) -> Result<Vec<u8>, KeyError> {
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
    decrypt_cbc::<C>(data, &derive_key(password, vector, KEY), vector)
}

pub fn decrypt_cbc<C>(data: &[u8], key: &[u8], vector: &[u8]) -> Result<Vec<u8>, KeyError>
where
    C: cbc::cipher::BlockCipherDecrypt + cbc::cipher::KeyInit,
{
    let cipher = Decryptor::<C>::new_from_slices(key, vector);
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
