//! The control socket, and the commands that use it. Who may open the socket may command: its file's mode is the guard.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::listen::unix;
use crate::orders::Command;
use crate::registry::{Activity, read};
use crate::shared::Shared;

/// Only the proxy's own user.
const MODE: u32 = 0o600;
const LONGEST_LINE: u64 = 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves the control socket for ever. It stands when this function's first await is reached.
pub async fn serve(shared: Shared, path: &Path, addresses: Vec<String>) -> io::Result<()> {
    let (listener, _file) = unix(path, MODE)?;
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
                warn!(%error, "could not accept a control connection");
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
    if client.replication || !(client.asked || shared.parameter_status) {
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
    let clients: Vec<Value> = clients
        .iter()
        .map(|client| {
            json!({
                "pid": client.pid(),
                "asked": client.asked,
                "told": client.is_told(),
                "replication": client.replication,
                "in_transaction": client.activity() == Activity::InTransaction,
            })
        })
        .collect();
    let counters = &shared.registry.counters;
    json!({
        "state": if shared.is_draining() { "draining" } else { "serving" },
        "listen": addresses,
        "server": shared.server.to_string(),
        "clients": clients,
        "told": read(&counters.told),
        "left": read(&counters.left),
        "ended": read(&counters.ended),
    })
}

/// The program's other half: sends a command, and prints the answer. Err when it was refused or nobody is there.
pub fn command(path: &Path, line: &str) -> Result<String, String> {
    let ask = || {
        let mut stream = BlockingStream::connect(path)?;
        stream.write_all(format!("{line}\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        io::Result::Ok(answer)
    };
    let answer = ask().map_err(|error| format!("{}: {error}", path.display()))?;
    match answer.split_once('\n') {
        Some(("ok", text)) => Ok(text.trim_end().to_owned()),
        Some((_, text)) => Err(text.trim_end().to_owned()),
        None => Err("the proxy did not answer".to_owned()),
    }
}
