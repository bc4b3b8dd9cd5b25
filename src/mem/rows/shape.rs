//! The layouts that rows can have in memory.

use std::ffi::c_void;
use std::ptr;

/// The alignment of values that programs may read through pointers of any type.
pub const ALIGN: usize = 8;

/// How a result keeps its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// With as little memory as possible.
    #[default]
    Compact,
    /// As in C libpq, for programs that read the memory instead of calling `PQgetvalue`.
    Libpq,
}

/// How a row is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The encoded row as received, after an array of offsets.
    Whole,
    /// The same form, but values are copied one by one, each to a multiple of 8.
    Aligned,
    /// An array of pointers and lengths, followed by the values.
    Cells,
    /// The same, with each value at a multiple of 8.
    AlignedCells,
}

impl Form {
    pub const fn of(layout: Layout, aligned: bool) -> Form {
        match (layout, aligned) {
            (Layout::Compact, false) => Form::Whole,
            (Layout::Compact, true) => Form::Aligned,
            (Layout::Libpq, false) => Form::Cells,
            (Layout::Libpq, true) => Form::AlignedCells,
        }
    }

    /// The alignment of values.
    pub const fn align(self) -> usize {
        match self {
            Form::Whole | Form::Cells => 1,
            Form::Aligned | Form::AlignedCells => ALIGN,
        }
    }

    /// The most bytes that a value takes in addition to those in a message.
    #[inline(always)]
    pub fn overhead(self) -> usize {
        // An offset or a cell, and padding for alignment.
        const OVERHEAD: [u8; 4] = [4, 4 + 8, 16 + 1, 16 + 8];
        usize::from(OVERHEAD[self as usize])
    }

    pub const fn layout(self) -> Layout {
        match self {
            Form::Whole | Form::Aligned => Layout::Compact,
            Form::Cells | Form::AlignedCells => Layout::Libpq,
        }
    }
}

/// The number of columns of a result, and the form of its rows.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub columns: u32,
    pub form: Form,
    /// The descriptions of the columns as an array of C's `PGresAttDesc`; NULL if there are none.
    pub descriptions: *const c_void,
}

impl Shape {
    /// No columns.
    pub const fn new(layout: Layout) -> Shape {
        Shape {
            columns: 0,
            form: Form::of(layout, false),
            descriptions: ptr::null(),
        }
    }
}

/// The first members of C libpq's results: `ntups`, `numAttributes`, `attDescs` and `tuples`. Some programs read them,
/// although they are not documented.
#[repr(C)]
pub struct Head {
    pub rows: u32,
    pub columns: u32,
    pub descriptions: *const c_void,
    /// An array of pointers to the rows' cells; NULL with [`Layout::Compact`].
    pub tuples: *const *mut u8,
}

const _: () = {
    use std::mem::{offset_of, size_of};
    assert!(offset_of!(Head, columns) == 4 && offset_of!(Head, descriptions) == 8);
    assert!(offset_of!(Head, tuples) == 16 && size_of::<Head>() == 24);
};
