//! Which encryption method to try next at one address.

use crate::conninfo::params::{GssEncMode, Params, SslMode};
use crate::mem::error_text::ErrorText;

/// The encryption of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Gss,
    Tls,
    Plain,
}

impl Method {
    fn bit(self) -> u8 {
        match self {
            Method::Gss => 1,
            Method::Tls => 2,
            Method::Plain => 4,
        }
    }
}

/// What this build and its environment support.
#[derive(Debug, Clone, Copy)]
pub struct Available {
    pub tls: bool,
    /// Whether there are GSSAPI credentials. `Err` says what is missing. Called only when needed.
    pub gss: fn() -> Result<(), ErrorText>,
}

/// The methods that are permitted and those that have failed at one address.
#[derive(Debug, Default)]
pub struct Encryption {
    allowed: u8,
    failed: u8,
    current: Option<Method>,
    plain_first: bool,
}

impl Encryption {
    /// Starts with a new address. `Err` has libpq's error text.
    pub fn new(params: &Params, unix: bool, available: Available) -> Result<Encryption, ErrorText> {
        let mut encryption = Encryption {
            plain_first: params.sslmode == SslMode::Allow,
            ..Encryption::default()
        };
        if unix {
            if params.gssencmode == GssEncMode::Require {
                let text = "GSSAPI encryption required but it is not supported over a local socket";
                return Err(text.into());
            }
            encryption.allowed = Method::Plain.bit();
        } else {
            encryption.allowed = allowed_by(params, available)?;
        }
        encryption.next();
        Ok(encryption)
    }

    /// The method to use now. `None` if all have failed.
    pub fn current(&self) -> Option<Method> {
        self.current
    }

    /// Marks the current method as failed. True if another one can be tried at the same address.
    pub fn fall_back(&mut self) -> bool {
        if let Some(method) = self.current {
            self.failed |= method.bit();
        }
        self.next();
        self.current.is_some()
    }

    fn next(&mut self) {
        let order = if self.plain_first {
            [Method::Gss, Method::Plain, Method::Tls]
        } else {
            [Method::Gss, Method::Tls, Method::Plain]
        };
        let left = self.allowed & !self.failed;
        self.current = order.into_iter().find(|method| left & method.bit() != 0);
    }
}

fn allowed_by(params: &Params, available: Available) -> Result<u8, ErrorText> {
    let mut allowed = 0;
    let gss = params.gssencmode;
    if available.tls && params.sslmode != SslMode::Disable && gss != GssEncMode::Require {
        allowed |= Method::Tls.bit();
    }
    if gss != GssEncMode::Disable {
        match (available.gss)() {
            Ok(()) => allowed |= Method::Gss.bit(),
            Err(missing) if gss == GssEncMode::Require => {
                return Err(ErrorText::concat(&[
                    b"GSSAPI encryption required but ",
                    &missing,
                ]));
            }
            Err(_) => {}
        }
    }
    let plain_mode = matches!(
        params.sslmode,
        SslMode::Disable | SslMode::Allow | SslMode::Prefer
    );
    if plain_mode && gss != GssEncMode::Require {
        allowed |= Method::Plain.bit();
    }
    Ok(allowed)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::conninfo::params::*;

    /// The parameters of an empty connection string.
    pub fn params(sslmode: SslMode, gssencmode: GssEncMode) -> Params {
        Params {
            hosts: vec![Host::default()],
            sslmode,
            sslnegotiation: SslNegotiation::Postgres,
            sslcertmode: SslCertMode::Allow,
            gssencmode,
            channel_binding: ChannelBinding::Prefer,
            target_session_attrs: TargetSessionAttrs::Any,
            require_auth: None,
            min_protocol: ProtocolVersion::V3_0,
            max_protocol: ProtocolVersion::V3_0,
            shuffle_addresses: false,
            goaway: GoAwayMode::Prefer,
            scram_client_key: None,
            scram_server_key: None,
        }
    }

    fn order(sslmode: SslMode, gssencmode: GssEncMode, unix: bool) -> Vec<Method> {
        let all = Available {
            tls: true,
            gss: || Ok(()),
        };
        let mut methods = Vec::new();
        let mut encryption = Encryption::new(&params(sslmode, gssencmode), unix, all).unwrap();
        while let Some(method) = encryption.current() {
            methods.push(method);
            encryption.fall_back();
        }
        methods
    }

    #[test]
    fn tries_methods_in_the_order_of_libpq() {
        use Method::*;
        let prefer = GssEncMode::Prefer;
        assert_eq!(order(SslMode::Prefer, prefer, false), [Gss, Tls, Plain]);
        assert_eq!(order(SslMode::Allow, prefer, false), [Gss, Plain, Tls]);
        assert_eq!(order(SslMode::Require, prefer, false), [Gss, Tls]);
        assert_eq!(order(SslMode::Disable, GssEncMode::Disable, false), [Plain]);
        assert_eq!(order(SslMode::Prefer, GssEncMode::Require, false), [Gss]);
        assert_eq!(order(SslMode::VerifyFull, prefer, true), [Plain]);
    }

    #[test]
    fn reports_a_required_method_that_is_not_available() {
        let none = Available {
            tls: true,
            gss: || Err(b"no credential cache".into()),
        };
        let required = params(SslMode::Prefer, GssEncMode::Require);
        let complaint = Encryption::new(&required, false, none).unwrap_err();
        let text = b"GSSAPI encryption required but no credential cache";
        assert_eq!(complaint, text);
        let complaint = Encryption::new(&required, true, none).unwrap_err();
        let text = b"GSSAPI encryption required but it is not supported over a local socket";
        assert_eq!(complaint, text);
        let preferred = params(SslMode::Prefer, GssEncMode::Prefer);
        let encryption = Encryption::new(&preferred, false, none).unwrap();
        assert_eq!(encryption.current(), Some(Method::Tls));
    }
}
