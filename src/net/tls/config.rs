//! The configuration of a TLS connection.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::mem::error_text::ErrorText;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, SupportedProtocolVersion};

use super::PROTOCOL;
use super::certificate_sender::{Asked, Identity};
use super::key_log::KeyLogFile;
use crate::net::sys::has_random_bytes;
use crate::verify::Verifier;
use crate::verify::provider::provider;

/// The bounds for the TLS version, from the options; None or empty is no bound.
#[derive(Debug, Clone, Default)]
pub struct Versions {
    pub min: Option<Vec<u8>>,
    pub max: Option<Vec<u8>>,
}

/// What the options ask for.
#[derive(Debug, Default)]
pub struct Settings {
    pub versions: Versions,
    pub verifier: Verifier,
    pub identity: Option<Identity>,
    /// The server name to send (SNI).
    pub server_name: Option<Vec<u8>>,
    /// The file for session secrets, for debugging.
    pub key_log: Option<Vec<u8>>,
}

/// A connection before its first message; Err is a text in libpq's style.
pub fn client(settings: Settings) -> Result<(ClientConnection, Arc<Asked>), ErrorText> {
    let versions = allowed(&settings.versions)?;
    if !has_random_bytes() {
        return Err("could not create SSL context: could not generate random bytes".into());
    }
    let asked = Arc::new(Asked::new(settings.identity));
    let failed = |error: rustls::Error| format!("could not create SSL context: {error}");
    let mut config = ClientConfig::builder_with_provider(provider().clone())
        .with_protocol_versions(&versions)
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(settings.verifier))
        .with_client_cert_resolver(asked.clone());
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    // libpq: sessions are not resumed, because the server issues no tickets.
    config.resumption = Resumption::disabled();
    if let Some(path) = settings.key_log {
        config.key_log = Arc::new(KeyLogFile::new(path));
    }
    let name = settings.server_name.as_deref().and_then(server_name);
    config.enable_sni = name.is_some();
    // rustls needs a name; an address is not sent.
    let name = name.unwrap_or(ServerName::from(Ipv4Addr::LOCALHOST));
    let mut session = ClientConnection::new(Arc::new(config), name).map_err(failed)?;
    session.set_buffer_limit(None);
    Ok((session, asked))
}

/// A name that can be sent. libpq sends any text, rustls only valid names.
fn server_name(name: &[u8]) -> Option<ServerName<'static>> {
    let name = std::str::from_utf8(name).ok()?;
    let name = ServerName::try_from(name.to_owned()).ok()?;
    matches!(name, ServerName::DnsName(_)).then_some(name)
}

/// Version names, lowest first. rustls supports only the last two.
const KNOWN: [(&str, Option<&SupportedProtocolVersion>); 4] = [
    ("TLSv1", None),
    ("TLSv1.1", None),
    ("TLSv1.2", Some(&rustls::version::TLS12)),
    ("TLSv1.3", Some(&rustls::version::TLS13)),
];

/// Checks that a version within the bounds is supported; Err is a text in libpq's style.
pub fn check_versions(versions: &Versions) -> Result<(), ErrorText> {
    allowed(versions).map(drop)
}

fn allowed(versions: &Versions) -> Result<Vec<&'static SupportedProtocolVersion>, ErrorText> {
    let place = |text: &Option<Vec<u8>>| {
        let text = text.as_deref()?;
        let mut names = KNOWN.iter();
        names.position(|(name, _)| name.as_bytes().eq_ignore_ascii_case(text))
    };
    let first = place(&versions.min).unwrap_or(0);
    let last = place(&versions.max).unwrap_or(KNOWN.len() - 1);
    let range = KNOWN.get(first..=last).unwrap_or_default();
    let found: Vec<_> = range.iter().filter_map(|(_, version)| *version).collect();
    if found.is_empty() {
        let max = versions.max.as_deref().unwrap_or_default();
        let text = [
            b"could not set maximum SSL protocol version: \"",
            max,
            b"\" is not supported, the lowest supported version is TLSv1.2",
        ];
        return Err(ErrorText::concat(&text));
    }
    Ok(found)
}
