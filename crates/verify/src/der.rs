//! DER as it must be, for x509-parser does not look at a tag's class and passes over what it cannot read.

pub const BOOLEAN: u8 = 0x01;
pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const OCTET_STRING: u8 = 0x04;
pub const OBJECT: u8 = 0x06;
pub const UTF8: u8 = 0x0c;
pub const UTC_TIME: u8 = 0x17;
pub const GENERALIZED_TIME: u8 = 0x18;
pub const UNIVERSAL: u8 = 0x1c;
pub const BMP: u8 = 0x1e;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;

/// An element; its tag with class and form, as it stands there. Tags of more bytes are in no certificate.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    pub tag: u8,
    pub data: &'a [u8],
    /// With tag and length.
    pub whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// The contents, if it has this tag.
    pub fn of(&self, tag: u8) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.data)
    }
}

/// The first element, and what stands behind it.
pub fn first(der: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (length, contents) = length(rest)?;
    let (data, rest) = contents.split_at_checked(length)?;
    let whole = der.get(..der.len() - rest.len())?;
    let has_one_byte = tag & 0x1f != 0x1f;
    has_one_byte.then_some((Element { tag, data, whole }, rest))
}

/// A length in the fewest bytes, of less than 16 MiB, and what stands behind it.
fn length(der: &[u8]) -> Option<(usize, &[u8])> {
    Some(match *der {
        [short @ 0..=0x7f, ref rest @ ..] => (short.into(), rest),
        [0x81, low @ 0x80..=0xff, ref rest @ ..] => (low.into(), rest),
        [0x82, high @ 1..=0xff, low, ref rest @ ..] => {
            (u16::from_be_bytes([high, low]).into(), rest)
        }
        [0x83, high @ 1..=0xff, middle, low, ref rest @ ..] => {
            let length = u32::from_be_bytes([0, high, middle, low]);
            (usize::try_from(length).ok()?, rest)
        }
        _ => return None,
    })
}

/// The element that is all of `der`.
pub fn one(der: &[u8]) -> Option<Element<'_>> {
    let (element, rest) = first(der)?;
    rest.is_empty().then_some(element)
}

/// What is inside a SEQUENCE that is all of `der`.
pub fn sequence(der: &[u8]) -> Option<&[u8]> {
    one(der)?.of(SEQUENCE)
}

/// The elements that stand one behind the other.
pub fn elements(mut der: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut found = Vec::new();
    while !der.is_empty() {
        let (element, rest) = first(der)?;
        found.push(element);
        der = rest;
    }
    Some(found)
}
