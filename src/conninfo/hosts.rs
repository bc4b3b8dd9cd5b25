//! The host list: `host`, `hostaddr` and `port` are comma-separated lists of corresponding elements.

use super::options::{Opt, Options};
use super::params::{Host, HostKind};
use crate::mem::error_text::ErrorText;
use crate::mem::{OutOfMemory, reserve};

/// The directory of Unix sockets that is used when no host is given (Debian's).
pub const DEFAULT_SOCKET_DIR: &[u8] = b"/var/run/postgresql";
/// The port of a host for which none is given.
pub const DEFAULT_PORT: &[u8] = b"5432";

/// The hosts in `options`, at least one, in the given order and without passwords.
pub fn list(options: &Options) -> Result<Vec<Host>, ErrorText> {
    let names = elements(options.non_empty(Opt::Host))?;
    let addresses = elements(options.non_empty(Opt::HostAddr))?;
    let count = match addresses.len() {
        0 => names.len().max(1),
        addresses => addresses,
    };
    if !names.is_empty() && names.len() != count {
        let (names, what) = (names.len(), "hostaddr values");
        return Err(format!("could not match {names} host names to {count} {what}").into());
    }
    let ports = elements(options.non_empty(Opt::Port))?;
    if ports.len() > 1 && ports.len() != count {
        let ports = ports.len();
        return Err(format!("could not match {ports} port numbers to {count} hosts").into());
    }
    let host = |at: usize| {
        let port = ports.get(at).or(ports.first());
        host(names.get(at), addresses.get(at), port)
    };
    let mut hosts = Vec::new();
    hosts.try_reserve_exact(count).map_err(|_| OutOfMemory)?;
    for at in 0..count {
        if !reserve::is_ready() {
            return Err(OutOfMemory.into());
        }
        hosts.push(host(at));
    }
    Ok(hosts)
}

/// The first host in `options`, even if the lists have different lengths.
pub fn first(options: &Options) -> Host {
    let [name, address, port] =
        [Opt::Host, Opt::HostAddr, Opt::Port].map(|opt| split(options.non_empty(opt)).next());
    host(name.as_ref(), address.as_ref(), port.as_ref())
}

fn elements(list: Option<&[u8]>) -> Result<Vec<&[u8]>, OutOfMemory> {
    let mut elements = Vec::new();
    for element in split(list) {
        elements.try_reserve(1)?;
        elements.push(element);
    }
    Ok(elements)
}

fn split(list: Option<&[u8]>) -> impl Iterator<Item = &[u8]> {
    let split = list.map(|list| list.split(|&byte| byte == b','));
    split.into_iter().flatten()
}

fn host(name: Option<&&[u8]>, address: Option<&&[u8]>, port: Option<&&[u8]>) -> Host {
    let owned = |text: &&[u8]| text.to_vec();
    let has_address = address.is_some_and(|address| !address.is_empty());
    let name = match name {
        Some(name) if !name.is_empty() => Some(name.to_vec()),
        name if has_address => name.map(owned),
        _ => Some(DEFAULT_SOCKET_DIR.to_vec()),
    };
    Host {
        kind: kind(name.as_deref(), has_address),
        host: name,
        hostaddr: address.map(owned),
        port: port.map(owned),
        password: None,
    }
}

fn kind(name: Option<&[u8]>, has_address: bool) -> HostKind {
    match name {
        _ if has_address => HostKind::Address,
        Some([b'/' | b'@', ..]) => HostKind::Unix,
        _ => HostKind::Name,
    }
}

#[cfg(test)]
mod tests;
