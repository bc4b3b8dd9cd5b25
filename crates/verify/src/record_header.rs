//! TLS 1.3 cipher suites that check the header of each encrypted record.
//!
//! RFC 8446, 5.2: the header that was received is part of the authenticated data. rustls authenticates the header that should
//! have been received instead, so an attacker could change the content type and the version in it.

use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, MessageDecrypter, MessageEncrypter,
    Tls13AeadAlgorithm, UnsupportedOperationError,
};
use rustls::{
    CipherSuiteCommon, ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion,
    SupportedCipherSuite, Tls13CipherSuite,
};

/// A suite of TLS 1.3 with the check; one of TLS 1.2, where rustls checks the header, as it is. Memory of a suite is never
/// freed.
pub fn checked(suite: SupportedCipherSuite) -> SupportedCipherSuite {
    let SupportedCipherSuite::Tls13(original) = suite else {
        return suite;
    };
    SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite {
        common: CipherSuiteCommon {
            suite: original.common.suite,
            hash_provider: original.common.hash_provider,
            confidentiality_limit: original.common.confidentiality_limit,
        },
        hkdf_provider: original.hkdf_provider,
        aead_alg: Box::leak(Box::new(Checked(original.aead_alg))),
        quic: None,
    })))
}

struct Checked(&'static dyn Tls13AeadAlgorithm);

impl Tls13AeadAlgorithm for Checked {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        self.0.encrypter(key, iv)
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(CheckedDecrypter(self.0.decrypter(key, iv)))
    }

    fn key_len(&self) -> usize {
        self.0.key_len()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.extract_keys(key, iv)
    }

    fn fips(&self) -> bool {
        self.0.fips()
    }
}

struct CheckedDecrypter(Box<dyn MessageDecrypter>);

impl MessageDecrypter for CheckedDecrypter {
    fn decrypt<'a>(
        &mut self,
        record: InboundOpaqueMessage<'a>,
        number: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        if (record.typ, record.version) != (ContentType::ApplicationData, ProtocolVersion::TLSv1_2)
        {
            return Err(Error::DecryptError);
        }
        self.0.decrypt(record, number)
    }
}
