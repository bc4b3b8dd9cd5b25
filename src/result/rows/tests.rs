mod streams;

use super::*;
use crate::mem::rows::{Form, Layout, Shape};
use crate::mem::trailing::TrailingBox;

type Row<'a> = Vec<Option<&'a [u8]>>;

fn body(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = (values.len() as u16).to_be_bytes().to_vec();
    for value in values {
        match value {
            Some(value) => {
                body.extend((value.len() as u32).to_be_bytes());
                body.extend(*value);
            }
            None => body.extend((-1i32).to_be_bytes()),
        }
    }
    body
}

/// Rows at a fixed address.
fn rows(columns: u32, form: Form) -> Box<Rows> {
    let mut rows = Box::new(Rows::new(form.layout()));
    rows.set_columns(columns, form.align() > 1);
    assert_eq!(rows.shape().form, form);
    rows
}

const FORMS: [Form; 4] = [Form::Whole, Form::Aligned, Form::Cells, Form::AlignedCells];

fn check(rows: &Rows, row: u32, expected: &[Option<&[u8]>]) {
    for (column, expected) in expected.iter().enumerate() {
        let column = column as u32;
        let value = rows.value(row, column).unwrap();
        assert_eq!(rows.bytes(row, column), Some(*expected));
        if rows.layout() == Layout::Libpq {
            assert_eq!(rows.value_in_c_layout(row, column), Some(*expected));
        } else {
            assert_eq!(rows.value_in_c_layout(row, column), None);
        }
        assert_eq!(value.null, expected.is_none());
        assert!(rows.is_terminated(row, column));
        if let Some(fast) = rows.fast_value(row, column) {
            let start = fast.start().map(|start| start.as_ptr().cast_const().cast());
            assert_eq!(start.unwrap_or(rows.empty_string()), value.ptr);
            assert_eq!(fast.length(), value.len);
            assert_eq!(fast.is_null(), value.null);
        }
    }
}

fn all_mixtures() -> Vec<Row<'static>> {
    let choices: [Option<&[u8]>; 4] = [None, Some(b""), Some(b"\0"), Some(b"seventeen bytes..")];
    (0..256usize)
        .step_by(if cfg!(miri) { 13 } else { 1 })
        .map(|n| (0..4).map(|i| choices[n >> (2 * i) & 3]).collect())
        .collect()
}

#[test]
fn nulls_and_empty_values_in_every_place() {
    for form in FORMS {
        let mut rows = rows(4, form);
        let mixtures = all_mixtures();
        for row in &mixtures {
            push_data_row(&mut rows, &body(row)).unwrap();
        }
        assert_eq!(rows.len() as usize, mixtures.len());
        for (index, row) in mixtures.iter().enumerate() {
            check(&rows, index as u32, row);
        }
    }
}

#[test]
fn any_negative_length_is_null() {
    let mut rows = rows(2, Form::Whole);
    let mut wire = body(&[Some(b"abc"), None]);
    wire[9..13].copy_from_slice(&i32::MIN.to_be_bytes());
    push_data_row(&mut rows, &wire).unwrap();
    check(&rows, 0, &[Some(b"abc"), None]);
}

#[test]
fn positions_out_of_range_have_no_value() {
    let mut rows = rows(1, Form::Whole);
    push_data_row(&mut rows, &body(&[Some(b"x")])).unwrap();
    for (row, column) in [(1, 0), (0, 1), (u32::MAX, 0), (0, u32::MAX)] {
        assert!(rows.value(row, column).is_none());
        assert!(rows.fast_value(row, column).is_none());
        assert!(rows.bytes(row, column).is_none());
    }
}

#[test]
fn rows_without_columns_count() {
    let mut rows = rows(0, Form::Whole);
    push_data_row(&mut rows, &[0, 0]).unwrap();
    push_data_row(&mut rows, &[0, 0]).unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.value(0, 0).is_none());
}

