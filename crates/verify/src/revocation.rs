//! Revocation lists of versions 1 and 2 (RFC 5280, 5 and 6.3): complete lists, and lists for some certificates only.

mod scope;

use rustls::pki_types::{CertificateRevocationListDer, UnixTime};
use x509_parser::der_parser::asn1_rs::Oid;
use x509_parser::der_parser::oid;
use x509_parser::extensions::{AuthorityKeyIdentifier, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::budget::Budget;
use super::certificate::{Certificate, is_after, is_before, refuse_unknown};
use super::name::{self, Form, Name};
use super::points::{self, Scope};
use super::signature::Signed;
use super::{Refusal, form};

const ISSUING_POINT: Oid<'static> = oid!(2.5.29.28);
const DELTA: Oid<'static> = oid!(2.5.29.27);

/// The hash of the issuer's name by which OpenSSL finds a list in a directory.
pub fn issuer_hash(list: &CertificateRevocationListDer<'_>) -> Option<u32> {
    let (_, list) = CertificateRevocationList::from_der(list).ok()?;
    name::hash(&list.tbs_cert_list.issuer)
}

pub struct Lists<'a>(Vec<List<'a>>);

struct List<'a> {
    inner: CertificateRevocationList<'a>,
    /// The list has no unknown critical part.
    is_understood: bool,
}

impl<'a> Lists<'a> {
    /// Parses the lists. Fails if one of them is malformed.
    pub fn parse(ders: &'a [CertificateRevocationListDer<'_>]) -> Result<Lists<'a>, Refusal> {
        let lists = ders.iter().map(|der| List::parse(der.as_ref()));
        lists.collect::<Result<_, _>>().map(Lists)
    }

    /// Looks up `certificate` in its issuer's lists. At least one list must be valid now and cover the certificate.
    pub fn check(
        &self,
        certificate: &Certificate<'_>,
        issuer: &Certificate<'_>,
        now: UnixTime,
        budget: &Budget,
    ) -> Result<(), Refusal> {
        let mut good = false;
        let issued_by = certificate.issuer();
        for list in self.0.iter().filter(|list| list.is_of(issued_by)) {
            // Fail if one of the issuer's lists has unknown critical parts: it may revoke the certificate.
            let scope = list.scope()?;
            let tbs = &list.inner.tbs_cert_list;
            if !scope::includes(scope.as_ref(), &tbs.issuer, certificate) {
                continue;
            }
            budget.spend_signature()?;
            if !list.is_good(issuer, now) {
                continue;
            }
            good = true;
            let mut revoked = tbs.revoked_certificates.iter();
            if revoked.any(|entry| entry.raw_serial() == certificate.serial()) {
                return Err(Refusal::Revoked);
            }
        }
        match good {
            true => Ok(()),
            false => Err(Refusal::NoRevocationList),
        }
    }
}

impl<'a> List<'a> {
    fn parse(der: &'a [u8]) -> Result<List<'a>, Refusal> {
        let parsed = CertificateRevocationList::from_der(der);
        let (rest, inner) = parsed.map_err(|_| Refusal::Malformed)?;
        let tbs = &inner.tbs_cert_list;
        // RFC 5280, 5.1.1.2: the signed part names the signature's algorithm, too.
        let one_algorithm = tbs.signature == inner.signature_algorithm;
        if !rest.is_empty() || !one_algorithm || !form::is_list(der) {
            return Err(Refusal::Malformed);
        }
        Ok(List {
            is_understood: is_understood(&inner),
            inner,
        })
    }

    fn is_of(&self, issuer: Name<'_, '_>) -> bool {
        let name = Name {
            name: &self.inner.tbs_cert_list.issuer,
            form: &Form::new(),
        };
        name.is(issuer)
    }

    /// The certificates that the list covers; None for a complete list.
    fn scope(&self) -> Result<Option<Scope<'_>>, Refusal> {
        if !self.is_understood {
            return Err(Refusal::Malformed);
        }
        let mut extensions = self.inner.extensions().iter();
        let found = extensions.find(|extension| extension.oid == ISSUING_POINT);
        let scope = found.map(|extension| points::scope(extension.value));
        scope
            .map(|scope| scope.ok_or(Refusal::Malformed))
            .transpose()
    }

    fn is_good(&self, issuer: &Certificate<'_>, now: UnixTime) -> bool {
        let tbs = &self.inner.tbs_cert_list;
        let signed = Signed {
            algorithm: &self.inner.signature_algorithm,
            message: tbs.as_ref(),
            signature: &self.inner.signature_value,
        };
        // RFC 5280, 5.1.2.4 and 5.1.2.5. Lists of version 1 may have no nextUpdate.
        let current = !is_after(&tbs.this_update, now)
            && tbs.next_update.is_none_or(|next| !is_before(&next, now));
        current
            && issuer.signs_lists()
            && issuer.matches_key(self.key())
            && signed.verify(issuer.key()).is_ok()
    }

    /// The identifier of the key that signed the list.
    fn key(&self) -> Option<&AuthorityKeyIdentifier<'_>> {
        let extensions = self.inner.extensions().iter();
        let mut parsed = extensions.map(|extension| extension.parsed_extension());
        parsed.find_map(|parsed| match parsed {
            ParsedExtension::AuthorityKeyIdentifier(key) => Some(key),
            _ => None,
        })
    }
}

/// RFC 5280, 5.2 and 5.3: every critical extension of the list and of its entries must be known. This also refuses indirect
/// lists and delta lists, whose extensions are critical.
fn is_understood(list: &CertificateRevocationList<'_>) -> bool {
    let extensions = list.extensions();
    let mut numbered = extensions.iter().enumerate();
    let known = numbered.all(|(number, extension)| {
        let before = extensions.get(..number).unwrap_or_default();
        let is_new = before.iter().all(|other| other.oid != extension.oid);
        let parsed = extension.parsed_extension();
        let is_known = extension.oid == ISSUING_POINT || refuse_unknown(extension, parsed).is_ok();
        let has_form = form::is_extension(extension.oid.as_bytes(), extension.value);
        is_new && is_known && has_form && extension.oid != DELTA
    });
    let entries = list.tbs_cert_list.revoked_certificates.iter();
    let mut extensions = entries.flat_map(|entry| entry.extensions());
    known && !extensions.any(|extension| extension.critical)
}
