//! Service files and password files.

use crate::conninfo::options::{Opt, Options};
use crate::conninfo::service::{Lookup, Read, Surroundings};
use crate::conninfo::{hosts, passfile};

/// The name of the service in the seeds.
const SERVICE: &[u8] = b"mine";

/// Reads `data` as both kinds of file.
pub fn files(data: &[u8]) {
    let mut host = hosts::first(&Options::default());
    host.host = Some(b"example.org".to_vec());
    if let Some(password) = passfile::password(data, &host, b"database", b"user") {
        // A backslash at most is dropped.
        assert!(password.len() <= data.len() && !password.contains(&0));
    }
    let mut options = Options::default();
    options.set(Opt::Service, Some(SERVICE.to_vec()));
    let surroundings = Surroundings::default();
    let lookup = Lookup::plan(&options, &surroundings).expect("a service is named");
    for file in &lookup.files {
        read(file, data);
    }
}

fn read(file: &crate::conninfo::service::File, data: &[u8]) {
    let mut options = Options::default();
    let mut reading = file.reading(data, SERVICE);
    // Each step reads a line.
    for _ in 0..=data.len() {
        match reading.advance(&mut options) {
            Ok(Read::LookUp(_)) => {}
            Ok(Read::Defined) => {
                assert!(options.get(Opt::ServiceFile).is_some());
                return;
            }
            Ok(Read::Undefined) => {
                let set = Opt::ALL.iter().any(|opt| options.get(*opt).is_some());
                assert!(!set, "options of another service are set");
                return;
            }
            Err(_) => return,
        }
    }
    panic!("the file has no end");
}
