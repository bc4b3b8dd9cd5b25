//! Calling the client: panics stopped, trace lines written, and in between notices handed out, the application's hooks
//! asked and the server waited for.

use super::connect::pg_conn;
use super::{guard, misc, notice, oauth, tls, trace, wait};
use crate::client::{Hook, Step, Wait};
use crate::result::store::PgResult;

/// Runs `body` on a connection that may be NULL; NULL and a panic answer `failure`.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
pub unsafe fn call<T: Copy>(
    conn: *mut pg_conn,
    failure: T,
    body: impl FnOnce(&mut pg_conn) -> T,
) -> T {
    if conn.is_null() {
        return failure;
    }
    // SAFETY: not NULL; exclusive by the caller's promise, and the reference ends with the closure.
    let outcome = guard::catch(|| body(unsafe { &mut *conn }));
    // SAFETY: as above.
    if outcome.is_none() || unsafe { !(*conn).trace.is_null() } {
        // SAFETY: as above.
        unsafe { settle(conn, outcome.is_none()) };
    }
    outcome.unwrap_or(failure)
}

/// Runs `step` until it is done; in between, hands the notices it comes upon to the application, asks the application's
/// hooks and waits for the server.
///
/// While the application runs or the thread waits, nothing is borrowed and nothing here needs dropping (`T` is `Copy`, and
/// `step` must capture only what is): the application may longjmp out of its function, and the thread may be cancelled.
///
/// # Safety
/// As for [`call`]; the application's notice receiver and hooks are called.
pub unsafe fn drive<T: Copy>(
    conn: *mut pg_conn,
    failure: T,
    step: impl FnMut(&mut pg_conn) -> Step<T> + Copy,
) -> T {
    loop {
        // SAFETY: the caller's promise.
        match unsafe { one_step(conn, step) } {
            Outcome::Done(value) => return value,
            Outcome::Failed => return failure,
            // SAFETY: as above; nothing borrows the connection.
            Outcome::Wait(wait) => unsafe { wait::attend(conn, wait) },
            // SAFETY: as above.
            Outcome::Pause(pause) => unsafe { attend(conn, pause) },
        }
    }
}

#[derive(Clone, Copy)]
enum Outcome<T> {
    Done(T),
    Pause(Pause),
    Wait(Wait),
    Failed,
}

/// What the application has to do before the step can go on.
#[derive(Clone, Copy)]
enum Pause {
    Notice(*mut PgResult),
    Hook(Hook),
}

/// # Safety
/// As for [`call`].
unsafe fn one_step<T: Copy>(
    conn: *mut pg_conn,
    mut step: impl FnMut(&mut pg_conn) -> Step<T>,
) -> Outcome<T> {
    let body = |conn: &mut pg_conn| match step(conn) {
        Step::Done(value) => Outcome::Done(value),
        Step::Notice(result) => Outcome::Pause(Pause::Notice(result.into_raw())),
        Step::Hook(hook) => Outcome::Pause(Pause::Hook(hook)),
        Step::Wait(wait) => Outcome::Wait(wait),
    };
    // SAFETY: the caller's promise.
    unsafe { call(conn, Outcome::Failed, body) }
}

/// Lets the application do its part.
///
/// # Safety
/// As for [`drive`], and `conn` is not NULL.
#[cold]
unsafe fn attend(conn: *mut pg_conn, pause: Pause) {
    // SAFETY: the caller's promise; the result came from `into_raw` and is handed over.
    unsafe {
        match pause {
            Pause::Notice(result) => notice::deliver(result),
            Pause::Hook(hook) => ask(conn, hook),
        }
    }
}

/// Asks the application and gives its answer to the client.
///
/// # Safety
/// As for [`call`], and `conn` is not NULL.
unsafe fn ask(conn: *mut pg_conn, hook: Hook) {
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

/// What is left to do after a panic, and where messages are traced.
///
/// # Safety
/// `conn` is a live connection.
#[cold]
unsafe fn settle(conn: *mut pg_conn, panicked: bool) {
    // SAFETY: the caller's promise; the reference ends here.
    let conn = unsafe { &mut *conn };
    if panicked {
        guard::guard((), || conn.client.mark_bad());
    }
    trace::write_lines(conn);
}
