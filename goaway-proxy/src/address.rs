//! The addresses of listeners, servers and clients.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// An address in `--listen`: `HOST:PORT`, `[IPv6]:PORT`, or a directory for a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    Tcp(String, u16),
    /// The directory; `--port` gives the port in the socket's name.
    Unix(PathBuf),
}

/// The address in `--server`: `HOST:PORT`, `[IPv6]:PORT`, or `DIRECTORY:PORT` for its Unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    Tcp(String, u16),
    Unix(PathBuf),
}

/// The address of one listener, with host names resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A client's address as the log and the status show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Tcp(SocketAddr),
    Unix,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Tcp(address) => address.fmt(f),
            // As PostgreSQL writes it.
            Peer::Unix => f.write_str("[local]"),
        }
    }
}

/// The text of an error without the error number that Rust appends, and the address of documentation that rustls does.
pub fn error_text(error: &io::Error) -> String {
    let text = error.to_string();
    let ends = [" (os error ", ": https://"];
    let end = ends.into_iter().filter_map(|end| text.rfind(end)).min();
    text[..end.unwrap_or(text.len())].to_owned()
}

/// The path of the Unix socket in `directory` that PostgreSQL's clients use for `port`.
pub fn socket_path(directory: &Path, port: u16) -> PathBuf {
    directory.join(format!(".s.PGSQL.{port}"))
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Listen, String> {
        if text.starts_with('/') {
            return Ok(Listen::Unix(text.into()));
        }
        host_and_port(text).map(|(host, port)| Listen::Tcp(host, port))
    }
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Server, String> {
        let (host, port) = host_and_port(text)?;
        Ok(match host.starts_with('/') {
            true => Server::Unix(socket_path(Path::new(&host), port)),
            false => Server::Tcp(host, port),
        })
    }
}

fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let wrong = || format!("\"{text}\" is not HOST:PORT");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').ok_or_else(wrong)?,
        None if host.contains(':') => return Err(wrong()),
        None => host,
    };
    if host.is_empty() {
        return Err(wrong());
    }
    Ok((host.to_owned(), port))
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Listen::Tcp(host, port) => write!(f, "{host}:{port}"),
            Listen::Unix(directory) => write!(f, "{}", directory.display()),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Server::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Server::Tcp(host, port) => write!(f, "{host}:{port}"),
            Server::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_texts_have_words_only() {
        let refused = io::Error::from_raw_os_error(111);
        assert_eq!(error_text(&refused), "Connection refused");
        let cut = "peer closed connection without sending TLS close_notify: https://docs.rs/rustls";
        let words = "peer closed connection without sending TLS close_notify";
        assert_eq!(error_text(&io::Error::other(cut)), words);
    }

    #[test]
    fn addresses_are_parsed_and_printed() {
        assert_eq!("h:1".parse(), Ok(Listen::Tcp("h".to_owned(), 1)));
        assert_eq!("[::1]:0".parse(), Ok(Listen::Tcp("::1".to_owned(), 0)));
        assert_eq!("/run/pg".parse(), Ok(Listen::Unix("/run/pg".into())));
        assert_eq!("[::1]:0".parse::<Listen>().unwrap().to_string(), "[::1]:0");
        let unix = "/run/pg:5433".parse::<Server>().unwrap();
        assert_eq!(unix, Server::Unix("/run/pg/.s.PGSQL.5433".into()));
        assert_eq!("[::1]:5".parse::<Server>().unwrap().to_string(), "[::1]:5");
        let refused = io::Error::from_raw_os_error(111);
        assert_eq!(error_text(&refused), "Connection refused");
        for bad in ["h", "h:", ":1", "h:65536", "::1:5", "[::1:5"] {
            assert!(bad.parse::<Listen>().is_err(), "{bad}");
        }
    }
}
