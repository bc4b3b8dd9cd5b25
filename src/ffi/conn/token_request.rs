//! A request for an OAuth bearer token, as the application's hook gets it.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::{self, null_mut};

use super::super::enums::PollingStatusCode;
use super::super::ptr::text;
use super::pg_conn;

const FLOW_FAILED: &[u8] = b"user-defined OAuth flow failed";

/// Data of `PQAUTHDATA_OAUTH_BEARER_TOKEN`. The hook sets `token`, or `async` to get the token
/// without blocking.
#[repr(C)]
pub struct PGoauthBearerRequest {
    /// In: the URI of the provider's discovery document.
    pub openid_configuration: *const c_char,
    /// In: the required scopes, or NULL.
    pub scope: *const c_char,
    /// Out, optional: called repeatedly until there is a token. Returns `PGRES_POLLING_READING` or
    /// `PGRES_POLLING_WRITING` after it has stored the descriptor to wait for in `*altsock`,
    /// `PGRES_POLLING_OK` after it has set `token`, or `PGRES_POLLING_FAILED`.
    pub r#async: Option<
        unsafe extern "C-unwind" fn(
            conn: *mut pg_conn,
            request: *mut PGoauthBearerRequest,
            altsock: *mut c_int,
        ) -> PollingStatusCode,
    >,
    /// Out, optional: called when the token is no longer needed, to free what the hook has
    /// allocated.
    pub cleanup:
        Option<unsafe extern "C-unwind" fn(conn: *mut pg_conn, request: *mut PGoauthBearerRequest)>,
    /// Out: the token. It must remain valid until `cleanup` is called.
    pub token: *mut c_char,
    /// For the hook; not used by the library.
    pub user: *mut c_void,
}

// The tag and the name are the same. cbindgen.toml renames this alias.
#[doc(hidden)]
pub type PGoauthBearerRequestName = PGoauthBearerRequest;

/// Data of `PQAUTHDATA_OAUTH_BEARER_TOKEN_V2`. The callbacks in `v1` may cast their request to this
/// type.
#[repr(C)]
pub struct _PGoauthBearerRequestV2 {
    /// The members of version 1.
    pub v1: PGoauthBearerRequest,
    /// In: the issuer, as in the connection option `oauth_issuer`.
    pub issuer: *const c_char,
    /// Out, optional: the reason for a failure, for `PQerrorMessage`. The library does not free it;
    /// `v1.cleanup` may.
    pub error: *const c_char,
}
/// The usual name of `struct _PGoauthBearerRequestV2`.
pub type PGoauthBearerRequestV2 = _PGoauthBearerRequestV2;

/// What the application's hook is called with, and its callbacks after it.
pub struct TokenRequest {
    pub request: PGoauthBearerRequestV2,
    /// The hook accepted version 2, so it may have set the members that only version 2 has.
    pub is_v2: bool,
    /// The descriptor that the application's flow waits for.
    pub socket: c_int,
    /// The strings that `request` points to.
    _strings: [Option<CString>; 3],
}

impl TokenRequest {
    /// The request for the token that `conn` needs; NULL when it needs none.
    pub fn new(conn: &pg_conn) -> *mut TokenRequest {
        let Some(wanted) = conn.client.token_request() else {
            return null_mut();
        };
        let string = |text: &[u8]| CString::new(text).ok();
        let strings = [
            string(wanted.discovery_uri.as_bytes()),
            wanted.scope.and_then(string),
            string(wanted.issuer.as_bytes()),
        ];
        let [uri, scope, issuer] = strings
            .each_ref()
            .map(|string| string.as_ref().map_or(ptr::null(), |s| s.as_ptr()));
        let v1 = PGoauthBearerRequest {
            openid_configuration: uri,
            scope,
            r#async: None,
            cleanup: None,
            token: null_mut(),
            user: null_mut(),
        };
        Box::into_raw(Box::new(TokenRequest {
            request: PGoauthBearerRequestV2 {
                v1,
                issuer,
                error: ptr::null(),
            },
            is_v2: false,
            socket: -1,
            _strings: strings,
        }))
    }
    /// libpq's text for the failure of the application's flow, with the reason that the flow gave, if any.
    ///
    /// # Safety
    /// The request's error is NULL or a C string.
    pub unsafe fn failure(&self) -> Vec<u8> {
        // SAFETY: the caller's promise.
        match unsafe { text(self.request.error) }.filter(|_| self.is_v2) {
            Some(reason) => [FLOW_FAILED, b": ", reason].concat(),
            None => FLOW_FAILED.to_vec(),
        }
    }
}
