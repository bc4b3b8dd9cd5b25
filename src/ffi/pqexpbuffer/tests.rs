//! Facts of `PQExpBuffer` that C programs see.

use super::*;

type Variadic = unsafe extern "C" fn(PQExpBuffer, *const c_char, ...);

/// The exported functions as C declares them.
fn variadics() -> (Variadic, Variadic) {
    let as_c = |function: unsafe extern "C" fn()| {
        // SAFETY: both functions pass all their arguments on to C functions of this type.
        unsafe { std::mem::transmute::<unsafe extern "C" fn(), Variadic>(function) }
    };
    (as_c(appendPQExpBuffer), as_c(printfPQExpBuffer))
}

/// A buffer that frees itself.
struct Buffer(PQExpBuffer);

impl Buffer {
    fn new() -> Buffer {
        Buffer(createPQExpBuffer())
    }

    fn data(&self) -> &PQExpBufferData {
        // SAFETY: made by createPQExpBuffer, which succeeds here.
        unsafe { &*self.0 }
    }

    fn text(&self) -> &[u8] {
        // SAFETY: every buffer is NUL-terminated, broken ones too.
        let text = unsafe { CStr::from_ptr(self.data().data) };
        assert_eq!(text.count_bytes(), self.data().len);
        text.to_bytes()
    }

    fn is_broken(&self) -> bool {
        self.data().maxlen == 0 && self.text().is_empty()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: made by createPQExpBuffer, not used again.
        unsafe { destroyPQExpBuffer(self.0) }
    }
}

fn append(buffer: &Buffer, text: &CStr) {
    // SAFETY: a live buffer and a string outside of it.
    unsafe { appendPQExpBufferStr(buffer.0, text.as_ptr()) }
}

#[test]
fn a_new_buffer_is_empty_and_has_256_bytes() {
    let buffer = Buffer::new();
    assert_eq!(buffer.text(), b"");
    assert_eq!(buffer.data().maxlen, 256);
}

#[test]
fn appends_strings_characters_and_bytes() {
    let buffer = Buffer::new();
    append(&buffer, c"select ");
    // SAFETY: a live buffer, and three bytes.
    unsafe {
        appendPQExpBufferChar(buffer.0, b'1' as c_char);
        assert_eq!(buffer.text(), b"select 1");
        appendBinaryPQExpBuffer(buffer.0, c"a\x01b".as_ptr(), 3);
    }
    assert_eq!(buffer.text(), b"select 1a\x01b");
}

#[test]
fn the_size_doubles() {
    let buffer = Buffer::new();
    for _ in 0..255 {
        append(&buffer, c"x");
    }
    assert_eq!(buffer.data().maxlen, 256);
    append(&buffer, c"x");
    assert_eq!(buffer.data().maxlen, 512);
    // SAFETY: a live buffer.
    assert_eq!(unsafe { enlargePQExpBuffer(buffer.0, 4000) }, 1);
    assert_eq!(buffer.data().maxlen, 8192);
    assert_eq!(buffer.text(), [b'x'; 256]);
}

#[test]
fn more_than_int_max_breaks_a_buffer_until_it_is_reset() {
    for needed in [usize::MAX, usize::MAX / 2, MAX_SIZE, MAX_SIZE - 3] {
        let buffer = Buffer::new();
        append(&buffer, c"abc");
        // SAFETY: a live buffer.
        assert_eq!(unsafe { enlargePQExpBuffer(buffer.0, needed) }, 0);
        assert!(buffer.is_broken());
        append(&buffer, c"lost");
        assert!(buffer.is_broken());
        // SAFETY: a live buffer.
        unsafe { resetPQExpBuffer(buffer.0) };
        append(&buffer, c"kept");
        assert_eq!(buffer.text(), b"kept");
    }
}

#[test]
fn a_terminated_buffer_is_broken() {
    let buffer = Buffer::new();
    // SAFETY: a live buffer.
    unsafe { termPQExpBuffer(buffer.0) };
    assert!(buffer.is_broken());
    // SAFETY: a live buffer.
    unsafe { initPQExpBuffer(buffer.0) };
    assert_eq!(buffer.data().maxlen, 256);
}

