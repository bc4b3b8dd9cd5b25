//! Attackers between client and server: plain text injected before TLS starts (CVE-2021-23222), error messages from
//! the attacker (CVE-2024-10977), and servers for another protocol.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::certificates::Certificates;
use super::server::TlsServer;
use crate::support::paths::Lib;
use crate::support::postgres::Version;
use crate::support::process::{self, Output, TIMEOUT};
use crate::support::program::{Program, on_lib};
use crate::support::script::{First, Script};
use crate::support::session::wait_until;

const MODES: [&str; 3] = ["require", "verify-full", "prefer"];
/// The error text for injected plain text, depending on when the client sees it.
const REFUSALS: [&str; 2] = [
    "received unencrypted data after SSL response",
    "SSL error: wrong version number",
];

fn is_refusal(text: &str) -> bool {
    REFUSALS.iter().any(|refusal| text.contains(refusal))
}
/// AuthenticationOk, which the client must not accept here.
const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0";

/// When the plain text is injected.
#[derive(Clone, Copy)]
enum When {
    /// In the same packet as the reply to the SSLRequest.
    WithAnswer,
    /// In a later packet.
    After(Duration),
    /// With direct negotiation, before all data of the server.
    First,
}

/// Forwards connections to the server and injects plain text; returns its port.
fn relay(port: u16, when: When) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let own = listener
        .local_addr()
        .expect("the listener's address")
        .port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", port)).expect("the server");
            thread::spawn(move || forward(client, server, when));
        }
    });
    own
}

fn forward(mut client: TcpStream, mut server: TcpStream, when: When) {
    if inject(&mut client, &mut server, when).is_err() {
        return;
    }
    let (mut from, mut to) = (
        client.try_clone().expect("a socket"),
        server.try_clone().expect("a socket"),
    );
    let requests = thread::spawn(move || drop(std::io::copy(&mut from, &mut to)));
    let _ = std::io::copy(&mut server, &mut client);
    let _ = client.shutdown(std::net::Shutdown::Both);
    let _ = requests.join();
}

fn inject(client: &mut TcpStream, server: &mut TcpStream, when: When) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    if let When::First = when {
        return client.write_all(WELCOME);
    }
    let mut request = [0; 8];
    let mut answer = [0; 1];
    client.read_exact(&mut request)?;
    server.write_all(&request)?;
    server.read_exact(&mut answer)?;
    if let When::After(time) = when {
        client.write_all(&answer)?;
        thread::sleep(time);
        return client.write_all(WELCOME);
    }
    client.write_all(&[&answer, WELCOME].concat())
}

/// Connects through the attacker in each mode, with each library.
fn connect_through(modes: &[&str], when: When, options: &str, check: impl Fn(&str, Output)) {
    let server = TlsServer::with("good", "good");
    let port = relay(server.port(), when);
    let root = server.files.file("root.crt");
    for mode in modes {
        let conninfo = format!(
            "host=good.test hostaddr=127.0.0.1 port={port} user=tls_user dbname=only_ssl sslmode={mode} sslrootcert={root} {options}\n"
        );
        for lib in [Lib::Oracle, Lib::Ours] {
            check(
                mode,
                Program::new("tls").run_with_input(lib, &[], &[], conninfo.as_bytes()),
            );
        }
    }
}

#[test]
fn cve_2021_23222_in_the_same_packet_as_the_reply() {
    connect_through(&MODES, When::WithAnswer, "", |_, output| {
        assert!(output.stdout.contains("status: 1"), "{output}");
        assert!(output.stdout.contains(REFUSALS[0]), "{output}");
    });
}

/// The plain text then reaches the TLS code, which refuses it because it is not a valid record. (With sslmode=prefer
/// libpq then connects without TLS.)
#[test]
fn cve_2021_23222_shortly_after_the_reply() {
    for time in [0, 1, 20].map(Duration::from_millis) {
        connect_through(&MODES[..2], When::After(time), "", |_, output| {
            assert!(output.stdout.contains("status: 1"), "{output}");
            assert!(is_refusal(&output.stdout), "{output}");
        });
    }
}

#[test]
fn cve_2021_23222_before_a_direct_handshake() {
    connect_through(
        &MODES,
        When::First,
        "sslnegotiation=direct",
        |mode, output| {
            // libpq: direct negotiation needs an sslmode that requires TLS.
            let text = match mode {
                "prefer" => "weak sslmode",
                _ => REFUSALS[1],
            };
            assert!(output.stdout.contains("status: 1"), "{output}");
            assert!(output.stdout.contains(text), "{output}");
        },
    );
}

