"""Django 5.1 or newer with its own connection pool: a connection is closed after the request when its server asks for it.

A whole project in one file. It serves a request for each line of its input, which is a query. The environment
variables PGHOST etc. select the server.
"""

import os
import sys
from wsgiref.util import setup_testing_defaults

import psycopg
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpResponse
from django.urls import path


def close_if_asked(conn):
    """The pool replaces a connection for which this raises an error."""
    conn.pgconn.consume_input()
    if conn.info.parameter_status("disconnect_requested") == "on":
        raise psycopg.OperationalError("the server asks to disconnect")


DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("PGDATABASE", "postgres"),
        "OPTIONS": {"pool": {"min_size": 1, "max_size": 4, "reset": close_if_asked}},
    }
}


def view(request):
    with connection.cursor() as cursor:
        cursor.execute(request.headers["query"])
        return HttpResponse(f"{cursor.fetchone()[0]} (server process {cursor.connection.info.backend_pid})")


urlpatterns = [path("", view)]
settings.configure(DATABASES=DATABASES, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], USE_TZ=True)
application = get_wsgi_application()

if __name__ == "__main__":
    for line in sys.stdin:
        environ = {"HTTP_QUERY": line.strip()}
        setup_testing_defaults(environ)
        response = application(environ, lambda status, headers: None)
        print(response.content.decode(), flush=True)
        response.close()  # as a web server does: the end of the request
    connection.close_pool()
