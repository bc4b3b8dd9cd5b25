//! Passing cancel requests on: so many at a time, and none for ever.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::address::words;
use crate::dial::Dialer;
use crate::registry::{Registry, count};

/// So many are passed on at a time.
const AT_ONCE: usize = 64;
/// So many more wait for that; whoever comes then is closed at once.
const WAITING: usize = 1000;
/// A request that is not passed on by then is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The cancel requests under way, and what became of the others.
#[derive(Debug)]
pub struct Cancels {
    places: Semaphore,
    here: AtomicUsize,
    pub passed_on: AtomicU64,
    pub failed: AtomicU64,
    /// Too many were here already.
    pub refused: AtomicU64,
}

impl Default for Cancels {
    fn default() -> Cancels {
        Cancels {
            places: Semaphore::new(AT_ONCE),
            here: AtomicUsize::new(0),
            passed_on: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }
}

/// Counts one that is here.
struct Here<'a>(&'a AtomicUsize);

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Cancels {
    /// Passes a cancel request on; the server's closing is its answer.
    pub async fn pass_on(&self, packet: &[u8], dialer: &Dialer, registry: &Registry) {
        let before = self.here.fetch_add(1, Ordering::Relaxed);
        let _here = Here(&self.here);
        if before >= AT_ONCE + WAITING {
            count(&self.refused, 1);
            return debug!("too many cancel requests at once");
        }
        let passed_on = async {
            let place = self.places.acquire().await;
            let _place = place.map_err(|error| error.to_string())?;
            // The server that has the session, where a name stands for several.
            let address = process(packet).and_then(|pid| registry.server_of(pid));
            send(packet, dialer, address).await
        };
        match timeout(PATIENCE, passed_on).await {
            Ok(Ok(())) => {
                count(&self.passed_on, 1);
                debug!("passed a cancel request on");
            }
            Ok(Err(error)) => self.fail(&error),
            Err(_) => self.fail("timeout expired"),
        }
    }

    fn fail(&self, reason: &str) {
        count(&self.failed, 1);
        warn!("could not pass a cancel request on: {reason}");
    }
}

async fn send(packet: &[u8], dialer: &Dialer, address: Option<SocketAddr>) -> Result<(), String> {
    let connected = dialer.connect(address).await;
    let mut server = connected.map_err(|failure| failure.detail)?.wire;
    let exchange = async {
        server.write_all(packet).await?;
        server.flush().await?;
        // A server that resets the connection has taken the request too.
        let _ = server.read(&mut [0; 1]).await;
        std::io::Result::Ok(())
    };
    exchange.await.map_err(|error| words(&error))
}

/// The process that the request names.
fn process(packet: &[u8]) -> Option<i32> {
    let pid = packet.get(8..12)?;
    Some(i32::from_be_bytes(pid.try_into().ok()?))
}
