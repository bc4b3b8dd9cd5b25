//! Extracts fields of a JSON object by libpq's rules: a field must not occur twice and must have the right type; other
//! fields may have any value, but nesting is limited.

use zeroize::Zeroizing;

use super::json::{self, Token, Visitor};

/// The type that a field must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    String,
    #[cfg_attr(not(feature = "oauth"), allow(dead_code))]
    Number,
    /// An array of strings.
    Strings,
}

/// One field of the top-level object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub name: &'static str,
    pub kind: Kind,
    /// The slot for its value. Two spellings of one field share a slot.
    pub slot: usize,
    pub required: bool,
}

/// The rules for an object.
pub(super) struct Rules<'a> {
    pub fields: &'a [Field],
    /// The greatest depth of nested objects and arrays, the outermost included.
    pub most_nested: usize,
    /// libpq: in the server's error message duplicates are detected at the value, in a provider's documents at the name.
    /// This decides which error is reported if the value has another error.
    pub duplicates_at_value: bool,
}

/// The values of the slots; None for a missing field.
#[derive(Debug)]
pub(super) struct Values(Vec<Vec<Zeroizing<String>>>);

impl Values {
    pub fn take(&mut self, slot: usize) -> Option<String> {
        let mut value = self.0.get_mut(slot)?.pop()?;
        Some(std::mem::take(&mut *value))
    }
}

/// Extracts the fields of `text`. The error is libpq's text.
pub(super) fn read(text: &str, rules: &Rules<'_>) -> Result<Values, String> {
    let slots = rules.fields.iter().map(|field| field.slot + 1).max();
    let mut reader = FieldVisitor {
        rules,
        nested: 0,
        active: None,
        values: vec![Vec::new(); slots.unwrap_or_default()],
    };
    json::read(text, &mut reader)?;
    let is_missing = |field: &&Field| field.required && reader.values[field.slot].is_empty();
    match rules.fields.iter().find(is_missing) {
        Some(field) => Err(format!("field \"{}\" is missing", field.name)),
        None => Ok(Values(reader.values)),
    }
}

struct FieldVisitor<'a> {
    rules: &'a Rules<'a>,
    nested: usize,
    /// The field whose value comes next, if it is one to extract.
    active: Option<&'a Field>,
    values: Vec<Vec<Zeroizing<String>>>,
}

impl FieldVisitor<'_> {
    fn deeper(&mut self) -> Result<(), String> {
        self.nested += 1;
        match self.nested > self.rules.most_nested {
            true => Err("JSON is too deeply nested".to_owned()),
            false => Ok(()),
        }
    }

    fn check_duplicate(&self, field: &Field) -> Result<(), String> {
        match self.values[field.slot].is_empty() {
            true => Ok(()),
            false => Err(format!("field \"{}\" is duplicated", field.name)),
        }
    }
}

impl Visitor for FieldVisitor<'_> {
    fn object_start(&mut self) -> Result<(), String> {
        match self.active {
            Some(field) => Err(mismatch(field)),
            None => self.deeper(),
        }
    }

    fn object_end(&mut self) {
        self.nested -= 1;
    }

    fn field(&mut self, name: &str) -> Result<(), String> {
        if self.nested != 1 {
            return Ok(());
        }
        self.active = self.rules.fields.iter().find(|field| field.name == name);
        match self.active {
            Some(field) if !self.rules.duplicates_at_value => self.check_duplicate(field),
            _ => Ok(()),
        }
    }

    fn array_start(&mut self) -> Result<(), String> {
        match self.active {
            _ if self.nested == 0 => Err(not_an_object()),
            Some(field) if field.kind != Kind::Strings || self.nested > 1 => Err(mismatch(field)),
            _ => self.deeper(),
        }
    }

    fn array_end(&mut self) {
        self.active = None;
        self.nested -= 1;
    }

    fn scalar(&mut self, text: &str, token: Token) -> Result<(), String> {
        if self.nested == 0 {
            return Err(not_an_object());
        }
        let Some(field) = self.active else {
            return Ok(());
        };
        if self.rules.duplicates_at_value {
            self.check_duplicate(field)?;
        }
        let fits = match field.kind {
            Kind::String => token == Token::String,
            Kind::Number => token == Token::Number,
            Kind::Strings => token == Token::String && self.nested == 2,
        };
        if !fits {
            return Err(mismatch(field));
        }
        self.values[field.slot].push(Zeroizing::new(text.to_owned()));
        if field.kind != Kind::Strings {
            self.active = None;
        }
        Ok(())
    }
}

