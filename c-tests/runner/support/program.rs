//! The C programs of `c-tests/programs`: compiles each once, runs it with several libraries and compares the outputs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use std::{env, fs};

use super::emulator;
use super::paths::{self, Lib};
use super::process::{self, Output, TIMEOUT};
use super::script::Script;
use super::valgrind::{self, Memcheck};

/// The headers a program is compiled with, and the libpq it is linked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Headers {
    Ours,
    Oracle,
}

/// The processor a program is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Machine {
    This,
    /// Our library's, if it is another: see `support/emulator.rs`.
    Emulated,
}

/// A compiled C program.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    /// The same program for the processor of our library, if that is not this machine's.
    emulated: Option<PathBuf>,
    timeout: Duration,
}

impl Program {
    /// Compiles a program with the oracle's headers, for programs that run with both libraries.
    #[track_caller]
    pub fn new(name: &str) -> Program {
        Program::with_headers(name, Headers::Oracle)
    }

    /// Compiles `c-tests/programs/NAME.c`, or all C files in the directory `c-tests/programs/NAME`, unless the compiled
    /// program is newer than its sources, its headers and the library.
    #[track_caller]
    pub fn with_headers(name: &str, headers: Headers) -> Program {
        static COMPILER: Mutex<()> = Mutex::new(());
        let _one_at_a_time = COMPILER.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = paths::target().join("c-tests");
        fs::create_dir_all(&directory).expect("create the directory");
        let compiled = |machine| {
            let path = directory.join(format!("{name}-{headers:?}-{machine:?}"));
            if !is_current(&path, name, headers) {
                compile(&path, name, headers, machine);
            }
            path
        };
        let emulated = emulator::is_wanted().then(|| compiled(Machine::Emulated));
        let path = match &emulated {
            // There is no library of ours for this machine to link with.
            Some(emulated) if headers == Headers::Ours => emulated.clone(),
            _ => compiled(Machine::This),
        };
        Program {
            path,
            emulated,
            timeout: TIMEOUT,
        }
    }

    pub fn timeout(mut self, timeout: Duration) -> Program {
        self.timeout = timeout;
        self
    }

    /// The compiled program, for tools that run it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs the program with `lib`. Its environment contains only `env`, nothing from this process.
    pub fn run(&self, lib: Lib, args: &[&str], env: &[(&str, &str)]) -> Output {
        self.run_with_input(lib, args, env, b"")
    }

    pub fn run_with_input(
        &self,
        lib: Lib,
        args: &[&str],
        env: &[(&str, &str)],
        input: &[u8],
    ) -> Output {
        if lib == Lib::Ours && valgrind::is_wanted() {
            let (output, complaints) = self.run_under_memcheck(args, env, input);
            assert!(complaints.is_empty(), "{args:?}\n{complaints}\n{output}");
            return output;
        }
        let emulated = self.emulated.as_ref().filter(|_| lib == Lib::Ours);
        let mut command = on_lib(emulated.unwrap_or(&self.path), lib);
        command.args(args).envs(env.iter().copied());
        if emulated.is_some() {
            command = emulator::emulate(&command);
        }
        process::run(&mut command, input, self.timeout)
    }

    /// Runs the program with our library under valgrind; also returns valgrind's error reports.
    pub fn run_under_memcheck(
        &self,
        args: &[&str],
        env: &[(&str, &str)],
        input: &[u8],
    ) -> (Output, String) {
        let memcheck = Memcheck::new();
        let mut command = memcheck.command(&self.path);
        command.args(args).envs(env.iter().copied());
        let output = process::run(&mut command, input, self.timeout * valgrind::SLOWNESS);
        (output, memcheck.complaints())
    }
}

