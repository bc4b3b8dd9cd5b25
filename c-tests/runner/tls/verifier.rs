//! What webpki leaves to the library's own verifier, and OpenSSL takes or refuses: forms of names, authorities that issued
//! themselves, RSA-PSS, lists by the hash of a name.

use super::certificates::Certificates;
use super::server::TlsServer;

const GOOD: &str = "subjectAltName=DNS:good.test\n";
const AUTHORITY: &str =
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
const EC: [&str; 4] = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
const RSA: [&str; 4] = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
const RSA_PSS: [&str; 4] = ["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"];

/// Makes NAME.crt with `subject`, issued by itself, for the key that is there.
fn root(files: &Certificates, name: &str, subject: &str, extensions: &str, how: &[&str]) {
    files.request(name, subject);
    let key = format!("{name}.key");
    files.sign(name, &[&["-signkey", &key], how].concat(), extensions, 1000);
}

/// Makes NAME.crt, of `issuer`.
fn issue(
    files: &Certificates,
    name: &str,
    subject: &str,
    issuer: &str,
    extensions: &str,
    how: &[&str],
) {
    files.request(name, subject);
    let (certificate, key) = (format!("{issuer}.crt"), format!("{issuer}.key"));
    let by = ["-CA", &certificate, "-CAkey", &key, "-CAcreateserial"];
    files.sign(name, &[&by, how].concat(), extensions, 1000);
}

/// Verifies `chain`.crt against `root`, in both versions of TLS; how many of the connections must succeed is `good`.
#[track_caller]
fn same(chain: &str, key: &str, root: &str, more: &str, good: bool) {
    let server = TlsServer::with(chain, key);
    let root = server.files.file(&format!("{root}.crt"));
    let conninfos = ["TLSv1.2", "TLSv1.3"].map(|version| {
        format!(
            "host=good.test dbname=postgres sslmode=verify-ca sslrootcert={root} ssl_max_protocol_version={version} {more}"
        )
    });
    let output = server.same(&conninfos);
    let connected = output.stdout.matches("status: 0").count();
    assert_eq!(connected, if good { 2 } else { 0 }, "{output}");
}

/// A root whose name is in UTF-8, and the same key with the name that it has in what it issues.
fn named(files: &Certificates, name: &str, own: &str, issuing: &str) {
    files.key(name, &EC);
    root(files, name, own, AUTHORITY, &[]);
    let other = format!("{name}-issuing");
    std::fs::copy(
        files.path(&format!("{name}.key")),
        files.path(&format!("{other}.key")),
    )
    .expect("a key");
    root(files, &other, issuing, AUTHORITY, &[]);
    for (leaf, extensions) in [("new", GOOD), ("old", "")] {
        let leaf = format!("{name}-{leaf}");
        files.key(&leaf, &EC);
        issue(files, &leaf, "/CN=good.test", &other, extensions, &[]);
    }
    let ca = [
        "ca",
        "-config",
        "config",
        "-gencrl",
        "-cert",
        &format!("{other}.crt"),
        "-keyfile",
        &format!("{other}.key"),
    ];
    files.openssl(&[&ca[..], &["-out", &format!("{name}.crl")]].concat());
}

#[test]
fn names_in_other_words() {
    let files = Certificates::shared();
    for (name, own, issuing, good) in [
        ("cased", "/O=Some  Root/CN=A", "/O=some root/CN=a", true),
        ("umlaut", "/CN=R\u{f6}\u{f6}t", "/CN=R\u{f6}\u{f6}t", true),
        ("umlaut-cased", "/CN=R\u{f6}t", "/CN=R\u{d6}t", false),
        ("parts", "/O=A/CN=B", "/O=A+CN=B", false),
        ("ordered", "/O=A/CN=B", "/CN=B/O=A", false),
        ("more", "/CN=A", "/CN=AA", false),
    ] {
        named(files, name, own, issuing);
        let list = format!("sslcrl={}", files.file(&format!("{name}.crl")));
        for leaf in ["new", "old"] {
            let leaf = format!("{name}-{leaf}");
            same(&leaf, &leaf, name, "", good);
            same(&leaf, &leaf, name, &list, good);
        }
    }
}