/// In every mode that requests TLS, error messages of any length.
#[test]
fn cve_2024_10977_errors_before_tls_are_not_shown() {
    let long = [&b"E"[..], &[b'x'; 3000]].concat();
    for complaint in [&b"E\0\0\0\x0cSsecret\0\0"[..], b"Esecret", b"E", &long] {
        for mode in MODES {
            let run = |lib| {
                let complaint = complaint.to_vec();
                let server = Script::new().connection(move |c| {
                    assert_eq!(c.expect_first(), First::SslRequest);
                    c.try_send(&complaint);
                    c.shutdown();
                    c.drain();
                });
                let server = server.start();
                let root = if mode == "verify-full" {
                    "sslrootcert=system"
                } else {
                    ""
                };
                let line = format!(
                    "host=localhost hostaddr=127.0.0.1 port={} user=u dbname=d sslmode={mode} {root} gssencmode=disable\n",
                    server.port()
                );
                let mut output = Program::new("tls").run_with_input(lib, &[], &[], line.as_bytes());
                output.stdout = output.stdout.replace(&server.port().to_string(), "PORT");
                server.finish();
                output
            };
            let (expected, ours) = (run(Lib::Oracle), run(Lib::Ours));
            assert_eq!(ours, expected, "\n{ours}\nthe oracle says\n{expected}");
            let text = "server sent an error response during SSL exchange";
            assert!(ours.stdout.contains(text), "{ours}");
            let shown = ours.stdout.contains("secret") || ours.stdout.contains("xxx");
            assert!(!shown, "{ours}");
        }
    }
}

/// A TLS server of the openssl program; it is ended when dropped.
struct Other {
    process: Child,
    port: u16,
}

impl Other {
    fn start(files: &Certificates, options: &[&str]) -> Other {
        let free = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = free.local_addr().expect("the listener's address").port();
        drop(free);
        let mut command = Command::new("openssl");
        command.args(["s_server", "-quiet", "-cert", &files.file("good.crt")]);
        command.args([
            "-key",
            &files.file("good.key"),
            "-accept",
            &port.to_string(),
        ]);
        command
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command.spawn().expect("the openssl program");
        wait_until("listening", || {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(_) => "listening".to_owned(),
                Err(error) => error.to_string(),
            }
        });
        Other { process, port }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Direct negotiation: the client sends nothing to a server that selects another protocol, or none, inside TLS.
#[test]
fn servers_for_another_protocol() {
    let files = Certificates::shared();
    for (options, text) in [
        (
            &[][..],
            "direct SSL connection was established without ALPN protocol negotiation extension",
        ),
        (&["-alpn", "http/1.1"], "no application protocol"),
    ] {
        let server = Other::start(files, options);
        let line = format!(
            "host=good.test hostaddr=127.0.0.1 port={} user=u dbname=d sslmode=verify-full sslnegotiation=direct sslrootcert={}\n",
            server.port,
            files.file("root.crt")
        );
        let run = |lib| Program::new("tls").run_with_input(lib, &[], &[], line.as_bytes());
        let (expected, ours) = (run(Lib::Oracle), run(Lib::Ours));
        assert_eq!(ours, expected, "\n{ours}\nthe oracle says\n{expected}");
        assert!(ours.stdout.contains(text), "{ours}");
    }
}

/// CVE-2020-25694: psql's `\\c` uses all options of the first connection.
#[test]
fn cve_2020_25694_psql_connects_again_with_the_same_options() {
    let server = TlsServer::with("good", "good");
    let port = relay(server.port(), When::After(Duration::from_millis(1)));
    let root = server.files.file("root.crt");
    let conninfo = server.conninfo(&format!(
        "host=good.test dbname=postgres sslmode=verify-full sslrootcert={root} channel_binding=disable"
    ));
    let input = "\\c only_ssl\nSELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid();\n";
    let run = |lib: Lib, input: &str| {
        let mut psql = on_lib(Version::Oracle18.bin().join("psql"), lib);
        psql.args(["-X", "-A", "-t", "-q", "-d", &conninfo]);
        process::run(&mut psql, input.as_bytes(), TIMEOUT)
    };
    for lib in [Lib::Oracle, Lib::Ours] {
        let output = run(lib, input);
        assert_eq!(output.stdout.trim(), "t", "{output}");
        // Connects to an attacker that accepts a connection without TLS.
        let elsewhere = format!("\\c - - - {port}\nSELECT 'reached the attacker';\n");
        let output = run(lib, &elsewhere);
        assert!(!output.stdout.contains("reached"), "{output}");
        assert!(is_refusal(&output.stderr), "{output}");
    }
}
