//! RSA keys that OpenSSL accepts and aws-lc-rs does not: of unusual size, or with a large exponent.

use super::certificates::Certificates;
use super::server::TlsServer;

const GOOD: &str = "subjectAltName=DNS:good.test\n";
const AUTHORITY: &str = "basicConstraints=critical,CA:TRUE\n";

/// Makes the RSA key NAME.key with these options of openssl genpkey.
fn key(files: &Certificates, name: &str, options: &[&str]) {
    let options = options.iter().flat_map(|option| ["-pkeyopt", option]);
    let arguments: Vec<&str> = ["-algorithm", "RSA"].into_iter().chain(options).collect();
    files.key(name, &arguments);
}

/// Connects in each mode and version of TLS; the number of encrypted sessions must be `encrypted`.
#[track_caller]
fn same(server: &TlsServer, root: &str, encrypted: usize) {
    let root = server.files.file(root);
    let mut all = Vec::new();
    for version in ["TLSv1.2", "TLSv1.3"] {
        for mode in [
            "prefer".to_owned(),
            "require".to_owned(),
            format!("verify-full sslrootcert={root}"),
        ] {
            all.push(format!(
                "host=good.test dbname=postgres sslmode={mode} ssl_max_protocol_version={version}"
            ));
        }
    }
    let output = server.same(&all);
    let count = output.stdout.matches("in use: 1").count();
    assert_eq!(count, encrypted, "{output}");
}

/// OpenSSL's security level 2 requires 112 bits of security; OpenSSL rounds the strength to multiples of 8.
#[test]
fn sizes_around_the_limit() {
    let files = Certificates::shared();
    for (bits, encrypted) in [("1962", 4), ("1963", 6), ("1984", 6), ("2047", 6)] {
        let name = format!("rsa{bits}");
        key(files, &name, &[&format!("rsa_keygen_bits:{bits}")]);
        files.signed_as(&name, "/CN=good.test", "root", GOOD, 1000);
        same(&TlsServer::weak(&name, &name), "root.crt", encrypted);
    }
}

#[test]
fn large_exponents() {
    let files = Certificates::shared();
    for (bits, exponent) in [
        ("2048", "8589934609"),
        ("2048", "36893488147419103249"),
        ("3080", "8589934609"),
    ] {
        let name = format!("rsa{bits}-{exponent}");
        let size = format!("rsa_keygen_bits:{bits}");
        let exponent = format!("rsa_keygen_pubexp:{exponent}");
        key(files, &name, &[&size, &exponent]);
        files.signed_as(&name, "/CN=good.test", "root", GOOD, 1000);
        same(&TlsServer::with(&name, &name), "root.crt", 6);
    }
}

#[test]
fn authorities_with_large_keys() {
    let files = Certificates::shared();
    let name = "root8320";
    key(
        files,
        name,
        &["rsa_keygen_bits:8320", "rsa_keygen_primes:5"],
    );
    files.request(name, "/CN=root8320");
    files.sign(name, &["-signkey", "root8320.key"], AUTHORITY, 1000);
    files.key("of-root8320", &["-algorithm", "ED25519"]);
    files.signed_as("of-root8320", "/CN=good.test", name, GOOD, 1000);
    let server = TlsServer::with("of-root8320", "of-root8320");
    same(&server, "root8320.crt", 6);
    same(&server, "root.crt", 4);
}
