use super::*;
use crate::conninfo::options::tests::{options, shown};

fn file() -> File {
    File::new(b"/s".to_vec(), true)
}

fn apply(contents: &str, given: &[(Opt, &str)]) -> Result<(bool, String), String> {
    let mut options = options(given);
    let found = match file()
        .reading(contents.as_bytes(), b"mine")
        .advance(&mut options)
    {
        Ok(Read::LookUp(query)) => panic!("{query:?}"),
        other => other.map(|read| read == Read::Defined),
    };
    let text = |message: ErrorText| message.to_string();
    found.map(|found| (found, shown(&options))).map_err(text)
}

fn defined(contents: &str) -> String {
    let (found, said) = apply(contents, &[]).unwrap();
    assert!(found, "{contents}");
    said
}

#[test]
fn parses_service_files() {
    let cases = [
        ("[mine]\nhost=h", "servicefile=/s host=h"),
        ("[mine]\nhost=h\nport=1\n", "servicefile=/s host=h port=1"),
        (
            "# c\n\n \t[mine] \n\n  # c\n  host=h  \r\n",
            "servicefile=/s host=h",
        ),
        (
            "[other]\nhost=o\n[mine]\nhost=h\n[mine]\nport=1\n",
            "servicefile=/s host=h",
        ),
        ("rubbish\n[other]\nmore rubbish\n[mine]\n", "servicefile=/s"),
        ("[mine]\n[broken\nrubbish", "servicefile=/s"),
        ("[mine]trailing\nhost=h", "servicefile=/s host=h"),
        ("[mine]\nhost=a\nhost=b", "servicefile=/s host=a"),
        ("[mine]\nhost= a=b ", "servicefile=/s host= a=b"),
        ("[mine]\nhost=", "servicefile=/s host="),
        ("[mine]\ngoaway=notice", "servicefile=/s goaway=notice"),
    ];
    for (contents, said) in cases {
        assert_eq!(defined(contents), said, "{contents}");
    }
}

#[test]
fn undefined_services() {
    for contents in [
        "",
        "[other]\nhost=h\n",
        "[mine2]\nhost=h",
        "[ mine]\nhost=h",
        "[MINE]",
        "mine]",
        "[mine",
    ] {
        assert_eq!(
            apply(contents, &[]),
            Ok((false, String::new())),
            "{contents}"
        );
    }
}

#[test]
fn explicit_values_take_precedence() {
    let given = [
        (Opt::Host, "given"),
        (Opt::Port, ""),
        (Opt::ServiceFile, "/g"),
    ];
    let said = apply("[mine]\nhost=h\nport=1\nuser=u", &given).unwrap().1;
    assert_eq!(said, "servicefile=/g user=u host=given port=");
}

#[test]
fn rejects_invalid_service_files() {
    let cases = [
        (
            "[mine]\n\nhost",
            "syntax error in service file \"/s\", line 3",
        ),
        (
            "[mine]\nhost =h",
            "syntax error in service file \"/s\", line 2",
        ),
        (
            "[mine]\nrequiressl=1",
            "syntax error in service file \"/s\", line 2",
        ),
        (
            "[mine]\nldap://h/",
            match cfg!(feature = "ldap") {
                true => "invalid LDAP URL \"ldap://h/\": missing distinguished name",
                // libpq without LDAP: an option like any other.
                false => "syntax error in service file \"/s\", line 2",
            },
        ),
        (
            "[mine]\nservice=x",
            "nested \"service\" specifications not supported in service file \"/s\", line 2",
        ),
        (
            "[mine]\nservicefile=x",
            "nested \"servicefile\" specifications not supported in service file \"/s\", line 2",
        ),
    ];
    for (contents, complaint) in cases {
        assert_eq!(
            apply(contents, &[]).err().as_deref(),
            Some(complaint),
            "{contents}"
        );
    }
}

#[test]
fn options_before_an_error_stay_set() {
    let mut options = Options::default();
    assert!(
        file()
            .reading(b"[mine]\nhost=h\nrubbish", b"mine")
            .advance(&mut options)
            .is_err()
    );
    assert_eq!(shown(&options), "host=h");
}

