//! Stops servers and removes directories when this process ends, even if it is killed. Rust does not drop statics, and a
//! killed process drops nothing, so a shell does the work: it waits for the end of file on a pipe that only this process
//! can write to.

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use std::os::unix::process::CommandExt;

use super::postgres::{plain, service_user};

/// Runs the command that stops the server, then removes the directory. It retries while the last processes of the
/// server still write files there.
const SCRIPT: &str = "directory=$1; shift
    \"$@\" sh \"$directory\"
    n=0
    until rm -rf \"$directory\" 2>/dev/null || [ $((n += 1)) -gt 100 ]; do sleep 0.1; done";

/// A directory that is removed when this is dropped or when this process ends.
pub struct Cleanup {
    directory: PathBuf,
    shell: Child,
    /// The pipe to the shell. The shell starts when this process closes it or ends.
    stdin: Option<ChildStdin>,
}

impl Cleanup {
    /// Removes a directory of files.
    pub fn of_files(directory: PathBuf) -> Cleanup {
        Cleanup::start(directory, &["sh", "-c", "cat >/dev/null"], &[])
    }

    /// Stops a server and removes its directory. `script` runs as the server's user, with the directory as `$1`. It must
    /// wait for the end of its stdin, and then stop the server.
    pub fn of_server(directory: PathBuf, script: &str, environment: &[(&str, PathBuf)]) -> Cleanup {
        let numbers = service_user().map(|(uid, gid)| (uid.to_string(), gid.to_string()));
        let user = match &numbers {
            Some((uid, gid)) => vec!["setpriv", "--reuid", uid, "--regid", gid, "--clear-groups"],
            None => vec![],
        };
        Cleanup::start(
            directory,
            &[&user, &["sh", "-c", script][..]].concat(),
            environment,
        )
    }

    fn start(directory: PathBuf, wait: &[&str], environment: &[(&str, PathBuf)]) -> Cleanup {
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
        let stdin = shell.stdin.take();
        Cleanup {
            directory,
            shell,
            stdin,
        }
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.shell.wait();
    }
}
