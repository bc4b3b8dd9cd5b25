//! Event procedures of connections and results.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;

use super::conn::pg_conn;
use super::registration::{Procedure, Registration};
use super::types::{
    EventIdCode, PGEventConnDestroy, PGEventConnReset, PGEventId, PGEventProc, PGEventRegister,
    PGEventResultCopy, PGEventResultCreate, PGEventResultDestroy,
};
use super::{guard, ptr};
use crate::result::store::PgResult;

/// The event procedures of a result.
struct Watchers(Vec<Registration>);

// SAFETY: the pointers are only passed back to the application.
unsafe impl Send for Watchers {}

/// What a call of a procedure needs, copied so that nothing is borrowed while it runs.
#[derive(Clone, Copy)]
struct Call {
    procedure: Procedure,
    pass_through: *mut c_void,
    initialized: bool,
}

impl Call {
    fn of(registration: &Registration) -> Call {
        Call {
            procedure: registration.procedure,
            pass_through: registration.pass_through,
            initialized: registration.initialized,
        }
    }

    /// # Safety
    /// `info` is the event's data.
    unsafe fn fire<T>(self, event: PGEventId, info: &mut T) -> bool {
        let info = std::ptr::from_mut(info).cast();
        // SAFETY: the caller's promise, and the application's for its procedure.
        unsafe { (self.procedure)(event as EventIdCode, info, self.pass_through) != 0 }
    }
}

/// # Safety
/// `conn` is a live connection.
unsafe fn conn_call(conn: *mut pg_conn, index: usize) -> Option<Call> {
    // SAFETY: the caller's promise; the reference ends here.
    let events = unsafe { &(*conn).events };
    events.get(index).map(Call::of)
}

/// # Safety
/// `result` is a live result; the reference must not outlive the next use of it.
unsafe fn watchers<'a>(result: *mut PgResult) -> Option<&'a mut Vec<Registration>> {
    // SAFETY: the caller's promise.
    let events = unsafe { (*result).events.as_deref_mut() };
    Some(&mut events?.downcast_mut::<Watchers>()?.0)
}

/// # Safety
/// `result` is a live result.
unsafe fn result_call(result: *mut PgResult, index: usize) -> Option<Call> {
    // SAFETY: the caller's promise; the reference ends here.
    unsafe { watchers(result)?.get(index).map(Call::of) }
}

/// # Safety
/// `result` is a live result.
unsafe fn mark_initialized(result: *mut PgResult, index: usize) {
    // SAFETY: the caller's promise; the reference ends here.
    if let Some(event) = unsafe { watchers(result) }.and_then(|all| all.get_mut(index)) {
        event.initialized = true;
    }
}

/// Attaches the procedures of `conn` to `result`.
///
/// # Safety
/// Both are live.
pub unsafe fn attach(conn: *mut pg_conn, result: *mut PgResult) {
    // SAFETY: the caller's promise; the references end here.
    let (events, result) = unsafe { (&(*conn).events, &mut *result) };
    if !events.is_empty() {
        let watchers = events.iter().map(Registration::without_data).collect();
        result.events = Some(Box::new(Watchers(watchers)));
    }
}

/// # Safety
/// `conn` is a live connection.
pub unsafe fn fire_reset(conn: *mut pg_conn) {
    let mut info = PGEventConnReset { conn };
    // SAFETY: the caller's promise.
    unsafe { fire_all(conn, PGEventId::PGEVT_CONNRESET, &mut info) };
}

/// # Safety
/// `conn` is a live connection, which is freed next.
pub unsafe fn fire_destroy_connection(conn: *mut pg_conn) {
    let mut info = PGEventConnDestroy { conn };
    // SAFETY: the caller's promise.
    unsafe { fire_all(conn, PGEventId::PGEVT_CONNDESTROY, &mut info) };
}

/// # Safety
/// `conn` is a live connection, `info` the data of `event`.
unsafe fn fire_all<T>(conn: *mut pg_conn, event: PGEventId, info: &mut T) {
    let mut index = 0;
    // SAFETY: the caller's promise.
    while let Some(call) = unsafe { conn_call(conn, index) } {
        // SAFETY: the caller's promise.
        unsafe { call.fire(event, info) };
        index += 1;
    }
}

/// Calls the procedures of a result before it is freed.
///
/// # Safety
/// `result` is a live result, which is freed next.
#[cold]
pub unsafe fn fire_destroy(result: *mut PgResult) {
    let mut index = 0;
    // SAFETY: the caller's promise.
    while let Some(call) = unsafe { result_call(result, index) } {
        if call.initialized {
            let mut info = PGEventResultDestroy { result };
            // SAFETY: the caller's promise.
            unsafe { call.fire(PGEventId::PGEVT_RESULTDESTROY, &mut info) };
        }
        index += 1;
    }
}

/// Attaches the procedures of `src` to its copy, and calls those that returned success for `src`.
///
/// # Safety
/// Both are live results.
pub unsafe fn fire_copy(src: *const PgResult, dest: *mut PgResult) -> bool {
    let source = src.cast_mut();
    // SAFETY: the caller's promise; only read through `source`, and the references end here.
    let copies = unsafe { watchers(source) }.map(|all| {
        all.iter()
            .map(Registration::without_data)
            .collect::<Vec<_>>()
    });
    let Some(copies) = copies else {
        return true;
    };
    // SAFETY: the caller's promise.
    unsafe { (*dest).events = Some(Box::new(Watchers(copies))) };
    let mut index = 0;
    // SAFETY: the caller's promise.
    while let Some(call) = unsafe { result_call(source, index) } {
        if call.initialized {
            let mut info = PGEventResultCopy { src, dest };
            // SAFETY: the caller's promise.
            unsafe {
                if call.fire(PGEventId::PGEVT_RESULTCOPY, &mut info) {
                    mark_initialized(dest, index);
                }
            }
        }
        index += 1;
    }
    true
}