#[cfg(feature = "ldap")]
#[test]
fn a_directory_is_looked_up_at_its_line() {
    let mut options = Options::default();
    let contents = b"[other]\nldap://o/\n[mine]\nhost=h\nldap://d/b?a?one?f\nport=1\n[x]\nuser=u";
    let file = file();
    let mut reading = file.reading(contents, b"mine");
    let read = reading.advance(&mut options).unwrap();
    assert_eq!(
        read,
        Read::LookUp(Query::parse(b"ldap://d/b?a?one?f").unwrap())
    );
    assert_eq!(shown(&options), "host=h");
    // The directory's server is down.
    assert_eq!(reading.advance(&mut options), Ok(Read::Defined));
    assert_eq!(shown(&options), "servicefile=/s host=h port=1");
}

#[test]
fn the_longest_line() {
    let line = |length: usize| format!("[mine]\nhost={}", "x".repeat(length - 5));
    assert!(apply(&line(1022), &[]).is_ok());
    assert!(apply(&(line(1021) + "\n"), &[]).is_ok());
    let complaint = Err("line 2 too long in service file \"/s\"".to_owned());
    assert_eq!(apply(&line(1023), &[]), complaint);
    assert_eq!(apply(&(line(1022) + "\n"), &[]), complaint);
    let comment = format!("#{}\n[mine]\n", "x".repeat(2000));
    let complaint = Err("line 1 too long in service file \"/s\"".to_owned());
    assert_eq!(apply(&comment, &[]), complaint);
}

#[test]
fn a_nul_ends_its_line() {
    assert_eq!(
        defined("[mine]\nhost=a\0b\nport=1"),
        "servicefile=/s host=a port=1"
    );
    assert_eq!(apply("\0[mine]", &[]), Ok((false, String::new())));
    assert_eq!(apply(&"\0".repeat(5000), &[]), Ok((false, String::new())));
}

fn files(given: &[(Opt, &str)], surroundings: &Surroundings) -> Option<Vec<(String, bool)>> {
    let lookup = Lookup::plan(&options(given), surroundings)?;
    let text = |path| String::from_utf8(path).unwrap();
    let files = lookup.files.into_iter();
    Some(
        files
            .map(|file| (text(file.path), file.must_exist))
            .collect(),
    )
}

#[test]
fn service_files_in_order() {
    let service = (Opt::Service, "mine");
    let system = ("/etc/pg/pg_service.conf".to_owned(), false);
    let mut surroundings = Surroundings {
        sysconfdir: b"/etc/pg".to_vec(),
        ..Default::default()
    };
    assert_eq!(files(&[], &surroundings), None);
    assert_eq!(files(&[service], &surroundings), Some(vec![system.clone()]));

    surroundings.home = Some(b"/home/me".to_vec());
    let home = ("/home/me/.pg_service.conf".to_owned(), false);
    assert_eq!(
        files(&[service], &surroundings),
        Some(vec![home, system.clone()])
    );

    surroundings.service_file = Some(b"/env".to_vec());
    let env = ("/env".to_owned(), true);
    assert_eq!(
        files(&[service], &surroundings),
        Some(vec![env, system.clone()])
    );

    let named = ("/opt".to_owned(), true);
    let given = [service, (Opt::ServiceFile, "/opt")];
    assert_eq!(files(&given, &surroundings), Some(vec![named, system]));
}

#[test]
fn name_of_the_service() {
    let mut surroundings = Surroundings {
        service: Some(b"env".to_vec()),
        ..Default::default()
    };
    let name = |given: &[(Opt, &str)], surroundings: &Surroundings| {
        Lookup::plan(&options(given), surroundings).map(|lookup| lookup.service)
    };
    assert_eq!(name(&[], &surroundings), Some(b"env".to_vec()));
    assert_eq!(
        name(&[(Opt::Service, "given")], &surroundings),
        Some(b"given".to_vec())
    );
    assert_eq!(name(&[(Opt::Service, "")], &surroundings), Some(Vec::new()));
    surroundings.service = None;
    assert_eq!(name(&[(Opt::ServiceFile, "/opt")], &surroundings), None);
}

#[test]
fn error_texts_for_missing_services_and_files() {
    let lookup = Lookup {
        service: b"mine".to_vec(),
        files: Vec::new(),
    };
    assert_eq!(
        lookup.not_found(),
        b"definition of service \"mine\" not found"
    );
    assert_eq!(file().not_found(), b"service file \"/s\" not found");
}
