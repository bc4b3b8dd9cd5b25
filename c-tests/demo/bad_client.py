#!/usr/bin/env python3
"""Demonstration 3: 90 connections of pools that know GoAway, 9 clients on C libpq, and one that is idle in a transaction.

    bad_client.py [--short] [--seed N]

goaway-proxy is told to end, with a deadline for those that do not leave by themselves.
"""

import sys
from dataclasses import dataclass, field

import arguments
from crowd import Crowd, bad, conninfo, plain, pooled
from stage import Proxy, Server, Stage
from timeline import Timeline

PROCESSES, SIZE, STOCK = 3, 30, 9
AWARE = PROCESSES * SIZE
ALL = AWARE + STOCK + 1
SPREAD = 1


def deadline(short):
    """In seconds."""
    return 4 if short else 10


@dataclass
class Outcome:
    """Times in seconds since the drain began."""

    deadline: float
    asked: list  # when connections left because the server asked
    aware_failed: int  # queries of the clients that know GoAway
    stock_failed: list  # (seconds, client, SQLSTATE) of each failure of the others
    bad_ended: list  # (seconds, SQLSTATEs) of the end of the one that is idle in a transaction
    drained: float  # when the proxy had ended
    status: int  # its exit status
    last_words: str
    samples: list = field(repr=False)

    def claims(self):
        aware = len(self.asked) == AWARE and self.aware_failed == 0
        stock = sorted(client for _, client, _ in self.stock_failed) == list(range(STOCK))
        ends = [t for t, _, _ in self.stock_failed] + [t for t, _ in self.bad_ended]
        reasons = [sqlstate for _, _, sqlstate in self.stock_failed] + [s for _, said in self.bad_ended for s in said]
        return {
            f"all {AWARE} of the aware leave when asked, and none of their queries fails": aware,
            f"each of the {STOCK} others has exactly one error": stock,
            "the one in a transaction is ended": len(self.bad_ended) == 1,
            "goaway-proxy counts the same, and says so in its exit status": self.status == 3
            and f": {AWARE} left by themselves, {STOCK + 1} ended" in self.last_words,
            "who is ended is told the reason, 57P01": reasons == ["57P01"] * (STOCK + 1),
            "the aware have left before, and nobody is ended before the deadline": max(self.asked, default=0)
            < self.deadline
            <= min(ends, default=0),
        }


def run(deadline, seed, programs):
    with Stage() as stage:
        old = Server(stage, "old", programs).create()
        new = Server(stage, "new", programs).create()
        proxy = Proxy(stage, "proxy", old, "--spread", str(SPREAD), "--deadline", str(deadline))
        where = conninfo(proxy.port, new.port)
        aware = [pooled(where, aware=True, size=SIZE, threads=8)] * PROCESSES
        crowd = Crowd(stage, seed, [*aware, plain(where, size=STOCK, pause=0.2), bad(where)])
        line = Timeline(crowd, proxy.port, new.port, ALL)
        line.watch_for(1)
        line.begin(f"SIGTERM to goaway-proxy: it asks the clients to leave, and ends the rest after {deadline} seconds")
        proxy.terminate()
        line.watch(lambda: proxy.process.poll() is not None, deadline + 60)
        drained = line.seconds()
        last_words = proxy.last_words()
        line.say("goaway-proxy has ended; its last words:")
        print(f"            {last_words}")
        line.watch_for(1)
        crowd.stop()
        return collect(line, crowd, deadline, drained, proxy.process.returncode, last_words)


def collect(line, crowd, deadline, drained, status, last_words):
    def seconds(event):
        return event["t"] - line.clock.monotonic

    stock = PROCESSES
    return Outcome(
        deadline=deadline,
        asked=[seconds(e) for e in crowd.events("left")],
        aware_failed=sum(e["number"] < stock for e in crowd.events("failed")),
        stock_failed=[(seconds(e), e["client"], e["sqlstate"]) for e in crowd.events("failed") if e["number"] == stock],
        bad_ended=[(seconds(e), e["said"]) for e in crowd.events("ended")],
        drained=drained,
        status=status,
        last_words=last_words,
        samples=line.samples(),
    )


HEADINGS = ["clients", "connections", "left when asked", "errors", "the last one gone after"]


def rows(outcome):
    def last(times):
        return f"{max(times, default=0):.1f} s"

    return [
        ["aware of GoAway", str(AWARE), str(len(outcome.asked)), str(outcome.aware_failed), last(outcome.asked)],
        ["C libpq", str(STOCK), "0", str(len(outcome.stock_failed)), last(t for t, _, _ in outcome.stock_failed)],
        ["idle in a transaction", "1", "0", str(len(outcome.bad_ended)), last(t for t, _ in outcome.bad_ended)],
    ]


def main():
    options = arguments.parse(__doc__)
    outcome = run(deadline(options.short), options.seed, options.programs)
    print()
    arguments.print_table(HEADINGS, rows(outcome))
    print(f"\ngoaway-proxy ended after {outcome.drained:.1f} s with status {outcome.status}\n")
    return arguments.judge({"bad client": outcome.claims()})


if __name__ == "__main__":
    sys.exit(main())
