//! The rules for every path from a server's certificate to a root (RFC 5280, 6.1), whichever search found it. The searches
//! check the signatures.

use rustls::pki_types::UnixTime;

use super::Refusal;
use super::budget::Budget;
use super::certificate::Certificate;
use super::constraints;
use super::revocation::Lists;

pub struct Rules<'a> {
    /// If there are lists, each certificate of the path must be in the scope of a list and not be revoked by one.
    pub lists: Option<Lists<'a>>,
    pub now: UnixTime,
    pub budget: Budget,
}

impl Rules<'_> {
    /// Checks `path`: the server's certificate is first and the root last; both may be the same.
    pub fn check(&self, path: &[&Certificate<'_>]) -> Result<(), Refusal> {
        let [own, issuers @ ..] = path else {
            return Err(Refusal::UnknownIssuer);
        };
        for certificate in path {
            certificate.check_dates(self.now)?;
        }
        own.check_server()?;
        check_issuers(issuers)?;
        check_links(path)?;
        self.check_names(path)?;
        self.check_revocation(path)
    }

    /// OpenSSL: the root's constraints apply, too, and self-issued authorities are exempt.
    fn check_names(&self, path: &[&Certificate<'_>]) -> Result<(), Refusal> {
        for (place, certificate) in path.iter().enumerate() {
            let is_leaf = place == 0;
            let above = path.get(place + 1..).unwrap_or_default();
            let mut constraints = above
                .iter()
                .filter_map(|issuer| issuer.constraints())
                .peekable();
            if constraints.peek().is_none() || !is_leaf && certificate.is_self_issued() {
                continue;
            }
            let (subject, alternatives) = (certificate.subject_name(), certificate.alternatives());
            let names = constraints::presented(subject, alternatives, is_leaf);
            let names = names.ok_or(Refusal::WrongPurpose)?;
            constraints.try_for_each(|constraints| constraints.check(&names, &self.budget))?;
        }
        Ok(())
    }

    /// Looks up each certificate in its issuer's lists. OpenSSL: the root, too.
    fn check_revocation(&self, path: &[&Certificate<'_>]) -> Result<(), Refusal> {
        let (Some(lists), Some(root)) = (&self.lists, path.last()) else {
            return Ok(());
        };
        let issuers = path.iter().skip(1).chain([root]);
        let mut pairs = path.iter().zip(issuers);
        pairs.try_for_each(|(own, issuer)| lists.check(own, issuer, self.now, &self.budget))
    }
}

fn check_issuers(issuers: &[&Certificate<'_>]) -> Result<(), Refusal> {
    let Some((root, between)) = issuers.split_last() else {
        return Ok(());
    };
    let mut below = 0;
    for issuer in between {
        issuer.check_intermediate(below)?;
        below += issuer.path_length();
    }
    root.check_root(below)
}

/// Each certificate must name the next one as its issuer, by name and key identifiers. OpenSSL: the last certificate, and no
/// other, is self-issued.
fn check_links(path: &[&Certificate<'_>]) -> Result<(), Refusal> {
    let linked = path.windows(2).all(|pair| match pair {
        [own, issuer] => own.is_issued_by(issuer) && !own.ends_path(),
        _ => true,
    });
    let ended = path.last().is_some_and(|root| root.ends_path());
    match linked && ended {
        true => Ok(()),
        false => Err(Refusal::UnknownIssuer),
    }
}
