use super::*;
use crate::conninfo::options::tests::options;

fn validated(values: &[(Opt, &str)]) -> Result<Params, String> {
    let params = params(&mut options(values), Vec::new());
    params.map_err(|message| message.to_string())
}

fn complaint(values: &[(Opt, &str)]) -> Option<String> {
    validated(values).err()
}

#[test]
fn defaults_without_any_value() {
    let mut given = Options::default();
    let params = params(&mut given, Vec::new()).unwrap();
    assert_eq!(params.sslmode, SslMode::Prefer);
    assert_eq!(given.get(Opt::SslCertMode), Some(&b"allow"[..]));
    let gssencmode = match cfg!(feature = "gss") {
        true => GssEncMode::Prefer,
        false => GssEncMode::Disable,
    };
    assert_eq!(params.gssencmode, gssencmode);
    assert_eq!(params.sslnegotiation, SslNegotiation::Postgres);
    assert_eq!(params.target_session_attrs, TargetSessionAttrs::Any);
    assert_eq!(params.goaway, GoAwayMode::Prefer);
    assert_eq!(given.get(Opt::GoAway), None);
    assert!(params.require_auth.is_none() && !params.shuffle_addresses);
    assert!(params.scram_client_key.is_none() && params.scram_server_key.is_none());
}

#[cfg(not(feature = "gss"))]
#[test]
fn without_gssapi_it_cannot_be_required() {
    let text = "gssencmode value \"require\" invalid when GSSAPI support is not compiled in";
    let required = complaint(&[(Opt::GssEncMode, "require")]);
    assert_eq!(required.as_deref(), Some(text));
    assert_eq!(complaint(&[(Opt::GssEncMode, "prefer")]), None);
}

#[test]
fn rejects_unknown_values_of_enumerations() {
    let enumerations = [
        Opt::RequireAuth,
        Opt::ChannelBinding,
        Opt::SslMode,
        Opt::SslNegotiation,
        Opt::SslCertMode,
        Opt::GssEncMode,
        Opt::TargetSessionAttrs,
        Opt::LoadBalanceHosts,
        Opt::MinProtocolVersion,
        Opt::MaxProtocolVersion,
        Opt::GoAway,
    ];
    for opt in enumerations {
        let keyword = opt.def().keyword.to_str().unwrap();
        let expected = format!("invalid {keyword} value: \"bad\"");
        assert_eq!(complaint(&[(opt, "bad")]), Some(expected));
        let expected = format!("invalid {keyword} value: \"\"");
        let expected = Some(expected).filter(|_| opt != Opt::RequireAuth);
        assert_eq!(complaint(&[(opt, "")]), expected);
    }
}

#[test]
fn accepts_every_value_of_the_other_enumerations() {
    use TargetSessionAttrs::*;
    let attrs = [Any, ReadWrite, ReadOnly, Primary, Standby, PreferStandby];
    let words = [
        "any",
        "read-write",
        "read-only",
        "primary",
        "standby",
        "prefer-standby",
    ];
    for (word, attrs) in words.into_iter().zip(attrs) {
        let params = validated(&[(Opt::TargetSessionAttrs, word)]).unwrap();
        assert_eq!(params.target_session_attrs, attrs);
    }
    for (word, shuffle) in [("disable", false), ("random", true)] {
        let params = validated(&[(Opt::LoadBalanceHosts, word)]).unwrap();
        assert_eq!(params.shuffle_addresses, shuffle);
    }
    let modes = [GoAwayMode::Prefer, GoAwayMode::Disable, GoAwayMode::Notice];
    for (word, mode) in ["prefer", "disable", "notice"].into_iter().zip(modes) {
        assert_eq!(validated(&[(Opt::GoAway, word)]).unwrap().goaway, mode);
    }
    let bindings = [
        ChannelBinding::Disable,
        ChannelBinding::Prefer,
        ChannelBinding::Require,
    ];
    for (word, binding) in ["disable", "prefer", "require"].into_iter().zip(bindings) {
        let params = validated(&[(Opt::ChannelBinding, word)]).unwrap();
        assert_eq!(params.channel_binding, binding);
    }
}

#[test]
fn accepts_values_of_tls_options() {
    for value in [
        "disable",
        "allow",
        "prefer",
        "require",
        "verify-ca",
        "verify-full",
    ] {
        assert_eq!(complaint(&[(Opt::SslMode, value)]), None);
    }
    let direct = [(Opt::SslMode, "require"), (Opt::SslNegotiation, "direct")];
    assert_eq!(complaint(&direct), None);
    let system = [(Opt::SslMode, "verify-full"), (Opt::SslRootCert, "system")];
    assert_eq!(complaint(&system), None);
    assert_eq!(complaint(&[(Opt::SslCertMode, "require")]), None);
}

#[test]
fn rejects_weak_modes() {
    let expected = "weak sslmode \"prefer\" may not be used with sslnegotiation=direct (use \"require\", \"verify-ca\", or \"verify-full\")";
    let values = [(Opt::SslMode, "prefer"), (Opt::SslNegotiation, "direct")];
    assert_eq!(complaint(&values).as_deref(), Some(expected));
    let expected =
        "weak sslmode \"allow\" may not be used with sslrootcert=system (use \"verify-full\")";
    let values = [(Opt::SslMode, "allow"), (Opt::SslRootCert, "system")];
    assert_eq!(complaint(&values).as_deref(), Some(expected));
}

