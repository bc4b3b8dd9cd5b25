"""psycopg or psycopg2 in an environment that has the wheel libpq-oxide.

    wheel_client.py version DRIVER                      which libpq the driver uses
    wheel_client.py work DRIVER CONNINFO [preload]      uses the driver, on a server that has pg_goaway
    wheel_client.py late DRIVER                         preload() after the import of the driver
"""

import asyncio
import ctypes
import importlib
import select

import facts

TABLE = "SELECT n, 'row ' || n FROM generate_series(1, 1000) n"
ASK = "SELECT pg_goaway_backend(%s)"


def goaway_received(pointer):
    """Asks the library itself, in the way that works for both drivers: they tell the address of the PGconn."""
    import libpq_oxide

    function = ctypes.CDLL(libpq_oxide.path()).PQgoAwayReceived
    function.argtypes = [ctypes.c_void_p]
    return function(pointer)


class Psycopg:
    def __init__(self):
        self.driver = importlib.import_module("psycopg")

    def version(self):
        facts.fact("implementation", self.driver.pq.__impl__)
        facts.fact("version", self.driver.pq.version())

    def blocking(self, conninfo):
        with self.driver.connect(conninfo) as conn:
            facts.fact("blocking", conn.execute(TABLE).fetchall()[-1])
            try:
                conn.execute("SELECT 1/0")
            except self.driver.errors.DivisionByZero as error:
                facts.fact("error", error.sqlstate)

    def asynchronous(self, conninfo):
        async def use():
            async with await self.driver.AsyncConnection.connect(conninfo) as conn:
                cursor = await conn.execute(TABLE)
                facts.fact("asynchronous", (await cursor.fetchall())[-1])

        asyncio.run(use())

    def pool(self, conninfo):
        with importlib.import_module("psycopg_pool").ConnectionPool(conninfo, min_size=2, max_size=2) as pool:
            with pool.connection() as one, pool.connection() as two:
                facts.fact("pool", [conn.execute("SELECT 'pooled'").fetchone()[0] for conn in (one, two)])

    def goaway(self, conninfo):
        conn, other = (self.driver.connect(conninfo, autocommit=True) for _ in range(2))
        before = conn.info.parameter_status("disconnect_requested"), goaway_received(conn.pgconn.pgconn_ptr)
        other.execute(ASK, [conn.info.backend_pid])
        facts.wait_readable(conn.fileno())
        conn.pgconn.consume_input()
        after = conn.info.parameter_status("disconnect_requested"), goaway_received(conn.pgconn.pgconn_ptr)
        facts.fact("goaway", [before, after, conn.execute("SELECT 'usable'").fetchone()[0]])
        conn.close()
        other.close()


class Psycopg2:
    def __init__(self):
        self.driver = importlib.import_module("psycopg2")
        importlib.import_module("psycopg2.pool")
        self.extensions = importlib.import_module("psycopg2.extensions")

    def version(self):
        facts.fact("version", self.extensions.libpq_version())

    def rows(self, conn, sql, parameters=None):
        cursor = conn.cursor()
        cursor.execute(sql, parameters)
        return cursor.fetchall()

    def blocking(self, conninfo):
        conn = self.driver.connect(conninfo)
        facts.fact("blocking", self.rows(conn, TABLE)[-1])
        try:
            self.rows(conn, "SELECT 1/0")
        except self.driver.errors.DivisionByZero as error:
            facts.fact("error", error.pgcode)
        conn.close()

    def asynchronous(self, conninfo):
        def wait():
            while (state := conn.poll()) != self.extensions.POLL_OK:
                write = state == self.extensions.POLL_WRITE
                select.select([] if write else [conn], [conn] if write else [], [], 20)

        conn = self.driver.connect(conninfo, async_=True)
        wait()
        cursor = conn.cursor()
        cursor.execute(TABLE)
        wait()
        facts.fact("asynchronous", cursor.fetchall()[-1])
        conn.close()

    def pool(self, conninfo):
        pool = self.driver.pool.ThreadedConnectionPool(2, 2, conninfo)
        both = [pool.getconn(), pool.getconn()]
        facts.fact("pool", [self.rows(conn, "SELECT 'pooled'")[0][0] for conn in both])
        pool.closeall()

    def goaway(self, conninfo):
        conn, other = (self.driver.connect(conninfo) for _ in range(2))
        conn.autocommit = other.autocommit = True
        before = conn.info.parameter_status("disconnect_requested"), goaway_received(conn.pgconn_ptr)
        self.rows(other, ASK, [conn.info.backend_pid])
        facts.wait_readable(conn.fileno())
        conn.poll()
        after = conn.info.parameter_status("disconnect_requested"), goaway_received(conn.pgconn_ptr)
        facts.fact("goaway", [before, after, self.rows(conn, "SELECT 'usable'")[0][0]])
        conn.close()
        other.close()


DRIVERS = {"psycopg": Psycopg, "psycopg2": Psycopg2}


def version(driver):
    DRIVERS[driver]().version()


def work(driver, conninfo, *preload):
    if preload:
        import libpq_oxide

        # The second call does nothing.
        libpq_oxide.preload()
        libpq_oxide.preload()
    driver = DRIVERS[driver]()
    driver.version()
    driver.blocking(conninfo)
    driver.asynchronous(conninfo)
    driver.pool(conninfo)
    driver.goaway(conninfo)
    if preload:
        # The libpq of a wheel is loaded by now, but behind ours.
        libpq_oxide.preload()


def late(driver):
    import libpq_oxide

    DRIVERS[driver]()
    try:
        libpq_oxide.preload()
    except RuntimeError as error:
        print(error)


facts.main(version=version, work=work, late=late)
