//! The parameter arrays of commands.

use std::ffi::{c_char, c_int};
use std::slice;

use super::ptr;
use super::types::Oid;
use crate::client::Connection;
use crate::client::exec::{Parameter, Parameters};

/// The parameter arrays that C passes.
#[derive(Clone, Copy)]
pub struct ParamArrays {
    pub count: c_int,
    pub values: *const *const c_char,
    pub lengths: *const c_int,
    pub formats: *const c_int,
}

impl ParamArrays {
    /// Parameters of which only the types are known.
    pub fn only_types(count: c_int) -> ParamArrays {
        ParamArrays {
            count,
            values: std::ptr::null(),
            lengths: std::ptr::null(),
            formats: std::ptr::null(),
        }
    }

    fn len(&self) -> usize {
        usize::try_from(self.count).unwrap_or(0)
    }

    /// The types; empty if there are none.
    ///
    /// # Safety
    /// `types` is NULL or has `count` entries, which live during `'a`.
    pub unsafe fn types<'a>(&self, types: *const Oid) -> &'a [Oid] {
        // SAFETY: the caller's promise.
        unsafe { array(types, self.len()) }
    }

    /// The values. Returns None with an error message if a binary value has no length.
    ///
    /// # Safety
    /// Each array is NULL or has `count` entries. A value is NULL or a C string or, if its format is binary, has as many bytes
    /// as its length says. All live during `'a`.
    pub unsafe fn parameters<'a>(
        self,
        client: &mut Connection,
    ) -> Option<Parameters<impl ExactSizeIterator<Item = Parameter<'a>> + Clone + use<'a>>> {
        // SAFETY: the caller's promise.
        let (values, lengths, formats) = unsafe {
            (
                array(self.values, self.len()),
                array(self.lengths, self.len()),
                array(self.formats, self.len()),
            )
        };
        let is_binary = move |index: usize| formats.get(index).is_some_and(|format| *format != 0);
        let binary_value =
            |index: usize| is_binary(index) && values.get(index).is_some_and(|v| !v.is_null());
        if lengths.is_empty() && (0..values.len()).any(binary_value) {
            client.add_error("length must be given for binary parameter");
            return None;
        }
        let value = move |index: usize| {
            let value = *values.get(index)?;
            if is_binary(index) && !value.is_null() {
                let length = lengths.get(index).map_or(0, |length| *length);
                let length = usize::try_from(length).unwrap_or(0);
                // SAFETY: a binary value is as long as its length says.
                return Some(unsafe { ptr::bytes(value, length) });
            }
            // SAFETY: other values are C strings or NULL.
            unsafe { ptr::text(value) }
        };
        let parameter = move |index| Parameter {
            value: value(index),
            binary: is_binary(index),
        };
        Some(Parameters {
            values: (0..self.len()).map(parameter),
            with_formats: !formats.is_empty(),
        })
    }
}

/// # Safety
/// `pointer` is NULL or has `len` entries, which live during `'a`.
unsafe fn array<'a, T>(pointer: *const T, len: usize) -> &'a [T] {
    if pointer.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts(pointer, len) }
}

/// The bytes of a C string; empty for NULL.
///
/// # Safety
/// `pointer` is NULL or a C string that lives during `'a`.
pub unsafe fn text_or_empty<'a>(pointer: *const c_char) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { ptr::text(pointer) }.unwrap_or_default()
}
