"""psycopg 3 with its C extension, which does not call PQgetvalue: it reads rows directly in the memory of results."""

import datetime
import hashlib
import uuid
from dataclasses import dataclass
from decimal import Decimal

import psycopg
from psycopg import pq, rows, sql

from facts import BYTES, TEXT, fact, main

MANY = 1_000_000
MOST_COLUMNS = 1600

# Values of every kind, including NULL, empty ones and values longer than a page.
MIXED = """
SELECT i AS n, CASE WHEN i % 3 <> 0 THEN i END AS sometimes, repeat('x', i * i) AS t, NULL AS nothing, '' AS empty,
    i * 1.5::float8 AS f, i % 2 = 0 AS b, (i || '.25')::numeric AS d, ARRAY[i, NULL, -i] AS list,
    ('\\x00ff' || repeat('41', i))::bytea AS bytes, date '2020-02-28' + i AS day, '{"a": [1, null]}'::jsonb AS j,
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS u, ROW(i, '')::text AS record
FROM generate_series(0, 99) AS i
"""


@dataclass
class Pair:
    a: int
    b: str


def library():
    fact("implementation", pq.__impl__)
    fact("version", pq.version())


def digest(values):
    """A hash, for values that are too long to print."""
    result = hashlib.sha256()
    count = 0
    for value in values:
        result.update(repr(value).encode())
        count += 1
    return count, result.hexdigest()


def every_set(cursor):
    sets = [cursor.fetchall()]
    while cursor.nextset():
        sets.append(cursor.fetchall())
    return sets


def connect(conninfo):
    return psycopg.connect(conninfo, autocommit=True)


def factories(conninfo):
    pairs = "SELECT 1 AS a, 'one' AS b UNION ALL SELECT 2, NULL UNION ALL SELECT NULL, '' ORDER BY 1"
    made = {
        "tuple": rows.tuple_row,
        "dict": rows.dict_row,
        "named tuple": rows.namedtuple_row,
        "scalar": rows.scalar_row,
        "class": rows.class_row(Pair),
        "args": rows.args_row(Pair),
        "kwargs": rows.kwargs_row(lambda **columns: sorted(columns.items())),
    }
    with connect(conninfo) as conn:
        for binary in (False, True):
            for name, factory in made.items():
                with conn.cursor(row_factory=factory, binary=binary) as cursor:
                    cursor.execute(pairs)
                    fact(f"{name}, one", cursor.fetchone())
                    fact(f"{name}, many", cursor.fetchmany(1))
                    fact(f"{name}, all", cursor.fetchall())
                    fact(f"{name}, none", cursor.fetchone())
                    cursor.execute(pairs)
                    cursor.scroll(1)
                    fact(f"{name}, scrolled", list(cursor))
                    cursor.execute("SELECT 1 AS a, 'x' AS b WHERE false")
                    fact(f"{name}, empty", (cursor.fetchone(), cursor.fetchall(), cursor.rowcount))


def values(conninfo):
    with connect(conninfo) as conn:
        for binary in (False, True):
            cursor = conn.cursor(binary=binary)
            cursor.execute(MIXED)
            fact("columns", [(c.name, c.type_code, c.display_size, c.internal_size) for c in cursor.description])
            first = cursor.fetchone()
            fact("first", first)
            fact("types", [type(value).__name__ for value in first])
            fact("others", digest(cursor))
            cursor.execute("SELECT %b::bytea, %s::text, %s::int[]", [BYTES, TEXT, [None, 1]], binary=binary)
            fact("parameters", cursor.fetchone())
            cursor.execute("SELECT %s, %s, %s, %s", [Decimal("1.50"), datetime.date(2000, 1, 2), uuid.UUID(int=7), None])
            fact("more parameters", cursor.fetchone())
            cursor.execute("SELECT repeat('ä', 1000000) || 'x', NULL, 'behind'", binary=binary)
            fact("large", digest(cursor))
            cursor.execute("SELECT FROM generate_series(1, 3)", binary=binary)
            fact("no columns", cursor.fetchall())
            cursor.execute("CREATE TEMP TABLE IF NOT EXISTS t (n int)")
            fact("no result", (cursor.description, cursor.statusmessage))
            cursor.execute("INSERT INTO t VALUES (1), (NULL) RETURNING n, n IS NULL")
            fact("returning", cursor.fetchall())
            cursor.executemany("INSERT INTO t VALUES (%s) RETURNING n", [(5,), (6,)], returning=True)
            fact("sets", every_set(cursor))
        cursor = conn.execute("SELECT 1; SELECT 'two', 2; SELECT 3 WHERE false")
        fact("three results", every_set(cursor))
        for _ in range(7):
            prepared = conn.execute("SELECT %s::int, repeat('p', %s::int)", [3, 5], prepare=True)
        fact("prepared", prepared.fetchall())
        result = conn.pgconn.exec_(MIXED.encode())
        fact("result", digest(result.get_value(r, c) for r in range(result.ntuples) for c in range(result.nfields)))
        kept = conn.execute(MIXED)
    fact("after the connection", digest(kept))


