//! The files of Unix sockets. The proxy does not replace a socket that another process listens on.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixListener;

use crate::address::error_text;

/// The length of the accept queue.
const BACKLOG: i32 = 4096;

/// The file of a Unix socket. Dropping this removes the file, unless another process has replaced it.
#[derive(Debug)]
pub struct SocketFile {
    pub path: PathBuf,
    inode: u64,
    /// Removed after the socket.
    _lock: Option<LockFile>,
}

impl SocketFile {
    fn new(path: PathBuf) -> io::Result<SocketFile> {
        let inode = fs::symlink_metadata(&path)?.ino();
        Ok(SocketFile {
            path,
            inode,
            _lock: None,
        })
    }

    pub fn with_lock(mut self, lock: LockFile) -> SocketFile {
        self._lock = Some(lock);
        self
    }

    pub fn remove(&self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|file| file.ino() == self.inode) {
            // If this fails, the next proxy replaces the unused socket.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Listens on `path`. Replaces a socket without a listener, and one with a listener if `may_replace` says so.
pub fn listen(
    path: &Path,
    mode: u32,
    may_replace: impl FnOnce() -> bool,
) -> Result<(UnixListener, SocketFile), String> {
    let failed = |error: io::Error| error_text(&error);
    check(path, may_replace)?;
    // Create the socket under another name and rename it: clients can connect at all times.
    let new = path.with_extension(format!("new-{}", std::process::id()));
    if let Found::Dead = inspect(&new).map_err(failed)? {
        fs::remove_file(&new).map_err(failed)?;
    }
    let listener = bind(&new, mode).map_err(failed)?;
    let moved = fs::rename(&new, path);
    if moved.is_err() {
        let _ = fs::remove_file(&new);
    }
    moved.map_err(failed)?;
    let file = SocketFile::new(path.to_owned()).map_err(failed)?;
    Ok((listener, file))
}

/// Fails if there is a file at `path` that must not be replaced.
pub fn check(path: &Path, may_replace: impl FnOnce() -> bool) -> Result<(), String> {
    match inspect(path).map_err(|error| error_text(&error))? {
        Found::Nothing | Found::Dead => Ok(()),
        Found::Other => Err("the file exists and is not a socket".to_owned()),
        Found::Live if may_replace() => Ok(()),
        Found::Live => Err("another process is listening on this socket".to_owned()),
    }
}

/// Sets the mode before it listens, so that nobody can connect earlier.
fn bind(path: &Path, mode: u32) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let listens = || {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)
    };
    let listening = listens();
    if listening.is_err() {
        let _ = fs::remove_file(path);
    }
    listening?;
    UnixListener::from_std(socket.into())
}

/// What exists at a socket's path.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// A socket without a listener.
    Dead,
    /// A socket with a listener, or one that cannot be checked.
    Live,
    /// Not a socket.
    Other,
}

fn inspect(path: &Path) -> io::Result<Found> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => return Ok(Found::Other),
        Ok(_) => {}
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A full accept queue means that there is a listener: do not wait.
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(Found::Dead),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Found::Nothing),
        _ => Ok(Found::Live),
    }
}

/// PostgreSQL's lock file: a file next to the socket with the process ID of its owner.
#[derive(Debug)]
pub struct LockFile {
    path: PathBuf,
}

/// The second line of a proxy's lock file; PostgreSQL writes its data directory there.
const PROXY: &str = "goaway-proxy";
/// The names of processes that write such lock files.
const OWNER_NAMES: [&str; 3] = ["postgres", "postmaster", PROXY];

impl LockFile {
    /// Creates the lock file of `socket`. With `replace`, it takes over the lock file of another running proxy.
    pub fn take(socket: &Path, replace: bool) -> Result<LockFile, String> {
        let mut path = socket.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let failed = |what: &str, error: &io::Error| {
            let (path, reason) = (path.display(), error_text(error));
            format!("could not {what} lock file \"{path}\": {reason}")
        };
        if let Err(error) = create(&path) {
            if error.kind() != ErrorKind::AlreadyExists {
                return Err(failed("create", &error));
            }
            let text = fs::read_to_string(&path).map_err(|error| failed("read", &error))?;
            let owner = Owner::read(&text);
            if owner.is_alive() && !(replace && owner.is_proxy) {
                return Err(format!(
                    "lock file \"{}\" already exists: process {} is using the socket",
                    path.display(),
                    owner.pid
                ));
            }
            // Rename the new file over the old one. The old proxy removes a lock file only if it is its own.
            let new = path.with_extension(format!("lock-{}", std::process::id()));
            let _ = fs::remove_file(&new);
            create(&new).map_err(|error| failed("create", &error))?;
            fs::rename(&new, &path).map_err(|error| failed("replace", &error))?;
        }
        Ok(LockFile { path })
    }

    /// Whether a running proxy owns the lock file of this socket.
    pub fn is_owned_by_proxy(socket: &Path) -> bool {
        let mut path = socket.as_os_str().to_owned();
        path.push(".lock");
        let text = fs::read_to_string(path).unwrap_or_default();
        let owner = Owner::read(&text);
        owner.is_proxy && owner.is_alive()
    }
}

fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{}\n{PROXY}", std::process::id())
}

impl Drop for LockFile {
    fn drop(&mut self) {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        if Owner::read(&text).pid == std::process::id() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The owner in a lock file; process 0 means no owner.
#[derive(Debug)]
struct Owner {
    pid: u32,
    is_proxy: bool,
}

impl Owner {
    fn read(text: &str) -> Owner {
        let mut lines = text.lines();
        // PostgreSQL's standalone backends write a negative number.
        let pid = lines
            .next()
            .unwrap_or_default()
            .trim()
            .trim_start_matches('-');
        Owner {
            pid: pid.parse().unwrap_or_default(),
            is_proxy: lines.next() == Some(PROXY),
        }
    }

    /// Whether the owner is running. A process with another name has only got the same ID later.
    fn is_alive(&self) -> bool {
        let name = |pid: &str| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm"));
            name.unwrap_or_default()
        };
        let found = name(&self.pid.to_string());
        let is_known = OWNER_NAMES.contains(&found.trim_end()) || found == name("self");
        !found.is_empty() && is_known && self.pid != std::process::id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_lock_file_is_parsed() {
        let own = format!("{}\n{PROXY}\n", std::process::id());
        let owner = Owner::read(&own);
        assert!(owner.is_proxy && !owner.is_alive());
        let server = Owner::read("-123\n/var/lib/postgresql\n5432\n");
        assert!(server.pid == 123 && !server.is_proxy);
        assert_eq!(Owner::read("").pid, 0);
        // Process 1 is neither PostgreSQL nor a proxy.
        assert!(!Owner::read("1\n").is_alive());
    }

    #[test]
    fn live_and_dead_sockets_and_other_files_are_distinguished() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        assert_eq!(inspect(&path).unwrap(), Found::Nothing);
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(inspect(&path).unwrap(), Found::Live);
        drop(listener);
        assert_eq!(inspect(&path).unwrap(), Found::Dead);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        assert_eq!(inspect(&path).unwrap(), Found::Other);
    }
}
