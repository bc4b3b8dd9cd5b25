//! Reads certificates and keys from files. They are in PEM, or one certificate or key in DER.

use std::fs;
use std::path::Path;

use pq_verify::keys::KeyFile;
use pq_verify::pem::{self, FileError, Roots};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::address::error_text;

/// Reads the certificate chain in a file; fails if it contains no certificate.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    read(file, "certificates", |contents| {
        pem::certificates(contents).map_err(certificate_error)
    })
}

pub fn key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    read(file, "private key", |contents| {
        match KeyFile::parse(contents) {
            Some(KeyFile::Clear(key)) => Ok(key),
            Some(KeyFile::Encrypted(_)) => Err("the key is encrypted"),
            None => Err("the file contains no private key"),
        }
    })
}

/// Reads the root certificates in the file, or the system's without a file. OpenSSL's trust settings apply.
pub fn roots(file: Option<&Path>) -> Result<Roots, String> {
    if let Some(file) = file {
        return read(file, "certificates", |contents| {
            let roots = Roots::read_with_any_lists(contents).map_err(certificate_error)?;
            match roots.trusted.is_empty() {
                true => Err("no certificate in the file can verify servers"),
                false => Ok(roots),
            }
        });
    }
    let trusted = rustls_native_certs::load_native_certs().certs;
    match trusted.is_empty() {
        true => Err("the system has no root certificates: use --server-ca".to_owned()),
        false => Ok(Roots {
            trusted,
            ..Roots::default()
        }),
    }
}

/// Reads a file and parses its contents. Errors name the file, and `what` was to be read from it.
fn read<T>(
    file: &Path,
    what: &str,
    parse: impl FnOnce(&[u8]) -> Result<T, &'static str>,
) -> Result<T, String> {
    let contents = fs::read(file).map_err(|error| error_text(&error));
    let parsed = contents.and_then(|contents| parse(&contents).map_err(str::to_owned));
    parsed.map_err(|why| format!("could not read the {what} in \"{}\": {why}", file.display()))
}

fn certificate_error(error: FileError) -> &'static str {
    match error {
        FileError::Nothing => "the file contains no certificate",
        FileError::EndLine => "a PEM block has no valid end line",
        FileError::Base64 => "a PEM block is not valid Base64",
        FileError::Contents => "a PEM block does not contain a certificate",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// The error for a file with these contents.
    fn error<T>(contents: &str, read: fn(&Path) -> Result<T, String>) -> String {
        let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
        let file = directory.path().join("file");
        fs::write(&file, contents).expect("a file");
        let text = read(&file).map(|_| ()).expect_err("an error");
        text.replace(&file.display().to_string(), "FILE")
    }

    #[test]
    fn errors_name_the_file_and_the_reason() {
        let all_roots = |file: &Path| roots(Some(file));
        let block = |label: &str, body: &str| {
            format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
        };
        let unended = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        let key_block = block("PRIVATE KEY", "MAA=");
        for (contents, reason) in [
            ("", "the file contains no certificate"),
            ("text", "the file contains no certificate"),
            (&key_block, "the file contains no certificate"),
            (unended, "a PEM block has no valid end line"),
            (
                &block("CERTIFICATE", "!!!!"),
                "a PEM block is not valid Base64",
            ),
            (
                &block("CERTIFICATE", "AAAA"),
                "a PEM block does not contain a certificate",
            ),
        ] {
            let expected = format!("could not read the certificates in \"FILE\": {reason}");
            assert_eq!(error(contents, certificates), expected);
            assert_eq!(error(contents, all_roots), expected);
        }
        let list = block("X509 CRL", "MAA=");
        assert_eq!(
            error(&list, all_roots),
            "could not read the certificates in \"FILE\": no certificate in the file can verify servers"
        );
        let encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        for (contents, reason) in [
            ("", "the file contains no private key"),
            (
                &block("CERTIFICATE", "MAA="),
                "the file contains no private key",
            ),
            (&key_block, "the file contains no private key"),
            (
                &block("ENCRYPTED PRIVATE KEY", "MAA="),
                "the key is encrypted",
            ),
            (encrypted, "the key is encrypted"),
        ] {
            let expected = format!("could not read the private key in \"FILE\": {reason}");
            assert_eq!(error(contents, key), expected);
        }
    }

    #[test]
    fn missing_files_are_reported() {
        let missing = Path::new("/nonexistent/file");
        let end = "in \"/nonexistent/file\": No such file or directory";
        assert_eq!(
            certificates(missing),
            Err(format!("could not read the certificates {end}"))
        );
        let text = key(missing).map(|_| ()).expect_err("an error");
        assert_eq!(text, format!("could not read the private key {end}"));
    }
}
