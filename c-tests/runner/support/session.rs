//! An interactive program: the test sends a line, waits for the reply, and sends the next line.

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::process::{self, End, TIMEOUT};
use super::valgrind::patience;

/// A running program, with stdout and stderr in one stream.
pub struct Session {
    child: Child,
    stdin: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    /// Output that was read but not yet returned.
    unread: String,
}

impl Session {
    /// Starts the program with a pipe as stdin.
    #[track_caller]
    pub fn start(command: &mut Command) -> Session {
        let (reader, writer) = io::pipe().expect("a pipe");
        let mut child = command
            .process_group(0)
            .stdin(std::process::Stdio::piped())
            .stdout(writer.try_clone().expect("a descriptor"))
            .stderr(writer)
            .spawn()
            .unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
        // `command` keeps the other end of the pipe open until its stdout is replaced.
        command.stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        Session {
            stdin: child.stdin.take(),
            child,
            output: chunks(reader),
            unread: String::new(),
        }
    }

    /// Starts the program on a terminal of its own that does not echo, with the environment of `command`. Arguments
    /// must not need quoting.
    #[track_caller]
    pub fn on_terminal(command: &Command) -> Session {
        let words: Vec<_> = [command.get_program()]
            .into_iter()
            .chain(command.get_args())
            .map(|word| word.to_str().expect("plain words"))
            .collect();
        let mut script = Command::new("/usr/bin/script");
        script.args(["-q", "-e", "-E", "never", "-c"]);
        script.arg(format!("exec {}", words.join(" ")));
        script.arg(Path::new("/dev/null"));
        script
            .env_clear()
            .envs([("SHELL", "/bin/sh"), ("TERM", "dumb")]);
        for (name, value) in command.get_envs() {
            value.map(|value| script.env(name, value));
        }
        Session::start(&mut script)
    }

    /// The process id of the program.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends the program a signal: TERM, INT, USR1.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.id());
        process::run(Command::new("/bin/sh").args(["-c", &kill]), b"", TIMEOUT).success();
    }

    #[track_caller]
    pub fn send(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("an open stdin");
        stdin
            .write_all(text.as_bytes())
            .and_then(|()| stdin.flush())
            .unwrap_or_else(|e| panic!("the program does not take {text:?}: {e}"));
    }

    /// Returns the program's output up to and including `end`.
    #[track_caller]
    pub fn until(&mut self, end: &str) -> String {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(at) = self.unread.find(end) {
                let rest = self.unread.split_off(at + end.len());
                return std::mem::replace(&mut self.unread, rest);
            }
            let wait = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(wait) {
                Ok(bytes) => self.unread += &printable(&bytes),
                Err(e) => panic!("{end:?} does not come ({e}), but {:?}", self.unread),
            }
        }
    }

    /// Closes the program's stdin, waits until it exits, and returns its remaining output and how it ended.
    #[track_caller]
    pub fn finish(mut self) -> (String, End) {
        drop(self.stdin.take());
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let wait = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(wait) {
                Ok(bytes) => self.unread += &printable(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {:?}", self.unread),
            }
        }
        let status = self.child.wait().expect("wait for the child process");
        let end = match (status.code(), status.signal()) {
            (Some(code), _) => End::Exit(code),
            (None, signal) => End::Signal(signal.unwrap_or(-1)),
        };
        (std::mem::take(&mut self.unread), end)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn chunks(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = pipe.read(&mut bytes) {
            if sender.send(bytes[..n].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Removes the carriage returns that a terminal adds. The programs print ASCII, so a chunk can be split anywhere.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\r', "")
}

/// Calls `ask` repeatedly until it returns `expected`.
#[track_caller]
pub fn wait_until(expected: &str, mut ask: impl FnMut() -> String) {
    let deadline = Instant::now() + patience(TIMEOUT);
    loop {
        let answer = ask();
        if answer == expected {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "still {answer:?}, not {expected:?}"
        );
        thread::sleep(Duration::from_millis(20));
    }
}
