//! What the user must do for a token.

#[cfg(feature = "oauth")]
use crate::auth::oauth::documents::DeviceAuthorization;
use std::ffi::CString;

/// The address to visit and the code to enter, as C strings.
pub struct Prompt {
    pub verification_uri: CString,
    pub user_code: CString,
    pub verification_uri_complete: Option<CString>,
    /// Seconds until the code expires.
    pub expires_in: i32,
    #[cfg(feature = "oauth")]
    pub(super) shown: bool,
}

#[cfg(feature = "oauth")]
impl Prompt {
    pub(super) fn of(authorization: &DeviceAuthorization) -> Prompt {
        // The parser of the documents rejects NULs.
        let text = |text: &str| CString::new(text).unwrap_or_default();
        let complete = authorization.verification_uri_complete.as_deref();
        Prompt {
            verification_uri: text(&authorization.verification_uri),
            user_code: text(&authorization.user_code),
            verification_uri_complete: complete.map(text),
            expires_in: authorization.expires_in,
            shown: false,
        }
    }

    pub(super) fn text(&self) -> Vec<u8> {
        let (uri, code) = (self.verification_uri.to_bytes(), self.user_code.to_bytes());
        [b"Visit ", uri, b" and enter the code: ", code, b"\n"].concat()
    }
}
