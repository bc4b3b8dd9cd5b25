use super::*;

const PLAIN: TraceFlags = TraceFlags {
    suppress_timestamps: true,
    regress: false,
};
const REGRESS: TraceFlags = TraceFlags {
    suppress_timestamps: true,
    regress: true,
};

fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[kind], length.as_slice(), body].concat()
}

fn line(from_server: bool, frame: &[u8], flags: TraceFlags, context: AuthResponse) -> String {
    let mut out = Vec::new();
    frame_line(&mut out, from_server, frame, b"TIME", flags, context);
    String::from_utf8(out).unwrap()
}

fn server(kind: u8, body: &[u8]) -> String {
    line(true, &frame(kind, body), PLAIN, AuthResponse::Unknown)
}

fn client(kind: u8, body: &[u8]) -> String {
    line(false, &frame(kind, body), PLAIN, AuthResponse::Unknown)
}

fn regress(from_server: bool, kind: u8, body: &[u8]) -> String {
    line(
        from_server,
        &frame(kind, body),
        REGRESS,
        AuthResponse::Unknown,
    )
}

fn untyped(body: &[u8], flags: TraceFlags) -> String {
    let mut out = Vec::new();
    untyped_line(&mut out, &frame(b'-', body)[1..], b"TIME", flags);
    String::from_utf8(out).unwrap()
}

#[test]
fn messages_without_fields_are_a_name() {
    let names = [
        (b'1', "ParseComplete"),
        (b'2', "BindComplete"),
        (b'3', "CloseComplete"),
        (b'c', "CopyDone"),
        (b'I', "EmptyQueryResponse"),
        (b'g', "GoAway"),
        (b'n', "NoData"),
        (b's', "PortalSuspended"),
    ];
    for (kind, name) in names {
        assert_eq!(server(kind, b""), format!("B\t4\t{name}\n"));
    }
    for (kind, name) in [
        (b'c', "CopyDone"),
        (b'H', "Flush"),
        (b'S', "Sync"),
        (b'X', "Terminate"),
    ] {
        assert_eq!(client(kind, b""), format!("F\t4\t{name}\n"));
    }
    assert_eq!(server(b'g', b"later"), "B\t9\tGoAway\n");
}

#[test]
fn the_clients_messages_print_their_fields() {
    assert_eq!(client(b'Q', b"BEGIN\0"), "F\t10\tQuery\t \"BEGIN\"\n");
    assert_eq!(
        client(b'P', b"s\0SELECT $1\0\0\x01\0\0\0\x17"),
        "F\t22\tParse\t \"s\" \"SELECT $1\" 1 23\n"
    );
    assert_eq!(
        client(
            b'B',
            b"\0s\0\0\x01\0\x01\0\x02\0\0\0\x02\x01a\xff\xff\xff\xff\0\x01\0\0"
        ),
        "F\t27\tBind\t \"\" \"s\" 1 1 2 2 '\\x01a' -1 1 0\n"
    );
    assert_eq!(client(b'C', b"Ss\0"), "F\t7\tClose\t S \"s\"\n");
    assert_eq!(client(b'D', b"P\0"), "F\t6\tDescribe\t P \"\"\n");
    assert_eq!(client(b'E', b"\0\0\0\0\0"), "F\t9\tExecute\t \"\" 0\n");
    assert_eq!(client(b'f', b"no\0"), "F\t7\tCopyFail\t \"no\"\n");
    assert_eq!(
        client(b'd', b"1\t\xc3\n"),
        "F\t8\tCopyData\t '1\\x09\\xc3\\x0a'\n"
    );
    assert_eq!(
        client(b'F', b"\0\0\x03\xba\0\x01\0\x01\0\x01\0\0\0\x01x\0\x01"),
        "F\t21\tFunctionCall\t 954 1 1 1 1 'x' 1\n"
    );
    assert_eq!(client(b'z', b""), "F\t4\tUnknown message: 7a\n");
}

