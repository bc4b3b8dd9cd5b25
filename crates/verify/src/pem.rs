//! Certificates and revocation lists in PEM files.

use std::borrow::Cow;

use memchr::memmem;
use pem::{Pem, PemError};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::der::{OBJECT, OCTET_STRING, SEQUENCE, UTF8};
use super::outline::{self, Elements, Outline};

const BEGIN: &[u8] = b"-----BEGIN ";
/// A certificate with OpenSSL's trust settings (CertAux).
const TRUSTED: &str = "TRUSTED CERTIFICATE";
const LIST: &str = "X509 CRL";

/// The PEM blocks in `contents`. A damaged block does not hide later blocks.
pub fn blocks(contents: &[u8]) -> impl Iterator<Item = Result<Pem, PemError>> {
    let begins = memmem::find_iter(contents, BEGIN);
    let mut begins = begins.filter(|at| is_begun(contents, *at)).peekable();
    std::iter::from_fn(move || {
        let begin = begins.next()?;
        let end = begins.peek().copied().unwrap_or(contents.len());
        Some(pem::parse(contents.get(begin..end).unwrap_or_default()))
    })
}

/// OpenSSL: a begin line must contain the dashes at its end.
fn is_begun(contents: &[u8], at: usize) -> bool {
    let rest = contents.get(at + BEGIN.len()..).unwrap_or_default();
    let mut lines = rest.split(|byte| matches!(byte, b'\n' | b'\r'));
    lines
        .next()
        .is_some_and(|line| memmem::find(line, b"-----").is_some())
}

/// Why a file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileError {
    /// It contains no certificate and no revocation list.
    Nothing,
    /// A PEM block has no end line, or one with another label.
    EndLine,
    /// A PEM block is not Base64.
    Base64,
    /// A PEM block does not contain what its label says.
    Contents,
}

impl FileError {
    /// OpenSSL's text.
    pub fn openssl_text(self) -> &'static str {
        match self {
            FileError::Nothing => "no certificate or crl found",
            FileError::EndLine => "bad end line",
            FileError::Base64 => "bad base64 decode",
            FileError::Contents => "wrong tag",
        }
    }
}

impl From<PemError> for FileError {
    fn from(error: PemError) -> FileError {
        match error {
            PemError::InvalidData(_) => FileError::Base64,
            _ => FileError::EndLine,
        }
    }
}

/// The contents of root certificate files and revocation list files. OpenSSL: each file may contain both.
#[derive(Debug, Default)]
pub struct Roots {
    pub trusted: Vec<CertificateDer<'static>>,
    /// Certificates whose OpenSSL trust settings exclude TLS servers.
    pub distrusted: Vec<CertificateDer<'static>>,
    /// There was a certificate that only OpenSSL can parse.
    pub incomplete: bool,
    pub lists: Vec<CertificateRevocationListDer<'static>>,
}

impl Roots {
    /// Parses a file: PEM, or a single certificate in DER. OpenSSL: a damaged block makes the file invalid. Errors in the
    /// fields of a certificate do not: this skips a certificate that it cannot parse.
    pub fn read(contents: &[u8]) -> Result<Roots, FileError> {
        let roots = Roots::read_with_any_lists(contents)?;
        match roots.lists.iter().all(|list| outline::is_signed(list)) {
            true => Ok(roots),
            false => Err(FileError::Contents),
        }
    }

    /// Like [`Roots::read`], but accepts damaged revocation lists, which make the verification fail later.
    pub fn read_with_any_lists(contents: &[u8]) -> Result<Roots, FileError> {
        match Roots::read_pem(contents) {
            Err(FileError::Nothing) => {
                let mut roots = Roots::default();
                roots.add(whole(contents).ok_or(FileError::Nothing)?, true);
                Ok(roots)
            }
            other => other,
        }
    }

    /// Parses a PEM file.
    pub fn read_pem(contents: &[u8]) -> Result<Roots, FileError> {
        let mut roots = Roots::default();
        for block in blocks(contents) {
            let block = block?;
            if let Some(is_trusted) = trust_of(&block)? {
                let outline = outline::outline(block.contents()).ok_or(FileError::Contents)?;
                roots.add(outline, is_trusted);
            }
            if block.tag() == LIST {
                roots.lists.push(block.into_contents().into());
            }
        }
        match roots.is_empty() {
            true => Err(FileError::Nothing),
            false => Ok(roots),
        }
    }

    fn is_empty(&self) -> bool {
        let found = self.trusted.len() + self.distrusted.len() + self.lists.len();
        found == 0 && !self.incomplete
    }

    /// Adds the contents of another file.
    pub fn extend(&mut self, other: Roots) {
        self.incomplete |= other.incomplete;
        self.add_lists(other.lists);
        let pairs = [(other.trusted, true), (other.distrusted, false)];
        for (certificate, is_trusted) in pairs.into_iter().flat_map(|(all, is_trusted)| {
            all.into_iter()
                .map(move |certificate| (certificate, is_trusted))
        }) {
            self.push(certificate, is_trusted);
        }
    }

    pub fn add_lists(&mut self, lists: Vec<CertificateRevocationListDer<'static>>) {
        for list in lists {
            if !self.lists.contains(&list) {
                self.lists.push(list);
            }
        }
    }

