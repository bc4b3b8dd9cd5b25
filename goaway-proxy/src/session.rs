//! A connection from its first byte: what the client wants, a connection to the server, and the relaying.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tracing::{debug, info, warn};

use crate::address::{Peer, words};
use crate::dial::{Connected, Failure};
use crate::early::Early;
use crate::frames::Edits;
use crate::messages;
use crate::orders::Command;
use crate::registry::{About, Activity, Beginning};
use crate::relay::{End, Relay};
use crate::shared::Shared;
use crate::startup::{self, Opening, Startup};
use crate::wire::Wire;

/// Serves one client to its end.
pub fn serve(shared: Shared, client: Wire, peer: Peer) -> impl Future<Output = ()> {
    // From now on, not from when the task first runs.
    let beginning = shared.registry.begin();
    async move {
        match timeout(shared.startup_timeout, opening(&shared, client)).await {
            Err(_) => debug!(client = %peer, "a client said nothing"),
            Ok(Err(error)) => {
                let words = words(&error);
                debug!(client = %peer, "a client went away before it began: {words}");
            }
            Ok(Ok((mut client, Opening::Cancel(packet)))) => {
                let cancels = &shared.cancels;
                cancels
                    .pass_on(&packet, &shared.dialer, &shared.registry)
                    .await;
                client.say_goodbye().await;
            }
            Ok(Ok((client, Opening::Session(startup)))) => {
                session(&shared, client, peer, startup, beginning).await
            }
            Ok(Ok((_, Opening::TlsRequest | Opening::GssRequest))) => {}
        }
    }
}

/// Reads up to a startup packet or a cancel request, answering requests for encryption on the way.
async fn opening(shared: &Shared, client: Wire) -> io::Result<(Wire, Opening)> {
    let mut client = shared.begin(client).await?;
    // Inside TLS nothing more can be asked for.
    let (mut tls, mut gss) = (client.is_encrypted(), client.is_encrypted());
    loop {
        let mut head = [0; 4];
        client.read_exact(&mut head).await?;
        let Some(length) = startup::length(head) else {
            return refuse(&mut client, "invalid length of startup packet").await;
        };
        let mut packet = vec![0; length];
        packet[..4].copy_from_slice(&head);
        client.read_exact(&mut packet[4..]).await?;
        match startup::read(&packet) {
            Ok(Opening::TlsRequest) if !tls => {
                tls = true;
                client = shared.answer_tls_request(client).await?;
                gss |= client.is_encrypted();
            }
            Ok(Opening::GssRequest) if !gss => {
                gss = true;
                client.write_all(b"N").await?;
            }
            Ok(Opening::TlsRequest | Opening::GssRequest) => {
                return refuse(&mut client, "unsupported frontend protocol").await;
            }
            Ok(opening) => return Ok((client, opening)),
            Err(reason) => return refuse(&mut client, reason).await,
        }
    }
}

async fn refuse<T>(client: &mut Wire, reason: &str) -> io::Result<T> {
    say(client, &messages::fatal("08P01", reason)).await;
    Err(io::Error::new(io::ErrorKind::InvalidData, reason))
}

/// A last word, which nobody waits for longer than a moment.
async fn say(client: &mut Wire, message: &[u8]) {
    let word = async {
        client.write_all(message).await?;
        client.shutdown().await
    };
    // The client may be gone already.
    let _ = timeout(Duration::from_secs(1), word).await;
}

/// Connects to the server while the client waits for it; None when the client has gone.
async fn connect(
    shared: &Shared,
    client: &mut Wire,
    early: &mut Early,
) -> Option<Result<Connected, Failure>> {
    let connected = async {
        let connected = timeout(shared.startup_timeout, shared.dialer.connect(None)).await;
        connected.unwrap_or_else(|_| Err(Failure::timeout()))
    };
    tokio::select! {
        biased;
        connected = connected => Some(connected),
        () = early.until_gone(client) => None,
    }
}

async fn session(
    shared: &Shared,
    mut client: Wire,
    peer: Peer,
    startup: Startup,
    beginning: Beginning,
) {
    if shared.refuses() {
        return say(&mut client, &messages::shutting_down()).await;
    }
    let (user, database) = (startup.user, startup.database);
    let mut early = Early::default();
    let Connected { wire, address } = match connect(shared, &mut client, &mut early).await {
        Some(Ok(connected)) => connected,
        Some(Err(failure)) => {
            let detail = &failure.detail;
            warn!(client = %peer, %user, %database, "could not connect to the server: {detail}");
            shared.note_connect(Some(detail));
            // Of all refusals only this one sends a client of several hosts to the next.
            let reason = failure.reason;
            let text = format!("could not connect to the server behind the proxy: {reason}");
            return say(&mut client, &messages::fatal("57P03", &text)).await;
        }
        None => {
            return info!(client = %peer, %user, %database, "a client has left before the server was reached");
        }
    };
    shared.note_connect(None);
    info!(client = %peer, %user, %database, "a client has connected");
    let edits = Edits {
        version: startup.version,
        no_channel_binding: wire.is_encrypted() && !client.is_encrypted(),
    };
    let place = shared.registry.enter(About {
        user,
        database,
        peer,
        server: address,
        asked: startup.asks,
        replication: startup.replication,
    });
    drop(beginning);
    let packet = match shared.application_name_add_host {
        true => startup::with_address(&startup.packet, &peer.to_string()),
        false => startup.packet,
    };
    let mut relay = Relay::new(client, wire, edits, place, shared.parameter_status);
    if shared.is_told_to_leave() {
        relay.place.client.command(Command::Tell);
    }
    let end = relay.run(packet, early, shared.startup_timeout).await;
    relay.place.was_ended = end == End::ByProxy;
    report(shared, &relay, end);
}

fn report(shared: &Shared, relay: &Relay, end: End) {
    let client = &relay.place.client;
    if end == End::Nonsense {
        warn!(pid = client.pid(), "the server's stream made no sense");
    }
    if relay.refusal() == Some(*b"57P03") {
        shared.server_refused.notify_one();
    }
    let opened = client.activity() != Activity::Opening;
    let about = &client.about;
    info!(
        pid = client.pid(),
        end = end.name(),
        opened,
        client = %about.peer,
        user = %about.user,
        database = %about.database,
        "a client has left"
    );
}
