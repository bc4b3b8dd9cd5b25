//! `PQExpBuffer`: a growing string whose fields C programs read directly.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use super::alloc;
use super::ptr::exclusive;
use super::types::{PQExpBuffer, PQExpBufferData};

const INITIAL_SIZE: usize = 256;
const MAX_SIZE: usize = c_int::MAX as usize;

/// With less free space than this, the buffer is enlarged before it is formatted into.
const LITTLE_SPACE: usize = 16;

/// The text of a broken buffer.
static BROKEN: [c_char; 1] = [0];

impl PQExpBufferData {
    // libpq: maxlen is 0 if the buffer is broken; the address of data says whether it can be freed.
    fn is_broken(&self) -> bool {
        self.maxlen == 0
    }

    fn owns_data(&self) -> bool {
        !ptr::eq(self.data, BROKEN.as_ptr())
    }

    fn empty(&mut self) {
        self.data = alloc::zeroed(INITIAL_SIZE).cast();
        self.len = 0;
        self.maxlen = INITIAL_SIZE;
        if self.data.is_null() {
            self.abandon();
        }
    }

    fn abandon(&mut self) {
        self.data = BROKEN.as_ptr().cast_mut();
        self.len = 0;
        self.maxlen = 0;
    }

    fn free_data(&mut self) {
        if self.owns_data() {
            // SAFETY: a buffer's data comes from malloc unless it is BROKEN, and is replaced.
            unsafe { alloc::free(self.data.cast()) };
        }
        self.abandon();
    }

    fn reset(&mut self) {
        if self.is_broken() || self.data.is_null() || !self.owns_data() {
            self.empty();
        } else {
            self.len = 0;
            // SAFETY: data has maxlen bytes, which is not 0.
            unsafe { self.data.write(0) };
        }
    }

    /// Makes room for `needed` more bytes and a NUL byte. Breaks the buffer if that fails.
    fn enlarge(&mut self, needed: usize) -> bool {
        if self.is_broken() {
            return false;
        }
        let room = MAX_SIZE.saturating_sub(self.len);
        if needed >= room {
            self.free_data();
            return false;
        }
        let total = self.len + needed + 1;
        total <= self.maxlen || self.reallocate(total)
    }

    fn reallocate(&mut self, total: usize) -> bool {
        let mut size = self.maxlen.saturating_mul(2);
        while size < total {
            size = size.saturating_mul(2);
        }
        let size = size.min(MAX_SIZE);
        // SAFETY: data came from malloc, as the buffer is not broken; it is replaced or kept.
        let data = unsafe { libc::realloc(self.data.cast(), size) };
        if data.is_null() {
            self.free_data();
            return false;
        }
        self.data = data.cast();
        self.maxlen = size;
        true
    }

    /// Appends `length` bytes at `bytes`, which must not be in this buffer.
    ///
    /// # Safety
    /// `length` bytes can be read at `bytes`.
    unsafe fn append(&mut self, bytes: *const c_char, length: usize) {
        if !self.enlarge(length) {
            return;
        }
        // SAFETY: `enlarge` made room for the bytes and a NUL byte.
        unsafe {
            ptr::copy_nonoverlapping(bytes, self.data.add(self.len), length);
            self.len += length;
            self.data.add(self.len).write(0);
        }
    }

    /// Appends formatted text; an invalid format breaks the buffer. Returns Err with the number of bytes needed if there is
    /// too little room.
    ///
    /// # Safety
    /// `fmt` and `args` fit each other, as for C's vsnprintf.
    unsafe fn format(&mut self, fmt: *const c_char, args: *mut c_void) -> Result<(), usize> {
        let space = self.maxlen.saturating_sub(self.len);
        if space <= LITTLE_SPACE {
            return Err(2 * LITTLE_SPACE);
        }
        // libpq has its own printf, which rejects some formats that C knows (%#x, "% d") and breaks the buffer.
        // Here they are printed.
        // SAFETY: `space` bytes are free after the text; the rest is the caller's promise.
        let printed = unsafe { vsnprintf(self.data.add(self.len), space, fmt, args) };
        match usize::try_from(printed) {
            Ok(printed) if printed < space => self.len += printed,
            Ok(printed) if printed < MAX_SIZE => return Err(printed + 1),
            _ => self.free_data(),
        }
        Ok(())
    }
}

unsafe extern "C" {
    // A va_list argument is a pointer on x86-64 (an array) and on aarch64 (a large struct).
    fn vsnprintf(s: *mut c_char, size: usize, fmt: *const c_char, args: *mut c_void) -> c_int;
    // pqexpbuffer.c
    fn pq_oxide_append_format(str: PQExpBuffer, fmt: *const c_char, ...);
    fn pq_oxide_print_format(str: PQExpBuffer, fmt: *const c_char, ...);
}

/// Creates an empty buffer; free it with destroyPQExpBuffer. Returns NULL if memory ran out.
#[unsafe(no_mangle)]
pub extern "C" fn createPQExpBuffer() -> PQExpBuffer {
    let str: PQExpBuffer = alloc::zeroed(size_of::<PQExpBufferData>()).cast();
    // SAFETY: NULL, or zeroed memory of that size, which is a valid value of the struct.
    if let Some(buffer) = unsafe { exclusive(str) } {
        buffer.empty();
    }
    str
}

