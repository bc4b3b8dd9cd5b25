//! Watching the server: one that was healthy and now refuses sessions is shutting down.

use std::time::Duration;

use pq_protocol::backend::{Frame, frame};
use pq_protocol::codes::server;
use pq_protocol::fields::{ErrorFields, MESSAGE_PRIMARY, SQLSTATE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::address::words;
use crate::dial::Failure;
use crate::drain;
use crate::health::State;
use crate::messages::TERMINATE;
use crate::shared::Shared;
use crate::wire::Wire;

/// A reply as long as this says enough.
const ENOUGH: usize = 8192;
const PATIENCE: Duration = Duration::from_secs(5);
const AUTHENTICATED: &[u8] = b"R\0\0\0\x08\0\0\0\0";

/// Watches for ever.
pub async fn watch(shared: Shared, interval: Duration, user: String, spread: Duration) {
    let mut was_healthy = false;
    let mut warned = false;
    loop {
        let (state, trusts) = ask(&shared, &user).await;
        match state {
            State::Up => {
                if !was_healthy && !shared.is_draining() {
                    shared.set_told_to_leave(false);
                }
                was_healthy = true;
            }
            State::ShuttingDown if was_healthy => {
                was_healthy = false;
                shared.set_told_to_leave(true);
                tokio::spawn(drain::announce(shared.clone(), spread));
            }
            // As one who waits for it sees it, it is only not there yet.
            State::ShuttingDown => {}
            State::Starting(_) | State::Unreachable(_) | State::Unknown => was_healthy = false,
        }
        shared.set_health(state);
        if trusts && !std::mem::replace(&mut warned, true) {
            warn!(
                "the server lets user \"{user}\" in from here without a password: so it does everybody who can \
                 connect to this proxy"
            );
        }
        tokio::select! {
            () = sleep(interval) => {}
            () = shared.server_refused.notified() => {}
        }
    }
}

/// What a try to connect says about the server, and whether it needed no password.
async fn ask(shared: &Shared, user: &str) -> (State, bool) {
    let connecting = timeout(shared.startup_timeout, shared.dialer.connect(None));
    let failure = match connecting.await {
        Ok(Ok(connected)) => match timeout(PATIENCE, exchange(connected.wire, user)).await {
            Ok(Ok(reply)) => return (judge(&reply), reply.starts_with(AUTHENTICATED)),
            Ok(Err(error)) => words(&error),
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
    // Where a password is asked for, the server logs anything but silence.
    if reply.starts_with(AUTHENTICATED) {
        server.write_all(TERMINATE).await?;
    }
    server.say_goodbye().await;
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

fn judge(reply: &[u8]) -> State {
    let nonsense = || State::Unreachable("its answer is not PostgreSQL's".to_owned());
    match frame(reply) {
        Frame::Message {
            kind: server::AUTHENTICATION,
            ..
        } => State::Up,
        Frame::Message {
            kind: server::ERROR_RESPONSE,
            body,
        } => match ErrorFields::parse(body) {
            None => nonsense(),
            Some(fields) if fields.get(SQLSTATE) != Some(b"57P03") => State::Up,
            Some(fields) => {
                let text = fields.get(MESSAGE_PRIMARY).unwrap_or_default();
                let starts = ["starting up", "recovery", "not yet accepting"];
                let says = |words: &str| memchr::memmem::find(text, words.as_bytes()).is_some();
                let words = || String::from_utf8_lossy(text).into_owned();
                // A proxy that has no server says so.
                match (
                    says("could not connect"),
                    starts.iter().any(|words| says(words)),
                ) {
                    (true, _) => State::Unreachable(words()),
                    (_, true) => State::Starting(words()),
                    _ => State::ShuttingDown,
                }
            }
        },
        _ if reply.is_empty() => State::Unreachable("it closed the connection".to_owned()),
        _ => nonsense(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{fatal, shutting_down};

    #[test]
    fn replies_are_judged() {
        assert_eq!(judge(b"R\0\0\0\x08\0\0\0\x0a"), State::Up);
        assert_eq!(judge(&fatal("28000", "no role")), State::Up);
        assert_eq!(judge(&shutting_down()), State::ShuttingDown);
        let text = "the database system is starting up";
        let starting = fatal("57P03", text);
        assert_eq!(judge(&starting), State::Starting(text.to_owned()));
        let text = "could not connect to the server behind the proxy: timeout expired";
        let lost = fatal("57P03", text);
        assert_eq!(judge(&lost), State::Unreachable(text.to_owned()));
        for nothing in [&b""[..], b"HTTP/1.1 400 Bad Request"] {
            assert!(matches!(judge(nothing), State::Unreachable(_)));
        }
    }
}
