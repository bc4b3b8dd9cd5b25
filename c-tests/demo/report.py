#!/usr/bin/env python3
"""Runs all demonstrations at full length, and writes the results to a directory: drain-report.md and SVG plots.

    report.py [--short] [--seed N] [DIRECTORY]

With --short it takes a few minutes, and only shows that the report can be made.
"""

import datetime
import os
import platform
from pathlib import Path

import command_line
import bad_client
import drain
import plots
import switchover
from cluster import CHECKOUT

SECTIONS = {
    "drain": "a server is stopped under 100 pooled connections",
    "switchover": "a replica is stopped under load, repeatedly",
    "bad-client": "one client that does not leave",
}


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        model = next(
            (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
        )
    with open("/proc/meminfo", encoding="utf-8") as lines:
        gigabytes = round(int(lines.readline().split()[1]) / 1024**2)
    with open("/etc/os-release", encoding="utf-8") as lines:
        system = next(line.split("=")[1].strip().strip('"') for line in lines if line.startswith("PRETTY_NAME"))
    return f"{os.cpu_count()} processors ({model}), {gigabytes} GB, {system}, Linux {platform.release()}"


def table(headings, rows):
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def section(name, text, headings, rows, claims):
    checks = "".join(
        f"- {'Passed' if passed else '**Failed**'}: {variant}: {claim}.\n"
        for variant, of_variant in claims.items()
        for claim, passed in of_variant.items()
    )
    return f"\n## {SECTIONS[name].capitalize()}\n\n{text}\n\n{table(headings, rows)}\n![]({name}.svg)\n\n{checks}"


def drain_section(outcomes):
    text = (
        "`c-tests/demo/drain.py`. Four processes with a psycopg pool of 25 connections each send queries to the first of "
        "`host=a,b`, together about 300 a second. Then that server is stopped:\n\n"
        + "".join(f"- {outcome.variant}: {drain.describe(outcome.variant)}.\n" for outcome in outcomes)
        + "\n“Server exited after” counts from `pg_ctl stop`. “Connects a second” is the most that the new server saw."
    )
    claims = {outcome.variant: outcome.claims() | timely(outcome) for outcome in outcomes}
    return section("drain", text, drain.HEADINGS, [outcome.row() for outcome in outcomes], claims), claims


def timely(outcome):
    """The only claim about time. The report makes it; the tests do not."""
    kind, _, spread = outcome.variant.partition("-")
    if kind in ("stock", "fast"):
        return {}
    return {
        f"the server has exited within the spread and 2 seconds ({outcome.exited:.1f} s)": outcome.exited
        <= int(spread) + 2
    }


def switchover_section(outcomes, seconds):
    text = (
        "`c-tests/demo/switchover.py`. Two processes with a psycopg pool of 25 connections each send single queries and, "
        f"between them, transactions of {seconds[0]} to {seconds[1]} seconds to the first of two replicas. It is stopped in the middle of that, and "
        "started again for the next run: smart shutdown behind goaway-proxy (goaway), smart shutdown with pg_goaway and no proxy "
        "(extension), and fast shutdown. “Caught” are the "
        "transactions in progress at the stop, “committed” those of them that committed."
    )
    claims = {variant: switchover.claims(variant, runs) for variant, runs in outcomes.items()}
    rows = [switchover.row(variant, runs) for variant, runs in outcomes.items()]
    return section("switchover", text, switchover.HEADINGS, rows, claims), claims


def bad_client_section(outcomes):
    text = (
        "`c-tests/demo/bad_client.py`. 90 pooled connections know GoAway, 9 clients use C libpq, and one is idle in a transaction. "
        f"Clients that have not left after {outcomes[0].deadline} seconds are disconnected. goaway-proxy gets SIGTERM (goaway), or a "
        "server with pg_goaway and no proxy gets a smart shutdown (extension). "
        + " ".join(f"{outcome.variant}: it exited after {outcome.drained:.1f} s." for outcome in outcomes)
    )
    claims = {outcome.variant: outcome.claims() for outcome in outcomes}
    rows = [row for outcome in outcomes for row in bad_client.rows(outcome)]
    return section("bad-client", text, bad_client.HEADINGS, rows, claims), claims


def main():
    options = command_line.parse(__doc__, "directory")
    directory = Path(options.directory[0] if options.directory else CHECKOUT / "docs")
    directory.mkdir(exist_ok=True)
    short = options.short
    drains = drain.run_all(drain.SHORT_VARIANTS if short else drain.VARIANTS, options.seed, options.programs)
    runs, seconds = switchover.numbers(short)
    switches = switchover.run_all(switchover.VARIANTS, runs, seconds, options.seed, options.programs)
    bad = bad_client.run_all(None, short, options.seed, options.programs)

    plots.drain(drains, directory / "drain.svg")
    plots.switchover(switches, directory / "switchover.svg")
    plots.bad_client(bad, directory / "bad-client.svg")
    sections = [drain_section(drains), switchover_section(switches, seconds), bad_client_section(bad)]
    command = "c-tests/demo/report.py --short" if short else "make drain-report"
    head = (
        "# Drain report\n\n"
        f"Written by `{command}` on {datetime.date.today()} (seed {options.seed}).\n"
        f"The machine: {machine()}.\n"
        "Servers, goaway-proxy and clients all ran on it, so times are upper bounds.\n"
    )
    (directory / "drain-report.md").write_text(head + "".join(text for text, _ in sections), encoding="utf-8")
    return max(command_line.report_claims(claims) for _, claims in sections)


if __name__ == "__main__":
    command_line.run(main)
