"""SQLAlchemy: a connection is closed at check-in when its server asks for it.

It runs each line of its input as a query. The server is the one that PGHOST and the like name.
"""

import sys

import psycopg
from sqlalchemy import create_engine, event, text

engine = create_engine("postgresql+psycopg://")


# Not "checkout": a connection that is not wanted again would stay.
@event.listens_for(engine, "checkin")
def close_if_asked(dbapi_connection, record):
    if dbapi_connection is None:  # it was found broken
        return
    try:
        dbapi_connection.pgconn.consume_input()
        asked = dbapi_connection.info.parameter_status("disconnect_requested") == "on"
    except psycopg.OperationalError:
        asked = True
    if asked:
        record.invalidate()  # closes it; the next check-out connects again


for line in sys.stdin:
    with engine.connect() as conn:
        process = conn.connection.dbapi_connection.info.backend_pid
        print(conn.execute(text(line)).scalar(), f"(server process {process})", flush=True)
