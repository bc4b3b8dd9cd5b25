//! Valid and invalid chains, created with the openssl program. webpki searches first for leaves of version 3. It does not
//! support version 1, so only `chain` verifies those.

pub mod test_ca;

use super::*;
use test_ca::TestCa;

const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
/// The common name, and the file name, of a leaf of version 1.
const OLD: &str = "good.test";
const LEAF: &str = "subjectAltName=DNS:good.test\n";
const UNKNOWN: &str = "1.2.3.4=critical,ASN1:UTF8String:unknown\n";

/// An invalid intermediate, the rule that it breaks, and the refusals for leaves of versions 3 and 1.
struct Invalid {
    rule: &'static str,
    extensions: &'static str,
    refusals: [Refusal; 2],
}

const fn invalid(rule: &'static str, extensions: &'static str, refusals: [Refusal; 2]) -> Invalid {
    Invalid {
        rule,
        extensions,
        refusals,
    }
}

use Refusal::{
    BadSignature, Expired, Malformed, NoRevocationList, NotYetValid, Revoked, UnknownIssuer,
    WrongPurpose,
};

const INTERMEDIATES: [Invalid; 7] = [
    invalid(
        "RFC 5280, 6.1.4 (k): an intermediate must not be of version 1",
        "",
        [WrongPurpose; 2],
    ),
    invalid(
        "RFC 5280, 6.1.4 (k): basicConstraints is required",
        "keyUsage=critical,keyCertSign\n",
        [WrongPurpose; 2],
    ),
    invalid(
        "RFC 5280, 6.1.4 (k): basicConstraints must have CA",
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,keyCertSign\n",
        [WrongPurpose; 2],
    ),
    invalid(
        "RFC 5280, 6.1.4 (n): keyUsage must permit keyCertSign",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n",
        [WrongPurpose; 2],
    ),
    invalid(
        "RFC 5280, 4.2.1.12: extKeyUsage must permit TLS servers",
        "basicConstraints=critical,CA:TRUE\nextendedKeyUsage=clientAuth\n",
        [WrongPurpose; 2],
    ),
    invalid(
        "RFC 5280, 6.1.4 (o): critical extensions must be known",
        "basicConstraints=critical,CA:TRUE\n1.2.3.4=critical,ASN1:UTF8String:unknown\n",
        [UnknownIssuer; 2],
    ),
    invalid(
        "RFC 5280, 6.1.4 (g): names must be within the constraints",
        "basicConstraints=critical,CA:TRUE\nnameConstraints=critical,permitted;DNS:other.test\n",
        [WrongPurpose; 2],
    ),
];

/// Creates a root, and an intermediate `between`.
fn test_ca(root: &str, between: &str) -> TestCa {
    let ca = TestCa::new();
    ca.root("root", root);
    ca.issue("between", "root", between, 10);
    ca
}

/// Verifies a leaf of version 3 and one of version 1, both issued by `issuer`. The server also sends `others`.
fn verify(ca: &TestCa, issuer: &str, others: &[&str]) -> [Result<(), Refusal>; 2] {
    ca.issue("leaf3", issuer, LEAF, 10);
    ca.issue(OLD, issuer, "", 10);
    let others = ca.ders(others);
    let trust = Trust::new(ca.ders(&["root"]), None);
    ["leaf3", OLD].map(|leaf| trust.verify(&ca.der(leaf), &others, UnixTime::now()))
}

#[test]
fn bytes_that_are_not_a_certificate_are_malformed() {
    let trust = Trust::new(Vec::new(), None);
    let nothing = CertificateDer::from(b"nothing".to_vec());
    let outcome = trust.verify(&nothing, &[], UnixTime::now());
    assert_eq!(outcome, Err(Malformed));
}

#[test]
fn a_good_chain_is_accepted() {
    let ca = test_ca(CA, CA);
    assert_eq!(verify(&ca, "between", &["between"]), [Ok(()); 2]);
    assert_eq!(verify(&ca, "root", &[]), [Ok(()); 2]);
    assert_eq!(verify(&ca, "between", &[]), [Err(UnknownIssuer); 2]);
}

#[test]
fn invalid_intermediates_are_refused() {
    for case in INTERMEDIATES {
        let ca = test_ca(CA, case.extensions);
        let outcomes = verify(&ca, "between", &["between"]);
        assert_eq!(outcomes, case.refusals.map(Err), "{}", case.rule);
    }
}

