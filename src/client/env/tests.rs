use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::conninfo::keyvalue;
use crate::conninfo::options::tests::{options, shown};

/// A directory with one file of this name, contents and mode.
fn file(name: &str, contents: &str, mode: u32) -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, contents).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    (dir, path)
}

fn complaint(conninfo: &str) -> Option<String> {
    let mut options = keyvalue::parse(conninfo.as_bytes()).ok().unwrap();
    let complete = add_defaults(&mut options).and_then(|()| derive(&mut options));
    complete.err().map(|message| message.to_string())
}

#[test]
fn a_service_gives_options() {
    let (_dir, path) = file("s", "[mine]\nhost=h\nport=99\n", 0o644);
    let path = path.to_str().unwrap();
    let mut options = options(&[
        (Opt::Service, "mine"),
        (Opt::ServiceFile, path),
        (Opt::Port, "1"),
    ]);
    add_defaults(&mut options).unwrap();
    assert_eq!(options.get(Opt::Host), Some(&b"h"[..]));
    assert_eq!(options.get(Opt::Port), Some(&b"1"[..]));
    assert_eq!(options.get(Opt::SslSni), Some(&b"1"[..]));
}

#[test]
fn missing_services_and_files_are_reported() {
    let (dir, path) = file("s", "[mine]\nrubbish\n", 0o644);
    let (path, dir) = (path.to_str().unwrap(), dir.path().to_str().unwrap());
    let cases = [
        (
            format!("service=mine servicefile={dir}/none"),
            format!("service file \"{dir}/none\" not found"),
        ),
        (
            format!("service=mine servicefile={path}"),
            format!("syntax error in service file \"{path}\", line 2"),
        ),
        (
            format!("service=yours servicefile={path}"),
            "definition of service \"yours\" not found".to_owned(),
        ),
        // a directory can be opened but not read
        (
            format!("service=mine servicefile={dir}"),
            "definition of service \"mine\" not found".to_owned(),
        ),
    ];
    for (conninfo, expected) in cases {
        assert_eq!(complaint(&conninfo), Some(expected), "{conninfo}");
    }
}

#[test]
fn an_endless_file_counts_as_unreadable() {
    let expected = "service file \"/dev/zero\" not found";
    assert_eq!(
        complaint("service=mine servicefile=/dev/zero").as_deref(),
        Some(expected)
    );
}

#[test]
fn passwords_are_looked_up_for_each_host() {
    let (_dir, path) = file("p", "a:1:d:u:first\nlocalhost:*:*:u:local\n", 0o600);
    let conninfo = format!(
        "host=a,b, port=1,2,3 user=u dbname=d passfile={}",
        path.display()
    );
    let mut options = keyvalue::parse(conninfo.as_bytes()).ok().unwrap();
    let params = derive(&mut options).unwrap();
    let passwords: Vec<_> = params
        .hosts
        .iter()
        .map(|host| host.password.as_ref().map(|own| own.as_slice()))
        .collect();
    assert_eq!(passwords, [Some(&b"first"[..]), None, Some(&b"local"[..])]);

    options.set(Opt::Password, Some(b"given".to_vec()));
    let params = derive(&mut options).unwrap();
    assert!(params.hosts.iter().all(|host| host.password.is_none()));

    options.set(Opt::Password, Some(Vec::new()));
    let params = derive(&mut options).unwrap();
    let own = params.hosts[0].password.as_ref();
    assert_eq!(own.map(|own| own.as_slice()), Some(&b"first"[..]));
}

#[test]
fn password_files_others_could_read_are_ignored() {
    for (mode, found) in [
        (0o600, true),
        (0o400, true),
        (0o640, false),
        (0o604, false),
        (0o610, false),
    ] {
        let (_dir, path) = file("p", "*:*:*:*:secret", mode);
        let contents = read_password_file(path.as_os_str().as_bytes());
        assert_eq!(contents.is_some(), found, "{mode:o}");
    }
    let dir = TempDir::new().unwrap();
    assert!(read_password_file(dir.path().as_os_str().as_bytes()).is_none());
    assert!(read_password_file(b"/nowhere/at/all").is_none());
}

