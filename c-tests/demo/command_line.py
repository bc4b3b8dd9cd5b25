"""What the demonstrations share: options, Ctrl-C, tables, and the claims at the end."""

import argparse
import signal
import sys
from pathlib import Path

from cluster import DEBIAN_15


def parse(description, variants=None):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a shorter run with smaller numbers")
    parser.add_argument("--seed", type=int, default=1, help="seed of the clients' random numbers")
    parser.add_argument(
        "--programs", type=Path, default=DEBIAN_15, metavar="DIR", help="directory of PostgreSQL's programs (default: Debian's 15)"
    )
    if variants:
        parser.add_argument(variants, nargs="*", metavar="VARIANT")
    return parser.parse_args()


class Interrupted(SystemExit):
    """Ctrl-C or SIGTERM. An exception, so that everything that was started is stopped on the way out."""


def run(main):
    """Runs a demonstration's `main` and exits with the status that it returns."""

    def interrupt(number, _frame):
        for other in (signal.SIGINT, signal.SIGTERM):
            signal.signal(other, signal.SIG_IGN)
        raise Interrupted(128 + number)

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        status = main()
    except Interrupted as reason:
        if reason.code == 128 + signal.SIGINT:
            print("\nInterrupted: servers, proxy and clients are stopped, and their files are removed.", file=sys.stderr)
        raise
    sys.exit(status)


def print_table(headings, rows):
    widths = [max(map(len, column)) for column in zip(headings, *rows)]
    for row in [headings, ["-" * width for width in widths], *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def report_claims(claims):
    """Prints each claim and whether it passed; returns the exit status."""
    for variant, of_variant in claims.items():
        for claim, passed in of_variant.items():
            print(f"{'passed' if passed else 'FAILED'}  {variant}: {claim}")
    return 0 if all(passed for of_variant in claims.values() for passed in of_variant.values()) else 1
