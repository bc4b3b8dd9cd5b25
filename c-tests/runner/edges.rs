//! An event loop that is told only once when a socket becomes writable: PQflush may leave something only if the socket is full.

use crate::gss::realm::Realm;
use crate::support::postgres::Postgres;
use crate::support::program::same_output;
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

#[test]
fn a_large_query_is_sent_over_gssapi() {
    let realm = Realm::shared();
    let conninfo = realm.conninfo("dbname=encrypted gssencmode=require");
    let environment = realm.environment("good");
    let env = environment
        .each_ref()
        .map(|(key, value)| (*key, value.as_str()));
    for size in SIZES {
        same_output("edge_triggered", &[&conninfo, size], &env);
    }
}
