//! The control socket, and the commands that use it. Who may open the socket may command: its file's mode is the guard.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::address::words;
use crate::orders::Command;
use crate::registry::{Activity, Client, read};
use crate::shared::Shared;
use crate::socket_file::{self, SocketFile};

/// Only the proxy's own user.
const MODE: u32 = 0o600;
const LONGEST_LINE: u64 = 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes the control socket. `replace`: in the place of another proxy's.
pub fn listen(path: &Path, replace: bool) -> Result<(UnixListener, SocketFile), String> {
    let is_a_proxys = || command(path, "status").is_ok();
    socket_file::listen(path, MODE, || replace && is_a_proxys())
}

/// Serves the control socket for ever.
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
                    if !matches!(timeout(PATIENCE, served).await, Ok(Ok(()))) {
                        warn!("a control connection was not used as it should be");
                    }
                });
            }
            Err(error) => {
                warn!("could not accept a control connection: {}", words(&error));
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn answer(shared: &Shared, addresses: &[String], stream: UnixStream) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reader.take(LONGEST_LINE))
        .read_line(&mut line)
        .await?;
    let answer = match obey(shared, addresses, line.trim()) {
        Ok(text) => format!("ok\n{text}\n"),
        Err(text) => format!("error\n{text}\n"),
    };
    writer.write_all(answer.as_bytes()).await
}

fn obey(shared: &Shared, addresses: &[String], line: &str) -> Result<String, String> {
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
                .map_err(|_| format!("\"{pid}\" is no process ID"))?;
            tell(shared, pid)
        }
        _ => Err(format!("unknown command \"{line}\"")),
    }
}

/// What pg_goaway_backend(pid) is to do in a server.
fn tell(shared: &Shared, pid: i32) -> Result<String, String> {
    let clients = shared.registry.clients();
    let Some(client) = clients.iter().find(|client| client.pid() == Some(pid)) else {
        return Err(format!("no client has a backend with process ID {pid}"));
    };
    if !client.can_be_told(shared.parameter_status) {
        return Err(format!(
            "the client of process {pid} did not ask to be told"
        ));
    }
    client.command(Command::Tell);
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
        false if health.is_fine() => "serving",
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

/// To the millisecond.
fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}

/// The program's other half: sends a command, and prints the answer. Err when it was refused or nobody is there.
pub fn command(path: &Path, line: &str) -> Result<String, String> {
    let ask = || {
        let mut stream = BlockingStream::connect(path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(format!("{line}\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        io::Result::Ok(answer)
    };
    let answer = ask().map_err(|error| format!("{}: {}", path.display(), words(&error)))?;
    match answer.split_once('\n') {
        Some(("ok", text)) => Ok(text.trim_end().to_owned()),
        Some((_, text)) => Err(text.trim_end().to_owned()),
        None => Err("the proxy did not answer".to_owned()),
    }
}
