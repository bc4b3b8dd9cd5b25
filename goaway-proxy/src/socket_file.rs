//! The files of Unix sockets: a place that another process has is not taken from it.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixListener;

use crate::address::words;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// The file of a Unix socket, removed with its listener unless another has taken its place.
#[derive(Debug)]
pub struct SocketFile {
    pub path: PathBuf,
    inode: u64,
    /// Goes after it.
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

    pub fn guarded_by(mut self, lock: LockFile) -> SocketFile {
        self._lock = Some(lock);
        self
    }

    pub fn remove(&self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|file| file.ino() == self.inode) {
            // What cannot be removed is a dead socket, which the next one to listen replaces.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Listens at `path`. A dead socket is replaced, a live one if it `may_replace` it, and nothing else.
pub fn listen(
    path: &Path,
    mode: u32,
    may_replace: impl FnOnce() -> bool,
) -> Result<(UnixListener, SocketFile), String> {
    let failed = |error: io::Error| words(&error);
    check(path, may_replace)?;
    // Made beside its place and then moved there, so that no connect falls into a gap.
    let new = path.with_extension(format!("new-{}", std::process::id()));
    if let Found::Dead = look(&new).map_err(failed)? {
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

/// Err when what is at `path` is not to be replaced.
pub fn check(path: &Path, may_replace: impl FnOnce() -> bool) -> Result<(), String> {
    match look(path).map_err(|error| words(&error))? {
        Found::Nothing | Found::Dead => Ok(()),
        Found::Other => Err("there is a file that is not a socket".to_owned()),
        Found::Live if may_replace() => Ok(()),
        Found::Live => Err("another process listens there".to_owned()),
    }
}

/// Nobody can connect before the mode is right.
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

/// What is at a place where a socket is to be.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// A socket that nobody listens at.
    Dead,
    /// One that somebody listens at, or that cannot be tried.
    Live,
    /// No socket.
    Other,
}

fn look(path: &Path) -> io::Result<Found> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => return Ok(Found::Other),
        Ok(_) => {}
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Where the queue is full somebody listens, and this is not to wait for him.
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(Found::Dead),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Found::Nothing),
        _ => Ok(Found::Live),
    }
}

/// PostgreSQL's guard of a socket: a file beside it that names the process whose it is.
#[derive(Debug)]
pub struct LockFile {
    path: PathBuf,
}

/// The second line of a proxy's; PostgreSQL has its data directory there.
const PROXY: &str = "goaway-proxy";
/// What a process that has such a lock calls itself.
const OWNERS: [&str; 3] = ["postgres", "postmaster", PROXY];

impl LockFile {
    /// That of the socket at `socket`. `replace`: if it is another proxy's it is taken over.
    pub fn take(socket: &Path, replace: bool) -> Result<LockFile, String> {
        let mut path = socket.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let failed = |what: &str, error: &io::Error| {
            let (path, words) = (path.display(), words(error));
            format!("could not {what} lock file \"{path}\": {words}")
        };
        if let Err(error) = create(&path) {
            if error.kind() != ErrorKind::AlreadyExists {
                return Err(failed("create", &error));
            }
            let text = fs::read_to_string(&path).map_err(|error| failed("read", &error))?;
            let owner = Owner::read(&text);
            if owner.is_alive() && !(replace && owner.is_proxy) {
                return Err(format!(
                    "lock file \"{}\" already exists: process {} has that socket",
                    path.display(),
                    owner.pid
                ));
            }
            // In its place at once: a proxy that is to go removes only its own.
            let new = path.with_extension(format!("lock-{}", std::process::id()));
            let _ = fs::remove_file(&new);
            create(&new).map_err(|error| failed("create", &error))?;
            fs::rename(&new, &path).map_err(|error| failed("replace", &error))?;
        }
        Ok(LockFile { path })
    }

    /// Whether the lock of this socket is a living proxy's.
    pub fn is_a_proxys(socket: &Path) -> bool {
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

/// Whom a lock file names; process 0 is nobody.
#[derive(Debug)]
struct Owner {
    pid: u32,
    is_proxy: bool,
}

impl Owner {
    fn read(text: &str) -> Owner {
        let mut lines = text.lines();
        // PostgreSQL's standalone backends write theirs negative.
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

    /// Whether it runs still, and not another process that has its number by now.
    fn is_alive(&self) -> bool {
        let name = |pid: &str| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm"));
            name.unwrap_or_default()
        };
        let found = name(&self.pid.to_string());
        let is_known = OWNERS.contains(&found.trim_end()) || found == name("self");
        !found.is_empty() && is_known && self.pid != std::process::id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_read() {
        let own = format!("{}\n{PROXY}\n", std::process::id());
        let owner = Owner::read(&own);
        assert!(owner.is_proxy && !owner.is_alive());
        let server = Owner::read("-123\n/var/lib/postgresql\n5432\n");
        assert!(server.pid == 123 && !server.is_proxy);
        assert_eq!(Owner::read("").pid, 0);
        // Process 1 is neither.
        assert!(!Owner::read("1\n").is_alive());
    }

    #[test]
    fn places_are_looked_at() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        assert_eq!(look(&path).unwrap(), Found::Nothing);
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(look(&path).unwrap(), Found::Live);
        drop(listener);
        assert_eq!(look(&path).unwrap(), Found::Dead);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        assert_eq!(look(&path).unwrap(), Found::Other);
    }
}
