//! Connection strings, URIs, and the values in them.

use crate::conninfo::options::{Opt, Options};
use crate::conninfo::{directory, hosts, keyvalue, passfile, validate};

/// Parses `data` as a connection string. The options, written as a connection string again, must be the same. Then validates
/// the values, and parses `data` as a password file and a line of a service file.
pub fn connection_string(data: &[u8]) {
    // A C string.
    let text = data.split(|byte| *byte == 0).next().unwrap_or_default();
    let _ = directory::Query::parse(text);
    let host = hosts::first(&Options::default());
    let _ = passfile::password(data, &host, b"database", b"user");
    let Ok(mut options) = keyvalue::parse(text) else {
        return;
    };
    let again = keyvalue::parse(&written(&options));
    let again = again.expect("what was read can be read again");
    for opt in Opt::ALL {
        assert_eq!(again.get(opt), options.get(opt), "{opt:?}");
    }
    options.add_defaults(|_| None, || Some(b"user".to_vec()));
    if let Ok(hosts) = hosts::list(&options) {
        let _ = validate::params(&mut options, hosts);
    }
}

/// The options as keywords and quoted values.
fn written(options: &Options) -> Vec<u8> {
    let mut text = Vec::new();
    for opt in Opt::ALL {
        let Some(value) = options.get(opt) else {
            continue;
        };
        text.extend_from_slice(opt.keyword());
        text.extend_from_slice(b"='");
        for byte in value {
            if matches!(byte, b'\'' | b'\\') {
                text.push(b'\\');
            }
            text.push(*byte);
        }
        text.extend_from_slice(b"' ");
    }
    text
}
