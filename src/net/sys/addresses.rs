//! Name resolution with the C library.

use std::ffi::{CString, c_int};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::{mem, ptr};

use super::copy_of;

/// The stream addresses of `host` (None: loopback), in the resolver's order; `Err` is an `EAI_` code.
pub fn getaddrinfo(
    host: Option<&[u8]>,
    port: u16,
    numeric: bool,
) -> Result<Vec<SocketAddr>, c_int> {
    let host = host.map(CString::new).transpose();
    let host = host.map_err(|_| libc::EAI_NONAME)?;
    let service = CString::new(port.to_string()).map_err(|_| libc::EAI_SERVICE)?;
    // SAFETY: addrinfo is a plain C struct for which all zeros are "no hints".
    let mut hints: libc::addrinfo = unsafe { mem::zeroed() };
    hints.ai_family = libc::AF_UNSPEC;
    hints.ai_socktype = libc::SOCK_STREAM;
    hints.ai_flags = if numeric { libc::AI_NUMERICHOST } else { 0 };
    let node = host.as_ref().map_or(ptr::null(), |host| host.as_ptr());
    let mut list = ptr::null_mut();
    // SAFETY: `node` is NULL or a C string, `service` a C string, `list` a place for the result.
    let rc = unsafe { libc::getaddrinfo(node, service.as_ptr(), &hints, &mut list) };
    if rc != 0 {
        return Err(rc);
    }
    // SAFETY: getaddrinfo succeeded, so `list` is a valid list that nobody else owns.
    Ok(unsafe { take_addresses(list) })
}

/// Copies the IPv4 and IPv6 addresses of `list` and frees it.
///
/// # Safety
/// `list` came from `getaddrinfo` and is not used again.
unsafe fn take_addresses(list: *mut libc::addrinfo) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    // SAFETY: NULL or a valid node, by the caller's promise.
    let mut next = unsafe { list.as_ref() };
    while let Some(node) = next {
        // SAFETY: the node's address is NULL or as its length says.
        addresses.extend(unsafe { socket_address(node.ai_addr, node.ai_addrlen) });
        // SAFETY: NULL or the list's next valid node.
        next = unsafe { node.ai_next.as_ref() };
    }
    // SAFETY: the list came from getaddrinfo and no reference into it is left.
    unsafe { libc::freeaddrinfo(list) };
    addresses
}

/// An Internet address as a Rust type; None for other families.
///
/// # Safety
/// `address` is NULL or points to `length` readable bytes.
unsafe fn socket_address(
    address: *const libc::sockaddr,
    length: libc::socklen_t,
) -> Option<SocketAddr> {
    let length = length as usize;
    if address.is_null() || length < mem::size_of::<libc::sockaddr>() {
        return None;
    }
    // SAFETY: at least a sockaddr is readable.
    match c_int::from(unsafe { (*address).sa_family }) {
        libc::AF_INET if length >= mem::size_of::<libc::sockaddr_in>() => {
            // SAFETY: the length suffices for an IPv4 address; unaligned reads need no more.
            let v4 = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 if length >= mem::size_of::<libc::sockaddr_in6>() => {
            // SAFETY: the length suffices for an IPv6 address; unaligned reads need no more.
            let v6 = unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
            let (ip, port) = (
                Ipv6Addr::from(v6.sin6_addr.s6_addr),
                u16::from_be(v6.sin6_port),
            );
            Some(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// The C library's text for an `EAI_` code.
pub fn gai_strerror(code: c_int) -> Vec<u8> {
    // SAFETY: gai_strerror takes any code and answers a static C string.
    unsafe { copy_of(libc::gai_strerror(code)) }.unwrap_or_default()
}
