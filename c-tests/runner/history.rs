//! libpq's security fixes since 2018, and other faults that it had: a test for each that no other module has.
//! `docs/reliability.md` lists all of them; its table and this module's tests agree (`documents`).

use std::fs;

use tempfile::TempDir;

use crate::support::message::{
    Column, command_complete, error, fields, message, parameter_status, ready, row_description_of,
};
use crate::support::paths::{self, Lib};
use crate::support::postgres::{PASSWORD, Postgres, Version};
use crate::support::process::{self, TIMEOUT};
use crate::support::program::{Program, on_lib, same_exchange, same_output};
use crate::support::script::{Connection, Script, welcome};
use crate::tls::server::TlsServer;

/// The files that a program opens while it connects with TLS.
fn files_opened(lib: Lib, conninfo: &str, configuration: &str) -> String {
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let log = directory.path().join("log");
    let mut strace = on_lib("strace", lib);
    strace
        .args(["-f", "-e", "trace=open,openat", "-o"])
        .arg(&log)
        .arg(Program::new("tls").path())
        .env("OPENSSL_CONF", configuration);
    let output = process::run(&mut strace, conninfo.as_bytes(), TIMEOUT).success();
    assert!(output.stdout.contains("status: 0"), "{output}");
    fs::read_to_string(log).expect("strace's log")
}

/// CVE-2019-10211: OpenSSL read its configuration from a directory that anybody could write.
#[test]
fn cve_2019_10211_no_configuration_of_openssl_is_read() {
    let server = TlsServer::with("good", "good");
    let root = server.files.file("root.crt");
    let conninfo = server.conninfo(&format!(
        "host=good.test dbname=postgres sslmode=verify-full sslrootcert={root} gssencmode=disable"
    ));
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let configuration = directory.path().join("anybodys.cnf");
    fs::write(&configuration, "").expect("a file");
    let configuration = configuration.to_str().expect("a UTF-8 path");
    let opened = |lib| files_opened(lib, &format!("{conninfo}\n"), configuration);
    assert!(opened(Lib::Oracle).contains("anybodys.cnf"));
    let ours = opened(Lib::Ours);
    assert!(ours.contains("root.crt"), "{ours}");
    for name in ["libssl", "libcrypto"] {
        assert!(!ours.contains(name), "{ours}");
    }
    // Nothing but shared libraries, files of the system, and the files that options name, or libpq's documentation.
    let paths = ours.lines().filter_map(|line| line.split('"').nth(1));
    let (libraries, files): (Vec<_>, Vec<_>) = paths.partition(|path| path.contains(".so"));
    assert!(libraries.iter().any(|path| path.contains("libpq.so")));
    let known = [root.as_str(), "/.pgpass", "/.postgresql/root.crl"];
    let system = ["/proc/", "/sys/", "/etc/ld.so.", "/usr/lib/locale/"];
    for path in files {
        let is_known = known.iter().any(|known| path.ends_with(known))
            || system.iter().any(|system| path.starts_with(system));
        assert!(is_known, "{path}\n{ours}");
    }
}

/// CVE-2020-25694: programs that connected again lost options, such as `sslmode`.
#[test]
fn cve_2020_25694_pqconninfo_has_all_that_a_second_connection_needs() {
    let server = Postgres::shared();
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let service = directory.path().join("services");
    fs::write(&service, "[mine]\napplication_name=served\n").expect("a file");
    let service = service.to_str().expect("a UTF-8 path");
    let conninfo = format!(
        "{} service=mine user=scram_user password='{PASSWORD}' require_auth=scram-sha-256 sslmode=disable \
         channel_binding=disable gssencmode=disable target_session_attrs=primary load_balance_hosts=random \
         options='-c geqo=off' keepalives=1 keepalives_idle=70 keepalives_interval=7 keepalives_count=3 \
         tcp_user_timeout=9000 connect_timeout=8 client_encoding=LATIN1 fallback_application_name=other \
         sslsni=0 ssl_min_protocol_version=TLSv1.3 sslcertmode=disable min_protocol_version=3.0 \
         max_protocol_version=3.2 krbsrvname=pg gssdelegation=0 ssl_max_protocol_version=TLSv1.3 passfile=/none \
         sslcert=c sslkey=k sslrootcert=r sslcrl=l sslcrldir=d sslpassword=w requirepeer=p gsslib=gssapi \
         oauth_issuer=https://i oauth_client_id=i oauth_client_secret=s oauth_scope=o",
        server.tcp("postgres")
    );
    let env = [("PGSERVICEFILE", service)];
    let output = same_output("history", &["reconnect", &conninfo], &env).success();
    assert!(output.stdout.contains("status: 0"), "{output}");
    assert!(output.stdout.contains("different: 0\n"), "{output}");
    for option in ["require_auth", "sslmode", "service", "gssencmode"] {
        assert!(output.stdout.contains(&format!("\n{option}: ")), "{output}");
    }
}

