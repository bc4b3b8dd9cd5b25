//! Decides which certificates a list covers (RFC 5280, 6.3.3 (b)), as OpenSSL does.

use x509_parser::x509::X509Name;

use crate::certificate::Certificate;
use crate::points::{Place, Point, Scope};

/// Whether a list of `issuer` covers `certificate`, which it issued, for all revocation reasons.
pub fn includes(
    scope: Option<&Scope<'_>>,
    issuer: &X509Name<'_>,
    certificate: &Certificate<'_>,
) -> bool {
    if scope.is_some_and(|scope| !is_for_kind(scope, certificate.is_authority())) {
        return false;
    }
    let own = scope.and_then(|scope| scope.place.as_ref());
    let meets = |point: &&Point<'_>| {
        let same = |place: &Place<'_>, own| place.matches(own, issuer);
        // OpenSSL: if one of both names no distribution point, they match.
        let places = point.place.as_ref().zip(own);
        point.is_of(issuer) && places.is_none_or(|(place, own)| same(place, own))
    };
    match certificate.distribution_points().iter().find(meets) {
        Some(point) => point.all_reasons,
        // Without a matching distribution point, only complete lists cover the certificate.
        None => own.is_none(),
    }
}

fn is_for_kind(scope: &Scope<'_>, is_authority: bool) -> bool {
    let excluded = match is_authority {
        true => scope.users_only,
        false => scope.authorities_only,
    };
    let contradicts = scope.users_only && scope.authorities_only;
    // OpenSSL: does not use special lists.
    !scope.is_special && !excluded && !contradicts
}
