//! Searches for a path from a server's certificate to a trusted root when webpki has found none.

use rustls::pki_types::CertificateDer;

use super::Refusal;
use super::certificate::Certificate;
use super::path::Rules;

/// The most certificates between the server's and the root, as in OpenSSL.
const MAX_INTERMEDIATES: usize = 100;
/// The most certificates from the server that are used.
const MAX_SENT: usize = 150;

struct Search<'a> {
    roots: &'a [Certificate<'a>],
    /// Possible intermediates.
    others: &'a [Certificate<'a>],
    rules: &'a Rules<'a>,
}

/// Verifies the server's certificate `own`. `sent` are the further certificates from the server, `trusted` the user's.
pub fn verify(
    own: &CertificateDer<'_>,
    sent: &[CertificateDer<'_>],
    trusted: &[CertificateDer<'_>],
    rules: &Rules<'_>,
) -> Result<(), Refusal> {
    let own = Certificate::parse(own)?;
    let readable = |der| Certificate::parse(der).ok();
    let (roots, given): (Vec<_>, Vec<_>) = trusted
        .iter()
        .filter_map(|der| readable(der.as_ref()))
        .partition(Certificate::ends_path);
    let sent = sent.iter().take(MAX_SENT);
    let others = sent.filter_map(|der| readable(der.as_ref()));
    // A self-issued certificate ends a path, so it cannot be an intermediate.
    let others: Vec<_> = others
        .chain(given)
        .filter(|other| !other.ends_path())
        .collect();
    let search = Search {
        roots: &roots,
        others: &others,
        rules,
    };
    search.from(&own)
}

impl<'a> Search<'a> {
    fn from(&self, own: &'a Certificate<'a>) -> Result<(), Refusal> {
        // The user trusts this certificate directly.
        if self.roots.iter().any(|root| root.der() == own.der()) {
            return self.rules.check(&[own]);
        }
        match own.ends_path() {
            true => Err(Refusal::UnknownIssuer),
            false => self.extend(&mut vec![own]),
        }
    }

    /// Searches for issuers of the last certificate in `path`. On failure, returns the most specific refusal.
    fn extend(&self, path: &mut Vec<&'a Certificate<'a>>) -> Result<(), Refusal> {
        let Some(&last) = path.last() else {
            return Err(Refusal::UnknownIssuer);
        };
        let mut refusal = Refusal::UnknownIssuer;
        for root in self.roots {
            match self.accept(path, root, |_, path| self.rules.check(path)) {
                Ok(()) => return Ok(()),
                Err(Refusal::TooComplex) => return Err(Refusal::TooComplex),
                Err(Refusal::UnknownIssuer) => {}
                Err(other) => refusal = other,
            }
        }
        if path.len() > MAX_INTERMEDIATES {
            return Err(Refusal::TooComplex);
        }
        for next in self.others {
            let used = path.iter().any(|known| known.der() == next.der());
            if used || !last.is_issued_by(next) {
                continue;
            }
            match self.accept(path, next, Search::extend) {
                Ok(()) => return Ok(()),
                Err(Refusal::TooComplex) => return Err(Refusal::TooComplex),
                Err(other) if refusal == Refusal::UnknownIssuer => refusal = other,
                Err(_) => {}
            }
        }
        Err(refusal)
    }

    /// If `issuer` issued the last certificate of the path, appends it and calls `go_on`.
    fn accept(
        &self,
        path: &mut Vec<&'a Certificate<'a>>,
        issuer: &'a Certificate<'a>,
        go_on: impl FnOnce(&Search<'a>, &mut Vec<&'a Certificate<'a>>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let last = path.last().filter(|last| last.is_issued_by(issuer));
        let last = last.ok_or(Refusal::UnknownIssuer)?;
        self.rules.budget.spend_signature()?;
        last.is_signed_by(issuer)?;
        path.push(issuer);
        let outcome = go_on(self, path);
        path.pop();
        outcome
    }
}
