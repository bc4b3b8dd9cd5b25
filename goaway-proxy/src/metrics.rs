//! Metrics for Prometheus, over HTTP.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::address::error_text;
use crate::health::State;
use crate::registry::read;
use crate::shared::Shared;

const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_REQUEST: usize = 8192;

/// Serves the metrics; never returns.
pub async fn serve(shared: Shared, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = shared.clone();
                // Close connections that do not read the answer in time.
                tokio::spawn(async move { timeout(TIMEOUT, answer(&shared, stream)).await });
            }
            Err(error) => {
                let words = error_text(&error);
                warn!("could not accept a connection on the metrics address: {words}");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn answer(shared: &Shared, mut stream: TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    while memchr::memmem::find(&request, b"\r\n\r\n").is_none() {
        let mut some = [0; 512];
        let count = stream.read(&mut some).await?;
        if count == 0 || request.len() > MAX_REQUEST {
            return Ok(());
        }
        request.extend_from_slice(&some[..count]);
    }
    let found = request.starts_with(b"GET /metrics ") || request.starts_with(b"GET / ");
    let (status, body) = match found {
        true => ("200 OK", metrics(shared)),
        false => ("404 Not Found", String::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await?;
    stream.shutdown().await
}

fn metrics(shared: &Shared) -> String {
    let clients = shared.registry.clients();
    let asked = clients.iter().filter(|client| client.about.asked).count();
    let counters = &shared.registry.counters;
    let mut text = String::new();
    let mut add = |name: &str, kind: &str, help: &str, lines: &[(&str, u64)]| {
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for (labels, value) in lines {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let (gauge, counter) = ("gauge", "counter");
    let all = clients.len() as u64;
    let told = read(&counters.told);
    add(
        "goaway_proxy_clients",
        gauge,
        "Connected clients.",
        &[("", all)],
    );
    add(
        "goaway_proxy_clients_asked",
        gauge,
        "Connected clients that requested GoAway.",
        &[("", asked as u64)],
    );
    add(
        "goaway_proxy_told_total",
        counter,
        "Clients that the proxy asked to disconnect.",
        &[("", told)],
    );
    let left = read(&counters.left);
    add(
        "goaway_proxy_left_total",
        counter,
        "Sessions that the client or the server ended.",
        &[("", left)],
    );
    let ended = read(&counters.ended);
    add(
        "goaway_proxy_ended_total",
        counter,
        "Sessions that the proxy terminated.",
        &[("", ended)],
    );
    let cancels = &shared.cancels;
    let outcomes = [
        ("{outcome=\"passed_on\"}", read(&cancels.passed_on)),
        ("{outcome=\"failed\"}", read(&cancels.failed)),
        ("{outcome=\"refused\"}", read(&cancels.refused)),
    ];
    add(
        "goaway_proxy_cancels_total",
        counter,
        "Cancel requests by outcome.",
        &outcomes,
    );
    let up = u64::from(shared.health.now().0 == State::Up);
    add(
        "goaway_proxy_server_up",
        gauge,
        "Whether the server accepts sessions: 1 or 0.",
        &[("", up)],
    );
    let bytes = [
        ("{direction=\"to_server\"}", read(&counters.bytes_to_server)),
        ("{direction=\"to_client\"}", read(&counters.bytes_to_client)),
    ];
    add(
        "goaway_proxy_bytes_total",
        counter,
        "Relayed bytes by direction.",
        &bytes,
    );
    text
}