#[test]
fn rejects_a_truncated_body() {
    for form in FORMS {
        let whole = body(&[Some(b"one"), None, Some(b""), Some(b"four")]);
        let mut rows = rows(4, form);
        for end in 0..whole.len() {
            // A copy of its own, so that a checker sees a read past its end.
            let cut: Box<[u8]> = whole[..end].into();
            assert_eq!(
                push_data_row(&mut rows, &cut),
                Err(RowError::InsufficientData)
            );
        }
        let longer = [&whole[..], b"x"].concat();
        assert_eq!(
            push_data_row(&mut rows, &longer),
            Err(RowError::LengthMismatch)
        );
        assert_eq!(rows.len(), 0);
        push_data_row(&mut rows, &whole).unwrap();
        check(&rows, 0, &[Some(b"one"), None, Some(b""), Some(b"four")]);
    }
}

#[test]
fn rejects_lengths_beyond_the_body() {
    for form in FORMS {
        for length in [6u32, 0xFF_FFFF, 0x100_0000, 0x7FFF_FFFF] {
            let mut wire = vec![0, 1];
            wire.extend(length.to_be_bytes());
            wire.extend(b"12345");
            let error = push_data_row(&mut rows(1, form), &wire);
            assert_eq!(error, Err(RowError::InsufficientData));
        }
    }
}

#[test]
fn rejects_a_wrong_field_count() {
    let wire = body(&[Some(b"a"), Some(b"b")]);
    for columns in [0, 1, 3, 65_538] {
        let error = push_data_row(&mut rows(columns, Form::Whole), &wire);
        assert_eq!(error, Err(RowError::FieldCount));
    }
}

