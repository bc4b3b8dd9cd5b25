//! Checks the syntax of certificates and revocation lists (RFC 5280, 4.1 and 5.1), including names and extensions. As in
//! OpenSSL, other syntax is refused, even if all relevant fields could be parsed.

mod general;

use super::der::{
    BIT_STRING, BMP, BOOLEAN, Element, GENERALIZED_TIME, IA5, INTEGER, NUMERIC, OBJECT,
    OCTET_STRING, PRINTABLE, SEQUENCE, SET, T61, UNIVERSAL, UTC_TIME, UTF8, elements, first, one,
    sequence,
};
pub use general::{are_names, is_general};

/// The tags of a certificate's optional parts: version, unique identifiers, extensions.
const VERSION: u8 = 0xa0;
const IDENTIFIERS: [u8; 2] = [0x81, 0x82];
const EXTENSIONS: u8 = 0xa3;
const LIST_EXTENSIONS: u8 = 0xa0;

/// Other values that OpenSSL accepts in names.
const VALUES: [u8; 5] = [NUMERIC, PRINTABLE, T61, IA5, SEQUENCE];

/// The OIDs of extensions.
const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 35];
const SUBJECT_KEY: &[u8] = &[0x55, 0x1d, 14];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
const ALTERNATIVES: &[u8] = &[0x55, 0x1d, 17];
const PURPOSES: &[u8] = &[0x55, 0x1d, 37];
/// Netscape's nsCertType, 2.16.840.1.113730.1.1.
const NETSCAPE_TYPE: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x42, 1, 1];

pub fn is_certificate(der: &[u8]) -> bool {
    let signed = signed(der);
    signed.is_some_and(|body| certificate(&body).is_some())
}

pub fn is_list(der: &[u8]) -> bool {
    let signed = signed(der);
    signed.is_some_and(|body| list(&body).is_some())
}

/// The parts of the signed structure.
fn signed(der: &[u8]) -> Option<Vec<Element<'_>>> {
    let parts = elements(sequence(der)?)?;
    let [body, algorithm, signature] = &parts[..] else {
        return None;
    };
    self::algorithm(algorithm)?;
    bits(signature.of(BIT_STRING)?)?;
    elements(body.of(SEQUENCE)?)
}

