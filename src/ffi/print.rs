//! Prints results to a `FILE`, in libpq's old layouts.

mod pager;

use super::guard::guard;
use super::ptr::{shared, text};
use super::types::{PGresult, PQprintOpt};
use crate::client::without_cancellation;
use crate::result::print::{self, PrintOptions};
use std::ffi::{c_char, c_int};

unsafe extern "C" {
    static stdout: *mut libc::FILE;
}

/// The stream to print to: standard output for NULL.
fn stream_or_stdout(stream: *mut libc::FILE) -> *mut libc::FILE {
    if stream.is_null() {
        // SAFETY: the C library's stdout is set before any of our code runs.
        unsafe { stdout }
    } else {
        stream
    }
}

/// Writes to `stream`, whose error flag records errors.
///
/// # Safety
/// `stream` is open for as long as the function returned is used.
unsafe fn writer(stream: *mut libc::FILE) -> impl FnMut(&[u8]) {
    move |part| {
        // SAFETY: `part` is readable, `stream` open by the caller's promise.
        unsafe { libc::fwrite(part.as_ptr().cast(), 1, part.len(), stream) };
    }
}

/// Prints a result to `fout`, or to stdout if it is NULL, as `po` says. Prints nothing if `res` or
/// `po` is NULL, or if the result has no columns.
///
/// A NULL `po->fieldSep` counts as an empty string. If `po->pager` is not 0, stdin and stdout are
/// terminals and the output does not fit the screen, it is piped to the program in the environment
/// variable PAGER.
///
/// # Safety
/// `fout` is NULL or open, `res` NULL or a result, `po` NULL or valid, with strings or NULLs in it
/// and, in `fieldName`, an array that ends with NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQprint(
    fout: *mut libc::FILE,
    res: *const PGresult,
    po: *const PQprintOpt,
) {
    // SAFETY: the caller's promise.
    let (Some(result), Some(po)) = (unsafe { shared(res) }, unsafe { shared(po) }) else {
        return;
    };
    guard((), || {
        without_cancellation(|| {
            // SAFETY: the caller's promise.
            let options = unsafe { print_options(po) };
            let stream = stream_or_stdout(fout);
            let to_stdout = stream == stream_or_stdout(std::ptr::null_mut());
            if po.pager != 0
                && to_stdout
                && result.ncols() > 0
                && pager::is_wanted(result, &options)
            {
                let piped = pager::with_pager(|pipe| {
                    // SAFETY: the pager's stream is open while the closure runs.
                    let mut out = unsafe { writer(pipe) };
                    print::print(result, &options, &mut out);
                });
                if piped {
                    return;
                }
            }
            // SAFETY: open by the caller's promise.
            let mut out = unsafe { writer(stream) };
            print::print(result, &options, &mut out);
        })
    });
}

/// # Safety
/// Same as for [`PQprint`].
unsafe fn print_options<'a>(po: &PQprintOpt) -> PrintOptions<'a> {
    // SAFETY: the caller's promise.
    let (separator, table_option, caption, names) = unsafe {
        (
            text(po.fieldSep),
            text(po.tableOpt),
            text(po.caption),
            names(po.fieldName),
        )
    };
    PrintOptions {
        header: po.header != 0,
        align: po.align != 0,
        standard: po.standard != 0,
        html3: po.html3 != 0,
        expanded: po.expanded != 0,
        separator: separator.unwrap_or_default(),
        table_option: table_option.unwrap_or_default(),
        caption,
        names,
    }
}

/// # Safety
/// `list` is NULL or an array of strings that ends with NULL.
unsafe fn names<'a>(list: *const *mut c_char) -> Vec<&'a [u8]> {
    let mut names = Vec::new();
    if list.is_null() {
        return names;
    }
    // SAFETY: up to the NULL at its end the array is readable, by the caller's promise.
    while let Some(name) = unsafe { text(*list.add(names.len())) } {
        // The other columns keep their names.
        if names.try_reserve(1).is_err() {
            break;
        }
        names.push(name);
    }
    names
}

/// Prints a result to `fp`, or to stdout if it is NULL. `fieldSep` separates the columns; NULL
/// selects a space. Values are padded if `fillAlign` is not 0, column names are printed if
/// `printHeader` is not 0, and the number of rows is printed if `quiet` is 0. A NULL result prints
/// as a result without rows. Deprecated: use PQprint.
///
/// # Safety
/// `res` is NULL or a result, `fp` NULL or open, `fieldSep` NULL or a string.
#[unsafe(no_mangle)]
#[allow(non_snake_case)]
pub unsafe extern "C" fn PQdisplayTuples(
    res: *const PGresult,
    fp: *mut libc::FILE,
    fillAlign: c_int,
    fieldSep: *const c_char,
    printHeader: c_int,
    quiet: c_int,
) {
    // SAFETY: the caller's promise.
    let (result, separator) = unsafe { (shared(res), text(fieldSep)) };
    let stream = stream_or_stdout(fp);
    guard((), || {
        without_cancellation(|| {
            // SAFETY: open by the caller's promise.
            let mut out = unsafe { writer(stream) };
            print::display_tuples(
                result,
                fillAlign != 0,
                separator.unwrap_or(b" "),
                printHeader != 0,
                quiet != 0,
                &mut out,
            );
            // SAFETY: as above.
            unsafe { libc::fflush(stream) };
        })
    });
}

