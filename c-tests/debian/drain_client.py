"""Queries a server until it asks its clients to disconnect, and then disconnects."""
import sys
import time

import psycopg2

conn = psycopg2.connect("")
conn.autocommit = True
cur = conn.cursor()
print(conn.get_parameter_status("disconnect_requested"), flush=True)
deadline = time.monotonic() + 60
while conn.get_parameter_status("disconnect_requested") != "on":
    if time.monotonic() > deadline:
        sys.exit("the server did not ask")
    cur.execute("SELECT 1")
    time.sleep(0.05)
print("on", flush=True)
conn.close()
