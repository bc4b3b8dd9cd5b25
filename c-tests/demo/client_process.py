"""A client process of the demonstrations. clients.py starts it; its argument is a JSON object.

It prints each event as a JSON object, with the time of the monotonic clock, which all processes share. It runs until its
standard input ends.
"""

import json
import logging
import random
import select
import sys
import threading
import time
from pathlib import Path

import psycopg
from psycopg_pool import ConnectionPool

sys.path.append(str(Path(__file__).resolve().parents[2] / "examples"))
from pool_psycopg import close_if_asked, visit_idle_connections  # noqa: E402

# Long enough to be running when the server stops.
QUERY = "SELECT pg_sleep(0.02)"


class Record:
    """Prints events, and counts answered queries."""

    def __init__(self):
        self._lock = threading.Lock()
        self._done = 0
        self._worst = 0.0

    def event(self, kind, **more):
        with self._lock:
            print(json.dumps({"event": kind, "t": time.monotonic(), **more}), flush=True)

    def done(self, seconds):
        with self._lock:
            self._done += 1
            self._worst = max(self._worst, seconds)

    def failed(self, error, **more):
        sqlstate = getattr(error, "sqlstate", None)
        self.event("failed", error=type(error).__name__, sqlstate=sqlstate, text=str(error).strip(), **more)

    def tick(self):
        """Prints how many queries were answered since the last call, and the time that the slowest took."""
        with self._lock:
            done, worst = self._done, self._worst
            self._done, self._worst = 0, 0.0
        self.event("tick", done=done, worst=worst)


class Pooled:
    """Threads that share a pool."""

    def __init__(self, record, stop, settings):
        self.record, self.stop, self.settings = record, stop, settings
        more = {"reset": self.reset} if settings["aware"] else {}
        self.pool = ConnectionPool(
            settings["conninfo"],
            kwargs={"autocommit": True},
            min_size=settings["size"],
            max_size=settings["size"],
            max_lifetime=settings["lifetime"],
            configure=lambda conn: record.event("opened", port=conn.info.port),
            open=False,
            **more,
        )

    def reset(self, conn):
        try:
            close_if_asked(conn)
        except psycopg.OperationalError as error:
            if "asks to disconnect" in str(error):
                self.record.event("left", port=conn.info.port)
            raise

    def threads(self):
        """Opens the pool. Returns functions that run until `stop` is set."""
        self.pool.open(wait=True)
        if self.settings["aware"]:
            threading.Thread(target=visit_idle_connections, args=[self.pool], daemon=True).start()
        works = [self.query] * self.settings["threads"] + [self.transaction] * self.settings["transactions"]
        return [lambda work=work, n=n: self.repeat(work, n) for n, work in enumerate(works)]

    def repeat(self, work, number):
        choice = random.Random(f"{self.settings['seed']} {number}")
        while not self.stop.wait(choice.expovariate(1 / self.settings["pause"])):
            begin = time.monotonic()
            try:
                slept = work(choice)
            except Exception as error:  # any exception is a failed query for the application
                self.record.failed(error)
            else:
                self.record.done(time.monotonic() - begin - slept)

    def query(self, _choice):
        with self.pool.connection() as conn:
            conn.execute(QUERY)
        return 0

    def transaction(self, choice):
        seconds = choice.uniform(*self.settings["transaction_seconds"])
        with self.pool.connection() as conn, conn.transaction():
            conn.execute(QUERY)
            begun = time.monotonic()
            self.record.event("begun", transaction=begun, port=conn.info.port)
            time.sleep(seconds)
            conn.execute(QUERY)
            port = conn.info.port
        self.record.event("committed", transaction=begun, port=port)
        return seconds

    def close(self):
        # The pool counts the connections that it found broken. That includes those that `reset` refused.
        stats = self.pool.get_stats()
        self.record.event("broken", count=stats.get("connections_lost", 0) + stats.get("returns_bad", 0))
        self.pool.close()


class Plain:
    """Threads with a connection each. After an error they connect again, in several attempts if necessary, as a pool does."""

    ATTEMPTS = 5

    def __init__(self, record, stop, settings):
        self.record, self.stop, self.settings = record, stop, settings

    def threads(self):
        return [lambda n=n, conn=self.connect(): self.repeat(n, conn) for n in range(self.settings["size"])]

    def connect(self):
        conn = psycopg.connect(self.settings["conninfo"], autocommit=True)
        self.record.event("opened", port=conn.info.port)
        return conn

    def connect_again(self):
        """Tries several times: an exiting server resets connections that it has not yet accepted, and libpq then does not try the next host."""
        for _ in range(self.ATTEMPTS - 1):
            try:
                return self.connect()
            except psycopg.OperationalError:
                time.sleep(0.1)
        return self.connect()

    def repeat(self, number, conn):
        choice = random.Random(f"{self.settings['seed']} {number}")
        while not self.stop.wait(choice.expovariate(1 / self.settings["pause"])):
            begin = time.monotonic()
            try:
                if conn.closed:
                    conn = self.connect_again()
                conn.execute(QUERY)
            except psycopg.Error as error:
                self.record.failed(error, client=number)
            else:
                self.record.done(time.monotonic() - begin)
        conn.close()

    def close(self):
        pass


class Bad:
    """A client that begins a transaction and never ends it."""

    def __init__(self, record, stop, settings):
        self.record, self.stop, self.settings = record, stop, settings

    def threads(self):
        conn = psycopg.connect(self.settings["conninfo"])
        conn.execute("SELECT 1")
        self.record.event("opened", port=conn.info.port)
        return [lambda: self.stay_idle(conn)]

    def stay_idle(self, conn):
        """Sends nothing more, and reports what the server said when it closed the connection."""
        said = []
        conn.add_notice_handler(lambda notice: said.append(notice.sqlstate))
        while not self.stop.wait(0.05):
            try:
                conn.pgconn.consume_input()
            except psycopg.OperationalError:
                conn.pgconn.is_busy()  # parses what was received before the end
                self.record.event("ended", said=said)
                break
        conn.close()

    def close(self):
        pass


def loaded_libpq():
    """The path of the libpq that this process uses."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return next(line.split()[-1] for line in maps if "/libpq.so" in line)


def main():
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # the pool logs a warning for each connection that `reset` refuses
    settings = json.loads(sys.argv[1])
    record, stop = Record(), threading.Event()
    client = {"pooled": Pooled, "plain": Plain, "bad": Bad}[settings["kind"]](record, stop, settings)
    threads = [threading.Thread(target=run) for run in client.threads()]
    for thread in threads:
        thread.start()
    record.event("ready", libpq=loaded_libpq())
    while not select.select([sys.stdin], [], [], 0.1)[0]:
        record.tick()
    stop.set()
    for thread in threads:
        thread.join()
    record.tick()
    client.close()


main()