/// Initializes a buffer in memory of the program; call termPQExpBuffer to free its text. The buffer
/// is broken if memory ran out. Does nothing for NULL.
///
/// # Safety
/// `str` is NULL or points to memory for a `PQExpBufferData`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn initPQExpBuffer(str: PQExpBuffer) {
    if str.is_null() {
        return;
    }
    // SAFETY: not NULL, room for the struct; zero bytes are a valid value of it.
    unsafe {
        str.write_bytes(0, 1);
        (*str).empty();
    }
}

/// Frees a buffer of createPQExpBuffer and its text. Does nothing for NULL.
///
/// # Safety
/// `str` is NULL or such a buffer, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn destroyPQExpBuffer(str: PQExpBuffer) {
    // SAFETY: the caller's promise; the struct came from malloc.
    unsafe {
        termPQExpBuffer(str);
        alloc::free(str.cast());
    }
}

/// Frees the text of a buffer, not its struct. Leaves the buffer broken and empty. Does nothing for
/// NULL.
///
/// # Safety
/// `str` is NULL or a buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn termPQExpBuffer(str: PQExpBuffer) {
    // SAFETY: the caller's promise.
    if let Some(buffer) = unsafe { exclusive(str) } {
        buffer.free_data();
    }
}

/// Empties a buffer. A broken buffer becomes usable again if memory is available. Does nothing for
/// NULL.
///
/// # Safety
/// `str` is NULL or a buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn resetPQExpBuffer(str: PQExpBuffer) {
    // SAFETY: the caller's promise.
    if let Some(buffer) = unsafe { exclusive(str) } {
        buffer.reset();
    }
}

/// Makes room for `needed` more bytes and a NUL byte. Returns 1. Returns 0 if the buffer is broken,
/// and breaks it if memory ran out or it would exceed INT_MAX bytes. Returns 0 for NULL.
///
/// # Safety
/// `str` is NULL or a buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enlargePQExpBuffer(str: PQExpBuffer, needed: usize) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { exclusive(str) }
        .is_some_and(|buffer| buffer.enlarge(needed))
        .into()
}

/// Appends a string. Does nothing for NULL.
///
/// # Safety
/// `str` is NULL or a buffer, `data` NULL or a string outside of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn appendPQExpBufferStr(str: PQExpBuffer, data: *const c_char) {
    if data.is_null() {
        return;
    }
    // SAFETY: not NULL, a string by the caller's promise.
    let length = unsafe { CStr::from_ptr(data) }.count_bytes();
    // SAFETY: the caller's promise.
    unsafe { appendBinaryPQExpBuffer(str, data, length) };
}

/// Appends one byte.
///
/// # Safety
/// `str` is NULL or a buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn appendPQExpBufferChar(str: PQExpBuffer, ch: c_char) {
    // SAFETY: `ch` is one byte; the rest is the caller's promise.
    unsafe { appendBinaryPQExpBuffer(str, &ch, 1) };
}

/// Appends `datalen` bytes, which may include NUL bytes. Does nothing for NULL.
///
/// # Safety
/// `str` is NULL or a buffer, `data` NULL or that many bytes outside of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn appendBinaryPQExpBuffer(
    str: PQExpBuffer,
    data: *const c_char,
    datalen: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        match exclusive(str) {
            Some(buffer) if !data.is_null() => buffer.append(data, datalen),
            _ => {}
        }
    }
}

/// Appends formatted text, like vprintf. Returns true if it is done, if the buffer is broken or
/// NULL, or if the format is NULL. Returns false if it only enlarged the buffer: call it again with
/// a new `args` and, for `%m`, the original errno.
///
/// # Safety
/// `str` is NULL or a buffer; `fmt` is NULL or a format that fits the va_list `args`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn appendPQExpBufferVA(
    str: PQExpBuffer,
    fmt: *const c_char,
    args: *mut c_void,
) -> bool {
    // SAFETY: the caller's promise.
    let Some(buffer) = (unsafe { exclusive(str) }) else {
        return true;
    };
    if buffer.is_broken() || fmt.is_null() {
        return true;
    }
    // SAFETY: the caller's promise.
    match unsafe { buffer.format(fmt, args) } {
        Ok(()) => true,
        Err(needed) => !buffer.enlarge(needed),
    }
}

macro_rules! jump_to {
    ($target:path) => {{
        #[cfg(target_arch = "x86_64")]
        std::arch::naked_asm!("jmp {}", sym $target);
        #[cfg(target_arch = "aarch64")]
        std::arch::naked_asm!("b {}", sym $target);
    }};
}

/// Appends formatted text, like printf, `%m` included. In C: `void (PQExpBuffer, const char *,
/// ...)`. Does nothing for a NULL buffer or format.
///
/// # Safety
/// The first argument is NULL or a buffer, the second NULL or a format that fits the others.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C" fn appendPQExpBuffer() {
    jump_to!(pq_oxide_append_format)
}

/// Like resetPQExpBuffer followed by appendPQExpBuffer.
///
/// # Safety
/// Same as for `appendPQExpBuffer`.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C" fn printfPQExpBuffer() {
    jump_to!(pq_oxide_print_format)
}

#[cfg(test)]
mod tests;
