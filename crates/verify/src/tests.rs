//! Forged and unfit chains, made by the openssl program. A leaf of version 3 is seen by webpki first, one of version 1 by
//! `chain` alone.

mod forge;

use super::*;
use forge::Forge;

const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
/// The common name, and the file, of leaves of version 1 whose name matters.
const OLD: &str = "good.test";
const LEAF: &str = "subjectAltName=DNS:good.test\n";
const UNKNOWN: &str = "1.2.3.4=critical,ASN1:UTF8String:unknown\n";

/// An authority below the root, the one that it must not be, and why it is refused for leaves of versions 3 and 1.
struct Unfit {
    rule: &'static str,
    extensions: &'static str,
    refusals: [Refusal; 2],
}

const fn unfit(rule: &'static str, extensions: &'static str, refusals: [Refusal; 2]) -> Unfit {
    Unfit {
        rule,
        extensions,
        refusals,
    }
}

use Refusal::{
    BadSignature, Expired, Malformed, NoRevocationList, NotYetValid, Revoked, UnknownIssuer,
    WrongPurpose,
};

const INTERMEDIATES: [Unfit; 7] = [
    unfit(
        "RFC 5280, 6.1.4 (k): version 1 issues nothing",
        "",
        [WrongPurpose; 2],
    ),
    unfit(
        "RFC 5280, 6.1.4 (k): basicConstraints must be there",
        "keyUsage=critical,keyCertSign\n",
        [WrongPurpose; 2],
    ),
    unfit(
        "RFC 5280, 6.1.4 (k): basicConstraints must say CA",
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,keyCertSign\n",
        [WrongPurpose; 2],
    ),
    unfit(
        "RFC 5280, 6.1.4 (n): keyUsage must permit certificates",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n",
        [WrongPurpose; 2],
    ),
    unfit(
        "RFC 5280, 4.2.1.12: extKeyUsage must permit servers",
        "basicConstraints=critical,CA:TRUE\nextendedKeyUsage=clientAuth\n",
        [WrongPurpose; 2],
    ),
    unfit(
        "RFC 5280, 6.1.4 (o): what is critical must be understood",
        "basicConstraints=critical,CA:TRUE\n1.2.3.4=critical,ASN1:UTF8String:unknown\n",
        [UnknownIssuer; 2],
    ),
    unfit(
        "RFC 5280, 6.1.4 (g): names outside of the constraints",
        "basicConstraints=critical,CA:TRUE\nnameConstraints=critical,permitted;DNS:other.test\n",
        [WrongPurpose; 2],
    ),
];

/// A forge with a root, and `between` issued by it.
fn forge(root: &str, between: &str) -> Forge {
    let forge = Forge::new();
    forge.root("root", root);
    forge.issue("between", "root", between, 10);
    forge
}

/// Judges a leaf of version 3 and one of version 1, issued by `issuer`, with `others` sent along.
fn judge(forge: &Forge, issuer: &str, others: &[&str]) -> [Result<(), Refusal>; 2] {
    forge.issue("leaf3", issuer, LEAF, 10);
    forge.issue(OLD, issuer, "", 10);
    let others = forge.ders(others);
    let trust = Trust::new(forge.ders(&["root"]), None);
    ["leaf3", OLD].map(|leaf| trust.verify(&forge.der(leaf), &others, UnixTime::now()))
}

#[test]
fn what_is_no_certificate_is_malformed() {
    let trust = Trust::new(Vec::new(), None);
    let nothing = CertificateDer::from(b"nothing".to_vec());
    let outcome = trust.verify(&nothing, &[], UnixTime::now());
    assert_eq!(outcome, Err(Malformed));
}

#[test]
fn a_good_chain_is_accepted() {
    let forge = forge(CA, CA);
    assert_eq!(judge(&forge, "between", &["between"]), [Ok(()); 2]);
    assert_eq!(judge(&forge, "root", &[]), [Ok(()); 2]);
    assert_eq!(judge(&forge, "between", &[]), [Err(UnknownIssuer); 2]);
}

