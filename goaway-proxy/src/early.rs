//! A client while the proxy connects to the server: what it sends meanwhile, and whether it is still there.

use std::future::pending;
use std::io::ErrorKind;

use tokio::io::AsyncReadExt;

use crate::wire::Wire;

/// More than this is left with the system until it can be passed on.
const MOST: usize = 16 * 1024;

/// What a client sent before there was a server to send it to.
#[derive(Debug, Default)]
pub struct Early {
    pub bytes: Vec<u8>,
    /// It has ended its sending.
    pub is_over: bool,
}

impl Early {
    /// Reads what comes, and returns when the client has gone: who closes and has said nothing wants nothing.
    pub async fn until_gone(&mut self, client: &mut Wire) {
        while self.bytes.len() < MOST && !self.is_over {
            match client.read_buf(&mut self.bytes).await {
                Ok(1..) => {}
                Err(error) if error.kind() != ErrorKind::UnexpectedEof => return,
                Ok(0) | Err(_) if self.bytes.is_empty() || client.is_gone() => return,
                Ok(0) | Err(_) => self.is_over = true,
            }
        }
        pending().await
    }
}
