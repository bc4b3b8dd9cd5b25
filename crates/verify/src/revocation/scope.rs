//! Which certificates a list speaks for (RFC 5280, 6.3.3 (b)), as OpenSSL reads it.

use x509_parser::x509::X509Name;

use crate::certificate::Certificate;
use crate::points::{Place, Point, Scope};

/// Whether a list of `issuer`, who issued `certificate`, speaks for it, for whatever reason it may be revoked.
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
        let same = |place: &Place<'_>, own| place.is(own, issuer);
        // OpenSSL: where one of both does not say which place, they are the same.
        let places = point.place.as_ref().zip(own);
        point.is_of(issuer) && places.is_none_or(|(place, own)| same(place, own))
    };
    match certificate.distribution_points().iter().find(meets) {
        Some(point) => point.all_reasons,
        // What names no place, or another one, is spoken for by complete lists alone.
        None => own.is_none(),
    }
}

fn is_for_kind(scope: &Scope<'_>, is_authority: bool) -> bool {
    let excluded = match is_authority {
        true => scope.users_only,
        false => scope.authorities_only,
    };
    let contradicts = scope.users_only && scope.authorities_only;
    // OpenSSL: special lists are not used.
    !scope.is_special && !excluded && !contradicts
}
