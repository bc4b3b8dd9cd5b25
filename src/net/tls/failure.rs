//! TLS errors, in the words that libpq takes from OpenSSL.

use std::io;

use rustls::{
    AlertDescription as Alert, CertificateError, Error, InvalidMessage, PeerIncompatible,
    PeerMisbehaved,
};

use super::Versions;
use crate::mem::error_text::ErrorText;
use crate::net::socket_error::{self, SERVER_CLOSED};
use crate::net::sys;

pub const END_OF_FILE: &[u8] = b"SSL error: unexpected eof while reading";
pub const CLOSED: &[u8] = b"SSL connection has been closed unexpectedly";

/// Why a handshake failed or could not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// libpq's text.
    pub text: ErrorText,
    /// C libpq might have succeeded. If the connection continues in plain text, the user gets a warning.
    pub own: bool,
}

impl Failure {
    /// A failure that C libpq has, too.
    pub fn shared(text: impl Into<ErrorText>) -> Failure {
        let text = text.into();
        Failure { text, own: false }
    }

    /// A failure that C libpq might not have.
    pub fn own(text: impl Into<ErrorText>) -> Failure {
        let text = text.into();
        Failure { text, own: true }
    }
}

impl From<ErrorText> for Failure {
    fn from(text: ErrorText) -> Failure {
        Failure::shared(text)
    }
}

/// A read or write failed during the handshake. The server may have rejected the offer.
pub fn of_socket(error: &io::Error) -> Failure {
    let text = ErrorText::concat(&[b"SSL SYSCALL error: ", &sys::error_text(error)]);
    if !socket_error::is_closed(error) {
        return Failure::own(text);
    }
    // libpq: both layers report a connection that the server closed.
    let both = [SERVER_CLOSED.as_bytes(), b"\n", &text];
    Failure::own(ErrorText::concat(&both))
}

/// The server closed the connection during the handshake.
pub fn of_end() -> Failure {
    Failure::own(END_OF_FILE)
}

/// The error text for a session that cannot continue.
pub fn of_session(error: &Error) -> ErrorText {
    ErrorText::concat(&[b"SSL error: ", reason(error).as_bytes()])
}

/// The error text of a failed handshake, with libpq's hint for a version mismatch and hints of this library.
pub fn of_handshake(error: &Error, versions: &Versions) -> Failure {
    let hint = if is_version_mismatch(error) {
        let min = versions.min.as_deref().unwrap_or(b"TLSv1");
        let max = versions.max.as_deref().unwrap_or(b"TLSv1.3");
        let start: &[u8] = b"\nThis may indicate that the server does not support any SSL protocol version between ";
        &[start, min, b" and ", max, b"."].concat()
    } else if is_nothing_in_common(error) {
        NOTHING_IN_COMMON
    } else if is_too_large(error) {
        TOO_LARGE
    } else {
        b""
    };
    let text = ErrorText::concat(&[&of_session(error), hint]);
    let own = is_own(error);
    Failure { text, own }
}

const NOTHING_IN_COMMON: &[u8] = b"\nThis may indicate that the server shares no cipher suite, key exchange group or type of certificate with this library, which has only TLS 1.3 and TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305.";
const TOO_LARGE: &[u8] =
    b"\nThis library takes messages of a handshake, and so certificate chains, up to 64 kB.";

fn is_version_mismatch(error: &Error) -> bool {
    is_no_tls(error)
        || matches!(
            error,
            Error::AlertReceived(Alert::ProtocolVersion)
                | Error::PeerIncompatible(
                    PeerIncompatible::ServerDoesNotSupportTls12Or13
                        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                )
        )
}

/// What was received is not a TLS record.
fn is_no_tls(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion
        )
    )
}

fn is_nothing_in_common(error: &Error) -> bool {
    matches!(
        error,
        Error::AlertReceived(
            Alert::HandshakeFailure | Alert::InsufficientSecurity | Alert::UnsupportedCertificate
        ) | Error::PeerIncompatible(_)
            | Error::PeerMisbehaved(PeerMisbehaved::SignedKxWithWrongAlgorithm)
    )
}

