//! The table of connection options, and a set of values for them.

use std::ffi::CStr;

use crate::mem::error_text::ErrorText;

use zeroize::Zeroizing;

/// The description of one option that `PQconndefaults` returns.
#[derive(Debug, Clone, Copy)]
pub struct OptionDef {
    pub keyword: &'static CStr,
    /// The environment variable with the default.
    pub envvar: Option<&'static CStr>,
    /// The default if there is no other.
    pub compiled: Option<&'static CStr>,
    /// The label of a field in a connection dialog.
    pub label: &'static CStr,
    /// How a dialog shows the value: "" unchanged, "*" hidden, "D" not at all by default.
    pub dispchar: &'static CStr,
    /// The size of the field in characters.
    pub dispsize: i32,
}

/// Declares the variants of [`Opt`] and the rows of [`OPTIONS`] in one order.
macro_rules! options {
    ($($opt:ident $keyword:literal $envvar:expr, $compiled:expr, $label:literal $dispchar:literal $dispsize:literal;)*) => {
        /// One option of [`OPTIONS`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Opt { $($opt),* }

        /// The number of options.
        pub const COUNT: usize = [$(Opt::$opt),*].len();

        impl Opt {
            /// Every option, in the table's order.
            pub const ALL: [Opt; COUNT] = [$(Opt::$opt),*];
        }

        /// The options in the order in which `PQconndefaults` lists them.
        pub static OPTIONS: [OptionDef; COUNT] = [$(OptionDef {
            keyword: $keyword,
            envvar: $envvar,
            compiled: $compiled,
            label: $label,
            dispchar: $dispchar,
            dispsize: $dispsize,
        }),*];
    };
}

