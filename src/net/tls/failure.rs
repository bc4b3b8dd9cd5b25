//! What goes wrong with TLS, in the words that libpq takes from OpenSSL.

use std::io;

use rustls::{AlertDescription as Alert, Error, InvalidMessage, PeerIncompatible};

use super::Versions;
use crate::net::sys;

pub const END_OF_FILE: &[u8] = b"SSL error: unexpected eof while reading";
pub const CLOSED: &[u8] = b"SSL connection has been closed unexpectedly";

/// A read or write of the socket that failed during the handshake.
pub fn of_socket(error: &io::Error) -> Vec<u8> {
    [b"SSL SYSCALL error: ", &sys::error_text(error)[..]].concat()
}

/// A session that cannot go on.
pub fn of_session(error: &Error) -> Vec<u8> {
    [b"SSL error: ", reason(error).as_bytes()].concat()
}

/// A handshake that failed; a mismatch of versions gets libpq's hint.
pub fn of_handshake(error: &Error, versions: &Versions) -> Vec<u8> {
    let mut text = of_session(error);
    if is_version_mismatch(error) {
        let min = versions.min.as_deref().unwrap_or(b"TLSv1");
        let max = versions.max.as_deref().unwrap_or(b"TLSv1.3");
        text.extend_from_slice(b"\nThis may indicate that the server does not support any SSL protocol version between ");
        text.extend_from_slice(&[min, b" and ", max, b"."].concat());
    }
    text
}

fn is_version_mismatch(error: &Error) -> bool {
    matches!(
        error,
        Error::AlertReceived(Alert::ProtocolVersion)
            | Error::InvalidMessage(_)
            | Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                    | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            )
    )
}

fn reason(error: &Error) -> String {
    let known = match error {
        Error::AlertReceived(alert) => return alert_received(*alert),
        Error::InvalidCertificate(_) | Error::InvalidCertRevocationList(_) => {
            "certificate verify failed"
        }
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => "wrong version number",
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
        // libpq: an alert that OpenSSL has no words for is a number.
        other => {
            return format!(
                "SSL error code {}",
                0x0a00_0000 + 1000 + u32::from(u8::from(other))
            );
        }
    };
    known.into()
}