/// Prints a result to `fout`, with column names if `PrintAttNames` is not 0, and with lines between
/// rows if `TerseOutput` is 0. Values are padded to `colWidth` bytes if it is greater than 0.
/// Prints nothing if `res` or `fout` is NULL or the result has no columns. Deprecated: use PQprint.
///
/// # Safety
/// `res` is NULL or a result, `fout` NULL or open.
#[unsafe(no_mangle)]
#[allow(non_snake_case)]
pub unsafe extern "C" fn PQprintTuples(
    res: *const PGresult,
    fout: *mut libc::FILE,
    PrintAttNames: c_int,
    TerseOutput: c_int,
    colWidth: c_int,
) {
    // SAFETY: the caller's promise.
    let Some(result) = (unsafe { shared(res) }) else {
        return;
    };
    if fout.is_null() {
        // libpq: its fprintf fails, and the error is ignored.
        return;
    }
    let width = usize::try_from(colWidth).unwrap_or(0);
    guard((), || {
        without_cancellation(|| {
            // SAFETY: open by the caller's promise.
            let mut out = unsafe { writer(fout) };
            print::print_tuples(
                result,
                PrintAttNames != 0,
                TerseOutput != 0,
                width,
                &mut out,
            );
        })
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::builder::tests::result;
    use crate::result::store::PgResultBox;
    use std::ptr;

    fn printed(print: impl FnOnce(*mut libc::FILE)) -> Vec<u8> {
        let mut text: *mut c_char = ptr::null_mut();
        let mut len = 0usize;
        // SAFETY: open_memstream's text is valid up to `len` once the stream is closed.
        unsafe {
            let stream = libc::open_memstream(&mut text, &mut len);
            print(stream);
            libc::fclose(stream);
            let copy = std::slice::from_raw_parts(text.cast::<u8>(), len).to_vec();
            libc::free(text.cast());
            copy
        }
    }

    fn sample() -> PgResultBox {
        result(&[b"a", b"b"], &[&[Some(b"1"), Some(b"x")]])
    }

    fn options() -> PQprintOpt {
        PQprintOpt {
            header: 1,
            align: 0,
            standard: 0,
            html3: 0,
            expanded: 0,
            pager: 0,
            fieldSep: c"|".as_ptr().cast_mut(),
            tableOpt: ptr::null_mut(),
            caption: ptr::null_mut(),
            fieldName: ptr::null_mut(),
        }
    }

    #[test]
    fn prints_with_the_options() {
        let result = sample();
        let mut names = [c"first".as_ptr().cast_mut(), ptr::null_mut()];
        let named = PQprintOpt {
            fieldName: names.as_mut_ptr(),
            ..options()
        };
        // SAFETY: all pointers are to live objects.
        let text = printed(|stream| unsafe { PQprint(stream, &*result, &named) });
        assert_eq!(text, b"first|b\n-------\n1|x\n(1 row)\n\n");
    }

    #[test]
    fn prints_the_legacy_layouts() {
        let result = sample();
        // SAFETY: all pointers are to live objects.
        let text = printed(|stream| unsafe {
            PQdisplayTuples(&*result, stream, 0, ptr::null(), 0, 1);
            PQprintTuples(&*result, stream, 1, 1, -1);
        });
        assert_eq!(text, b"1 x \n a b\n 1 x\n");
    }

    #[test]
    fn accepts_null() {
        let result = sample();
        let null = ptr::null();
        let bare = PQprintOpt {
            fieldSep: ptr::null_mut(),
            ..options()
        };
        // SAFETY: NULL is allowed.
        let text = printed(|stream| unsafe {
            PQprint(stream, null, &bare);
            PQprint(stream, &*result, ptr::null());
            PQprintTuples(null, stream, 1, 1, 1);
            PQdisplayTuples(null, stream, 1, ptr::null(), 0, 0);
            PQprint(stream, &*result, &bare);
        });
        let expected = b"\nQuery returned 0 rows.\nab\n--\n1x\n(1 row)\n\n";
        assert_eq!(text, expected);
    }
}
