#!/usr/bin/env python3
"""Demonstration 1: a server is stopped under 100 pooled connections of 4 processes, and the next host takes over.

    drain.py [--short] [--seed N] [ARM...]

The arms: stock-LIFETIME (C libpq, smart shutdown, the pools keep a connection that many seconds), fast (C libpq, fast
shutdown), goaway-SPREAD (this library, smart shutdown, goaway-proxy spreads the news over that many seconds),
extension-SPREAD (this library, no proxy, the server has pg_goaway) and extension_stock-SPREAD (the same with C libpq, and
pools that look at its parameter).
"""

import sys
from dataclasses import dataclass, field

import arguments
import module
from crowd import Crowd, conninfo, pooled
from stage import Proxy, Server, Stage, connections_to
from timeline import Timeline, peak

PROCESSES, SIZE = 4, 25
ALL = PROCESSES * SIZE
ARMS = ["stock-300", "fast", "goaway-0", "goaway-2", "goaway-10", "extension-2", "extension_stock-2"]
SHORT_ARMS = ["stock-8", "fast", "goaway-0", "goaway-2", "extension-2", "extension_stock-2"]


@dataclass
class Outcome:
    """What came of one arm; times in seconds since the stop."""

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
        """Of counts alone: how long something takes depends on the machine."""
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
    with Stage() as stage:
        config = module.config(stage, programs, number) if kind.startswith("extension") else ""
        old = Server(stage, "old", programs).create(config)
        new = Server(stage, "new", programs).create()
        proxy = Proxy(stage, "proxy", old, "--spread", number) if kind == "goaway" else None
        front = proxy.port if proxy else old.port
        lifetime = seconds if kind == "stock" else 3600
        # All connections are as old as the crowd: the server has to wait for nearly a whole lifetime.
        ours = kind in ("goaway", "extension")
        client = pooled(conninfo(front, new.port), aware=aware, ours=ours, size=SIZE, threads=10, lifetime=lifetime)
        crowd = Crowd(stage, seed, [client] * PROCESSES)
        line = Timeline(crowd, front, new.port, ALL)
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
        crowd.stop()
        return collect(arm, line, crowd, new, exited, moved)


def collect(arm, line, crowd, new, exited, moved):
    asked = crowd.count("left")
    broken = sum(e["count"] for e in crowd.events("broken"))
    return Outcome(
        arm=arm,
        exited=exited,
        failed=crowd.count("failed"),
        worst=crowd.worst(line.clock.monotonic),
        connects=new.connects(line.clock.epoch),
        asked=asked,
        lost=broken - asked,
        # Pools close a connection for no other reason.
        expired=crowd.count("opened") - ALL - broken,
        moved=moved,
        samples=line.samples(),
    )


DESCRIPTIONS = {
    "stock": "C libpq, smart shutdown; the pools keep a connection for {} seconds",
    "fast": "C libpq, fast shutdown",
    "goaway": "this library, smart shutdown; goaway-proxy tells the clients within {} seconds",
    "extension": "this library, smart shutdown, no proxy; the server has pg_goaway, which tells the clients within {} seconds",
    "extension_stock": "the same with C libpq; the pools look at its parameter disconnect_requested",
}


def describe(arm):
    kind, _, number = arm.partition("-")
    return DESCRIPTIONS[kind].format(number)


def run_all(arms, seed, programs):
    outcomes = []
    for arm in arms:
        print(f"\n{arm}: {describe(arm)}")
        outcomes.append(run(arm, seed, programs))
    return outcomes


def main():
    options = arguments.parse(__doc__, "arms")
    arms = options.arms or (SHORT_ARMS if options.short else ARMS)
    outcomes = run_all(arms, options.seed, options.programs)
    print()
    arguments.print_table(HEADINGS, [outcome.row() for outcome in outcomes])
    print()
    return arguments.judge({outcome.arm: outcome.claims() for outcome in outcomes})


if __name__ == "__main__":
    sys.exit(main())
