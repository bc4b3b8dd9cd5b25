//! The message at different positions in TLS records and TCP segments. The same bytes are also sent in plain text.

use super::{answer, exchange, facts};
use crate::support::message::{goaway, one_value, ready};
use crate::support::script::{Connection, Script};

/// A server that answers the first query with `reply` and the next one as usual.
fn replying(reply: impl Fn(&mut Connection) + Send + Sync + 'static) -> Script {
    Script::new().connection(move |c| {
        c.login();
        c.expect_query();
        reply(c);
        answer(c);
        c.expect_terminate();
    })
}

/// Returns the output of a program that waits for the message and then runs a query.
#[track_caller]
fn receives_goaway(reply: impl Fn(&mut Connection) + Send + Sync + 'static) -> String {
    let calls = [
        "connect",
        "exec 1",
        "await-goaway",
        "goaway",
        "exec 2",
        "state",
        "goaway",
    ];
    let output = exchange(replying(reply), "", &calls);
    assert_eq!(facts(&output, "goaway"), ["1", "1"], "{output}");
    assert_eq!(output.matches("TUPLES_OK").count(), 2, "{output}");
    assert!(output.contains("consumed=1"), "{output}");
    output
}

#[test]
fn separate_records_in_one_segment() {
    let orders: [fn() -> Vec<Vec<u8>>; 3] = [
        || vec![goaway(), one_value("x", "1"), ready(b'I')],
        || vec![one_value("x", "1"), goaway(), ready(b'I')],
        || vec![one_value("x", "1"), ready(b'I'), goaway()],
    ];
    for messages in orders {
        receives_goaway(move |c| {
            let records: Vec<_> = messages().iter().map(|m| c.seal(m)).collect();
            c.send_sealed(&records.concat());
        });
    }
}

#[test]
fn many_messages_in_one_record() {
    receives_goaway(|c| {
        let messages = [
            &goaway()[..],
            &goaway(),
            &one_value("x", "1"),
            &goaway(),
            &ready(b'I'),
            &goaway(),
            &goaway(),
        ];
        c.send(&messages.concat());
    });
}

/// The reply and the message fill the receive buffer exactly or almost. No decrypted data may remain unread while the
/// program polls the socket.
#[test]
fn after_a_reply_of_any_size() {
    let reply = |size: usize| {
        let empty = [one_value("x", ""), ready(b'I')].concat().len();
        [one_value("x", &"y".repeat(size - empty)), ready(b'I')].concat()
    };
    for limit in [4096, 8192, 16_384, 32_768, 65_536] {
        for size in limit - 6..=limit + 1 {
            receives_goaway(move |c| {
                let records = [c.seal(&reply(size)), c.seal(&goaway())];
                c.send_sealed(&records.concat());
            });
        }
    }
}

#[test]
fn split_over_two_records() {
    for at in 1..goaway().len() {
        receives_goaway(move |c| {
            let bytes = [one_value("x", "1"), ready(b'I'), goaway()].concat();
            let (head, tail) = bytes.split_at(bytes.len() - at);
            let records = [c.seal(head), c.seal(tail)];
            c.send_sealed(&records.concat());
        });
    }
}

/// The socket becomes readable before there is enough data to decrypt a record.
#[test]
fn half_a_record_at_a_time() {
    let script = Script::new().connection(|c| {
        c.login();
        let record = c.seal(&goaway());
        let (head, tail) = record.split_at(record.len() / 2);
        for part in [head, tail] {
            c.expect(b'H');
            c.send_sealed(part);
        }
        answer(c);
        c.expect_terminate();
    });
    let half = ["prompt", "wait", "consume", "busy", "goaway"];
    let calls = [&["connect"], &half[..], &half[..], &["exec 1", "goaway"]].concat();
    let output = exchange(script, "", &calls);
    assert_eq!(facts(&output, "goaway"), ["0", "1", "1"], "{output}");
    assert_eq!(output.matches("consume -> 1").count(), 2, "{output}");
}

#[test]
fn after_a_key_update() {
    receives_goaway(|c| {
        c.renew_keys();
        let reply = c.seal(&[one_value("x", "1"), ready(b'I')].concat());
        c.renew_keys();
        let message = c.seal(&goaway());
        c.send_sealed(&[reply, message].concat());
    });
}