#[test]
fn derived_options_are_kept() {
    let mut options = options(&[(Opt::User, "u"), (Opt::DbName, ""), (Opt::Password, "p")]);
    derive(&mut options).unwrap();
    assert_eq!(options.get(Opt::DbName), Some(&b"u"[..]));
    assert_eq!(options.get(Opt::PassFile), None);
    options.set(Opt::Password, None);
    options.set(Opt::ClientEncoding, Some(b"auto".to_vec()));
    derive(&mut options).unwrap();
    assert!(
        options
            .get(Opt::PassFile)
            .is_none_or(|path| path.ends_with(b"/.pgpass"))
    );
    assert_eq!(
        options.get(Opt::ClientEncoding),
        Some(client_encoding_of_locale())
    );
    assert_ne!(options.get(Opt::ClientEncoding), Some(&b"auto"[..]));
}

#[test]
fn locales_imply_encodings() {
    assert_eq!(encoding_of(b"C"), Some(encoding::SQL_ASCII));
    assert_eq!(encoding_of(b"posix"), Some(encoding::SQL_ASCII));
    assert_eq!(encoding_of(b"C.UTF-8"), Some(encoding::UTF8));
    assert_eq!(encoding_of(b"no such locale"), None);
}

#[test]
fn a_wrong_host_count_is_reported_before_other_errors() {
    let conninfo = "host=a,b port=1,2,3 require_auth=bad sslmode=bad user=u";
    let expected = "could not match 3 port numbers to 2 hosts";
    assert_eq!(complaint(conninfo).as_deref(), Some(expected));
}

#[test]
fn shuffling_keeps_each_host_complete() {
    let conninfo = "host=a,b,c,d,e,f port=1,2,3,4,5,6 user=u password=p load_balance_hosts=random";
    let mut options = keyvalue::parse(conninfo.as_bytes()).ok().unwrap();
    let mut orders = Vec::new();
    for _ in 0..20 {
        let mut hosts = derive(&mut options).unwrap().hosts;
        orders.push(hosts.clone());
        hosts.sort_by(|a, b| a.host.cmp(&b.host));
        let pairs = hosts
            .iter()
            .map(|host| (host.host.as_deref(), host.port.as_deref()));
        for (at, (host, port)) in pairs.enumerate() {
            assert_eq!(
                (host, port),
                (Some(&[b'a' + at as u8][..]), Some(&[b'1' + at as u8][..]))
            );
        }
    }
    orders.dedup();
    assert!(orders.len() > 1);
}

#[test]
fn shuffling_reaches_every_order() {
    let mut seen = std::collections::HashMap::new();
    for _ in 0..6000 {
        let mut items = [1, 2, 3];
        shuffle(&mut items);
        *seen.entry(items).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 6);
    assert!(
        seen.values().all(|&times| (800..1200).contains(&times)),
        "{seen:?}"
    );
    shuffle::<u8>(&mut []);
}

#[test]
fn random_bytes_differ() {
    let mut bytes = [[0; 33]; 2];
    bytes.iter_mut().for_each(|b| assert!(random_bytes(b)));
    assert_ne!(bytes[0], bytes[1]);
    let mut bytes = [[0; 33]; 2];
    scatter(1, &mut bytes[0]);
    scatter(2, &mut bytes[1]);
    assert_ne!(bytes[0], bytes[1]);
    assert!(bytes[0][32] != 0 && bytes[0][..8] != bytes[0][8..16]);
}

/// Set for the next test when it runs in its own process.
const ALONE: &str = "LIBPQ_OXIDE_TEST_ALONE";

#[test]
fn defaults_come_from_the_environment() {
    if variable(ALONE).is_some() {
        println!("<<{}>>", shown(&default_options()));
        println!("<<{:?}>>", startup_environment());
        return;
    }
    let test = "client::env::tests::defaults_come_from_the_environment";
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command
        .args([test, "--exact", "--nocapture"])
        .env_clear()
        .env(ALONE, "1");
    let (dir, _) = file(".pg_service.conf", "[mine]\nhost=h\nrubbish", 0o644);
    let environment = [
        ("PGSERVICE", "mine"),
        ("PGUSER", "me"),
        ("PGTZ", "x"),
        ("PGGEQO", "Default"),
    ];
    command
        .env("HOME", dir.path())
        .envs(environment)
        .env("PGDATESTYLE", "");
    let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let mut shown = output
        .split("<<")
        .skip(1)
        .map(|part| part.split(">>").next().unwrap());
    let options = shown.next().unwrap();
    assert!(
        options.starts_with("service=mine user=me channel_binding="),
        "{options}"
    );
    assert!(options.contains(" host=h port=5432 "), "{options}");
    let startup = format!("{:?}", [(&b"datestyle"[..], &b""[..]), (b"timezone", b"x")]);
    assert_eq!(shown.next(), Some(&startup[..]));
}