options! {
    Service c"service" Some(c"PGSERVICE"), None, c"Database-Service" c"" 20;
    ServiceFile c"servicefile" Some(c"PGSERVICEFILE"), None, c"Database-Service-File" c"" 64;
    User c"user" Some(c"PGUSER"), None, c"Database-User" c"" 20;
    Password c"password" Some(c"PGPASSWORD"), None, c"Database-Password" c"*" 20;
    PassFile c"passfile" Some(c"PGPASSFILE"), None, c"Database-Password-File" c"" 64;
    ChannelBinding c"channel_binding" Some(c"PGCHANNELBINDING"), Some(c"prefer"), c"Channel-Binding" c"" 8;
    ConnectTimeout c"connect_timeout" Some(c"PGCONNECT_TIMEOUT"), None, c"Connect-timeout" c"" 10;
    DbName c"dbname" Some(c"PGDATABASE"), None, c"Database-Name" c"" 20;
    Host c"host" Some(c"PGHOST"), None, c"Database-Host" c"" 40;
    HostAddr c"hostaddr" Some(c"PGHOSTADDR"), None, c"Database-Host-IP-Address" c"" 45;
    Port c"port" Some(c"PGPORT"), Some(c"5432"), c"Database-Port" c"" 6;
    ClientEncoding c"client_encoding" Some(c"PGCLIENTENCODING"), None, c"Client-Encoding" c"" 10;
    Options c"options" Some(c"PGOPTIONS"), Some(c""), c"Backend-Options" c"" 40;
    ApplicationName c"application_name" Some(c"PGAPPNAME"), None, c"Application-Name" c"" 64;
    FallbackApplicationName c"fallback_application_name" None, None, c"Fallback-Application-Name" c"" 64;
    Keepalives c"keepalives" None, None, c"TCP-Keepalives" c"" 1;
    KeepalivesIdle c"keepalives_idle" None, None, c"TCP-Keepalives-Idle" c"" 10;
    KeepalivesInterval c"keepalives_interval" None, None, c"TCP-Keepalives-Interval" c"" 10;
    KeepalivesCount c"keepalives_count" None, None, c"TCP-Keepalives-Count" c"" 10;
    TcpUserTimeout c"tcp_user_timeout" None, None, c"TCP-User-Timeout" c"" 10;
    SslMode c"sslmode" Some(c"PGSSLMODE"), Some(c"prefer"), c"SSL-Mode" c"" 12;
    SslNegotiation c"sslnegotiation" Some(c"PGSSLNEGOTIATION"), Some(c"postgres"), c"SSL-Negotiation" c"" 9;
    SslCompression c"sslcompression" Some(c"PGSSLCOMPRESSION"), Some(c"0"), c"SSL-Compression" c"" 1;
    SslCert c"sslcert" Some(c"PGSSLCERT"), None, c"SSL-Client-Cert" c"" 64;
    SslKey c"sslkey" Some(c"PGSSLKEY"), None, c"SSL-Client-Key" c"" 64;
    SslCertMode c"sslcertmode" Some(c"PGSSLCERTMODE"), None, c"SSL-Client-Cert-Mode" c"" 8;
    SslPassword c"sslpassword" None, None, c"SSL-Client-Key-Password" c"*" 20;
    SslRootCert c"sslrootcert" Some(c"PGSSLROOTCERT"), None, c"SSL-Root-Certificate" c"" 64;
    SslCrl c"sslcrl" Some(c"PGSSLCRL"), None, c"SSL-Revocation-List" c"" 64;
    SslCrlDir c"sslcrldir" Some(c"PGSSLCRLDIR"), None, c"SSL-Revocation-List-Dir" c"" 64;
    SslSni c"sslsni" Some(c"PGSSLSNI"), Some(c"1"), c"SSL-SNI" c"" 1;
    RequirePeer c"requirepeer" Some(c"PGREQUIREPEER"), None, c"Require-Peer" c"" 10;
    RequireAuth c"require_auth" Some(c"PGREQUIREAUTH"), None, c"Require-Auth" c"" 14;
    MinProtocolVersion c"min_protocol_version" Some(c"PGMINPROTOCOLVERSION"), None, c"Min-Protocol-Version" c"" 6;
    MaxProtocolVersion c"max_protocol_version" Some(c"PGMAXPROTOCOLVERSION"), None, c"Max-Protocol-Version" c"" 6;
    SslMinProtocolVersion c"ssl_min_protocol_version" Some(c"PGSSLMINPROTOCOLVERSION"), Some(c"TLSv1.2"), c"SSL-Minimum-Protocol-Version" c"" 8;
    SslMaxProtocolVersion c"ssl_max_protocol_version" Some(c"PGSSLMAXPROTOCOLVERSION"), None, c"SSL-Maximum-Protocol-Version" c"" 8;
    GssEncMode c"gssencmode" Some(c"PGGSSENCMODE"), Some(if cfg!(feature = "gss") { c"prefer" } else { c"disable" }), c"GSSENC-Mode" c"" 8;
    KrbSrvName c"krbsrvname" Some(c"PGKRBSRVNAME"), Some(c"postgres"), c"Kerberos-service-name" c"" 20;
    GssLib c"gsslib" Some(c"PGGSSLIB"), None, c"GSS-library" c"" 7;
    GssDelegation c"gssdelegation" Some(c"PGGSSDELEGATION"), Some(c"0"), c"GSS-delegation" c"" 1;
    Replication c"replication" None, None, c"Replication" c"D" 5;
    TargetSessionAttrs c"target_session_attrs" Some(c"PGTARGETSESSIONATTRS"), Some(c"any"), c"Target-Session-Attrs" c"" 15;
    LoadBalanceHosts c"load_balance_hosts" Some(c"PGLOADBALANCEHOSTS"), Some(c"disable"), c"Load-Balance-Hosts" c"" 8;
    ScramClientKey c"scram_client_key" None, None, c"SCRAM-Client-Key" c"D" 64;
    ScramServerKey c"scram_server_key" None, None, c"SCRAM-Server-Key" c"D" 64;
    OAuthIssuer c"oauth_issuer" None, None, c"OAuth-Issuer" c"" 40;
    OAuthClientId c"oauth_client_id" None, None, c"OAuth-Client-ID" c"" 40;
    OAuthClientSecret c"oauth_client_secret" None, None, c"OAuth-Client-Secret" c"*" 40;
    OAuthScope c"oauth_scope" None, None, c"OAuth-Scope" c"" 15;
    OAuthCaFile c"oauth_ca_file" Some(c"PGOAUTHCAFILE"), None, c"OAuth-CA-File" c"" 64;
    SslKeyLogFile c"sslkeylogfile" None, None, c"SSL-Key-Log-File" c"D" 64;
    GoAway c"goaway" Some(c"PGGOAWAY"), None, c"GoAway" c"" 8;
}

impl Opt {
    /// The option's row in [`OPTIONS`].
    pub fn def(self) -> &'static OptionDef {
        &OPTIONS[self as usize]
    }

    /// The option's keyword.
    pub fn keyword(self) -> &'static [u8] {
        self.def().keyword.to_bytes()
    }
}

