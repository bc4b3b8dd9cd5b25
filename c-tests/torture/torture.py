#!/usr/bin/env python3
"""Hostile servers, forged certificates, faults in the process and bad networks, against this library and C libpq.

    torture.py [--minutes N | --short] [--seed N] [--only PART,...] [--case CASE] [--verdicts FILE]

Each part prints what it tried, and a table at the end says how much was survived. A failure names the case; the same seed and case repeat it:
    make torture ONLY=sessions SEED=1 CASE=17
With TORTURE_VALUES=1 in the environment, sessions also print a digest of all values after each result.
"""

import argparse
import sys
import time
from pathlib import Path

import build  # noqa: F401, it makes the demonstrations' modules importable
import budget
import certificates
import command_line
import faults
import middle
import module
import network
import proxies
import sessions

# Each part has a share of the time, by weight. Some parts need more or less than that.
PARTS = {
    "sessions": (sessions, 6),
    "middle": (middle, 2),
    "certificates": (certificates, 2),
    "faults": (faults, 3),
    "network": (network, 2),
    "proxy": (proxies, 3),
    "module": (module, 3),
}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--short", action="store_true", help="the same cases each time, whatever the machine's speed")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only", default="", metavar="PART,...", help=", ".join(PARTS))
    parser.add_argument("--case", default=None)
    parser.add_argument("--verdicts", type=Path, default=None, metavar="FILE", help="writes a line about each session")
    return parser.parse_args()


def main():
    arguments = parse()
    seed = arguments.seed if arguments.seed is not None else 1 if arguments.short else int(time.time()) % 1_000_000
    sessions.verdicts = arguments.verdicts
    chosen = [name for name in PARTS if not arguments.only or name in arguments.only.split(",")]
    total = sum(PARTS[name][1] for name in chosen)
    print(f"SEED={seed}, {'the short form' if arguments.short else f'{arguments.minutes:g} minutes'}")
    table, all_ok, begin = [], True, time.monotonic()
    for name in chosen:
        part, weight = PARTS[name]
        seconds = arguments.minutes * 60 * weight / total
        print(f"\n== {name}" + ("" if arguments.short else f", for about {seconds:.0f} seconds"), flush=True)
        begin_part = time.monotonic()
        rows, ok = part.run(seed, budget.Budget(seconds, arguments.short, arguments.minutes >= budget.LONG_MINUTES), case=arguments.case)
        print(f"  {time.monotonic() - begin_part:.0f} seconds")
        table += rows
        all_ok &= ok
    print(f"\nSEED={seed}, {time.monotonic() - begin:.0f} seconds\n")
    command_line.print_table(["what", "tried", "survived", "lost", ""], [[str(cell) for cell in row] for row in table])
    return 0 if all_ok else 1


if __name__ == "__main__":
    sys.exit(command_line.run(main))
