"""psycopg 3 without its C extension: it loads libpq through ctypes."""

import asyncio
import ctypes

import psycopg
from psycopg import errors, pq

from facts import BYTES, TEXT, fact, main, wait_readable


def library():
    fact("implementation", pq.__impl__)
    fact("version", pq.version())


def connect(conninfo):
    return psycopg.connect(conninfo, autocommit=True)


def real(conninfo):
    with connect(conninfo) as conn:
        fact("encoding", conn.info.encoding)
        fact("text and NULL", conn.execute(f"SELECT '{TEXT}' AS \"{TEXT}\", NULL, ''").fetchall())
        fact("parameters", conn.execute("SELECT %s::text, %s::int + 1, %s::text", [TEXT, 41, None]).fetchone())
        fact("types", conn.execute("SELECT %s, %s, %s", [[1, None, 3], 1.5, True]).fetchone())
        with conn.cursor(binary=True) as cursor:
            row = cursor.execute("SELECT %b::bytea, 258, '{1,2}'::int[], 'x'::text", [BYTES]).fetchone()
            fact("binary", row)
            fact("every byte comes back", row[0] == BYTES)
        try:
            conn.execute("SELECT 1/0")
        except errors.DivisionByZero as e:
            fact("division by zero", (e.sqlstate, e.diag.severity, e.diag.message_primary))
        transaction(conn)
        rows_one_by_one(conn)
        copy(conn)
        listen(conn)
        pipeline(conn)
        large_values(conn)


def transaction(conn):
    with conn.transaction():
        conn.execute("CREATE TEMP TABLE kept (n int)")
        try:
            with conn.transaction():
                conn.execute("INSERT INTO kept VALUES (1)")
                raise psycopg.Rollback()
        finally:
            fact("state", conn.info.transaction_status.name)
        conn.execute("INSERT INTO kept VALUES (2)")
    fact("state", conn.info.transaction_status.name)
    fact("kept", conn.execute("TABLE kept").fetchall())
    with conn.cursor() as cursor:
        cursor.executemany("INSERT INTO kept VALUES (%s) RETURNING n", [(n,) for n in range(3, 6)], returning=True)
        fact("many", cursor.fetchall())


def rows_one_by_one(conn):
    with conn.cursor() as cursor:
        rows = cursor.stream("SELECT n, repeat('x', n) FROM generate_series(1, 3) n")
        fact("single rows", list(rows))
        rows = cursor.stream("SELECT generate_series(1, 7)", size=3)
        fact("chunks", list(rows))
    with conn.transaction(), conn.cursor("server_side") as cursor:
        cursor.execute("SELECT generate_series(1, 250)")
        cursor.itersize = 100
        fact("server side", sum(n for (n,) in cursor))


def copy(conn):
    conn.execute("CREATE TEMP TABLE copied (n int, t text)")
    cursor = conn.cursor()
    with cursor.copy("COPY copied FROM STDIN") as put:
        for row in [(1, TEXT), (2, None), (3, "tab\tinside")]:
            put.write_row(row)
    fact("copied in", cursor.rowcount)
    with cursor.copy("COPY copied (n, t) FROM STDIN (FORMAT BINARY)") as put:
        put.set_types(["int4", "text"])
        put.write_row((4, "binary"))
    with cursor.copy("COPY copied TO STDOUT") as get:
        fact("lines", [bytes(line) for line in get])
    with cursor.copy("COPY copied TO STDOUT (FORMAT BINARY)") as get:
        get.set_types(["int4", "text"])
        fact("rows", list(get.rows()))
    try:
        with cursor.copy("COPY copied FROM STDIN") as put:
            put.write("no number\tx\n")
    except errors.InvalidTextRepresentation as e:
        fact("refused", e.sqlstate)


def listen(conn):
    conn.execute('LISTEN "küche"')
    conn.execute("SELECT pg_notify('küche', %s)", [TEXT])
    for notify in conn.notifies(timeout=20, stop_after=1):
        fact("notification", (notify.channel, notify.payload, notify.pid == conn.info.backend_pid))


