#!/usr/bin/env python3
"""Demonstration 1: a server is stopped under 100 pooled connections of 4 processes, and the next host takes over.

    drain.py [--short] [--seed N] [VARIANT...]

The variants: stock-LIFETIME (C libpq, smart shutdown, the pools keep a connection that many seconds), fast (C libpq, fast
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
VARIANTS = ["stock-300", "fast", "goaway-0", "goaway-2", "goaway-10", "extension-2", "extension_stock-2"]
SHORT_VARIANTS = ["stock-8", "fast", "goaway-0", "goaway-2", "extension-2", "extension_stock-2"]


@dataclass
class Outcome:
    """The result of one variant; times in seconds since the stop."""

    variant: str
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
        if self.variant == "fast":
            return {"queries fail": self.failed > 0, "all connections are lost": counts == (0, ALL, 0, ALL)}
        if self.variant.startswith("stock-"):
            return {"no query fails": self.failed == 0, "all connections expire": counts == (0, 0, ALL, ALL)}
        return {"no query fails": self.failed == 0, "all leave when asked": counts == (ALL, 0, 0, ALL)}

    def row(self):
        who = f"{self.asked} asked, {self.expired} expired, {self.lost} lost"
        return [
            self.variant,
            f"{self.exited:.1f} s",
            str(self.failed),
            f"{self.worst * 1000:.0f} ms",
            str(peak(self.connects)),
            who,
        ]


HEADINGS = [
    "variant",
    "server exited after",
    "failed queries",
    "slowest answer",
    "connects a second",
    "connections that left",
]


def run(variant, seed, programs):
    kind, _, number = variant.partition("-")
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
        return collect(variant, line, clients, new, exited, moved)


def collect(variant, line, clients, new, exited, moved):
    asked = clients.count("left")
    broken = sum(e["count"] for e in clients.events("broken"))
    return Outcome(
        variant=variant,
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


def describe(variant):
    kind, _, number = variant.partition("-")
    return DESCRIPTIONS[kind].format(number)


def remark(variant):
    """A remark on the lifetime of connections."""
    kind, _, number = variant.partition("-")
    if kind != "stock":
        return ""
    return f"  ({number} seconds instead of the hour for which psycopg's pools keep a connection by default)\n"


def run_all(variants, seed, programs):
    outcomes = []
    print(f"C libpq:      {C_LIBPQ.resolve()}\nthis library: {OUR_LIBPQ.resolve()}")
    for variant in variants:
        print(f"\n{variant}: {describe(variant)}\n{remark(variant)}", end="", flush=True)
        outcomes.append(run(variant, seed, programs))
    return outcomes


def main():
    options = command_line.parse(__doc__, "variants")
    variants = options.variants or (SHORT_VARIANTS if options.short else VARIANTS)
    outcomes = run_all(variants, options.seed, options.programs)
    print()
    command_line.print_table(HEADINGS, [outcome.row() for outcome in outcomes])
    print()
    return command_line.report_claims({outcome.variant: outcome.claims() for outcome in outcomes})


if __name__ == "__main__":
    command_line.run(main)
