//! Revocation lists of versions 1 and 2 (RFC 5280, 5 and 6.3), complete ones only.

use rustls::pki_types::{CertificateRevocationListDer, UnixTime};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::Refusal;
use super::certificate::{Certificate, is_after, is_before, refuse_unknown};
use super::name::{self, Form, Name};
use super::signature::Signed;

/// The hash of the issuer's name by which OpenSSL finds a list in a directory.
pub fn issuer_hash(list: &CertificateRevocationListDer<'_>) -> Option<u32> {
    let (_, list) = CertificateRevocationList::from_der(list).ok()?;
    name::hash(&list.tbs_cert_list.issuer)
}

pub struct Lists<'a>(Vec<CertificateRevocationList<'a>>);

impl<'a> Lists<'a> {
    /// One list that cannot be read, or has a part that would have to be understood and is not, spoils them all.
    pub fn parse(ders: &'a [CertificateRevocationListDer<'_>]) -> Result<Lists<'a>, Refusal> {
        let lists = ders.iter().map(|der| parse(der.as_ref()));
        lists.collect::<Result<_, _>>().map(Lists)
    }

    /// Looks `certificate` up in the lists of its issuer, of which there must be one that is good now.
    pub fn check(
        &self,
        certificate: &Certificate<'_>,
        issuer: &Certificate<'_>,
        now: UnixTime,
        signatures_left: &mut usize,
    ) -> Result<(), Refusal> {
        let mut good = false;
        let issued_by = certificate.issuer();
        let lists = self.0.iter();
        for list in lists.filter(|list| is_of(list, issued_by)) {
            *signatures_left = signatures_left.checked_sub(1).ok_or(Refusal::TooComplex)?;
            if !is_good(list, issuer, now) {
                continue;
            }
            good = true;
            let mut revoked = list.tbs_cert_list.revoked_certificates.iter();
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

fn is_of(list: &CertificateRevocationList<'_>, issuer: Name<'_, '_>) -> bool {
    let name = Name {
        name: &list.tbs_cert_list.issuer,
        form: &Form::new(),
    };
    name.is(issuer)
}

fn parse(der: &[u8]) -> Result<CertificateRevocationList<'_>, Refusal> {
    let (rest, list) = CertificateRevocationList::from_der(der).map_err(|_| Refusal::Malformed)?;
    let tbs = &list.tbs_cert_list;
    // RFC 5280, 5.1.1.2: the algorithm inside what is signed is that of the signature.
    if !rest.is_empty() || tbs.signature != list.signature_algorithm {
        return Err(Refusal::Malformed);
    }
    // RFC 5280, 5.2 and 5.3: what is critical must be understood, in the list and in each entry. So deltas and lists
    // for some purposes only, which must say so critically, are never taken for complete ones.
    for extension in tbs.extensions() {
        refuse_unknown(extension, extension.parsed_extension())?;
    }
    for entry in &tbs.revoked_certificates {
        let critical = entry
            .extensions()
            .iter()
            .any(|extension| extension.critical);
        if critical {
            return Err(Refusal::Malformed);
        }
    }
    Ok(list)
}

fn is_good(list: &CertificateRevocationList<'_>, issuer: &Certificate<'_>, now: UnixTime) -> bool {
    let tbs = &list.tbs_cert_list;
    let signed = Signed {
        algorithm: &list.signature_algorithm,
        message: tbs.as_ref(),
        signature: &list.signature_value,
    };
    // RFC 5280, 5.1.2.4 and 5.1.2.5; a list of version 1 need not say when the next one comes.
    let current = !is_after(&tbs.this_update, now)
        && tbs.next_update.is_none_or(|next| !is_before(&next, now));
    current && issuer.signs_lists() && signed.verify(issuer.key()).is_ok()
}
