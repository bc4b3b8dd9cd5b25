#!/usr/bin/env python3
"""Demonstration 3: 90 pooled connections that know GoAway, 9 clients on C libpq, and one that is idle in a transaction.

    bad_client.py [--short] [--seed N] [VARIANT...]

The drain has a deadline for clients that do not leave. In the variant "goaway", goaway-proxy is stopped; in the variant
"extension", a server with pg_goaway and no proxy.
"""

from dataclasses import dataclass, field

import command_line
import extension
from clients import Clients, bad, conninfo, plain, pooled
from cluster import Proxy, Server, Workspace
from timeline import Timeline

PROCESSES, SIZE, STOCK = 3, 30, 9
AWARE = PROCESSES * SIZE
ALL = AWARE + STOCK + 1
SPREAD = 1


# psycopg reports this instead of the reason if the reason arrived together with the reply to the previous query.
CLOSED = "server closed the connection unexpectedly"


def deadline(short):
    """In seconds."""
    return 4 if short else 10


@dataclass
class Outcome:
    """Times in seconds since the drain began."""

    variant: str
    deadline: float
    asked: list  # when connections left because the server asked
    aware_failed: int  # queries of the clients that know GoAway
    stock_failed: list  # (seconds, client, reason) of each failure of the others
    bad_ended: list  # (seconds, SQLSTATEs) of the end of the connection that is idle in a transaction
    drained: float  # when the proxy or the server had exited
    status: int | None  # the exit status of goaway-proxy
    last_line: str
    samples: list = field(repr=False)

    def counts(self):
        """The claim about what the log says."""
        if self.variant == "extension":
            counts = f" asked to disconnect: {ALL}, told: {ALL - 1}, left: {AWARE}, terminated: {STOCK + 1}, "
            return {"the server's log has the same counts": counts in self.last_line}
        counts = f": {AWARE} left by themselves, {STOCK + 1} ended"
        return {"goaway-proxy reports the same counts, and exits with status 3": self.status == 3 and counts in self.last_line}

    def claims(self):
        aware = len(self.asked) == AWARE and self.aware_failed == 0
        stock = sorted(client for _, client, _ in self.stock_failed) == list(range(STOCK))
        idle = [said for _, said in self.bad_ended]
        ends = [t for t, _, _ in self.stock_failed] + [t for t, _ in self.bad_ended]
        reasons = {reason for _, _, reason in self.stock_failed}
        return {
            f"all {AWARE} connections that know GoAway leave when asked, and none of their queries fails": aware,
            f"each of the {STOCK} clients on C libpq gets exactly one error": stock,
            "the client that is idle in a transaction is disconnected, with SQLSTATE 57P01": idle == [["57P01"]],
            f"the {STOCK} errors have this SQLSTATE, too, or tell that the server closed the connection": reasons <= {"57P01", CLOSED},
            **self.counts(),
            "clients that know GoAway leave before the deadline, and nobody is disconnected before it": max(self.asked, default=0)
            < self.deadline
            <= min(ends, default=0),
        }


class ProxyDrain:
    """SIGTERM to goaway-proxy in front of the server."""

    title = "SIGTERM to goaway-proxy: it asks the clients to leave, and disconnects the rest after {} seconds"

    def __init__(self, workspace, programs, deadline):
        server = Server(workspace, "old", programs).create()
        self.proxy = Proxy(workspace, "proxy", server, "--spread", str(SPREAD), "--deadline", str(deadline))
        self.port = self.proxy.port

    def begin(self):
        self.proxy.terminate()

    def is_over(self):
        return self.proxy.process.poll() is not None

    def result(self):
        """The last line of the log, and the exit status."""
        return self.proxy.last_line(), self.proxy.process.returncode


class ExtensionDrain:
    """Smart shutdown of a server with pg_goaway."""

    title = "pg_ctl stop -m smart: pg_goaway asks the clients to leave, and disconnects the rest after {} seconds"

    def __init__(self, workspace, programs, deadline):
        config = extension.config(workspace, programs, SPREAD) + f"pg_goaway.deadline = '{deadline}s'\n"
        self.server = Server(workspace, "old", programs).create(config)
        self.port = self.server.port

    def begin(self):
        self.server.stop("smart", wait=False)

    def is_over(self):
        return self.server.has_exited()

    def result(self):
        """The line of the log that counts clients. pg_ctl's server is not our child: it has no exit status."""
        lines = self.server.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line for line in lines if "clients asked to disconnect" in line), ""), None


VARIANTS = {"goaway": ProxyDrain, "extension": ExtensionDrain}


def run(variant, deadline, seed, programs):
    with Workspace() as workspace:
        drain = VARIANTS[variant](workspace, programs, deadline)
        new = Server(workspace, "new", programs).create()
        where = conninfo(drain.port, new.port)
        aware = [pooled(where, aware=True, size=SIZE, threads=8)] * PROCESSES
        clients = Clients(workspace, seed, [*aware, plain(where, size=STOCK, pause=0.2), bad(where)])
        line = Timeline(clients, drain.port, new.port, ALL)
        line.watch_for(1)
        line.begin(drain.title.format(deadline))
        drain.begin()
        line.watch(drain.is_over, deadline + 60)
        drained = line.seconds()
        last_line, status = drain.result()
        line.say("the drain is over; the log says:")
        print(f"            {last_line}")
        line.watch_for(1)
        clients.stop()
        return collect(variant, line, clients, deadline, drained, status, last_line)


def run_all(variants, short, seed, programs):
    outcomes = []
    for variant in variants or VARIANTS:
        print(f"\n{variant}:", flush=True)
        outcomes.append(run(variant, deadline(short), seed, programs))
    return outcomes


def reason(failure):
    """Its SQLSTATE, or the text of a failure without one."""
    return failure["sqlstate"] or (CLOSED if CLOSED in failure["text"] else failure["text"])


def collect(variant, line, clients, deadline, drained, status, last_line):
    def seconds(event):
        return event["t"] - line.clock.monotonic

    stock = PROCESSES
    return Outcome(
        variant=variant,
        deadline=deadline,
        asked=[seconds(e) for e in clients.events("left")],
        aware_failed=sum(e["number"] < stock for e in clients.events("failed")),
        stock_failed=[(seconds(e), e["client"], reason(e)) for e in clients.events("failed") if e["number"] == stock],
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

    stock, ended = outcome.stock_failed, outcome.bad_ended
    return [
        [f"{outcome.variant}: know GoAway", str(AWARE), str(len(outcome.asked)), str(outcome.aware_failed), last(outcome.asked)],
        [f"{outcome.variant}: C libpq", str(STOCK), "0", str(len(stock)), last(t for t, _, _ in stock)],
        [f"{outcome.variant}: idle in a transaction", "1", "0", str(len(ended)), last(t for t, _ in ended)],
    ]


def main():
    options = command_line.parse(__doc__, "variants")
    outcomes = run_all(options.variants, options.short, options.seed, options.programs)
    print()
    command_line.print_table(HEADINGS, [row for outcome in outcomes for row in rows(outcome)])
    print()
    return command_line.report_claims({outcome.variant: outcome.claims() for outcome in outcomes})


if __name__ == "__main__":
    command_line.run(main)
