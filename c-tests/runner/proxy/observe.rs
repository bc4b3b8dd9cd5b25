//! What can be observed from outside: status, metrics, the log; and who may do so.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::raw::{Raw, session};
use super::{Proxy, program};
use crate::support::postgres::{Postgres, free_port};
use crate::support::process::{self, End, TIMEOUT};
use crate::support::session::wait_until;

#[test]
fn only_the_proxys_user_can_open_the_control_socket() {
    let proxy = Proxy::start(Postgres::shared(), &[]);
    let mode = fs::metadata(proxy.control_path())
        .expect("a socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(proxy.ctl(&["goaway", "12x"]).end, End::Exit(2));
    let mut nobody = program();
    nobody.args(["ctl", "--control", "/nonexistent/control", "status"]);
    assert_eq!(process::run(&mut nobody, b"", TIMEOUT).end, End::Exit(2));
}

#[test]
fn status_lists_clients_and_their_state() {
    let server = format!("127.0.0.1:{}", Postgres::shared().port());
    let options = ["--spread", "0", "--listen", "127.0.0.1:0"];
    let proxy = Proxy::listening("127.0.0.1:0", &server, &options);
    let mut asking = session(&proxy, &[("_pq_.goaway", "")]);
    let other = [("user", "peer_user"), ("database", "template1")];
    let mut stock = Raw::session_of(proxy.port, &other);
    let walsender = session(&proxy, &[("replication", "true")]);
    proxy.ctl(&["goaway"]).success();
    assert_eq!(asking.read_message().0, b'g');
    let (asking_pid, stock_pid) = (asking.backend(), stock.backend());
    stock.query("BEGIN");
    stock.read_until_ready();
    let status = proxy.status();
    assert_eq!(status["state"], "serving");
    assert_eq!(status["listen"], json!(proxy.addresses));
    assert_eq!(status["listen"].as_array().map(Vec::len), Some(2));
    assert_eq!(status["server"], server);
    assert_eq!(status["told"], 1);
    assert_eq!(
        (&status["server_health"], &status["connecting"]),
        (&json!("up"), &json!(0))
    );
    let clients = proxy.clients();
    let of = |pid: u64| {
        let client = clients.iter().find(|client| client["pid"] == pid);
        let mut client = client.expect("the client is in the status").clone();
        let age = client["age"].take().as_f64().expect("a number");
        assert!((0.0..60.0).contains(&age), "{age}");
        client
    };
    let told = json!({
        "pid": asking_pid, "user": "postgres", "database": "postgres", "address": asking.address(), "age": null,
        "state": "idle", "asked": true, "told": true, "replication": false, "in_transaction": false,
    });
    let busy = json!({
        "pid": stock_pid, "user": "peer_user", "database": "template1", "address": stock.address(), "age": null,
        "state": "idle in transaction", "asked": false, "told": false, "replication": false, "in_transaction": true,
    });
    assert_eq!(of(asking_pid), told);
    assert_eq!(of(stock_pid), busy);
    let senders = clients
        .iter()
        .filter(|client| client["replication"] == true);
    assert_eq!((senders.count(), clients.len()), (1, 3), "{status}");
    stock.query("SELECT pg_sleep(5)");
    wait_until("\"active\"", || {
        let clients = proxy.clients();
        let client = clients.iter().find(|client| client["pid"] == stock_pid);
        client.expect("the client is in the status")["state"].to_string()
    });
    let address = asking.address();
    drop(walsender);
    drop(asking);
    wait_until("2", || proxy.status()["left"].to_string());
    assert_eq!(proxy.clients()[0]["pid"], stock_pid);
    // The log has lines for each of them.
    drop(stock);
    proxy.signal("TERM");
    let (log, _) = proxy.end();
    for text in ["a client has connected", "a client has left"] {
        let lines = log.lines().filter(|line| line.contains(text));
        let of_client = lines.filter(|line| line.contains(&format!("client={address} ")));
        assert_eq!(of_client.count(), 1, "{text}: {log}");
    }
    assert!(log.contains("user=peer_user database=template1"), "{log}");
}

#[test]
fn the_clients_address_is_passed_to_the_server_on_request() {
    let proxy = Proxy::start(Postgres::shared(), &["--application-name-add-host"]);
    let named = |name: &str| {
        let mut client = session(&proxy, &[("application_name", name)]);
        client.query("SHOW application_name");
        let row = client.read_until_ready().remove(1).1;
        let name = String::from_utf8_lossy(&row[6..]).into_owned();
        (name, client.address())
    };
    let (name, address) = named("a program");
    assert_eq!(name, format!("a program - {address}"));
    let (name, address) = named("");
    assert_eq!(name, address);
}

/// Reads the metrics.
fn figures(address: &str) -> HashMap<String, u64> {
    let mut stream = TcpStream::connect(address).expect("connect to the metrics address");
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        .expect("send the request");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("read the metrics");
    let (head, body) = text.split_once("\r\n\r\n").expect("an HTTP header");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let lines = body.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.split_once(' ').expect("a name and a value");
            let name = name.trim_start_matches("goaway_proxy_").to_owned();
            (name, value.parse().expect("a number"))
        })
        .collect()
}