/// Calls the event procedures of a result that the program created, with PGEVT_RESULTCREATE.
/// Returns 1 if each procedure that had not been called before returned success, otherwise 0, and 0
/// if `res` is NULL.
///
/// # Safety
/// `conn` is NULL or a live connection, `res` NULL or a live result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQfireResultCreateEvents(
    conn: *mut pg_conn,
    res: *mut PgResult,
) -> c_int {
    if res.is_null() {
        return 0;
    }
    let mut all = true;
    let mut index = 0;
    // SAFETY: not NULL, and the caller's promise.
    while let Some(call) = unsafe { result_call(res, index) } {
        if !call.initialized {
            let mut info = PGEventResultCreate { conn, result: res };
            // SAFETY: the caller's promise.
            unsafe {
                if call.fire(PGEventId::PGEVT_RESULTCREATE, &mut info) {
                    mark_initialized(res, index);
                } else {
                    all = false;
                }
            }
        }
        index += 1;
    }
    all.into()
}

/// Registers an event procedure for a connection and for the results created from it. Returns 1.
/// Returns 0 if `conn`, `proc` or `name` is NULL, if the name is empty, if the procedure is already
/// registered, or if it returns 0 for PGEVT_REGISTER.
///
/// # Safety
/// `conn` is NULL or a live connection, `name` NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQregisterEventProc(
    conn: *mut pg_conn,
    proc: PGEventProc,
    name: *const c_char,
    passThrough: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise.
    let (name, Some(procedure)) = (unsafe { ptr::text(name) }, proc) else {
        return 0;
    };
    if conn.is_null() || name.is_none_or(<[u8]>::is_empty) {
        return 0;
    }
    let added = guard::guard(false, || {
        // SAFETY: not NULL, and the caller's promise; the reference ends here.
        let events = unsafe { &mut (*conn).events };
        let known = events.iter().any(|e| is_same(e.procedure, procedure));
        if known || events.try_reserve(1).is_err() {
            return false;
        }
        events.push(Registration {
            procedure,
            pass_through: passThrough,
            data: null_mut(),
            initialized: false,
        });
        true
    });
    if !added {
        return 0;
    }
    let mut info = PGEventRegister { conn };
    let info = (&raw mut info).cast();
    // SAFETY: the application's procedure, called with its event's data.
    let accepted =
        unsafe { procedure(PGEventId::PGEVT_REGISTER as EventIdCode, info, passThrough) } != 0;
    if !accepted {
        // SAFETY: as above.
        unsafe { (*conn).events.retain(|e| !is_same(e.procedure, procedure)) };
    }
    accepted.into()
}

fn is_same(a: Procedure, b: Procedure) -> bool {
    std::ptr::fn_addr_eq(a, b)
}

fn find(events: &mut [Registration], procedure: Procedure) -> Option<&mut Registration> {
    events
        .iter_mut()
        .find(|event| is_same(event.procedure, procedure))
}

/// Stores a pointer for an event procedure in a connection. Returns 1, or 0 if the procedure is not
/// registered.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsetInstanceData(
    conn: *mut pg_conn,
    proc: PGEventProc,
    data: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise.
    let (Some(conn), Some(procedure)) = (unsafe { ptr::exclusive(conn) }, proc) else {
        return 0;
    };
    store(find(&mut conn.events, procedure), data)
}

fn store(event: Option<&mut Registration>, data: *mut c_void) -> c_int {
    match event {
        Some(event) => {
            event.data = data;
            1
        }
        None => 0,
    }
}

/// Returns the pointer of PQsetInstanceData, or NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQinstanceData(
    conn: *const pg_conn,
    proc: PGEventProc,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    let (Some(conn), Some(procedure)) = (unsafe { ptr::shared(conn) }, proc) else {
        return null_mut();
    };
    data_of(&conn.events, procedure)
}

fn data_of(events: &[Registration], procedure: Procedure) -> *mut c_void {
    let event = events.iter().find(|e| is_same(e.procedure, procedure));
    event.map_or(null_mut(), |event| event.data)
}

/// Stores a pointer for an event procedure in a result. Returns 1, or 0 if the procedure is not
/// registered.
///
/// # Safety
/// `result` is NULL or a live result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQresultSetInstanceData(
    result: *mut PgResult,
    proc: PGEventProc,
    data: *mut c_void,
) -> c_int {
    let (false, Some(procedure)) = (result.is_null(), proc) else {
        return 0;
    };
    // SAFETY: not NULL, and the caller's promise.
    let events = unsafe { watchers(result) };
    store(events.and_then(|events| find(events, procedure)), data)
}

/// Returns the pointer of PQresultSetInstanceData, or NULL.
///
/// # Safety
/// `result` is NULL or a live result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQresultInstanceData(
    result: *const PgResult,
    proc: PGEventProc,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    let (Some(result), Some(procedure)) = (unsafe { ptr::shared(result) }, proc) else {
        return null_mut();
    };
    let events = result.events.as_deref().and_then(|e| e.downcast_ref());
    events.map_or(null_mut(), |Watchers(events)| data_of(events, procedure))
}
