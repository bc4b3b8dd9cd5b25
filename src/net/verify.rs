//! Whether a server's certificate chain leads to a root that is trusted.
//!
//! webpki judges first. What it refuses for its version or form alone (certificates and revocation lists of
//! X.509 version 1, RSA-PSS keys, a root that is its own server's certificate), or because it compares names byte by byte
//! and counts authorities that issued themselves, is judged by [`chain`], after the rules of RFC 5280.

mod certificate;
mod chain;
mod name;
pub mod pss;
mod revocation;
pub mod signature;

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, KeyUsage, OwnedCertRevocationList,
    RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};

use certificate::Certificate;
pub use revocation::issuer_hash;

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
    revocation: Option<Revocation>,
}

#[derive(Debug)]
struct Revocation {
    lists: Vec<CertificateRevocationListDer<'static>>,
    /// The same as webpki takes them; None when it does not take one of them.
    parsed: Option<Vec<CertRevocationList<'static>>>,
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
            revocation: lists.map(Revocation::new),
        }
    }

    /// Judges the server's own certificate, with others that it sent.
    pub fn verify(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let verdict = match self.certificates.contains(own) {
            // webpki knows authorities only; here is a server's certificate that is trusted for itself.
            true => Err(Verdict::Form),
            false => self.verify_with_webpki(own, others, now),
        };
        match verdict {
            Ok(()) => Ok(()),
            Err(Verdict::Final(refusal)) => Err(refusal),
            Err(Verdict::Form) => {
                let lists = self.revocation.as_ref().map(|known| known.lists.as_slice());
                chain::verify(own, others, &self.certificates, lists, now)
            }
        }
    }

    fn verify_with_webpki(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Verdict> {
        let parsed = match &self.revocation {
            Some(revocation) => Some(revocation.parsed.as_ref().ok_or(Verdict::Form)?),
            None => None,
        };
        let lists: Vec<&CertRevocationList<'_>> = parsed.into_iter().flatten().collect();
        let options = RevocationOptionsBuilder::new(&lists).ok().map(|builder| {
            builder
                .with_depth(RevocationCheckDepth::Chain)
                .with_status_policy(UnknownStatusPolicy::Deny)
                .with_expiration_policy(ExpirationPolicy::Enforce)
                .build()
        });
        if self.revocation.is_some() && options.is_none() {
            return Err(Verdict::Final(Refusal::NoRevocationList));
        }
        let own = EndEntityCert::try_from(own)?;
        let between: Vec<_> = others.iter().chain(&self.certificates).cloned().collect();
        let usage = KeyUsage::server_auth();
        let algorithms = signature::ALGORITHMS;
        own.verify_for_usage(
            algorithms,
            &self.anchors,
            &between,
            now,
            usage,
            options,
            Some(&|path| self.check_uses(path)),
        )?;
        Ok(())
    }

    /// What webpki leaves out and OpenSSL does not: keyUsage (RFC 5280, 6.1.4 (n) and 6.3.3 (f)), and what the root says of
    /// itself.
    fn check_uses(&self, path: &VerifiedPath<'_>) -> Result<(), Error> {
        let own = path.end_entity().der();
        Certificate::parse(&own)?.check_server()?;
        let mut below = 0;
        for between in path.intermediate_certificates() {
            let der = between.der();
            let between = Certificate::parse(&der)?;
            between.check_intermediate(below)?;
            below += between.lengthens_path();
        }
        let known = self.certificates.iter();
        let mut roots = known.filter_map(|der| Certificate::parse(der).ok());
        let signs_lists = |root: &Certificate<'_>| self.revocation.is_none() || root.signs_lists();
        let fits = roots.any(|root| {
            root.is_anchor(path.anchor()) && root.check_root(below).is_ok() && signs_lists(&root)
        });
        match fits {
            true => Ok(()),
            false => Err(Refusal::WrongPurpose.into()),
        }
    }
}

impl Revocation {
    fn new(lists: Vec<CertificateRevocationListDer<'static>>) -> Revocation {
        let parse = |list: &CertificateRevocationListDer<'_>| {
            let list = OwnedCertRevocationList::from_der(list).ok()?;
            Some(CertRevocationList::from(list))
        };
        Revocation {
            parsed: lists.iter().map(parse).collect(),
            lists,
        }
    }
}

/// Whether `der` can be the root of a chain now.
fn is_anchor(der: &CertificateDer<'_>, now: UnixTime) -> bool {
    Certificate::parse(der).is_ok_and(|certificate| {
        certificate.is_self_issued()
            && certificate.may_be_root()
            && certificate.check_dates(now).is_ok()
    })
}

/// What webpki's refusal means.
enum Verdict {
    /// It says nothing about the chain's trust.
    Form,
    Final(Refusal),
}

/// For what webpki asks us, in its own words.
impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::WrongPurpose => Error::EndEntityUsedAsCa,
            _ => Error::BadDer,
        }
    }
}

impl From<Error> for Verdict {
    fn from(error: Error) -> Verdict {
        Verdict::Final(match error {
            Error::UnsupportedCertVersion
            | Error::UnsupportedCrlVersion
            | Error::CaUsedAsEndEntity
            | Error::InvalidSerialNumber
            | Error::UnknownIssuer
            | Error::UnknownRevocationStatus
            | Error::PathLenConstraintViolated
            | Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => return Verdict::Form,
            Error::CertExpired { .. } | Error::InvalidCertValidity => Refusal::Expired,
            Error::CertNotValidYet { .. } => Refusal::NotYetValid,
            Error::CertRevoked => Refusal::Revoked,
            Error::CrlExpired { .. } => Refusal::NoRevocationList,
            Error::InvalidSignatureForPublicKey | Error::InvalidCrlSignatureForPublicKey => {
                Refusal::BadSignature
            }
            Error::RequiredEkuNotFoundContext(_)
            | Error::EndEntityUsedAsCa
            | Error::NameConstraintViolation
            | Error::IssuerNotCrlSigner => Refusal::WrongPurpose,
            Error::MaximumPathBuildCallsExceeded
            | Error::MaximumPathDepthExceeded
            | Error::MaximumSignatureChecksExceeded
            | Error::MaximumNameConstraintComparisonsExceeded => Refusal::TooComplex,
            _ => Refusal::Malformed,
        })
    }
}

#[cfg(test)]
mod tests;
