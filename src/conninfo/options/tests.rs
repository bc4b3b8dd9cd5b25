use super::*;

/// The options that have a value, as `keyword=value` separated by spaces, in the table's order.
pub(crate) fn shown(options: &Options) -> String {
    let given = Opt::ALL.into_iter().filter_map(|opt| {
        let value = String::from_utf8_lossy(options.get(opt)?);
        Some(format!("{}={value}", opt.def().keyword.to_str().unwrap()))
    });
    given.collect::<Vec<_>>().join(" ")
}

/// Options with these values.
pub(crate) fn options(values: &[(Opt, &str)]) -> Options {
    let mut options = Options::default();
    for &(opt, value) in values {
        options.set(opt, Some(value.as_bytes().to_vec()));
    }
    options
}

#[test]
fn the_table_is_in_libpq_s_order() {
    let keywords: Vec<&str> = OPTIONS
        .iter()
        .map(|def| def.keyword.to_str().unwrap())
        .collect();
    let expected = "service servicefile user password passfile channel_binding connect_timeout dbname host \
        hostaddr port client_encoding options application_name fallback_application_name keepalives \
        keepalives_idle keepalives_interval keepalives_count tcp_user_timeout sslmode sslnegotiation \
        sslcompression sslcert sslkey sslcertmode sslpassword sslrootcert sslcrl sslcrldir sslsni \
        requirepeer require_auth min_protocol_version max_protocol_version ssl_min_protocol_version \
        ssl_max_protocol_version gssencmode krbsrvname gsslib gssdelegation replication \
        target_session_attrs load_balance_hosts scram_client_key scram_server_key oauth_issuer \
        oauth_client_id oauth_client_secret oauth_scope oauth_ca_file sslkeylogfile goaway";
    assert_eq!(keywords.join(" "), expected);
    assert_eq!(COUNT, 53);
}

#[test]
fn every_option_is_found_by_its_keyword() {
    for opt in Opt::ALL {
        assert_eq!(Options::find(opt.keyword()), Some(opt));
    }
    assert_eq!(Options::find(b"requiressl"), None);
    assert_eq!(Options::find(b"HOST"), None);
    assert_eq!(Options::find(b""), None);
}

#[test]
fn dialogs_hide_secrets_and_debug_options() {
    let marked = |mark: &CStr| -> Vec<Opt> {
        let shown = Opt::ALL.into_iter();
        shown.filter(|opt| opt.def().dispchar == mark).collect()
    };
    let secret = [Opt::Password, Opt::SslPassword, Opt::OAuthClientSecret];
    assert_eq!(marked(c"*"), secret);
    let debug = [
        Opt::Replication,
        Opt::ScramClientKey,
        Opt::ScramServerKey,
        Opt::SslKeyLogFile,
    ];
    assert_eq!(marked(c"D"), debug);
}

#[test]
fn requiressl_sets_sslmode() {
    let mut options = Options::default();
    for (value, sslmode) in [
        ("1", "require"),
        ("10", "require"),
        ("0", "prefer"),
        ("", "prefer"),
    ] {
        assert_eq!(options.store(b"requiressl", value.into()), Some(()));
        assert_eq!(options.get(Opt::SslMode), Some(sslmode.as_bytes()));
    }
    assert_eq!(options.store(b"requireSSL", b"1".to_vec()), None);
}

/// Adds defaults to `given` and shows the options without a compiled default.
fn with_defaults(given: &[(Opt, &str)], environment: &[(&CStr, &str)]) -> String {
    let mut options = options(given);
    let variable = |name: &CStr| {
        let found = environment.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_bytes().to_vec())
    };
    options.add_defaults(variable, || Some(b"somebody".to_vec()));
    for opt in Opt::ALL {
        let compiled = opt.def().compiled.map(CStr::to_bytes);
        if options.get(opt) == compiled {
            options.set(opt, None);
        }
    }
    shown(&options)
}

#[test]
fn defaults_from_the_environment() {
    assert_eq!(with_defaults(&[], &[]), "user=somebody");
    assert_eq!(with_defaults(&[], &[(c"PGUSER", "env")]), "user=env");
    assert_eq!(
        with_defaults(&[(Opt::User, "given")], &[(c"PGUSER", "env")]),
        "user=given"
    );
    assert_eq!(
        with_defaults(&[], &[(c"PGHOST", "")]),
        "user=somebody host="
    );
    assert_eq!(
        with_defaults(&[(Opt::Port, "")], &[(c"PGPORT", "1")]),
        "user=somebody port="
    );
    assert_eq!(
        with_defaults(&[], &[(c"PGGOAWAY", "notice")]),
        "user=somebody goaway=notice"
    );
}

#[test]
fn legacy_requiressl_variable() {
    let legacy = (c"PGREQUIRESSL", "1");
    assert_eq!(
        with_defaults(&[], &[legacy]),
        "user=somebody sslmode=require"
    );
    assert_eq!(
        with_defaults(&[], &[(c"PGREQUIRESSL", "0")]),
        "user=somebody"
    );
    let both = [legacy, (c"PGSSLMODE", "allow")];
    assert_eq!(with_defaults(&[], &both), "user=somebody sslmode=allow");
    let roots = [legacy, (c"PGSSLROOTCERT", "system")];
    assert_eq!(
        with_defaults(&[], &roots),
        "user=somebody sslmode=require sslrootcert=system"
    );
}

#[test]
fn system_roots_strengthen_the_default() {
    let roots = [(c"PGSSLROOTCERT", "system")];
    let strong = "user=somebody sslmode=verify-full sslrootcert=system";
    assert_eq!(with_defaults(&[], &roots), strong);
    let given = [(Opt::SslMode, "allow")];
    assert_eq!(
        with_defaults(&given, &roots),
        "user=somebody sslmode=allow sslrootcert=system"
    );
    let elsewhere = [(c"PGSSLROOTCERT", "System")];
    assert_eq!(
        with_defaults(&[], &elsewhere),
        "user=somebody sslrootcert=System"
    );
}
