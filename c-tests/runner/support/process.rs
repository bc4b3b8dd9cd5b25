//! Runs a program with a deadline.

use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The default timeout of a program. It is generous because the machine may be busy.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// The output and the exit status of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    pub end: End,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Exit(i32),
    Signal(i32),
    TimedOut,
}

impl Output {
    /// Panics and prints the whole output unless the program exited with status 0.
    #[track_caller]
    pub fn success(self) -> Output {
        assert_eq!(self.end, End::Exit(0), "{self}");
        self
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stdout)?;
        if !self.stderr.is_empty() {
            write!(f, "--- stderr\n{}", self.stderr)?;
        }
        writeln!(f, "--- {:?}", self.end)
    }
}

/// Runs `command` with `input` as stdin; kills its whole process group after `timeout`.
pub fn run(command: &mut Command, input: &[u8], timeout: Duration) -> Output {
    let mut child = command
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    let stdin = child.stdin.take();
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let input = input.to_vec();
    let writer = thread::spawn(move || {
        // A program may ignore its input, so EPIPE is not an error.
        let _ = stdin.map(|mut pipe| pipe.write_all(&input));
    });
    let end = wait(&mut child, timeout);
    let _ = writer.join();
    Output {
        stdout: stdout.join().expect("the thread does not panic"),
        stderr: stderr.join().expect("the thread does not panic"),
        end,
    }
}

/// A program that prints without end gets a broken pipe here, so that it does not fill the memory.
const MOST_OUTPUT: u64 = 64 << 20;

fn collect(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            let _ = pipe.take(MOST_OUTPUT).read_to_end(&mut bytes);
        }
        // Invalid UTF-8 is escaped, so that different bytes stay different.
        match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(e) => e
                .into_bytes()
                .escape_ascii()
                .to_string()
                .replace("\\n", "\n"),
        }
    })
}

fn wait(child: &mut Child, timeout: Duration) -> End {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(status) = child.try_wait().expect("wait for the child process") {
            return ended(status);
        }
        if Instant::now() >= deadline {
            kill_group(child.id());
            let _ = child.wait();
            return End::TimedOut;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn ended(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exit(code),
        (None, Some(signal)) => End::Signal(signal),
        (None, None) => End::Exit(-1),
    }
}

/// Kills the whole group: a grandchild that lives on would keep the pipes open.
fn kill_group(pid: u32) {
    // The shell's built-in kill, because the program `kill` is not installed everywhere.
    let _ = Command::new("sh")
        .args(["-c", "kill -s KILL -- \"-$1\"", "sh", &pid.to_string()])
        .stderr(Stdio::null())
        .status();
}

/// The difference between two texts as `diff -u` prints it; empty when they are equal.
pub fn diff(left_name: &str, left: &str, right_name: &str, right: &str) -> String {
    if left == right {
        return String::new();
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("write the file");
        path
    };
    let output = Command::new("diff")
        .args(["-a", "-U", "3", "--label", left_name, "--label", right_name])
        .args([write("left", left), write("right", right)])
        .output()
        .expect("diff runs");
    shorten(&String::from_utf8_lossy(&output.stdout))
}

/// Keeps the first 100 lines: the first differences are enough to find the error.
fn shorten(text: &str) -> String {
    const LINES: usize = 100;
    let rest = text.lines().count().saturating_sub(LINES);
    let mut short: String = text.split_inclusive('\n').take(LINES).collect();
    if rest > 0 {
        short += &format!("... and {rest} more lines\n");
    }
    short
}
