//! Where lists are to be found (RFC 5280, 4.2.1.13), and which of them a list is (5.2.5).

use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::der::{Element, SEQUENCE, elements, sequence};
use super::name;

const DIRECTORY_NAME: u8 = 0xa4;

/// A place of lists.
#[derive(Debug)]
pub enum Place<'a> {
    /// Its GeneralNames.
    Full(Vec<Element<'a>>),
    /// What is to be added to the issuer's name: the contents of a RelativeDistinguishedName.
    Relative(&'a [u8]),
}

/// One of a certificate's places.
#[derive(Debug)]
pub struct Point<'a> {
    pub place: Option<Place<'a>>,
    /// Lists there tell of certificates that are revoked for any reason.
    pub all_reasons: bool,
    /// Whose lists they are; where it is empty, the certificate's issuer's.
    pub issuer: Vec<Element<'a>>,
}

/// What a list is for.
#[derive(Debug, Default)]
pub struct Scope<'a> {
    pub place: Option<Place<'a>>,
    pub users_only: bool,
    pub authorities_only: bool,
    /// It is for some reasons, for certificates of others, or for attribute certificates.
    pub is_special: bool,
}

/// The value of cRLDistributionPoints; None if it is none.
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
    for part in elements(element.of(SEQUENCE)?)? {
        match part.tag {
            0xa0 => point.place = Some(place(part.data)?),
            0x81 => point.all_reasons = has_all_reasons(part.data),
            0xa2 => point.issuer = elements(part.data)?,
            _ => return None,
        }
    }
    // RFC 5280: reasons alone are no point.
    (point.place.is_some() || !point.issuer.is_empty()).then_some(point)
}

/// The value of issuingDistributionPoint; None if it is none.
pub fn scope(value: &[u8]) -> Option<Scope<'_>> {
    let mut scope = Scope::default();
    for part in elements(sequence(value)?)? {
        match part.tag {
            0xa0 => scope.place = Some(place(part.data)?),
            0x81 => scope.users_only = truth(part.data)?,
            0x82 => scope.authorities_only = truth(part.data)?,
            0x83 => scope.is_special = true,
            0x84 | 0x85 => scope.is_special |= truth(part.data)?,
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
        0xa0 => Some(Place::Full(elements(choice.data)?)),
        0xa1 => Some(Place::Relative(choice.data)),
        _ => None,
    }
}

fn truth(contents: &[u8]) -> Option<bool> {
    match contents {
        [byte] => Some(*byte != 0),
        _ => None,
    }
}

/// Whether the bits 1 to 8 are set, which are all that are defined.
fn has_all_reasons(bits: &[u8]) -> bool {
    matches!(bits, [_, first, second, ..] if first & 0x7f == 0x7f && second & 0x80 != 0)
}

impl Place<'_> {
    /// Whether both are one place, of lists of `issuer`.
    pub fn is(&self, other: &Place<'_>, issuer: &X509Name<'_>) -> bool {
        match (self, other) {
            (Place::Full(names), Place::Full(others)) => {
                names.iter().any(|name| is_among(name, others))
            }
            (Place::Full(names), Place::Relative(last))
            | (Place::Relative(last), Place::Full(names)) => {
                let whole = name::below(issuer, last);
                whole.is_some() && names.iter().any(|name| directory(name) == whole)
            }
            (Place::Relative(last), Place::Relative(other)) => {
                let whole = name::below(issuer, last);
                whole.is_some() && whole == name::below(issuer, other)
            }
        }
    }
}

impl Point<'_> {
    /// Whether lists of `issuer` are to be found there, which issued the certificate.
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

/// The form in which a directory name is compared.
fn directory(name: &Element<'_>) -> Option<Vec<u8>> {
    let (_, name) = X509Name::from_der(name.of(DIRECTORY_NAME)?).ok()?;
    name::canonical(&name)
}
