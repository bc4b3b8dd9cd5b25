//! Servers that send GoAway themselves: the proxy forwards it only to clients that may receive it, and only once.

use crate::support::message::{auth_ok, goaway, message, ready};
use crate::support::script::Script;

use super::Proxy;
use super::raw::session;

/// The types of the messages that a client with these startup parameters receives in reply to a query. The server sends
/// one GoAway before the session is open (if `early`), and three more around and in the reply.
fn read(early: bool, parameters: &[(&str, &str)], options: &[&str]) -> Vec<u8> {
    let script = Script::new().connection(move |c| {
        c.expect_startup();
        let first = if early { goaway() } else { Vec::new() };
        c.send(&[auth_ok(), first, ready(b'I')].concat());
        c.expect_query();
        let answer = [
            goaway(),
            message(b'D', b"g"),
            goaway(),
            goaway(),
            ready(b'I'),
        ];
        c.send_split(&answer.concat());
        c.drain();
    });
    let server = script.start();
    let options = [&["--no-watch", "--spread", "0"][..], options].concat();
    let proxy = Proxy::to(&format!("127.0.0.1:{}", server.port()), &options);
    let mut client = session(&proxy, parameters);
    client.query("?");
    let mut types = Vec::new();
    while types.last() != Some(&b'Z') {
        types.push(client.read_message().0);
    }
    drop(client);
    drop(proxy);
    server.finish();
    types
}

#[test]
fn goaway_from_the_server_reaches_asking_clients_once() {
    let asks = [("_pq_.goaway", "")];
    for early in [false, true] {
        assert_eq!(read(early, &asks, &[]), b"gDZ");
        assert_eq!(read(early, &[], &[]), b"DZ");
        assert_eq!(read(early, &[], &["--parameter-status"]), b"SDZ");
        let walsender = [("replication", "true"), asks[0]];
        assert_eq!(read(early, &walsender, &[]), b"DZ");
    }
}
