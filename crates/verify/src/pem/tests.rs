use super::*;
use crate::tests::test_ca::TestCa;

const SERVER: [u8; 10] = [6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
const CLIENT: [u8; 10] = [6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];
const ANY: [u8; 6] = [6, 4, 0x55, 0x1d, 0x25, 0];

fn element(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    [&[tag, contents.len() as u8], &contents[..]].concat()
}

#[test]
fn trust_settings_of_openssl_are_followed() {
    let trust = |uses: &[&[u8]]| element(0x30, uses);
    let reject = |uses: &[&[u8]]| element(0xa0, uses);
    let alias = element(0x0c, &[b"me"]);
    let key = element(0x04, &[b"id"]);
    for (parts, expected) in [
        (vec![], Some(true)),
        (vec![alias.clone(), key.clone()], Some(true)),
        (vec![trust(&[&SERVER])], Some(true)),
        (vec![trust(&[&ANY]), alias.clone()], Some(true)),
        (vec![trust(&[&CLIENT, &SERVER])], Some(true)),
        (vec![trust(&[&CLIENT])], Some(false)),
        (vec![trust(&[])], Some(false)),
        (vec![reject(&[&SERVER])], Some(false)),
        (vec![reject(&[&CLIENT, &ANY]), key.clone()], Some(false)),
        (vec![reject(&[&CLIENT])], Some(true)),
        (vec![trust(&[&SERVER]), reject(&[&SERVER])], Some(false)),
        (vec![trust(&[&CLIENT]), reject(&[&CLIENT])], Some(false)),
        (vec![reject(&[&CLIENT]), trust(&[&SERVER])], None),
        (vec![trust(&[b"\x02\x01\x01"])], None),
        (vec![alias.clone(), alias], None),
    ] {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let aux = element(0x30, &parts);
        assert_eq!(is_trusted_for_servers(&aux), expected, "{aux:02x?}");
    }
    assert_eq!(is_trusted_for_servers(&[]), Some(true));
    assert_eq!(is_trusted_for_servers(b"xxxx"), None);
}

#[test]
fn a_damaged_block_does_not_hide_later_blocks() {
    let text = b"-----BEGIN A-----\n!!!!\n-----END A-----\n-----BEGIN B-----\nAAAA\n-----BEGIN C-----\nAAAA\n-----END C-----\n";
    let blocks: Vec<_> = blocks(text).collect();
    assert_eq!(blocks.len(), 3);
    assert!(blocks[0].is_err() && blocks[1].is_err());
    assert_eq!(blocks[2].as_ref().expect("a block").contents(), [0; 3]);
}

#[test]
fn a_line_without_dashes_at_its_end_begins_no_block() {
    for end in ["\n", "\r", "\r\n"] {
        let text = format!("-----BEGIN A{end}-----BEGIN B-----\nAAAA\n-----END B-----\n");
        let blocks: Vec<_> = blocks(text.as_bytes()).collect();
        assert_eq!(blocks.len(), 1, "{end:?}");
        assert_eq!(blocks[0].as_ref().expect("a block").tag(), "B");
    }
}

fn pem(tag: &str, der: &[u8]) -> String {
    pem::encode(&Pem::new(tag, der))
}

/// A certificate whose fields nobody can read, with this key.
fn unreadable(key: u8) -> Vec<u8> {
    let empty = element(0x30, &[]);
    let time = element(0x17, &[]);
    let validity = element(0x30, &[&time, &time]);
    let signature = element(0x03, &[&[0, 1]]);
    let key = element(0x30, &[&empty, &element(0x03, &[&[0, key]])]);
    let parts: [&[u8]; 6] = [&[2, 1, 1], &empty, &empty, &validity, &empty, &key];
    element(0x30, &[&element(0x30, &parts), &empty, &signature])
}

/// The outline of a revocation list.
fn list(number: u8) -> Vec<u8> {
    let empty = element(0x30, &[]);
    let body = element(0x30, &[&[2, 1, number]]);
    element(0x30, &[&body, &empty, &element(0x03, &[&[0]])])
}

/// The certificate with the trust setting of OpenSSL that rejects it for servers.
fn rejected(certificate: &[u8]) -> String {
    let aux = element(0x30, &[&element(0xa0, &[&SERVER])]);
    pem(TRUSTED, &[certificate, &aux].concat())
}

#[test]
fn a_damaged_block_makes_the_file_invalid() {
    let certificate = pem("CERTIFICATE", &unreadable(1));
    let without_end = "-----BEGIN A-----\nAAAA\n";
    for (damaged, expected) in [
        (without_end.to_owned(), FileError::EndLine),
        (without_end.to_owned() + &pem("A", b"x"), FileError::EndLine),
        (
            format!("{without_end}-----END B-----\n"),
            FileError::EndLine,
        ),
        (
            format!("{without_end}!\n-----END A-----\n"),
            FileError::Base64,
        ),
        (pem("CERTIFICATE", b"\x30\x01"), FileError::Contents),
        (pem("X509 CERTIFICATE", b""), FileError::Contents),
        (pem(TRUSTED, b"\x30\x01"), FileError::Contents),
        (
            pem(TRUSTED, &[&unreadable(2)[..], b"xx"].concat()),
            FileError::Contents,
        ),
    ] {
        for text in [certificate.clone() + &damaged, damaged + &certificate] {
            let text = text.as_bytes();
            assert_eq!(Roots::read_pem(text).err(), Some(expected));
            assert_eq!(Roots::read(text).err(), Some(expected));
            assert_eq!(certificates(text).err(), Some(expected));
        }
    }
    for (error, text) in [
        (FileError::Nothing, "no certificate or crl found"),
        (FileError::EndLine, "bad end line"),
        (FileError::Base64, "bad base64 decode"),
        (FileError::Contents, "wrong tag"),
    ] {
        assert_eq!(error.openssl_text(), text);
    }
}

#[test]
fn a_file_may_be_one_certificate_in_der() {
    let certificate = unreadable(1);
    assert!(Roots::read(&certificate).expect("a file").incomplete);
    let found = certificates(&certificate).expect("a file");
    assert_eq!(found, [certificate.clone().into()]);
    assert_eq!(
        Roots::read_pem(&certificate).err(),
        Some(FileError::Nothing)
    );
    let longer = [&certificate[..], b"\n"].concat();
    for nothing in [&longer[..], b"", b"text", pem("KEY", b"x").as_bytes()] {
        assert_eq!(Roots::read(nothing).err(), Some(FileError::Nothing));
        assert_eq!(certificates(nothing).err(), Some(FileError::Nothing));
    }
}

#[test]
fn certificates_have_three_labels() {
    let text = [
        pem("CERTIFICATE", &unreadable(1)),
        pem("KEY", b"x"),
        pem("X509 CERTIFICATE", &unreadable(2)),
        rejected(&unreadable(3)),
    ];
    let found = certificates(text.concat().as_bytes()).expect("certificates");
    let expected = [1, 2, 3].map(|key| CertificateDer::from(unreadable(key)));
    assert_eq!(found, expected);
}

#[test]
fn lists_are_read_with_certificates_and_alone() {
    let good = pem(LIST, &list(1)) + &pem("CERTIFICATE", &unreadable(1)) + &pem(LIST, &list(2));
    let both = [list(1).into(), list(2).into()];
    assert_eq!(Roots::read(good.as_bytes()).expect("a file").lists, both);
    assert_eq!(lists(good.as_bytes()), both);
    let alone = Roots::read(pem(LIST, &list(1)).as_bytes()).expect("a file");
    assert_eq!(alone.lists, both[..1]);

    let damaged = good.clone() + &pem(LIST, b"\x30\x01");
    let damaged = damaged.as_bytes();
    assert_eq!(Roots::read(damaged).err(), Some(FileError::Contents));
    let any = Roots::read_with_any_lists(damaged).expect("a file");
    assert_eq!(any.lists.len(), 3);
    let block = "-----BEGIN X509 CRL-----\n!\n-----END X509 CRL-----\n";
    assert_eq!(lists((block.to_owned() + &good).as_bytes()), both);
}

/// Roots of the files, read one after the other.
fn joined(files: &[&str]) -> Roots {
    let mut all = Roots::default();
    for file in files {
        all.extend(Roots::read(file.as_bytes()).expect("a file"));
    }
    all
}

#[test]
fn the_first_of_two_settings_of_a_certificate_counts() {
    let ca = TestCa::new();
    ca.root("root", "basicConstraints=critical,CA:TRUE\n");
    let root = ca.der("root");
    let (trusted, distrusted) = (pem("CERTIFICATE", &root), rejected(&root));
    for (files, is_trusted) in [
        (&[&trusted[..]][..], true),
        (&[&trusted, &trusted], true),
        (&[&trusted, &distrusted], true),
        (&[&(trusted.clone() + &distrusted)], true),
        (&[&distrusted], false),
        (&[&distrusted, &distrusted], false),
        (&[&distrusted, &trusted], false),
        (&[&(distrusted.clone() + &trusted)], false),
    ] {
        let roots = joined(files);
        let found = [roots.trusted, roots.distrusted];
        let expected = match is_trusted {
            true => [vec![root.clone()], Vec::new()],
            false => [Vec::new(), vec![root.clone()]],
        };
        assert_eq!(found, expected, "{files:?}");
        assert!(!roots.incomplete);
    }
    // The same key, under another name.
    ca.again("root", "renamed");
    let renamed = pem("CERTIFICATE", &ca.der("renamed"));
    assert_eq!(joined(&[&renamed, &distrusted]).trusted.len(), 1);
    let both = renamed.clone() + &distrusted;
    assert_eq!(joined(&[&both]).trusted.len(), 1);
    assert_eq!(joined(&[&distrusted, &renamed]).trusted.len(), 0);
}

#[test]
fn certificates_that_cannot_be_read_are_skipped_unless_they_are_distrusted() {
    let certificate = unreadable(1);
    let roots = joined(&[&pem("CERTIFICATE", &certificate)]);
    assert!(roots.incomplete && roots.trusted.is_empty() && roots.distrusted.is_empty());
    let list = pem(LIST, &list(1));
    let roots = joined(&[&rejected(&certificate), &list, &list]);
    assert!(roots.incomplete && roots.trusted.is_empty());
    assert_eq!(roots.distrusted, [certificate.into()]);
    assert_eq!(roots.lists.len(), 1);
}
