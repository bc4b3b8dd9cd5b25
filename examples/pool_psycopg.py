"""psycopg's ConnectionPool: a connection whose server asks to disconnect is closed at check-in or, if idle, within a second.

It runs each line of its input as a query. The environment variables PGHOST etc. select the server.

For each connection that is closed so, the pool logs the warning `error resetting connection: the server asks to disconnect`
(logger `psycopg.pool`). This is not an error: `reset` has no other way to make the pool replace a connection.
"""

import sys
import threading
import time

import psycopg
from psycopg_pool import ConnectionPool


def close_if_asked(conn):
    """The pool replaces a connection for which this raises an error."""
    conn.pgconn.consume_input()
    conn.pgconn.is_busy()  # C libpq parses the received data only here
    if conn.info.parameter_status("disconnect_requested") == "on":
        raise psycopg.OperationalError("the server asks to disconnect")


def visit_idle_connections(pool):
    """Takes each connection out and puts it back, which runs the check-in. pool.drain() would close even connections that were not asked."""
    while not pool.closed:
        try:
            for _ in range(pool.get_stats()["pool_available"]):
                with pool.connection(timeout=1):
                    pass
        except psycopg.OperationalError:
            pass  # all are in use, and will be checked in; or the pool was closed
        time.sleep(1)


def main():
    # As `reset`, not as `check`: when `check` raises an error, the pool keeps the connection and checks it again until
    # the timeout.
    with ConnectionPool("", min_size=2, max_size=4, reset=close_if_asked) as pool:
        threading.Thread(target=visit_idle_connections, args=[pool], daemon=True).start()
        for line in sys.stdin:
            with pool.connection() as conn:
                print(conn.execute(line).fetchone()[0], f"(server process {conn.info.backend_pid})", flush=True)


if __name__ == "__main__":
    main()
