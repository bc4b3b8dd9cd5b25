//! Parses the outer structure of a certificate as leniently as OpenSSL, without looking at the contents of its fields.

use super::der::{BIT_STRING, GENERALIZED_TIME, INTEGER, SEQUENCE, UTC_TIME};

const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

/// A sequence of DER elements.
#[derive(Debug, Clone, Copy)]
pub struct Elements<'a>(pub &'a [u8]);

/// A DER element, `whole` with its tag and length.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    pub tag: u8,
    pub whole: &'a [u8],
    pub contents: &'a [u8],
}

impl<'a> Elements<'a> {
    /// The next element; None at the end, and if the DER is invalid.
    pub fn take(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (size, rest) = match first {
            ..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (size, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let size = size
                    .iter()
                    .fold(0, |all, byte| all << 8 | usize::from(*byte));
                (size, rest)
            }
            // An indefinite length (0x80), or one that is too long for a certificate.
            0x80 | 0x85.. => return None,
        };
        // Certificates have no tags of more than one byte.
        let (contents, rest) = rest.split_at_checked(size).filter(|_| tag & 0x1f != 0x1f)?;
        let (whole, _) = self.0.split_at_checked(self.0.len() - rest.len())?;
        self.0 = rest;
        Some(Element {
            tag,
            whole,
            contents,
        })
    }

    /// The next element, if its tag is `tag`.
    pub fn take_if(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = *self;
        let found = ahead.take().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(found)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The outer structure of a certificate.
#[derive(Debug, Clone, Copy)]
pub struct Outline<'a> {
    pub certificate: &'a [u8],
    /// The key with its algorithm (SubjectPublicKeyInfo).
    pub key: &'a [u8],
    /// The bytes after the certificate.
    pub rest: &'a [u8],
}

impl<'a> Outline<'a> {
    /// The key itself. Its algorithm's parameters can be encoded in several ways.
    pub fn key_bits(&self) -> Option<&'a [u8]> {
        let mut parts = Elements(Elements(self.key).take()?.contents);
        parts.take()?;
        parts.take_if(BIT_STRING).map(|bits| bits.contents)
    }
}

/// Parses the certificate (RFC 5280, 4.1) at the start of `der`.
pub fn outline(der: &[u8]) -> Option<Outline<'_>> {
    let mut all = Elements(der);
    let certificate = all.take_if(SEQUENCE)?;
    let mut parts = Elements(certificate.contents);
    let key = key_of(Elements(parts.take_if(SEQUENCE)?.contents))?;
    parts.take_if(SEQUENCE)?;
    parts.take_if(BIT_STRING)?;
    parts.is_empty().then_some(Outline {
        certificate: certificate.whole,
        key,
        rest: all.0,
    })
}

/// Whether `der` starts with a signed structure: a body, an algorithm and a signature.
pub fn is_signed(der: &[u8]) -> bool {
    let parts = Elements(der).take_if(SEQUENCE);
    parts.is_some_and(|whole| {
        let mut parts = Elements(whole.contents);
        let all = [SEQUENCE, SEQUENCE, BIT_STRING].map(|tag| parts.take_if(tag));
        all.iter().all(Option::is_some) && parts.is_empty()
    })
}

fn key_of(mut signed: Elements<'_>) -> Option<&[u8]> {
    signed.take_if(VERSION);
    signed.take_if(INTEGER)?;
    let [_algorithm, _issuer] = [signed.take_if(SEQUENCE)?, signed.take_if(SEQUENCE)?];
    let mut validity = Elements(signed.take_if(SEQUENCE)?.contents);
    for _ in 0..2 {
        let time = validity.take()?;
        matches!(time.tag, UTC_TIME | GENERALIZED_TIME).then_some(())?;
    }
    signed.take_if(SEQUENCE)?;
    let key = signed.take_if(SEQUENCE)?;
    while !signed.is_empty() {
        (signed.take()?.tag <= EXTENSIONS).then_some(())?;
    }
    validity.is_empty().then_some(key.whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_end_where_their_length_says() {
        let mut elements = Elements(&[2, 1, 5, 4, 0x81, 2, 6, 7, 0]);
        let number = elements.take().expect("a number");
        assert_eq!((number.tag, number.contents), (2, &[5][..]));
        assert!(elements.take_if(2).is_none());
        let bytes = elements.take_if(4).expect("bytes");
        assert_eq!(bytes.whole, [4, 0x81, 2, 6, 7]);
        assert_eq!(elements.0, [0]);
        assert!(elements.take().is_none());
    }

    #[test]
    fn damaged_lengths_and_tags_are_refused() {
        for bytes in [
            &[][..],
            &[0x30],
            &[0x30, 1],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x82, 1],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x85, 0, 0, 0, 0, 1, 0],
            &[0x1f, 1, 0],
        ] {
            assert!(Elements(bytes).take().is_none(), "{bytes:?}");
            assert!(outline(bytes).is_none(), "{bytes:?}");
        }
    }
}
