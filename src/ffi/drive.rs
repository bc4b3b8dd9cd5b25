//! Runs a step of the client until it is done. In between, calls the application's functions and waits for the server.

use super::call::call;
use super::conn::pg_conn;
use super::{misc, notice, oauth, tls, wait};
use crate::client::{Hook, Pause, Wait};
use crate::result::store::PgResult;

/// Runs `step` until it is done. In between, passes notices to the application, calls its hooks and waits for the server.
///
/// While the application runs or the thread waits, nothing is borrowed and nothing here needs to be dropped (`T` is `Copy`,
/// and `step` must capture only `Copy` values): the application may longjmp out of its function, and the thread may be
/// cancelled.
///
/// # Safety
/// Same as for [`call`]. The application's notice receiver and hooks are called.
pub unsafe fn drive<T: Copy>(
    conn: *mut pg_conn,
    failure: T,
    step: impl FnMut(&mut pg_conn) -> Result<T, Pause> + Copy,
) -> T {
    loop {
        // SAFETY: the caller's promise.
        match unsafe { one_step(conn, step) } {
            StepOutcome::Done(value) => return value,
            StepOutcome::Failed => return failure,
            // SAFETY: as above; nothing borrows the connection.
            StepOutcome::Wait(wait) => unsafe { wait::wait_and_report(conn, wait) },
            // SAFETY: as above.
            StepOutcome::Pause(pause) => unsafe { handle_pause(conn, pause) },
        }
    }
}

/// How one call of a step ended. It is `Copy`, as nothing may need to be dropped while the application runs.
#[derive(Clone, Copy)]
enum StepOutcome<T> {
    Done(T),
    Pause(ApplicationPause),
    Wait(Wait),
    /// A NULL connection or a panic.
    Failed,
}

/// What the application has to do before the step can continue.
#[derive(Clone, Copy)]
enum ApplicationPause {
    Notice(*mut PgResult),
    Hook(Hook),
}

/// # Safety
/// Same as for [`call`].
unsafe fn one_step<T: Copy>(
    conn: *mut pg_conn,
    mut step: impl FnMut(&mut pg_conn) -> Result<T, Pause>,
) -> StepOutcome<T> {
    let body = |conn: &mut pg_conn| match step(conn) {
        Ok(value) => StepOutcome::Done(value),
        Err(Pause::Notice(result)) => {
            StepOutcome::Pause(ApplicationPause::Notice(result.into_raw()))
        }
        Err(Pause::Hook(hook)) => StepOutcome::Pause(ApplicationPause::Hook(hook)),
        Err(Pause::Wait(wait)) => StepOutcome::Wait(wait),
    };
    // SAFETY: the caller's promise.
    unsafe { call(conn, StepOutcome::Failed, body) }
}

/// Calls the application's function.
///
/// # Safety
/// Same as for [`drive`], and `conn` is not NULL.
#[cold]
unsafe fn handle_pause(conn: *mut pg_conn, pause: ApplicationPause) {
    // SAFETY: the caller's promise; the result came from `into_raw` and is passed on.
    unsafe {
        match pause {
            ApplicationPause::Notice(result) => notice::deliver(result),
            ApplicationPause::Hook(hook) => call_hook(conn, hook),
        }
    }
}

/// Calls the application's hook and gives its answer to the client.
///
/// # Safety
/// Same as for [`call`], and `conn` is not NULL.
unsafe fn call_hook(conn: *mut pg_conn, hook: Hook) {
    // SAFETY: the caller's promise.
    unsafe {
        match hook {
            Hook::ThreadLock => misc::thread_lock(true),
            Hook::ThreadUnlock => misc::thread_lock(false),
            Hook::KeyPassword => tls::ask_key_password(conn),
            Hook::OAuthToken => oauth::ask_for_token(conn),
            Hook::OAuthFlow => oauth::run_flow(conn),
            Hook::OAuthPrompt => oauth::prompt(conn),
            Hook::OAuthCleanup => oauth::clean_up(conn),
        }
    }
}
