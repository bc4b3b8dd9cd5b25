//! Stops servers and removes directories when this process ends, in whatever way it ends. Rust does not drop statics,
//! and a killed process drops nothing. So a shell does the work: it waits for the end of a pipe whose other end only
//! this process holds.

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use std::os::unix::process::CommandExt;

use super::postgres::{plain, service_user};

/// Runs the command that stops the server, then removes the directory. It tries again while the last processes of the
/// server still write there.
const SCRIPT: &str = "directory=$1; shift
    \"$@\" sh \"$directory\"
    n=0
    until rm -rf \"$directory\" 2>/dev/null || [ $((n += 1)) -gt 100 ]; do sleep 0.1; done";

/// A directory that is removed when this is dropped or when this process ends.
pub struct Keeper {
    directory: PathBuf,
    shell: Child,
    /// The pipe whose end the shell waits for.
    life: Option<ChildStdin>,
}

impl Keeper {
    /// Keeps a directory of files.
    pub fn of_files(directory: PathBuf) -> Keeper {
        Keeper::start(directory, &["sh", "-c", "cat >/dev/null"], &[])
    }

    /// Keeps the directory of a server. `script` runs as the server's user; it waits for the end of its input, then
    /// stops the server. Its `$1` is the directory.
    pub fn of_server(directory: PathBuf, script: &str, environment: &[(&str, PathBuf)]) -> Keeper {
        let numbers = service_user().map(|(uid, gid)| (uid.to_string(), gid.to_string()));
        let user = match &numbers {
            Some((uid, gid)) => vec!["setpriv", "--reuid", uid, "--regid", gid, "--clear-groups"],
            None => vec![],
        };
        Keeper::start(
            directory,
            &[&user, &["sh", "-c", script][..]].concat(),
            environment,
        )
    }

    fn start(directory: PathBuf, wait: &[&str], environment: &[(&str, PathBuf)]) -> Keeper {
        let mut command = Command::new("sh");
        plain(&mut command);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command
            .args(["-c", SCRIPT, "sh"])
            .arg(&directory)
            .args(wait);
        let mut shell = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh runs");
        let life = shell.stdin.take();
        Keeper {
            directory,
            shell,
            life,
        }
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.life.take());
        let _ = self.shell.wait();
    }
}
