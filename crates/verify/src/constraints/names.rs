//! The names in a certificate to which constraints apply.

use std::net::IpAddr;

use x509_parser::der_parser::asn1_rs::{Oid, Tag};
use x509_parser::der_parser::oid;
use x509_parser::prelude::FromDer;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use super::{General, Kind};
use crate::der::{Element, elements, one, sequence};
use crate::{form, name};

const COMMON_NAME: Oid<'static> = oid!(2.5.4.3);
const EMAIL_ADDRESS: Oid<'static> = oid!(1.2.840.113549.1.9.1);
/// RFC 9598: an email address with non-ASCII characters.
const MAILBOX: Oid<'static> = oid!(1.3.6.1.5.5.7.8.9);

impl<'a> General<'a> {
    /// Parses a GeneralName; None if it is malformed.
    pub(super) fn of(element: &Element<'a>) -> Option<General<'a>> {
        let kind = match element.tag {
            0xa0 => return other(element.data),
            0x81 => Kind::Email,
            0x82 => Kind::Dns,
            0xa4 => return directory(&whole_name(element.data)?),
            0x86 => Kind::Uri,
            0x87 => Kind::Address,
            // x400Address, ediPartyName, registeredID
            number @ (0xa3 | 0xa5 | 0x88) => Kind::Unsupported(number),
            _ => return None,
        };
        Some(General::new(kind, element.data))
    }
}

fn whole_name(der: &[u8]) -> Option<X509Name<'_>> {
    let (_, name) = X509Name::from_der(der).ok()?;
    form::is_name(der).then_some(name)
}

fn other(contents: &[u8]) -> Option<General<'_>> {
    let parts = elements(contents)?;
    let [id, wrapped] = &parts[..] else {
        return None;
    };
    let (_, kind) = Oid::from_der(id.whole).ok()?;
    let value = wrapped.of(0xa0)?;
    if kind != MAILBOX {
        return Some(General::new(Kind::Other(id.whole), value));
    }
    let mut address = General::new(Kind::Email, one(value)?.data);
    address.is_mailbox = true;
    Some(address)
}

fn directory<'a>(name: &X509Name<'_>) -> Option<General<'a>> {
    Some(General::new(Kind::Directory, name::canonical(name)?))
}

/// The names of a certificate with this subject and this value of subjectAltName. None if OpenSSL could not check one of
/// them either.
pub fn presented<'a>(
    subject: &'a X509Name<'a>,
    alternatives: Option<&'a [u8]>,
    is_leaf: bool,
) -> Option<Vec<General<'a>>> {
    let mut names = match alternatives {
        Some(value) => {
            let elements = elements(sequence(value)?)?;
            let names = elements.iter().map(General::of);
            names.collect::<Option<Vec<_>>>()?
        }
        None => Vec::new(),
    };
    let common = match is_leaf {
        true => common_names(subject, &names)?,
        false => Vec::new(),
    };
    names.extend(common);
    if subject.iter_rdn().next().is_some() {
        names.push(directory(subject)?);
    }
    for attribute in of_type(subject, EMAIL_ADDRESS) {
        let value = attribute.attr_value();
        let is_text = value.tag() == Tag::Ia5String;
        names.push(is_text.then(|| General::new(Kind::Email, value.data))?);
    }
    Some(names)
}

fn of_type<'n>(
    subject: &'n X509Name<'n>,
    wanted: Oid<'static>,
) -> impl Iterator<Item = &'n AttributeTypeAndValue<'n>> {
    let attributes = subject.iter_attributes();
    attributes.filter(move |attribute| *attribute.attr_type() == wanted)
}

/// The common names as host names and IP addresses. libpq compares them if there is no alternative name of the host's kind.
fn common_names<'a>(subject: &X509Name<'_>, names: &[General<'_>]) -> Option<Vec<General<'a>>> {
    let has = |kind| names.iter().any(|name| name.kind == kind);
    let (has_hosts, has_addresses) = (has(Kind::Dns), has(Kind::Address));
    let mut found = Vec::new();
    for attribute in of_type(subject, COMMON_NAME) {
        if has_hosts && has_addresses {
            break;
        }
        let text = name::text_of(attribute.attr_value())?;
        // OpenSSL: ignores NULs at the end, and refuses other NULs.
        let text = text.trim_end_matches('\0');
        if !has_hosts && text.contains('\0') {
            return None;
        }
        if !has_hosts && let Some(host) = host(text) {
            found.push(General::new(Kind::Dns, host.as_bytes().to_vec()));
        }
        if !has_addresses && let Ok(address) = text.parse::<IpAddr>() {
            let bytes = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            found.push(General::new(Kind::Address, bytes));
        }
    }
    Some(found)
}

/// The common name if it can be a host name. As in OpenSSL, a host name has at least two labels and no space. It may have
/// wildcards, a final dot and non-ASCII characters, because libpq compares such names, too.
fn host(text: &str) -> Option<&str> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let is_letter = |letter: char| {
        letter.is_ascii_alphanumeric() || "_-.*".contains(letter) || !letter.is_ascii()
    };
    (text.contains('.') && text.chars().all(is_letter)).then_some(text)
}