#[test]
fn tls_versions() {
    let range = |min, max| {
        complaint(&[
            (Opt::SslMinProtocolVersion, min),
            (Opt::SslMaxProtocolVersion, max),
        ])
    };
    for (min, max) in [
        ("", ""),
        ("tlsv1", "TLSV1"),
        ("TLSv1.2", "TLSv1.2"),
        ("TLSv1.3", ""),
        ("TLSv1", "TLSv1.3"),
    ] {
        assert_eq!(range(min, max), None, "{min} {max}");
    }
    for (min, max) in [("TLSv1.3", "TLSv1.2"), ("TLSv1.1", "tlsv1")] {
        assert_eq!(
            range(min, max).as_deref(),
            Some("invalid SSL protocol version range")
        );
    }
    let expected = "invalid \"ssl_min_protocol_version\" value: \"TLSv1.4\"";
    assert_eq!(range("TLSv1.4", "bad").as_deref(), Some(expected));
    let expected = "invalid \"ssl_max_protocol_version\" value: \"bad\"";
    assert_eq!(range("TLSv1.3", "bad").as_deref(), Some(expected));
}

#[test]
fn protocol_version_pairs() {
    let (old, new) = (ProtocolVersion::V3_0, ProtocolVersion::V3_2);
    let cases = [
        (None, None, Ok((old, old))),
        (Some("3.0"), None, Ok((old, old))),
        (Some("3.2"), None, Ok((new, new))),
        (Some("latest"), None, Ok((new, new))),
        (None, Some("3.0"), Ok((old, old))),
        (None, Some("3.2"), Ok((old, new))),
        (Some("3.0"), Some("latest"), Ok((old, new))),
        (
            Some("3.2"),
            Some("3.0"),
            Err("\"min_protocol_version\" is greater than \"max_protocol_version\""),
        ),
        (
            Some("3.1"),
            None,
            Err("invalid min_protocol_version value: \"3.1\""),
        ),
        (
            None,
            Some("3.1"),
            Err("invalid max_protocol_version value: \"3.1\""),
        ),
        (
            Some("3"),
            Some("4"),
            Err("invalid min_protocol_version value: \"3\""),
        ),
    ];
    for (min, max, expected) in cases {
        let min = min.map(|min| (Opt::MinProtocolVersion, min));
        let max = max.map(|max| (Opt::MaxProtocolVersion, max));
        let values: Vec<_> = min.into_iter().chain(max).collect();
        let versions = validated(&values).map(|params| (params.min_protocol, params.max_protocol));
        assert_eq!(versions, expected.map_err(str::to_owned), "{values:?}");
    }
}

#[test]
fn scram_keys() {
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let key: [u8; 32] = std::array::from_fn(|at| at as u8);
    let keys = |params: Params| {
        [params.scram_client_key, params.scram_server_key].map(|key| key.map(|key| **key))
    };
    let params = validated(&[(Opt::ScramClientKey, KEY)]).unwrap();
    assert_eq!(keys(params), [Some(key), None]);
    let params = validated(&[(Opt::ScramServerKey, &KEY.replace("8=", "9="))]).unwrap();
    assert_eq!(keys(params), [None, Some(key)]);
    let cases = [
        (
            Opt::ScramClientKey,
            "",
            "invalid SCRAM client key length: 0",
        ),
        (
            Opt::ScramClientKey,
            "AAEC",
            "invalid SCRAM client key length: 3",
        ),
        (
            Opt::ScramServerKey,
            "AAEC",
            "invalid SCRAM server key length: 3",
        ),
        (Opt::ScramServerKey, "AA=", "invalid SCRAM server key"),
        (Opt::ScramClientKey, "?", "invalid SCRAM client key"),
        (Opt::ScramClientKey, "AA EC", "invalid SCRAM client key"),
    ];
    for (opt, value, expected) in cases {
        assert_eq!(complaint(&[(opt, value)]).as_deref(), Some(expected));
    }
}

#[test]
fn reports_the_same_invalid_option_as_libpq() {
    let in_order = [
        (Opt::RequireAuth, "require_auth"),
        (Opt::ChannelBinding, "channel_binding"),
        (Opt::SslMode, "sslmode"),
        (Opt::SslNegotiation, "sslnegotiation"),
        (Opt::SslMinProtocolVersion, "\"ssl_min_protocol_version\""),
        (Opt::SslMaxProtocolVersion, "\"ssl_max_protocol_version\""),
        (Opt::SslCertMode, "sslcertmode"),
        (Opt::GssEncMode, "gssencmode"),
        (Opt::TargetSessionAttrs, "target_session_attrs"),
        (Opt::ScramClientKey, "SCRAM client key"),
        (Opt::ScramServerKey, "SCRAM server key"),
        (Opt::LoadBalanceHosts, "load_balance_hosts"),
        (Opt::MinProtocolVersion, "min_protocol_version"),
        (Opt::MaxProtocolVersion, "max_protocol_version"),
        (Opt::GoAway, "goaway"),
    ];
    for first in 0..in_order.len() {
        let values: Vec<_> = in_order[first..]
            .iter()
            .map(|&(opt, _)| (opt, "b!d"))
            .collect();
        let complaint = complaint(&values).unwrap();
        let expected = format!("invalid {}", in_order[first].1);
        assert!(
            complaint.starts_with(&expected),
            "{complaint}, not {expected}"
        );
    }
}
