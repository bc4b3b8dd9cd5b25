//! The cryptography provider for rustls: its aws-lc-rs provider with the group secp521r1 and a check of record headers added.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::agreement::{
    ECDH_P521, EphemeralPrivateKey, PublicKey, UnparsedPublicKey, agree_ephemeral,
};
use aws_lc_rs::rand::SystemRandom;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SharedSecret, SupportedKxGroup,
};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{Error, NamedGroup, PeerMisbehaved};

use crate::record_header::checked;

/// The provider, created once. It does not become the default of the process.
pub fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        let groups = &mut provider.kx_groups;
        // OpenSSL's order: before P-384. The client sends key shares for the first groups only, so this group costs nothing
        // until a server selects it.
        let is_p384 = |group: &&dyn SupportedKxGroup| group.name() == NamedGroup::secp384r1;
        let place = groups.iter().position(is_p384).unwrap_or(groups.len());
        groups.insert(place, &Secp521r1);
        let suites = &mut provider.cipher_suites;
        suites.iter_mut().for_each(|suite| *suite = checked(*suite));
        Arc::new(provider)
    })
}

/// Ephemeral ECDH on secp521r1 (RFC 8446, 4.2.8.2).
#[derive(Debug)]
struct Secp521r1;

impl SupportedKxGroup for Secp521r1 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let key = EphemeralPrivateKey::generate(&ECDH_P521, &SystemRandom::new());
        let key = key.map_err(|_| GetRandomFailed)?;
        let public = key.compute_public_key().map_err(|_| GetRandomFailed)?;
        Ok(Box::new(KeyExchange { key, public }))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

struct KeyExchange {
    key: EphemeralPrivateKey,
    public: PublicKey,
}

impl ActiveKeyExchange for KeyExchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        // TLS has uncompressed points only. aws-lc-rs checks that the point is on the curve.
        if peer.first() != Some(&4) {
            return Err(PeerMisbehaved::InvalidKeyShare.into());
        }
        let peer = UnparsedPublicKey::new(&ECDH_P521, peer);
        agree_ephemeral(self.key, peer, PeerMisbehaved::InvalidKeyShare, |secret| {
            Ok(SharedSecret::from(secret))
        })
        .map_err(Error::from)
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }

    fn pub_key(&self) -> &[u8] {
        self.public.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: NamedGroup) -> &'static dyn SupportedKxGroup {
        let groups = &provider().kx_groups;
        let found = groups.iter().find(|group| group.name() == name);
        *found.expect("the group")
    }

    #[test]
    fn two_p521_key_exchanges_agree_on_a_secret() {
        let group = group(NamedGroup::secp521r1);
        let ours = group.start().expect("a key");
        let theirs = group.start().expect("a key");
        // 133 bytes: the form, and two coordinates of 66 bytes.
        assert_eq!(ours.pub_key().len(), 133);
        let (our_key, their_key) = (ours.pub_key().to_vec(), theirs.pub_key().to_vec());
        let ours = ours.complete(&their_key).expect("a secret");
        let theirs = theirs.complete(&our_key).expect("a secret");
        assert_eq!(ours.secret_bytes(), theirs.secret_bytes());
        assert_eq!(ours.secret_bytes().len(), 66);
    }

    #[test]
    fn invalid_points_are_refused() {
        let group = group(NamedGroup::secp521r1);
        let good = group.start().expect("a key").pub_key().to_vec();
        let mut off_the_curve = good.clone();
        off_the_curve[132] ^= 1;
        let compressed = [&[2], &good[1..67]].concat();
        let infinity = vec![0];
        for point in [
            off_the_curve,
            compressed,
            infinity,
            vec![],
            good[..132].to_vec(),
        ] {
            let outcome = group.start().expect("a key").complete(&point);
            let error = outcome.err().expect("a refusal");
            assert_eq!(error, PeerMisbehaved::InvalidKeyShare.into());
        }
    }
}