#[test]
fn formats_every_kind_of_argument() {
    let (append, print) = variadics();
    let buffer = Buffer::new();
    // SAFETY: a live buffer, formats that fit their arguments.
    unsafe {
        append(buffer.0, c"%d|%s|".as_ptr(), -5 as c_int, c"five".as_ptr());
        append(buffer.0, c"%.2f|%c|%%|".as_ptr(), 2.5f64, b'c' as c_int);
        let nine = |n: i64| n * 1_000_000_000_000;
        append(
            buffer.0,
            c"%ld %ld %ld %ld %ld %ld %ld %.1f %.1f %.1f %.1f %.1f %.1f %.1f %.1f %.1f".as_ptr(),
            nine(1),
            nine(2),
            nine(3),
            nine(4),
            nine(5),
            nine(6),
            nine(7),
            1.0f64,
            2.0f64,
            3.0f64,
            4.0f64,
            5.0f64,
            6.0f64,
            7.0f64,
            8.0f64,
            9.0f64,
        );
    }
    let numbers: Vec<_> = (1..8).map(|n| format!("{n}000000000000")).collect();
    let expected = format!(
        "-5|five|2.50|c|%|{} 1.0 2.0 3.0 4.0 5.0 6.0 7.0 8.0 9.0",
        numbers.join(" ")
    );
    assert_eq!(buffer.text(), expected.as_bytes());
    // SAFETY: as above.
    unsafe {
        print(
            buffer.0,
            c"%2$s %1$s".as_ptr(),
            c"b".as_ptr(),
            c"a".as_ptr(),
        )
    };
    assert_eq!(buffer.text(), b"a b");
}

#[test]
fn errno_is_the_same_when_formatting_is_repeated() {
    let (append, print) = variadics();
    let buffer = Buffer::new();
    let long = [b'y'; 3000].map(|b| b as c_char);
    for call in [append, print] {
        // SAFETY: a live buffer; the precision bounds what is read of `long`.
        unsafe {
            *libc::__errno_location() = libc::ENOENT;
            call(buffer.0, c"%.3000s %m".as_ptr(), long.as_ptr());
        }
        assert!(buffer.text().ends_with(b"yy No such file or directory"));
    }
    assert_eq!(buffer.data().len, 3000 + " No such file or directory".len());
}

#[test]
fn a_failed_format_breaks_the_buffer() {
    let (append, _) = variadics();
    let buffer = Buffer::new();
    // SAFETY: a live buffer, formats that fit their arguments.
    unsafe {
        // The C locale, which a test runs in, has no such character.
        append(buffer.0, c"abc %lc".as_ptr(), 0x1F600 as c_int);
        assert!(buffer.is_broken());
        append(buffer.0, c"%d".as_ptr(), 1 as c_int);
    }
    assert!(buffer.is_broken());
}

#[test]
fn functions_accept_null() {
    let (append, print) = variadics();
    let none: PQExpBuffer = ptr::null_mut();
    let buffer = Buffer::new();
    // SAFETY: NULL is allowed everywhere.
    unsafe {
        initPQExpBuffer(none);
        resetPQExpBuffer(none);
        termPQExpBuffer(none);
        destroyPQExpBuffer(none);
        assert_eq!(enlargePQExpBuffer(none, 1), 0);
        appendPQExpBufferStr(none, c"x".as_ptr());
        appendPQExpBufferChar(none, 1);
        appendBinaryPQExpBuffer(none, c"x".as_ptr(), 1);
        append(none, c"%d".as_ptr(), 1 as c_int);
        print(none, c"%d".as_ptr(), 1 as c_int);
        assert!(appendPQExpBufferVA(none, c"x".as_ptr(), ptr::null_mut()));
        appendPQExpBufferStr(buffer.0, ptr::null());
        appendBinaryPQExpBuffer(buffer.0, ptr::null(), 5);
        append(buffer.0, ptr::null(), 1 as c_int);
    }
    assert_eq!(buffer.text(), b"");
    assert_eq!(buffer.data().maxlen, 256);
}
