//! Reads the certificates, keys and revocation lists that the options name (libpq: initialize_SSL).

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::{Hook, env, tls_hashed};
use crate::conninfo::options::{Opt, Options};
use crate::conninfo::params::{SslCertMode, SslMode};
use crate::mem::error_text::ErrorText;
use crate::net::sys;
use crate::net::tls::keys::{self, KeyError};
use crate::net::tls::{Failure, Identity, system};
use crate::verify::Verifier;
use crate::verify::keys::KeyFile;
use crate::verify::pem::{self, Roots};

/// The application's answer to [`Hook::KeyPassword`].
#[derive(Default)]
pub(super) enum KeyPassword {
    #[default]
    NotAsked,
    /// None: there is no password.
    Answered(Option<Zeroizing<Vec<u8>>>),
}

/// Why TLS could not be set up.
pub(super) enum TlsSetupError {
    Failed(Failure),
    Ask(Hook),
}

impl From<Failure> for TlsSetupError {
    fn from(failure: Failure) -> TlsSetupError {
        TlsSetupError::Failed(failure)
    }
}

impl From<ErrorText> for TlsSetupError {
    fn from(message: ErrorText) -> TlsSetupError {
        TlsSetupError::Failed(message.into())
    }
}

/// The source of a certificate, key or list: a file, or PEM text in the option itself.
struct Source {
    value: Zeroizing<Vec<u8>>,
    /// The name for error texts: the file name, or the option name if the value may be secret.
    shown: Vec<u8>,
    inline: bool,
}

impl Source {
    /// The source that the option names, or the file `default` in the user's directory. None without a home directory.
    fn of(options: &Options, opt: Opt, default: &str) -> Option<Source> {
        let Some(value) = options.non_empty(opt) else {
            let path = [&env::home()?[..], b"/.postgresql/", default.as_bytes()].concat();
            return Some(Source::file(path));
        };
        Some(Source::given(value, opt))
    }

    fn given(value: &[u8], opt: Opt) -> Source {
        if value.starts_with(b"-----BEGIN") {
            return Source {
                value: Zeroizing::new(value.to_vec()),
                shown: opt.keyword().to_vec(),
                inline: true,
            };
        }
        Source::file(value.to_vec())
    }

    fn file(path: Vec<u8>) -> Source {
        Source {
            shown: path.clone(),
            value: Zeroizing::new(path),
            inline: false,
        }
    }

    fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.value))
    }

    /// None for PEM text.
    fn metadata(&self) -> io::Result<Option<Metadata>> {
        if self.inline {
            return Ok(None);
        }
        fs::metadata(self.path()).map(Some)
    }

    fn read(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        if self.inline {
            return Ok(self.value.clone());
        }
        env::read_file(self.path())
    }

    /// The contents; Err says why they cannot be read.
    fn contents(&self) -> Result<Zeroizing<Vec<u8>>, ErrorText> {
        self.read().map_err(|error| sys::error_text(&error).into())
    }

    /// `before "NAME" after`.
    fn complaint(&self, before: &str, after: &[u8]) -> ErrorText {
        ErrorText::concat(&[before.as_bytes(), b" \"", &self.shown, b"\"", after])
    }

    fn complaint_with(&self, before: &str, reason: &[u8]) -> ErrorText {
        self.complaint(before, &[b": ", reason].concat())
    }
}

const PROVIDE_ROOTS: &[u8] = b"\nEither provide the file, use the system's trusted roots with sslrootcert=system, or change sslmode to disable server certificate verification.";

/// The verifier for the server's certificate.
pub(super) fn verifier(options: &Options, sslmode: SslMode) -> Result<Verifier, ErrorText> {
    if options.get(Opt::SslRootCert) == Some(b"system") {
        // libpq: revocation lists are used only with root files.
        return Ok(Verifier::trusting(system::roots(), false));
    }
    let must_verify = matches!(sslmode, SslMode::VerifyCa | SslMode::VerifyFull);
    let Some(source) = Source::of(options, Opt::SslRootCert, "root.crt") else {
        let text = b"could not get home directory to locate root certificate file";
        return match must_verify {
            true => Err(ErrorText::concat(&[text, PROVIDE_ROOTS])),
            false => Ok(Verifier::default()),
        };
    };
    if source.metadata().is_err() {
        let end = [b" does not exist", PROVIDE_ROOTS].concat();
        return match must_verify {
            true => Err(source.complaint("root certificate file", &end)),
            false => Ok(Verifier::default()),
        };
    }
    let unreadable =
        |reason: &[u8]| source.complaint_with("could not read root certificate file", reason);
    let contents = source.contents().map_err(|reason| unreadable(&reason))?;
    let roots = Roots::read(&contents);
    let mut roots = roots.map_err(|error| unreadable(error.openssl_text().as_bytes()))?;
    let with_lists = add_revocation(options, &mut roots)?;
    Ok(Verifier::trusting(roots, with_lists))
}