fn not_an_object() -> String {
    "top-level element must be an object".to_owned()
}

fn mismatch(field: &Field) -> String {
    let what = match field.kind {
        Kind::String => "a string",
        Kind::Number => "a number",
        Kind::Strings => "an array of strings",
    };
    format!("field \"{}\" must be {what}", field.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [Field; 4] = [
        Field {
            name: "s",
            kind: Kind::String,
            slot: 0,
            required: true,
        },
        Field {
            name: "n",
            kind: Kind::Number,
            slot: 1,
            required: false,
        },
        Field {
            name: "a",
            kind: Kind::Strings,
            slot: 2,
            required: false,
        },
        Field {
            name: "z",
            kind: Kind::String,
            slot: 0,
            required: true,
        },
    ];

    fn rules(duplicates_at_value: bool) -> Rules<'static> {
        Rules {
            fields: &FIELDS,
            most_nested: 3,
            duplicates_at_value,
        }
    }

    #[track_caller]
    fn complaint(text: &str) -> String {
        read(text, &rules(false)).expect_err(text)
    }

    #[test]
    fn extracts_values() {
        let text = r#"{"x":{"s":[1]},"a":["1","2"],"n":-1.5,"z":"v","s2":null}"#;
        let mut values = read(text, &rules(false)).unwrap();
        assert_eq!(values.take(0).as_deref(), Some("v"));
        assert_eq!(values.take(1).as_deref(), Some("-1.5"));
        assert_eq!(values.take(2).as_deref(), Some("2"));
        assert_eq!(values.take(9), None);
    }

    #[test]
    fn rejects_duplicates_wrong_types_and_deep_nesting() {
        let cases = [
            ("[]", "top-level element must be an object"),
            ("\"s\"", "top-level element must be an object"),
            ("{}", "field \"s\" is missing"),
            ("{\"s\":1}", "field \"s\" must be a string"),
            ("{\"s\":{}}", "field \"s\" must be a string"),
            ("{\"s\":[]}", "field \"s\" must be a string"),
            ("{\"s\":null}", "field \"s\" must be a string"),
            ("{\"n\":\"1\"}", "field \"n\" must be a number"),
            ("{\"n\":true}", "field \"n\" must be a number"),
            ("{\"a\":\"1\"}", "field \"a\" must be an array of strings"),
            ("{\"a\":[1]}", "field \"a\" must be an array of strings"),
            ("{\"a\":[[]]}", "field \"a\" must be an array of strings"),
            ("{\"a\":[{}]}", "field \"a\" must be an array of strings"),
            ("{\"s\":\"1\",\"z\":\"2\"}", "field \"z\" is duplicated"),
            ("{\"s\":\"1\",\"s\":[]}", "field \"s\" is duplicated"),
            ("{\"x\":[[[]]]}", "JSON is too deeply nested"),
            ("{\"x\":{\"x\":{\"x\":{}}}}", "JSON is too deeply nested"),
        ];
        for (text, expected) in cases {
            assert_eq!(complaint(text), expected, "{text}");
        }
    }

    #[test]
    fn with_checks_at_the_value_a_wrong_type_is_reported_before_a_duplicate() {
        let complaint = |text| read(text, &rules(true)).expect_err(text);
        assert_eq!(
            complaint("{\"s\":\"1\",\"s\":[]}"),
            "field \"s\" must be a string"
        );
        assert_eq!(
            complaint("{\"s\":\"1\",\"s\":2}"),
            "field \"s\" is duplicated"
        );
    }
}
