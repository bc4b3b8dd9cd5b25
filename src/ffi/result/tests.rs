use super::super::clear::{PQclear, out_of_memory};
use super::super::types::PGresAttDesc;
use super::*;
use crate::result::builder::tests::{result, result_of};
use crate::result::store::Layout;
use std::ffi::c_void;

fn sample() -> *mut PGresult {
    result(&[b"a", b"b"], &[&[Some(b"one"), None]]).into_raw()
}

fn text(pointer: *const c_char) -> Option<&'static [u8]> {
    // SAFETY: the functions under test return NULL or strings, freed only at a test's end.
    unsafe { super::super::ptr::text(pointer) }
}

#[test]
fn functions_accept_null_results() {
    let null = ptr::null_mut();
    // SAFETY: NULL is allowed for every result.
    unsafe {
        assert_eq!(PQresultStatus(null), Status::FatalError as c_int);
        assert_eq!(text(PQresultErrorMessage(null)), Some(&b""[..]));
        assert!(PQresultErrorField(null, b'C'.into()).is_null());
        let verbose = PQresultVerboseErrorMessage(null, 1, 1);
        assert_eq!(
            text(verbose),
            Some(&b"PGresult is not an error result\n"[..])
        );
        alloc::free(verbose.cast());
        assert_eq!(PQntuples(null) + PQnfields(null) + PQbinaryTuples(null), 0);
        assert!(PQfname(null, 0).is_null());
        assert_eq!(PQfnumber(null, c"a".as_ptr()), -1);
        assert_eq!(PQftable(null, 0) + PQftype(null, 0), 0);
        assert_eq!(PQftablecol(null, 0) + PQfformat(null, 0), 0);
        assert_eq!(PQfsize(null, 0) + PQfmod(null, 0), 0);
        assert!(PQcmdStatus(null).is_null());
        assert_eq!(text(PQcmdTuples(null)), Some(&b""[..]));
        assert_eq!(text(PQoidStatus(null)), Some(&b""[..]));
        assert_eq!(PQoidValue(null), 0);
        assert!(PQgetvalue(null, 0, 0).is_null());
        assert_eq!(PQgetlength(null, 0, 0), 0);
        assert_eq!(PQgetisnull(null, 0, 0), 1);
        assert_eq!(PQnparams(null), 0);
        assert_eq!(PQparamtype(null, 0), 0);
        assert!(PQcopyResult(null, 15).is_null());
        assert_eq!(PQsetResultAttrs(null, 0, ptr::null_mut()), 0);
        assert_eq!(PQsetvalue(null, 0, 0, ptr::null_mut(), -1), 0);
        assert!(PQresultAlloc(null, 1).is_null());
        assert_eq!(PQresultMemorySize(null), 0);
        PQclear(null);
    }
}

#[test]
fn every_status_has_its_name() {
    assert_eq!(size_of_val(&pgresStatus), 104);
    for (status, name) in NAMES.iter().enumerate() {
        assert_eq!(
            pgresStatus.0[status],
            PQresStatus(status as c_int).cast_const()
        );
        assert_eq!(text(PQresStatus(status as c_int)), Some(name.to_bytes()));
    }
    for status in [-1, 13, c_int::MAX, c_int::MIN] {
        let unknown = text(PQresStatus(status));
        assert_eq!(unknown, Some(&b"invalid ExecStatusType code"[..]));
    }
}

#[test]
fn returns_values_and_rejects_numbers_out_of_range() {
    let res = sample();
    // SAFETY: `res` is a result until PQclear.
    unsafe {
        assert_eq!((PQntuples(res), PQnfields(res)), (1, 2));
        assert_eq!(text(PQgetvalue(res, 0, 0)), Some(&b"one"[..]));
        assert_eq!(PQgetlength(res, 0, 0), 3);
        assert_eq!(PQgetisnull(res, 0, 0), 0);
        assert_eq!(text(PQgetvalue(res, 0, 1)), Some(&b""[..]));
        assert_eq!(PQgetlength(res, 0, 1), 0);
        assert_eq!(PQgetisnull(res, 0, 1), 1);
        for (row, column) in [(1, 0), (0, 2), (-1, 0), (0, -1)] {
            assert!(PQgetvalue(res, row, column).is_null());
            assert_eq!(PQgetlength(res, row, column), 0);
            assert_eq!(PQgetisnull(res, row, column), 1);
        }
        assert_eq!(text(PQfname(res, 1)), Some(&b"b"[..]));
        assert!(PQfname(res, 2).is_null());
        assert_eq!(PQfnumber(res, c"B".as_ptr()), 1);
        assert_eq!(PQfnumber(res, ptr::null()), -1);
        assert!(PQresultMemorySize(res) >= size_of::<PGresult>());
        PQclear(res);
    }
}

