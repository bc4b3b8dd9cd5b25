//! What PQflush leaves: output only if the socket is full, for event loops that are told only once when it becomes writable, and
//! no input, which the server may have to send before it reads again.

use crate::gss::realm::Realm;
use crate::support::paths::Lib;
use crate::support::postgres::Postgres;
use crate::support::program::{Program, same_output};
use crate::tls::server::TlsServer;

const SIZES: [&str; 4] = ["50000", "140000", "3000000", "30000000"];

#[test]
fn a_large_query_is_sent_in_plain_text() {
    let server = Postgres::shared();
    for conninfo in [server.tcp("postgres"), server.unix("postgres")] {
        for size in SIZES {
            same_output("edge_triggered", &[&conninfo, size], &[]);
        }
    }
}

#[test]
fn a_large_query_is_sent_over_tls() {
    let server = TlsServer::with("good", "good");
    for version in ["TLSv1.2", "TLSv1.3"] {
        let options = format!("dbname=only_ssl sslmode=require ssl_max_protocol_version={version}");
        let conninfo = server.conninfo(&options);
        for size in SIZES {
            same_output("edge_triggered", &[&conninfo, size], &[]);
        }
    }
}

/// Passes the connection string and the environment of an encrypted session.
fn over_gssapi(check: impl Fn(&str, &[(&str, &str)])) {
    let realm = Realm::shared();
    let conninfo = realm.conninfo("dbname=encrypted gssencmode=require");
    let environment = realm.environment("good");
    let env = environment
        .each_ref()
        .map(|(key, value)| (*key, value.as_str()));
    check(&conninfo, &env);
}

#[test]
fn a_large_query_is_sent_over_gssapi() {
    over_gssapi(|conninfo, env| {
        for size in SIZES {
            same_output("edge_triggered", &[conninfo, size], env);
        }
    });
}

/// C libpq reads as much as its buffer has room for.
#[track_caller]
fn all_is_read(conninfo: &str, env: &[(&str, &str)]) {
    let program = Program::new("read_while_sending");
    let output = program.run(Lib::Ours, &[conninfo], env).success();
    assert!(output.stdout.contains("received: 1\n"), "{output}");
    assert!(output.stdout.contains("socket full: 1\n"), "{output}");
    assert!(output.stdout.contains("not read: 0\n"), "{output}");
}

#[test]
fn all_is_read_in_plain_text_while_the_socket_is_full() {
    let server = Postgres::shared();
    for conninfo in [server.tcp("postgres"), server.unix("postgres")] {
        all_is_read(&conninfo, &[]);
    }
}

#[test]
fn all_is_read_over_tls_while_the_socket_is_full() {
    let server = TlsServer::with("good", "good");
    let conninfo = server.conninfo("dbname=only_ssl sslmode=require");
    all_is_read(&conninfo, &[]);
}

#[test]
fn all_is_read_over_gssapi_while_the_socket_is_full() {
    over_gssapi(all_is_read);
}
