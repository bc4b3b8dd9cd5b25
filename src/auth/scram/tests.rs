use super::*;

const NONCE: [u8; RAW_NONCE_LENGTH] = *b"\xff\xee\xdd123456789abcdef";
/// The exchange of RFC 7677: nonces, salt and password.
const RFC_CLIENT_NONCE: &[u8] = b"rOprNGfwEbeRWgbNEkqO";
const RFC_SERVER_FIRST: &[u8] =
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

fn password(text: &[u8]) -> Credentials {
    Credentials {
        password: Some(Zeroizing::new(text.to_vec())),
        ..Credentials::default()
    }
}

/// A client that has sent its first message.
fn started(binding: Binding, credentials: Credentials) -> (Client, String) {
    let mut client = Client::new(binding, credentials, NONCE);
    client.first_message();
    let nonce = BASE64.encode(NONCE);
    (client, nonce)
}

#[test]
fn the_keys_of_rfc_7677() {
    // The RFC's exchange names a user, so its AuthMessage is built here.
    let server = ServerFirst::parse(RFC_SERVER_FIRST, RFC_CLIENT_NONCE).unwrap();
    let without_proof = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    let bare = b"n=user,r=rOprNGfwEbeRWgbNEkqO";
    let message = [bare, b",".as_slice(), RFC_SERVER_FIRST, b",", without_proof].concat();
    let client = Client::new(Binding::Unsupported, password(b"pencil"), NONCE);
    assert_eq!(client.without_proof(server.nonce), without_proof);
    let (client_key, server_key) = client.keys(&server);
    let stored_key = sha256(client_key.as_slice());
    let signature = hmac_sha256(stored_key.as_slice(), &message);
    let proof: Vec<u8> = signature
        .iter()
        .zip(client_key.iter())
        .map(|(a, b)| a ^ b)
        .collect();
    assert_eq!(
        BASE64.encode(proof),
        "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    );
    let signature = hmac_sha256(server_key.unwrap().as_slice(), &message);
    let server_final = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    assert_eq!(parse_server_final(server_final).unwrap(), *signature);
}

/// Acts as a server that has `stored` (from [`build_secret`]): checks the proof and returns the server's signature.
fn server_answer(stored: &[u8], bare: &[u8], server_first: &[u8], client_final: &[u8]) -> Vec<u8> {
    let keys = stored.rsplit(|c| *c == b'$').next().unwrap();
    let mut keys = keys
        .split(|c| *c == b':')
        .map(|key| BASE64.decode(key).unwrap());
    let (stored_key, server_key) = (keys.next().unwrap(), keys.next().unwrap());
    let split = client_final.windows(3).position(|w| w == b",p=").unwrap();
    let (without_proof, proof) = (&client_final[..split], &client_final[split + 3..]);
    let message = [bare, b",", server_first, b",", without_proof].concat();
    let signature = hmac_sha256(&stored_key, &message);
    let proof = BASE64.decode(proof).unwrap();
    let client_key: Vec<u8> = proof
        .iter()
        .zip(signature.iter())
        .map(|(a, b)| a ^ b)
        .collect();
    if sha256(&client_key).as_slice() != stored_key {
        return b"e=invalid-proof".to_vec();
    }
    format!(
        "v={}",
        BASE64.encode(hmac_sha256(&server_key, &message).as_slice())
    )
    .into_bytes()
}

/// A whole exchange against a server that stores the secret of `stored_password`.
fn exchange(
    binding: Binding,
    credentials: Credentials,
    stored_password: &[u8],
) -> Result<Client, ScramError> {
    let salt = b"0123456789abcdef";
    let stored = build_secret(stored_password, salt, 7);
    let mut client = Client::new(binding, credentials, NONCE);
    let first = client.first_message();
    let bare = &first[first.windows(2).position(|w| w == b",,").unwrap() + 2..];
    let server_first = format!(
        "r={}SERVER,s={},i=7",
        BASE64.encode(NONCE),
        BASE64.encode(salt)
    );
    let client_final = client.final_message(server_first.as_bytes())?;
    let answer = server_answer(&stored, bare, server_first.as_bytes(), &client_final);
    client.verify(&answer).map(|()| client)
}

#[test]
fn an_exchange_succeeds_with_the_password_and_only_with_it() {
    let plain = || Binding::Unsupported;
    assert!(exchange(plain(), password(b"secret"), b"secret").is_ok());
    assert!(
        exchange(
            plain(),
            password("I\u{ad}X".as_bytes()),
            "\u{2168}".as_bytes()
        )
        .is_ok()
    );
    let refused = Err(ScramError::Server(b"invalid-proof".to_vec()));
    assert_eq!(
        exchange(plain(), password(b"other"), b"secret").map(|_| ()),
        refused
    );
    assert_eq!(
        exchange(plain(), Credentials::default(), b"secret").map(|_| ()),
        refused
    );
}

#[test]
fn keys_replace_the_password() {
    let salted = salted_password(b"secret", b"0123456789abcdef", NonZeroU32::new(7).unwrap());
    let key = |name: &[u8]| Some(Box::new(hmac_sha256(salted.as_slice(), name)));
    let both = Credentials {
        client_key: key(b"Client Key"),
        server_key: key(b"Server Key"),
        password: None,
    };
    assert!(exchange(Binding::Unsupported, both, b"secret").is_ok());
    // If the server cannot be verified, authentication fails.
    let client_only = Credentials {
        client_key: key(b"Client Key"),
        ..Credentials::default()
    };
    let outcome = exchange(Binding::Unsupported, client_only, b"secret").map(|_| ());
    assert_eq!(outcome, Err(ScramError::IncorrectServerSignature));
}

#[test]
fn both_messages_have_the_channel_binding() {
    let cases = [
        (Binding::Unsupported, "n,,n=,r=", "c=biws,", false),
        (Binding::NotOffered, "y,,n=,r=", "c=eSws,", false),
        (
            Binding::ServerEndPoint(b"\x01\x02".to_vec()),
            "p=tls-server-end-point,,n=,r=",
            "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAQI=,",
            true,
        ),
    ];
    for (binding, first, last, bound) in cases {
        let mut client = Client::new(binding.clone(), password(b"x"), NONCE);
        let nonce = BASE64.encode(NONCE);
        assert_eq!(client.first_message(), format!("{first}{nonce}").as_bytes());
        let reply = format!("r={nonce}X,s=QUJD,i=1");
        let message = client.final_message(reply.as_bytes()).unwrap();
        assert!(message.starts_with(format!("{last}r={nonce}X,p=").as_bytes()));
        assert!(!client.channel_bound());
        assert_eq!(
            exchange(binding, password(b"x"), b"x")
                .unwrap()
                .channel_bound(),
            bound
        );
    }
}

#[test]
fn bad_first_messages_have_libpqs_texts() {
    let nonce = BASE64.encode(NONCE);
    let cases: [(String, &str); 14] = [
        (String::new(), "malformed SCRAM message (empty message)"),
        ("r=\0".into(), "malformed SCRAM message (length mismatch)"),
        (
            "m=x".into(),
            "malformed SCRAM message (attribute \"r\" expected)",
        ),
        (
            "r".into(),
            "malformed SCRAM message (expected character \"=\" for attribute \"r\")",
        ),
        ("r=".into(), "invalid SCRAM response (nonce mismatch)"),
        (
            format!("r=X{nonce}"),
            "invalid SCRAM response (nonce mismatch)",
        ),
        (
            format!("r={nonce}X"),
            "malformed SCRAM message (attribute \"s\" expected)",
        ),
        (
            format!("r={nonce},s=A,i=1"),
            "malformed SCRAM message (invalid salt)",
        ),
        (
            format!("r={nonce},s=QUJD"),
            "malformed SCRAM message (attribute \"i\" expected)",
        ),
        (
            format!("r={nonce},s=QUJD,i="),
            "malformed SCRAM message (invalid iteration count)",
        ),
        (
            format!("r={nonce},s=QUJD,i=0"),
            "malformed SCRAM message (invalid iteration count)",
        ),
        (
            format!("r={nonce},s=QUJD,i=-1"),
            "malformed SCRAM message (invalid iteration count)",
        ),
        (
            format!("r={nonce},s=QUJD,i=1x"),
            "malformed SCRAM message (invalid iteration count)",
        ),
        (
            format!("r={nonce},s=QUJD,i=2147483648"),
            "malformed SCRAM message (invalid iteration count)",
        ),
    ];
    for (message, text) in cases {
        let (mut client, _) = started(Binding::Unsupported, password(b"x"));
        let error = client.final_message(message.as_bytes()).unwrap_err();
        assert_eq!(
            String::from_utf8(error.message()).unwrap(),
            text,
            "{message}"
        );
    }
}

#[test]
fn unusual_but_valid_first_messages_are_accepted() {
    for tail in [
        "s=QUJD,i=2,extension",
        "s=QU JD,i= 2",
        "s=,i=+2",
        "s=QUK=,i=1",
    ] {
        let (mut client, nonce) = started(Binding::Unsupported, password(b"x"));
        assert!(
            client
                .final_message(format!("r={nonce},{tail}").as_bytes())
                .is_ok(),
            "{tail}"
        );
    }
}

#[test]
fn bad_final_messages_have_libpqs_texts() {
    let wrong = format!("v={}", BASE64.encode([7; 32]));
    let cases: [(&[u8], &str); 8] = [
        (b"", "malformed SCRAM message (empty message)"),
        (b"v=\0", "malformed SCRAM message (length mismatch)"),
        (
            b"e",
            "malformed SCRAM message (expected character \"=\" for attribute \"e\")",
        ),
        (
            b"e=other-error,x",
            "error received from server in SCRAM exchange: other-error",
        ),
        (b"x=", "malformed SCRAM message (attribute \"v\" expected)"),
        (
            b"v=QUJD",
            "malformed SCRAM message (invalid server signature)",
        ),
        (
            b"v=***",
            "malformed SCRAM message (invalid server signature)",
        ),
        (wrong.as_bytes(), "incorrect server signature"),
    ];
    for (message, text) in cases {
        let (mut client, nonce) = started(Binding::Unsupported, password(b"x"));
        client
            .final_message(format!("r={nonce},s=QUJD,i=1").as_bytes())
            .unwrap();
        let error = client.verify(message).unwrap_err();
        assert_eq!(String::from_utf8(error.message()).unwrap(), text);
        assert_eq!(client.verify(message), Err(ScramError::InvalidState));
    }
}

#[test]
fn steps_out_of_order_are_rejected() {
    let mut client = Client::new(Binding::Unsupported, password(b"x"), NONCE);
    assert_eq!(client.verify(b"v="), Err(ScramError::InvalidState));
    let message = format!("r={},s=QUJD,i=1", BASE64.encode(NONCE));
    assert_eq!(
        client.final_message(message.as_bytes()),
        Err(ScramError::InvalidState)
    );
    client.first_message();
    client.final_message(message.as_bytes()).unwrap();
    assert_eq!(
        client.final_message(message.as_bytes()),
        Err(ScramError::InvalidState)
    );
}

#[test]
fn the_stored_secret_has_the_servers_form() {
    let salt: [u8; SALT_LENGTH] = BASE64
        .decode("W22ZaJ0SNY7soEsUEjb6gQ==")
        .unwrap()
        .try_into()
        .unwrap();
    assert_eq!(
        build_secret(b"pencil", &salt, 4096),
        b"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
          WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    );
    assert!(build_secret(b"x", &salt, 0).starts_with(b"SCRAM-SHA-256$1:"));
}
