//! Verifies server certificates, reads certificates and keys from files, and sets up the cryptography of TLS, for libpq-oxide
//! and goaway-proxy.
//!
//! [`Trust`] decides whether a certificate chain ends at a trusted root. webpki searches for a path first. If it finds none,
//! [`chain`] searches by the rules of RFC 5280; `WIDER.md` lists what it accepts and webpki does not. Each path must then
//! pass the checks in [`path`], which are OpenSSL's and stricter in places. Only these check revocation lists.

pub mod algorithms;
mod budget;
mod certificate;
mod chain;
mod constraints;
pub mod der;
mod form;
pub mod keys;
mod name;
pub mod names;
pub mod outline;
mod path;
pub mod pem;
mod points;
pub mod provider;
pub mod pss;
mod record_header;
mod revocation;
mod rsa_keys;
pub mod signature;
pub mod signatures;
mod verifier;

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage, VerifiedPath};

use budget::Budget;
use certificate::Certificate;
pub use certificate::subject_hash;
use path::Rules;
use revocation::Lists;
pub use revocation::issuer_hash;
pub use verifier::Verifier;

/// Why a chain is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not a certificate, or a certificate with an invalid or unsupported form.
    Malformed,
    UnknownIssuer,
    Expired,
    NotYetValid,
    Revoked,
    /// A certificate in the chain has no usable revocation list.
    NoRevocationList,
    BadSignature,
    /// A certificate in the chain does not permit this use.
    WrongPurpose,
    /// The chain is too long, or verifying it takes too much work.
    TooComplex,
}

/// The trusted root certificates, and the revocation lists.
#[derive(Debug)]
pub struct Trust {
    certificates: Vec<CertificateDer<'static>>,
    /// The roots that can issue certificates, in webpki's form.
    anchors: Vec<TrustAnchor<'static>>,
    lists: Option<Vec<CertificateRevocationListDer<'static>>>,
}

impl Trust {
    /// Trusts the self-issued `certificates`; the others may be intermediates. With `lists`, every certificate of a path must
    /// be covered by one of the lists.
    pub fn new(
        certificates: Vec<CertificateDer<'static>>,
        lists: Option<Vec<CertificateRevocationListDer<'static>>>,
    ) -> Trust {
        let now = UnixTime::now();
        let anchors = certificates.iter().filter(|der| is_anchor(der, now));
        let anchors = anchors.filter_map(|der| webpki::anchor_from_trusted_cert(der).ok());
        Trust {
            anchors: anchors.map(|anchor| anchor.to_owned()).collect(),
            certificates,
            lists,
        }
    }

    /// Verifies the server's own certificate. `others` are the further certificates that the server sent.
    pub fn verify(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let lists = self.lists.as_deref().map(Lists::parse).transpose()?;
        let rules = Rules {
            lists,
            now,
            budget: Budget::new(),
        };
        // webpki's roots are authorities only. It cannot trust a server's certificate directly.
        if !self.certificates.contains(own) {
            match self.verify_with_webpki(own, others, &rules) {
                Ok(()) => return Ok(()),
                Err(error) if is_limit(&error) => return Err(Refusal::TooComplex),
                Err(_) => {}
            }
        }
        chain::verify(own, others, &self.certificates, &rules)
    }

    fn verify_with_webpki(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        rules: &Rules<'_>,
    ) -> Result<(), Error> {
        let own = EndEntityCert::try_from(own)?;
        let between: Vec<_> = others.iter().chain(&self.certificates).cloned().collect();
        own.verify_for_usage(
            algorithms::ALGORITHMS,
            &self.anchors,
            &between,
            rules.now,
            KeyUsage::server_auth(),
            None,
            // If these checks refuse a path, the second search refuses it again, with the reason.
            Some(&|path| self.check(path, rules).map_err(|_| Error::UnknownIssuer)),
        )?;
        Ok(())
    }

    /// Checks a path that webpki has found. webpki has checked its signatures.
    fn check(&self, found: &VerifiedPath<'_>, rules: &Rules<'_>) -> Result<(), Refusal> {
        let own = found.end_entity().der();
        let between: Vec<_> = found
            .intermediate_certificates()
            .map(|known| known.der())
            .collect();
        let ders = std::iter::once(own.as_ref()).chain(between.iter().map(|der| der.as_ref()));
        let path = ders
            .map(Certificate::parse)
            .collect::<Result<Vec<_>, _>>()?;
        let known = self.certificates.iter();
        let known = known.filter_map(|der| Certificate::parse(der).ok());
        let mut refusal = Refusal::UnknownIssuer;
        for root in known.filter(|root| root.is_anchor(found.anchor())) {
            let whole: Vec<_> = path.iter().chain([&root]).collect();
            match rules.check(&whole) {
                Ok(()) => return Ok(()),
                Err(other) => refusal = other,
            }
        }
        Err(refusal)
    }
}

/// Whether `der` can be a root at this time.
fn is_anchor(der: &CertificateDer<'_>, now: UnixTime) -> bool {
    Certificate::parse(der).is_ok_and(|certificate| {
        certificate.ends_path() && certificate.may_be_root() && certificate.check_dates(now).is_ok()
    })
}

/// Whether webpki has reached one of its limits.
fn is_limit(error: &Error) -> bool {
    matches!(
        error,
        Error::MaximumPathBuildCallsExceeded
            | Error::MaximumSignatureChecksExceeded
            | Error::MaximumNameConstraintComparisonsExceeded
    )
}

#[cfg(test)]
mod tests;
