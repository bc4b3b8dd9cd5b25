"""Helpers for the Python programs: they print facts on stdout and the path of the loaded libpq on stderr."""

import select
import sys

# Characters of one to four bytes.
TEXT = "naïve Ωmega 日本 🐘"
# All byte values.
BYTES = bytes(range(256))


def fact(label, value):
    print(f"{label}: {ascii(value)}", flush=True)


def tell_library():
    """Returns the file that is mapped, whatever name it was opened by."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        files = {line.split()[-1] for line in maps if "/libpq.so" in line}
    print("libpq", *sorted(files), file=sys.stderr, flush=True)


def wait_readable(fd):
    if not select.select([fd], [], [], 20)[0]:
        sys.exit("the server sends nothing")


def main(**parts):
    """Runs the function that the command line names, with the remaining arguments."""
    sys.stdout.reconfigure(encoding="utf-8")
    parts[sys.argv[1]](*sys.argv[2:])
    tell_library()
