//! The server's SCRAM messages.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::auth::scram::{Binding, Client, Credentials, Key, RAW_NONCE_LENGTH};

const SERVER_KEY: Key = [2; 32];

/// Processes the two lines in `data` as the server's messages. The second must prove that the server knows its key.
pub fn scram(data: &[u8]) {
    let mut messages = data.splitn(2, |byte| *byte == b'\n');
    let first = messages.next().unwrap_or_default();
    let last = messages.next().unwrap_or_default();
    let Some((mut client, proof)) = until_proof(first, last) else {
        return;
    };
    match client.verify(last) {
        Ok(()) => assert!(last.starts_with(&proof), "a forged signature is accepted"),
        Err(error) => drop(error.message()),
    }
    let (mut client, proof) = until_proof(first, last).expect("the same again");
    assert_eq!(client.verify(&proof), Ok(()));
}

/// Runs the exchange until the server must prove that it knows its key. Returns the only message that does.
fn until_proof(first: &[u8], password: &[u8]) -> Option<(Client, Vec<u8>)> {
    // With these keys, nothing is computed from the password, so that large iteration counts cost no time.
    let credentials = Credentials {
        password: Some(Zeroizing::new(password.to_vec())),
        client_key: Some(Box::new(Zeroizing::new([1; 32]))),
        server_key: Some(Box::new(Zeroizing::new(SERVER_KEY))),
    };
    let (binding, header) = match first.len() % 3 {
        0 => (Binding::Unsupported, "n,,"),
        1 => (Binding::NotOffered, "y,,"),
        _ => (
            Binding::ServerEndPoint(vec![3; 32]),
            "p=tls-server-end-point,,",
        ),
    };
    let mut client = Client::new(binding, credentials, [0; RAW_NONCE_LENGTH]);
    let own = client.first_message();
    let bare = own.strip_prefix(header.as_bytes()).expect("the header");
    let answer = match client.final_message(first) {
        Ok(answer) => answer,
        Err(error) => {
            drop(error.message());
            return None;
        }
    };
    assert!(first.starts_with(b"r=AAAAAAAAAAAAAAAAAAAAAAAA"));
    let end = answer.windows(3).rposition(|part| part == b",p=");
    let signed = [bare, first, &answer[..end.expect("a proof")]].join(&b","[..]);
    Some((client, [b"v=", signature(&signed).as_bytes()].concat()))
}

fn signature(message: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &SERVER_KEY);
    STANDARD.encode(hmac::sign(&key, message))
}