#[test]
fn the_clients_authentication_messages_are_named_by_their_context() {
    let run = |context, body: &[u8], flags| line(false, &frame(b'p', body), flags, context);
    assert_eq!(
        run(AuthResponse::Password, b"secret\0", PLAIN),
        "F\t11\tPasswordMessage\t \"secret\"\n"
    );
    assert_eq!(
        run(
            AuthResponse::SaslInitial,
            b"SCRAM-SHA-256\0\0\0\0\x02n,",
            PLAIN
        ),
        "F\t24\tSASLInitialResponse\t \"SCRAM-SHA-256\" 2 'n,'\n"
    );
    assert_eq!(
        run(AuthResponse::SaslInitial, b"X\0\0\0\0\x02n,", REGRESS),
        "F\t12\tSASLInitialResponse\t \"X\" 2 'BBBB'\n"
    );
    assert_eq!(
        run(AuthResponse::Sasl, b"c=", PLAIN),
        "F\t6\tSASLResponse\t 'c='\n"
    );
    assert_eq!(
        run(AuthResponse::Gss, b"\x60", REGRESS),
        "F\t5\tGSSResponse\t 'BBBB'\n"
    );
    assert_eq!(
        run(AuthResponse::Unknown, b"", PLAIN),
        "F\t4\tUnknownAuthenticationResponse\n"
    );
}

#[test]
fn the_servers_messages_print_their_fields() {
    assert_eq!(
        server(b'A', b"\0\0\0\x07ch\0pay\0"),
        "B\t15\tNotificationResponse\t 7 \"ch\" \"pay\"\n"
    );
    assert_eq!(
        server(b'C', b"SELECT 1\0"),
        "B\t13\tCommandComplete\t \"SELECT 1\"\n"
    );
    assert_eq!(
        server(b'D', b"\0\x02\0\0\0\x01\x7f\xff\xff\xff\xff"),
        "B\t15\tDataRow\t 2 1 '\\x7f' -1\n"
    );
    assert_eq!(
        server(b'E', b"SERROR\0C42601\0\0"),
        "B\t19\tErrorResponse\t S \"ERROR\" C \"42601\" \\x00\n"
    );
    assert_eq!(server(b'N', b"\0"), "B\t5\tNoticeResponse\t \\x00\n");
    assert_eq!(
        server(b'G', b"\x01\0\x02\0\x01\0\x01"),
        "B\t11\tCopyInResponse\t \\x01 2 1 1\n"
    );
    assert_eq!(
        server(b'H', b"\0\0\x01\0\0"),
        "B\t9\tCopyOutResponse\t \\x00 1 0\n"
    );
    assert_eq!(
        server(b'W', b"\0\0\x02\0\0\0\0"),
        "B\t11\tCopyBothResponse\t \\x00 2 0 0\n"
    );
    assert_eq!(
        server(b'K', b"\0\0\x10\0kEy\0"),
        "B\t12\tBackendKeyData\t 4096 'kEy\\x00'\n"
    );
    assert_eq!(
        server(b'S', b"TimeZone\0UTC\0"),
        "B\t17\tParameterStatus\t \"TimeZone\" \"UTC\"\n"
    );
    assert_eq!(
        server(b't', b"\0\x01\0\0\0\x19"),
        "B\t10\tParameterDescription\t 1 25\n"
    );
    assert_eq!(
        server(
            b'T',
            b"\0\x01a\0\0\0\x40\0\0\x02\0\0\0\x14\xff\xff\xff\xff\xff\xff\0\x01"
        ),
        "B\t26\tRowDescription\t 1 \"a\" 16384 2 20 65535 -1 1\n"
    );
    assert_eq!(
        server(b'v', b"\0\x03\0\0\0\0\0\x01_pq_.goaway\0"),
        "B\t24\tNegotiateProtocolVersion\t 196608 1 \"_pq_.goaway\"\n"
    );
    assert_eq!(
        server(b'V', b"\xff\xff\xff\xff"),
        "B\t8\tFunctionCallResponse\t -1\n"
    );
    assert_eq!(
        server(b'V', b"\0\0\0\x01x"),
        "B\t9\tFunctionCallResponse\t 1 'x'\n"
    );
    assert_eq!(server(b'Z', b"I"), "B\t5\tReadyForQuery\t I\n");
    assert_eq!(server(b'd', b"row\n"), "B\t8\tCopyData\t 'row\\x0a'\n");
    assert_eq!(server(0xe9, b""), "B\t4\tUnknown message: e9\n");
}

