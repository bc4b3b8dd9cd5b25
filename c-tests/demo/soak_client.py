"""soak_client.py CONNINFO NAME: as soak_client.c, with psycopg."""

import select
import sys
import time

import psycopg
from psycopg import pq

INSERT = "INSERT INTO soak VALUES (%s, %s)"


def insert(conn, name, number):
    if number % 4 == 0:
        with conn.pipeline():
            conn.execute(INSERT, (name, number))
    elif number % 4 == 1:
        with conn.cursor() as cursor, cursor.copy("COPY soak (client, number) FROM STDIN") as copy:
            copy.write_row((name, number))
    elif number % 4 == 2:
        with conn.transaction():
            conn.execute(INSERT, (name, number))
    else:
        conn.execute(INSERT, (name, number))


def asks_to_leave(conn):
    conn.pgconn.consume_input()
    return conn.info.parameter_status("disconnect_requested") == "on"


class Client:
    def __init__(self, conninfo, name):
        self.conninfo, self.name = conninfo, name
        self.conn, self.number, self.left, self.times = None, 0, 0, []

    def drop(self):
        self.conn.close()
        self.conn = None

    def row(self):
        """Inserts a row. Returns whether it is committed."""
        try:
            self.conn = self.conn or psycopg.connect(self.conninfo, autocommit=True)
        except psycopg.Error:
            return False
        self.number += 1
        try:
            insert(self.conn, self.name, self.number)
            return True
        except (psycopg.Error, IndexError, AssertionError) as error:
            # After an error, a server aborts the transaction. It can send FATAL after the commit. psycopg, with C libpq, too,
            # cannot use a connection any more on which the commit of a pipeline failed (an error of its own or an
            # IndexError) or a BEGIN was cancelled (an AssertionError at the next transaction).
            failed = isinstance(error, psycopg.Error) and error.diag.severity_nonlocalized == "ERROR"
            print("failed" if failed else "unknown", self.number)
            # A lost connection is not idle, nor one whose ROLLBACK was cancelled.
            if not failed or self.conn.info.transaction_status != pq.TransactionStatus.IDLE:
                self.drop()
            return False

    def leave_if_asked(self):
        try:
            if self.conn and asks_to_leave(self.conn):
                self.left += 1
                self.drop()
        except psycopg.Error:
            self.drop()

    def tick(self):
        times = sorted(self.times) or [0.0]
        print(f"tick {len(self.times)} {times[len(times) // 2]:.6f} {times[-1]:.6f} {self.left}", flush=True)
        self.times, self.left = [], 0


def main(conninfo, name):
    client = Client(conninfo, name)
    start = tick = time.monotonic()
    while not select.select([sys.stdin], [], [], 0)[0]:
        committed = client.row()
        if committed:
            client.times.append(time.monotonic() - start)
        client.leave_if_asked()
        time.sleep(0.02)
        if committed:
            start = time.monotonic()
        if time.monotonic() - tick >= 1:
            tick = time.monotonic()
            client.tick()
    print("last", client.number)


assert pq.__impl__ == "python"
main(*sys.argv[1:])