/// A command that loads `lib` as libpq.so.5, with a minimal environment. Also for other programs, such as psql and
/// pg_dump.
pub fn on_lib(program: impl AsRef<Path>, lib: Lib) -> Command {
    let mut command = Command::new(program.as_ref());
    command.env_clear().envs([
        ("PATH", "/usr/bin:/bin"),
        ("LC_ALL", "C.UTF-8"),
        // Prevents the use of the developer's own password and service files.
        ("HOME", "/nonexistent"),
        ("TZ", "UTC"),
    ]);
    command.env("LD_LIBRARY_PATH", lib.directory());
    if lib == Lib::Oracle {
        // Under make check-races: C libpq is not instrumented.
        command.env("TSAN_OPTIONS", "report_bugs=0");
    }
    if lib == Lib::Ours {
        // glibc fills new and freed memory with the value of the first. The second selects C libpq's memory layout
        // for results.
        for name in ["MALLOC_PERTURB_", "LIBPQ_OXIDE_RESULTS"] {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
    }
    command
}

/// Runs a program with the oracle and with our library on the same server; panics with a diff if the outputs differ.
#[track_caller]
pub fn same_output(name: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
    same_output_as(Lib::Oracle, name, args, env)
}

/// As [`same_output`], but compares with the library `oracle`.
#[track_caller]
pub fn same_output_as(oracle: Lib, name: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
    let program = Program::new(name);
    let expected = program.run(oracle, args, env);
    let ours = program.run(Lib::Ours, args, env);
    assert_same(name, args, &expected, &ours);
    ours
}

/// Runs a program with the oracle and with our library, each with its own scripted server. Compares the outputs and
/// every byte sent. `args` are the program's arguments after the connection string.
#[track_caller]
pub fn same_exchange(
    name: &str,
    script: impl Fn() -> Script,
    args: &[&str],
    env: &[(&str, &str)],
) -> Output {
    let program = Program::new(name);
    let run = |lib| {
        let server = script().start();
        let conninfo = server.tcp();
        let port = server.port().to_string();
        // libpq 18 does not send the GoAway key and has no option for it, so this is an environment variable.
        let env = [env, &[("PGGOAWAY", "disable")]].concat();
        let mut output = program.run(lib, &[&[conninfo.as_str()], args].concat(), &env);
        output.stdout = output.stdout.replace(&port, "PORT");
        output.stderr = output.stderr.replace(&port, "PORT");
        (output, transcript(&server.finish()))
    };
    let (expected, expected_bytes) = run(Lib::Oracle);
    let (ours, our_bytes) = run(Lib::Ours);
    assert_same(name, args, &expected, &ours);
    let difference = process::diff(
        "the oracle sends",
        &expected_bytes,
        "ours sends",
        &our_bytes,
    );
    assert!(difference.is_empty(), "{name} {args:?}\n{difference}");
    ours
}

#[track_caller]
pub fn assert_same(name: &str, args: &[&str], expected: &Output, ours: &Output) {
    let difference = process::diff("oracle", &expected.to_string(), "ours", &ours.to_string());
    assert!(difference.is_empty(), "{name} {args:?}\n{difference}");
    // If both libraries make the program crash or hang, the comparison proves nothing.
    assert!(
        matches!(expected.end, process::End::Exit(0 | 1)),
        "{name} {args:?}\n{expected}"
    );
}

fn transcript(connections: &[Vec<u8>]) -> String {
    let mut text = String::new();
    for (number, bytes) in connections.iter().enumerate() {
        text += &format!("connection {}\n", number + 1);
        bytes
            .chunks(16)
            .for_each(|line| text += &format!("  {}\n", line.escape_ascii()));
    }
    text
}

fn programs() -> PathBuf {
    paths::checkout().join("c-tests/programs")
}

/// The C files of a program.
fn sources(name: &str) -> Vec<PathBuf> {
    let directory = programs().join(name);
    match directory.is_dir() {
        true => files(&directory, "c"),
        false => vec![directory.with_extension("c")],
    }
}

/// The files in a directory with this extension.
fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let files = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    files
        .filter(|file| file.extension().is_some_and(|e| e == extension))
        .collect()
}

fn is_current(path: &Path, name: &str, headers: Headers) -> bool {
    let Some(built) = modified(path) else {
        return false;
    };
    let mut needed = sources(name);
    needed.push(link_directory(headers).join("libpq.so.5"));
    let own = programs().join(name);
    for directory in [programs(), include(headers), own] {
        if directory.is_dir() {
            needed.extend(files(&directory, "h"));
        }
    }
    needed
        .iter()
        .all(|source| modified(source).is_some_and(|time| time <= built))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()
}

#[track_caller]
fn compile(path: &Path, name: &str, headers: Headers, machine: Machine) {
    let fresh = path.with_extension("new");
    let mut command = Command::new(match machine {
        Machine::This => env::var("CC").unwrap_or_else(|_| "cc".into()),
        Machine::Emulated => emulator::compiler(),
    });
    command.args([
        "-std=gnu99",
        "-g",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-pthread",
        "-o",
    ]);
    command
        .arg(&fresh)
        .args(sources(name))
        .arg("-I")
        .arg(include(headers));
    // A program that loads the library with dlopen must not be linked with it.
    command.arg("-Wl,--as-needed");
    let directory = match machine {
        Machine::This => link_directory(headers),
        Machine::Emulated => Lib::Ours.directory(),
    };
    command.arg("-L").arg(directory).arg("-l:libpq.so.5");
    process::run(&mut command, b"", TIMEOUT).success();
    fs::rename(fresh, path).expect("rename the program");
}

fn include(headers: Headers) -> PathBuf {
    match headers {
        Headers::Ours => paths::checkout().join("include"),
        Headers::Oracle => paths::oracle().join("include"),
    }
}

fn link_directory(headers: Headers) -> PathBuf {
    match headers {
        Headers::Ours => Lib::Ours.directory(),
        Headers::Oracle => paths::oracle().join("lib"),
    }
}
