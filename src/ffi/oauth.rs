//! The hook that provides data for authentication, and the application's OAuth flow.

use std::ffi::{c_int, c_void};
use std::ptr::{self, null_mut};

use super::call::call;
use super::conn::{TokenRequest, pg_conn};
use super::function_slot::FunctionSlot;
use super::ptr::text;
use super::types::{
    AuthDataCode, PGauthData, PGpromptOAuthDevice, PQauthDataHook_type, PostgresPollingStatusType,
};
use crate::client::oauth::{FlowAnswer, TokenAnswer};
use crate::client::polling::Polling;

type AuthDataHook = unsafe extern "C-unwind" fn(AuthDataCode, *mut pg_conn, *mut c_void) -> c_int;

// SAFETY: AuthDataHook is a function pointer type.
static AUTH_DATA_HOOK: FunctionSlot<AuthDataHook> = unsafe { FunctionSlot::empty() };

/// Sets the function that provides data for authentication, for the whole process. NULL restores
/// PQdefaultAuthDataHook.
///
/// # Safety
/// `hook` is NULL or can be called as the type says, as long as it is set.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsetAuthDataHook(hook: PQauthDataHook_type) {
    AUTH_DATA_HOOK.replace(hook);
}

/// Returns the current function, never NULL.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn PQgetAuthDataHook() -> PQauthDataHook_type {
    Some(AUTH_DATA_HOOK.get().unwrap_or(PQdefaultAuthDataHook))
}

/// The default function. Returns 0, so that the library's own method is used.
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

/// Asks the application for a token, with version 2 first, and gives its answer to the client.
///
/// # Safety
/// `conn` is a live connection that nobody borrows; the application's hook is called.
pub(super) unsafe fn ask_for_token(conn: *mut pg_conn) {
    // SAFETY: the caller's promise. The request lives until it is cleaned up, and nothing
    // here borrows it while the hook runs.
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
/// Same as for [`ask_for_token`]; `request` belongs to the connection.
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

/// Calls the application's flow once and gives its answer to the client.
///
/// # Safety
/// Same as for [`ask_for_token`].
pub(super) unsafe fn run_flow(conn: *mut pg_conn) {
    const FAILED: c_int = PostgresPollingStatusType::PGRES_POLLING_FAILED as c_int;
    const OK: c_int = PostgresPollingStatusType::PGRES_POLLING_OK as c_int;
    // SAFETY: the caller's promise. Nothing borrows the request while the callback runs.
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

/// Asks the application to show the user where to log in; if it does not, the client does.
///
/// # Safety
/// Same as for [`ask_for_token`].
pub(super) unsafe fn prompt(conn: *mut pg_conn) {
    // SAFETY: the caller's promise. The strings live until the flow continues.
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

/// Calls the application's cleanup function, if there is one, and frees the request.
///
/// # Safety
/// Same as for [`ask_for_token`], but `conn` may be NULL.
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
    fn null_restores_the_default() {
        assert_eq!(answer(), 0);
        // SAFETY: `handled` reads no argument.
        unsafe { PQsetAuthDataHook(Some(handled)) };
        assert_eq!(answer(), 1);
        // SAFETY: NULL is allowed.
        unsafe { PQsetAuthDataHook(None) };
        assert_eq!(answer(), 0);
    }
}
