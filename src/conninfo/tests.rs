//! Parsers do not panic, whatever the input.

use super::hosts;
use super::options::{COUNT, Opt, Options};
use super::params::Host;
use super::service::{Lookup, Read, Surroundings};
use super::{directory, keyvalue, passfile, validate};

/// How many inputs each test tries.
const TRIED: usize = if cfg!(miri) { 300 } else { 10_000 };

/// Pseudorandom numbers, the same in every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1);
        (self.0 >> 33) as usize % limit
    }

    /// Up to eleven of `pieces` and single bytes, concatenated.
    fn text(&mut self, pieces: &[&[u8]]) -> Vec<u8> {
        let mut text = Vec::new();
        for _ in 0..self.below(12) {
            match self.below(8) {
                0 => text.push(self.below(256) as u8),
                _ => text.extend_from_slice(pieces[self.below(pieces.len())]),
            }
        }
        text
    }
}

const PIECES: [&[u8]; 28] = [
    b"postgres://",
    b"host",
    b"port",
    b"dbname",
    b"require_auth",
    b"=",
    b"'",
    b"\\",
    b" ",
    b"%",
    b"%4",
    b"%41",
    b"%00",
    b"@",
    b":",
    b"/",
    b"?",
    b"&",
    b",",
    b"[",
    b"]",
    b"!",
    b"*:",
    b"md5",
    b"\xff\xfe",
    b"\n",
    b"\n[mine]\n",
    b"#",
];

#[test]
fn strings() {
    let mut noise = Noise(1);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..TRIED {
        match keyvalue::parse(&noise.text(&PIECES)) {
            Ok(_) => read += 1,
            Err(message) => refused += usize::from(!message.is_empty()),
        }
    }
    assert!(
        read > TRIED / 20 && refused > TRIED / 20,
        "{read} {refused}"
    );
    assert_eq!(read + refused, TRIED);
}

#[test]
fn values() {
    let mut noise = Noise(3);
    let (mut valid, mut invalid) = (0, 0);
    for _ in 0..TRIED {
        let mut options = Options::default();
        let opts = [
            Opt::Host,
            Opt::HostAddr,
            Opt::Port,
            Opt::ALL[noise.below(COUNT)],
        ];
        opts.into_iter()
            .for_each(|opt| options.set(opt, Some(noise.text(&PIECES))));
        let hosts = hosts::list(&options);
        match hosts.and_then(|hosts| validate::params(&mut options, hosts)) {
            Ok(params) => valid += usize::from(!params.hosts.is_empty()),
            Err(message) => invalid += usize::from(!message.is_empty()),
        }
    }
    assert!(
        valid > TRIED / 20 && invalid > TRIED / 20,
        "{valid} {invalid}"
    );
    assert_eq!(valid + invalid, TRIED);
}

#[test]
fn service_and_password_files() {
    let mut noise = Noise(2);
    let mut given = Options::default();
    given.set(Opt::Service, Some(b"mine".to_vec()));
    let lookup = Lookup::plan(&given, &Surroundings::default()).unwrap();
    let host = Host {
        host: Some(b"host".to_vec()),
        ..Host::default()
    };
    let (mut defined, mut wrong, mut passwords) = (0, 0, 0);
    for _ in 0..TRIED {
        let contents = noise.text(&PIECES);
        match lookup.files[0]
            .reading(&contents, b"mine")
            .advance(&mut given.clone())
        {
            Ok(read) => defined += usize::from(read == Read::Defined),
            Err(_) => wrong += 1,
        }
        let lines = [&contents[..], b"\n*:*:*:", &contents].concat();
        let password = passfile::password(&lines, &host, b"dbname", b"port");
        passwords += usize::from(password.is_some());
    }
    let counts = (defined, wrong, passwords);
    assert!(
        defined > TRIED / 100 && wrong > TRIED / 100 && passwords > TRIED / 500,
        "{counts:?}"
    );
}

#[test]
fn directories() {
    let mut noise = Noise(4);
    let (mut urls, mut read, mut refused) = (0, 0, 0);
    for _ in 0..TRIED {
        let parts: Vec<Vec<u8>> = (0..4).map(|_| noise.text(&PIECES)).collect();
        let url = [b"ldap://", &parts.join(&b"?base"[..])[..]].concat();
        urls += usize::from(directory::Query::parse(&url).is_ok());
        match directory::apply(&parts[..noise.below(4)], &mut Options::default()) {
            Ok(()) => read += 1,
            Err(message) => refused += usize::from(!message.is_empty()),
        }
    }
    assert!(
        read > TRIED / 20 && refused > TRIED / 20,
        "{read} {refused}"
    );
    assert_eq!(read + refused, TRIED);
    assert!(urls < TRIED, "{urls}");
}
