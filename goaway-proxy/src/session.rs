//! Serves one client: reads its first packets, connects to the server, and relays the session.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tracing::{debug, info, warn};

use pq_protocol::codes::answer;

use crate::address::{Peer, error_text};
use crate::commands::Command;
use crate::dial::{Connected, Failure};
use crate::early_data::EarlyData;
use crate::frames::Edits;
use crate::messages;
use crate::registry::{Activity, ClientInfo, OpeningGuard};
use crate::relay::{End, Relay};
use crate::shared::Shared;
use crate::startup::{self, Opening, Startup};
use crate::wire::Wire;

/// Serves one client until its connection ends.
pub fn serve(shared: Shared, client: Wire, peer: Peer) -> impl Future<Output = ()> {
    // Count the connection now, not when the task first runs.
    let opening = shared.registry.count_opening();
    async move {
        match timeout(shared.startup_timeout, read_opening(&shared, client)).await {
            Err(_) => debug!(client = %peer, "a client sent no startup packet in time"),
            Ok(Err(error)) => {
                let words = error_text(&error);
                debug!(client = %peer, "a client disconnected before its startup packet: {words}");
            }
            Ok(Ok((mut client, Opening::Cancel(packet)))) => {
                let cancels = &shared.cancels;
                cancels
                    .forward(&packet, &shared.dialer, &shared.registry)
                    .await;
                client.send_close_notify().await;
            }
            Ok(Ok((client, Opening::Session(startup)))) => {
                session(&shared, client, peer, startup, opening).await
            }
            Ok(Ok((_, Opening::TlsRequest | Opening::GssRequest))) => {}
        }
    }
}

/// Reads packets up to a startup packet or a cancel request, and answers encryption requests.
async fn read_opening(shared: &Shared, client: Wire) -> io::Result<(Wire, Opening)> {
    let mut client = shared.accept_direct_tls(client).await?;
    // After direct TLS, the client must not request encryption again.
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
                client.write_all(&[answer::NO]).await?;
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
    send_last(client, &messages::fatal("08P01", reason)).await;
    Err(io::Error::new(io::ErrorKind::InvalidData, reason))
}

/// Sends a last message and closes the connection; waits at most one second.
async fn send_last(client: &mut Wire, message: &[u8]) {
    let write = async {
        client.write_all(message).await?;
        client.shutdown().await
    };
    // The client may have disconnected already.
    let _ = timeout(Duration::from_secs(1), write).await;
}

/// Connects to the server; None if the client disconnects meanwhile.
async fn connect(
    shared: &Shared,
    client: &mut Wire,
    early: &mut EarlyData,
) -> Option<Result<Connected, Failure>> {
    let connected = async {
        let connected = timeout(shared.startup_timeout, shared.dialer.connect(None)).await;
        connected.unwrap_or_else(|_| Err(Failure::timeout()))
    };
    tokio::select! {
        biased;
        connected = connected => Some(connected),
        () = early.read_until_gone(client) => None,
    }
}

async fn session(
    shared: &Shared,
    mut client: Wire,
    peer: Peer,
    startup: Startup,
    opening: OpeningGuard,
) {
    if shared.refuses() {
        return send_last(&mut client, &messages::shutting_down()).await;
    }
    let (user, database) = (startup.user, startup.database);
    let mut early = EarlyData::default();
    let Connected { wire, address } = match connect(shared, &mut client, &mut early).await {
        Some(Ok(connected)) => connected,
        Some(Err(failure)) => {
            let detail = &failure.detail;
            warn!(client = %peer, %user, %database, "could not connect to the server: {detail}");
            shared.note_connect(Some(detail));
            // Only this SQLSTATE makes libpq try the next host.
            let reason = failure.reason;
            let text = format!("could not connect to the server behind the proxy: {reason}");
            return send_last(&mut client, &messages::fatal("57P03", &text)).await;
        }
        None => {
            return info!(client = %peer, %user, %database, "a client disconnected before the proxy reached the server");
        }
    };
    shared.note_connect(None);
    info!(client = %peer, %user, %database, "a client has connected");
    let edits = Edits {
        version: startup.version,
        no_channel_binding: wire.is_encrypted() && !client.is_encrypted(),
    };
    let registration = shared.registry.enter(ClientInfo {
        user,
        database,
        peer,
        server: address,
        asked: startup.requests_goaway,
        replication: startup.replication,
    });
    drop(opening);
    let packet = match shared.application_name_add_host {
        true => startup::add_address(&startup.packet, &peer.to_string()),
        false => startup.packet,
    };
    let mut relay = Relay::new(client, wire, edits, registration, shared.parameter_status);
    if shared.tells_new_clients() {
        relay.registration.client.command(Command::SendGoAway);
    }
    let end = relay.run(packet, early, shared.startup_timeout).await;
    relay.registration.was_ended = end == End::ByProxy;
    report(shared, &relay, end);
}

/// Logs the end of a session.
fn report(shared: &Shared, relay: &Relay, end: End) {
    let client = &relay.registration.client;
    if end == End::ProtocolError {
        warn!(
            pid = client.pid(),
            "closed a session: the server sent a message with an invalid length"
        );
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