/// Adds the lists and certificates of `sslcrl` and `sslcrldir` to the roots. Returns whether revocation is checked at all.
/// libpq: silently ignores a file that cannot be read, and the directory with it. Here a limit is an error, because a
/// revoked certificate would be accepted.
fn add_revocation(options: &Options, roots: &mut Roots) -> Result<bool, ErrorText> {
    let directories = options.non_empty(Opt::SslCrlDir);
    if options.non_empty(Opt::SslCrl).is_some() || directories.is_none() {
        let Some(file) = Source::of(options, Opt::SslCrl, "root.crl") else {
            return Ok(false);
        };
        let contents = match file.read() {
            Ok(contents) => contents,
            Err(error) if env::is_limit(&error) => return Err(unread_list(&file, &error)),
            Err(_) => return Ok(false),
        };
        match Roots::read_with_any_lists(&contents) {
            Ok(more) => roots.extend(more),
            Err(_) => return Ok(false),
        }
    }
    if let Some(directories) = directories {
        tls_hashed::add(directories, roots).map_err(|(path, error)| {
            unread_list(&Source::file(path.into_os_string().into_vec()), &error)
        })?;
    }
    Ok(true)
}

fn unread_list(file: &Source, error: &io::Error) -> ErrorText {
    let reason = sys::error_text(error);
    file.complaint_with("could not read certificate revocation list", &reason)
}

/// The client's certificate and key, if there are any.
pub(super) fn identity(
    options: &Options,
    mode: SslCertMode,
    password: &mut KeyPassword,
) -> Result<Option<Identity>, TlsSetupError> {
    if mode == SslCertMode::Disable {
        return Ok(None);
    }
    let Some(source) = Source::of(options, Opt::SslCert, "postgresql.crt") else {
        return Ok(None);
    };
    match source.metadata() {
        Ok(_) => {}
        // libpq: the server decides whether the client needs one.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => {
            let reason = sys::error_text(&error);
            return Err(source
                .complaint_with("could not open certificate file", &reason)
                .into());
        }
    }
    let unreadable =
        |reason: &[u8]| source.complaint_with("could not read certificate file", reason);
    let contents = source.contents().map_err(|reason| unreadable(&reason))?;
    let chain = pem::certificates(&contents).map_err(|_| unreadable(b"no start line"))?;
    let key = key_source(options)?;
    let signer = keys::signer(read_key(&key, password)?).map_err(|error| unloaded(&key, error))?;
    if let Some(own) = chain.first() {
        keys::check_pair(own, &*signer).map_err(|error| unloaded(&key, error))?;
    }
    Ok(Some(Identity { chain, key: signer }))
}

/// The client's key, if its file has safe permissions.
fn key_source(options: &Options) -> Result<Source, Failure> {
    let Some(source) = Source::of(options, Opt::SslKey, "postgresql.key") else {
        let text = "certificate does not match private key file \"\": no private key assigned";
        return Err(Failure::shared(text));
    };
    let text = match source.metadata() {
        Ok(None) => return Ok(source),
        Ok(Some(metadata)) => match check_key_file(&source, &metadata) {
            Ok(()) => return Ok(source),
            Err(text) => text,
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            source.complaint("certificate present, but not private key file", b"")
        }
        Err(error) => {
            let reason = sys::error_text(&error);
            source.complaint_with("could not stat private key file", &reason)
        }
    };
    // libpq: a colon means a key in an OpenSSL engine.
    let own = source.value.contains(&b':');
    Err(Failure { text, own })
}

fn check_key_file(source: &Source, metadata: &Metadata) -> Result<(), ErrorText> {
    if !metadata.is_file() {
        return Err(source.complaint("private key file", b" is not a regular file"));
    }
    // libpq: the group may read a key that root owns.
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.mode() & forbidden != 0 {
        let end = b" has group or world access; file must have permissions u=rw (0600) or less if owned by the current user, or permissions u=rw,g=r (0640) or less if owned by root";
        return Err(source.complaint("private key file", end));
    }
    Ok(())
}

fn read_key(
    source: &Source,
    password: &mut KeyPassword,
) -> Result<rustls::pki_types::PrivateKeyDer<'static>, TlsSetupError> {
    let contents = source
        .contents()
        .map_err(|reason| source.complaint_with("could not load private key file", &reason))?;
    let encrypted = match KeyFile::parse(&contents) {
        Some(KeyFile::Clear(key)) => return Ok(key),
        Some(KeyFile::Encrypted(encrypted)) => encrypted,
        None => return Err(unloaded(source, KeyError::Unsupported).into()),
    };
    match std::mem::take(password) {
        KeyPassword::NotAsked => Err(TlsSetupError::Ask(Hook::KeyPassword)),
        KeyPassword::Answered(None) => Err(unloaded(source, KeyError::NoPassword).into()),
        KeyPassword::Answered(Some(password)) => {
            let key = keys::decrypt(encrypted, &password);
            Ok(key.map_err(|error| unloaded(source, error))?)
        }
    }
}

fn unloaded(source: &Source, error: KeyError) -> Failure {
    // libpq: OpenSSL stores one certificate for each kind of key.
    let complaint = match error {
        KeyError::OfAnotherKind => "certificate does not match private key file",
        _ => "could not load private key file",
    };
    let text = source.complaint_with(complaint, error.text().as_bytes());
    match error {
        KeyError::OfAnother | KeyError::OfAnotherKind | KeyError::BadDecrypt => {
            Failure::shared(text)
        }
        // OpenSSL supports more kinds of keys, and C libpq asks for the password on the terminal.
        KeyError::Unsupported | KeyError::NoPassword => Failure::own(text),
    }
}
