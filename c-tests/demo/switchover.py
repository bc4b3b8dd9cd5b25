#!/usr/bin/env python3
"""Demonstration 2: a replica is stopped under 200 queries a second and transactions of 1 to 5 seconds; another one takes over.

    switchover.py [--short] [--seed N] [VARIANT...]

The variants: goaway (this library, smart shutdown, goaway-proxy tells the clients), extension (the same, but the replica has
pg_goaway and there is no proxy) and fast (the same clients, fast shutdown).
"""

from dataclasses import dataclass

import command_line
import extension
from clients import Clock, Clients, conninfo, pooled
from cluster import Proxy, Server, Workspace, wait_for

VARIANTS = ["goaway", "extension", "fast"]
PROCESSES, SIZE, THREADS, TRANSACTIONS = 2, 25, 16, 6
SPREAD = "1"


def numbers(short):
    """How many runs, and how long transactions last, in seconds."""
    return (3, (0.3, 1.5)) if short else (30, (1, 5))


@dataclass
class Run:
    """One switchover; times in seconds since the stop."""

    exited: float  # when the old replica had exited
    failed: int  # queries and transactions
    answered: int  # queries and transactions
    caught: int  # transactions that were in progress on the old replica at the stop
    committed: int  # of these
    seconds: float  # how long the clients worked
    worst: float  # the slowest answer


class Replicas:
    """A primary and two replicas, of which the first is stopped repeatedly."""

    def __init__(self, workspace, programs, config=""):
        self.workspace = workspace
        self.primary = Server(workspace, "primary", programs).create(f"wal_keep_size = 64MB\n{config}")
        self.old = self.primary.standby(workspace, "old")
        self.new = self.primary.standby(workspace, "new")

    def switch(self, variant, seed, seconds):
        proxy = None if variant == "extension" else Proxy(self.workspace, f"{variant}-{seed}", self.old, "--spread", SPREAD)
        client = pooled(
            conninfo(proxy.port if proxy else self.old.port, self.new.port),
            aware=True,
            size=SIZE,
            threads=THREADS,
            transactions=TRANSACTIONS,
            transaction_seconds=seconds,
        )
        clients = Clients(self.workspace, seed, [client] * PROCESSES)
        begin = Clock()
        wait_for("transactions", lambda: clients.count("begun") >= PROCESSES * TRANSACTIONS)
        stop = Clock()
        self.old.stop("fast" if variant == "fast" else "smart", wait=False)
        wait_for("the old replica to exit", self.old.has_exited, 60)
        exited = stop.seconds()
        # Queries after the switchover count too.
        wait_for("transactions on the new replica", lambda: self.settled(clients, stop), 60)
        clients.stop()
        worked = begin.seconds()
        if proxy:
            proxy.kill()
        self.old.start()
        return collect(clients, stop, exited, worked)

    def settled(self, clients, stop):
        return sum(e["port"] == self.new.port for e in clients.events("committed", stop.monotonic)) >= TRANSACTIONS


def transactions(events):
    return {(e["number"], e["transaction"]) for e in events}


def collect(clients, stop, exited, worked):
    begun = transactions(e for e in clients.events("begun") if e["t"] < stop.monotonic)
    late = transactions(clients.events("committed", stop.monotonic))
    early = transactions(clients.events("committed")) - late
    return Run(
        exited=exited,
        failed=clients.count("failed"),
        answered=clients.answered(),
        caught=len(begun - early),
        committed=len(begun & late),
        seconds=worked,
        worst=clients.worst(stop.monotonic),
    )


def run_all(variants, runs, seconds, seed, programs):
    return {variant: run_variant(variant, runs, seconds, seed, programs) for variant in variants}


def run_variant(variant, runs, seconds, seed, programs):
    outcomes = []
    with Workspace() as workspace:
        replicas = Replicas(workspace, programs, extension.config(workspace, programs, SPREAD) if variant == "extension" else "")
        for number in range(1, runs + 1):
            run = replicas.switch(variant, seed + number, seconds)
            outcomes.append(run)
            print(
                f"{variant} {number:2}: {run.failed} failed, {run.answered} answered, {run.caught} transactions caught, "
                f"{run.committed} of them committed; exited after {run.exited:.1f} s",
                flush=True,
            )
    return outcomes


HEADINGS = [
    "variant",
    "runs",
    "runs without a failure",
    "failed",
    "answered",
    "a second",
    "caught",
    "committed",
    "slowest answer",
]


def row(variant, runs):
    def total(name):
        return sum(getattr(run, name) for run in runs)

    clean = sum(run.failed == 0 for run in runs)
    counts = [len(runs), clean, total("failed"), total("answered"), round(total("answered") / total("seconds"))]
    counts += [total("caught"), total("committed")]
    return [variant, *map(str, counts), f"{max(run.worst for run in runs) * 1000:.0f} ms"]


def claims(variant, runs):
    caught = {"transactions are in progress at each stop": all(run.caught > 0 for run in runs)}
    if variant == "fast":
        # One or two may commit just before the stop.
        lost = all(run.failed > 0 and run.committed < run.caught / 2 for run in runs)
        return caught | {"in each run queries fail, and transactions in progress": lost}
    kept = all(run.failed == 0 and run.committed == run.caught for run in runs)
    return caught | {f"nothing fails in {len(runs)} of {len(runs)} runs, and all transactions in progress commit": kept}


def main():
    options = command_line.parse(__doc__, "variants")
    runs, seconds = numbers(options.short)
    outcomes = run_all(options.variants or VARIANTS, runs, seconds, options.seed, options.programs)
    print()
    command_line.print_table(HEADINGS, [row(variant, runs) for variant, runs in outcomes.items()])
    print()
    return command_line.report_claims({variant: claims(variant, runs) for variant, runs in outcomes.items()})


if __name__ == "__main__":
    command_line.run(main)
