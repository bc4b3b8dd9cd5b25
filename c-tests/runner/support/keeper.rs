//! Stops servers and removes directories when this process ends, however it ends. Statics are never dropped, and a
//! process that is killed drops nothing: so a shell does this, when a pipe ends that only this process holds open.

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use std::os::unix::process::CommandExt;

use super::postgres::{plain, service_user};

/// Runs the command that stops the server, then removes the directory. The last processes of a server may still write there.
const SCRIPT: &str = "directory=$1; shift
    \"$@\" sh \"$directory\"
    n=0
    until rm -rf \"$directory\" 2>/dev/null || [ $((n += 1)) -gt 100 ]; do sleep 0.1; done";

/// A directory that is removed when this is dropped or when this process ends.
pub struct Keeper {
    directory: PathBuf,
    shell: Child,
    /// The shell waits for the end of this pipe.
    life: Option<ChildStdin>,
}

impl Keeper {
    /// For a directory of files.
    pub fn of_files(directory: PathBuf) -> Keeper {
        Keeper::start(directory, &["sh", "-c", "cat >/dev/null"], &[])
    }

    /// For the directory of a server. `script` runs as the server's user; it waits for the end of its input, then stops the
    /// server. Its `$1` is the directory.
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
