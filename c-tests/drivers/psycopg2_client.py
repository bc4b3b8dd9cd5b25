"""psycopg2: types, errors, notices, COPY, notifications, large objects, a cancelled query."""
import io
import select
import threading
import time

import psycopg2
import psycopg2.extensions
import psycopg2.extras

conn = psycopg2.connect("")
cur = conn.cursor()
cur.execute("SELECT %s::int, %s::text, NULL, 1.5::numeric, '\\x00ff'::bytea, ARRAY[1, NULL]", (42, "naïve 日本"))
row = cur.fetchone()
print([bytes(value) if isinstance(value, memoryview) else value for value in row])
print([column.name for column in cur.description], cur.rowcount, cur.statusmessage)
try:
    cur.execute("SELECT 1/0")
except psycopg2.errors.DivisionByZero as error:
    print(error.pgcode, error.diag.severity, error.diag.message_primary)
conn.rollback()
cur.execute("DO $$ BEGIN RAISE NOTICE 'said'; END $$")
print(conn.notices)
cur.execute("CREATE TEMP TABLE t (a int, b text)")
cur.copy_expert("COPY t FROM STDIN", io.StringIO("1\teins\n2\t\\N\n"))
out = io.StringIO()
cur.copy_expert("COPY t TO STDOUT WITH (FORMAT csv)", out)
print(repr(out.getvalue()))
psycopg2.extras.execute_values(cur, "INSERT INTO t VALUES %s", [(i, str(i)) for i in range(1000)])
with conn.cursor("named") as named:
    named.itersize = 100
    named.execute("SELECT a FROM t ORDER BY a")
    print(sum(row[0] for row in named))
lob = conn.lobject(0, "wb")
lob.write(b"\0large" * 1000)
lob.seek(6)
print(lob.tell(), len(conn.lobject(lob.oid, "rb").read()))
lob.unlink()
conn.commit()
conn.set_session(autocommit=True)
cur.execute("LISTEN channel")
cur.execute("NOTIFY channel, 'payload'")
conn.poll()
print([(n.channel, n.payload, n.pid == conn.info.backend_pid) for n in conn.notifies])


def cancel_when_asleep():
    other = psycopg2.connect("")
    asleep = "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = %s"
    with other.cursor() as look:
        look.execute(asleep, (conn.info.backend_pid,))
        while not look.fetchone()[0]:
            time.sleep(0.01)
            other.rollback()
            look.execute(asleep, (conn.info.backend_pid,))
    conn.cancel()
    other.close()


canceller = threading.Thread(target=cancel_when_asleep)
canceller.start()
try:
    cur.execute("SELECT pg_sleep(60)")
except psycopg2.errors.QueryCanceled as error:
    print(error.diag.message_primary)
canceller.join()
print(conn.encoding, conn.get_parameter_status("server_encoding"), conn.info.transaction_status)
conn.set_client_encoding("LATIN1")
cur.execute("SELECT 'ü'")
print(cur.fetchone(), conn.encoding)
conn.close()

conn = psycopg2.connect("", async_=True)


def wait():
    while (state := conn.poll()) != psycopg2.extensions.POLL_OK:
        reading = state == psycopg2.extensions.POLL_READ
        select.select([conn] * reading, [conn] * (not reading), [])


wait()
cur = conn.cursor()
cur.execute("SELECT repeat('x', 3000000)")
wait()
print(len(cur.fetchone()[0]))
conn.close()