fn is_too_large(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidMessage(
            InvalidMessage::HandshakePayloadTooLarge | InvalidMessage::CertificatePayloadTooLarge
        )
    )
}

/// Whether C libpq might have succeeded: true unless it is known to fail, too.
fn is_own(error: &Error) -> bool {
    match error {
        Error::AlertReceived(alert) => matches!(
            alert,
            Alert::HandshakeFailure
                | Alert::InsufficientSecurity
                | Alert::ProtocolVersion
                | Alert::UnsupportedCertificate
                | Alert::IllegalParameter
                | Alert::DecodeError
                | Alert::MissingExtension
                | Alert::UnsupportedExtension
                | Alert::InternalError
        ),
        // The others concern encodings, algorithms and rules that OpenSSL may treat differently: docs/tls.md lists them.
        Error::InvalidCertificate(verdict) => !matches!(
            verdict,
            CertificateError::UnknownIssuer
                | CertificateError::Expired
                | CertificateError::NotValidYet
                | CertificateError::Revoked
        ),
        other => !is_no_tls(other),
    }
}

fn reason(error: &Error) -> String {
    let known = match error {
        Error::AlertReceived(alert) => return alert_received(*alert),
        Error::InvalidCertificate(_) | Error::InvalidCertRevocationList(_) => {
            "certificate verify failed"
        }
        _ if is_no_tls(error) => "wrong version number",
        // rustls does not support signatures with RSA-PSS keys in TLS 1.2.
        Error::PeerMisbehaved(PeerMisbehaved::SignedKxWithWrongAlgorithm) => "wrong signature type",
        _ if is_too_large(error) => "excessive message size",
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => "unsupported protocol",
        Error::DecryptError => "decryption failed or bad record mac",
        Error::PeerSentOversizedRecord => "data length too long",
        Error::NoApplicationProtocol => "no application protocol",
        other => return other.to_string(),
    };
    known.into()
}

