//! The extensions cRLDistributionPoints of certificates (RFC 5280, 4.2.1.13) and issuingDistributionPoint of lists (5.2.5).

use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::der::{Element, SEQUENCE, elements, sequence};
use super::{form, name};

const DIRECTORY_NAME: u8 = 0xa4;

/// A DistributionPointName.
#[derive(Debug)]
pub enum Place<'a> {
    /// GeneralNames.
    Full(Vec<Element<'a>>),
    /// The contents of a RelativeDistinguishedName, which is appended to the issuer's name.
    Relative(&'a [u8]),
}

/// A DistributionPoint of a certificate.
#[derive(Debug)]
pub struct Point<'a> {
    pub place: Option<Place<'a>>,
    /// The lists at this point cover all revocation reasons.
    pub all_reasons: bool,
    /// The issuer of the lists; if this is empty, it is the certificate's issuer.
    pub issuer: Vec<Element<'a>>,
}

/// The scope of a list.
#[derive(Debug, Default)]
pub struct Scope<'a> {
    pub place: Option<Place<'a>>,
    pub users_only: bool,
    pub authorities_only: bool,
    /// The list is limited to some reasons or to attribute certificates, or it is indirect.
    pub is_special: bool,
}

/// Parses the value of cRLDistributionPoints; None if it is malformed.
pub fn points(value: &[u8]) -> Option<Vec<Point<'_>>> {
    let points = elements(sequence(value)?)?;
    points.iter().map(point).collect()
}

fn point<'a>(element: &Element<'a>) -> Option<Point<'a>> {
    let mut point = Point {
        place: None,
        all_reasons: true,
        issuer: Vec::new(),
    };
    let parts = elements(element.of(SEQUENCE)?)?;
    form::in_order(&parts, |_| Some(()))?;
    for part in parts {
        match part.tag {
            0xa0 => point.place = Some(place(part.data)?),
            0x81 => point.all_reasons = has_all_reasons(part.data)?,
            0xa2 => point.issuer = names(part.data)?,
            _ => return None,
        }
    }
    // RFC 5280: a point must not consist of reasons alone.
    (point.place.is_some() || !point.issuer.is_empty()).then_some(point)
}

/// Parses the value of issuingDistributionPoint; None if it is malformed.
pub fn scope(value: &[u8]) -> Option<Scope<'_>> {
    let mut scope = Scope::default();
    let parts = elements(sequence(value)?)?;
    form::in_order(&parts, |_| Some(()))?;
    for part in parts {
        match part.tag {
            0xa0 => scope.place = Some(place(part.data)?),
            0x81 => scope.users_only = boolean(part.data)?,
            0x82 => scope.authorities_only = boolean(part.data)?,
            0x83 => {
                form::bits(part.data)?;
                scope.is_special = true;
            }
            0x84 | 0x85 => scope.is_special |= boolean(part.data)?,
            _ => return None,
        }
    }
    Some(scope)
}

fn place(der: &[u8]) -> Option<Place<'_>> {
    let choice = elements(der)?;
    let [choice] = &choice[..] else {
        return None;
    };
    match choice.tag {
        0xa0 => Some(Place::Full(names(choice.data)?)),
        0xa1 => form::attributes(choice.data).map(|()| Place::Relative(choice.data)),
        _ => None,
    }
}

/// The contents of GeneralNames.
fn names(contents: &[u8]) -> Option<Vec<Element<'_>>> {
    elements(contents).filter(|names| names.iter().all(form::is_general))
}

fn boolean(contents: &[u8]) -> Option<bool> {
    match contents {
        [byte] => Some(*byte != 0),
        _ => None,
    }
}

/// Whether all defined bits, 1 to 8, are set; None if the BIT STRING is malformed.
fn has_all_reasons(bits: &[u8]) -> Option<bool> {
    form::bits(bits)?;
    let all = matches!(bits, [_, first, second, ..] if first & 0x7f == 0x7f && second & 0x80 != 0);
    Some(all)
}

impl Place<'_> {
    /// Whether both name the same point, for lists of `issuer`.
    pub fn matches(&self, other: &Place<'_>, issuer: &X509Name<'_>) -> bool {
        match (self, other) {
            (Place::Full(names), Place::Full(others)) => {
                names.iter().any(|name| is_among(name, others))
            }
            (Place::Full(names), Place::Relative(last))
            | (Place::Relative(last), Place::Full(names)) => {
                let whole = name::canonical_with(issuer, last);
                whole.is_some() && names.iter().any(|name| directory(name) == whole)
            }
            (Place::Relative(last), Place::Relative(other)) => {
                let whole = name::canonical_with(issuer, last);
                whole.is_some() && whole == name::canonical_with(issuer, other)
            }
        }
    }
}

impl Point<'_> {
    /// Whether this point has lists of `issuer`, the certificate's issuer.
    pub fn is_of(&self, issuer: &X509Name<'_>) -> bool {
        let own = name::canonical(issuer);
        let is_own = |name| own.is_some() && directory(name) == own;
        self.issuer.is_empty() || self.issuer.iter().any(is_own)
    }
}

fn is_among(name: &Element<'_>, others: &[Element<'_>]) -> bool {
    match directory(name) {
        Some(form) => others
            .iter()
            .any(|other| directory(other).as_ref() == Some(&form)),
        None => others
            .iter()
            .any(|other| other.tag == name.tag && other.data == name.data),
    }
}

/// The canonical form of a directory name.
fn directory(name: &Element<'_>) -> Option<Vec<u8>> {
    let (_, name) = X509Name::from_der(name.of(DIRECTORY_NAME)?).ok()?;
    name::canonical(&name)
}
