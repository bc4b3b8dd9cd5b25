//! Forwards cancel requests, with a limit on their number and a timeout.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::address::error_text;
use crate::dial::Dialer;
use crate::registry::{Registry, count};

/// The number of requests that are forwarded at the same time.
const MAX_CONCURRENT: usize = 64;
/// The number of further requests that wait. Beyond that, connections are closed at once.
const MAX_WAITING: usize = 1000;
/// The time to forward a request, including the wait.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The current cancel requests, and counters of the others.
#[derive(Debug)]
pub struct Cancels {
    permits: Semaphore,
    /// Waiting requests included.
    current: AtomicUsize,
    pub passed_on: AtomicU64,
    pub failed: AtomicU64,
    /// Requests above the limit.
    pub refused: AtomicU64,
}

impl Default for Cancels {
    fn default() -> Cancels {
        Cancels {
            permits: Semaphore::new(MAX_CONCURRENT),
            current: AtomicUsize::new(0),
            passed_on: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }
}

/// Decreases the counter when it is dropped.
struct CountGuard<'a>(&'a AtomicUsize);

impl Drop for CountGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Cancels {
    /// Forwards a cancel request, and waits until the server closes the connection.
    pub async fn forward(&self, packet: &[u8], dialer: &Dialer, registry: &Registry) {
        let before = self.current.fetch_add(1, Ordering::Relaxed);
        let _guard = CountGuard(&self.current);
        if before >= MAX_CONCURRENT + MAX_WAITING {
            count(&self.refused, 1);
            return debug!("refused a cancel request: too many at the same time");
        }
        let passed_on = async {
            let permit = self.permits.acquire().await;
            let _permit = permit.map_err(|error| error.to_string())?;
            // If the server's name has several addresses, use the one with the session.
            let address = process(packet).and_then(|pid| registry.server_of(pid));
            send(packet, dialer, address).await
        };
        match timeout(TIMEOUT, passed_on).await {
            Ok(Ok(())) => {
                count(&self.passed_on, 1);
                debug!("forwarded a cancel request");
            }
            Ok(Err(error)) => self.fail(&error),
            Err(_) => self.fail("timeout expired"),
        }
    }

    fn fail(&self, reason: &str) {
        count(&self.failed, 1);
        warn!("could not forward a cancel request to the server: {reason}");
    }
}

async fn send(packet: &[u8], dialer: &Dialer, address: Option<SocketAddr>) -> Result<(), String> {
    let connected = dialer.connect(address).await;
    let mut server = connected.map_err(|failure| failure.detail)?.wire;
    let exchange = async {
        server.write_all(packet).await?;
        server.flush().await?;
        // The server has the request even if it resets the connection.
        let _ = server.read(&mut [0; 1]).await;
        std::io::Result::Ok(())
    };
    exchange.await.map_err(|error| error_text(&error))
}

/// The process ID in the request.
fn process(packet: &[u8]) -> Option<i32> {
    let pid = packet.get(8..12)?;
    Some(i32::from_be_bytes(pid.try_into().ok()?))
}