#[test]
fn aligned_values_start_at_multiples_of_eight() {
    for form in [Form::Aligned, Form::AlignedCells] {
        let mut rows = rows(3, form);
        for len in 0..50usize {
            let value = vec![len as u8; len];
            let row = [Some(&value[..]), None, Some(b"12345".as_slice())];
            push_data_row(&mut rows, &body(&row)).unwrap();
        }
        for len in 0..50usize {
            let value = vec![len as u8; len];
            check(&rows, len as u32, &[Some(&value), None, Some(b"12345")]);
            assert_eq!(rows.value(len as u32, 0).unwrap().ptr.addr() % 8, 0);
            assert_eq!(rows.value(len as u32, 2).unwrap().ptr.addr() % 8, 0);
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "fills megabytes")]
fn rows_of_any_size_use_one_accessor() {
    // Around the widths of offsets (64 KB) and of lengths that begin with a zero byte (16 MB).
    let sizes = [
        65_520,
        65_526,
        65_536,
        70_000,
        (1 << 24) - 9,
        1 << 24,
        (1 << 24) + 1,
    ];
    for form in FORMS {
        for size in sizes {
            let large = vec![0x5A; size];
            let row: Row = vec![Some(&large), None, Some(b"tail"), Some(&large)];
            let mut rows = rows(4, form);
            push_data_row(&mut rows, &body(&row)).unwrap();
            check(&rows, 0, &row);
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "needs hours")]
fn the_most_columns_a_row_can_have() {
    let row: Row = (0..65_535)
        .map(|n| {
            if n % 3 == 0 {
                None
            } else {
                Some(&b"ab"[..n % 3])
            }
        })
        .collect();
    for form in FORMS {
        let mut rows = rows(65_535, form);
        push_data_row(&mut rows, &body(&row)).unwrap();
        check(&rows, 0, &row);
    }
}

#[test]
#[cfg_attr(miri, ignore = "needs hours")]
fn a_million_rows() {
    let mut rows = rows(2, Form::Whole);
    for n in 0..1_000_000u32 {
        let text = n.to_string();
        let first = (n % 7 != 0).then_some(text.as_bytes());
        push_data_row(&mut rows, &body(&[first, Some(b"12345678")])).unwrap();
    }
    assert_eq!(rows.len(), 1_000_000);
    for n in (0..1_000_000u32).step_by(997).chain([999_999]) {
        let text = n.to_string();
        let first = (n % 7 != 0).then_some(text.as_bytes());
        check(&rows, n, &[first, Some(b"12345678")]);
    }
    assert!(rows.memory_size() < 56_000_000, "{}", rows.memory_size());
}

fn shape(columns: u32, form: Form) -> Shape {
    Shape {
        columns,
        form,
        ..Shape::new(form.layout())
    }
}

fn boxed_rows(space: usize, shape: Shape, bytes: usize) -> TrailingBox<Rows> {
    TrailingBox::with_space(space, |space| Rows::in_trailing_space(space, shape, bytes)).unwrap()
}

#[test]
fn a_single_row_fits_the_trailing_space() {
    for (form, len) in (0..2000).map(|n| (FORMS[n % 4], n)) {
        let value = vec![b'v'; len];
        let row: Row = vec![Some(&value), None, Some(b"1")];
        let wire = body(&row);
        let space = Rows::trailing_space_for(shape(3, form), wire.len());
        let mut boxed = boxed_rows(space, shape(3, form), wire.len());
        push_data_row(&mut boxed, &wire).unwrap();
        check(&boxed, 0, &row);
        assert_eq!(boxed.memory_size(), space, "a chunk was needed");
    }
}

#[test]
fn rows_outgrow_the_trailing_space() {
    let count = if cfg!(miri) { 60 } else { 500u32 };
    for form in FORMS {
        for space in [0, 1, 7, 8, 9, 64, 500, 4096] {
            let mut boxed = boxed_rows(space, shape(1, form), space);
            for n in 0..count {
                push_data_row(&mut boxed, &body(&[Some(&n.to_be_bytes())])).unwrap();
                check(&boxed, n, &[Some(&n.to_be_bytes())]);
            }
            for n in 0..count {
                check(&boxed, n, &[Some(&n.to_be_bytes())]);
            }
        }
    }
}

#[test]
fn set_changes_one_value_only() {
    for form in FORMS {
        for column in 0..4 {
            let mut rows = rows(4, form);
            let mixtures = all_mixtures();
            for (index, row) in mixtures.iter().enumerate() {
                let index = index as u32;
                push_data_row(&mut rows, &body(row)).unwrap();
                for new in [None, Some(&b""[..]), Some(b"new value")] {
                    assert_eq!(rows.set(index, column, new), Ok(true));
                    let mut expected = row.clone();
                    expected[column as usize] = new;
                    check(&rows, index, &expected);
                }
            }
        }
    }
}

#[test]
fn set_rejects_missing_rows_and_columns() {
    for form in FORMS {
        let mut rows = rows(2, form);
        assert_eq!(rows.set(0, 0, None), Ok(false));
        rows.push_nulls().unwrap();
        check(&rows, 0, &[None, None]);
        assert_eq!(rows.set(0, 2, None), Ok(false));
        assert_eq!(rows.set(0, 1, Some(b"x")), Ok(true));
        check(&rows, 0, &[None, Some(b"x")]);
        assert_eq!(rows.value(0, 1).unwrap().ptr.addr() % 8, 0);
    }
}

#[test]
fn a_copy_is_independent() {
    for form in FORMS {
        let mixtures = all_mixtures();
        let mut copies = rows(4, form);
        let mut source = rows(4, form);
        for row in &mixtures {
            push_data_row(&mut source, &body(row)).unwrap();
        }
        source.set(3, 0, Some(b"changed")).unwrap();
        for row in 0..source.len() {
            push_copy(&mut copies, &source, row).unwrap();
        }
        drop(source);
        for (index, row) in mixtures.iter().enumerate() {
            let mut row = row.clone();
            if index == 3 {
                row[0] = Some(b"changed");
            }
            check(&copies, index as u32, &row);
        }
        assert_eq!(
            push_copy(&mut copies, &rows(3, form), 0),
            Err(RowError::FieldCount)
        );
    }
}

#[test]
#[cfg_attr(miri, ignore = "fills megabytes")]
fn cells_take_no_more_than_in_c() {
    // A row: 8 for its pointer, 16 a cell, the value and its NUL; the next row at a multiple of 8.
    for (form, size) in [
        (Form::Cells, 8 + 32 + 24),
        (Form::AlignedCells, 8 + 32 + 32),
    ] {
        let mut rows = rows(2, form);
        for _ in 0..1 << 20 {
            push_data_row(&mut rows, &body(&[Some(b"12345678"), Some(b"12345678")])).unwrap();
        }
        let bytes = rows.memory_size();
        // The newest chunk may be almost empty.
        assert!(bytes < (size << 20) * 5 / 4, "{form:?}: {bytes}");
    }
}

#[test]
fn pieces_are_aligned_for_any_type() {
    let mut rows = rows(1, Form::Whole);
    for n in 0..50 {
        push_data_row(&mut rows, &body(&[Some(&vec![1; n])])).unwrap();
        assert_eq!(rows.alloc(n + 1).unwrap().addr().get() % 16, 0);
    }
}
