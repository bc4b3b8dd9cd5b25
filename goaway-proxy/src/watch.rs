//! Probes the server. A server that was up and now refuses sessions with 57P03 is shutting down.

use std::time::Duration;

use pq_protocol::backend::{Frame, frame};
use pq_protocol::codes::server;
use pq_protocol::fields::{ErrorFields, MESSAGE_PRIMARY, SQLSTATE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::address::error_text;
use crate::dial::Failure;
use crate::drain;
use crate::health::State;
use crate::messages::TERMINATE;
use crate::shared::Shared;
use crate::wire::Wire;

/// The most bytes that are read of a reply.
const MAX_REPLY: usize = 8192;
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);
const AUTHENTICATED: &[u8] = b"R\0\0\0\x08\0\0\0\0";

/// Probes the server every `interval`; never returns. When the server starts to shut down, sends GoAway to all clients.
pub async fn watch(shared: Shared, interval: Duration, user: String, spread: Duration) {
    let mut was_healthy = false;
    let mut warned = false;
    loop {
        let (state, trusts) = probe(&shared, &user).await;
        match state {
            State::Up => {
                if !was_healthy && !shared.is_draining() {
                    shared.set_tells_new_clients(false);
                }
                was_healthy = true;
            }
            State::ShuttingDown if was_healthy => {
                was_healthy = false;
                shared.set_tells_new_clients(true);
                tokio::spawn(drain::announce(shared.clone(), spread));
            }
            // It was not up before: it is not up yet.
            State::ShuttingDown => {}
            State::Starting(_) | State::Unreachable(_) | State::Unknown => was_healthy = false,
        }
        shared.set_health(state);
        if trusts && !std::mem::replace(&mut warned, true) {
            warn!(
                "the server lets user \"{user}\" in without a password: everyone who can connect to this proxy can log \
                 in as this user"
            );
        }
        tokio::select! {
            () = sleep(interval) => {}
            () = shared.server_refused.notified() => {}
        }
    }
}

/// Connects as `user`. Returns the server's state, and whether it accepted the user without a password.
async fn probe(shared: &Shared, user: &str) -> (State, bool) {
    let connecting = timeout(shared.startup_timeout, shared.dialer.connect(None));
    let failure = match connecting.await {
        Ok(Ok(connected)) => match timeout(REPLY_TIMEOUT, exchange(connected.wire, user)).await {
            Ok(Ok(reply)) => return (classify(&reply), reply.starts_with(AUTHENTICATED)),
            Ok(Err(error)) => error_text(&error),
            Err(_) => "the server does not answer".to_owned(),
        },
        Ok(Err(failure)) => failure.detail,
        Err(_) => Failure::timeout().detail,
    };
    (State::Unreachable(failure), false)
}

async fn exchange(mut server: Wire, user: &str) -> std::io::Result<Vec<u8>> {
    server.write_all(&startup(user)).await?;
    server.flush().await?;
    let reply = read_reply(&mut server).await?;
    // If the server asks for a password, close without a message: it would log any other answer as a failed login.
    if reply.starts_with(AUTHENTICATED) {
        server.write_all(TERMINATE).await?;
    }
    server.send_close_notify().await;
    Ok(reply)
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
    while matches!(frame(&reply), Frame::Incomplete { .. }) && reply.len() < MAX_REPLY {
        let mut some = [0; 1024];
        let count = server.read(&mut some).await?;
        if count == 0 {
            break;
        }
        reply.extend_from_slice(&some[..count]);
    }
    Ok(reply)
}

fn classify(reply: &[u8]) -> State {
    let invalid = || State::Unreachable("its answer is not a PostgreSQL message".to_owned());
    match frame(reply) {
        Frame::Message {
            kind: server::AUTHENTICATION,
            ..
        } => State::Up,
        Frame::Message {
            kind: server::ERROR_RESPONSE,
            body,
        } => match ErrorFields::parse(body) {
            None => invalid(),
            Some(fields) if fields.get(SQLSTATE) != Some(b"57P03") => State::Up,
            Some(fields) => {
                let text = fields.get(MESSAGE_PRIMARY).unwrap_or_default();
                let not_ready = ["starting up", "recovery", "not yet accepting"];
                let says = |words: &str| memchr::memmem::find(text, words.as_bytes()).is_some();
                let words = || String::from_utf8_lossy(text).into_owned();
                // The server may be another goaway-proxy, which cannot reach its own server.
                match (
                    says("could not connect"),
                    not_ready.iter().any(|words| says(words)),
                ) {
                    (true, _) => State::Unreachable(words()),
                    (_, true) => State::Starting(words()),
                    _ => State::ShuttingDown,
                }
            }
        },
        _ if reply.is_empty() => State::Unreachable("it closed the connection".to_owned()),
        _ => invalid(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{fatal, shutting_down};

    #[test]
    fn replies_show_the_servers_state() {
        assert_eq!(classify(b"R\0\0\0\x08\0\0\0\x0a"), State::Up);
        assert_eq!(classify(&fatal("28000", "no role")), State::Up);
        assert_eq!(classify(&shutting_down()), State::ShuttingDown);
        let text = "the database system is starting up";
        let starting = fatal("57P03", text);
        assert_eq!(classify(&starting), State::Starting(text.to_owned()));
        let text = "could not connect to the server behind the proxy: timeout expired";
        let lost = fatal("57P03", text);
        assert_eq!(classify(&lost), State::Unreachable(text.to_owned()));
        for nothing in [&b""[..], b"HTTP/1.1 400 Bad Request"] {
            assert!(matches!(classify(nothing), State::Unreachable(_)));
        }
    }
}
