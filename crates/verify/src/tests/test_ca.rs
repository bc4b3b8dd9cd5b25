//! Creates certificates and revocation lists with P-256 keys by calling the openssl program.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;
use x509_parser::der_parser::asn1_rs::{Any, FromDer};

/// The validity period of a list.
pub const LIST_LIFE: Duration = Duration::from_secs(3600);

const CONFIG: &str = "
[req]
distinguished_name = nobody
prompt = no
[nobody]
CN = nobody
[ca]
default_ca = all
[all]
database = index
crlnumber = crlnumber
default_md = sha256
[list2]
authorityKeyIdentifier = keyid:always
[unknown]
1.2.3.4 = critical,ASN1:UTF8String:unknown
";

/// The signature algorithm of all certificates: ecdsa-with-SHA256.
const ALGORITHM: [u8; 12] = [
    0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
];

/// Certification authorities for tests: a directory with the files NAME.crt, NAME.key and NAME.crl.
pub struct TestCa(TempDir);

impl TestCa {
    pub fn new() -> TestCa {
        let ca = TestCa(tempfile::tempdir().expect("a temporary directory"));
        ca.write("config", CONFIG.as_bytes());
        ca.write("index", b"");
        ca.write("crlnumber", b"01\n");
        ca
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect("a file");
    }

    fn openssl(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(&self.0);
        let output = command.output().expect("the openssl program");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {errors}");
    }

    fn request(&self, name: &str, extensions: &str) {
        self.write(&format!("{name}.ext"), extensions.as_bytes());
        self.openssl(&format!(
            "req -new -config config -subj /CN={name} -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
             -keyout {name}.key -out {name}.csr"
        ));
    }

    /// Creates a self-issued certificate.
    pub fn root(&self, name: &str, extensions: &str) {
        self.sign(name, extensions, &format!("-signkey {name}.key -days 10"));
    }

    /// Creates a self-issued certificate `other` with the key of `name`.
    pub fn again(&self, name: &str, other: &str) {
        fs::copy(
            self.path(&format!("{name}.key")),
            self.path(&format!("{other}.key")),
        )
        .expect("a key");
        self.openssl(&format!(
            "req -x509 -new -config config -subj /CN={other} -key {other}.key -days 10 -out {other}.crt"
        ));
    }

    /// Creates a certificate issued by `issuer`; without extensions, it is of version 1.
    pub fn issue(&self, name: &str, issuer: &str, extensions: &str, days: i32) {
        let by =
            format!("-CA {issuer}.crt -CAkey {issuer}.key -CAserial {issuer}.srl -CAcreateserial");
        self.sign(name, extensions, &format!("{by} -days {days}"));
    }

    fn sign(&self, name: &str, extensions: &str, how: &str) {
        self.request(name, extensions);
        let extensions = match extensions {
            "" => String::new(),
            _ => format!(" -extfile {name}.ext"),
        };
        self.openssl(&format!(
            "x509 -req -in {name}.csr -out {name}.crt {how}{extensions}"
        ));
    }

    /// Creates a list of `issuer` that revokes `revoked`, with the extensions in a section of the configuration.
    pub fn list(&self, issuer: &str, revoked: &[&str], section: &str) {
        let by = format!("-config config -cert {issuer}.crt -keyfile {issuer}.key");
        for name in revoked {
            self.openssl(&format!("ca {by} -revoke {name}.crt"));
        }
        let life = LIST_LIFE.as_secs();
        self.openssl(&format!(
            "ca {by} -gencrl -crlsec {life} -crlexts {section} -out {issuer}.crl"
        ));
    }

    pub fn crl(&self, issuer: &str) -> Vec<u8> {
        self.openssl(&format!(
            "crl -in {issuer}.crl -outform DER -out {issuer}.crl.der"
        ));
        fs::read(self.path(&format!("{issuer}.crl.der"))).expect("a list")
    }

    pub fn der(&self, name: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.path(&format!("{name}.crt"))).expect("a certificate")
    }

    pub fn ders(&self, names: &[&str]) -> Vec<CertificateDer<'static>> {
        names.iter().map(|name| self.der(name)).collect()
    }

    /// The certificate with `more` appended to the signed part, signed again by `issuer`.
    pub fn signed_again(&self, name: &str, issuer: &str, more: &[u8]) -> CertificateDer<'static> {
        let der = self.der(name);
        let (_, certificate) = Any::from_der(&der).expect("a certificate");
        let (_, signed) = Any::from_der(certificate.data).expect("the signed part");
        let signed = sequence(&[signed.data, more].concat());
        self.write("signed", &signed);
        self.openssl(&format!(
            "dgst -sha256 -sign {issuer}.key -out signature signed"
        ));
        let signature = fs::read(self.path("signature")).expect("a signature");
        let bits = [&[3, (signature.len() + 1) as u8, 0], &signature[..]].concat();
        CertificateDer::from(sequence(&[&signed[..], &ALGORITHM, &bits].concat()))
    }
}

/// A SEQUENCE of less than 64 KiB.
fn sequence(contents: &[u8]) -> Vec<u8> {
    let [high, low] = (contents.len() as u16).to_be_bytes();
    let header = match contents.len() {
        0..128 => vec![0x30, low],
        128..256 => vec![0x30, 0x81, low],
        _ => vec![0x30, 0x82, high, low],
    };
    [&header, contents].concat()
}
