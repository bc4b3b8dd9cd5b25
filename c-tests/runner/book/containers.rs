//! The container files, as far as that is possible without a container: what they copy is built, what they run exists, and the program
//! finds its libraries in the image. Hosted CI builds and starts the images: `packaging/container/check.sh`.

use std::fs;
use std::process::Command;

use crate::support::installation::Installation;
use crate::support::paths;
use crate::support::process::{self, TIMEOUT};

/// The instructions of a container file, with continued lines joined and without comments.
fn instructions(name: &str) -> Vec<(String, String)> {
    let path = paths::checkout().join("packaging/container").join(name);
    let text = fs::read_to_string(path).expect("a container file");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let text = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let instructions = text.lines().filter_map(|line| line.split_once(' '));
    instructions
        .map(|(word, rest)| {
            (
                word.to_owned(),
                rest.split_whitespace().collect::<Vec<_>>().join(" "),
            )
        })
        .collect()
}

fn of(instructions: &[(String, String)], word: &str) -> Vec<String> {
    let found = instructions.iter().filter(|(name, _)| name == word);
    found.map(|(_, rest)| rest.clone()).collect()
}

/// The arguments of an instruction in JSON.
fn words(instruction: &str) -> Vec<String> {
    let json = instruction.find('[').map(|at| &instruction[at..]);
    serde_json::from_str(json.expect("a list")).expect("a list of words")
}

#[test]
fn images_do_not_run_as_root_and_have_the_oldest_supported_rust() {
    let manifest = fs::read_to_string(paths::checkout().join("Cargo.toml")).expect("a manifest");
    let rust = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \""))
        .expect("the oldest Rust")
        .trim_end_matches('"');
    for name in ["goaway-proxy.Dockerfile", "psql.Dockerfile"] {
        let instructions = instructions(name);
        assert_eq!(of(&instructions, "USER"), ["65532:65532"], "{name}");
        let from = of(&instructions, "FROM");
        assert_eq!(from.len(), 2, "{name}");
        assert_eq!(from[0], format!("rust:{rust}-bookworm AS build"));
    }
}

#[test]
fn the_proxys_image_has_what_the_program_needs() {
    let instructions = instructions("goaway-proxy.Dockerfile");
    let entry = words(&of(&instructions, "ENTRYPOINT")[0]);
    let check = words(&of(&instructions, "HEALTHCHECK")[0]);
    let program = "/usr/local/bin/goaway-proxy";
    assert_eq!([&entry[0], &check[0]], [program, program]);
    assert!(of(&instructions, "RUN")[0].contains(&format!(" /out{program} ")));
    // The options exist, and the check uses the control socket that the entry point creates.
    let run = |args: &[&str]| {
        process::run(Command::new(paths::goaway_proxy()).args(args), b"", TIMEOUT)
            .success()
            .stdout
    };
    assert!(run(&["--help"]).contains(&entry[1]));
    assert_eq!(check[1..], ["ctl", "status"]);
    assert!(run(&["ctl", "--help"]).contains(&format!("[default: {}]", entry[2])));
    // Libraries of gcr.io/distroless/cc-debian12.
    let mut readelf = Command::new("readelf");
    readelf.arg("--dynamic").arg(paths::goaway_proxy());
    let output = process::run(&mut readelf, b"", TIMEOUT).success().stdout;
    let needed = output.lines().filter(|line| line.contains("(NEEDED)"));
    for line in needed {
        let there = ["libc.so.6", "libgcc_s.so.1", "libm.so.6", "ld-linux-"];
        assert!(there.iter().any(|name| line.contains(name)), "{line}");
    }
}

#[test]
fn psqls_image_copies_the_library_that_make_install_writes() {
    let instructions = instructions("psql.Dockerfile");
    let installation = Installation::staged(&["PREFIX=/usr/local"]);
    let copies = of(&instructions, "COPY");
    let from = copies
        .iter()
        .find_map(|copy| copy.strip_prefix("--from=build /out/"));
    let from = from
        .and_then(|rest| rest.split(' ').next())
        .expect("a file");
    assert!(installation.root.path().join(from).is_file(), "{from}");
    let psql = &words(&of(&instructions, "ENTRYPOINT")[0])[0];
    assert!(fs::exists(psql).expect("a path"), "{psql}");
}
