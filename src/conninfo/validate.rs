//! Validates the options' values and builds [`Params`] from them. The order of the checks is libpq's, so that the same of
//! two invalid options is reported.

use crate::auth::scram::OwnedKey;
use crate::mem::error_text::ErrorText;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::options::{Opt, Options, invalid};
use super::params::{
    ChannelBinding, GoAwayMode, GssEncMode, Host, Params, ProtocolVersion, SslCertMode, SslMode,
    SslNegotiation, TargetSessionAttrs,
};
use super::require_auth;

/// Validates everything except `hosts`, which is used as it is.
///
/// Enumerations without a value get libpq's default, in the result and in `options`.
pub fn params(options: &mut Options, hosts: Vec<Host>) -> Result<Params, ErrorText> {
    let require_auth = options.non_empty(Opt::RequireAuth);
    let require_auth = require_auth.map(require_auth::parse).transpose()?;
    let channel_binding = choice(options, Opt::ChannelBinding, &CHANNEL_BINDINGS)?;
    let sslmode = choice(options, Opt::SslMode, &SSL_MODES)?;
    let sslnegotiation = sslnegotiation(options, sslmode)?;
    check_system_roots(options, sslmode)?;
    check_tls_versions(options)?;
    let sslcertmode = choice(options, Opt::SslCertMode, &SSL_CERT_MODES)?;
    let gssencmode = choice(options, Opt::GssEncMode, &GSS_ENC_MODES)?;
    if gssencmode == GssEncMode::Require && !cfg!(feature = "gss") {
        let text = "gssencmode value \"require\" invalid when GSSAPI support is not compiled in";
        return Err(text.into());
    }
    let target_session_attrs = choice(options, Opt::TargetSessionAttrs, &SESSION_ATTRS)?;
    let scram_client_key = scram_key(options, Opt::ScramClientKey, "client")?;
    let scram_server_key = scram_key(options, Opt::ScramServerKey, "server")?;
    let shuffle_addresses = choice(options, Opt::LoadBalanceHosts, &LOAD_BALANCE_HOSTS)?;
    let (min_protocol, max_protocol) = protocol_versions(options)?;
    let goaway = goaway(options)?;
    Ok(Params {
        hosts,
        sslmode,
        sslnegotiation,
        sslcertmode,
        gssencmode,
        channel_binding,
        target_session_attrs,
        require_auth,
        min_protocol,
        max_protocol,
        shuffle_addresses,
        goaway,
        scram_client_key,
        scram_server_key,
    })
}