def streams(conninfo):
    with connect(conninfo) as conn:
        for binary in (False, True):
            for size in (1, 7, 100):
                with conn.cursor(binary=binary) as cursor:
                    fact(f"stream of {size}", digest(cursor.stream(MIXED, size=size)))
                    fact("nothing", list(cursor.stream("SELECT 1 WHERE false", size=size)))
                    stream = cursor.stream("SELECT i, 10 / (20 - i) FROM generate_series(1, 40) AS i", size=size)
                    taken = []
                    try:
                        for row in stream:
                            taken.append(row)
                    except psycopg.errors.DivisionByZero as e:
                        fact("refused", (taken, e.sqlstate))
        with conn.cursor() as cursor:
            for row in cursor.stream(f"SELECT generate_series(1, {MANY})"):
                if row == (1000,):
                    break
        fact("left early", conn.execute("SELECT 'usable'").fetchone())


def copies(conninfo):
    with connect(conninfo) as conn:
        conn.execute("CREATE TEMP TABLE copied (n int, t text, d numeric, b bytea)")
        types = ["int4", "text", "numeric", "bytea"]
        data = [(n if n % 5 else None, TEXT * (n % 7), Decimal(n) / 4, BYTES[: n % 256]) for n in range(2000)]
        cursor = conn.cursor()
        for options in ("", " (FORMAT BINARY)"):
            with cursor.copy(f"COPY copied FROM STDIN{options}") as put:
                put.set_types(types)
                for row in data:
                    put.write_row(row)
            fact("copied in", cursor.rowcount)
            with cursor.copy(f"COPY (TABLE copied ORDER BY n) TO STDOUT{options}") as get:
                fact("bytes out", digest(bytes(line) for line in get))
            with cursor.copy(f"COPY copied TO STDOUT{options}") as get:
                get.set_types(types)
                fact("rows out", digest(get.rows()))
        fact("table", digest(conn.execute("TABLE copied")))


def pipeline(conninfo):
    with connect(conninfo) as conn:
        with conn.pipeline() as pipe:
            cursors = [conn.execute("SELECT %s::int, repeat('y', %s), NULL", [n, n]) for n in range(200)]
            pipe.sync()
            binary = conn.cursor(binary=True).execute(MIXED)
        fact("piped", digest(cursor.fetchone() for cursor in cursors))
        fact("piped, binary", digest(binary))
        try:
            with conn.pipeline():
                first = conn.execute("SELECT 'first'")
                conn.execute("SELECT 1/0")
                conn.execute("SELECT 'never'")
        except psycopg.errors.DivisionByZero as e:
            fact("pipeline refused", (first.fetchall(), e.sqlstate))


def server_side(conninfo):
    with psycopg.connect(conninfo) as conn:
        for binary in (False, True):
            with conn.cursor("plain", binary=binary) as cursor:
                cursor.itersize = 33
                cursor.execute(MIXED)
                fact("server side", digest(cursor))
            with conn.cursor("scrolling", scrollable=True, binary=binary, row_factory=rows.dict_row) as cursor:
                cursor.execute(MIXED)
                fact("described", [column.name for column in cursor.description])
                cursor.scroll(50, mode="absolute")
                fact("scrolled", digest(cursor.fetchmany(10)))
                cursor.scroll(-20)
                fact("back", digest(cursor.fetchall()))
                fact("nothing left", (cursor.fetchone(), cursor.fetchall()))
            with conn.cursor("kept", withhold=True) as cursor:
                cursor.execute("SELECT generate_series(1, 5)")
                conn.commit()
                fact("held", cursor.fetchall())
        conn.execute("DECLARE b BINARY CURSOR FOR SELECT 258, 'x', NULL")
        fact("binary cursor", conn.execute(sql.SQL("FETCH ALL FROM {}").format(sql.Identifier("b"))).fetchall())


def many_rows(conninfo):
    query = f"SELECT i, CASE WHEN i % 7 <> 0 THEN 'row ' || i END, '' FROM generate_series(1, {MANY}) AS i"
    with connect(conninfo) as conn:
        for binary in (False, True):
            cursor = conn.cursor(binary=binary)
            cursor.execute(query)
            fact("many rows", digest(cursor))
            cursor.scroll(MANY - 3, mode="absolute")
            fact("last", cursor.fetchall())
        fact("streamed", digest(cursor.stream(query, size=1000)))


def many_columns(conninfo):
    columns = ", ".join(f"nullif(i * {n % 11}, 0) AS c{n}" for n in range(MOST_COLUMNS))
    query = f"SELECT {columns} FROM generate_series(1, 50) AS i"
    with connect(conninfo) as conn:
        for binary in (False, True):
            cursor = conn.cursor(binary=binary)
            cursor.execute(query)
            fact("columns", digest(column.name for column in cursor.description))
            fact("wide rows", digest(cursor))
            fact("streamed", digest(cursor.stream(query)))
            fact("chunks", digest(cursor.stream(query, size=20)))


main(
    library=library,
    factories=factories,
    values=values,
    streams=streams,
    copies=copies,
    pipeline=pipeline,
    server_side=server_side,
    many_rows=many_rows,
    many_columns=many_columns,
)
