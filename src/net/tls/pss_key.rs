//! Client keys restricted to RSA-PSS (RFC 4055, 1.2), which rustls does not read.

use std::sync::Arc;

use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::Encode;
use pkcs8::der::asn1::BitStringRef;
use pkcs8::spki::SubjectPublicKeyInfoRef;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, SubjectPublicKeyInfoDer};
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme as Scheme};
use x509_parser::prelude::FromDer;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use crate::verify::pss::{Pss, RSA_PSS};
use crate::verify::signature::Digest;
use crate::verify::signatures::{PSS_PSS_SHA256, PSS_PSS_SHA384, PSS_PSS_SHA512};

#[derive(Debug)]
struct PssKey {
    /// The same numbers as an unrestricted RSA key.
    rsa: Arc<dyn SigningKey>,
    digest: Digest,
    public: Vec<u8>,
}

/// The key, if it is a usable RSA-PSS key.
pub fn load(key: &PrivateKeyDer<'_>, provider: &CryptoProvider) -> Option<Arc<dyn SigningKey>> {
    let PrivateKeyDer::Pkcs8(der) = key else {
        return None;
    };
    let info = PrivateKeyInfoRef::try_from(der.secret_pkcs8_der()).ok()?;
    let algorithm = info.algorithm.to_der().ok()?;
    let (_, identifier) = AlgorithmIdentifier::from_der(&algorithm).ok()?;
    if identifier.algorithm != RSA_PSS {
        return None;
    }
    let digest = match identifier.parameters {
        // RFC 4055, 3.1: without parameters there is no restriction.
        None => Digest::Sha256,
        Some(_) => Pss::of(&identifier)?.digest(),
    };
    let numbers = PrivatePkcs1KeyDer::from(info.private_key.as_bytes().to_vec());
    let rsa = provider
        .key_provider
        .load_private_key(numbers.into())
        .ok()?;
    let public = rsa.public_key()?;
    let (_, public) = SubjectPublicKeyInfo::from_der(&public).ok()?;
    let public = SubjectPublicKeyInfoRef {
        algorithm: info.algorithm,
        subject_public_key: BitStringRef::from_bytes(&public.subject_public_key.data).ok()?,
    };
    let public = public.to_der().ok()?;
    Some(Arc::new(PssKey {
        rsa,
        digest,
        public,
    }))
}

impl SigningKey for PssKey {
    /// Ignores the schemes that the server offers, because rustls leaves these out.
    fn choose_scheme(&self, _: &[Scheme]) -> Option<Box<dyn Signer>> {
        let (rsa, scheme) = match self.digest {
            Digest::Sha256 => (Scheme::RSA_PSS_SHA256, PSS_PSS_SHA256),
            Digest::Sha384 => (Scheme::RSA_PSS_SHA384, PSS_PSS_SHA384),
            Digest::Sha512 => (Scheme::RSA_PSS_SHA512, PSS_PSS_SHA512),
        };
        let rsa = self.rsa.choose_scheme(&[rsa])?;
        Some(Box::new(PssSigner { rsa, scheme }))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(self.public.as_slice().into())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

#[derive(Debug)]
struct PssSigner {
    rsa: Box<dyn Signer>,
    scheme: Scheme,
}

impl Signer for PssSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.rsa.sign(message)
    }

    fn scheme(&self) -> Scheme {
        self.scheme
    }
}
