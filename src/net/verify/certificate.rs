//! One certificate, with what decides about its use.

use rustls::pki_types::{TrustAnchor, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::Any;
use x509_parser::extensions::{KeyUsage, ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Version;

use super::name::{Form, Name};
use super::{Refusal, signature};

/// A certificate of version 1, or of version 3 with no extension that would have to be understood and is not.
pub struct Certificate<'a> {
    der: &'a [u8],
    inner: X509Certificate<'a>,
    subject_form: Form,
    issuer_form: Form,
    /// basicConstraints: whether it says CA, and how many intermediates may follow.
    basic: Option<(bool, Option<u32>)>,
    key_usage: Option<KeyUsage>,
    /// extKeyUsage: whether it permits authenticating servers.
    serves: Option<bool>,
    /// nameConstraints: whether it restricts the names of what it issues.
    pub constrains_names: bool,
}

impl<'a> Certificate<'a> {
    pub fn parse(der: &'a [u8]) -> Result<Certificate<'a>, Refusal> {
        let (rest, inner) = X509Certificate::from_der(der).map_err(|_| Refusal::Malformed)?;
        // RFC 5280, 4.1.1.2: the algorithm inside what is signed is that of the signature.
        let one_algorithm = inner.tbs_certificate.signature == inner.signature_algorithm;
        if !rest.is_empty() || !one_algorithm {
            return Err(Refusal::Malformed);
        }
        let mut certificate = Certificate {
            der,
            inner,
            subject_form: Form::new(),
            issuer_form: Form::new(),
            basic: None,
            key_usage: None,
            serves: None,
            constrains_names: false,
        };
        certificate.take_extensions()?;
        Ok(certificate)
    }

    fn take_extensions(&mut self) -> Result<(), Refusal> {
        let tbs = &self.inner.tbs_certificate;
        let extensions = tbs.extensions();
        match tbs.version {
            X509Version::V3 => {}
            // RFC 5280, 4.1.2.9: only version 3 has extensions; 4.1.2.8: only 2 and 3 have unique identifiers.
            X509Version::V1
                if extensions.is_empty()
                    && tbs.issuer_uid.is_none()
                    && tbs.subject_uid.is_none() => {}
            _ => return Err(Refusal::Malformed),
        }
        for (number, extension) in extensions.iter().enumerate() {
            // RFC 5280, 4.2: no extension stands twice.
            let before = extensions.get(..number).unwrap_or_default();
            if before.iter().any(|other| other.oid == extension.oid) {
                return Err(Refusal::Malformed);
            }
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(basic) => {
                    self.basic = Some((basic.ca, basic.path_len_constraint));
                }
                ParsedExtension::KeyUsage(usage) => self.key_usage = Some(*usage),
                ParsedExtension::ExtendedKeyUsage(usage) => self.serves = Some(usage.server_auth),
                ParsedExtension::NameConstraints(_) => self.constrains_names = true,
                ParsedExtension::SubjectAlternativeName(_) => {}
                other => refuse_unknown(extension, other)?,
            }
        }
        Ok(())
    }

    /// RFC 5280, 4.1.2.5: valid from the first to the last second, both included.
    pub fn check_dates(&self, now: UnixTime) -> Result<(), Refusal> {
        let validity = &self.inner.tbs_certificate.validity;
        if is_after(&validity.not_before, now) {
            return Err(Refusal::NotYetValid);
        }
        match is_before(&validity.not_after, now) {
            true => Err(Refusal::Expired),
            false => Ok(()),
        }
    }

    /// RFC 5280, 4.2.1.3 and 4.2.1.12: where the usage of a server's key is restricted, TLS must be among it.
    pub fn check_server(&self) -> Result<(), Refusal> {
        let usage = self.key_usage.as_ref();
        let signs = usage.is_none_or(|usage| {
            usage.digital_signature() || usage.key_encipherment() || usage.key_agreement()
        });
        match signs && self.serves != Some(false) {
            true => Ok(()),
            false => Err(Refusal::WrongPurpose),
        }
    }

    /// RFC 5280, 6.1.4 (k) to (n): who issues must be a CA by its own words, `below` intermediates below it
    /// included, and so never a certificate of version 1.
    pub fn check_intermediate(&self, below: usize) -> Result<(), Refusal> {
        let is_ca = matches!(self.basic, Some((true, _)));
        self.check_issuer(is_ca, below)
    }

    /// As [`Certificate::check_intermediate`] for a root that the user trusts: its age is no objection.
    pub fn check_root(&self, below: usize) -> Result<(), Refusal> {
        self.check_issuer(self.may_be_root(), below)
    }

    fn check_issuer(&self, is_ca: bool, below: usize) -> Result<(), Refusal> {
        let limit = self.basic.and_then(|(_, limit)| limit);
        // RFC 5280, 4.2.1.9
        let short = limit.is_none_or(|limit| below <= limit as usize);
        let usage = self.key_usage.as_ref();
        let signs = usage.is_none_or(KeyUsage::key_cert_sign);
        match is_ca && short && signs && self.serves != Some(false) {
            true => Ok(()),
            false => Err(Refusal::WrongPurpose),
        }
    }

    /// Whether a root may be of this form: version 1, or a CA of version 3.
    pub fn may_be_root(&self) -> bool {
        let signs = self.key_usage.as_ref().map(KeyUsage::key_cert_sign);
        match self.basic {
            Some((is_ca, _)) => is_ca && signs != Some(false),
            None if self.inner.tbs_certificate.version == X509Version::V1 => true,
            None => signs == Some(true),
        }
    }

    /// RFC 5280, 6.3.3 (f): whether it may sign revocation lists.
    pub fn signs_lists(&self) -> bool {
        self.key_usage.as_ref().is_none_or(KeyUsage::crl_sign)
    }

    pub fn is_self_issued(&self) -> bool {
        self.subject().is(self.issuer())
    }

    pub fn is_issued_by(&self, issuer: &Certificate<'_>) -> bool {
        self.issuer().is(issuer.subject())
    }

    /// How many intermediates it counts for in the limits of those above. RFC 5280, 4.2.1.9: none if it issued itself.
    pub fn lengthens_path(&self) -> usize {
        usize::from(!self.is_self_issued())
    }

    pub fn is_signed_by(&self, issuer: &Certificate<'_>) -> Result<(), Refusal> {
        let signed = signature::Signed {
            algorithm: &self.inner.signature_algorithm,
            message: self.inner.tbs_certificate.as_ref(),
            signature: &self.inner.signature_value,
        };
        signed.verify(issuer.key())
    }

    /// Whether it is the certificate of this name and key, DER of an `anchor`'s.
    pub fn is_anchor(&self, anchor: &TrustAnchor<'_>) -> bool {
        contents(self.subject().raw()) == Some(anchor.subject.as_ref())
            && contents(self.key().raw) == Some(anchor.subject_public_key_info.as_ref())
    }

    pub fn key(&self) -> &x509_parser::x509::SubjectPublicKeyInfo<'a> {
        &self.inner.tbs_certificate.subject_pki
    }

    pub fn der(&self) -> &'a [u8] {
        self.der
    }

    fn subject(&self) -> Name<'_, 'a> {
        Name {
            name: &self.inner.tbs_certificate.subject,
            form: &self.subject_form,
        }
    }

    pub fn issuer(&self) -> Name<'_, 'a> {
        Name {
            name: &self.inner.tbs_certificate.issuer,
            form: &self.issuer_form,
        }
    }

    pub fn serial(&self) -> &[u8] {
        self.inner.tbs_certificate.raw_serial()
    }
}

/// RFC 5280, 4.2: what is critical and not understood, or understood and not readable, is refused.
pub fn refuse_unknown(
    extension: &X509Extension<'_>,
    parsed: &ParsedExtension<'_>,
) -> Result<(), Refusal> {
    let unreadable = matches!(
        parsed,
        ParsedExtension::ParseError { .. } | ParsedExtension::Unparsed
    );
    match extension.critical || unreadable {
        true => Err(Refusal::Malformed),
        false => Ok(()),
    }
}

/// What is inside a SEQUENCE.
fn contents(der: &[u8]) -> Option<&[u8]> {
    let (_, sequence) = Any::from_der(der).ok()?;
    Some(sequence.data)
}

pub fn is_before(time: &ASN1Time, now: UnixTime) -> bool {
    i128::from(time.timestamp()) < i128::from(now.as_secs())
}

pub fn is_after(time: &ASN1Time, now: UnixTime) -> bool {
    i128::from(time.timestamp()) > i128::from(now.as_secs())
}