def pipeline(conn):
    with conn.pipeline() as pipe:
        first = conn.execute("SELECT 'first'")
        conn.execute("CREATE TEMP TABLE piped (n int PRIMARY KEY)")
        cursor = conn.cursor()
        cursor.executemany("INSERT INTO piped VALUES (%s)", [(n,) for n in range(100)])
        pipe.sync()
        last = conn.execute("SELECT count(*) FROM piped")
        fact("piped", (first.fetchone(), last.fetchone()))
    fact("state", conn.info.pipeline_status.name)
    try:
        with conn.pipeline():
            conn.execute("INSERT INTO piped VALUES (1)")
            conn.execute("INSERT INTO piped VALUES (1000)")
    except errors.UniqueViolation as e:
        fact("pipeline refused", e.sqlstate)
    fact("state", conn.info.pipeline_status.name)
    fact("nothing after the error", conn.execute("SELECT max(n) FROM piped").fetchone())


def large_values(conn):
    big = "ä" * (1 << 20)
    fact("large value", conn.execute("SELECT %s || 'x'", [big]).fetchone() == (big + "x",))


def asynchronous(conninfo):
    async def run():
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as conn:
            cursor = await conn.execute("SELECT %s::text, %s::int", [TEXT, None])
            fact("row", await cursor.fetchone())
            await copy_async(conn)
            await notify_async(conn, conninfo)
            async with conn.pipeline():
                cursors = [await conn.execute("SELECT %s::int", [n]) for n in range(5)]
                fact("piped", [await cursor.fetchone() for cursor in cursors])
            await cancel_async(conn, conninfo)

    asyncio.run(run())


async def copy_async(conn):
    await conn.execute("CREATE TEMP TABLE copied (n int, t text)")
    cursor = conn.cursor()
    async with cursor.copy("COPY copied FROM STDIN") as put:
        for n in range(20_000):
            await put.write_row((n, TEXT))
    fact("copied in", cursor.rowcount)
    size = 0
    async with cursor.copy("COPY copied TO STDOUT") as get:
        async for line in get:
            size += len(line)
    fact("bytes out", size)


async def notify_async(conn, conninfo):
    """One connection waits while another one works; neither blocks the event loop."""
    await conn.execute("LISTEN kitchen")

    async def wait():
        async for notify in conn.notifies(timeout=20, stop_after=1):
            return notify.channel, notify.payload

    async def notify():
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as other:
            await other.execute("SELECT pg_notify('kitchen', %s)", [TEXT])

    received, _ = await asyncio.gather(wait(), notify())
    fact("notification", received)


async def cancel_async(conn, conninfo):
    task = asyncio.create_task(conn.execute("SELECT pg_sleep(60)"))
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as other:
        sleeping = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
        while not await (await other.execute(sleeping, [conn.info.backend_pid])).fetchone():
            pass
    await conn.cancel_safe(timeout=20)
    try:
        await task
    except errors.QueryCanceled as e:
        fact("cancelled", e.sqlstate)


def goaway(conninfo):
    with connect(conninfo) as conn:
        # The function needs the PGconn pointer, which psycopg exposes.
        fact("at first", both(conn))
        fact("query", conn.execute("SELECT 1").fetchall())
        while not conn.info.parameter_status("disconnect_requested"):
            wait_readable(conn.fileno())
            conn.pgconn.consume_input()
        fact("then", both(conn))
        fact("query", conn.execute("SELECT 2").fetchall())
        fact("still", both(conn))
    with connect(conninfo) as conn:
        fact("next connection", both(conn))
        fact("query", conn.execute("SELECT 3").fetchall())


def both(conn):
    """Checks both the function, which needs a pointer, and the parameter, which works with any driver."""
    received = ctypes.CDLL("libpq.so.5").PQgoAwayReceived
    received.argtypes = [ctypes.c_void_p]
    return received(conn.pgconn.pgconn_ptr), conn.info.parameter_status("disconnect_requested")


def goaway_async(conninfo):
    async def run():
        conn = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
        fact("at first", both(conn))
        fact("query", await (await conn.execute("SELECT 1")).fetchall())
        while not conn.info.parameter_status("disconnect_requested"):
            # There is no LISTEN: this only reads the data that the server has sent.
            async for _ in conn.notifies(timeout=0):
                pass
        fact("then", both(conn))
        fact("query", await (await conn.execute("SELECT 2")).fetchall())
        fact("still", both(conn))
        await conn.close()
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as conn:
            fact("next connection", both(conn))
            fact("query", await (await conn.execute("SELECT 3")).fetchall())

    asyncio.run(run())


main(
    library=library,
    real=real,
    asynchronous=asynchronous,
    goaway=goaway,
    goaway_async=goaway_async,
)
