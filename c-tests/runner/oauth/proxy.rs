//! HTTP proxies between the client and the issuer.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::Setup;
use crate::support::paths::Lib;
use crate::support::process::Output;

/// A proxy that creates tunnels, or sends a fixed response.
struct Proxy {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start(refusal: Option<&'static str>) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener
            .local_addr()
            .expect("the listener's address")
            .port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let log = heads.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let log = log.clone();
                thread::spawn(move || serve(&client, refusal, &log));
            }
        });
        Proxy { port, heads }
    }

    /// Returns and removes the requests so far.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.heads.lock().expect("the lock is not poisoned"))
    }
}

fn serve(
    mut client: &TcpStream,
    refusal: Option<&str>,
    log: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(client);
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    log.lock()
        .expect("the lock is not poisoned")
        .push(head.clone());
    if let Some(refusal) = refusal {
        return client.write_all(refusal.as_bytes());
    }
    let target = head.split(' ').nth(1).unwrap_or_default();
    let server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\nContent-Length: 7\r\n\r\n")?;
    let (up_from, up_to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || pump(&up_from, &up_to));
    pump(&server, client);
    Ok(())
}

fn pump(mut from: &TcpStream, mut to: &TcpStream) {
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[track_caller]
fn contains(output: &Output, what: &str) {
    assert!(output.to_string().contains(what), "no {what} in\n{output}");
}

#[test]
fn the_proxy_from_the_environment_is_used() {
    let setup = Setup::shared();
    let proxy = Proxy::start(None);
    let plain = format!("http://127.0.0.1:{}", proxy.port);
    let user = format!("me:a%40b@127.0.0.1:{}", proxy.port);
    for (name, value) in [
        ("https_proxy", &plain),
        ("HTTPS_PROXY", &user),
        ("ALL_PROXY", &plain),
    ] {
        let asked = |lib| {
            let args = [&setup.conninfo("plain"), "connect"];
            let output = setup.run(lib, "oauth", &args.map(|arg| arg as &str), &[(name, value)]);
            contains(&output, "oauth:plain");
            proxy.take()
        };
        let (oracle, ours) = (asked(Lib::Oracle), asked(Lib::Ours));
        // libcurl keeps its connection open and sends a User-Agent.
        let first = |heads: &[String]| {
            let head = heads.first().expect("a request to the proxy");
            let own = ["User-Agent", "Proxy-Connection"];
            let lines = head
                .lines()
                .filter(|line| !own.iter().any(|o| line.starts_with(o)));
            lines.collect::<Vec<_>>().join("\n")
        };
        assert_eq!(first(&oracle), first(&ours), "{name}");
        assert_eq!(ours.len(), 3, "{ours:?}");
    }
    for (name, value) in [("no_proxy", "127.0.0.1"), ("NO_PROXY", "*")] {
        let env = [("https_proxy", plain.as_str()), (name, value)];
        contains(
            &setup.same_with("connect", "plain", "", &env),
            "oauth:plain",
        );
        assert_eq!(proxy.take().len(), 0, "{name}");
    }
}

#[test]
fn a_proxy_that_refuses_the_tunnel_is_an_error() {
    let setup = Setup::shared();
    for refusal in [
        "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
    ] {
        let proxy = Proxy::start(Some(refusal));
        let value = format!("127.0.0.1:{}", proxy.port);
        let output = setup.same_with("connect", "plain", "", &[("https_proxy", &value)]);
        contains(&output, "failed to fetch OpenID discovery document: ");
    }
    let closed = [("https_proxy", "127.0.0.1:1")];
    contains(
        &setup.same_with("connect", "plain", "", &closed),
        "Couldn't connect to server",
    );
    let unknown = [("https_proxy", "socks9://127.0.0.1:1")];
    contains(
        &setup.same_with("connect", "plain", "", &unknown),
        "Couldn't connect to server",
    );
}

#[test]
fn a_proxy_cannot_inject_data() {
    let setup = Setup::shared();
    let proxy = Proxy::start(Some("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}"));
    let value = format!("127.0.0.1:{}", proxy.port);
    let args = [&setup.conninfo("plain"), "connect"];
    let output = setup.run(
        Lib::Ours,
        "oauth",
        &args.map(|arg| arg as &str),
        &[("https_proxy", &value)],
    );
    contains(
        &output,
        "failed to fetch OpenID discovery document: Weird server reply",
    );
}
