//! Names of issuers and subjects, compared as OpenSSL does: their text without regard to the kind of string, to case and
//! to how much space there is (RFC 5280, 7.1, in a simple form).

use x509_parser::der_parser::asn1_rs::{Any, Tag};
use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

/// A value as it is compared: its tag, which is that of UTF-8 for all texts, and its bytes.
type Value = (u32, Vec<u8>);

/// Whether both are the same name.
pub fn same(one: &X509Name<'_>, other: &X509Name<'_>) -> bool {
    if one.as_raw() == other.as_raw() {
        return true;
    }
    let attributes =
        |name: &X509Name<'_>| name.iter_rdn().map(attributes).collect::<Option<Vec<_>>>();
    attributes(one).is_some_and(|one| Some(one) == attributes(other))
}

/// The attributes of a part of a name, in no order of their own; None if a text is not one.
fn attributes(part: &RelativeDistinguishedName<'_>) -> Option<Vec<(Vec<u8>, Value)>> {
    let attribute = |attribute: &AttributeTypeAndValue<'_>| {
        let oid = attribute.attr_type().as_bytes().to_vec();
        Some((oid, canonical(attribute.attr_value())?))
    };
    let mut found = part.iter().map(attribute).collect::<Option<Vec<_>>>()?;
    found.sort();
    Some(found)
}

fn canonical(value: &Any<'_>) -> Option<Value> {
    let text = match value.tag() {
        Tag::Utf8String => String::from_utf8(value.data.to_vec()).ok()?,
        Tag::PrintableString | Tag::Ia5String | Tag::VisibleString | Tag::T61String => {
            value.data.iter().map(|byte| char::from(*byte)).collect()
        }
        Tag::BmpString => utf16(value.data)?,
        Tag::UniversalString => utf32(value.data)?,
        other => return Some((other.0, value.data.to_vec())),
    };
    let is_space = |letter: char| matches!(letter, ' ' | '\t'..='\r');
    let words: Vec<_> = text
        .split(is_space)
        .filter(|word| !word.is_empty())
        .collect();
    let text = words.join(" ").to_ascii_lowercase();
    Some((Tag::Utf8String.0, text.into_bytes()))
}

fn utf16(data: &[u8]) -> Option<String> {
    let (pairs, []) = data.as_chunks::<2>() else {
        return None;
    };
    let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
    char::decode_utf16(units).collect::<Result<_, _>>().ok()
}

fn utf32(data: &[u8]) -> Option<String> {
    let (letters, []) = data.as_chunks::<4>() else {
        return None;
    };
    let letters = letters
        .iter()
        .map(|letter| char::from_u32(u32::from_be_bytes(*letter)));
    letters.collect()
}
