//! The control socket: the server side, and the client for `goaway-proxy ctl`. The file mode of the socket decides who can use it.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::address::error_text;
use crate::commands::Command;
use crate::registry::{Activity, Client, read};
use crate::shared::Shared;
use crate::socket_file::{self, SocketFile};

/// Only the proxy's own user can connect.
const MODE: u32 = 0o600;
const MAX_LINE: u64 = 1024;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Creates the control socket. With `replace`, it may replace another proxy's socket.
pub fn listen(path: &Path, replace: bool) -> Result<(UnixListener, SocketFile), String> {
    let is_proxy = || command(path, "status").is_ok();
    socket_file::listen(path, MODE, || replace && is_proxy())
}

/// Serves the control socket; never returns.
pub async fn serve(
    shared: Shared,
    (listener, _file): (UnixListener, SocketFile),
    addresses: Vec<String>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (shared, addresses) = (shared.clone(), addresses.clone());
                tokio::spawn(async move {
                    let served = answer(&shared, &addresses, stream);
                    match timeout(TIMEOUT, served).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => {
                            warn!("control connection failed: {}", error_text(&error))
                        }
                        Err(_) => warn!("control connection failed: timeout expired"),
                    }
                });
            }
            Err(error) => {
                warn!(
                    "could not accept a control connection: {}",
                    error_text(&error)
                );
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn answer(shared: &Shared, addresses: &[String], stream: UnixStream) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reader.take(MAX_LINE))
        .read_line(&mut line)
        .await?;
    let answer = match execute(shared, addresses, line.trim()) {
        Ok(text) => format!("ok\n{text}\n"),
        Err(text) => format!("error\n{text}\n"),
    };
    writer.write_all(answer.as_bytes()).await
}

fn execute(shared: &Shared, addresses: &[String], line: &str) -> Result<String, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["status"] => Ok(status(shared, addresses).to_string()),
        ["drain"] => {
            shared.drain.notify_one();
            Ok("draining".to_owned())
        }
        ["goaway"] => {
            shared.announce.notify_one();
            Ok("asking all clients to disconnect when convenient".to_owned())
        }
        ["goaway", pid] => {
            let pid: i32 = pid
                .parse()
                .map_err(|_| format!("\"{pid}\" is not a process ID"))?;
            send_goaway(shared, pid)
        }
        _ => Err(format!("unknown command \"{line}\"")),
    }
}

/// Does what the function pg_goaway_backend(pid) of pg_goaway does in a server.
fn send_goaway(shared: &Shared, pid: i32) -> Result<String, String> {
    let clients = shared.registry.clients();
    let Some(client) = clients.iter().find(|client| client.pid() == Some(pid)) else {
        return Err(format!("no client has a backend with process ID {pid}"));
    };
    if !client.can_be_told(shared.parameter_status) {
        return Err(format!(
            "the client of process {pid} did not ask for GoAway, or it is a replication connection"
        ));
    }
    client.command(Command::SendGoAway);
    Ok(format!(
        "asking the client of process {pid} to disconnect when convenient"
    ))
}

fn status(shared: &Shared, addresses: &[String]) -> Value {
    let clients = shared.registry.clients();
    let clients: Vec<Value> = clients.iter().map(|client| of_client(client)).collect();
    let counters = &shared.registry.counters;
    let cancels = &shared.cancels;
    let (health, since) = shared.health.now();
    let state = match shared.is_draining() {
        true => "draining",
        false if health.is_serving() => "serving",
        false => "server not available",
    };
    json!({
        "state": state,
        "listen": addresses,
        "server": shared.dialer.server.to_string(),
        "server_address": shared.dialer.preferred().map(|address| address.to_string()),
        "server_health": health.name(),
        "server_health_seconds": seconds(since),
        "server_error": health.reason(),
        "connecting": shared.registry.openings(),
        "clients": clients,
        "told": read(&counters.told),
        "left": read(&counters.left),
        "ended": read(&counters.ended),
        "cancels": read(&cancels.passed_on),
        "cancels_failed": read(&cancels.failed),
        "cancels_refused": read(&cancels.refused),
    })
}

fn of_client(client: &Client) -> Value {
    let activity = client.activity();
    json!({
        "pid": client.pid(),
        "user": client.about.user,
        "database": client.about.database,
        "address": client.about.peer.to_string(),
        "age": seconds(client.since.elapsed()),
        "state": activity.name(),
        "asked": client.about.asked,
        "told": client.is_told(),
        "replication": client.about.replication,
        "in_transaction": activity == Activity::InTransaction,
    })
}

/// In seconds, with milliseconds.
fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}

/// Sends a command to the proxy with this control socket. Returns its answer, or the error if the proxy refuses the command
/// or cannot be reached.
pub fn command(path: &Path, line: &str) -> Result<String, String> {
    let ask = || {
        let mut stream = BlockingStream::connect(path)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.write_all(format!("{line}\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        io::Result::Ok(answer)
    };
    let failed = |reason: &str| {
        let path = path.display();
        format!("could not send the command to control socket {path}: {reason}")
    };
    let answer = ask().map_err(|error| failed(&error_text(&error)))?;
    match answer.split_once('\n') {
        Some(("ok", text)) => Ok(text.trim_end().to_owned()),
        Some((_, text)) => Err(text.trim_end().to_owned()),
        None => Err(failed("the proxy did not answer")),
    }
}