#[test]
fn authentication_requests_are_named_by_their_code() {
    let run = |body: &[u8]| server(b'R', body);
    assert_eq!(run(b"\0\0\0\0"), "B\t8\tAuthenticationOk\n");
    assert_eq!(
        run(b"\0\0\0\x03"),
        "B\t8\tAuthenticationCleartextPassword\n"
    );
    assert_eq!(
        run(b"\0\0\0\x05salt"),
        "B\t12\tAuthenticationMD5Password\nmismatched message length: consumed 8, expected 12\n"
    );
    assert_eq!(run(b"\0\0\0\x07"), "B\t8\tAuthenticationGSS\n");
    assert_eq!(
        run(b"\0\0\0\x08x"),
        "B\t9\tAuthenticationGSSContinue\t 'x'\n"
    );
    assert_eq!(run(b"\0\0\0\x09"), "B\t8\tAuthenticationSSPI\n");
    assert_eq!(
        run(b"\0\0\0\x0aSCRAM-SHA-256\0\0"),
        "B\t23\tAuthenticationSASL\t \"SCRAM-SHA-256\" \"\"\n"
    );
    assert_eq!(
        run(b"\0\0\0\x0br="),
        "B\t10\tAuthenticationSASLContinue\t 'r='\n"
    );
    assert_eq!(
        run(b"\0\0\0\x0cv="),
        "B\t10\tAuthenticationSASLFinal\t 'v='\n"
    );
    assert_eq!(
        run(b"\0\0\0\x63"),
        "B\t8\tUnknown authentication message 99\n"
    );
}

#[test]
fn regress_mode_hides_what_differs_from_run_to_run() {
    assert_eq!(
        regress(true, b'E', b"SERROR\0Mx\0Fa.c\0L12\0Rf\0\0"),
        "B\tNN\tErrorResponse\t S \"ERROR\" M \"x\" F \"SSSS\" L \"SSSS\" R \"SSSS\" \\x00\n"
    );
    assert_eq!(
        regress(true, b'S', b"TimeZone\0UTC\0"),
        "B\t17\tParameterStatus\t \"TimeZone\" \"UTC\"\n"
    );
    assert_eq!(regress(false, b'S', b""), "F\t4\tSync\n");
    assert_eq!(
        regress(true, b't', b"\0\x01\0\0\0\x19"),
        "B\t10\tParameterDescription\t 1 NNNN\n"
    );
    assert_eq!(
        regress(
            true,
            b'T',
            b"\0\x01a\0\0\0\x40\0\0\x02\0\0\0\x14\xff\xff\xff\xff\xff\xff\0\x01"
        ),
        "B\t26\tRowDescription\t 1 \"a\" NNNN 2 NNNN 65535 -1 1\n"
    );
    assert_eq!(
        regress(true, b'K', b"\0\0\0\x01key!"),
        "B\t12\tBackendKeyData\t NNNN 'BBBB'\n"
    );
    assert_eq!(regress(true, b'd', b"x"), "B\t5\tCopyData\t 'BBBB'\n");
    assert_eq!(
        regress(true, b'A', b"\0\0\0\x07c\0\0"),
        "B\t11\tNotificationResponse\t NNNN \"c\" \"\"\n"
    );
    assert_eq!(
        regress(false, b'P', b"\0q\0\0\x01\0\0\0\x17"),
        "F\t13\tParse\t \"\" \"q\" 1 NNNN\n"
    );
}