/// The valid values of an option. The first is the default.
type Choices<T, const N: usize> = [(&'static str, T); N];

const CHANNEL_BINDINGS: Choices<ChannelBinding, 3> = [
    ("prefer", ChannelBinding::Prefer),
    ("disable", ChannelBinding::Disable),
    ("require", ChannelBinding::Require),
];
const SSL_MODES: Choices<SslMode, 6> = [
    ("prefer", SslMode::Prefer),
    ("disable", SslMode::Disable),
    ("allow", SslMode::Allow),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];
const SSL_NEGOTIATIONS: Choices<SslNegotiation, 2> = [
    ("postgres", SslNegotiation::Postgres),
    ("direct", SslNegotiation::Direct),
];
const SSL_CERT_MODES: Choices<SslCertMode, 3> = [
    ("allow", SslCertMode::Allow),
    ("disable", SslCertMode::Disable),
    ("require", SslCertMode::Require),
];
const GSS_ENC_MODES: Choices<GssEncMode, 3> = {
    let disable = ("disable", GssEncMode::Disable);
    let prefer = ("prefer", GssEncMode::Prefer);
    let require = ("require", GssEncMode::Require);
    match cfg!(feature = "gss") {
        true => [prefer, disable, require],
        false => [disable, prefer, require],
    }
};
const SESSION_ATTRS: Choices<TargetSessionAttrs, 6> = [
    ("any", TargetSessionAttrs::Any),
    ("read-write", TargetSessionAttrs::ReadWrite),
    ("read-only", TargetSessionAttrs::ReadOnly),
    ("primary", TargetSessionAttrs::Primary),
    ("standby", TargetSessionAttrs::Standby),
    ("prefer-standby", TargetSessionAttrs::PreferStandby),
];
const LOAD_BALANCE_HOSTS: Choices<bool, 2> = [("disable", false), ("random", true)];
const PROTOCOL_VERSIONS: Choices<ProtocolVersion, 3> = [
    ("3.0", ProtocolVersion::V3_0),
    ("3.2", ProtocolVersion::V3_2),
    ("latest", LATEST_PROTOCOL),
];
const LATEST_PROTOCOL: ProtocolVersion = ProtocolVersion::V3_2;
const GOAWAY_MODES: Choices<GoAwayMode, 3> = [
    ("prefer", GoAwayMode::Prefer),
    ("disable", GoAwayMode::Disable),
    ("notice", GoAwayMode::Notice),
];

fn find<T: Copy>(opt: Opt, value: &[u8], choices: &[(&str, T)]) -> Result<T, ErrorText> {
    let found = choices.iter().find(|choice| choice.0.as_bytes() == value);
    let found = found.map(|choice| choice.1);
    found.ok_or_else(|| invalid(opt.keyword(), value))
}

/// The value of an enumeration. If it has none, the default (the first choice) is stored.
fn choice<T: Copy>(options: &mut Options, opt: Opt, choices: &[(&str, T)]) -> Result<T, ErrorText> {
    options.set_default(opt, choices[0].0.as_bytes());
    find(opt, options.get(opt).unwrap_or_default(), choices)
}

fn wants_system_roots(options: &Options) -> bool {
    options.get(Opt::SslRootCert) == Some(b"system")
}

fn check_system_roots(options: &Options, sslmode: SslMode) -> Result<(), ErrorText> {
    if !wants_system_roots(options) || sslmode == SslMode::VerifyFull {
        return Ok(());
    }
    let end: &[u8] = b"sslrootcert=system (use \"verify-full\")";
    Err(weak_sslmode(options, end))
}

fn weak_sslmode(options: &Options, end: &[u8]) -> ErrorText {
    let sslmode = options.get(Opt::SslMode).unwrap_or_default();
    let middle: &[u8] = b"\" may not be used with ";
    ErrorText::concat(&[b"weak sslmode \"", sslmode, middle, end])
}

/// Whether `sslmode` never falls back to an unencrypted connection.
fn is_strong(sslmode: SslMode) -> bool {
    use SslMode::{Require, VerifyCa, VerifyFull};
    matches!(sslmode, Require | VerifyCa | VerifyFull)
}

fn sslnegotiation(options: &mut Options, sslmode: SslMode) -> Result<SslNegotiation, ErrorText> {
    let sslnegotiation = choice(options, Opt::SslNegotiation, &SSL_NEGOTIATIONS)?;
    if sslnegotiation == SslNegotiation::Direct && !is_strong(sslmode) {
        let end: &[u8] =
            b"sslnegotiation=direct (use \"require\", \"verify-ca\", or \"verify-full\")";
        return Err(weak_sslmode(options, end));
    }
    Ok(sslnegotiation)
}

/// The TLS versions, lowest first.
const TLS_VERSIONS: [&str; 4] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

fn check_tls_versions(options: &Options) -> Result<(), ErrorText> {
    let min = tls_version(options, Opt::SslMinProtocolVersion)?;
    let max = tls_version(options, Opt::SslMaxProtocolVersion)?;
    match (min, max) {
        (Some(min), Some(max)) if min > max => Err(b"invalid SSL protocol version range".into()),
        _ => Ok(()),
    }
}

/// The index of an option's value in [`TLS_VERSIONS`].
fn tls_version(options: &Options, opt: Opt) -> Result<Option<usize>, ErrorText> {
    let Some(value) = options.non_empty(opt) else {
        return Ok(None);
    };
    let is_value = |version: &&str| version.as_bytes().eq_ignore_ascii_case(value);
    let place = TLS_VERSIONS.iter().position(is_value);
    // libpq: the names of these two options are in quotes
    let quoted = || [b"\"", opt.keyword(), b"\""].concat();
    place.map(Some).ok_or_else(|| invalid(&quoted(), value))
}

/// Decodes a SCRAM key. `whose` names it in error texts.
fn scram_key(options: &Options, opt: Opt, whose: &str) -> Result<Option<OwnedKey>, ErrorText> {
    let Some(text) = options.get(opt) else {
        return Ok(None);
    };
    let key = decode_base64(text);
    let key = key.ok_or_else(|| ErrorText::from(format!("invalid SCRAM {whose} key")))?;
    let key = Zeroizing::new(key);
    let mut own = OwnedKey::default();
    if key.len() != own.len() {
        return Err(format!("invalid SCRAM {whose} key length: {}", key.len()).into());
    }
    own.copy_from_slice(&key);
    Ok(Some(own))
}

// libpq: extra bits at the end are ignored
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&STANDARD, config).decode(text).ok()
}

fn protocol_versions(options: &Options) -> Result<(ProtocolVersion, ProtocolVersion), ErrorText> {
    let version = |opt| {
        let value = options.get(opt);
        value
            .map(|value| find(opt, value, &PROTOCOL_VERSIONS))
            .transpose()
    };
    let min = version(Opt::MinProtocolVersion)?.unwrap_or(ProtocolVersion::V3_0);
    // libpq: the default maximum is 3.0, for poolers that cannot negotiate, unless the minimum is higher
    let default = match min > ProtocolVersion::V3_0 {
        true => LATEST_PROTOCOL,
        false => ProtocolVersion::V3_0,
    };
    let max = version(Opt::MaxProtocolVersion)?.unwrap_or(default);
    match min > max {
        true => Err(b"\"min_protocol_version\" is greater than \"max_protocol_version\"".into()),
        false => Ok((min, max)),
    }
}

/// The option `goaway`. Its default is not stored in `options`.
fn goaway(options: &Options) -> Result<GoAwayMode, ErrorText> {
    match options.get(Opt::GoAway) {
        Some(value) => find(Opt::GoAway, value, &GOAWAY_MODES),
        None => Ok(GOAWAY_MODES[0].1),
    }
}

#[cfg(test)]
mod tests;
