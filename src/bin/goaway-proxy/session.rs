//! A connection from its first byte: what the client wants, a connection to the server, and the relaying.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tracing::{debug, info, warn};

use crate::frames::Edits;
use crate::messages;
use crate::orders::Command;
use crate::registry::{Activity, Beginning};
use crate::relay::{End, Relay};
use crate::shared::Shared;
use crate::startup::{self, Opening, Startup};
use crate::wire::Wire;

/// A server that has not taken the connection by then is not there.
const CONNECT_PATIENCE: Duration = Duration::from_secs(15);

/// Serves one client to its end.
pub fn serve(shared: Shared, client: Wire) -> impl Future<Output = ()> {
    // From now on, not from when the task first runs.
    let beginning = shared.registry.begin();
    async move {
        match timeout(shared.startup_timeout, opening(&shared, client)).await {
            Err(_) => debug!("a client said nothing"),
            Ok(Err(error)) => debug!(%error, "a client went away before it began"),
            Ok(Ok((mut client, Opening::Cancel(packet)))) => {
                cancel(&shared, &packet).await;
                client.say_goodbye().await;
            }
            Ok(Ok((client, Opening::Session(startup)))) => {
                session(&shared, client, startup, beginning).await
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
pub async fn say(client: &mut Wire, message: &[u8]) {
    let word = async {
        client.write_all(message).await?;
        client.shutdown().await
    };
    // The client may be gone already.
    let _ = timeout(Duration::from_secs(1), word).await;
}

async fn connect(shared: &Shared) -> Result<Wire, String> {
    match timeout(CONNECT_PATIENCE, shared.connect()).await {
        Ok(Ok(wire)) => Ok(wire),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("timeout expired".to_owned()),
    }
}

/// Passes a cancel request on; the server's closing is its answer.
async fn cancel(shared: &Shared, packet: &[u8]) {
    let passed_on = async {
        let mut server = connect(shared).await?;
        let sent = server.write_all(packet).await;
        sent.map_err(|error| error.to_string())?;
        let flushed = server.flush().await;
        flushed.map_err(|error| error.to_string())?;
        let mut nothing = [0; 1];
        let closed = server.read(&mut nothing).await;
        closed.map_err(|error| error.to_string())
    };
    match timeout(CONNECT_PATIENCE, passed_on).await {
        Ok(Ok(_)) => debug!("passed a cancel request on"),
        Ok(Err(error)) => warn!(%error, "could not pass a cancel request on"),
        Err(_) => warn!("the server did not answer a cancel request"),
    }
}

async fn session(shared: &Shared, mut client: Wire, startup: Startup, beginning: Beginning) {
    if shared.refuses() {
        return say(&mut client, &messages::shutting_down()).await;
    }
    let server = match connect(shared).await {
        Ok(server) => server,
        Err(error) => {
            warn!(server = %shared.server, %error, "could not connect to the server");
            // Of all refusals only this one sends a client of several hosts to the next.
            let text = format!("could not connect to the server behind the proxy: {error}");
            return say(&mut client, &messages::fatal("57P03", &text)).await;
        }
    };
    let edits = Edits {
        version: startup.version,
        no_channel_binding: server.is_encrypted() && !client.is_encrypted(),
    };
    let place = shared.registry.enter(startup.asks, startup.replication);
    drop(beginning);
    let mut relay = Relay::new(client, server, edits, place, shared.parameter_status);
    if shared.is_told_to_leave() {
        relay.place.client.command(Command::Tell);
    }
    let end = relay.run(startup.packet).await;
    relay.place.was_ended = end == End::ByProxy;
    if end == End::Nonsense {
        warn!(
            pid = relay.place.client.pid(),
            "the server's stream made no sense"
        );
    }
    if relay.refusal() == Some(*b"57P03") {
        shared.server_refused.notify_one();
    }
    let opened = relay.place.client.activity() != Activity::Opening;
    info!(
        pid = relay.place.client.pid(),
        ?end,
        opened,
        "a client has left"
    );
}
