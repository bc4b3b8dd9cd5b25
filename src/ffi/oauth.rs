//! The hook that answers needs of authentication, and the application's flow that gets a bearer token.

use std::ffi::{c_int, c_void};
use std::ptr::{self, null_mut};

use super::call::call;
use super::conn::{TokenRequest, pg_conn};
use super::hook::Hook;
use super::ptr::text;
use super::types::{
    AuthDataCode, PGauthData, PGpromptOAuthDevice, PQauthDataHook_type, PostgresPollingStatusType,
};
use crate::client::oauth::{FlowAnswer, TokenAnswer};
use crate::client::polling::Polling;

type AuthDataHook = unsafe extern "C-unwind" fn(AuthDataCode, *mut pg_conn, *mut c_void) -> c_int;

// SAFETY: AuthDataHook is a function pointer type.
static AUTH_DATA_HOOK: Hook<AuthDataHook> = unsafe { Hook::empty() };

/// Sets, for the whole process, the function that is asked for what authentication needs; NULL
/// for the default, `PQdefaultAuthDataHook`.
///
/// # Safety
/// `hook` is NULL or can be called as the type says, as long as it is set.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsetAuthDataHook(hook: PQauthDataHook_type) {
    AUTH_DATA_HOOK.replace(hook);
}

/// Answers the function in use, never NULL.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn PQgetAuthDataHook() -> PQauthDataHook_type {
    Some(AUTH_DATA_HOOK.get().unwrap_or(PQdefaultAuthDataHook))
}