#[test]
fn the_out_of_memory_result_cannot_be_changed() {
    let res = out_of_memory();
    let mut desc = PGresAttDesc {
        name: ptr::null_mut(),
        tableid: 0,
        columnid: 0,
        format: 0,
        typid: 0,
        typlen: 0,
        atttypmod: 0,
    };
    // SAFETY: `res` is a result for ever.
    unsafe {
        PQclear(res);
        assert_eq!(PQresultStatus(res), Status::FatalError as c_int);
        assert_eq!(
            text(PQresultErrorMessage(res)),
            Some(&b"out of memory\n"[..])
        );
        assert_eq!(PQsetResultAttrs(res, 1, &mut desc), 0);
        assert_eq!(PQsetvalue(res, 0, 0, ptr::null_mut(), -1), 0);
        assert!(PQresultAlloc(res, 8).is_null());
        let verbose = PQresultVerboseErrorMessage(res, 2, 2);
        assert_eq!(text(verbose), Some(&b"out of memory\n"[..]));
        alloc::free(verbose.cast());
        let copy = PQcopyResult(res, 0);
        assert_eq!(PQresultStatus(copy), Status::TuplesOk as c_int);
        PQclear(copy);
    }
}

#[test]
fn returns_the_fields_of_an_error() {
    let failed = PGresult::of_error(b"SERROR\0C42601\0Mbad\0P1\0\0", b"x");
    let res = failed.into_raw();
    // SAFETY: `res` is a result until PQclear.
    unsafe {
        assert_eq!(
            text(PQresultErrorField(res, b'C'.into())),
            Some(&b"42601"[..])
        );
        for code in [b'D'.into(), 0, -1, 256 + c_int::from(b'C')] {
            assert!(PQresultErrorField(res, code).is_null());
        }
        let verbose = PQresultVerboseErrorMessage(res, 2, 0);
        let expected = b"ERROR:  42601: bad\nLINE 1: x\n        ^\n";
        assert_eq!(text(verbose), Some(&expected[..]));
        alloc::free(verbose.cast());
        PQclear(res);
    }
}

#[test]
fn parses_command_tags() {
    let res = sample();
    // SAFETY: `res` is a result until PQclear.
    unsafe {
        (*res).set_command_tag(b"INSERT 17 2");
        assert_eq!(text(PQcmdStatus(res)), Some(&b"INSERT 17 2"[..]));
        assert_eq!(text(PQcmdTuples(res)), Some(&b"2"[..]));
        assert_eq!(text(PQoidStatus(res)), Some(&b"17"[..]));
        assert_eq!(PQoidValue(res), 17);
        (*res).set_command_tag(&[&b"INSERT "[..], &[b'7'; 50]].concat());
        assert_eq!(text(PQoidStatus(res)), Some(&[b'7'; 23][..]));
        assert_eq!(text(PQcmdTuples(res)), Some(&b""[..]));
        PQclear(res);
    }
}

#[test]
fn a_program_can_fill_a_result() {
    let res = PGresult::new(Status::TuplesOk, 6, Layout::Compact)
        .unwrap()
        .into_raw();
    let named = |name: *const c_char, format| PGresAttDesc {
        name: name.cast_mut(),
        tableid: 1,
        columnid: 2,
        format,
        typid: 4,
        typlen: 5,
        atttypmod: 6,
    };
    let mut descs = [named(c"n".as_ptr(), 1), named(ptr::null(), 0)];
    let value = c"value".as_ptr().cast_mut();
    // SAFETY: `res` is a result until PQclear, the other pointers are to live objects.
    unsafe {
        assert_eq!(PQsetResultAttrs(res, 2, ptr::null_mut()), 1);
        assert_eq!(PQsetResultAttrs(res, -1, descs.as_mut_ptr()), 1);
        assert_eq!(PQnfields(res), 0);
        assert_eq!(PQsetResultAttrs(res, 2, descs.as_mut_ptr()), 1);
        assert_eq!(PQsetResultAttrs(res, 2, descs.as_mut_ptr()), 0);
        assert_eq!(text(PQfname(res, 1)), Some(&b""[..]));
        assert_eq!((PQftable(res, 0), PQftablecol(res, 0)), (1, 2));
        assert_eq!((PQfformat(res, 0), PQfformat(res, 1)), (1, 0));
        assert_eq!(
            (PQftype(res, 0), PQfsize(res, 0), PQfmod(res, 0)),
            (4, 5, 6)
        );
        assert_eq!(
            (PQftype(res, 2), PQfsize(res, -1), PQfmod(res, 9)),
            (0, 0, 0)
        );
        assert_eq!(PQsetvalue(res, 0, 1, value, 3), 1);
        assert_eq!(PQsetvalue(res, 1, 1, value, -7), 1);
        assert_eq!(PQsetvalue(res, 3, 1, value, 3), 0);
        assert_eq!(PQsetvalue(res, 0, 2, value, 3), 0);
        assert_eq!(PQgetisnull(res, 0, 0), 1);
        assert_eq!(text(PQgetvalue(res, 0, 1)), Some(&b"val"[..]));
        assert_eq!((PQgetisnull(res, 1, 1), PQgetlength(res, 1, 1)), (0, 0));
        let copy = PQcopyResult(res, 0x0b);
        let memory: *mut c_void = PQresultAlloc(res, 64);
        assert_eq!(memory.addr() % 16, 0);
        PQclear(res);
        assert_eq!(text(PQgetvalue(copy, 0, 1)), Some(&b"val"[..]));
        assert_eq!(PQntuples(copy), 2);
        PQclear(copy);
    }
}