#[test]
fn messages_without_a_type_byte_are_named_by_their_code() {
    let startup = b"\0\x03\0\0user\0x\0\0";
    assert_eq!(
        untyped(startup, PLAIN),
        "F\t16\tStartupMessage\t 3 0 \"user\" \"x\"\n"
    );
    assert_eq!(
        untyped(startup, REGRESS),
        "F\t16\tStartupMessage\t 3 0 \"user\" \"x\"\n"
    );
    assert_eq!(
        untyped(b"\x04\xd2\x16\x2f", REGRESS),
        "F\t8\tSSLRequest\t 1234 5679\n"
    );
    assert_eq!(
        untyped(b"\x04\xd2\x16\x30", PLAIN),
        "F\t8\tGSSENCRequest\t 1234 5680\n"
    );
    let cancel = b"\x04\xd2\x16\x2e\0\0\0\x09key!";
    assert_eq!(
        untyped(cancel, PLAIN),
        "F\t16\tCancelRequest\t 1234 5678 9 'key!'\n"
    );
    assert_eq!(
        untyped(cancel, REGRESS),
        "F\t16\tCancelRequest\t 1234 5678 NNNN 'BBBB'\n"
    );
    assert_eq!(untyped(b"", PLAIN), "F\t4\tUnknown message\n");
}

#[test]
fn lines_start_with_the_time_unless_suppressed() {
    let mut out = Vec::new();
    answer_line(
        &mut out,
        "SSLResponse",
        b'S',
        b"TIME",
        TraceFlags::default(),
    );
    frame_line(
        &mut out,
        true,
        &frame(b'g', b""),
        b"TIME",
        TraceFlags::default(),
        AuthResponse::Unknown,
    );
    untyped_line(
        &mut out,
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"TIME",
        TraceFlags::default(),
    );
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "TIME\tB\t1\tSSLResponse\t S\nTIME\tB\t4\tGoAway\nTIME\tF\t8\tSSLRequest\t 1234 5679\n"
    );
}

#[test]
fn a_mismatch_of_length_and_fields_is_reported() {
    assert_eq!(
        server(b'Z', b"Ix"),
        "B\t6\tReadyForQuery\t I\nmismatched message length: consumed 5, expected 6\n"
    );
    assert_eq!(
        server(b'D', b"\0\x02\0\0\0\x09ab"),
        "B\t12\tDataRow\t 2 9 'ab'\nmismatched message length: consumed 19, expected 12\n"
    );
    assert_eq!(
        server(b'D', b"\0\x01\x80\0\0\0"),
        "B\t10\tDataRow\t 1 -2147483648 ''\n"
    );
    assert_eq!(
        server(b'C', b"x"),
        "B\t5\tCommandComplete\t \"x\"\nmismatched message length: consumed 6, expected 5\n"
    );
}

/// The line is not much longer than the message, whatever the bytes are.
#[test]
fn hostile_messages_neither_panic_nor_grow() {
    let mut seed = 1_u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Prefer extreme bytes: they make extreme lengths.
        [0, 0xff, 0x7f, (seed >> 24) as u8][(seed >> 16) as usize & 3]
    };
    // Miri is a thousand times slower.
    let step = if cfg!(miri) { 997 } else { 1 };
    for round in (0..40_000_usize).step_by(step) {
        let mut bytes: Vec<u8> = (0..round % 23).map(|_| random()).collect();
        if let Some(kind) = bytes.first_mut() {
            *kind = (round / 23) as u8;
        }
        for flags in [PLAIN, REGRESS] {
            let mut out = Vec::new();
            for from_server in [true, false] {
                frame_line(
                    &mut out,
                    from_server,
                    &bytes,
                    b"",
                    flags,
                    AuthResponse::SaslInitial,
                );
            }
            untyped_line(&mut out, &bytes, b"", flags);
            assert!(out.len() < 1000, "{bytes:?}");
        }
    }
}
