//! All combinations of sslmode, pg_hba.conf rule, certificate and sslnegotiation; results and error texts must be C
//! libpq's.

use super::server::TlsServer;

const MODES: [&str; 6] = [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

/// All combinations with one server certificate, and the options in `more`.
#[track_caller]
fn same_in_every_mode(chain: &str, key: &str, host: &str, more: &str) {
    let server = TlsServer::with(chain, key);
    let root = server.files.file("root.crt");
    let mut conninfos = Vec::new();
    for mode in MODES {
        for database in ["only_ssl", "only_plain", "postgres"] {
            for negotiation in ["postgres", "direct"] {
                conninfos.push(format!(
                    "host={host} dbname={database} sslmode={mode} sslnegotiation={negotiation} sslrootcert={root} {more}"
                ));
            }
        }
    }
    server.same(&conninfos);
}

fn list() -> String {
    let files = super::certificates::Certificates::shared();
    format!("sslcrl={}", files.file("v1.crl"))
}

#[test]
fn good() {
    same_in_every_mode("good", "good", "good.test", "");
}

#[test]
fn expired() {
    same_in_every_mode("expired", "expired", "good.test", "");
}

#[test]
fn wrong_host() {
    same_in_every_mode("wrong-host", "wrong-host", "good.test", "");
}

#[test]
fn wrong_authority() {
    same_in_every_mode("wrong-ca", "wrong-ca", "good.test", "");
}

#[test]
fn revoked() {
    same_in_every_mode("revoked", "revoked", "good.test", &list());
    same_in_every_mode("good", "good", "good.test", &list());
}

#[test]
fn common_name_only() {
    same_in_every_mode("cn", "cn", "good.test", "");
}

#[test]
fn address() {
    same_in_every_mode("ip", "ip", "127.0.0.1", "");
}