/// The layout of a result that psycopg's C module assumes.
#[repr(C)]
struct InMemory {
    rows: c_int,
    columns: c_int,
    descriptions: *const PGresAttDesc,
    values: *const *const ValueInMemory,
}

#[repr(C)]
struct ValueInMemory {
    length: c_int,
    start: *const c_char,
}

/// Compares the memory of a result with what the functions return.
///
/// # Safety
/// `res` is a result.
unsafe fn check_memory(res: *const PGresult, layout: Layout) {
    // SAFETY: the caller's promise; the memory is what this test is about.
    unsafe {
        let memory = &*res.cast::<InMemory>();
        assert_eq!(
            (memory.rows, memory.columns),
            (PQntuples(res), PQnfields(res))
        );
        assert_eq!(memory.descriptions.is_null(), memory.columns == 0);
        for column in 0..memory.columns {
            let desc = &*memory.descriptions.add(column as usize);
            assert_eq!(desc.name, PQfname(res, column));
            assert_eq!(desc.format, PQfformat(res, column));
            assert_eq!(
                (desc.typid, desc.atttypmod),
                (PQftype(res, column), PQfmod(res, column))
            );
        }
        if layout == Layout::Compact {
            assert!(memory.values.is_null());
            return;
        }
        for row in 0..memory.rows {
            for column in 0..memory.columns {
                let value = &*(*memory.values.add(row as usize)).add(column as usize);
                assert_eq!(value.length == -1, PQgetisnull(res, row, column) == 1);
                assert_eq!(value.length.max(0), PQgetlength(res, row, column));
                assert_eq!(value.start, PQgetvalue(res, row, column));
            }
        }
    }
}

#[test]
fn memory_has_the_layout_of_libpq() {
    for layout in [Layout::Compact, Layout::Libpq] {
        let rows: &[&[Option<&[u8]>]] = &[&[Some(b"one"), None], &[Some(b""), Some(b"two")]];
        let res = result_of(layout, &[b"a", b"b"], rows).into_raw();
        // SAFETY: the results live until PQclear.
        unsafe {
            check_memory(res, layout);
            let copy = PQcopyResult(res, 0x0b);
            for row in 0..1000 {
                assert_eq!(PQsetvalue(copy, row, 1, c"new".as_ptr().cast_mut(), 3), 1);
                check_memory(copy, layout);
            }
            let described = PQcopyResult(res, 0x01);
            PQclear(res);
            check_memory(copy, layout);
            PQclear(copy);
            check_memory(described, layout);
            PQclear(described);
        }
    }
}

#[test]
fn the_constant_result_has_the_layout_of_libpq() {
    // SAFETY: the result is there for ever.
    unsafe { check_memory(out_of_memory(), Layout::Compact) };
}

#[test]
fn returns_the_parameter_types_of_a_statement() {
    let mut described = PGresult::new(Status::CommandOk, 6, Layout::Compact).unwrap();
    described.set_params(vec![23, 25]);
    let res = described.into_raw();
    // SAFETY: `res` is a result until PQclear.
    unsafe {
        assert_eq!(PQnparams(res), 2);
        assert_eq!((PQparamtype(res, 0), PQparamtype(res, 1)), (23, 25));
        assert_eq!((PQparamtype(res, 2), PQparamtype(res, -1)), (0, 0));
        PQclear(res);
    }
}
