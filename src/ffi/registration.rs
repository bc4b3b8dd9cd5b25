//! A registered event procedure.

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

use super::enums::EventIdCode;

pub type Procedure = unsafe extern "C-unwind" fn(EventIdCode, *mut c_void, *mut c_void) -> c_int;

/// An event procedure of a connection or of a result, and the data that it keeps there.
#[derive(Clone, Copy)]
pub struct Registration {
    pub procedure: Procedure,
    pub pass_through: *mut c_void,
    /// The instance data.
    pub data: *mut c_void,
    /// For a result: the procedure returned success for PGEVT_RESULTCREATE or PGEVT_RESULTCOPY.
    pub initialized: bool,
}

impl Registration {
    /// The same procedure without instance data, not yet initialized.
    pub fn without_data(&self) -> Registration {
        Registration {
            data: null_mut(),
            initialized: false,
            ..*self
        }
    }
}