/// RFC 5280, 6.1.3 (a) (2)
#[test]
fn an_expired_intermediate_is_refused() {
    let ca = test_ca(CA, CA);
    ca.issue("between", "root", CA, -1);
    let outcomes = verify(&ca, "between", &["between"]);
    assert_eq!(outcomes, [Err(Expired); 2]);
}

/// RFC 5280, 6.1.3 (a) (2)
#[test]
fn leaves_outside_their_validity_period_are_refused() {
    let ca = test_ca(CA, CA);
    let trust = Trust::new(ca.ders(&["root"]), None);
    for extensions in [LEAF, ""] {
        ca.issue("leaf", "root", extensions, -1);
        let outcome = trust.verify(&ca.der("leaf"), &[], UnixTime::now());
        assert_eq!(outcome, Err(Expired));
        ca.issue("leaf", "root", extensions, 10);
        let long_ago = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_000_000_000));
        let outcome = trust.verify(&ca.der("leaf"), &[], long_ago);
        assert_eq!(outcome, Err(NotYetValid));
    }
}

/// RFC 5280, 6.1.4 (m). As in OpenSSL, the root's limit applies, too.
#[test]
fn path_length_limits_are_enforced() {
    const NO_MORE: &str = "basicConstraints=critical,CA:TRUE,pathlen:0\n";
    let under_root = test_ca(NO_MORE, CA);
    assert_eq!(verify(&under_root, "root", &[]), [Ok(()); 2]);
    let outcomes = verify(&under_root, "between", &["between"]);
    assert_eq!(outcomes, [Err(WrongPurpose); 2]);
    let under_between = test_ca(CA, NO_MORE);
    under_between.issue("below", "between", CA, 10);
    let outcomes = verify(&under_between, "below", &["below", "between"]);
    assert_eq!(outcomes, [Err(WrongPurpose); 2]);
}

/// RFC 5280, 4.2.1.3 and 4.2.1.12. OpenSSL: the rules apply to roots, too.
#[test]
fn invalid_roots_are_refused() {
    for root in [
        "basicConstraints=critical,CA:FALSE\n",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n",
        "basicConstraints=critical,CA:TRUE\nextendedKeyUsage=clientAuth\n",
    ] {
        let outcomes = verify(&test_ca(root, CA), "root", &[]);
        assert!(outcomes.iter().all(Result::is_err), "{root}: {outcomes:?}");
    }
}

/// RFC 5280, 4.2.1.10
#[test]
fn name_constraints_of_a_root_are_enforced() {
    let constrained = |name: &str| format!("{CA}nameConstraints=critical,permitted;DNS:{name}\n");
    let good = verify(&test_ca(&constrained("good.test"), CA), "root", &[]);
    assert_eq!(good, [Ok(()); 2]);
    let bad = verify(&test_ca(&constrained("other.test"), CA), "root", &[]);
    assert_eq!(bad, [Err(WrongPurpose); 2]);
}

/// RFC 5280, 4.2, 4.2.1.3 and 4.2.1.12
#[test]
fn invalid_leaves_are_refused() {
    let ca = test_ca(CA, CA);
    let trust = Trust::new(ca.ders(&["root"]), None);
    for (extensions, refusal) in [
        (UNKNOWN, Malformed),
        ("keyUsage=critical,cRLSign\n", WrongPurpose),
        ("extendedKeyUsage=clientAuth\n", WrongPurpose),
    ] {
        ca.issue("leaf", "root", extensions, 10);
        let outcome = trust.verify(&ca.der("leaf"), &[], UnixTime::now());
        assert_eq!(outcome, Err(refusal), "{extensions}");
    }
}

/// RFC 5280, 6.1.3 (a) (1)
#[test]
fn bad_signatures_are_refused() {
    let ca = test_ca(CA, CA);
    assert_eq!(verify(&ca, "root", &[]), [Ok(()); 2]);
    let trust = Trust::new(ca.ders(&["root"]), None);
    for leaf in ["leaf3", OLD] {
        let good = ca.der(leaf).to_vec();
        // The last byte belongs to the signature, the other one to the signed serial number.
        for place in [good.len() - 1, 20] {
            let mut bad = good.clone();
            bad[place] ^= 1;
            let bad = CertificateDer::from(bad);
            let outcome = trust.verify(&bad, &[], UnixTime::now());
            assert_eq!(outcome, Err(BadSignature), "{leaf}, byte {place}");
        }
    }
    // A root with the same name and another key.
    let impostor = TestCa::new();
    impostor.root("root", CA);
    impostor.issue("leaf3", "root", LEAF, 10);
    impostor.issue("leaf1", "root", "", 10);
    for leaf in ["leaf3", "leaf1"] {
        let outcome = trust.verify(
            &impostor.der(leaf),
            &impostor.ders(&["root"]),
            UnixTime::now(),
        );
        assert!(outcome.is_err(), "{leaf}");
    }
}

