//! Compares names of issuers and subjects as OpenSSL does: without regard to string type, case and the amount of white space
//! (a simple form of RFC 5280, 7.1).

use std::cell::OnceCell;

use aws_lc_rs::digest;
use x509_parser::der_parser::asn1_rs::{Any, Tag};
use x509_parser::prelude::FromDer;
use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

use super::der::{OBJECT, SEQUENCE, SET, UTF8};

/// A cache of a name's canonical form, because a chain can have many long names. None if a text in the name is invalid.
pub type Form = OnceCell<Option<Vec<u8>>>;

/// A name with its cached canonical form.
#[derive(Clone, Copy)]
pub struct Name<'n, 'a> {
    pub name: &'n X509Name<'a>,
    pub form: &'n Form,
}

impl<'a> Name<'_, 'a> {
    /// Whether both names are equal.
    pub fn is(self, other: Name<'_, '_>) -> bool {
        self.raw() == other.raw() || self.form().is_some() && self.form() == other.form()
    }

    pub fn raw(self) -> &'a [u8] {
        self.name.as_raw()
    }

    fn form(&self) -> Option<&[u8]> {
        let form = self.form.get_or_init(|| canonical(self.name));
        form.as_deref()
    }
}

/// The hash in the names of an authority's files in a directory, as OpenSSL computes it. None if a text in the name is invalid.
pub fn hash(name: &X509Name<'_>) -> Option<u32> {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &canonical(name)?);
    let first = digest.as_ref().first_chunk::<4>()?;
    Some(u32::from_le_bytes(*first))
}

/// The canonical form: the DER of the name's parts, with all texts in UTF-8.
pub fn canonical(name: &X509Name<'_>) -> Option<Vec<u8>> {
    let parts = name.iter_rdn().map(part).collect::<Option<Vec<_>>>()?;
    Some(parts.concat())
}

/// The canonical form of the name with one more part; `last` is the contents of that part.
pub fn canonical_with(name: &X509Name<'_>, last: &[u8]) -> Option<Vec<u8>> {
    let last = element(&[SET], last);
    let (_, last) = RelativeDistinguishedName::from_der(&last).ok()?;
    Some([canonical(name)?, part(&last)?].concat())
}

/// The text of a value; None if it is not a valid text.
pub fn text_of(value: &Any<'_>) -> Option<String> {
    let is_text = is_text(value.tag()) || value.tag() == Tag::NumericString;
    is_text.then(|| text(value))?
}

fn part(part: &RelativeDistinguishedName<'_>) -> Option<Vec<u8>> {
    let mut attributes = part.iter().map(attribute).collect::<Option<Vec<_>>>()?;
    attributes.sort();
    Some(element(&[SET], &attributes.concat()))
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> Option<Vec<u8>> {
    let oid = element(&[OBJECT], attribute.attr_type().as_bytes());
    let value = attribute.attr_value();
    let value = match is_text(value.tag()) {
        true => element(&[UTF8], normalize(&text(value)?).as_bytes()),
        false => element(value.header.raw_tag()?, value.data),
    };
    Some(element(&[SEQUENCE], &[oid, value].concat()))
}

fn is_text(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::Utf8String
            | Tag::PrintableString
            | Tag::T61String
            | Tag::Ia5String
            | Tag::VisibleString
            | Tag::UniversalString
            | Tag::BmpString
    )
}

fn text(value: &Any<'_>) -> Option<String> {
    match value.tag() {
        Tag::Utf8String => String::from_utf8(value.data.to_vec()).ok(),
        Tag::BmpString => {
            let (pairs, []) = value.data.as_chunks::<2>() else {
                return None;
            };
            let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
            char::decode_utf16(units).collect::<Result<_, _>>().ok()
        }
        Tag::UniversalString => {
            let (letters, []) = value.data.as_chunks::<4>() else {
                return None;
            };
            let letters = letters.iter().map(|letter| u32::from_be_bytes(*letter));
            letters.map(char::from_u32).collect()
        }
        // OpenSSL: reads T61 as Latin-1.
        _ => Some(value.data.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// The text in ASCII lower case, with single spaces between words.
fn normalize(text: &str) -> String {
    let is_space = |letter: char| matches!(letter, ' ' | '\t'..='\r');
    let words = text.split(is_space).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").to_ascii_lowercase()
}

/// The DER of an element. A length of 64 KiB or more is truncated: a name in a handshake cannot be that long.
fn element(tag: &[u8], contents: &[u8]) -> Vec<u8> {
    let [high, low] = (contents.len() as u16).to_be_bytes();
    let length = match contents.len() {
        ..128 => &[low][..],
        128..256 => &[0x81, low],
        _ => &[0x82, high, low],
    };
    [tag, length, contents].concat()
}
