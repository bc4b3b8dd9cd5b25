//! The tags of DER, and a strict parser. x509-parser ignores the class of tags, and skips what it cannot parse.

pub const BOOLEAN: u8 = 0x01;
pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const OCTET_STRING: u8 = 0x04;
pub const NULL: u8 = 0x05;
pub const OBJECT: u8 = 0x06;
pub const ENUMERATED: u8 = 0x0a;
pub const UTF8: u8 = 0x0c;
pub const NUMERIC: u8 = 0x12;
pub const PRINTABLE: u8 = 0x13;
pub const T61: u8 = 0x14;
pub const IA5: u8 = 0x16;
pub const UTC_TIME: u8 = 0x17;
pub const GENERALIZED_TIME: u8 = 0x18;
pub const UNIVERSAL: u8 = 0x1c;
pub const BMP: u8 = 0x1e;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;

/// A DER element. The tag includes class and form. Certificates have no tags of more than one byte.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    pub tag: u8,
    pub data: &'a [u8],
    /// The element with its tag and length.
    pub whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// The contents if the element has this tag.
    pub fn of(&self, tag: u8) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.data)
    }
}

/// The first element, and the bytes after it.
pub fn first(der: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (length, contents) = length(rest)?;
    let (data, rest) = contents.split_at_checked(length)?;
    let whole = der.get(..der.len() - rest.len())?;
    let has_one_byte = tag & 0x1f != 0x1f;
    has_one_byte.then_some((Element { tag, data, whole }, rest))
}

/// A length below 16 MiB in its shortest encoding, and the bytes after it.
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

/// The single element in `der`.
pub fn one(der: &[u8]) -> Option<Element<'_>> {
    let (element, rest) = first(der)?;
    rest.is_empty().then_some(element)
}

/// The contents of the single SEQUENCE in `der`.
pub fn sequence(der: &[u8]) -> Option<&[u8]> {
    one(der)?.of(SEQUENCE)
}

/// All elements in `der`.
pub fn elements(mut der: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut found = Vec::new();
    while !der.is_empty() {
        let (element, rest) = first(der)?;
        found.push(element);
        der = rest;
    }
    Some(found)
}
