//! Cases that webpki does not handle and the library's own verifier does: encodings of names, self-issued
//! authorities, RSA-PSS, lists found by the hash of a name.

use super::certificates::Certificates;
use super::server::TlsServer;

const GOOD: &str = "subjectAltName=DNS:good.test\n";
const AUTHORITY: &str =
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
const EC: [&str; 4] = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
const RSA: [&str; 4] = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
const RSA_PSS: [&str; 4] = ["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"];

/// Makes a self-signed NAME.crt with `subject` for the existing key.
fn root(files: &Certificates, name: &str, subject: &str, extensions: &str, how: &[&str]) {
    files.request(name, subject);
    let key = format!("{name}.key");
    files.sign(name, &[&["-signkey", &key], how].concat(), extensions, 1000);
}

/// Makes NAME.crt, issued by `issuer`.
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

const BOTH: &[&str] = &["TLSv1.2", "TLSv1.3"];

/// Verifies `chain`.crt against `root` in each TLS version; the connections must succeed if `good`.
#[track_caller]
fn same_in(versions: &[&str], chain: &str, key: &str, root: &str, more: &str, good: bool) {
    let server = TlsServer::with(chain, key);
    let root = server.files.file(&format!("{root}.crt"));
    let conninfos = versions.iter().map(|version| {
        format!(
            "host=good.test dbname=postgres sslmode=verify-ca sslrootcert={root} ssl_max_protocol_version={version} {more}"
        )
    });
    let output = server.same(&conninfos.collect::<Vec<_>>());
    let connected = output.stdout.matches("status: 0").count();
    assert_eq!(connected, if good { versions.len() } else { 0 }, "{output}");
}

#[track_caller]
fn same(chain: &str, key: &str, root: &str, more: &str, good: bool) {
    same_in(BOTH, chain, key, root, more, good);
}

const VERIFY_FAILED: &str = "SSL error: certificate verify failed";

/// Checks the error text of ours where OpenSSL accepts, as docs/tls.md lists, or has another text.
#[track_caller]
fn ours_refuses(chain: &str, root: &str, more: &str, text: &str) {
    let server = TlsServer::with(chain, chain);
    let root = server.files.file(&format!("{root}.crt"));
    let conninfo =
        format!("host=good.test dbname=postgres sslmode=verify-full sslrootcert={root} {more}");
    let output = server.ours("", &[conninfo], &[]).success();
    assert!(output.stdout.contains(text), "{output}");
}

#[test]
fn rsa_pss_with_two_digests() {
    let files = Certificates::shared();
    let how = [
        "-sigopt",
        "rsa_padding_mode:pss",
        "-sigopt",
        "rsa_mgf1_md:sha512",
    ];
    files.key("pss-mixed", &RSA);
    root(files, "pss-mixed", "/CN=pss-mixed", AUTHORITY, &how);
    files.key("pss-mixed-leaf", &RSA);
    issue(
        files,
        "pss-mixed-leaf",
        "/CN=good.test",
        "pss-mixed",
        GOOD,
        &how,
    );
    ours_refuses("pss-mixed-leaf", "pss-mixed", "", VERIFY_FAILED);
}

/// Makes a root with the name `own` in UTF-8. With its key and the name `issuing`, in strings of type `mask`, issues
/// certificates of both versions and a list, in a directory.
fn named(files: &Certificates, name: &str, own: &str, mask: &str, issuing: &str) {
    files.key(name, &EC);
    root(files, name, own, AUTHORITY, &[]);
    let other = format!("{name}-issuing");
    let key = files.path(&format!("{other}.key"));
    std::fs::copy(files.path(&format!("{name}.key")), key).expect("copy the file");
    let config = format!(
        "[req]\ndistinguished_name = nobody\nprompt = no\nutf8 = yes\nstring_mask = {mask}\n[nobody]\nCN = nobody\n"
    );
    files.write("kinds", &config);
    files.request_by("kinds", &other, issuing);
    let signed_by = ["-signkey", &format!("{other}.key")];
    files.sign(&other, &signed_by, AUTHORITY, 1000);
    for (leaf, extensions) in [("new", GOOD), ("old", "")] {
        let leaf = format!("{name}-{leaf}");
        files.key(&leaf, &EC);
        issue(files, &leaf, "/CN=good.test", &other, extensions, &[]);
    }
    let directory = files.path(&format!("{name}-lists"));
    std::fs::create_dir(&directory).expect("create the directory");
    let directory = directory.display().to_string();
    let (certificate, key) = (format!("{other}.crt"), format!("{other}.key"));
    let list = format!("{directory}/list.crl");
    let ca = ["ca", "-config", "config", "-gencrl", "-out", &list];
    files.openssl(&[&ca[..], &["-cert", &certificate, "-keyfile", &key]].concat());
    files.openssl(&["rehash", &directory]);
}

#[test]
fn names_in_other_encodings() {
    let files = Certificates::shared();
    for (name, own, mask, issuing, good) in [
        (
            "cased",
            "/O=Some  Root/CN=A",
            "utf8only",
            "/O=some root/CN=a",
            true,
        ),
        (
            "printable",
            "/CN=Some Root",
            "MASK:0x2",
            "/CN=some ROOT",
            true,
        ),
        ("t61", "/CN=R\u{f6}t", "MASK:0x4", "/CN=r\u{f6}T", true),
        ("bmp", "/CN=R\u{f6}t", "MASK:0x800", "/CN=r\u{f6}T", true),
        (
            "universal",
            "/CN=R\u{f6}t",
            "MASK:0x100",
            "/CN=r\u{f6}T",
            true,
        ),
        ("umlaut", "/CN=R\u{f6}t", "utf8only", "/CN=R\u{d6}t", false),
        ("together", "/O=A+CN=B", "utf8only", "/CN=b+O=a", true),
        ("parts", "/O=A/CN=B", "utf8only", "/O=A+CN=B", false),
        ("ordered", "/O=A/CN=B", "utf8only", "/CN=B/O=A", false),
        ("more", "/CN=A", "utf8only", "/CN=AA", false),
    ] {
        named(files, name, own, mask, issuing);
        let list = format!("sslcrldir={}", files.file(&format!("{name}-lists")));
        for leaf in ["new", "old"] {
            let leaf = format!("{name}-{leaf}");
            for more in ["", &list] {
                same_in(&["TLSv1.3"], &leaf, &leaf, name, more, good);
            }
        }
    }
}

#[test]
fn self_issued_authorities() {
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
        let impostor = format!("{name}-impostor");
        files.key(&impostor, key);
        root(files, &impostor, &format!("/CN={name}"), AUTHORITY, &how);
        for (leaf, extensions) in [("new", GOOD), ("old", "")] {
            let leaf = format!("{name}-{leaf}");
            files.key(&leaf, key);
            issue(files, &leaf, "/CN=good.test", name, extensions, &how);
            let versions = if key == RSA { BOTH } else { &BOTH[1..] };
            same_in(versions, &leaf, &leaf, name, "", true);
            // OpenSSL's text has the reason why the signature is unusual.
            ours_refuses(&leaf, &impostor, "", VERIFY_FAILED);
        }
    }
}

#[test]
fn lists_by_the_hash_of_the_name() {
    let files = Certificates::shared();
    let directory = |name: &str, file: &str| {
        let directory = files.path(name);
        std::fs::create_dir_all(&directory).expect("create the directory");
        std::fs::copy(files.path("v1.crl"), directory.join(file)).expect("copy the file");
        format!("sslcrldir={}", directory.display())
    };
    let rehashed = std::fs::read_dir(files.path("v1-lists")).expect("read the directory");
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
