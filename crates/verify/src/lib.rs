//! Verification of servers' certificates, and the cryptography of TLS, for libpq-oxide and goaway-proxy.
//!
//! [`Trust`] decides whether a certificate chain leads to a root that is trusted: webpki looks for a path first, and [`chain`] where that finds none, after the rules of RFC 5280: `WIDER.md` lists what it
//! takes that webpki does not. Either path must keep to all of [`path`], which is what OpenSSL asks of one, and stricter in
//! places; revocation lists are judged there alone.

pub mod algorithms;
mod budget;
mod certificate;
mod chain;
mod constraints;
mod der;
mod form;
mod name;
pub mod names;
pub mod outline;
mod path;
pub mod pem;
mod points;
pub mod provider;
pub mod pss;
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
    /// Not a certificate, or of a form that is not accepted.
    Malformed,
    UnknownIssuer,
    Expired,
    NotYetValid,
    Revoked,
    /// There is no usable revocation list for a certificate in the chain.
    NoRevocationList,
    BadSignature,
    /// Not meant for what it is used for.
    WrongPurpose,
    /// The chain is too long, or it takes too much work.
    TooComplex,
}

/// What is trusted: root certificates, and revocation lists for all that they issue.
#[derive(Debug)]
pub struct Trust {
    certificates: Vec<CertificateDer<'static>>,
    /// Those that can issue others, as webpki takes them.
    anchors: Vec<TrustAnchor<'static>>,
    lists: Option<Vec<CertificateRevocationListDer<'static>>>,
}

impl Trust {
    /// Trusts those of `certificates` that issued themselves; the others may stand between them and a server's.
    /// With `lists`, no certificate is accepted that they do not speak for.
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

    /// Judges the server's own certificate, with others that it sent.
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
        // webpki knows authorities only; not a server's certificate that is trusted for itself.
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
            // What these refuse is refused again by the search that follows, which tells why.
            Some(&|path| self.check(path, rules).map_err(|_| Error::UnknownIssuer)),
        )?;
        Ok(())
    }

    /// Judges a path that webpki has found, and whose signatures it has checked.
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

/// Whether `der` can be the root of a chain now.
fn is_anchor(der: &CertificateDer<'_>, now: UnixTime) -> bool {
    Certificate::parse(der).is_ok_and(|certificate| {
        certificate.ends_path() && certificate.may_be_root() && certificate.check_dates(now).is_ok()
    })
}

/// webpki gave up looking.
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
