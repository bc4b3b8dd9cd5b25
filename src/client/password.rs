//! Hashes passwords on the client, so that they do not appear in the server's logs.

pub use crate::auth::md5::md5_stored;

use super::{Connection, env};
use crate::auth::scram::{self, SALT_LENGTH};
use crate::mem::error_text::ErrorText;
use crate::result::status::Status;
use crate::result::store::PgResult;

/// The longest algorithm name that a server may send.
const LONGEST_NAME: usize = 50;
const SCRAM: &[u8] = b"scram-sha-256";

/// The text for `ALTER USER user PASSWORD`.
///
/// `algorithm` is a value of the server's `password_encryption`. Only `scram-sha-256` uses `iterations` and `random`, which
/// fills a salt or returns false. `Err` is libpq's text.
fn encrypt(
    password: &[u8],
    user: &[u8],
    algorithm: &[u8],
    random: fn(&mut [u8]) -> bool,
    iterations: u32,
) -> Result<Vec<u8>, ErrorText> {
    match algorithm {
        SCRAM => {
            let mut salt = [0; SALT_LENGTH];
            if !random(&mut salt) {
                return Err(b"could not encrypt password: could not generate random salt".into());
            }
            Ok(scram::build_secret(password, &salt, iterations))
        }
        // libpq: the two values of password_encryption before PostgreSQL 10 mean MD5.
        b"md5" | b"on" | b"off" => Ok(md5_stored(user, password)),
        _ => Err(ErrorText::concat(&[
            b"unrecognized password encryption algorithm \"",
            algorithm,
            b"\"",
        ])),
    }
}

impl Connection {
    /// The algorithm in the result of `show password_encryption`; None with an error text.
    pub fn shown_algorithm<'a>(&mut self, answer: &'a PgResult) -> Option<&'a [u8]> {
        if answer.status() != Status::TuplesOk {
            return None;
        }
        if (answer.nrows(), answer.ncols()) != (1, 1) {
            self.refuse("unexpected shape of result set returned for SHOW");
            return None;
        }
        let name = answer.bytes(0, 0).flatten().unwrap_or_default();
        // The text ends at its NUL.
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        if name.len() > LONGEST_NAME {
            self.refuse("\"password_encryption\" value too long");
            return None;
        }
        Some(name)
    }

    /// The text that the server stores for a password; None with an error text.
    pub fn encrypt_password(
        &mut self,
        password: Option<&[u8]>,
        user: Option<&[u8]>,
        algorithm: &[u8],
    ) -> Option<Vec<u8>> {
        // SCRAM does not use the name.
        let user = user.or((algorithm == SCRAM).then_some(b""));
        let (Some(password), Some(user)) = (password, user) else {
            self.refuse("password and user name must not be null pointers");
            return None;
        };
        let iterations = self.session.server().scram_iterations;
        let encrypted = encrypt(password, user, algorithm, env::random_bytes, iterations);
        encrypted.map_err(|text| self.session.add_error(text)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_algorithm_has_its_format() {
        let random = |salt: &mut [u8]| {
            salt.fill(b'x');
            true
        };
        let run = |algorithm: &[u8]| encrypt(b"ab", b"c", algorithm, random, 3);
        let md5 = b"md5900150983cd24fb0d6963f7d28e17f72";
        for name in [&b"md5"[..], b"on", b"off"] {
            assert_eq!(run(name).unwrap(), md5);
        }
        let secret = run(b"scram-sha-256").unwrap();
        assert!(secret.starts_with(b"SCRAM-SHA-256$3:eHh4eHh4eHh4eHh4eHh4eA==$"));
        assert_eq!(
            run(b"MD5").unwrap_err(),
            b"unrecognized password encryption algorithm \"MD5\""
        );
    }

    #[test]
    fn fails_without_random_bytes_for_the_salt() {
        let run = |algorithm: &[u8]| encrypt(b"ab", b"c", algorithm, |_| false, 3);
        let text = b"could not encrypt password: could not generate random salt";
        assert_eq!(run(b"scram-sha-256").unwrap_err(), text);
        assert!(run(b"md5").is_ok());
    }
}
