#!/usr/bin/env python3
"""Demonstration 3: 90 pooled connections that know GoAway, 9 clients on C libpq, and one that is idle in a transaction.

    bad_client.py [--short] [--seed N]

goaway-proxy is stopped, with a deadline for clients that do not leave.
"""

from dataclasses import dataclass, field

import command_line
from clients import Clients, bad, conninfo, plain, pooled
from cluster import Proxy, Server, Workspace
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
    bad_ended: list  # (seconds, SQLSTATEs) of the end of the connection that is idle in a transaction
    drained: float  # when the proxy had exited
    status: int  # its exit status
    last_line: str
    samples: list = field(repr=False)

    def claims(self):
        aware = len(self.asked) == AWARE and self.aware_failed == 0
        stock = sorted(client for _, client, _ in self.stock_failed) == list(range(STOCK))
        ends = [t for t, _, _ in self.stock_failed] + [t for t, _ in self.bad_ended]
        reasons = [sqlstate for _, _, sqlstate in self.stock_failed] + [s for _, said in self.bad_ended for s in said]
        return {
            f"all {AWARE} connections that know GoAway leave when asked, and none of their queries fails": aware,
            f"each of the {STOCK} clients on C libpq gets exactly one error": stock,
            "the client that is idle in a transaction is disconnected": len(self.bad_ended) == 1,
            "goaway-proxy reports the same counts, and exits with status 3": self.status == 3
            and f": {AWARE} left by themselves, {STOCK + 1} ended" in self.last_line,
            "each disconnected client receives the reason, SQLSTATE 57P01": reasons == ["57P01"] * (STOCK + 1),
            "clients that know GoAway leave before the deadline, and nobody is disconnected before it": max(self.asked, default=0)
            < self.deadline
            <= min(ends, default=0),
        }


def run(deadline, seed, programs):
    with Workspace() as workspace:
        old = Server(workspace, "old", programs).create()
        new = Server(workspace, "new", programs).create()
        proxy = Proxy(workspace, "proxy", old, "--spread", str(SPREAD), "--deadline", str(deadline))
        where = conninfo(proxy.port, new.port)
        aware = [pooled(where, aware=True, size=SIZE, threads=8)] * PROCESSES
        clients = Clients(workspace, seed, [*aware, plain(where, size=STOCK, pause=0.2), bad(where)])
        line = Timeline(clients, proxy.port, new.port, ALL)
        line.watch_for(1)
        line.begin(f"SIGTERM to goaway-proxy: it asks the clients to leave, and disconnects the rest after {deadline} seconds")
        proxy.terminate()
        line.watch(lambda: proxy.process.poll() is not None, deadline + 60)
        drained = line.seconds()
        last_line = proxy.last_line()
        line.say("goaway-proxy has exited; the last line of its log:")
        print(f"            {last_line}")
        line.watch_for(1)
        clients.stop()
        return collect(line, clients, deadline, drained, proxy.process.returncode, last_line)


def collect(line, clients, deadline, drained, status, last_line):
    def seconds(event):
        return event["t"] - line.clock.monotonic

    stock = PROCESSES
    return Outcome(
        deadline=deadline,
        asked=[seconds(e) for e in clients.events("left")],
        aware_failed=sum(e["number"] < stock for e in clients.events("failed")),
        stock_failed=[(seconds(e), e["client"], e["sqlstate"]) for e in clients.events("failed") if e["number"] == stock],
        bad_ended=[(seconds(e), e["said"]) for e in clients.events("ended")],
        drained=drained,
        status=status,
        last_line=last_line,
        samples=line.samples(),
    )


HEADINGS = ["clients", "connections", "left when asked", "errors", "last one gone after"]


def rows(outcome):
    def last(times):
        return f"{max(times, default=0):.1f} s"

    return [
        ["know GoAway", str(AWARE), str(len(outcome.asked)), str(outcome.aware_failed), last(outcome.asked)],
        ["C libpq", str(STOCK), "0", str(len(outcome.stock_failed)), last(t for t, _, _ in outcome.stock_failed)],
        ["idle in a transaction", "1", "0", str(len(outcome.bad_ended)), last(t for t, _ in outcome.bad_ended)],
    ]


def main():
    options = command_line.parse(__doc__)
    outcome = run(deadline(options.short), options.seed, options.programs)
    print()
    command_line.print_table(HEADINGS, rows(outcome))
    print(f"\ngoaway-proxy exited after {outcome.drained:.1f} s with status {outcome.status}\n")
    return command_line.judge({"bad client": outcome.claims()})


if __name__ == "__main__":
    command_line.run(main)
