use super::*;

/// Records the items, and rejects nesting deeper than 3.
#[derive(Default)]
struct Diary {
    entries: Vec<String>,
    depth: usize,
}

impl Diary {
    fn deeper(&mut self, what: &str) -> Result<(), String> {
        self.entries.push(what.to_owned());
        self.depth += 1;
        match self.depth > 3 {
            true => Err("too deep".to_owned()),
            false => Ok(()),
        }
    }
}

impl Visitor for Diary {
    fn object_start(&mut self) -> Result<(), String> {
        self.deeper("{")
    }

    fn object_end(&mut self) {
        self.depth -= 1;
        self.entries.push("}".to_owned());
    }

    fn field(&mut self, name: &str) -> Result<(), String> {
        self.entries.push(format!("{name}:"));
        Ok(())
    }

    fn array_start(&mut self) -> Result<(), String> {
        self.deeper("[")
    }

    fn array_end(&mut self) {
        self.depth -= 1;
        self.entries.push("]".to_owned());
    }

    fn scalar(&mut self, text: &str, token: Token) -> Result<(), String> {
        self.entries.push(format!("{token:?} {text}"));
        Ok(())
    }
}

fn told(text: &str) -> String {
    let mut diary = Diary::default();
    read(text, &mut diary).unwrap_or_else(|error| panic!("{text}: {error}"));
    diary.entries.join(" ")
}

#[track_caller]
fn complaint(text: &str) -> String {
    read(text, &mut Diary::default()).expect_err(text)
}

#[test]
fn reports_items_in_order() {
    let text = " { \"a\" : [ 1 , \"x\" , { } , [ ] ] ,\n\t\"b\":null, \"\":true}\r\n";
    let expected = "{ a: [ Number 1 String x { } [ ] ] b: Null null : True true }";
    assert_eq!(told(text), expected);
    assert_eq!(told("false"), "False false");
    for number in ["0", "-0", "12", "-1.50", "1e5", "1E+05", "0.1e-9", "1e999"] {
        assert_eq!(told(number), format!("Number {number}"));
    }
}

#[test]
fn decodes_escapes() {
    let escaped = r#""\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83d\ude00é""#;
    assert_eq!(told(escaped), "String \"\\/\u{8}\u{c}\n\r\té€\u{1F600}é");
}

#[test]
fn errors_have_libpqs_texts() {
    let more = "The input string ended unexpectedly.";
    let cases = [
        ("", more),
        ("{", more),
        ("{\"a\"", more),
        ("{\"a\":", more),
        ("{\"a\":1", more),
        ("[", more),
        ("[1,", more),
        ("x", "Token \"x\" is invalid."),
        ("nulle", "Token \"nulle\" is invalid."),
        ("tru", "Token \"tru\" is invalid."),
        ("é_9 ", "Token \"é_9\" is invalid."),
        ("'a'", "Token \"'\" is invalid."),
        ("01", "Token \"01\" is invalid."),
        ("-", "Token \"-\" is invalid."),
        ("-x", "Token \"-x\" is invalid."),
        ("1.", "Token \"1.\" is invalid."),
        ("1.e2", "Token \"1.e2\" is invalid."),
        ("1e", "Token \"1e\" is invalid."),
        ("1e+", "Token \"1e+\" is invalid."),
        ("12ab ", "Token \"12ab\" is invalid."),
        ("\"abc", "Token \"\"abc\" is invalid."),
        ("\"a\\", "Token \"\"a\\\" is invalid."),
        ("\"a\\u12", "Token \"\"a\\u12\" is invalid."),
        ("\"\\u12g4\"", INVALID_HEX),
        ("\"\\u12é4\"", INVALID_HEX),
        ("\"a\\x\"", "Escape sequence \"\\x\" is invalid."),
        ("\"\\é\"", "Escape sequence \"\\é\" is invalid."),
        ("\"\t\"", "Character with value 0x09 must be escaped."),
        ("\"\\u0000\"", "\\u0000 cannot be converted to text."),
        ("\"\\ud800\\ud800\"", HIGH),
        ("\"\\ud800\"", LOW),
        ("\"\\ud800x\"", LOW),
        ("\"\\ud800\\n\"", LOW),
        ("\"\\ud800\\u0041\"", LOW),
        ("\"\\udc00\"", LOW),
        ("1 2", "Expected end of input, but found \"2\"."),
        ("}", "Expected JSON value, but found \"}\"."),
        ("[,]", "Expected JSON value, but found \",\"."),
        ("[1 2]", "Expected \",\" or \"]\", but found \"2\"."),
        ("[1,]", "Expected JSON value, but found \"]\"."),
        ("{1}", "Expected string or \"}\", but found \"1\"."),
        ("{\"a\" 1}", "Expected \":\", but found \"1\"."),
        ("{\"a\":}", "Expected JSON value, but found \"}\"."),
        (
            "{\"a\":1 \"b\"}",
            "Expected \",\" or \"}\", but found \"\"b\"\".",
        ),
        ("{\"a\":1,}", "Expected string, but found \"}\"."),
        ("{\"a\":1,2}", "Expected string, but found \"2\"."),
    ];
    for (text, expected) in cases {
        assert_eq!(complaint(text), expected, "{text}");
    }
}

const INVALID_HEX: &str = "\"\\u\" must be followed by four hexadecimal digits.";
const HIGH: &str = "Unicode high surrogate must not follow a high surrogate.";
const LOW: &str = "Unicode low surrogate must follow a high surrogate.";

#[test]
fn a_visitors_error_comes_before_errors_after_it() {
    assert_eq!(complaint("[[[[x"), "too deep");
    assert_eq!(complaint("{\"a\":{\"a\":{\"a\":{"), "too deep");
    assert_eq!(complaint(&"[".repeat(100_000)), "too deep");
}

#[test]
fn damaged_documents_do_not_panic() {
    let text = r#"{"issuer":"https://x\u00e9\ud83d\ude00","n":[1.5e3,-0,true,null,{"é":"\n"}]}"#;
    for cut in 0..text.len() {
        if let Some(short) = text.get(..cut) {
            complaint(short);
        }
        for byte in [b'"', b'\\', b'{', b']', b'u', b'0', 1, 0x80, 0xff] {
            let mut damaged = text.as_bytes().to_vec();
            damaged[cut] = byte;
            // Must return without a panic. The result does not matter.
            let _ = read(&String::from_utf8_lossy(&damaged), &mut Diary::default());
        }
    }
}
