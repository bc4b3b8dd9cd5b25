//! Private keys in files: PEM or DER; PKCS #8, PKCS #1 or SEC 1.

use pem::Pem;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

use super::der::{INTEGER, OCTET_STRING, SEQUENCE};
use super::outline::Elements;
use super::pem::blocks;

const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

/// The contents of a key file.
pub enum KeyFile {
    Clear(PrivateKeyDer<'static>),
    Encrypted(EncryptedKey),
}

/// A key that needs a password.
pub enum EncryptedKey {
    /// PKCS #8, including the parameters of its encryption.
    Pkcs8(Vec<u8>),
    /// A PEM block with the headers `Proc-Type` and `DEK-Info`, as OpenSSL wrote keys before 1.0.
    Traditional(Pem),
}

impl KeyFile {
    /// Finds the key in a file. libpq: the first PEM block that is a key; otherwise the file as DER.
    pub fn parse(contents: &[u8]) -> Option<KeyFile> {
        let blocks = blocks(contents).flatten();
        let mut keys = blocks.filter(|block| block.tag().ends_with("PRIVATE KEY"));
        if let Some(key) = keys.find_map(KeyFile::of_block) {
            return Some(key);
        }
        let key = PrivateKeyDer::try_from(contents.to_vec());
        key.ok().map(KeyFile::Clear)
    }

    fn of_block(block: Pem) -> Option<KeyFile> {
        if block.tag() == ENCRYPTED && Form::of(block.contents()) != Some(Form::Pkcs8) {
            let encrypted = EncryptedKey::Pkcs8(block.into_contents());
            return Some(KeyFile::Encrypted(encrypted));
        }
        if block.headers().get("Proc-Type").is_some() {
            return Some(KeyFile::Encrypted(EncryptedKey::Traditional(block)));
        }
        let tag = block.tag().to_owned();
        key_in_block(&tag, block.into_contents()).map(KeyFile::Clear)
    }
}

/// The format of a key, judged by its outer elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Pkcs8,
    Pkcs1,
    Sec1,
}

impl Form {
    /// After the version comes the algorithm, the modulus, or the key.
    fn of(der: &[u8]) -> Option<Form> {
        match after_version(der)?.take()?.tag {
            SEQUENCE => Some(Form::Pkcs8),
            INTEGER => Some(Form::Pkcs1),
            OCTET_STRING => Some(Form::Sec1),
            _ => None,
        }
    }
}

fn after_version(der: &[u8]) -> Option<Elements<'_>> {
    let mut parts = Elements(Elements(der).take_if(SEQUENCE)?.contents);
    parts.take_if(INTEGER)?;
    Some(parts)
}

/// The key in an unencrypted block with the label `tag`. OpenSSL: accepts PKCS #8 under other labels, too.
pub fn key_in_block(tag: &str, der: Vec<u8>) -> Option<PrivateKeyDer<'static>> {
    Some(match (tag, Form::of(&der)?) {
        ("RSA PRIVATE KEY", Form::Pkcs1) => PrivatePkcs1KeyDer::from(der).into(),
        ("EC PRIVATE KEY", Form::Sec1 | Form::Pkcs8) => PrivateSec1KeyDer::from(der).into(),
        ("PRIVATE KEY" | ENCRYPTED, Form::Pkcs8) => PrivatePkcs8KeyDer::from(der).into(),
        ("RSA PRIVATE KEY", Form::Pkcs8) => {
            PrivatePkcs1KeyDer::from(inside_pkcs8(&der)?.to_vec()).into()
        }
        _ => return None,
    })
}

