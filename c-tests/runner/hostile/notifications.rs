//! Notifications around the failure of a connection.

use super::same;
use crate::support::message::{
    auth, auth_ok, backend_key, error, fatal, message, notification, parameter_status,
    ready,
};
use crate::support::script::{Script, welcome};

/// A server whose first reply is `reply`, and which then leaves.
fn first_reply(reply: Vec<u8>) -> Script {
    Script::new().connection(move |c| {
        c.expect_startup();
        c.try_send(&reply);
        c.shutdown();
        c.drain();
    })
}

fn told(payload: &str) -> Vec<u8> {
    notification(7, "channel", payload)
}

#[test]
fn those_of_a_connection_that_does_not_open() {
    let (one, two) = (told("one"), told("two"));
    let gone = fatal("57P01", "not today");
    let open = [
        auth_ok(),
        parameter_status("a", "b"),
        backend_key(1, &[1; 4]),
    ]
    .concat();
    let end = welcome().len() - ready(b'I').len();
    let replies = [
        [&open[..], &one, &gone].concat(),
        [&open[..], &one, &two].concat(),
        [&open[..], &one, &gone, &two].concat(),
        [&open[..], &gone, &one, &ready(b'I')].concat(),
        [&open[..], &one, b"?\0\0\0\x03", &two].concat(),
        [&open[..], &one, &message(b'?', b""), &two].concat(),
        [&open[..], &one, &error("28000", "no"), &ready(b'I'), &two].concat(),
        [&welcome()[..end], &one, &gone, &two].concat(),
        [&gone[..], &one].concat(),
        [&one[..], &two].concat(),
        [&auth(99, b"")[..], &one].concat(),
    ];
    for reply in replies {
        for connect in ["connect", "connect-polling"] {
            let calls = [connect, "notifications", "state", "notifications"];
            same(|| first_reply(reply.clone()), "", &calls);
        }
    }
}
