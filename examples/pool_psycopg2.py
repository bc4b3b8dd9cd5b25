"""psycopg2's pools: a connection whose server asks to disconnect is closed at check-in.

It runs each line of its input as a query. The environment variables PGHOST etc. select the server.
"""

import sys

import psycopg2
from psycopg2.pool import ThreadedConnectionPool


class Pool(ThreadedConnectionPool):
    def putconn(self, conn, key=None, close=False):
        try:
            conn.poll()  # reads what the server has sent
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