#[test]
fn unfit_intermediates() {
    for case in INTERMEDIATES {
        let forge = forge(CA, case.extensions);
        let outcomes = judge(&forge, "between", &["between"]);
        assert_eq!(outcomes, case.refusals.map(Err), "{}", case.rule);
    }
}

/// RFC 5280, 6.1.3 (a) (2)
#[test]
fn an_expired_intermediate() {
    let forge = forge(CA, CA);
    forge.issue("between", "root", CA, -1);
    let outcomes = judge(&forge, "between", &["between"]);
    assert_eq!(outcomes, [Err(Expired); 2]);
}

/// RFC 5280, 6.1.3 (a) (2)
#[test]
fn leaves_out_of_their_time() {
    let forge = forge(CA, CA);
    let trust = Trust::new(forge.ders(&["root"]), None);
    for extensions in [LEAF, ""] {
        forge.issue("leaf", "root", extensions, -1);
        let outcome = trust.verify(&forge.der("leaf"), &[], UnixTime::now());
        assert_eq!(outcome, Err(Expired));
        forge.issue("leaf", "root", extensions, 10);
        let long_ago = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_000_000_000));
        let outcome = trust.verify(&forge.der("leaf"), &[], long_ago);
        assert_eq!(outcome, Err(NotYetValid));
    }
}

/// RFC 5280, 6.1.4 (m). A root's own limit counts, as it does for OpenSSL.
#[test]
fn path_lengths() {
    const NO_MORE: &str = "basicConstraints=critical,CA:TRUE,pathlen:0\n";
    let under_root = forge(NO_MORE, CA);
    assert_eq!(judge(&under_root, "root", &[]), [Ok(()); 2]);
    let outcomes = judge(&under_root, "between", &["between"]);
    assert_eq!(outcomes, [Err(WrongPurpose); 2]);
    let under_between = forge(CA, NO_MORE);
    under_between.issue("below", "between", CA, 10);
    let outcomes = judge(&under_between, "below", &["below", "between"]);
    assert_eq!(outcomes, [Err(WrongPurpose); 2]);
}

/// RFC 5280, 4.2.1.3 and 4.2.1.12, for roots: OpenSSL judges them as it does any authority.
#[test]
fn unfit_roots() {
    for root in [
        "basicConstraints=critical,CA:FALSE\n",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n",
        "basicConstraints=critical,CA:TRUE\nextendedKeyUsage=clientAuth\n",
    ] {
        let outcomes = judge(&forge(root, CA), "root", &[]);
        assert!(outcomes.iter().all(Result::is_err), "{root}: {outcomes:?}");
    }
}

/// RFC 5280, 4.2.1.10
#[test]
fn a_root_that_constrains_names() {
    let constrained = |name: &str| format!("{CA}nameConstraints=critical,permitted;DNS:{name}\n");
    let good = judge(&forge(&constrained("good.test"), CA), "root", &[]);
    assert_eq!(good, [Ok(()); 2]);
    let bad = judge(&forge(&constrained("other.test"), CA), "root", &[]);
    assert_eq!(bad, [Err(WrongPurpose); 2]);
}

/// RFC 5280, 4.2, 4.2.1.3 and 4.2.1.12
#[test]
fn unfit_leaves() {
    let forge = forge(CA, CA);
    let trust = Trust::new(forge.ders(&["root"]), None);
    for (extensions, refusal) in [
        (UNKNOWN, Malformed),
        ("keyUsage=critical,cRLSign\n", WrongPurpose),
        ("extendedKeyUsage=clientAuth\n", WrongPurpose),
    ] {
        forge.issue("leaf", "root", extensions, 10);
        let outcome = trust.verify(&forge.der("leaf"), &[], UnixTime::now());
        assert_eq!(outcome, Err(refusal), "{extensions}");
    }
}

