//! The validated options of one connection. A connection attempt uses these.
//!
//! Integers that libpq parses only when it tries an address (ports, keepalives, timeouts) are kept as text.

use crate::auth::scram::OwnedKey;
use zeroize::Zeroizing;

/// One entry of the host list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    pub kind: HostKind,
    /// The host name or Unix-socket directory, after defaults.
    pub host: Option<Vec<u8>>,
    /// The numeric address as given.
    pub hostaddr: Option<Vec<u8>>,
    /// The port as given. None or empty means the default.
    pub port: Option<Vec<u8>>,
    /// The password found in the password file for this host.
    pub password: Option<Zeroizing<Vec<u8>>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HostKind {
    /// A name to resolve.
    #[default]
    Name,
    /// A numeric address.
    Address,
    /// A Unix-socket directory (`/...`, or `@...` in the abstract namespace).
    Unix,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslNegotiation {
    Postgres,
    Direct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslCertMode {
    Disable,
    Allow,
    Require,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GssEncMode {
    Disable,
    Prefer,
    Require,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelBinding {
    Disable,
    Prefer,
    Require,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetSessionAttrs {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

/// Whether to ask the server for GoAway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoAwayMode {
    /// Ask. If the server cannot handle the request itself, connect again without it.
    Prefer,
    /// Never ask.
    Disable,
    /// Like `Prefer`, and the first GoAway of a connection is also reported as a notice.
    Notice,
}

/// A protocol version as it is sent: the major version is in the upper 16 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProtocolVersion(pub u32);

impl ProtocolVersion {
    pub const V3_0: ProtocolVersion = ProtocolVersion(0x0003_0000);
    pub const V3_2: ProtocolVersion = ProtocolVersion(0x0003_0002);

    pub fn major(self) -> u32 {
        self.0 >> 16
    }
    pub fn minor(self) -> u32 {
        self.0 & 0xffff
    }
}

/// Bits of [`RequireAuth::allowed`].
pub mod auth_bit {
    pub const NONE: u16 = 1 << 0;
    pub const PASSWORD: u16 = 1 << 1;
    pub const MD5: u16 = 1 << 2;
    pub const GSS: u16 = 1 << 3;
    pub const SSPI: u16 = 1 << 4;
    pub const SCRAM: u16 = 1 << 5;
    pub const OAUTH: u16 = 1 << 6;
    pub const ALL: u16 = (1 << 7) - 1;
}

/// The parsed `require_auth` option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequireAuth {
    /// The option's text, for error messages.
    pub text: Vec<u8>,
    /// The permitted methods, as bits of [`auth_bit`].
    pub allowed: u16,
    /// False if `none` is among the permitted methods: then a server that does not ask for authentication is accepted.
    pub required: bool,
}

/// The validated options.
#[derive(Debug, Clone)]
pub struct Params {
    /// Never empty. Already shuffled if `load_balance_hosts=random`.
    pub hosts: Vec<Host>,
    pub sslmode: SslMode,
    pub sslnegotiation: SslNegotiation,
    pub sslcertmode: SslCertMode,
    pub gssencmode: GssEncMode,
    pub channel_binding: ChannelBinding,
    pub target_session_attrs: TargetSessionAttrs,
    pub require_auth: Option<RequireAuth>,
    pub min_protocol: ProtocolVersion,
    pub max_protocol: ProtocolVersion,
    /// True for `load_balance_hosts=random`: the addresses of each host are shuffled too.
    pub shuffle_addresses: bool,
    pub goaway: GoAwayMode,
    /// Decoded `scram_client_key` and `scram_server_key`.
    pub scram_client_key: Option<OwnedKey>,
    pub scram_server_key: Option<OwnedKey>,
}
