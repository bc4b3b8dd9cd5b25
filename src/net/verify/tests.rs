use super::*;

#[test]
fn what_is_no_certificate_is_malformed() {
    let trust = Trust::new(Vec::new(), None);
    let nothing = CertificateDer::from(b"nothing".to_vec());
    let outcome = trust.verify(&nothing, &[], UnixTime::now());
    assert_eq!(outcome, Err(Refusal::Malformed));
}
