use super::*;
use crate::conninfo::options::tests::options;

/// Hosts as `kind host hostaddr port`, with "-" for a missing part.
fn hosts(host: &str, hostaddr: &str, port: &str) -> Result<Vec<String>, String> {
    let options = options(&[
        (Opt::Host, host),
        (Opt::HostAddr, hostaddr),
        (Opt::Port, port),
    ]);
    let text = |text: Option<Vec<u8>>| match text {
        Some(text) => format!("{:?}", String::from_utf8(text).unwrap()),
        None => "-".to_owned(),
    };
    let shown = |host: Host| {
        let (name, address, port) = (text(host.host), text(host.hostaddr), text(host.port));
        format!("{:?} {name} {address} {port}", host.kind)
    };
    let hosts = list(&options).map_err(|message| message.to_string())?;
    Ok(hosts.into_iter().map(shown).collect())
}

#[test]
fn parses_lists() {
    let cases: [(&str, &str, &str, &[&str]); 12] = [
        ("", "", "", &["Unix \"/var/run/postgresql\" - -"]),
        ("h", "", "1", &["Name \"h\" - \"1\""]),
        ("/tmp", "", "1", &["Unix \"/tmp\" - \"1\""]),
        ("@x", "", "", &["Unix \"@x\" - -"]),
        (
            "a,b",
            "",
            "1",
            &["Name \"a\" - \"1\"", "Name \"b\" - \"1\""],
        ),
        (
            "a,b",
            "",
            "1,2",
            &["Name \"a\" - \"1\"", "Name \"b\" - \"2\""],
        ),
        ("a,b", "", ",", &["Name \"a\" - \"\"", "Name \"b\" - \"\""]),
        (
            ",b",
            "",
            "",
            &["Unix \"/var/run/postgresql\" - -", "Name \"b\" - -"],
        ),
        ("", "1.2.3.4", "1", &["Address - \"1.2.3.4\" \"1\""]),
        ("h", "1.2.3.4", "", &["Address \"h\" \"1.2.3.4\" -"]),
        (
            ",h",
            "1.2.3.4,",
            "",
            &["Address \"\" \"1.2.3.4\" -", "Name \"h\" \"\" -"],
        ),
        (
            ",",
            ",::1",
            "",
            &[
                "Unix \"/var/run/postgresql\" \"\" -",
                "Address \"\" \"::1\" -",
            ],
        ),
    ];
    for (host, hostaddr, port, expected) in cases {
        let expected = expected.iter().map(|host| (*host).to_owned()).collect();
        assert_eq!(
            hosts(host, hostaddr, port),
            Ok(expected),
            "{host} {hostaddr} {port}"
        );
    }
}

#[test]
fn rejects_lists_of_different_lengths() {
    let cases = [
        (
            "a,b",
            "1.2.3.4",
            "",
            "could not match 2 host names to 1 hostaddr values",
        ),
        (
            "a",
            "1.2.3.4,::1,::2",
            "",
            "could not match 1 host names to 3 hostaddr values",
        ),
        (
            "a,b",
            "",
            "1,2,3",
            "could not match 3 port numbers to 2 hosts",
        ),
        (
            "a,b,c",
            "",
            "1,2",
            "could not match 2 port numbers to 3 hosts",
        ),
        ("", "", "1,2", "could not match 2 port numbers to 1 hosts"),
        ("a", "", ",", "could not match 2 port numbers to 1 hosts"),
        (
            "a,b",
            "1",
            "1,2,3",
            "could not match 2 host names to 1 hostaddr values",
        ),
    ];
    for (host, hostaddr, port, complaint) in cases {
        assert_eq!(
            hosts(host, hostaddr, port).err().as_deref(),
            Some(complaint)
        );
    }
}