    fn add(&mut self, outline: Outline<'_>, is_trusted: bool) {
        let is_readable = X509Certificate::from_der(outline.certificate).is_ok();
        self.incomplete |= !is_readable;
        // Distrust needs only the key.
        if is_readable || !is_trusted {
            self.push(outline.certificate.to_vec().into(), is_trusted);
        }
    }

    /// OpenSSL: if a certificate occurs twice, the first one counts. A certificate whose key is already distrusted is not trusted.
    fn push(&mut self, certificate: CertificateDer<'static>, is_trusted: bool) {
        if self.trusted.contains(&certificate) || self.distrusted.contains(&certificate) {
            return;
        }
        if !is_trusted {
            self.distrusted.push(certificate);
        } else if !has_key_of(&self.distrusted, &certificate) {
            self.trusted.push(certificate);
        }
    }
}

/// The certificates that a server sent after its own, without those of distrusted authorities. None if its own is distrusted.
pub fn without_distrusted<'a>(
    distrusted: &[CertificateDer<'_>],
    own: &CertificateDer<'_>,
    others: &'a [CertificateDer<'a>],
) -> Option<Cow<'a, [CertificateDer<'a>]>> {
    if distrusted.is_empty() {
        return Some(Cow::Borrowed(others));
    }
    // OpenSSL: the user's certificate is used instead of the server's with the same name and key, and so is its mark.
    let kept = others.iter().filter(|other| !has_key_of(distrusted, other));
    (!distrusted.contains(own)).then(|| kept.cloned().collect())
}

/// Whether one of `certificates` has the key of `other`, under whatever name.
fn has_key_of(certificates: &[CertificateDer<'_>], other: &CertificateDer<'_>) -> bool {
    if certificates.is_empty() {
        return false;
    }
    let key = |der| outline::outline(der)?.key_bits();
    key(other).is_some_and(|other| certificates.iter().any(|der| key(der) == Some(other)))
}

/// A file that is one certificate in DER.
fn whole(contents: &[u8]) -> Option<Outline<'_>> {
    outline::outline(contents).filter(|outline| outline.rest.is_empty())
}

/// None if the block holds no certificate. Otherwise, whether the certificate is trusted for TLS servers.
fn trust_of(block: &Pem) -> Result<Option<bool>, FileError> {
    match block.tag() {
        "CERTIFICATE" | "X509 CERTIFICATE" => Ok(Some(true)),
        TRUSTED => {
            let outline = outline::outline(block.contents()).ok_or(FileError::Contents)?;
            let trusted = is_trusted_for_servers(outline.rest);
            trusted.map(Some).ok_or(FileError::Contents)
        }
        _ => Ok(None),
    }
}

/// Whether CertAux trusts the certificate for TLS servers; None if it is malformed. OpenSSL: a rejected use is not trusted. If
/// there is a list of trusted uses, no other use is trusted. Without both lists, all uses are trusted.
fn is_trusted_for_servers(aux: &[u8]) -> Option<bool> {
    const REJECT: u8 = 0xa0;
    /// The alias, the key identifier, and other data.
    const OTHERS: [u8; 3] = [UTF8, OCTET_STRING, 0xa1];
    if aux.is_empty() {
        return Some(true);
    }
    let mut parts = Elements(Elements(aux).take_if(SEQUENCE)?.contents);
    let trust = parts.take_if(SEQUENCE);
    let reject = parts.take_if(REJECT);
    for other in OTHERS {
        parts.take_if(other);
    }
    let trusted = trust.map(|uses| contains_servers(uses.contents));
    let rejected = reject.map(|uses| contains_servers(uses.contents));
    let malformed = !parts.is_empty() || trusted == Some(None) || rejected == Some(None);
    (!malformed).then(|| rejected.flatten() != Some(true) && trusted.flatten() != Some(false))
}

/// Whether serverAuth or anyExtendedKeyUsage is in the list; None if it is malformed.
fn contains_servers(uses: &[u8]) -> Option<bool> {
    const SERVER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
    const ANY: &[u8] = &[0x55, 0x1d, 0x25, 0];
    let mut uses = Elements(uses);
    let mut found = false;
    while !uses.is_empty() {
        found |= [SERVER, ANY].contains(&uses.take_if(OBJECT)?.contents);
    }
    Some(found)
}

/// The certificates in `contents`: PEM, or a single one in DER.
pub fn certificates(contents: &[u8]) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let mut found = Vec::new();
    for block in blocks(contents) {
        let block = block?;
        if trust_of(&block)?.is_some() {
            let outline = outline::outline(block.contents()).ok_or(FileError::Contents)?;
            found.push(outline.certificate.to_vec().into());
        }
    }
    if found.is_empty() {
        let only = whole(contents).ok_or(FileError::Nothing)?;
        found.push(only.certificate.to_vec().into());
    }
    Ok(found)
}

/// The revocation lists in `contents`, without those in damaged blocks.
pub fn lists(contents: &[u8]) -> Vec<CertificateRevocationListDer<'static>> {
    let lists = blocks(contents)
        .flatten()
        .filter(|block| block.tag() == LIST);
    lists.map(|block| block.into_contents().into()).collect()
}

#[cfg(test)]
mod tests;
