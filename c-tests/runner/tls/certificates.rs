//! Certificates, keys and revocation lists, made by the openssl program for this test run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

use crate::support::cleanup::Cleanup;
use crate::support::process::{self, TIMEOUT};

/// A directory with the files NAME.crt and NAME.key.
pub struct Certificates {
    cleanup: Cleanup,
}

const CONFIG: &str = "
[req]
distinguished_name = nobody
prompt = no
utf8 = yes
[nobody]
CN = nobody
[ca]
default_ca = root
[root]
dir = .
database = index
serial = serial
crlnumber = crlnumber
default_md = sha256
default_crl_days = 1000
unique_subject = no
[list2]
authorityKeyIdentifier = keyid:always
";

/// The extensions of an authority's certificate.
pub const AUTHORITY: &str =
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";

impl Certificates {
    /// The certificates that all tests share.
    pub fn shared() -> &'static Certificates {
        static SHARED: OnceLock<Certificates> = OnceLock::new();
        SHARED.get_or_init(Certificates::make)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.cleanup.directory().join(name)
    }

    /// The path of a file, as text for a connection string.
    pub fn file(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// The configuration of a scripted server with the certificate `name`; those named `ip` and `ip-chained` are for 127.0.0.1.
    pub fn server_config(&self, name: &str) -> ServerConfig {
        let chain = CertificateDer::pem_file_iter(self.path(&format!("{name}.crt")));
        let chain = chain.and_then(Iterator::collect);
        let key = PrivateKeyDer::from_pem_file(self.path(&format!("{name}.key")));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain.expect("certificates"), key.expect("a key"))
            .expect("a certificate and its key")
    }

    fn make() -> Certificates {
        let directory = TempDir::with_prefix("pq-tls-").expect("a temporary directory");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))
            .expect("set the file mode");
        let cleanup = Cleanup::of_files(directory.keep());
        let made = Certificates { cleanup };
        made.write("config", CONFIG);
        made.write("index", "");
        made.write("crlnumber", "01\n");
        made.authorities();
        made.servers();
        made.clients();
        made.lists();
        made
    }

    fn authorities(&self) {
        for name in ["root", "other"] {
            self.key(
                name,
                &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            );
            self.self_signed(name, AUTHORITY);
        }
        self.key(
            "v1root",
            &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        );
        self.self_signed("v1root", "");
        self.key(
            "between",
            &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        );
        self.signed("between", "root", AUTHORITY, 1000);
    }

    fn servers(&self) {
        let good = "subjectAltName=DNS:good.test\n";
        for (name, issuer, extensions, days) in [
            ("good", "root", good, 1000),
            ("expired", "root", good, -1),
            (
                "wrong-host",
                "root",
                "subjectAltName=DNS:other.test,DNS:third.test\n",
                1000,
            ),
            ("wrong-ca", "other", good, 1000),
            ("revoked", "root", good, 1000),
            ("ip", "root", "subjectAltName=IP:127.0.0.1\n", 1000),
            ("wildcard", "root", "subjectAltName=DNS:*.test\n", 1000),
            (
                "client-purpose",
                "root",
                "subjectAltName=DNS:good.test\nextendedKeyUsage=clientAuth\n",
                1000,
            ),
            ("from-v1root", "v1root", good, 1000),
            ("chained", "between", good, 1000),
            (
                "ip-chained",
                "between",
                "subjectAltName=IP:127.0.0.1\n",
                1000,
            ),
        ] {
            self.key(
                name,
                &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            );
            self.signed(name, issuer, extensions, days);
        }
        // Version 1, with only a common name.
        self.key(
            "cn",
            &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        );
        self.signed_as("cn", "/CN=good.test", "root", "", 1000);
        for (name, key) in [
            (
                "ecdsa",
                &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"][..],
            ),
            ("ed25519", &["-algorithm", "ED25519"]),
            (
                "rsapss",
                &["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"],
            ),
        ] {
            self.key(name, key);
            self.self_signed_with(name, "/CN=good.test", good);
        }
        // An authority that also serves as its own server's certificate, which is a common setup.
        self.key(
            "self",
            &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        );
        self.self_signed_with(
            "self",
            "/CN=good.test",
            "basicConstraints=critical,CA:TRUE\nsubjectAltName=DNS:good.test\n",
        );
        self.join("chained+between.crt", &["chained.crt", "between.crt"]);
        self.join("ip-chained.crt", &["ip-chained.crt", "between.crt"]);
        self.join("root+between.crt", &["root.crt", "between.crt"]);
        // Issued by certificates that may not issue: a server's certificate of version 3, and one of version 1.
        for (name, issuer, extensions) in [
            ("forged-by-v3", "good", good),
            ("forged-by-v3-old", "good", ""),
            ("forged-by-v1", "cn", good),
            ("forged-by-v1-old", "cn", ""),
        ] {
            self.key(
                name,
                &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            );
            self.signed_as(name, "/CN=good.test", issuer, extensions, 1000);
            let parts = [format!("{name}.crt"), format!("{issuer}.crt")];
            self.join(&format!("{name}+issuer.crt"), &[&parts[0], &parts[1]]);
        }
        self.misused_authorities(good);
        self.join("all.crt", &["other.crt", "root.crt"]);
    }

    /// Chains with authorities that may not sign certificates, or not at this depth below the root.
    fn misused_authorities(&self, good: &str) {
        let key = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
        self.key("short", &key);
        self.self_signed("short", "basicConstraints=critical,CA:TRUE,pathlen:0\n");
        let lists_only = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n";
        for (issuer, root, extensions, forged) in [
            ("lists-only", "root", lists_only, "forged-by-lists-only"),
            ("too-far", "short", AUTHORITY, "forged-too-far"),
        ] {
            self.key(issuer, &key);
            self.signed(issuer, root, extensions, 1000);
            self.key(forged, &key);
            self.signed_as(forged, "/CN=good.test", issuer, good, 1000);
            let parts = [format!("{forged}.crt"), format!("{issuer}.crt")];
            self.join(&format!("{forged}+issuer.crt"), &[&parts[0], &parts[1]]);
        }
    }

    fn clients(&self) {
        for name in ["client", "client-revoked", "client-other"] {
            self.key(
                name,
                &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            );
        }
        self.signed_as(
            "client",
            "/CN=tls_user",
            "root",
            "extendedKeyUsage=clientAuth\n",
            1000,
        );
        // Version 1, as in the instructions of PostgreSQL's manual.
        self.signed_as("client-revoked", "/CN=tls_user", "root", "", 1000);
        self.signed_as("client-other", "/CN=tls_user", "other", "", 1000);
        self.key(
            "client-v1",
            &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        );
        self.signed_as("client-v1", "/CN=tls_user", "root", "", 1000);
        self.key(
            "client-ec",
            &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        );
        self.signed_as("client-ec", "/CN=tls_user", "root", "", 1000);
        self.key(
            "client-chained",
            &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        );
        self.signed_as("client-chained", "/CN=tls_user", "between", "", 1000);
        self.join(
            "client-chained+between.crt",
            &["client-chained.crt", "between.crt"],
        );
    }

    /// Revocation lists of versions 1 and 2 that contain `revoked` and `client-revoked`.
    fn lists(&self) {
        for name in ["revoked", "client-revoked"] {
            let (certificate, ca) = (
                format!("{name}.crt"),
                ["-cert", "root.crt", "-keyfile", "root.key"],
            );
            let arguments = [
                &["ca", "-config", "config", "-revoke", &certificate],
                &ca[..],
            ];
            self.openssl(&arguments.concat());
        }
        let ca = [
            "ca", "-config", "config", "-gencrl", "-cert", "root.crt", "-keyfile", "root.key",
        ];
        self.openssl(&[&ca[..], &["-out", "v1.crl"]].concat());
        self.openssl(&[&ca[..], &["-crlexts", "list2", "-out", "v2.crl"]].concat());
        let other = [
            "ca",
            "-config",
            "config",
            "-gencrl",
            "-cert",
            "other.crt",
            "-keyfile",
            "other.key",
        ];
        self.openssl(&[&other[..], &["-out", "other.crl"]].concat());
        for (directory, list) in [("v1-lists", "v1.crl"), ("v2-lists", "v2.crl")] {
            fs::create_dir(self.path(directory)).expect("create the directory");
            fs::copy(self.path(list), self.path(directory).join("root.crl"))
                .expect("copy the file");
            self.openssl(&["rehash", directory]);
        }
    }

    /// Runs openssl in the directory.
    pub fn openssl(&self, arguments: &[&str]) {
        let mut command = Command::new("openssl");
        command
            .args(arguments)
            .current_dir(self.cleanup.directory());
        process::run(&mut command, b"", TIMEOUT).success();
    }

    pub fn key(&self, name: &str, arguments: &[&str]) {
        let file = format!("{name}.key");
        self.openssl(&[&["genpkey", "-out", &file], arguments].concat());
        self.make_private(&file);
    }

    /// libpq accepts a key file only if other users cannot read it.
    pub fn make_private(&self, file: &str) {
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(self.path(file), mode).expect("set the file mode");
    }

    fn self_signed(&self, name: &str, extensions: &str) {
        self.self_signed_with(name, &format!("/CN={name}"), extensions);
    }

    pub fn self_signed_with(&self, name: &str, subject: &str, extensions: &str) {
        self.request(name, subject);
        self.sign(
            name,
            &["-signkey", &format!("{name}.key")],
            extensions,
            1000,
        );
    }

    fn signed(&self, name: &str, issuer: &str, extensions: &str, days: i32) {
        self.signed_as(name, &format!("/CN={name}"), issuer, extensions, days);
    }

    pub fn signed_as(&self, name: &str, subject: &str, issuer: &str, extensions: &str, days: i32) {
        self.request(name, subject);
        let (certificate, key) = (format!("{issuer}.crt"), format!("{issuer}.key"));
        let issuer = ["-CA", &certificate, "-CAkey", &key, "-CAcreateserial"];
        self.sign(name, &issuer, extensions, days);
    }

    pub fn request(&self, name: &str, subject: &str) {
        self.request_by("config", name, subject);
    }

    /// Makes a certificate request with a configuration of its own.
    pub fn request_by(&self, config: &str, name: &str, subject: &str) {
        let (key, request) = (format!("{name}.key"), format!("{name}.csr"));
        self.openssl(&[
            "req", "-new", "-config", config, "-subj", subject, "-key", &key, "-out", &request,
        ]);
    }

    pub fn sign(&self, name: &str, issuer: &[&str], extensions: &str, days: i32) {
        let files = [
            format!("{name}.csr"),
            format!("{name}.crt"),
            format!("{name}.ext"),
        ];
        let [request, certificate, extension_file] = &files;
        let days = days.to_string();
        let mut arguments = vec![
            "x509",
            "-req",
            "-in",
            request,
            "-out",
            certificate,
            "-days",
            &days,
        ];
        arguments.extend(issuer);
        if !extensions.is_empty() {
            self.write(extension_file, extensions);
            arguments.extend(["-extfile", extension_file]);
        }
        self.openssl(&arguments);
    }

    pub fn join(&self, name: &str, parts: &[&str]) {
        let read = |part: &&str| fs::read_to_string(self.path(part)).expect("a certificate");
        self.write(name, &parts.iter().map(read).collect::<String>());
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("write the file");
    }
}
