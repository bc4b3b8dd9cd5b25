"""psycopg2's pools: a connection is closed at check-in when its server asks for it.

It runs each line of its input as a query. The server is the one that PGHOST and the like name.
"""

import sys

import psycopg2
from psycopg2.pool import ThreadedConnectionPool


class Pool(ThreadedConnectionPool):
    def putconn(self, conn, key=None, close=False):
        try:
            conn.poll()  # takes in what the server sent
            close = close or conn.get_parameter_status("disconnect_requested") == "on"
        except psycopg2.Error:
            close = True
        super().putconn(conn, key, close)


def main():
    pool = Pool(minconn=1, maxconn=4, dsn="")
    for line in sys.stdin:
        conn = pool.getconn()
        try:
            with conn, conn.cursor() as cursor:
                cursor.execute(line)
                print(cursor.fetchone()[0], f"(server process {conn.info.backend_pid})", flush=True)
        finally:
            pool.putconn(conn)
    pool.closeall()


if __name__ == "__main__":
    main()
