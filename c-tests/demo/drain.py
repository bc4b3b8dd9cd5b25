#!/usr/bin/env python3
"""Demonstration 1: a server is stopped under 100 pooled connections of 4 processes, and the next host takes over.

    drain.py [--short] [--seed N] [ARM...]

The arms: stock-LIFETIME (C libpq, smart shutdown, the pools keep a connection that many seconds), fast (C libpq, fast
shutdown), goaway-SPREAD (this library, smart shutdown, goaway-proxy asks the clients over that many seconds),
extension-SPREAD (this library, no proxy, the server has pg_goaway) and extension_stock-SPREAD (the same with C libpq, and
pools that check the parameter that it sets).
"""

from dataclasses import dataclass, field

import command_line
import extension
from clients import Clients, conninfo, pooled
from cluster import C_LIBPQ, OUR_LIBPQ, Proxy, Server, Workspace, connections_to
from timeline import Timeline, peak

PROCESSES, SIZE = 4, 25
ALL = PROCESSES * SIZE
ARMS = ["stock-300", "fast", "goaway-0", "goaway-2", "goaway-10", "extension-2", "extension_stock-2"]
SHORT_ARMS = ["stock-8", "fast", "goaway-0", "goaway-2", "extension-2", "extension_stock-2"]


@dataclass
class Outcome:
    """The result of one arm; times in seconds since the stop."""

    arm: str
    exited: float  # when the old server had exited
    failed: int  # queries
    worst: float  # the slowest answer
    connects: list = field(repr=False)  # when sessions began on the new server
    asked: int  # connections that left because the server asked
    lost: int  # connections that their pools found broken
    expired: int  # connections at the end of their lifetime
    moved: int  # sessions of the new server at the end
    samples: list = field(repr=False)

    def claims(self):
        """Claims about counts only: times depend on the machine."""
        counts = (self.asked, self.lost, self.expired, self.moved)
        if self.arm == "fast":
            return {"queries fail": self.failed > 0, "all connections are lost": counts == (0, ALL, 0, ALL)}
        if self.arm.startswith("stock-"):
            return {"no query fails": self.failed == 0, "all connections expire": counts == (0, 0, ALL, ALL)}
        return {"no query fails": self.failed == 0, "all leave when asked": counts == (ALL, 0, 0, ALL)}

    def row(self):
        who = f"{self.asked} asked, {self.expired} expired, {self.lost} lost"
        return [
            self.arm,
            f"{self.exited:.1f} s",
            str(self.failed),
            f"{self.worst * 1000:.0f} ms",
            str(peak(self.connects)),
            who,
        ]


HEADINGS = [
    "arm",
    "server exited after",
    "failed queries",
    "slowest answer",
    "connects a second",
    "connections that left",
]


def run(arm, seed, programs):
    kind, _, number = arm.partition("-")
    seconds = float(number or 0)
    aware = kind not in ("stock", "fast")
    with Workspace() as workspace:
        config = extension.config(workspace, programs, number) if kind.startswith("extension") else ""
        old = Server(workspace, "old", programs).create(config)
        new = Server(workspace, "new", programs).create()
        proxy = Proxy(workspace, "proxy", old, "--spread", number) if kind == "goaway" else None
        front = proxy.port if proxy else old.port
        lifetime = seconds if kind == "stock" else 3600
        # All connections have just been opened: the server has to wait for nearly a whole lifetime.
        ours = kind in ("goaway", "extension")
        client = pooled(conninfo(front, new.port), aware=aware, ours=ours, size=SIZE, threads=10, lifetime=lifetime)
        clients = Clients(workspace, seed, [client] * PROCESSES)
        line = Timeline(clients, front, new.port, ALL)
        line.watch_for(1)
        mode = "fast" if kind == "fast" else "smart"
        line.begin(f"pg_ctl stop -m {mode}")
        old.stop(mode, wait=False)
        line.watch(old.has_exited, seconds + 60)
        exited = line.seconds()
        line.say("the old server has exited")
        line.watch(lambda: connections_to(new.port) >= ALL, exited + 20)
        line.watch_for(1)
        moved = new.sessions()
        clients.stop()
        return collect(arm, line, clients, new, exited, moved)


def collect(arm, line, clients, new, exited, moved):
    asked = clients.count("left")
    broken = sum(e["count"] for e in clients.events("broken"))
    return Outcome(
        arm=arm,
        exited=exited,
        failed=clients.count("failed"),
        worst=clients.worst(line.clock.monotonic),
        connects=new.connects(line.clock.epoch),
        asked=asked,
        lost=broken - asked,
        # Pools close a connection for no other reason.
        expired=clients.count("opened") - ALL - broken,
        moved=moved,
        samples=line.samples(),
    )


DESCRIPTIONS = {
    "stock": "C libpq, smart shutdown; the pools keep a connection for {} seconds",
    "fast": "C libpq, fast shutdown",
    "goaway": "this library, smart shutdown; goaway-proxy asks the clients to leave within {} seconds",
    "extension": "this library, smart shutdown, no proxy; the server's pg_goaway asks the clients to leave within {} seconds",
    "extension_stock": "the same with C libpq; the pools check the parameter disconnect_requested",
}


def describe(arm):
    kind, _, number = arm.partition("-")
    return DESCRIPTIONS[kind].format(number)


def remark(arm):
    """What the reader has to know about a short run."""
    kind, _, number = arm.partition("-")
    if kind != "stock":
        return ""
    return f"  ({number} seconds stand for the hour that psycopg's pools keep a connection by default)\n"


def run_all(arms, seed, programs):
    outcomes = []
    print(f"C libpq:      {C_LIBPQ.resolve()}\nthis library: {OUR_LIBPQ.resolve()}")
    for arm in arms:
        print(f"\n{arm}: {describe(arm)}\n{remark(arm)}", end="", flush=True)
        outcomes.append(run(arm, seed, programs))
    return outcomes


def main():
    options = command_line.parse(__doc__, "arms")
    arms = options.arms or (SHORT_ARMS if options.short else ARMS)
    outcomes = run_all(arms, options.seed, options.programs)
    print()
    command_line.print_table(HEADINGS, [outcome.row() for outcome in outcomes])
    print()
    return command_line.judge({outcome.arm: outcome.claims() for outcome in outcomes})


if __name__ == "__main__":
    command_line.run(main)
