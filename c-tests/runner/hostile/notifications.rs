//! Notifications before and after a connection fails.

use super::{ours, same};
use crate::support::message::{
    auth, auth_ok, backend_key, error, fatal, message, notification, one_value, parameter_status,
    ready,
};
use crate::support::script::{Script, welcome};

/// A server that sends `reply` first and then closes the connection.
fn first_reply(reply: Vec<u8>) -> Script {
    Script::new().connection(move |c| {
        c.expect_startup();
        c.try_send(&reply);
        c.shutdown();
        c.drain();
    })
}

fn notify(payload: &str) -> Vec<u8> {
    notification(7, "channel", payload)
}

#[test]
fn notifications_of_a_failed_connection() {
    let (one, two) = (notify("one"), notify("two"));
    let fatal_error = fatal("57P01", "not today");
    let open = [
        auth_ok(),
        parameter_status("a", "b"),
        backend_key(1, &[1; 4]),
    ]
    .concat();
    let end = welcome().len() - ready(b'I').len();
    let replies = [
        [&open[..], &one, &fatal_error].concat(),
        [&open[..], &one, &two].concat(),
        [&open[..], &one, &fatal_error, &two].concat(),
        [&open[..], &fatal_error, &one, &ready(b'I')].concat(),
        [&open[..], &one, b"?\0\0\0\x03", &two].concat(),
        [&open[..], &one, &message(b'?', b""), &two].concat(),
        [&open[..], &one, &error("28000", "no"), &ready(b'I'), &two].concat(),
        [&welcome()[..end], &one, &fatal_error, &two].concat(),
    ];
    for reply in replies {
        for connect in ["connect", "connect-polling"] {
            let calls = [connect, "notifications", "state", "notifications"];
            same(|| first_reply(reply.clone()), "", &calls);
        }
    }
}

/// C libpq returns these notifications to the application; ours does not.
#[test]
fn notifications_before_authentication() {
    let (one, two) = (notify("one"), notify("two"));
    let replies = [
        [&fatal("57P01", "not today")[..], &one].concat(),
        [&one[..], &two].concat(),
        [&auth(99, b"")[..], &one].concat(),
    ];
    for reply in replies {
        let calls = ["connect", "notifications", "state"];
        let output = ours(first_reply(reply), "goaway=disable", &calls);
        assert!(output.contains("status=1"), "{output}");
        assert!(!output.contains("notification: "), "{output}");
    }
}

/// C libpq has no limit: it stores notifications until memory runs out.
#[test]
fn more_notifications_than_the_limit() {
    const KEPT: usize = 1 << 20;
    for (count, error) in [(KEPT, ""), (KEPT + 1, TOO_MANY)] {
        let script = Script::new().connection(move |c| {
            c.login();
            c.expect_query();
            c.try_send(&notify("").repeat(count));
            c.try_send(&[one_value("x", "1"), ready(b'I')].concat());
            c.drain();
        });
        let calls = ["connect", "exec 1", "state", "count-notifications"];
        let output = ours(script, "", &calls);
        assert!(
            output.contains(&format!("notifications: {KEPT}\n")),
            "{output}"
        );
        let expected = format!("error=\"{error}\"\n");
        assert!(output.contains(&expected), "{output}");
    }
}

const TOO_MANY: &str =
    "more than 1048576 notifications wait for PQnotifies: the connection is closed\\n";