/// The key in a PKCS #8 structure (RFC 5208, 5), in the format of its algorithm.
fn inside_pkcs8(der: &[u8]) -> Option<&[u8]> {
    let mut parts = after_version(der)?;
    parts.take_if(SEQUENCE)?;
    Some(parts.take_if(OCTET_STRING)?.contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outlines of keys: the version, and what tells the formats apart.
    const PKCS1: [u8; 8] = [0x30, 6, 2, 1, 0, 2, 1, 5];
    const SEC1: [u8; 8] = [0x30, 6, 2, 1, 1, 4, 1, 9];
    const PKCS8: [u8; 10] = [0x30, 8, 2, 1, 0, 0x30, 0, 4, 1, 7];

    fn pem(tag: &str, der: &[u8]) -> String {
        pem::encode(&Pem::new(tag, der))
    }

    /// The format and the bytes of the key in `contents`.
    fn found(contents: &str) -> Option<(&'static str, Vec<u8>)> {
        match KeyFile::parse(contents.as_bytes())? {
            KeyFile::Clear(key) => {
                let format = match &key {
                    PrivateKeyDer::Pkcs1(_) => "PKCS #1",
                    PrivateKeyDer::Sec1(_) => "SEC 1",
                    _ => "PKCS #8",
                };
                Some((format, key.secret_der().to_vec()))
            }
            KeyFile::Encrypted(EncryptedKey::Pkcs8(der)) => Some(("encrypted PKCS #8", der)),
            KeyFile::Encrypted(EncryptedKey::Traditional(block)) => {
                Some(("encrypted", block.into_contents()))
            }
        }
    }

    #[test]
    fn the_label_and_the_contents_decide_the_format() {
        for (tag, der, expected) in [
            ("PRIVATE KEY", &PKCS8[..], Some(("PKCS #8", &PKCS8[..]))),
            ("RSA PRIVATE KEY", &PKCS1, Some(("PKCS #1", &PKCS1))),
            ("RSA PRIVATE KEY", &PKCS8, Some(("PKCS #1", &[7]))),
            ("EC PRIVATE KEY", &SEC1, Some(("SEC 1", &SEC1))),
            ("EC PRIVATE KEY", &PKCS8, Some(("SEC 1", &PKCS8))),
            ("ENCRYPTED PRIVATE KEY", &PKCS8, Some(("PKCS #8", &PKCS8))),
            (
                "ENCRYPTED PRIVATE KEY",
                &[0x30, 2, 0x30, 0],
                Some(("encrypted PKCS #8", &[0x30, 2, 0x30, 0])),
            ),
            ("PRIVATE KEY", &PKCS1, None),
            ("RSA PRIVATE KEY", &SEC1, None),
            ("EC PRIVATE KEY", &PKCS1, None),
            ("PUBLIC KEY", &PKCS8, None),
            ("PRIVATE KEY", b"", None),
        ] {
            let expected = expected.map(|(format, bytes)| (format, bytes.to_vec()));
            assert_eq!(found(&pem(tag, der)), expected, "{tag}: {der:02x?}");
        }
    }

    #[test]
    fn the_first_usable_key_counts_and_other_text_is_skipped() {
        let damaged = "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n";
        let parts = [
            "Bag Attributes\r\n",
            damaged,
            &pem("EC PARAMETERS", &[6, 1, 1]),
            &pem("CERTIFICATE", &PKCS8),
            &pem("RSA PRIVATE KEY", &SEC1),
            &pem("RSA PRIVATE KEY", &PKCS1),
            &pem("PRIVATE KEY", &PKCS8),
            "the end",
        ];
        let text = parts.concat();
        assert_eq!(found(&text), Some(("PKCS #1", PKCS1.to_vec())));
        assert_eq!(found(&text.replace("\r\n", "\n")), found(&text));
        assert_eq!(found(&parts[..5].concat()), None);
        assert_eq!(found(""), None);
    }

    #[test]
    fn a_file_may_be_one_key_in_der() {
        for key in [&PKCS1[..], &SEC1, &PKCS8] {
            let found = KeyFile::parse(key);
            let Some(KeyFile::Clear(found)) = found else {
                panic!("no key: {key:02x?}");
            };
            assert_eq!(found.secret_der(), key);
        }
    }

    #[test]
    fn headers_tell_of_encryption() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-128-CBC,00\r\n\r\nAAAA\r\n-----END RSA PRIVATE KEY-----\r\n";
        assert_eq!(found(text), Some(("encrypted", vec![0; 3])));
        assert_eq!(found(&text.replace("\r\n", "\n")), found(text));
    }
}
