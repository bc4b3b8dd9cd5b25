//! Keys encrypted by PKCS #12's method with triple DES (RFC 7292, appendices B and C).

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY as SHA1, SHA1_OUTPUT_LEN, digest};
use des::TdesEde3;
use zeroize::Zeroizing;

use super::key_ciphers::{KeyError, decrypt_cbc};
use crate::verify::der::{INTEGER, OBJECT, OCTET_STRING, SEQUENCE};
use crate::verify::outline::Elements;

/// The block size of SHA-1.
const BLOCK: usize = 64;
const KEY: usize = 24;
const VECTOR: usize = 8;
/// A limit for the rounds, above which the key is rejected.
const MOST_ROUNDS: u32 = 100_000_000;

/// A key encrypted by this method.
pub struct Pbes1<'a> {
    salt: &'a [u8],
    rounds: u32,
    /// 24 bytes of key, or 16 bytes whose first 8 are used twice.
    key_size: usize,
    data: &'a [u8],
}

impl<'a> Pbes1<'a> {
    /// EncryptedPrivateKeyInfo (RFC 5208, 6); None for another encryption method.
    pub fn parse(der: &'a [u8]) -> Option<Pbes1<'a>> {
        /// pkcs-12PbeIds.
        const METHODS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1];
        let mut info = Elements(Elements(der).take_if(SEQUENCE)?.contents);
        let mut method = Elements(info.take_if(SEQUENCE)?.contents);
        let key_size = match method.take_if(OBJECT)?.contents.strip_prefix(METHODS)? {
            [3] => KEY,
            [4] => 16,
            _ => return None,
        };
        let mut parameters = Elements(method.take_if(SEQUENCE)?.contents);
        let salt = parameters.take_if(OCTET_STRING)?.contents;
        let rounds = parameters.take_if(INTEGER)?.contents;
        let small = rounds.len() <= 5 && rounds.first()? & 0x80 == 0;
        let rounds = rounds
            .iter()
            .fold(0, |all, byte| all << 8 | u64::from(*byte));
        let rounds = u32::try_from(rounds)
            .ok()
            .filter(|rounds| small && (1..=MOST_ROUNDS).contains(rounds))?;
        let data = info.take_if(OCTET_STRING)?.contents;
        Some(Pbes1 {
            salt,
            rounds,
            key_size,
            data,
        })
    }

    pub fn decrypt(&self, password: &[u8]) -> Result<Vec<u8>, KeyError> {
        let password = big_endian(password);
        let mut key = self.derive(1, &password, self.key_size);
        let first = key.get(..KEY - self.key_size).unwrap_or_default().to_vec();
        key.extend_from_slice(&Zeroizing::new(first));
        let vector = self.derive(2, &password, VECTOR);
        decrypt_cbc::<TdesEde3>(self.data, &key, &vector)
    }

    /// RFC 7292, B.2: derives `size` bytes for `purpose`.
    fn derive(&self, purpose: u8, password: &[u8], size: usize) -> Zeroizing<Vec<u8>> {
        let mut input = Zeroizing::new(whole_blocks(self.salt));
        input.extend_from_slice(&Zeroizing::new(whole_blocks(password)));
        let mut key = Zeroizing::new(Vec::with_capacity(size + SHA1_OUTPUT_LEN));
        while key.len() < size {
            let mut hash = Context::new(&SHA1);
            hash.update(&[purpose; BLOCK]);
            hash.update(&input);
            let mut hash = hash.finish();
            for _ in 1..self.rounds {
                hash = digest(&SHA1, hash.as_ref());
            }
            key.extend_from_slice(hash.as_ref());
            for block in input.chunks_exact_mut(BLOCK) {
                add(block, hash.as_ref());
            }
        }
        key.truncate(size);
        key
    }
}

/// Repeats the bytes up to the end of a block.
fn whole_blocks(bytes: &[u8]) -> Vec<u8> {
    let size = bytes.len().next_multiple_of(BLOCK);
    bytes.iter().copied().cycle().take(size).collect()
}

/// Adds the repeated `hash` and one to a number of one block.
fn add(block: &mut [u8], hash: &[u8]) {
    let mut carry = 1;
    let addend = hash.iter().cycle();
    let mut pairs: Vec<_> = block.iter_mut().zip(addend).collect();
    for (digit, addend) in pairs.iter_mut().rev() {
        let sum = u16::from(**digit) + u16::from(**addend) + carry;
        **digit = sum as u8;
        carry = sum >> 8;
    }
}

/// The password in UTF-16 with its NUL. OpenSSL: takes invalid UTF-8 as Latin-1.
fn big_endian(password: &[u8]) -> Zeroizing<Vec<u8>> {
    let units: Zeroizing<Vec<u16>> = Zeroizing::new(match std::str::from_utf8(password) {
        Ok(text) => text.encode_utf16().collect(),
        Err(_) => password.iter().copied().map(u16::from).collect(),
    });
    let all = units.iter().copied().chain([0]);
    Zeroizing::new(all.flat_map(u16::to_be_bytes).collect())
}
