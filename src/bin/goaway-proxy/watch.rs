//! Watching the server: one that was healthy and now refuses sessions is shutting down.

use std::time::Duration;

use pq::protocol::backend::{Frame, frame};
use pq::protocol::fields::ErrorFields;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::drain;
use crate::messages::TERMINATE;
use crate::shared::Shared;
use crate::wire::Wire;

/// A reply as long as this says enough.
const ENOUGH: usize = 8192;
const PATIENCE: Duration = Duration::from_secs(5);
const AUTHENTICATED: &[u8] = b"R\0\0\0\x08\0\0\0\0";

/// What a try to connect says about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Healthy,
    ShuttingDown,
    /// Starting, or not there.
    Away,
}

/// Watches for ever.
pub async fn watch(shared: Shared, interval: Duration, user: String, spread: Duration) {
    let mut was_healthy = false;
    loop {
        tokio::select! {
            () = sleep(interval) => {}
            () = shared.server_refused.notified() => {}
        }
        match ask(&shared, &user).await {
            Health::Healthy => {
                if !was_healthy && !shared.is_draining() {
                    info!(server = %shared.server, "the server is there");
                    shared.set_told_to_leave(false);
                }
                was_healthy = true;
            }
            Health::ShuttingDown if was_healthy => {
                was_healthy = false;
                warn!(server = %shared.server, "the server is shutting down");
                shared.set_told_to_leave(true);
                tokio::spawn(drain::announce(shared.clone(), spread));
            }
            Health::ShuttingDown => {}
            Health::Away => was_healthy = false,
        }
    }
}

async fn ask(shared: &Shared, user: &str) -> Health {
    let reply = async {
        let mut server = shared.connect().await?;
        server.write_all(&startup(user)).await?;
        server.flush().await?;
        let reply = read_reply(&mut server).await?;
        // Where a password is asked for, the server logs anything but silence.
        if reply.starts_with(AUTHENTICATED) {
            server.write_all(TERMINATE).await?;
        }
        server.say_goodbye().await;
        std::io::Result::Ok(reply)
    };
    match timeout(PATIENCE, reply).await {
        Ok(Ok(reply)) => judge(&reply),
        _ => Health::Away,
    }
}

fn startup(user: &str) -> Vec<u8> {
    let pairs = format!("user\0{user}\0database\0postgres\0application_name\0goaway-proxy\0\0");
    let length = pairs.len() as u32 + 8;
    [
        &length.to_be_bytes()[..],
        &0x0003_0000_u32.to_be_bytes(),
        pairs.as_bytes(),
    ]
    .concat()
}

async fn read_reply(server: &mut Wire) -> std::io::Result<Vec<u8>> {
    let mut reply = Vec::new();
    while matches!(frame(&reply), Frame::Incomplete { .. }) && reply.len() < ENOUGH {
        let mut some = [0; 1024];
        let count = server.read(&mut some).await?;
        if count == 0 {
            break;
        }
        reply.extend_from_slice(&some[..count]);
    }
    Ok(reply)
}

fn judge(reply: &[u8]) -> Health {
    match frame(reply) {
        Frame::Message { kind: b'R', .. } => Health::Healthy,
        Frame::Message { kind: b'E', body } => match ErrorFields::parse(body) {
            None => Health::Away,
            Some(fields) if fields.get(b'C') != Some(b"57P03") => Health::Healthy,
            Some(fields) => {
                let text = fields.get(b'M').unwrap_or_default();
                let starts = ["starting up", "recovery", "not yet accepting"];
                let says = |words: &str| memchr::memmem::find(text, words.as_bytes()).is_some();
                match starts.iter().any(|words| says(words)) {
                    true => Health::Away,
                    false => Health::ShuttingDown,
                }
            }
        },
        _ => Health::Away,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{fatal, shutting_down};

    #[test]
    fn replies_are_judged() {
        assert_eq!(judge(b"R\0\0\0\x08\0\0\0\x0a"), Health::Healthy);
        assert_eq!(judge(&fatal("28000", "no role")), Health::Healthy);
        assert_eq!(judge(&shutting_down()), Health::ShuttingDown);
        let starting = fatal("57P03", "the database system is starting up");
        assert_eq!(judge(&starting), Health::Away);
        assert_eq!(judge(b""), Health::Away);
        assert_eq!(judge(b"HTTP/1.1 400 Bad Request"), Health::Away);
    }
}
