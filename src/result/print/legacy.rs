//! The two oldest layouts.

use super::{Sink, collected, own_name, padded, repeat, text};
use crate::result::store::PgResult;

/// Prints `result` as PQdisplayTuples does. None prints like a result without rows and columns.
pub fn display_tuples<'r>(
    result: Option<&'r PgResult>,
    fill: bool,
    separator: &[u8],
    header: bool,
    quiet: bool,
    out: &mut Sink,
) {
    let columns = result.map_or(0, |result| result.ncols() as usize);
    let widths = (0..columns).map(|column| result.map_or(0, |result| width(result, column)));
    let Some(widths) = collected(widths) else {
        return;
    };
    let line = |value: &dyn Fn(usize) -> &'r [u8], out: &mut Sink| {
        for (column, width) in widths.iter().enumerate() {
            // libpq: padding and rules are one column longer than the widest value.
            padded(out, value(column), if fill { width + 1 } else { 0 }, true);
            out(separator);
        }
        out(b"\n");
    };
    if header {
        let name = |column| result.map_or(&b""[..], |result| own_name(result, column));
        line(&name, out);
        for width in &widths {
            repeat(out, b'-', if fill { width + 1 } else { 0 });
            out(separator);
        }
        out(b"\n");
    }
    let rows = result.map_or(0, PgResult::nrows);
    for row in 0..rows {
        let value = |column| result.and_then(|result| text(result, row, column));
        line(&|column| value(column).unwrap_or_default(), out);
    }
    if !quiet {
        let plural = if rows == 1 { "" } else { "s" };
        out(format!("\nQuery returned {rows} row{plural}.\n").as_bytes());
    }
}

fn width(result: &PgResult, column: usize) -> usize {
    let values = (0..result.nrows()).filter_map(|row| result.value(row, column as i32));
    let longest = values.map(|value| value.len as usize).max().unwrap_or(0);
    longest.max(own_name(result, column).len())
}

/// Prints `result` as PQprintTuples does. Prints nothing if it has no columns.
pub fn print_tuples<'r>(
    result: &'r PgResult,
    names: bool,
    terse: bool,
    width: usize,
    out: &mut Sink,
) {
    const BORDER_PER_COLUMN: usize = 14;
    let columns = result.ncols() as usize;
    if columns == 0 {
        return;
    }
    let bar: &[u8] = if terse { b"" } else { b"|" };
    let border = |out: &mut Sink| {
        repeat(out, b'-', columns * BORDER_PER_COLUMN);
        out(b"\n");
    };
    if !terse {
        border(out);
    }
    let mut line = |value: &dyn Fn(usize) -> &'r [u8]| {
        for column in 0..columns {
            out(bar);
            out(b" ");
            padded(out, value(column), width, true);
        }
        out(bar);
        out(b"\n");
        if !terse {
            border(out);
        }
    };
    if names {
        line(&|column| own_name(result, column));
    }
    for row in 0..result.nrows() {
        line(&|column| text(result, row, column).unwrap_or_default());
    }
}