/// CVE-2025-1094: text that is invalid in the client's encoding was quoted so that other programs saw another end.
#[test]
fn cve_2025_1094_quotes_end_at_the_last_byte() {
    let server = Postgres::shared();
    for strings in ["on", "off"] {
        let conninfo = format!(
            "{} options='-c standard_conforming_strings={strings}'",
            server.tcp("postgres")
        );
        let output = same_output("history", &["quotes", &conninfo], &[]).success();
        let lines = output.stdout.lines();
        assert!(lines.clone().count() >= 35, "{output}");
        for line in lines {
            let name = line.split(' ').next().unwrap_or_default();
            assert!(line.contains(" open=0 "), "{line}");
            assert!(line.ends_with(" disagree=0"), "{line}");
            // A quote is a valid second byte there.
            let quotes_in_characters = ["BIG5", "GBK", "UHC"].contains(&name);
            let closed = line.contains(" open_in_bytes=0 ");
            assert_eq!(closed, !quotes_in_characters, "{line}");
            let refuses = !line.contains("refused=0 ");
            let is_multibyte = name != "SQL_ASCII" && ENCODINGS.contains(&name);
            assert_eq!(refuses, is_multibyte, "{line}");
        }
    }
}

/// CVE-2025-12818: sizes beyond the numbers that count them.
#[test]
fn cve_2025_12818_sizes_that_overflow_are_errors() {
    let conninfo = Postgres::shared().unix("postgres");
    let output = same_output("history", &["lengths", &conninfo], &[]).success();
    for line in [
        "long literal: 0",
        "parameters: 0",
        "data: -1",
        "allocated: 0",
    ] {
        assert!(output.stdout.contains(&format!("{line}\n")), "{output}");
    }
    assert!(
        output.stdout.contains("row 0: \"still in step\""),
        "{output}"
    );
}

/// CVE-2026-2006: loops over characters passed the end of a text that ends in a part of one.
#[test]
fn cve_2026_2006_no_loop_passes_the_end_of_a_text() {
    same_output("history", &["multibyte"], &[]).success();
}

/// The encodings that clients can have.
const ENCODINGS: [&str; 14] = [
    "SQL_ASCII",
    "EUC_JP",
    "EUC_CN",
    "EUC_KR",
    "EUC_TW",
    "EUC_JIS_2004",
    "UTF8",
    "SJIS",
    "BIG5",
    "GBK",
    "UHC",
    "GB18030",
    "JOHAB",
    "SHIFT_JIS_2004",
];

/// Answers each query of the program: with a new encoding, or with an error at the query's end.
fn points_at_the_end(c: &mut Connection) {
    c.login();
    for encoding in ENCODINGS {
        c.expect(b'Q');
        let parameter = parameter_status("client_encoding", encoding);
        c.send(&[parameter, command_complete("SET"), ready(b'I')].concat());
        for lead in 0x80..0x100 {
            c.expect(b'Q');
            // At the cut character, right behind it, and beyond that; it depends on the encoding which is which.
            let position = (10 + lead % 4).to_string();
            let body = fields(&[
                (b'S', "ERROR"),
                (b'C', "42601"),
                (b'M', "no"),
                (b'P', &position),
            ]);
            c.send(&[message(b'E', &body), ready(b'I')].concat());
        }
    }
    c.expect(b'Q');
    c.send(&[error("42601", "the end"), ready(b'I')].concat());
    c.expect_terminate();
}

#[test]
fn cve_2026_2006_the_position_of_an_error_in_a_query_that_ends_early() {
    let script = || Script::new().connection(points_at_the_end);
    let program = Program::new("history");
    let run = |lib| {
        let server = script().start();
        let env = [("PGGOAWAY", "disable")];
        let output = program.run(lib, &["positions", &server.tcp()], &env);
        server.finish();
        output.success().stdout
    };
    let (expected, ours) = (run(Lib::Oracle), run(Lib::Ours));
    let difference = process::diff("oracle", &expected, "ours", &ours);
    assert!(difference.is_empty(), "{difference}");
    // The other positions are behind the end.
    assert!(ours.matches("LINE 1: ").count() > ENCODINGS.len() * 64);
}