fn alert_received(alert: Alert) -> String {
    let known = match alert {
        Alert::UnexpectedMessage => "sslv3 alert unexpected message",
        Alert::BadRecordMac => "sslv3 alert bad record mac",
        Alert::DecryptionFailed => "tlsv1 alert decryption failed",
        Alert::RecordOverflow => "tlsv1 alert record overflow",
        Alert::DecompressionFailure => "sslv3 alert decompression failure",
        Alert::HandshakeFailure => "sslv3 alert handshake failure",
        Alert::NoCertificate => "sslv3 alert no certificate",
        Alert::BadCertificate => "sslv3 alert bad certificate",
        Alert::UnsupportedCertificate => "sslv3 alert unsupported certificate",
        Alert::CertificateRevoked => "sslv3 alert certificate revoked",
        Alert::CertificateExpired => "sslv3 alert certificate expired",
        Alert::CertificateUnknown => "sslv3 alert certificate unknown",
        Alert::IllegalParameter => "sslv3 alert illegal parameter",
        Alert::UnknownCA => "tlsv1 alert unknown ca",
        Alert::AccessDenied => "tlsv1 alert access denied",
        Alert::DecodeError => "tlsv1 alert decode error",
        Alert::DecryptError => "tlsv1 alert decrypt error",
        Alert::ExportRestriction => "tlsv1 alert export restriction",
        Alert::ProtocolVersion => "tlsv1 alert protocol version",
        Alert::InsufficientSecurity => "tlsv1 alert insufficient security",
        Alert::InternalError => "tlsv1 alert internal error",
        Alert::InappropriateFallback => "tlsv1 alert inappropriate fallback",
        Alert::UserCanceled => "tlsv1 alert user cancelled",
        Alert::NoRenegotiation => "tlsv1 alert no renegotiation",
        Alert::MissingExtension => "tlsv13 alert missing extension",
        Alert::UnsupportedExtension => "tlsv1 unsupported extension",
        Alert::CertificateUnobtainable => "tlsv1 certificate unobtainable",
        Alert::UnrecognisedName => "tlsv1 unrecognized name",
        Alert::BadCertificateStatusResponse => "tlsv1 bad certificate status response",
        Alert::BadCertificateHashValue => "tlsv1 bad certificate hash value",
        Alert::CertificateRequired => "tlsv13 alert certificate required",
        Alert::NoApplicationProtocol => "tlsv1 alert no application protocol",
        // libpq: shows the number of an alert without an OpenSSL text.
        other => {
            return format!(
                "SSL error code {}",
                0x0a00_0000 + 1000 + u32::from(u8::from(other))
            );
        }
    };
    known.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::OtherError;
    use std::sync::Arc;

    /// For these, C libpq continues in plain text, too, without a message.
    #[test]
    fn failures_that_c_libpq_shares() {
        use CertificateError::*;
        let alerts = [
            Alert::CertificateExpired,
            Alert::CertificateRevoked,
            Alert::CertificateRequired,
            Alert::UnknownCA,
            Alert::AccessDenied,
            Alert::NoApplicationProtocol,
            Alert::UnrecognisedName,
        ];
        let verdicts = [UnknownIssuer, Expired, NotValidYet, Revoked];
        let no_tls = [
            InvalidMessage::InvalidContentType,
            InvalidMessage::UnknownProtocolVersion,
        ];
        let alerts = alerts.map(Error::AlertReceived).into_iter();
        let verdicts = verdicts.map(Error::InvalidCertificate).into_iter();
        let no_tls = no_tls.map(Error::InvalidMessage).into_iter();
        for error in alerts.chain(verdicts).chain(no_tls) {
            assert!(!of_handshake(&error, &Versions::default()).own, "{error:?}");
        }
    }

    #[test]
    fn failures_that_c_libpq_may_not_have() {
        let other = OtherError(Arc::new(io::Error::other("too complex")));
        for error in [
            Error::AlertReceived(Alert::HandshakeFailure),
            Error::AlertReceived(Alert::ProtocolVersion),
            Error::AlertReceived(Alert::InsufficientSecurity),
            Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
            Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare),
            Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge),
            Error::InvalidMessage(InvalidMessage::TrailingData("x")),
            Error::InvalidCertificate(CertificateError::BadEncoding),
            Error::InvalidCertificate(CertificateError::BadSignature),
            Error::InvalidCertificate(CertificateError::InvalidPurpose),
            Error::InvalidCertificate(CertificateError::UnknownRevocationStatus),
            Error::InvalidCertificate(CertificateError::Other(other)),
            Error::DecryptError,
            Error::General("x".into()),
        ] {
            assert!(of_handshake(&error, &Versions::default()).own, "{error:?}");
        }
        assert!(of_end().own);
        assert!(of_socket(&io::Error::from_raw_os_error(libc::ECONNRESET)).own);
    }

    #[test]
    fn hints_say_what_may_be_missing() {
        let text = |error| {
            let failure = of_handshake(&error, &Versions::default());
            failure.text.to_string()
        };
        let nothing = text(Error::PeerIncompatible(
            PeerIncompatible::NoCipherSuitesInCommon,
        ));
        assert!(nothing.contains("shares no cipher suite"), "{nothing}");
        let version = text(Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13,
        ));
        let expected = "SSL error: unsupported protocol\nThis may indicate that the server does not support any SSL protocol version between TLSv1 and TLSv1.3.";
        assert_eq!(version, expected);
        let large = text(Error::InvalidMessage(
            InvalidMessage::HandshakePayloadTooLarge,
        ));
        let expected = "SSL error: excessive message size\nThis library takes messages of a handshake, and so certificate chains, up to 64 kB.";
        assert_eq!(large, expected);
    }
}
