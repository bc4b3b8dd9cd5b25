#!/usr/bin/env python3
"""Measures what pg_goaway costs: a server with it and one without it.

    extension_cost.py [--rounds N] [--turns N] [--stops N] [--transactions N] [--programs DIR]

Rounds: `pgbench -S -M prepared -c 2` runs on both servers, for a second on each in turn, while the other is stopped: the
speed of a machine changes by the second. Prints the ratio of the transactions a second in each round.

Stops: each server is stopped with 20 idle sessions, in turn, by a fast and by an immediate shutdown. Prints how long its
exit takes, and the ratio of each pair.

Transactions: counts the instructions of a transaction in the server's process, under callgrind. That figure does not depend
on what else the machine does; the others do.
"""

import argparse
import contextlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from statistics import median

import command_line
import extension
from cluster import DEBIAN_15, Server, Workspace, service_user, wait_for
from proxy_cost import Route, address, connect

WORKLOAD = ["-n", "-S", "-M", "prepared", "-c", "2", "-j", "2"]
NAMES = ["without", "with"]
CONFIG = "log_connections = off\nautovacuum = off\n"
IDLE = 20
# Transactions of the shorter session: what a session needs once is in both, and drops out.
WARM_UP = 100


def servers(workspace, programs):
    configs = [CONFIG, CONFIG + extension.config(workspace, programs, 2)]
    return {name: Server(workspace, name, programs).create(config) for name, config in zip(NAMES, configs)}


def spread(ratios):
    """The median of ratios, and the smallest and the largest."""
    return f"{median(ratios):.4f} ({min(ratios):.4f} to {max(ratios):.4f}, {len(ratios)} pairs)"


def run_round(both, turns):
    """Transactions a second on each server."""
    with contextlib.ExitStack() as stack:
        variants = [Route(name, server, server.port, workload=WORKLOAD) for name, server in both.items()]
        for variant in variants:
            stack.callback(variant.kill)
        for turn in range(turns):
            for variant in variants if turn % 2 == 0 else variants[::-1]:
                variant.take_turn()
        return {variant.name: variant.finish()[0] for variant in variants}


def measure_rate(both, rounds, turns):
    ratios = []
    for number in range(rounds):
        rates = run_round(both, turns)
        ratios.append(rates["with"] / rates["without"])
        print(f"round {number + 1}: {rates['without']:.0f} transactions/s without, {rates['with']:.0f} with", flush=True)
    print(f"transactions/s, with by without: {spread(ratios)}\n", flush=True)


def time_stop(server, number):
    """The seconds from the signal to the server's exit."""
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE):
            stack.enter_context(connect(server.port))
        time.sleep(0.3)
        begin = time.monotonic()
        os.kill(server.pid, number)
        while not server.has_exited():
            time.sleep(0.001)
        return time.monotonic() - begin


def measure_stops(both, stops):
    for mode, number in [("fast", signal.SIGINT), ("immediate", signal.SIGQUIT)]:
        times = {name: [] for name in both}
        for turn in range(stops):
            for name in NAMES if turn % 2 == 0 else NAMES[::-1]:
                times[name].append(time_stop(both[name], number))
                both[name].start()
        ratios = [one / other for one, other in zip(times["with"], times["without"])]
        without, with_it = (median(times[name]) * 1000 for name in NAMES)
        print(f"{mode} shutdown: {without:.1f} ms without, {with_it:.1f} ms with; with by without: {spread(ratios)}", flush=True)


def callgrind_total(directory, before):
    """The instructions of the largest process that ended since `before`."""
    totals = []
    for file in set(directory.iterdir()) - before:
        if summary := re.search(r"^(?:summary|totals): (\d+)", file.read_text(errors="replace"), re.MULTILINE):
            totals.append(int(summary[1]))
    return max(totals, default=0)


def count_session(server, directory, transactions):
    """The instructions of a session with so many transactions."""
    before = set(directory.iterdir())
    bench = [*WORKLOAD[:4], "-c", "1", "-t", str(transactions)]
    server.tool("pgbench", *bench, *address(server.port))
    # pgbench has a session of its own for its questions, then that of its client.
    wait_for("callgrind", lambda: len(set(directory.iterdir()) - before) >= 2)
    time.sleep(1)
    return callgrind_total(directory, before)


def count_instructions(workspace, server, transactions):
    """The instructions of a transaction, in a server under callgrind."""
    server.stop("fast")
    directory = workspace.directory / f"{server.data.name}-callgrind"
    directory.mkdir()
    if user := service_user():
        os.chown(directory, user["user"], user["group"])
    command = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={directory}/%p"]
    command += [server.programs / "postgres", "-D", server.data, "-p", str(server.port)]
    with open(server.log_file, "a", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env={"PATH": "/usr/bin:/bin"}, **service_user()
        )
    try:
        pid_file = server.data / "postmaster.pid"
        wait_for("the server under callgrind", lambda: pid_file.exists() and "ready" in pid_file.read_text(), 120)
        few, many = (count_session(server, directory, WARM_UP + more) for more in (0, transactions))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(120)
    return (many - few) / transactions


def measure_instructions(workspace, both, transactions):
    counts = {name: count_instructions(workspace, server, transactions) for name, server in both.items()}
    without, with_it = (counts[name] for name in NAMES)
    print(
        f"instructions a transaction: {without:.0f} without, {with_it:.0f} with; with by without: {with_it / without:.4f}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--turns", type=int, default=6, help="turns of a second for each server in a round")
    parser.add_argument("--stops", type=int, default=20, metavar="N", help="stops of each server in each mode; 0 for none")
    parser.add_argument("--transactions", type=int, default=1000, metavar="N", help="transactions to count; 0 for none")
    parser.add_argument("--programs", type=Path, default=DEBIAN_15, metavar="DIR", help="PostgreSQL's programs (default: Debian's 15)")
    options = parser.parse_args()
    with Workspace() as workspace:
        both = servers(workspace, options.programs)
        for server in both.values():
            server.tool("pgbench", "-i", "-q", *address(server.port))
        if options.rounds:
            measure_rate(both, options.rounds, options.turns)
        if options.stops:
            measure_stops(both, options.stops)
        if options.transactions:
            measure_instructions(workspace, both, options.transactions)


if __name__ == "__main__":
    command_line.run(main)
