//! The path from a server's certificate to a trusted root (RFC 5280, 6.1), for certificates that webpki does not take.

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};

use super::Refusal;
use super::certificate::Certificate;
use super::revocation::Lists;

/// The most certificates between a server's and the root.
const MOST_INTERMEDIATES: usize = 8;
/// The most signatures checked for one chain.
const MOST_SIGNATURES: usize = 100;
/// The most certificates taken from the server.
const MOST_OFFERED: usize = 32;

struct Search<'a> {
    roots: &'a [Certificate<'a>],
    /// Certificates that may stand between.
    others: &'a [Certificate<'a>],
    lists: Option<&'a Lists<'a>>,
    now: UnixTime,
    signatures_left: usize,
}

/// Judges `own` with what the server sent besides, for the certificates and revocation lists of the user.
pub fn verify(
    own: &CertificateDer<'_>,
    sent: &[CertificateDer<'_>],
    trusted: &[CertificateDer<'_>],
    lists: Option<&[CertificateRevocationListDer<'_>]>,
    now: UnixTime,
) -> Result<(), Refusal> {
    let own = parse(own)?;
    own.check_dates(now)?;
    own.check_server()?;
    let (roots, given): (Vec<_>, Vec<_>) = trusted
        .iter()
        .filter_map(|der| parse(der).ok())
        .partition(Certificate::is_self_issued);
    let sent = sent.iter().take(MOST_OFFERED);
    let mut others: Vec<_> = sent.filter_map(|der| parse(der).ok()).collect();
    others.extend(given);
    let lists = lists.map(|lists| Lists::parse(lists)).transpose()?;
    let mut search = Search {
        roots: &roots,
        others: &others,
        lists: lists.as_ref(),
        now,
        signatures_left: MOST_SIGNATURES,
    };
    search.from(&own)
}

/// RFC 5280, 6.1.4 (g): constraints on names must be applied, which only webpki does: none is taken here.
fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<Certificate<'a>, Refusal> {
    let certificate = Certificate::parse(der)?;
    match certificate.constrains_names {
        true => Err(Refusal::Malformed),
        false => Ok(certificate),
    }
}

impl<'a> Search<'a> {
    fn from(&mut self, own: &'a Certificate<'a>) -> Result<(), Refusal> {
        // The user trusts this very certificate.
        if self.roots.iter().any(|root| root.der() == own.der()) {
            return self.check_revocation(&[own, own]);
        }
        self.extend(&mut vec![own])
    }

    /// Looks for issuers of the last certificate in `path`. The refusal that says most is answered.
    fn extend(&mut self, path: &mut Vec<&'a Certificate<'a>>) -> Result<(), Refusal> {
        let Some(&last) = path.last() else {
            return Err(Refusal::UnknownIssuer);
        };
        let mut refusal = Refusal::UnknownIssuer;
        let between = path.get(1..).unwrap_or_default();
        let below = between.iter().map(|known| known.lengthens_path()).sum();
        for root in self.roots {
            if !last.is_issued_by(root) {
                continue;
            }
            match self.accept_root(path, root, below) {
                Ok(()) => return Ok(()),
                Err(Refusal::TooComplex) => return Err(Refusal::TooComplex),
                Err(other) => refusal = other,
            }
        }
        if path.len() > MOST_INTERMEDIATES {
            return Err(Refusal::TooComplex);
        }
        for next in self.others {
            let used = path.iter().any(|known| known.der() == next.der());
            if used || !last.is_issued_by(next) {
                continue;
            }
            match self.accept_intermediate(path, next, below) {
                Ok(()) => return Ok(()),
                Err(Refusal::TooComplex) => return Err(Refusal::TooComplex),
                Err(other) if refusal == Refusal::UnknownIssuer => refusal = other,
                Err(_) => {}
            }
        }
        Err(refusal)
    }

    fn accept_root(
        &mut self,
        path: &[&'a Certificate<'a>],
        root: &'a Certificate<'a>,
        below: usize,
    ) -> Result<(), Refusal> {
        root.check_root(below)?;
        root.check_dates(self.now)?;
        self.check_signature(path, root)?;
        let whole: Vec<_> = path.iter().copied().chain([root, root]).collect();
        self.check_revocation(&whole)
    }

    fn accept_intermediate(
        &mut self,
        path: &mut Vec<&'a Certificate<'a>>,
        next: &'a Certificate<'a>,
        below: usize,
    ) -> Result<(), Refusal> {
        next.check_intermediate(below)?;
        next.check_dates(self.now)?;
        self.check_signature(path, next)?;
        path.push(next);
        let outcome = self.extend(path);
        path.pop();
        outcome
    }

    fn check_signature(
        &mut self,
        path: &[&Certificate<'_>],
        issuer: &Certificate<'_>,
    ) -> Result<(), Refusal> {
        let left = self.signatures_left.checked_sub(1);
        self.signatures_left = left.ok_or(Refusal::TooComplex)?;
        let last = path.last().ok_or(Refusal::UnknownIssuer)?;
        last.is_signed_by(issuer)
    }

    /// Judges each certificate of `path` by the lists of the one behind it, its issuer.
    fn check_revocation(&mut self, path: &[&Certificate<'_>]) -> Result<(), Refusal> {
        let Some(lists) = self.lists else {
            return Ok(());
        };
        for pair in path.windows(2) {
            if let [certificate, issuer] = pair {
                lists.check(certificate, issuer, self.now, &mut self.signatures_left)?;
            }
        }
        Ok(())
    }
}