/// The hook in use when none was set: handles nothing and answers 0, so that the built-in way
/// is taken.
///
/// # Safety
/// No argument is read.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQdefaultAuthDataHook(
    r#type: AuthDataCode,
    conn: *mut pg_conn,
    data: *mut c_void,
) -> c_int {
    let _ = (r#type, conn, data);
    0
}

/// Asks the application for a token, in version 2 first, and tells the client what it says.
///
/// # Safety
/// `conn` is a live connection that nobody borrows; the application's hook is called.
pub(super) unsafe fn ask_for_token(conn: *mut pg_conn) {
    // SAFETY: the caller's promise. The request is the connection's until it is cleaned up, and nothing
    // here refers to it while the hook runs.
    unsafe {
        clean_up(conn);
        call(conn, (), |conn| {
            conn.token_request = TokenRequest::new(conn)
        });
        let request = (*conn).token_request;
        let outcome = match AUTH_DATA_HOOK.get() {
            Some(hook) if !request.is_null() => ask_hook(hook, conn, request),
            _ => 0,
        };
        if outcome > 0 && (*request).request.v1.token.is_null() {
            call(conn, (), |conn| {
                conn.client.answer_token_request(TokenAnswer::Flow)
            });
            return;
        }
        call(conn, (), |conn| {
            let answer = match outcome {
                0 => TokenAnswer::Default,
                1.. => {
                    text((*request).request.v1.token).map_or(TokenAnswer::Flow, TokenAnswer::Token)
                }
                _ => TokenAnswer::Failed((*request).failure().into()),
            };
            conn.client.answer_token_request(answer);
        });
        clean_up(conn);
    }
}

/// # Safety
/// As for [`ask_for_token`]; `request` is the connection's.
unsafe fn ask_hook(hook: AuthDataHook, conn: *mut pg_conn, request: *mut TokenRequest) -> c_int {
    let v2 = PGauthData::PQAUTHDATA_OAUTH_BEARER_TOKEN_V2 as AuthDataCode;
    let v1 = PGauthData::PQAUTHDATA_OAUTH_BEARER_TOKEN as AuthDataCode;
    // SAFETY: the caller's promise.
    unsafe {
        let data: *mut c_void = (&raw mut (*request).request).cast();
        let outcome = hook(v2, conn, data);
        if outcome != 0 {
            (*request).is_v2 = true;
            return outcome;
        }
        hook(v1, conn, data)
    }
}

/// Drives the application's flow and tells the client what it came to.
///
/// # Safety
/// As for [`ask_for_token`].
pub(super) unsafe fn run_flow(conn: *mut pg_conn) {
    const FAILED: c_int = PostgresPollingStatusType::PGRES_POLLING_FAILED as c_int;
    const OK: c_int = PostgresPollingStatusType::PGRES_POLLING_OK as c_int;
    // SAFETY: the caller's promise. Nothing refers to the request while the callback runs.
    unsafe {
        let request = (*conn).token_request;
        let callback = request.as_ref().and_then(|r| r.request.v1.r#async);
        let status = callback.map(|callback| {
            let v1 = &raw mut (*request).request.v1;
            callback(conn, v1, &raw mut (*request).socket) as c_int
        });
        call(conn, (), |conn| {
            let no =
                |what: &str| FlowAnswer::Failed(format!("user-defined OAuth flow {what}").into());
            let answer = match status {
                None => no("provided neither a token nor an async callback"),
                Some(FAILED) => FlowAnswer::Failed((*request).failure().into()),
                Some(OK) => match text((*request).request.v1.token) {
                    Some(token) => FlowAnswer::Token(token),
                    None => no("did not provide a token"),
                },
                Some(_) if (*request).socket == -1 => no("did not provide a socket for polling"),
                Some(status) => FlowAnswer::Wait(polling(status), (*request).socket),
            };
            conn.client.answer_oauth_flow(answer);
        });
        if status == Some(OK) && !(*request).request.v1.token.is_null() {
            clean_up(conn);
        }
    }
}

fn polling(status: c_int) -> Polling {
    match status == PostgresPollingStatusType::PGRES_POLLING_WRITING as c_int {
        true => Polling::Writing,
        false => Polling::Reading,
    }
}

/// Tells the user, through the application if it does that, where to consent.
///
/// # Safety
/// As for [`ask_for_token`].
pub(super) unsafe fn prompt(conn: *mut pg_conn) {
    // SAFETY: the caller's promise. The texts are the client's until the flow goes on.
    unsafe {
        let prompt = call(conn, None, |conn| {
            conn.client
                .oauth_prompt()
                .map(|prompt| PGpromptOAuthDevice {
                    verification_uri: prompt.verification_uri.as_ptr(),
                    user_code: prompt.user_code.as_ptr(),
                    verification_uri_complete: prompt
                        .verification_uri_complete
                        .as_ref()
                        .map_or(ptr::null(), |uri| uri.as_ptr()),
                    expires_in: prompt.expires_in,
                })
        });
        let (Some(mut prompt), Some(hook)) = (prompt, AUTH_DATA_HOOK.get()) else {
            return call(conn, (), |conn| conn.client.answer_oauth_prompt(0));
        };
        let kind = PGauthData::PQAUTHDATA_PROMPT_OAUTH_DEVICE as AuthDataCode;
        let outcome = hook(kind, conn, (&raw mut prompt).cast());
        call(conn, (), |conn| conn.client.answer_oauth_prompt(outcome));
    }
}

/// Lets the application free what its flow made, if there is one, and forgets the request.
///
/// # Safety
/// As for [`ask_for_token`], but `conn` may be NULL.
pub(super) unsafe fn clean_up(conn: *mut pg_conn) {
    if conn.is_null() {
        return;
    }
    // SAFETY: the caller's promise; the request came from a Box, and nobody else has it.
    unsafe {
        let request = std::mem::replace(&mut (*conn).token_request, null_mut());
        if request.is_null() {
            return;
        }
        if let Some(cleanup) = (*request).request.v1.cleanup {
            cleanup(conn, &raw mut (*request).request.v1);
        }
        drop(Box::from_raw(request));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C-unwind" fn handled(_: AuthDataCode, _: *mut pg_conn, _: *mut c_void) -> c_int {
        1
    }

    fn answer() -> c_int {
        let hook = PQgetAuthDataHook().expect("never NULL");
        // SAFETY: both hooks of this test read no argument.
        unsafe { hook(0, ptr::null_mut(), ptr::null_mut()) }
    }

    #[test]
    fn null_brings_the_default_back() {
        assert_eq!(answer(), 0);
        // SAFETY: `handled` reads no argument.
        unsafe { PQsetAuthDataHook(Some(handled)) };
        assert_eq!(answer(), 1);
        // SAFETY: NULL is allowed.
        unsafe { PQsetAuthDataHook(None) };
        assert_eq!(answer(), 0);
    }
}