fn certificate(body: &[Element<'_>]) -> Option<()> {
    let body = match body {
        [version, rest @ ..] if version.tag == VERSION => {
            integer(&one(version.data)?)?;
            rest
        }
        all => all,
    };
    let [serial, algorithm, issuer, validity, subject, key, more @ ..] = body else {
        return None;
    };
    integer(serial)?;
    self::algorithm(algorithm)?;
    name(issuer)?;
    let times = elements(validity.of(SEQUENCE)?)?;
    (times.len() == 2 && times.iter().all(is_time)).then_some(())?;
    name(subject)?;
    let key = elements(key.of(SEQUENCE)?)?;
    let [kind, point] = &key[..] else {
        return None;
    };
    self::algorithm(kind)?;
    bits(point.of(BIT_STRING)?)?;
    for part in more {
        match part.tag {
            EXTENSIONS => extensions(sequence(part.data)?)?,
            tag if IDENTIFIERS.contains(&tag) => bits(part.data)?,
            _ => return None,
        }
    }
    more.is_sorted_by(|one, next| one.tag < next.tag)
        .then_some(())
}

fn list(body: &[Element<'_>]) -> Option<()> {
    let body = match body {
        [version, rest @ ..] if version.tag == INTEGER => rest,
        all => all,
    };
    let [algorithm, issuer, rest @ ..] = body else {
        return None;
    };
    self::algorithm(algorithm)?;
    name(issuer)?;
    let times = rest.iter().take_while(|part| is_time(part)).count();
    let (_, rest) = rest
        .split_at_checked(times)
        .filter(|_| matches!(times, 1 | 2))?;
    let rest = match rest {
        [revoked, rest @ ..] if revoked.tag == SEQUENCE => {
            let entries = elements(revoked.data)?;
            entries.iter().try_for_each(entry)?;
            rest
        }
        all => all,
    };
    match rest {
        [] => Some(()),
        [last] => extensions(sequence(last.of(LIST_EXTENSIONS)?)?),
        _ => None,
    }
}

fn entry(entry: &Element<'_>) -> Option<()> {
    let parts = elements(entry.of(SEQUENCE)?)?;
    let [serial, time, more @ ..] = &parts[..] else {
        return None;
    };
    integer(serial)?;
    is_time(time).then_some(())?;
    match more {
        [] => Some(()),
        [last] => extensions(last.of(SEQUENCE)?),
        _ => None,
    }
}

fn extensions(contents: &[u8]) -> Option<()> {
    elements(contents)?.iter().try_for_each(|extension| {
        let parts = elements(extension.of(SEQUENCE)?)?;
        let (id, value) = match &parts[..] {
            [id, value] => (id, value),
            [id, critical, value] if critical.of(BOOLEAN)?.len() == 1 => (id, value),
            _ => return None,
        };
        object(id)?;
        value.of(OCTET_STRING).map(drop)
    })
}

/// The contents of an AlgorithmIdentifier: its OID, and its parameters.
pub fn algorithm<'a>(element: &Element<'a>) -> Option<(&'a [u8], Option<Element<'a>>)> {
    let parts = elements(element.of(SEQUENCE)?)?;
    let (id, parameters) = match &parts[..] {
        [id] => (id, None),
        [id, parameters] => (id, Some(*parameters)),
        _ => return None,
    };
    object(id)?;
    parameters.as_ref().map_or(Some(()), general::any)?;
    Some((id.data, parameters))
}

fn object(element: &Element<'_>) -> Option<()> {
    object_number(element.of(OBJECT)?)
}

/// The contents of an OID. X.690, 8.19: each number must have its shortest encoding.
fn object_number(bytes: &[u8]) -> Option<()> {
    let ends = bytes.last().is_some_and(|last| last & 0x80 == 0);
    let starts = std::iter::once(&0).chain(bytes);
    let mut padded = starts
        .zip(bytes)
        .map(|(before, byte)| before & 0x80 == 0 && *byte == 0x80);
    (ends && !padded.any(|padded| padded)).then_some(())
}

/// Whether `der` is a Name.
pub fn is_name(der: &[u8]) -> bool {
    one(der).is_some_and(|element| name(&element).is_some())
}

/// Whether an extension's value has the syntax of its type. This covers some types only; the others are checked elsewhere.
/// OpenSSL: ignores bytes after the value.
pub fn is_extension(id: &[u8], value: &[u8]) -> bool {
    let contents = |tag| first(value)?.0.of(tag);
    let good = match id {
        AUTHORITY_KEY => contents(SEQUENCE).and_then(authority_key),
        SUBJECT_KEY => contents(OCTET_STRING).map(drop),
        BASIC_CONSTRAINTS => contents(SEQUENCE).and_then(basic_constraints),
        KEY_USAGE | NETSCAPE_TYPE => contents(BIT_STRING).and_then(bits),
        ALTERNATIVES => contents(SEQUENCE).filter(|data| are_names(data)).map(drop),
        PURPOSES => contents(SEQUENCE).and_then(|data| elements(data)?.iter().try_for_each(object)),
        _ => Some(()),
    };
    good.is_some()
}

fn authority_key(contents: &[u8]) -> Option<()> {
    in_order(&elements(contents)?, |part| match part.tag {
        0x80 => Some(()),
        0xa1 => are_names(part.data).then_some(()),
        0x82 => number(part.data),
        _ => None,
    })
}

fn basic_constraints(contents: &[u8]) -> Option<()> {
    in_order(&elements(contents)?, |part| match part.tag {
        BOOLEAN => (part.data.len() == 1).then_some(()),
        _ => integer(part),
    })
}

/// Checks the optional parts of a SEQUENCE, each of which has its place and its own tag number.
pub fn in_order<'a>(
    parts: &[Element<'a>],
    check: impl Fn(&Element<'a>) -> Option<()>,
) -> Option<()> {
    let number = |part: &Element<'_>| part.tag & 0x1f;
    parts.iter().try_for_each(check)?;
    parts
        .is_sorted_by(|one, next| number(one) < number(next))
        .then_some(())
}

fn name(element: &Element<'_>) -> Option<()> {
    let parts = elements(element.of(SEQUENCE)?)?;
    parts.iter().try_for_each(|part| attributes(part.of(SET)?))
}

/// The contents of a RelativeDistinguishedName.
pub fn attributes(contents: &[u8]) -> Option<()> {
    elements(contents)?.iter().try_for_each(attribute)
}

fn attribute(element: &Element<'_>) -> Option<()> {
    let parts = elements(element.of(SEQUENCE)?)?;
    let [id, value] = &parts[..] else {
        return None;
    };
    object(id)?;
    let is_text = match value.tag {
        UTF8 => std::str::from_utf8(value.data).is_ok(),
        BMP => are_letters(value.data, |unit: &[u8; 2]| {
            u16::from_be_bytes(*unit).into()
        }),
        UNIVERSAL => are_letters(value.data, |unit| u32::from_be_bytes(*unit)),
        BIT_STRING => bits(value.data).is_some(),
        tag => VALUES.contains(&tag),
    };
    is_text.then_some(())
}

/// Whether `text` consists of Unicode characters of `N` bytes. OpenSSL: surrogates are not characters, in a BMPString either.
fn are_letters<const N: usize>(text: &[u8], number: impl Fn(&[u8; N]) -> u32) -> bool {
    let (units, rest) = text.as_chunks();
    let mut letters = units.iter().map(|unit| char::from_u32(number(unit)));
    rest.is_empty() && letters.all(|letter| letter.is_some())
}

fn integer(element: &Element<'_>) -> Option<()> {
    number(element.of(INTEGER)?)
}

/// The contents of a BIT STRING. X.690, 8.6.2: the first byte is the number of unused bits.
pub fn bits(contents: &[u8]) -> Option<()> {
    matches!(contents, [0..=7, ..]).then_some(())
}

/// The contents of an INTEGER. X.690, 8.3.2: the shortest encoding.
pub fn number(contents: &[u8]) -> Option<()> {
    match contents {
        [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => None,
        _ => Some(()),
    }
}

/// RFC 5280, 4.1.2.5: times have seconds and are in UTC. OpenSSL refuses others.
fn is_time(element: &Element<'_>) -> bool {
    let length = match element.tag {
        UTC_TIME => 12,
        GENERALIZED_TIME => 14,
        _ => return false,
    };
    let digits = element.data.strip_suffix(b"Z").unwrap_or_default();
    digits.len() == length && digits.iter().all(u8::is_ascii_digit)
}
