use super::*;
use crate::result::builder::tests::result;
use crate::result::store::PgResultBox;

fn sample() -> PgResultBox {
    result(
        &[b"id", b"name", b"a longer name", b"x"],
        &[
            &[Some(b"1"), Some(b"abc"), None, Some(b"1e5")],
            &[Some(b"-22.5"), Some(b""), Some(b"7"), Some(b"E5")],
            &[
                Some(b"333"),
                Some("été".as_bytes()),
                Some(b"8 9"),
                Some(b"5-"),
            ],
        ],
    )
}

fn options(flags: &str) -> PrintOptions<'static> {
    PrintOptions {
        header: flags.contains('h'),
        align: flags.contains('a'),
        standard: flags.contains('s'),
        html3: flags.contains('3'),
        expanded: flags.contains('x'),
        separator: b"|",
        ..PrintOptions::default()
    }
}

fn collect(print: impl FnOnce(&mut Sink)) -> String {
    let mut text = Vec::new();
    print(&mut |part| text.extend_from_slice(part));
    String::from_utf8_lossy(&text).into_owned()
}

fn printed(options: &PrintOptions) -> String {
    collect(|out| print(&sample(), options, out))
}

// The expected texts are libpq's output, byte for byte.

#[test]
fn aligned() {
    assert_eq!(
        printed(&options("ha")),
        "   id|name |a longer name|x  \n\
         -----+-----+-------------+---\n\
         \x20   1|abc  |             |1e5\n\
         -22.5|     |            7|E5 \n\
         \x20 333|été|          8 9|5- \n\
         (3 rows)\n\n"
    );
}

#[test]
fn standard() {
    assert_eq!(
        printed(&options("has")),
        "+-------+-------+---------------+-----+\n\
         |    id | name  | a longer name | x   |\n\
         +-------+-------+---------------+-----+\n\
         |     1 | abc   |               | 1e5 |\n\
         +-------+-------+---------------+-----+\n\
         | -22.5 |       |             7 | E5  |\n\
         +-------+-------+---------------+-----+\n\
         |   333 | été |           8 9 | 5-  |\n\
         +-------+-------+---------------+-----+\n\
         (3 rows)\n\n"
    );
}

#[test]
fn standard_without_header_has_no_border() {
    assert!(
        printed(&options("as")).starts_with("|     1 | abc   |               | 1e5 |\n(null)\n")
    );
}

#[test]
fn unaligned() {
    assert_eq!(
        printed(&options("h")),
        "id|name|a longer name|x\n-----------------------\n1|abc||1e5\n-22.5||7|E5\n\
         333|été|8 9|5-\n(3 rows)\n\n"
    );
}

#[test]
fn expanded() {
    assert_eq!(
        printed(&options("hax")),
        "Field        | Value\n\
         -- RECORD 0 --\n\
         id           | 1\n\
         name         | abc\n\
         x            | 1e5\n\
         -- RECORD 1 --\n\
         id           | -22.5\n\
         a longer name| 7\n\
         x            | E5\n\
         -- RECORD 2 --\n\
         id           | 333\n\
         name         | été\n\
         a longer name| 8 9\n\
         x            | 5-\n\
         (3 rows)\n\n"
    );
}

#[test]
fn html_tables() {
    let result = result(
        &[b"n", b"t"],
        &[&[Some(b"1"), Some(b"a")], &[None, Some(b"b")]],
    );
    let caption = PrintOptions {
        caption: Some(b"cap"),
        table_option: b"border=1",
        ..options("ha3")
    };
    assert_eq!(
        collect(|out| print(&result, &caption, out)),
        "<table border=1><caption align=\"top\">cap</caption>\n\
         <tr><th align=\"right\">n</th><th align=\"left\">t</th></tr>\n\
         <tr><td align=\"right\">1</td><td align=\"left\">a</td></tr>\n\
         <tr><td align=\"right\"></td><td align=\"left\">b</td></tr>\n\
         </table>\n"
    );
}

#[test]
fn names_given_by_the_program() {
    let named = PrintOptions {
        names: vec![b"first", b""],
        ..options("h")
    };
    assert!(printed(&named).starts_with("first|name|a longer name|x\n"));
}

#[test]
fn a_result_without_columns_prints_nothing() {
    let empty = result(&[], &[&[]]);
    assert_eq!(collect(|out| print(&empty, &options("has"), out)), "");
    assert_eq!(collect(|out| print_tuples(&empty, true, false, 5, out)), "");
}

#[test]
fn the_length_of_a_line() {
    assert_eq!(
        line_length(&sample(), &options("")),
        2 + 4 + 13 + 1 + 4 * 2 + 1
    );
}

#[test]
fn oldest_layouts() {
    let result = result(&[b"n"], &[&[Some(b"12")], &[None]]);
    assert_eq!(
        collect(|out| display_tuples(Some(&result), true, b"|", true, false, out)),
        "n  |\n---|\n12 |\n   |\n\nQuery returned 2 rows.\n"
    );
    assert_eq!(
        collect(|out| display_tuples(Some(&result), false, b"|", true, true, out)),
        "n|\n|\n12|\n|\n"
    );
    assert_eq!(
        collect(|out| display_tuples(None, true, b"|", true, false, out)),
        "\n\n\nQuery returned 0 rows.\n"
    );
    assert_eq!(
        collect(|out| print_tuples(&result, true, false, 4, out)),
        "--------------\n| n   |\n--------------\n| 12  |\n--------------\n|     |\n--------------\n"
    );
    assert_eq!(
        collect(|out| print_tuples(&result, false, true, 0, out)),
        " 12\n \n"
    );
}
