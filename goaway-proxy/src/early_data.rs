//! Watches a client while the proxy connects to the server: stores what the client sends, and notices when it disconnects.

use std::future::pending;
use std::io::ErrorKind;

use tokio::io::AsyncReadExt;

use crate::wire::Wire;

/// The most bytes to store; the rest stays in the kernel's buffer.
const MAX_BYTES: usize = 16 * 1024;

/// What a client sent after its startup packet, before the proxy was connected to the server.
#[derive(Debug, Default)]
pub struct EarlyData {
    pub bytes: Vec<u8>,
    /// The client has closed its sending direction.
    pub at_eof: bool,
}

impl EarlyData {
    /// Reads from the client, and returns only when it has disconnected. An end of file without any bytes before it counts as
    /// a disconnect.
    pub async fn read_until_gone(&mut self, client: &mut Wire) {
        while self.bytes.len() < MAX_BYTES && !self.at_eof {
            match client.read_buf(&mut self.bytes).await {
                Ok(1..) => {}
                Err(error) if error.kind() != ErrorKind::UnexpectedEof => return,
                Ok(0) | Err(_) if self.bytes.is_empty() || client.is_gone() => return,
                Ok(0) | Err(_) => self.at_eof = true,
            }
        }
        pending().await
    }
}
