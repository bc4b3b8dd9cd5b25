//! PQsetClientEncoding.

use std::ffi::{c_char, c_int};

use super::clear::PQclear;
use super::conn::pg_conn;
use super::exec::PQexec;
use super::{guard, ptr};
use crate::client::{ConnStatus, env};
use crate::result::status::Status;

/// libpq: the maximum size of the command, including its NUL byte.
const COMMAND_SIZE: usize = 128;

/// Sets the client encoding and blocks until the server has confirmed it. Returns 0, or -1 for an
/// error. Returns -1 without a request to the server if the connection is bad or NULL, or if the
/// name is NULL or longer than 100 bytes.
///
/// "auto" selects the encoding of the process's locale. The name is sent without escaping.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `encoding` NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsetClientEncoding(
    conn: *mut pg_conn,
    encoding: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    let (connected, name) = unsafe { (ptr::shared(conn), ptr::text(encoding)) };
    let connected = connected.is_some_and(|conn| conn.client.status() == ConnStatus::Ok);
    let Some(command) = name.filter(|_| connected).and_then(command) else {
        return -1;
    };
    // SAFETY: the caller's promise; the command is a C string.
    unsafe {
        let result = PQexec(conn, command.as_ptr().cast());
        let done = !result.is_null() && (*result).status() == Status::CommandOk;
        PQclear(result);
        if done { 0 } else { -1 }
    }
}

/// The command with its NUL byte; None if it is too long. It is on the stack because the notice receiver may longjmp while
/// the command runs.
fn command(name: &[u8]) -> Option<[u8; COMMAND_SIZE]> {
    let name = match name {
        b"auto" => guard::guard(&b""[..], env::client_encoding_of_locale),
        _ => name,
    };
    let mut command = [0; COMMAND_SIZE];
    let parts = [b"set client_encoding to '", name, b"'"];
    // libpq: counts the format's `%s` too.
    let needed = parts.iter().map(|part| part.len()).sum::<usize>() + "%s\0".len();
    if needed > COMMAND_SIZE {
        return None;
    }
    let text = parts.into_iter().flatten();
    command
        .iter_mut()
        .zip(text)
        .for_each(|(to, from)| *to = *from);
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_have_100_bytes() {
        let text = command(&[b'x'; 100]).unwrap();
        assert!(text.starts_with(b"set client_encoding to 'xx"));
        assert_eq!(text[124], b'\'');
        assert_eq!(text[125], 0);
        assert!(command(&[b'x'; 101]).is_none());
    }

    #[test]
    fn auto_selects_the_encoding_of_the_locale() {
        assert!(
            !command(b"auto")
                .unwrap()
                .starts_with(b"set client_encoding to 'auto'")
        );
    }
}
