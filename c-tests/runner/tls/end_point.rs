//! SCRAM channel binding: it uses a hash of the server's certificate, with the digest of the certificate's signature.

use super::forms::{der, pem};
use super::server::TlsServer;
use crate::support::paths::Lib;

const PSS: &str = "1.2.840.113549.1.1.10";
const SHA2: &str = "2.16.840.1.101.3.4.2";
const SHA3: &str = "2.16.840.1.101.3.4.3";
const RSA: &str = "1.2.840.113549.1.1";
const ECDSA: &str = "1.2.840.10045.4";

fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    [&[tag, contents.len() as u8], &contents[..]].concat()
}

fn oid(text: &str) -> Vec<u8> {
    let mut numbers = text
        .split('.')
        .map(|part| part.parse::<u32>().expect("a number"));
    let first = numbers.next().expect("a number") * 40 + numbers.next().expect("a number");
    let mut bytes = Vec::new();
    for number in std::iter::once(first).chain(numbers) {
        let groups = (0..5).rev().map(|place| number >> (7 * place));
        let mut groups = groups.skip_while(|rest| *rest == 0).peekable();
        while let Some(rest) = groups.next() {
            let more = if groups.peek().is_some() { 0x80 } else { 0 };
            bytes.push((rest & 0x7f) as u8 | more);
        }
    }
    element(6, &[&bytes])
}

fn algorithm(id: &str, parameters: &[u8]) -> Vec<u8> {
    element(0x30, &[&oid(id), parameters])
}

/// The parameters of RSA-PSS with the digest `own` and, in the mask, `mask`.
fn pss(own: &str, mask: &str, more: &[u8]) -> Vec<u8> {
    let mask = algorithm("1.2.840.113549.1.1.8", &algorithm(mask, &[5, 0]));
    let parts = [
        element(0xa0, &[&algorithm(own, &[5, 0])]),
        element(0xa1, &[&mask]),
    ];
    algorithm(PSS, &element(0x30, &[&parts[0], &parts[1], more]))
}

/// The certificate with a different signature algorithm. The signature is then invalid, but it is not verified.
fn resigned(der: &[u8], algorithm: &[u8]) -> Vec<u8> {
    let usual = self::algorithm("1.2.840.113549.1.1.11", &[5, 0]);
    let places = der.windows(usual.len()).enumerate();
    let places: Vec<_> = places.filter(|(_, part)| *part == usual).collect();
    let [(first, _), (second, _)] = places[..] else {
        panic!("an RSA certificate with SHA-256");
    };
    let end = first + usual.len();
    let body = [&der[8..first], algorithm, &der[end..second]].concat();
    let body = long(&body);
    long(&[&body, algorithm, &der[second + usual.len()..]].concat())
}

/// A SEQUENCE of at least 256 bytes.
fn long(contents: &[u8]) -> Vec<u8> {
    let [high, low] = (contents.len() as u16).to_be_bytes();
    [&[0x30, 0x82, high, low], contents].concat()
}

fn logins() -> Vec<String> {
    let login = |binding| {
        format!(
            "host=good.test dbname=postgres sslmode=require user=scram_user password='secret word' channel_binding={binding}"
        )
    };
    ["prefer", "require"].map(login).to_vec()
}

fn show(server: &TlsServer, algorithm: &[u8]) {
    let der = resigned(&der(server.files, "good.crt"), algorithm);
    server
        .files
        .write("resigned.crt", &pem("CERTIFICATE", &der));
    server.switch("resigned", "good");
}

fn plain(id: String) -> Vec<u8> {
    algorithm(&id, &[5, 0])
}

#[test]
fn digests_that_bind() {
    let digest = |number: u8| format!("{SHA2}.{number}");
    let mut all = Vec::new();
    all.extend([4, 5, 11, 12, 13, 14].map(|number| plain(format!("{RSA}.{number}"))));
    all.extend([14, 15, 16, 1, 2].map(|number| plain(format!("{SHA3}.{number}"))));
    all.extend(["1", "3.1", "3.2", "3.3", "3.4"].map(|id| plain(format!("{ECDSA}.{id}"))));
    let others = [
        "1.3.14.3.2.29",
        "1.3.14.3.2.3",
        "1.3.14.3.2.27",
        "1.2.840.10040.4.3",
    ];
    all.extend(others.map(|id| plain(id.to_owned())));
    all.extend([1, 2, 3, 4, 5, 6, 8, 9, 10].map(|own| pss(&digest(own), &digest(own), &[])));
    all.push(pss(&digest(1), &digest(3), &[]));
    all.push(algorithm(PSS, &[0x30, 0]));
    let server = TlsServer::weak("good", "good");
    for algorithm in all {
        show(&server, &algorithm);
        let output = server.same(&logins());
        let encrypted = output.stdout.matches("in use: 1").count();
        assert_eq!(encrypted, 2, "{algorithm:02x?}: {output}");
    }
}

#[test]
fn digests_that_neither_library_knows() {
    let mut all = Vec::new();
    all.extend([2, 15, 16].map(|number| plain(format!("{RSA}.{number}"))));
    all.extend([9, 10, 11, 12, 3].map(|number| plain(format!("{SHA3}.{number}"))));
    all.extend(["2", "3"].map(|id| plain(format!("{ECDSA}.{id}"))));
    let others = ["1.2.3.4", "1.3.101.112", "1.3.101.113", "1.3.14.3.2.15"];
    all.extend(others.map(|id| plain(id.to_owned())));
    let sha256 = format!("{SHA2}.1");
    all.extend([&[5, 0][..], &[], &[0x30, 1, 0]].map(|none| algorithm(PSS, none)));
    all.push(pss("1.2.3.4", &sha256, &[]));
    all.push(pss(&sha256, "1.2.3.4", &[]));
    all.push(pss(&sha256, &sha256, &[0xa3, 3, 2, 1, 2]));
    let server = TlsServer::weak("good", "good");
    for algorithm in all {
        show(&server, &algorithm);
        let output = server.same(&logins());
        assert!(
            !output.stdout.contains("in use: 1"),
            "{algorithm:02x?}: {output}"
        );
    }
}

/// Listed in docs/tls.md: without channel binding, an attacker could avoid it by using such a certificate.
#[test]
fn digests_that_this_library_lacks() {
    let sha3_224 = format!("{SHA2}.7");
    let server = TlsServer::weak("good", "good");
    for (name, algorithm) in [
        ("SHA3-224", plain(format!("{SHA3}.13"))),
        ("SHA3-224", pss(&sha3_224, &sha3_224, &[])),
        ("RIPEMD160", plain("1.3.36.3.3.1.2".to_owned())),
        ("SM3", plain("1.2.156.10197.1.501".to_owned())),
    ] {
        show(&server, &algorithm);
        let output = server.on(Lib::Oracle, "", &logins());
        assert_eq!(output.stdout.matches("in use: 1").count(), 2, "{output}");
        let output = server.on(Lib::Ours, "", &logins());
        let text = format!("could not find digest for NID {name}");
        assert_eq!(output.stdout.matches(&text).count(), 2, "{output}");
        assert!(!output.stdout.contains("in use: 1"), "{output}");
        let output = server.same(&[logins()[0].replace("prefer", "disable")]);
        assert!(output.stdout.contains("in use: 1"), "{output}");
    }
}
