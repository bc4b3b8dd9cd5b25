"""libpq through ctypes, without a driver, as from any language with a foreign-function interface."""

from ctypes import (
    CDLL, POINTER, Structure, byref, c_char_p, c_int, c_uint, c_void_p, string_at,
)
import sys

from facts import BYTES, TEXT, fact, main, wait_readable

CONNECTION_OK, COMMAND_OK, TUPLES_OK, COPY_OUT, COPY_IN = 0, 1, 2, 3, 4
TEXT_FORMAT, BINARY_FORMAT = 0, 1
BYTEA = 17


class Notify(Structure):
    _fields_ = [("relname", c_char_p), ("be_pid", c_int), ("extra", c_char_p)]


PROTOTYPES = {
    "PQconnectdb": (c_void_p, [c_char_p]),
    "PQstatus": (c_int, [c_void_p]),
    "PQerrorMessage": (c_char_p, [c_void_p]),
    "PQfinish": (None, [c_void_p]),
    "PQsocket": (c_int, [c_void_p]),
    "PQparameterStatus": (c_char_p, [c_void_p, c_char_p]),
    "PQexec": (c_void_p, [c_void_p, c_char_p]),
    "PQexecParams": (c_void_p, [c_void_p, c_char_p, c_int, POINTER(c_uint), POINTER(c_char_p), POINTER(c_int),
                                POINTER(c_int), c_int]),
    "PQresultStatus": (c_int, [c_void_p]),
    "PQresultErrorField": (c_char_p, [c_void_p, c_int]),
    "PQntuples": (c_int, [c_void_p]),
    "PQnfields": (c_int, [c_void_p]),
    "PQfname": (c_char_p, [c_void_p, c_int]),
    "PQgetisnull": (c_int, [c_void_p, c_int, c_int]),
    "PQgetlength": (c_int, [c_void_p, c_int, c_int]),
    "PQgetvalue": (c_void_p, [c_void_p, c_int, c_int]),
    "PQcmdTuples": (c_char_p, [c_void_p]),
    "PQclear": (None, [c_void_p]),
    "PQputCopyData": (c_int, [c_void_p, c_char_p, c_int]),
    "PQputCopyEnd": (c_int, [c_void_p, c_char_p]),
    "PQgetCopyData": (c_int, [c_void_p, POINTER(c_void_p), c_int]),
    "PQgetResult": (c_void_p, [c_void_p]),
    "PQconsumeInput": (c_int, [c_void_p]),
    "PQnotifies": (POINTER(Notify), [c_void_p]),
    "PQfreemem": (None, [c_void_p]),
}

pq = CDLL("libpq.so.5")
for name, (result, arguments) in PROTOTYPES.items():
    getattr(pq, name).restype = result
    getattr(pq, name).argtypes = arguments


def connect(conninfo):
    conn = pq.PQconnectdb(conninfo.encode())
    if pq.PQstatus(conn) != CONNECTION_OK:
        sys.exit(pq.PQerrorMessage(conn).decode())
    return conn


def check(conn, res, status):
    if pq.PQresultStatus(res) != status:
        sys.exit(f"result {pq.PQresultStatus(res)}: {pq.PQerrorMessage(conn).decode()}")
    return res


def rows(res):
    """Returns names and values; a value is bytes, and NULL is None. Frees the result."""
    width = range(pq.PQnfields(res))
    names = [pq.PQfname(res, column).decode() for column in width]
    values = [[value(res, row, column) for column in width] for row in range(pq.PQntuples(res))]
    pq.PQclear(res)
    return names, values


def value(res, row, column):
    if pq.PQgetisnull(res, row, column):
        return None
    return string_at(pq.PQgetvalue(res, row, column), pq.PQgetlength(res, row, column))


def query(conn, sql):
    return rows(check(conn, pq.PQexec(conn, sql.encode()), TUPLES_OK))


def command(conn, sql):
    pq.PQclear(check(conn, pq.PQexec(conn, sql.encode()), COMMAND_OK))


