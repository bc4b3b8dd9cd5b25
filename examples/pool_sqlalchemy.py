"""SQLAlchemy: a connection whose server asks to disconnect is closed at check-in.

It runs each line of its input as a query. The environment variables PGHOST etc. select the server.
"""

import sys

import psycopg
from sqlalchemy import create_engine, event, text

engine = create_engine("postgresql+psycopg://")


# Not "checkout": a connection that is not used again would stay open.
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
