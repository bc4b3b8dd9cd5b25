#!/usr/bin/env python3
"""Demonstration 2: a replica is stopped under 200 queries a second and transactions of 1 to 5 seconds; another one takes over.

    switchover.py [--short] [--seed N] [ARM...]

The arms: goaway (this library, smart shutdown, goaway-proxy tells the clients), extension (likewise, but the replica has
pg_goaway and there is no proxy) and fast (the same clients, fast shutdown).
"""

from dataclasses import dataclass

import command_line
import extension
from clients import Clock, Clients, conninfo, pooled
from cluster import Proxy, Server, Workspace, wait_for

ARMS = ["goaway", "extension", "fast"]
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
    """A primary and two replicas, of which the first is stopped again and again."""

    def __init__(self, workspace, programs, config=""):
        self.workspace = workspace
        self.primary = Server(workspace, "primary", programs).create(f"wal_keep_size = 64MB\n{config}")
        self.old = self.primary.standby(workspace, "old")
        self.new = self.primary.standby(workspace, "new")

    def switch(self, arm, seed, seconds):
        proxy = None if arm == "extension" else Proxy(self.workspace, f"{arm}-{seed}", self.old, "--spread", SPREAD)
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
        self.old.stop("fast" if arm == "fast" else "smart", wait=False)
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


def run_all(arms, runs, seconds, seed, programs):
    return {arm: run_arm(arm, runs, seconds, seed, programs) for arm in arms}


def run_arm(arm, runs, seconds, seed, programs):
    outcomes = []
    with Workspace() as workspace:
        replicas = Replicas(workspace, programs, extension.config(workspace, programs, SPREAD) if arm == "extension" else "")
        for number in range(1, runs + 1):
            run = replicas.switch(arm, seed + number, seconds)
            outcomes.append(run)
            print(
                f"{arm} {number:2}: {run.failed} failed, {run.answered} answered, {run.caught} transactions caught, "
                f"{run.committed} of them committed; exited after {run.exited:.1f} s",
                flush=True,
            )
    return outcomes


HEADINGS = [
    "arm",
    "runs",
    "runs without a failure",
    "failed",
    "answered",
    "a second",
    "caught",
    "committed",
    "slowest answer",
]


def row(arm, runs):
    def total(name):
        return sum(getattr(run, name) for run in runs)

    clean = sum(run.failed == 0 for run in runs)
    counts = [len(runs), clean, total("failed"), total("answered"), round(total("answered") / total("seconds"))]
    counts += [total("caught"), total("committed")]
    return [arm, *map(str, counts), f"{max(run.worst for run in runs) * 1000:.0f} ms"]


def claims(arm, runs):
    caught = {"transactions are in progress at each stop": all(run.caught > 0 for run in runs)}
    if arm == "fast":
        # One or two may commit just before the stop.
        lost = all(run.failed > 0 and run.committed < run.caught / 2 for run in runs)
        return caught | {"in each run queries fail, and transactions in progress": lost}
    kept = all(run.failed == 0 and run.committed == run.caught for run in runs)
    return caught | {f"nothing fails in {len(runs)} of {len(runs)} runs, and all transactions in progress commit": kept}


def main():
    options = command_line.parse(__doc__, "arms")
    runs, seconds = numbers(options.short)
    outcomes = run_all(options.arms or ARMS, runs, seconds, options.seed, options.programs)
    print()
    command_line.print_table(HEADINGS, [row(arm, runs) for arm, runs in outcomes.items()])
    print()
    return command_line.judge({arm: claims(arm, runs) for arm, runs in outcomes.items()})


if __name__ == "__main__":
    command_line.run(main)