def query_params(conn, sql, params, types=None, formats=None, result_format=TEXT_FORMAT):
    n = len(params)
    oids = (c_uint * n)(*types) if types else None
    lengths = (c_int * n)(*(len(param or b"") for param in params))
    formats = (c_int * n)(*formats) if formats else None
    res = pq.PQexecParams(conn, sql.encode(), n, oids, (c_char_p * n)(*params), lengths, formats, result_format)
    return rows(check(conn, res, TUPLES_OK))


def real(conninfo):
    conn = connect(conninfo)
    fact("server encoding", pq.PQparameterStatus(conn, b"server_encoding"))
    fact("text and NULL", query(conn, f"SELECT '{TEXT}' AS \"{TEXT}\", NULL AS nothing, '' AS empty"))
    fact("parameters", query_params(conn, "SELECT $1::text, $2::int4 + 1, $3::text", [TEXT.encode(), b"41", None]))
    binary = query_params(conn, "SELECT $1::bytea, 258::int4, 'x'::text", [BYTES], [BYTEA], [BINARY_FORMAT], BINARY_FORMAT)
    fact("binary", binary)
    fact("every byte comes back", binary[1][0][0] == BYTES)
    res = pq.PQexec(conn, b"SELECT 1/0")
    fact("division by zero", pq.PQresultErrorField(res, ord("C")))
    pq.PQclear(res)
    copy(conn)
    listen(conn)
    pq.PQfinish(conn)


def copy(conn):
    command(conn, "CREATE TEMP TABLE copied (n int, t text)")
    pq.PQclear(check(conn, pq.PQexec(conn, b"COPY copied FROM STDIN"), COPY_IN))
    for line in [f"1\t{TEXT}\n", "2\t\\N\n", "3\ttab\\tinside\n"]:
        data = line.encode()
        fact("put", pq.PQputCopyData(conn, data, len(data)))
    fact("put end", pq.PQputCopyEnd(conn, None))
    res = check(conn, pq.PQgetResult(conn), COMMAND_OK)
    fact("copied in", pq.PQcmdTuples(res))
    pq.PQclear(res)
    fact("no more", pq.PQgetResult(conn))

    pq.PQclear(check(conn, pq.PQexec(conn, b"COPY copied TO STDOUT"), COPY_OUT))
    buffer = c_void_p()
    while (length := pq.PQgetCopyData(conn, byref(buffer), 0)) > 0:
        fact("line", string_at(buffer, length))
        pq.PQfreemem(buffer)
    fact("end of data", length)
    res = check(conn, pq.PQgetResult(conn), COMMAND_OK)
    fact("copied out", pq.PQcmdTuples(res))
    pq.PQclear(res)
    fact("no more", pq.PQgetResult(conn))


def listen(conn):
    command(conn, 'LISTEN "küche"')
    command(conn, f"NOTIFY \"küche\", '{TEXT}'")
    while not (notify := pq.PQnotifies(conn)):
        wait_readable(pq.PQsocket(conn))
        pq.PQconsumeInput(conn)
    fact("notification", (notify.contents.relname.decode(), notify.contents.extra.decode()))
    pq.PQfreemem(notify)
    fact("no other", bool(pq.PQnotifies(conn)))


def goaway(conninfo):
    pq.PQgoAwayReceived.restype = c_int
    pq.PQgoAwayReceived.argtypes = [c_void_p]
    fact("of NULL", pq.PQgoAwayReceived(None))
    conn = connect(conninfo)
    fact("at first", both(conn))
    fact("query", query(conn, "SELECT 1"))
    while not pq.PQgoAwayReceived(conn):
        wait_readable(pq.PQsocket(conn))
        pq.PQconsumeInput(conn)
    fact("then", both(conn))
    fact("query", query(conn, "SELECT 2"))
    fact("still", both(conn))
    pq.PQfinish(conn)
    conn = connect(conninfo)
    fact("next connection", both(conn))
    fact("query", query(conn, "SELECT 3"))
    pq.PQfinish(conn)


def both(conn):
    """Checks both the function and the parameter."""
    return pq.PQgoAwayReceived(conn), pq.PQparameterStatus(conn, b"disconnect_requested")


main(real=real, goaway=goaway)