/// The lines of a source file's functions, without comments.
fn code(path: &str) -> String {
    let text = fs::read_to_string(paths::checkout().join(path)).expect("a source file");
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

/// CVE-2026-6478: secrets were compared with a function whose time depends on them.
#[test]
fn cve_2026_6478_secrets_are_compared_in_constant_time() {
    let scram = code("src/auth/scram.rs");
    assert_eq!(scram.matches(".ct_eq(").count(), 2, "nonce and signature");
    for line in scram.lines() {
        let secret = ["signature", "nonce", "proof", "_key", "salted"];
        let compares = [
            "==",
            "!=",
            ".eq(",
            ".ne(",
            "starts_with",
            "ends_with",
            "memcmp",
        ];
        let names = secret.iter().any(|word| line.contains(word));
        let compares = compares.iter().any(|word| line.contains(word));
        assert!(!names || !compares, "{line}");
    }
}

/// CVE-2026-14672: the server's made-up secrets always had 4096 iterations.
#[test]
fn cve_2026_14672_scram_secrets_of_any_number_of_iterations() {
    let server = Postgres::start(Version::Oracle18, "");
    for iterations in [1, 2, 4095, 4096, 4097, 20_000] {
        server.psql(
            "postgres",
            &format!(
                "SET scram_iterations = {iterations};\nALTER ROLE scram_user PASSWORD :'password';\n"
            ),
        );
        let login = |user, password: &str| {
            let conninfo = format!(
                "{} user={user} password='{password}'",
                server.tcp("postgres")
            );
            same_output("steps", &[&conninfo, "connect"], &[])
                .success()
                .stdout
        };
        let output = login("scram_user", PASSWORD);
        assert!(output.contains("status=0"), "{iterations}\n{output}");
        let output = login("scram_user", "wrong");
        assert!(
            output.contains("password authentication failed"),
            "{output}"
        );
    }
}

/// CVE-2026-16241: text of the type bytea that ends after its first byte.
#[test]
fn cve_2026_16241_bytea_that_is_too_short() {
    same_output("history", &["bytea"], &[]).success();
}

/// libpq 18.6 prints cancel keys of any length.
#[test]
fn keys_of_any_length_are_traced() {
    for length in [4, 5, 32, 256] {
        let script = || {
            Script::new().connection(move |c| {
                c.expect_startup();
                let end = welcome().len() - ready(b'I').len() - 13;
                c.send(&welcome()[..end]);
                let key = [&7_u32.to_be_bytes()[..], &vec![0x85; length]].concat();
                c.send(&[message(b'K', &key), ready(b'I')].concat());
                c.drain();
            })
        };
        let env = [("PGMAXPROTOCOLVERSION", "3.2")];
        // Regress mode hides the key.
        for (flags, shown) in [("connect-traced 0", length), ("connect-traced 2", 0)] {
            let output = same_exchange("steps", script, &[flags, "print-trace"], &env).success();
            assert!(output.stdout.contains("BackendKeyData"), "{output}");
            assert_eq!(output.stdout.matches("\\x85").count(), shown, "{output}");
        }
    }
}

/// libpq 18.6: a ParameterDescription may be longer than 30,000 bytes.
#[test]
fn statements_with_more_than_7498_parameters_are_described() {
    for count in [7498, 7499, 20_000, 65_535] {
        let script = || {
            Script::new().connection(move |c| {
                c.login();
                c.expect_until(b'S');
                let types: Vec<u8> = (0..count).flat_map(|_| 23_u32.to_be_bytes()).collect();
                let body = [
                    &u16::try_from(count).expect("a count").to_be_bytes()[..],
                    &types,
                ]
                .concat();
                let columns = [Column {
                    name: "x",
                    ..Column::default()
                }];
                c.send(
                    &[
                        message(b't', &body),
                        row_description_of(&columns),
                        ready(b'I'),
                    ]
                    .concat(),
                );
                c.expect_terminate();
            })
        };
        let args = ["connect", "describe s", "state"];
        let output = same_exchange("steps", script, &args, &[]).success();
        assert!(
            output.stdout.contains(&format!("nparams={count} ")),
            "{output}"
        );
    }
}