/// RFC 5280, 4.1.2.8: certificates of version 1 have no unique identifiers, even with a valid signature.
#[test]
fn unique_identifiers_in_version_1_are_refused() {
    let ca = test_ca(CA, CA);
    ca.issue("leaf", "root", "", 10);
    let trust = Trust::new(ca.ders(&["root"]), None);
    let signed_again = ca.signed_again("leaf", "root", &[]);
    let outcome = trust.verify(&signed_again, &[], UnixTime::now());
    assert_eq!(outcome, Ok(()));
    for tag in [0x81, 0x82] {
        let with_id = ca.signed_again("leaf", "root", &[tag, 2, 0, 0x55]);
        let outcome = trust.verify(&with_id, &[], UnixTime::now());
        assert_eq!(outcome, Err(Malformed), "tag {tag:#x}");
    }
}

#[test]
fn revocation_lists_are_checked() {
    let ca = test_ca(CA, CA);
    ca.issue("leaf3", "root", LEAF, 10);
    ca.issue("leaf1", "root", "", 10);
    ca.issue("revoked3", "root", LEAF, 10);
    ca.issue("revoked1", "root", "", 10);
    ca.issue("chained", "between", LEAF, 10);
    ca.list("root", &["revoked3", "revoked1"], "list2");
    let good = ca.crl("root");
    let verify = |leaf: &str, list: Vec<u8>, now: UnixTime| {
        let trust = Trust::new(ca.ders(&["root", "between"]), Some(vec![list.into()]));
        trust.verify(&ca.der(leaf), &[], now)
    };
    let now = UnixTime::now();
    for (leaf, revoked) in [("leaf3", "revoked3"), ("leaf1", "revoked1")] {
        assert_eq!(verify(leaf, good.clone(), now), Ok(()), "{leaf}");
        assert_eq!(
            verify(revoked, good.clone(), now),
            Err(Revoked),
            "{revoked}"
        );
        // RFC 5280, 6.3.3 (g): the list's signature.
        let mut forged = good.clone();
        *forged.last_mut().expect("a list") ^= 1;
        assert!(verify(leaf, forged, now).is_err(), "{leaf}");
        // RFC 5280, 6.3.3 (a) and 5.1.2.5: an outdated list.
        let later = UnixTime::since_unix_epoch(
            std::time::Duration::from_secs(now.as_secs()) + test_ca::LIST_LIFE * 2,
        );
        assert_eq!(verify(leaf, good.clone(), later), Err(NoRevocationList));
    }
    // RFC 5280, 6.3.3: each certificate of the path needs a list of its own issuer.
    assert_eq!(verify("chained", good, now), Err(NoRevocationList));
    // RFC 5280, 5.2: critical extensions must be known.
    ca.list("root", &[], "unknown");
    for leaf in ["leaf3", "leaf1"] {
        assert!(verify(leaf, ca.crl("root"), now).is_err(), "{leaf}");
    }
    // An issuer with the same name and another key.
    let impostor = TestCa::new();
    impostor.root("root", CA);
    impostor.list("root", &[], "list2");
    for leaf in ["revoked3", "revoked1"] {
        assert!(verify(leaf, impostor.crl("root"), now).is_err(), "{leaf}");
    }
}

/// RFC 5280, 6.3.3 (f)
#[test]
fn a_list_of_an_authority_without_crl_sign_is_refused() {
    let ca = test_ca(
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n",
        CA,
    );
    ca.issue("leaf3", "root", LEAF, 10);
    ca.issue("leaf1", "root", "", 10);
    ca.list("root", &[], "list2");
    let lists = Some(vec![ca.crl("root").into()]);
    let trust = Trust::new(ca.ders(&["root"]), lists);
    for leaf in ["leaf3", "leaf1"] {
        let outcome = trust.verify(&ca.der(leaf), &[], UnixTime::now());
        assert!(outcome.is_err(), "{leaf}");
    }
}
