//! One certificate, with the extensions that restrict its use.

use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::Any;
use x509_parser::der_parser::asn1_rs::Oid;
use x509_parser::der_parser::oid;
use x509_parser::extensions::{
    AuthorityKeyIdentifier, ExtendedKeyUsage, GeneralName, KeyUsage, ParsedExtension, X509Extension,
};
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::{X509Name, X509Version};

use super::constraints::Constraints;
use super::name::{self, Form, Name};
use super::points::{self, Point};
use super::{Refusal, form, signature};

const NAME_CONSTRAINTS: Oid<'static> = oid!(2.5.29.30);
const DISTRIBUTION_POINTS: Oid<'static> = oid!(2.5.29.31);
/// RFC 3820: OpenSSL refuses proxy certificates by default.
const PROXY: Oid<'static> = oid!(1.3.6.1.5.5.7.1.14);
/// RFC 6960: OCSP need not be used to check this certificate. This library does not use OCSP.
const OCSP_NO_CHECK: Oid<'static> = oid!(1.3.6.1.5.5.7.48.1.5);
/// RFC 3779: IP address blocks and AS numbers.
const RESOURCES: [Oid<'static>; 2] = [oid!(1.3.6.1.5.5.7.1.7), oid!(1.3.6.1.5.5.7.1.8)];
/// Server Gated Cryptography of Netscape and Microsoft. OpenSSL: permits TLS servers.
const SERVER_GATED: [Oid<'static>; 2] = [oid!(2.16.840.1.113730.4.1), oid!(1.3.6.1.4.1.311.10.3.3)];

/// The hash of the subject's name with which OpenSSL finds a certificate in a directory.
pub fn subject_hash(certificate: &CertificateDer<'_>) -> Option<u32> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    name::hash(certificate.subject())
}

/// A parsed certificate without unknown critical extensions.
pub struct Certificate<'a> {
    der: &'a [u8],
    inner: X509Certificate<'a>,
    subject_form: Form,
    issuer_form: Form,
    /// basicConstraints: whether this is a CA, and the path length limit.
    basic: Option<(bool, Option<u32>)>,
    key_usage: Option<KeyUsage>,
    /// extKeyUsage: whether it permits TLS servers.
    serves: Option<bool>,
    /// nsCertType: whether it permits TLS servers.
    ns_serves: Option<bool>,
    constraints: Option<Constraints<'a>>,
    alternatives: Option<&'a [u8]>,
    points: Vec<Point<'a>>,
}

impl<'a> Certificate<'a> {
    pub fn parse(der: &'a [u8]) -> Result<Certificate<'a>, Refusal> {
        let (rest, inner) = X509Certificate::from_der(der).map_err(|_| Refusal::Malformed)?;
        // RFC 5280, 4.1.1.2: the signed part names the signature's algorithm, too.
        let one_algorithm = inner.tbs_certificate.signature == inner.signature_algorithm;
        if !rest.is_empty() || !one_algorithm || !form::is_certificate(der) {
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
            ns_serves: None,
            constraints: None,
            alternatives: None,
            points: Vec::new(),
        };
        certificate.take_extensions()?;
        Ok(certificate)
    }

    fn take_extensions(&mut self) -> Result<(), Refusal> {
        let tbs = &self.inner.tbs_certificate;
        let extensions = tbs.extensions();
        // RFC 5280, 4.1.2.8: only versions 2 and 3 have unique identifiers. OpenSSL: accepts extensions in all versions.
        let has_identifiers = tbs.issuer_uid.is_some() || tbs.subject_uid.is_some();
        match tbs.version {
            X509Version::V2 | X509Version::V3 => {}
            X509Version::V1 if !has_identifiers => {}
            _ => return Err(Refusal::Malformed),
        }
        for (number, extension) in extensions.iter().enumerate() {
            // RFC 5280, 4.2: each extension occurs at most once.
            let before = extensions.get(..number).unwrap_or_default();
            if before.iter().any(|other| other.oid == extension.oid) {
                return Err(Refusal::Malformed);
            }
            if !form::is_extension(extension.oid.as_bytes(), extension.value) {
                return Err(Refusal::Malformed);
            }
            match extension.parsed_extension() {
                _ if extension.oid == NAME_CONSTRAINTS => {
                    let constraints = Constraints::parse(extension.value);
                    self.constraints = Some(constraints.ok_or(Refusal::Malformed)?);
                }
                _ if extension.oid == DISTRIBUTION_POINTS => {
                    let points = points::points(extension.value);
                    self.points = points.ok_or(Refusal::Malformed)?;
                }
                ParsedExtension::BasicConstraints(basic) => {
                    self.basic = Some((basic.ca, basic.path_len_constraint));
                }
                ParsedExtension::KeyUsage(usage) => self.key_usage = Some(*usage),
                ParsedExtension::ExtendedKeyUsage(usage) => {
                    self.serves = Some(permits_servers(usage))
                }
                ParsedExtension::NSCertType(kind) => self.ns_serves = Some(kind.ssl_server()),
                ParsedExtension::SubjectAlternativeName(_) => {
                    self.alternatives = Some(extension.value);
                }
                // libpq: requires no policies, so these extensions have no effect.
                ParsedExtension::CertificatePolicies(_)
                | ParsedExtension::PolicyMappings(_)
                | ParsedExtension::PolicyConstraints(_)
                | ParsedExtension::InhibitAnyPolicy(_) => {}
                _ if extension.oid == PROXY => return Err(Refusal::Malformed),
                // OpenSSL: refuses resources that the issuer does not have. This library does not compare them.
                _ if RESOURCES.contains(&extension.oid) => return Err(Refusal::Malformed),
                _ if extension.oid == OCSP_NO_CHECK => {}
                other => refuse_unknown(extension, other)?,
            }
        }
        Ok(())
    }

    /// RFC 5280, 4.1.2.5: both times belong to the validity period.
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

    /// RFC 5280, 4.2.1.3 and 4.2.1.12, and Netscape's nsCertType: the restrictions on a server's key must permit TLS.
    pub fn check_server(&self) -> Result<(), Refusal> {
        let usage = self.key_usage.as_ref();
        let signs = usage.is_none_or(|usage| {
            usage.digital_signature() || usage.key_encipherment() || usage.key_agreement()
        });
        match signs && self.serves != Some(false) && self.ns_serves != Some(false) {
            true => Ok(()),
            false => Err(Refusal::WrongPurpose),
        }
    }

    /// RFC 5280, 6.1.4 (k) to (n): an issuer must have basicConstraints with CA, and its path length limit must permit `below`
    /// intermediates. So a certificate of version 1 cannot be an intermediate.
    pub fn check_intermediate(&self, below: usize) -> Result<(), Refusal> {
        self.check_issuer(self.is_authority(), below)
    }

    /// Like [`Certificate::check_intermediate`], for a root that the user trusts: it may be of version 1.
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

    /// Whether this can be a root: it is of version 1, or it is a CA.
    pub fn may_be_root(&self) -> bool {
        let signs = self.key_usage.as_ref().map(KeyUsage::key_cert_sign);
        match self.basic {
            Some((is_ca, _)) => is_ca && signs != Some(false),
            None if self.inner.tbs_certificate.version == X509Version::V1 => true,
            None => signs == Some(true),
        }
    }

    /// RFC 5280, 6.3.3 (f): whether keyUsage permits signing revocation lists.
    pub fn signs_lists(&self) -> bool {
        self.key_usage.as_ref().is_none_or(KeyUsage::crl_sign)
    }

    pub fn is_self_issued(&self) -> bool {
        self.subject().is(self.issuer())
    }

    /// OpenSSL: a path ends at a certificate that is self-issued, also by its key identifiers. That certificate must be trusted;
    /// its signature is not checked.
    pub fn ends_path(&self) -> bool {
        self.is_issued_by(self)
    }

    /// Whether the names and key identifiers match. This does not check the signature.
    pub fn is_issued_by(&self, issuer: &Certificate<'_>) -> bool {
        self.issuer().is(issuer.subject()) && issuer.matches_key(self.authority_key())
    }

    /// RFC 5280, 4.2.1.1: whether `key` can identify this certificate's key. Missing parts match.
    pub fn matches_key(&self, key: Option<&AuthorityKeyIdentifier<'_>>) -> bool {
        let Some(key) = key else {
            return true;
        };
        let identifier = key.key_identifier.as_ref().map(|known| known.0);
        let same_key = match (identifier, self.subject_key()) {
            (Some(known), Some(own)) => known == own,
            _ => true,
        };
        let serial = key.authority_cert_serial;
        let names = key.authority_cert_issuer.as_deref().unwrap_or_default();
        let mut issuers = names.iter().filter_map(|name| match name {
            GeneralName::DirectoryName(name) => Some(name),
            _ => None,
        });
        let form = &Form::new();
        let same_issuer = |name| Name { name, form }.is(self.issuer());
        same_key
            && serial.is_none_or(|serial| serial == self.serial())
            && issuers.next().is_none_or(same_issuer)
    }

    fn authority_key(&self) -> Option<&AuthorityKeyIdentifier<'a>> {
        self.find(|parsed| match parsed {
            ParsedExtension::AuthorityKeyIdentifier(key) => Some(key),
            _ => None,
        })
    }

    fn subject_key(&self) -> Option<&'a [u8]> {
        self.find(|parsed| match parsed {
            ParsedExtension::SubjectKeyIdentifier(key) => Some(key.0),
            _ => None,
        })
    }

    /// Where to find the lists that cover this certificate.
    pub fn distribution_points(&self) -> &[Point<'a>] {
        &self.points
    }

    fn find<'s, T>(&'s self, wanted: impl Fn(&'s ParsedExtension<'a>) -> Option<T>) -> Option<T> {
        let extensions = self.inner.tbs_certificate.extensions().iter();
        let mut parsed = extensions.map(|extension| extension.parsed_extension());
        parsed.find_map(wanted)
    }

    /// What this certificate adds to the path length. RFC 5280, 4.2.1.9: nothing if it is self-issued.
    pub fn path_length(&self) -> usize {
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

    /// Whether its name and key are those of `anchor`.
    pub fn is_anchor(&self, anchor: &TrustAnchor<'_>) -> bool {
        contents(self.subject().raw()) == Some(anchor.subject.as_ref())
            && contents(self.key().raw) == Some(anchor.subject_public_key_info.as_ref())
    }

    pub fn key(&self) -> &x509_parser::x509::SubjectPublicKeyInfo<'a> {
        &self.inner.tbs_certificate.subject_pki
    }

    /// Whether basicConstraints has CA. [`Certificate::check_intermediate`] decides whether it may issue certificates.
    pub fn is_authority(&self) -> bool {
        matches!(self.basic, Some((true, _)))
    }

    pub fn constraints(&self) -> Option<&Constraints<'a>> {
        self.constraints.as_ref()
    }

    /// The value of subjectAltName.
    pub fn alternatives(&self) -> Option<&'a [u8]> {
        self.alternatives
    }

    pub fn subject_name(&self) -> &X509Name<'a> {
        &self.inner.tbs_certificate.subject
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

fn permits_servers(usage: &ExtendedKeyUsage<'_>) -> bool {
    usage.server_auth
        || usage
            .other
            .iter()
            .any(|purpose| SERVER_GATED.contains(purpose))
}

/// RFC 5280, 4.2: refuses unknown critical extensions, and known extensions that are malformed.
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

/// The contents of a SEQUENCE.
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
