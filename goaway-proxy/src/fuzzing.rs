//! The code of the target `proxy` in `fuzz/`: what clients and servers send. The unit test runs it on the seeds and on
//! damaged seeds.

use crate::framer::InvalidStream;
use crate::frames::{Edits, Run, Stream};
use crate::startup::{self, Opening};

/// Takes the bytes of both sides: a startup packet, then runs of bytes, each after a byte with its side and length.
pub fn proxy(data: &[u8]) {
    let Some((version, data)) = opening(data) else {
        return;
    };
    let edits = Edits {
        version,
        no_channel_binding: version & 1 == 0,
    };
    let whole = play(edits, data, usize::MAX);
    for size in [1, 7] {
        assert_eq!(play(edits, data, size), whole, "in pieces of {size} bytes");
    }
}

/// Reads the client's first packet; returns its version and the bytes after it.
fn opening(data: &[u8]) -> Option<(u32, &[u8])> {
    let length = startup::length(*data.first_chunk()?)?;
    let (packet, rest) = data.split_at_checked(length)?;
    match startup::read(packet) {
        Ok(Opening::Session(first)) => {
            assert!(first.packet.len() <= packet.len());
            let marked = startup::add_address(&first.packet, "127.0.0.1:5432");
            assert_eq!(startup::length(*marked.first_chunk()?), Some(marked.len()));
            // The packet for the server says the same, without the request.
            let Ok(Opening::Session(again)) = startup::read(&first.packet) else {
                panic!("the packet for the server is not valid");
            };
            assert!(!again.requests_goaway);
            assert_eq!(again.packet, first.packet);
            assert_eq!(again.replication, first.replication);
            Some((first.version, rest))
        }
        Ok(_) => Some((0x0003_0000, rest)),
        Err(_) => None,
    }
}

/// What the client receives, and the state at the end. None if a message of the server is invalid.
type Seen = Option<(Vec<u8>, String)>;

/// Plays both sides. The bytes arrive in pieces of at most `size` bytes.
fn play(edits: Edits, mut data: &[u8], size: usize) -> Seen {
    let mut stream = Stream::new(edits);
    let mut out = Vec::new();
    while let [head, rest @ ..] = data {
        let (run, behind) = rest.split_at(usize::from(head & 127).min(rest.len()));
        data = behind;
        for piece in run.chunks(size.min(128)) {
            if head & 128 != 0 {
                stream.requests.follow(piece);
            } else if serve(&mut stream, piece, &mut out).is_err() {
                return None;
            }
        }
    }
    let state = format!(
        "{:?} {:?} {:?} {:?} {} {}",
        stream.activity(),
        stream.pid,
        stream.ready,
        stream.refusal,
        stream.goaway,
        stream.is_at_boundary()
    );
    Some((out, state))
}

/// Processes bytes of the server.
fn serve(stream: &mut Stream, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), InvalidStream> {
    let mut rest = stream.open(bytes, out)?;
    while !rest.is_empty() {
        let (passed, length) = match stream.follow(rest, false)? {
            Run::Pass(length) => (true, length),
            Run::Drop(length) => (false, length),
        };
        assert!((1..=rest.len()).contains(&length));
        let (first, behind) = rest.split_at(length);
        if passed {
            out.extend_from_slice(first);
        }
        rest = behind;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    /// The seeds, and the inputs that fuzzing found.
    fn inputs() -> Vec<Vec<u8>> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let found = fs::read_to_string(directory.join("found/proxy.txt")).expect("the inputs");
        let found = found
            .lines()
            .map(|line| STANDARD.decode(line).expect("base64"));
        let seeds = fs::read_dir(directory.join("seeds/proxy")).expect("the seeds");
        let seeds = seeds
            .flatten()
            .map(|file| fs::read(file.path()).expect("a seed"));
        seeds.chain(found).collect()
    }

    /// Every input with each byte changed in a few ways, cut and doubled.
    #[test]
    fn damaged_inputs_cause_no_panic() {
        let inputs = inputs();
        assert!(inputs.len() > 10);
        for seed in inputs {
            super::proxy(&seed);
            for at in 0..seed.len() {
                super::proxy(&seed[..at]);
                super::proxy(&[&seed[..at], &seed[at / 2..]].concat());
                for change in [1, 0x80, 0xff, seed[at]] {
                    let mut damaged = seed.clone();
                    damaged[at] ^= change;
                    super::proxy(&damaged);
                }
            }
        }
    }
}
