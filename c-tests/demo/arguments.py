"""What the demonstrations' command lines and last words have in common."""

import argparse
from pathlib import Path

from stage import DEBIAN_15


def parse(description, arms=None):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="the same with smaller numbers")
    parser.add_argument("--seed", type=int, default=1, help="of all random choices of the clients")
    parser.add_argument(
        "--programs", type=Path, default=DEBIAN_15, metavar="DIR", help="PostgreSQL's programs; Debian's 15"
    )
    if arms:
        parser.add_argument(arms, nargs="*", metavar="ARM")
    return parser.parse_args()


def print_table(headings, rows):
    widths = [max(map(len, column)) for column in zip(headings, *rows)]
    for row in [headings, ["-" * width for width in widths], *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def judge(claims):
    """Prints each claim and whether it holds; returns the exit status."""
    for arm, of_arm in claims.items():
        for claim, holds in of_arm.items():
            print(f"{'holds' if holds else 'FAILS'}  {arm}: {claim}")
    return 0 if all(holds for of_arm in claims.values() for holds in of_arm.values()) else 1
