//! MD5 password hashes: the form that the server stores, and the response to an MD5 password request.

use md5::{Digest, Md5};
use zeroize::Zeroizing;

/// The form that the server stores: `md5` and the hash of password and user name, in hexadecimal.
pub fn md5_stored(user: &[u8], password: &[u8]) -> Vec<u8> {
    with_prefix(&hex_digest(password, user))
}

/// The response to an MD5 password request: the stored hash, hashed again with the request's salt.
pub fn md5_password(user: &[u8], password: &[u8], salt: [u8; 4]) -> Vec<u8> {
    let inner = Zeroizing::new(hex_digest(password, user));
    with_prefix(&hex_digest(inner.as_slice(), &salt))
}

fn with_prefix(digits: &[u8; 32]) -> Vec<u8> {
    [b"md5", digits.as_slice()].concat()
}

fn hex_digest(first: &[u8], second: &[u8]) -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = Md5::new()
        .chain_update(first)
        .chain_update(second)
        .finalize();
    let mut text = [0; 32];
    for (pair, byte) in text.chunks_exact_mut(2).zip(digest) {
        pair.copy_from_slice(&[
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_is_md5_of_password_and_user() {
        // md5("abc"), RFC 1321.
        assert_eq!(
            md5_stored(b"c", b"ab"),
            b"md5900150983cd24fb0d6963f7d28e17f72"
        );
        assert_eq!(md5_stored(b"", b""), b"md5d41d8cd98f00b204e9800998ecf8427e");
    }

    #[test]
    fn the_response_hashes_the_stored_digits_with_the_salt() {
        let answer = md5_password(b"md5_user", b"password", [0x2a, 0x3d, 0x8f, 0xe0]);
        assert_eq!(answer, b"md562af4dd09bbb41884907a838a3233294");
    }
}