#[test]
fn metrics_count_events() {
    const TO_SERVER: &str = "bytes_total{direction=\"to_server\"}";
    const TO_CLIENT: &str = "bytes_total{direction=\"to_client\"}";
    let address = format!("127.0.0.1:{}", free_port());
    let options = ["--metrics", &address, "--spread", "0", "--grace", "0"];
    let proxy = Proxy::start(Postgres::shared(), &options);
    let names = [
        "clients",
        "clients_asked",
        "told_total",
        "left_total",
        "ended_total",
    ];
    let expect = |numbers: [u64; 5]| {
        wait_until(&format!("{numbers:?}"), || {
            let figures = figures(&address);
            format!("{:?}", names.map(|name| figures[name]))
        });
    };
    expect([0; 5]);
    let mut asking = session(&proxy, &[("_pq_.goaway", "")]);
    let idle = session(&proxy, &[]);
    let mut busy = session(&proxy, &[]);
    busy.query("BEGIN");
    busy.read_until_ready();
    expect([3, 1, 0, 0, 0]);

    let before = figures(&address);
    let sql = "SELECT repeat('x', 100000)";
    asking.query(sql);
    let answer = asking.read_until_ready();
    let size: usize = answer.iter().map(|(_, body)| 5 + body.len()).sum();
    assert!(size > 100_000);
    let after = figures(&address);
    assert_eq!(after[TO_CLIENT] - before[TO_CLIENT], size as u64);
    // The query's header and its terminating NUL.
    assert_eq!(after[TO_SERVER] - before[TO_SERVER], sql.len() as u64 + 6);

    proxy.signal("USR1");
    assert_eq!(asking.read_message().0, b'g');
    expect([3, 1, 1, 0, 0]);
    drop(asking);
    expect([2, 0, 1, 1, 0]);
    // The drain ends the idle client; the client in a transaction keeps the proxy running.
    proxy.signal("TERM");
    expect([1, 0, 1, 1, 1]);
    drop(idle);
    drop(busy);
    assert_eq!(proxy.end().1, End::Exit(3));
}

#[test]
fn every_line_of_a_json_log_is_json() {
    let options = ["--log-format", "json", "--spread", "0"];
    let mut proxy = Proxy::start(Postgres::shared(), &options);
    let mut leaving = session(&proxy, &[("_pq_.goaway", "")]);
    let staying = session(&proxy, &[]);
    proxy.signal("TERM");
    assert_eq!(leaving.read_message().0, b'g');
    drop(leaving);
    let left = proxy.session.until("a client has left");
    proxy.signal("TERM");
    let log = [&proxy.log, &left].map(String::clone).concat();
    let (rest, end) = proxy.end();
    assert_eq!(end, End::Exit(3));
    drop(staying);
    let lines: Vec<Value> = (log + &rest)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        for field in ["timestamp", "level", "target", "message"] {
            assert!(line[field].is_string(), "{field}: {line}");
        }
    }
    let messages: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["message"].as_str())
        .collect();
    let said = |text: &str| {
        messages
            .iter()
            .filter(|message| message.starts_with(text))
            .count()
    };
    assert_eq!(
        (
            said("listening at "),
            said("draining"),
            said("a client has left")
        ),
        (1, 1, 2)
    );
    let last = lines.last().expect("a line");
    assert_eq!(
        (&last["left"], &last["ended"]),
        (&json!(1), &json!(1)),
        "{last}"
    );
    let seconds = last["seconds"].as_f64().expect("a number");
    let text = format!("drained in {seconds:.2} s: 1 left by themselves, 1 ended");
    assert_eq!(last["message"], text);
}