/// The error for an invalid value of an option.
pub(super) fn invalid(keyword: &[u8], value: &[u8]) -> ErrorText {
    ErrorText::concat(&[b"invalid ", keyword, b" value: \"", value, b"\""])
}

/// The values of options. Values are zeroed when they are dropped.
#[derive(Clone)]
pub struct Options {
    values: [Option<Zeroizing<Vec<u8>>>; COUNT],
}

impl Default for Options {
    fn default() -> Options {
        Options {
            values: [const { None }; COUNT],
        }
    }
}

impl Options {
    /// The value of `opt`, which may be empty; None if it has no value.
    pub fn get(&self, opt: Opt) -> Option<&[u8]> {
        self.values[opt as usize].as_ref().map(|value| &value[..])
    }

    /// The value of `opt` unless it is empty. Most options treat an empty value as no value.
    pub fn non_empty(&self, opt: Opt) -> Option<&[u8]> {
        self.get(opt).filter(|value| !value.is_empty())
    }

    /// Replaces the value of `opt`.
    pub fn set(&mut self, opt: Opt, value: Option<Vec<u8>>) {
        self.values[opt as usize] = value.map(Zeroizing::new);
    }

    /// Sets the value of `opt` if it has none.
    pub fn set_default(&mut self, opt: Opt, value: &[u8]) {
        if self.get(opt).is_none() {
            self.set(opt, Some(value.to_vec()));
        }
    }

    /// Replaces values with those that `other` has.
    pub fn overlay(&mut self, other: Options) {
        for (value, others) in self.values.iter_mut().zip(other.values) {
            if others.is_some() {
                *value = others;
            }
        }
    }

    /// The total size of the values in bytes.
    pub fn size(&self) -> usize {
        self.values.iter().flatten().map(|value| value.len()).sum()
    }

    /// The option with this keyword.
    pub fn find(keyword: &[u8]) -> Option<Opt> {
        Opt::ALL.into_iter().find(|opt| opt.keyword() == keyword)
    }

    /// Sets the value of the option with this keyword, as connection strings do; None for an unknown keyword.
    pub fn store(&mut self, keyword: &[u8], value: Vec<u8>) -> Option<()> {
        let mut value = Zeroizing::new(value);
        // libpq: requiressl is not an option any more, but is still accepted here
        let (opt, value) = match keyword {
            b"requiressl" if value.first() == Some(&b'1') => (Opt::SslMode, b"require".to_vec()),
            b"requiressl" => (Opt::SslMode, b"prefer".to_vec()),
            _ => (Options::find(keyword)?, std::mem::take(&mut *value)),
        };
        self.set(opt, Some(value));
        Some(())
    }

    /// Sets options that have no value from the environment (read through `variable`) and the compiled defaults. `user`
    /// returns the name of the operating system's user.
    pub fn add_defaults(
        &mut self,
        variable: impl Fn(&CStr) -> Option<Vec<u8>>,
        user: impl FnOnce() -> Option<Vec<u8>>,
    ) {
        let mut sslmode_compiled = false;
        for opt in Opt::ALL {
            if self.get(opt).is_none() {
                let found = opt.def().envvar.and_then(&variable);
                let found = found.or_else(|| legacy_requiressl(opt, &variable));
                sslmode_compiled |= opt == Opt::SslMode && found.is_none();
                let compiled = || opt.def().compiled.map(|value| value.to_bytes().to_vec());
                self.set(opt, found.or_else(compiled));
            }
        }
        if self.get(Opt::User).is_none() {
            self.set(Opt::User, user());
        }
        // libpq: with the system's trust store weaker modes are useless, so the default is stronger
        if sslmode_compiled && self.get(Opt::SslRootCert) == Some(b"system") {
            self.set(Opt::SslMode, Some(b"verify-full".to_vec()));
        }
    }
}

/// `PGREQUIRESSL=1` as a value for sslmode.
fn legacy_requiressl(opt: Opt, variable: impl Fn(&CStr) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let asked = opt == Opt::SslMode && variable(c"PGREQUIRESSL")?.first() == Some(&b'1');
    asked.then(|| b"require".to_vec())
}

/// The error for an unknown keyword.
pub fn invalid_option(keyword: &[u8]) -> ErrorText {
    ErrorText::concat(&[b"invalid connection option \"", keyword, b"\""])
}

#[cfg(test)]
pub(crate) mod tests;
