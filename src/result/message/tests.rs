use super::*;
use crate::mem::rows::Layout;

const FULL: &[(u8, &str)] = &[
    (b'S', "ERREUR"),
    (b'V', "ERROR"),
    (b'C', "42601"),
    (b'M', "syntax error"),
    (b'D', "a detail"),
    (b'H', "a hint"),
    (b'P', "8"),
    (b'q', "inner"),
    (b'W', "line 1\nline 2"),
    (b's', "schema"),
    (b't', "table"),
    (b'c', "column"),
    (b'd', "type"),
    (b'n', "constraint"),
    (b'F', "scan.l"),
    (b'L', "1241"),
    (b'R', "scanner_yyerror"),
];

fn fields(list: &[(u8, &str)]) -> ErrorFields {
    let mut body = Vec::new();
    for (code, text) in list {
        body.push(*code);
        body.extend(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    ErrorFields::parse(&body).unwrap()
}

fn text(
    list: &[(u8, &str)],
    verbosity: Verbosity,
    show_context: ShowContext,
    query: Option<&str>,
) -> String {
    let style = MessageStyle {
        verbosity,
        show_context,
        encoding: 6,
        error: true,
    };
    let mut out = Vec::new();
    format_error(&fields(list), &style, query.map(str::as_bytes), &mut out);
    String::from_utf8(out).unwrap()
}

fn without(code: u8) -> Vec<(u8, &'static str)> {
    FULL.iter().copied().filter(|f| f.0 != code).collect()
}

#[test]
fn terse() {
    assert_eq!(
        text(
            FULL,
            Verbosity::Terse,
            ShowContext::Always,
            Some("select x")
        ),
        "ERREUR:  syntax error at character 8\n"
    );
}

#[test]
fn sqlstate_falls_back_to_terse() {
    let show = |list: &[_]| {
        text(
            list,
            Verbosity::Sqlstate,
            ShowContext::Always,
            Some("select x"),
        )
    };
    assert_eq!(show(FULL), "ERREUR:  42601\n");
    assert_eq!(
        show(&without(b'C')),
        "ERREUR:  syntax error at character 8\n"
    );
}

#[test]
fn default() {
    assert_eq!(
        text(
            FULL,
            Verbosity::Default,
            ShowContext::Errors,
            Some("select x")
        ),
        "ERREUR:  syntax error\nLINE 1: select x\n               ^\nDETAIL:  a detail\n\
         HINT:  a hint\nQUERY:  inner\nCONTEXT:  line 1\nline 2\n"
    );
    assert_eq!(
        text(FULL, Verbosity::Default, ShowContext::Never, None),
        "ERREUR:  syntax error at character 8\nDETAIL:  a detail\nHINT:  a hint\nQUERY:  inner\n"
    );
}

#[test]
fn verbose() {
    assert_eq!(
        text(
            FULL,
            Verbosity::Verbose,
            ShowContext::Never,
            Some("select x")
        ),
        "ERREUR:  42601: syntax error\nLINE 1: select x\n               ^\nDETAIL:  a detail\n\
         HINT:  a hint\nQUERY:  inner\nSCHEMA NAME:  schema\nTABLE NAME:  table\n\
         COLUMN NAME:  column\nDATATYPE NAME:  type\nCONSTRAINT NAME:  constraint\n\
         LOCATION:  scanner_yyerror, scan.l:1241\n"
    );
}

#[test]
fn context_of_a_notice_is_shown_always_or_never() {
    let style = MessageStyle {
        verbosity: Verbosity::Default,
        show_context: ShowContext::Errors,
        encoding: 6,
        error: false,
    };
    let notice = fields(&[(b'S', "NOTICE"), (b'M', "text"), (b'W', "where")]);
    let mut out = Vec::new();
    format_error(&notice, &style, None, &mut out);
    assert_eq!(out, b"NOTICE:  text\n");
    out.clear();
    let style = MessageStyle {
        show_context: ShowContext::Always,
        ..style
    };
    format_error(&notice, &style, None, &mut out);
    assert_eq!(out, b"NOTICE:  text\nCONTEXT:  where\n");
}

#[test]
fn the_internal_query_has_a_cursor_too() {
    let list = [(b'M', "m"), (b'p', "2"), (b'q', "ab")];
    let show = |verbosity| text(&list, verbosity, ShowContext::Never, Some("outer"));
    assert_eq!(
        show(Verbosity::Default),
        "m\nLINE 1: ab\n         ^\nQUERY:  ab\n"
    );
    assert_eq!(show(Verbosity::Terse), "m at character 2\n");
    assert_eq!(
        text(&list[..2], Verbosity::Default, ShowContext::Never, None),
        "m at character 2\n"
    );
}

#[test]
fn parts_of_a_location() {
    let show = |list: &[_]| text(list, Verbosity::Verbose, ShowContext::Never, None);
    assert_eq!(show(&[(b'R', "f")]), "\nLOCATION:  f, \n");
    assert_eq!(show(&[(b'F', "f.c")]), "\nLOCATION:  \n");
    assert_eq!(show(&[(b'H', "h")]), "\nHINT:  h\n");
    assert_eq!(show(&[]), "no error message available\n");
}

#[test]
fn positions_that_are_not_numbers() {
    for (position, number) in [
        ("7", 7),
        (" +7x", 7),
        ("-7", -7),
        ("", 0),
        ("x", 0),
        ("2147483647", i32::MAX),
        ("2147483648", 0),
        ("99999999999999999999", 0),
    ] {
        assert_eq!(atoi(position.as_bytes()), number, "{position}");
    }
    let list = [(b'M', "m"), (b'P', "junk")];
    let shown = text(&list, Verbosity::Default, ShowContext::Never, Some("q"));
    assert_eq!(shown, "m\n");
}

#[test]
fn a_result_formats_its_error_again() {
    let mut result = PgResult::new(Status::FatalError, 6, Layout::Compact).unwrap();
    let again =
        |result: &PgResult| result.verbose_error_message(Verbosity::Sqlstate, ShowContext::Never);
    assert_eq!(again(&result), b"no error message available\n");
    result.set_error_message(b"own text\n");
    assert_eq!(again(&result), b"own text\n");
    result.set_fields(&fields(FULL), Some(b"select x"));
    assert_eq!(again(&result), b"ERREUR:  42601\n");
    let full = result.verbose_error_message(Verbosity::Default, ShowContext::Never);
    assert!(full.starts_with(b"ERREUR:  syntax error\nLINE 1: select x\n"));
    result.set_status(Status::TuplesOk);
    assert_eq!(again(&result), b"PGresult is not an error result\n");
}

#[test]
fn unknown_codes() {
    assert_eq!(Verbosity::from_code(99), Verbosity::Default);
    assert_eq!(ShowContext::from_code(-1), ShowContext::Never);
}
