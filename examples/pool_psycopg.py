"""psycopg's ConnectionPool: a connection is closed when its server asks for it, at check-in or, lying idle, within a second.

It runs each line of its input as a query. The server is the one that PGHOST and the like name.

For each connection that is closed so, the pool logs the warning `error resetting connection: the server asks to disconnect`
(logger `psycopg.pool`). That is no failure: the pool has no other way to let `reset` replace a connection.
"""

import sys
import threading
import time

import psycopg
from psycopg_pool import ConnectionPool


def close_if_asked(conn):
    """The pool replaces a connection that this raises for."""
    conn.pgconn.consume_input()
    conn.pgconn.is_busy()  # C libpq reads what has come here, and not before
    if conn.info.parameter_status("disconnect_requested") == "on":
        raise psycopg.OperationalError("the server asks to disconnect")


def visit_idle_connections(pool):
    """Takes each out and puts it back, which is a check-in. pool.drain() would close all at once, asked or not."""
    while not pool.closed:
        try:
            for _ in range(pool.get_stats()["pool_available"]):
                with pool.connection(timeout=1):
                    pass
        except psycopg.OperationalError:
            pass  # all are in use, and will be checked in; or the pool was closed
        time.sleep(1)


def main():
    # As `reset`, not as `check`: what `check` raises for goes back to the pool, and is checked again until the timeout.
    with ConnectionPool("", min_size=2, max_size=4, reset=close_if_asked) as pool:
        threading.Thread(target=visit_idle_connections, args=[pool], daemon=True).start()
        for line in sys.stdin:
            with pool.connection() as conn:
                print(conn.execute(line).fetchone()[0], f"(server process {conn.info.backend_pid})", flush=True)


if __name__ == "__main__":
    main()
