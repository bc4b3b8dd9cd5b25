//! Our results where libpq crashes, and the few where libpq does not crash but our result is better. The functions'
//! documentation states the same results.

const OK: &str = r#"PGRES_COMMAND_OK 0/0/0 """#;

/// A call, without its object, and the results it may have.
pub const DOCUMENTED: &[(&str, &[&str])] = &[
    // libpq crashes.
    ("PQconnectdb(NULL)", &["a connection"]),
    ("PQconnectStart(NULL)", &["a connection"]),
    ("PQconnectdbParams(NULL, NULL, 0)", &["a connection"]),
    ("PQconnectdbParams(keywords, NULL, 0)", &["a connection"]),
    ("PQconnectdbParams(NULL, values, 0)", &["a connection"]),
    ("PQconnectdbParams(NULL, NULL, 1)", &["a connection"]),
    ("PQconnectStartParams(NULL, NULL, 0)", &["a connection"]),
    ("PQconnectStartParams(keywords, NULL, 0)", &["a connection"]),
    ("PQconnectStartParams(NULL, values, 0)", &["a connection"]),
    ("PQping(NULL)", &["0"]),
    ("PQpingParams(NULL, NULL, 0)", &["0"]),
    ("PQpingParams(keywords, NULL, 0)", &["0"]),
    ("PQpingParams(NULL, values, 0)", &["0"]),
    ("PQconninfoParse(NULL, NULL)", &["not NULL"]),
    ("PQconninfoParse(NULL, &text)", &["not NULL"]),
    ("PQgetCopyData(conn, NULL, 0)", &["-2"]),
    ("PQputline(conn, NULL)", &["-1", "0"]),
    ("PQputCopyData(conn, NULL, 5)", &["1"]),
    ("PQputnbytes(conn, NULL, 3)", &["0"]),
    ("PQprint(stdout, res, NULL)", &["returns"]),
    ("PQprint(stdout, res, &bare)", &["returns"]),
    ("PQprint(stdout, res, &bare_aligned)", &["returns"]),
    ("PQescapeLiteral(conn, NULL, 5)", &[r#""''""#, "NULL"]),
    ("PQescapeIdentifier(conn, NULL, 5)", &[r#""""""#, "NULL"]),
    (r#"PQescapeStringConn(conn, NULL, "x", 1, &error)"#, &["0"]),
    (r#"PQescapeStringConn(conn, NULL, "x", 1, NULL)"#, &["0"]),
    ("PQescapeStringConn(conn, to, NULL, 5, &error)", &["0"]),
    (
        "(const char *) PQescapeByteaConn(conn, NULL, 5, &length)",
        &[r#""""#, r#""\x5cx""#],
    ),
    (
        r#"(const char *) PQescapeByteaConn(conn, (const unsigned char *) "x", 1, NULL)"#,
        &[r#""\x5cx78""#, r#""x""#],
    ),
    (r#"PQescapeString(NULL, "x", 1)"#, &["0"]),
    ("PQescapeString(to, NULL, 5)", &["0"]),
    ("(const char *) PQescapeBytea(NULL, 5, &length)", &[r#""""#]),
    (
        r#"(const char *) PQescapeBytea((const unsigned char *) "x", 1, NULL)"#,
        &[r#""x""#],
    ),
    (
        r#"(const char *) PQunescapeBytea((const unsigned char *) "x", NULL)"#,
        &[r#""x""#],
    ),
    (
        "PQfn(conn, INT4PL, answer, NULL, 1, both, 2)",
        &["NULL", OK],
    ),
    ("PQfn(conn, INT4PL, NULL, &length, 1, both, 2)", &[OK]),
    ("PQfn(conn, INT4PL, answer, &length, 1, NULL, 2)", &["NULL"]),
    (
        "PQfn(conn, INT4PL, answer, &length, 1, missing, 2)",
        &["NULL"],
    ),
    ("lo_write(conn, 0, NULL, 4)", &["-1"]),
    (
        r#"PQencryptPasswordConn(conn, NULL, "u", "md5")"#,
        &["NULL"],
    ),
    (
        r#"PQencryptPasswordConn(conn, "secret", NULL, "md5")"#,
        &["NULL"],
    ),
    (
        r#"PQencryptPasswordConn(conn, NULL, "u", "scram-sha-256")"#,
        &["NULL"],
    ),
    (r#"PQchangePassword(conn, NULL, "secret")"#, &["NULL"]),
    (r#"PQchangePassword(conn, "nobody", NULL)"#, &["NULL"]),
    (r#"PQencryptPassword(NULL, "u")"#, &["NULL"]),
    (r#"PQencryptPassword("secret", NULL)"#, &["NULL"]),
    ("PQcancelPoll(NULL)", &["0"]),
    ("PQcancelReset(NULL)", &["returns"]),
    ("PQmblen(NULL, 6)", &["1"]),
    ("PQmblenBounded(NULL, 6)", &["0"]),
    ("PQdsplen(NULL, 6)", &["0"]),
    ("PQdsplen(NULL, 0)", &["0"]),
    ("pg_utf_mblen(NULL)", &["1"]),
    ("initPQExpBuffer(NULL)", &["returns"]),
    ("termPQExpBuffer(NULL)", &["returns"]),
    ("printfPQExpBuffer(&live, NO_TEXT, 1)", &["returns"]),
    ("appendPQExpBuffer(&live, NO_TEXT, 1)", &["returns"]),
    (r#"append_list(NULL, "%d", 1)"#, &["1"]),
    ("append_list(&live, NO_TEXT, 1)", &["1"]),
    ("appendPQExpBufferStr(&live, NULL)", &["returns"]),
    ("appendBinaryPQExpBuffer(&live, NULL, 1)", &["returns"]),
    ("PQsslAttribute(conn, NULL)", &["NULL"]),
    ("PQdefaultSSLKeyPassHook_OpenSSL(NULL, 64, conn)", &["0"]),
    ("PQsslStruct(conn, NULL)", &["NULL"]),
    ("PQcancel(PQgetCancel(conn), NULL, 256)", &["0"]),
    ("PQcancel(NULL, NULL, 256)", &["0"]),
    (
        "PQfn(conn, INT4PL, answer, NULL, 1, both, 2)",
        &["NULL", r#"PGRES_COMMAND_OK 0/0/0 """#],
    ),
    (
        "PQfn(conn, INT4PL, NULL, &length, 1, both, 2)",
        &[r#"PGRES_COMMAND_OK 0/0/0 """#],
    ),
    ("PQfn(conn, INT4PL, answer, &length, 1, NULL, 2)", &["NULL"]),
    (
        "PQfn(conn, INT4PL, answer, &length, 1, missing, 2)",
        &[r#"PGRES_FATAL_ERROR 0/0/0 "ERROR:  insufficient data left in message\n""#],
    ),
    ("lo_write(conn, 0, NULL, 4)", &["-1"]),
    (
        r#"PQencryptPasswordConn(conn, NULL, "u", "md5")"#,
        &["NULL"],
    ),
    (
        r#"PQencryptPasswordConn(conn, "secret", NULL, "md5")"#,
        &["NULL"],
    ),
    (
        r#"PQencryptPasswordConn(conn, NULL, "u", "scram-sha-256")"#,
        &["NULL"],
    ),
    (r#"PQchangePassword(conn, NULL, "secret")"#, &["NULL"]),
    (r#"PQchangePassword(conn, "nobody", NULL)"#, &["NULL"]),
    (r#"PQencryptPassword(NULL, "u")"#, &["NULL"]),
    (r#"PQencryptPassword("secret", NULL)"#, &["NULL"]),
    ("PQcancelPoll(NULL)", &["0"]),
    ("PQcancelReset(NULL)", &["returns"]),
    // libpq stores an invalid number, reads before the buffer, or sends a message with a wrong length.
    (
        "(int) PQresultStatus(PQmakeEmptyPGresult(conn, (ExecStatusType) -1))",
        &["7"],
    ),
    (
        "(int) PQresultStatus(PQmakeEmptyPGresult(conn, (ExecStatusType) 99))",
        &["7"],
    ),
    (
        r#"PQexecParams(conn, "SELECT $1::int", 1, NULL, one_value, lengths, wrong_format, 0)"#,
        &[
            r#"PGRES_FATAL_ERROR 0/0/0 "ERROR:  insufficient data left in message\nCONTEXT:  unnamed portal parameter $1\n""#,
        ],
    ),
    (
        "(PQsetErrorVerbosity(conn, (PGVerbosity) -1), PQsetErrorVerbosity(conn, PQERRORS_DEFAULT))",
        &["1"],
    ),
    (
        "(PQsetErrorVerbosity(conn, (PGVerbosity) 99), PQsetErrorVerbosity(conn, PQERRORS_DEFAULT))",
        &["1"],
    ),
    (
        "(PQsetErrorContextVisibility(conn, (PGContextVisibility) 99), PQsetErrorContextVisibility(conn, PQSHOW_CONTEXT_NEVER))",
        &["0"],
    ),
    (
        r#"(strcpy(text, "unset"), PQcancel(PQgetCancel(conn), text, -1), text)"#,
        &[r#""unset""#],
    ),
    // Counts and lengths that do not fit into the protocol's messages.
    (
        "PQfn(conn, INT4PL, answer, &length, 1, both, -1)",
        &["NULL"],
    ),
    (
        "PQfn(conn, INT4PL, answer, &length, 1, negative, 2)",
        &["NULL"],
    ),
];
