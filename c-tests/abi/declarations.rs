//! Parses the function declarations of a C header: just enough C for libpq's headers and ours.

/// One declaration, without its `;`.
pub struct Function {
    pub name: String,
    pub text: String,
}

/// The functions declared in `header`, in order.
pub fn functions(header: &str) -> Vec<Function> {
    let code = without_preprocessor(&without_comments(header));
    code.split(';').filter_map(function).collect()
}

fn function(statement: &str) -> Option<Function> {
    let text = statement.trim();
    // A function-pointer type, or a field of a struct.
    if text.starts_with("typedef") || text.contains(['{', '}']) || text.contains("(*") {
        return None;
    }
    let before = text.split_once('(')?.0.trim_end();
    let name = before
        .rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .next()?;
    let (name, text) = (name.to_owned(), text.to_owned());
    Some(Function { name, text })
}

fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out += part.split_once("*/").expect("comments end").1;
    }
    out
}

fn without_preprocessor(text: &str) -> String {
    let text = text.replace("\\\n", " ");
    let mut out = String::new();
    let mut for_cpp = false;
    for line in text.lines() {
        match line.trim() {
            "#ifdef __cplusplus" => for_cpp = true,
            "#else" | "#endif" => for_cpp = false,
            line if line.starts_with('#') || for_cpp => {}
            line => {
                out += line;
                out += "\n";
            }
        }
    }
    out
}

#[test]
fn functions_are_found_among_other_declarations() {
    let header = "/* int no(void); */\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\
        #define macro(x) \\\n no2(x)\n typedef int (*no3) (int); struct s { int (*no4)(void); int x; };\n\
        extern int\tone(void);\nconst char *const *two(struct s *,\n int n);";
    let found = functions(header);
    let names: Vec<_> = found
        .iter()
        .map(|function| function.name.as_str())
        .collect();
    assert_eq!(names, ["one", "two"]);
}
