"""The command line: see USAGE."""

import os
import sys

from . import _environment, path

USAGE = """\
usage: python -m libpq_oxide -- COMMAND [ARGUMENT...]
       python -m libpq_oxide enable
       python -m libpq_oxide disable

-- COMMAND  runs a command that loads libpq.so.5, such as psql, with this library (LD_LIBRARY_PATH)
enable      makes every Python process of this environment preload the library, so that its psycopg and psycopg2 use it
disable     undoes enable
"""


def run(command):
    """Replaces this process by the command."""
    directories = [os.path.dirname(path()), os.environ.get("LD_LIBRARY_PATH")]
    os.environ["LD_LIBRARY_PATH"] = ":".join(filter(None, directories))
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126


def main(arguments):
    if arguments[:1] == ["--"] and len(arguments) > 1:
        return run(arguments[1:])
    if arguments in (["-h"], ["--help"]):
        print(USAGE, end="")
        return 0
    actions = {"enable": _environment.enable, "disable": _environment.disable}
    if len(arguments) != 1 or arguments[0] not in actions:
        print(USAGE, end="", file=sys.stderr)
        return 2
    try:
        print(actions[arguments[0]]())
    except (OSError, _environment.Unusable) as error:
        print(f"libpq_oxide: {error}", file=sys.stderr)
        return 1
    return 0


sys.exit(main(sys.argv[1:]))