/// RFC 5280, 6.1.3 (a) (1)
#[test]
fn bad_signatures() {
    let forge = forge(CA, CA);
    assert_eq!(judge(&forge, "root", &[]), [Ok(()); 2]);
    let trust = Trust::new(forge.ders(&["root"]), None);
    for leaf in ["leaf3", OLD] {
        let good = forge.der(leaf).to_vec();
        // The last byte is of the signature; the other one is of the serial number, which is signed.
        for place in [good.len() - 1, 20] {
            let mut bad = good.clone();
            bad[place] ^= 1;
            let bad = CertificateDer::from(bad);
            let outcome = trust.verify(&bad, &[], UnixTime::now());
            assert_eq!(outcome, Err(BadSignature), "{leaf}, byte {place}");
        }
    }
    // The root's name with another key.
    let impostor = Forge::new();
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

/// RFC 5280, 4.1.2.8: the authority signed it, but version 1 has no unique identifiers.
#[test]
fn unique_identifiers_in_version_1() {
    let forge = forge(CA, CA);
    forge.issue("leaf", "root", "", 10);
    let trust = Trust::new(forge.ders(&["root"]), None);
    let signed_again = forge.signed_again("leaf", "root", &[]);
    let outcome = trust.verify(&signed_again, &[], UnixTime::now());
    assert_eq!(outcome, Ok(()));
    for tag in [0x81, 0x82] {
        let with_id = forge.signed_again("leaf", "root", &[tag, 2, 0, 0x55]);
        let outcome = trust.verify(&with_id, &[], UnixTime::now());
        assert_eq!(outcome, Err(Malformed), "tag {tag:#x}");
    }
}

#[test]
fn revocation_lists() {
    let forge = forge(CA, CA);
    forge.issue("leaf3", "root", LEAF, 10);
    forge.issue("leaf1", "root", "", 10);
    forge.issue("revoked3", "root", LEAF, 10);
    forge.issue("revoked1", "root", "", 10);
    forge.issue("chained", "between", LEAF, 10);
    forge.list("root", &["revoked3", "revoked1"], "list2");
    let good = forge.crl("root");
    let judge = |leaf: &str, list: Vec<u8>, now: UnixTime| {
        let trust = Trust::new(forge.ders(&["root", "between"]), Some(vec![list.into()]));
        trust.verify(&forge.der(leaf), &[], now)
    };
    let now = UnixTime::now();
    for (leaf, revoked) in [("leaf3", "revoked3"), ("leaf1", "revoked1")] {
        assert_eq!(judge(leaf, good.clone(), now), Ok(()), "{leaf}");
        assert_eq!(judge(revoked, good.clone(), now), Err(Revoked), "{revoked}");
        // RFC 5280, 6.3.3 (g): the list's signature.
        let mut forged = good.clone();
        *forged.last_mut().expect("a list") ^= 1;
        assert!(judge(leaf, forged, now).is_err(), "{leaf}");
        // RFC 5280, 6.3.3 (a) and 5.1.2.5: a list that should have been replaced.
        let later = UnixTime::since_unix_epoch(
            std::time::Duration::from_secs(now.as_secs()) + forge::LIST_LIFE * 2,
        );
        assert_eq!(judge(leaf, good.clone(), later), Err(NoRevocationList));
    }
    // RFC 5280, 6.3.3: each certificate of the path, by its own issuer's list.
    assert_eq!(judge("chained", good, now), Err(NoRevocationList));
    // RFC 5280, 5.2: what is critical must be understood.
    forge.list("root", &[], "unknown");
    for leaf in ["leaf3", "leaf1"] {
        assert!(judge(leaf, forge.crl("root"), now).is_err(), "{leaf}");
    }
    // The same name, but another's key.
    let impostor = Forge::new();
    impostor.root("root", CA);
    impostor.list("root", &[], "list2");
    for leaf in ["revoked3", "revoked1"] {
        assert!(judge(leaf, impostor.crl("root"), now).is_err(), "{leaf}");
    }
}

/// RFC 5280, 6.3.3 (f)
#[test]
fn an_authority_that_signs_no_lists() {
    let forge = forge(
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n",
        CA,
    );
    forge.issue("leaf3", "root", LEAF, 10);
    forge.issue("leaf1", "root", "", 10);
    forge.list("root", &[], "list2");
    let lists = Some(vec![forge.crl("root").into()]);
    let trust = Trust::new(forge.ders(&["root"]), lists);
    for leaf in ["leaf3", "leaf1"] {
        let outcome = trust.verify(&forge.der(leaf), &[], UnixTime::now());
        assert!(outcome.is_err(), "{leaf}");
    }
}