#[test]
fn authorities_that_issued_themselves() {
    let files = Certificates::shared();
    let keyed = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";
    let authority = |limit: &str| format!("basicConstraints=critical,CA:TRUE{limit}\n{keyed}");
    let subject = "/CN=renewed";
    for name in [
        "renewed",
        "renewed-key",
        "renewed-leaf",
        "renewed-between",
        "renewed-below",
    ] {
        files.key(name, &EC);
    }
    root(files, "renewed", subject, &authority(",pathlen:0"), &[]);
    issue(
        files,
        "renewed-key",
        subject,
        "renewed",
        &authority(""),
        &[],
    );
    let good = format!("{GOOD}{keyed}");
    issue(
        files,
        "renewed-leaf",
        "/CN=good.test",
        "renewed-key",
        &good,
        &[],
    );
    files.join(
        "renewed-chain.crt",
        &["renewed-leaf.crt", "renewed-key.crt"],
    );
    same("renewed-chain", "renewed-leaf", "renewed", "", true);
    issue(
        files,
        "renewed-between",
        "/CN=between",
        "renewed-key",
        &authority(""),
        &[],
    );
    issue(
        files,
        "renewed-below",
        "/CN=good.test",
        "renewed-between",
        &good,
        &[],
    );
    let parts = [
        "renewed-below.crt",
        "renewed-between.crt",
        "renewed-key.crt",
    ];
    files.join("renewed-long.crt", &parts);
    same("renewed-long", "renewed-below", "renewed", "", false);
}

#[test]
fn rsa_pss() {
    let files = Certificates::shared();
    let pss = ["-sigopt", "rsa_padding_mode:pss"];
    let salt = |length: &'static str| [&pss[..], &["-sigopt", length]].concat();
    let limited = [
        &RSA_PSS[..],
        &[
            "-pkeyopt",
            "rsa_pss_keygen_md:sha384",
            "-pkeyopt",
            "rsa_pss_keygen_mgf1_md:sha384",
        ],
        &["-pkeyopt", "rsa_pss_keygen_saltlen:20"],
    ]
    .concat();
    for (name, key, how) in [
        ("pss-digest", &RSA[..], salt("rsa_pss_saltlen:digest")),
        ("pss-most", &RSA, salt("rsa_pss_saltlen:max")),
        ("pss-none", &RSA, salt("rsa_pss_saltlen:0")),
        (
            "pss-mixed",
            &RSA,
            [&pss[..], &["-sigopt", "rsa_mgf1_md:sha512"]].concat(),
        ),
        ("pss-key", &RSA_PSS, vec![]),
        (
            "pss-key-digest",
            &RSA_PSS,
            vec!["-sigopt", "rsa_pss_saltlen:digest"],
        ),
        ("pss-limited", &limited, vec!["-sha384"]),
    ] {
        files.key(name, key);
        root(files, name, &format!("/CN={name}"), AUTHORITY, &how);
        for (leaf, extensions) in [("new", GOOD), ("old", "")] {
            let leaf = format!("{name}-{leaf}");
            files.key(&leaf, key);
            issue(files, &leaf, "/CN=good.test", name, extensions, &how);
            same(&leaf, &leaf, name, "", true);
        }
    }
}

#[test]
fn lists_by_the_hash_of_the_name() {
    let files = Certificates::shared();
    let directory = |name: &str, file: &str| {
        let directory = files.path(name);
        std::fs::create_dir_all(&directory).expect("a directory");
        std::fs::copy(files.path("v1.crl"), directory.join(file)).expect("a list");
        format!("sslcrldir={}", directory.display())
    };
    let rehashed = std::fs::read_dir(files.path("v1-lists")).expect("the directory");
    let mut names = rehashed
        .flatten()
        .map(|entry| entry.file_name().into_string().expect("a name"));
    let right = names
        .find(|name| name.ends_with(".r0"))
        .expect("a list's hash");
    let hash = right.trim_end_matches(".r0");
    for (name, file, found) in [
        ("right", right.clone(), true),
        ("wrong", "00000000.r0".to_owned(), false),
        ("second", format!("{hash}.r1"), false),
        ("other-case", format!("{}.r0", hash.to_uppercase()), false),
    ] {
        same(
            "good",
            "good",
            "root",
            &directory(&format!("lists-{name}"), &file),
            found,
        );
    }
}
