#!/usr/bin/env python3
"""Load on a server that is killed, restarted and stopped at random, directly and through goaway-proxy.

    soak.py [--minutes N] [--seed N] [--programs DIR] [--plot FILE]

Twelve clients in C, Python and Ruby run on this library. Each inserts rows that it numbers from 1: as single statements,
in pipelines, with COPY and in transactions. It prints

    tick DONE MEDIAN WORST LEFT    every second: rows committed, their times in seconds, connections left when asked
    failed NUMBER                  the server reported an error: the row must not be there
    unknown NUMBER                 the connection was lost: the row may be there
    last NUMBER                    at the end

All other rows must be there, once. Memory, descriptors and threads of the clients and of the proxy must not grow. The seed
decides about the events, not about their time to the microsecond.
"""

import argparse
import collections
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import command_line
import extension
import soak_rows
from clients import ENVIRONMENT
from cluster import CHECKOUT, DEBIAN_15, OUR_LIBPQ, Proxy, Server, Workspace, service_user, wait_for

HERE = Path(__file__).parent
# The sessions of the clients. That of goaway-proxy's probes runs no statements.
OTHERS = "backend_type = 'client backend' AND pid <> pg_backend_pid() AND query <> ''"
# The server refuses some rows at once, and some at the end of the transaction.
TABLE = """
CREATE TABLE soak (client text, number int CHECK (number % 49 <> 0));
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''refused''; END';
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON soak DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.number % 53 = 0) EXECUTE FUNCTION refuse();
"""
KINDS = ("c", "python", "ruby")


def fixed_port(chance):
    """A port that no client gets as its own while the server is down."""
    first_of_clients = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = chance.randrange(10000, first_of_clients)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def commands(workspace):
    """The command of each kind of client."""
    program = workspace.directory / "soak_client"
    options = ["-std=gnu99", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{CHECKOUT / 'include'}"]
    subprocess.run(["cc", *options, "-o", program, HERE / "soak_client.c", OUR_LIBPQ], check=True)
    python = [sys.executable, "-B", HERE / "soak_client.py"]
    return {"c": [program], "python": python, "ruby": ["/usr/bin/ruby", HERE / "soak_client.rb"]}


def certificate(workspace):
    """Lines for postgresql.conf, with a new certificate."""
    key, chain = workspace.directory / "key.pem", workspace.directory / "chain.pem"
    options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost"]
    subprocess.run(["openssl", "req", *options, "-keyout", key, "-out", chain], check=True, capture_output=True)
    if user := service_user():
        shutil.chown(key, user["user"])
    return f"ssl = on\nssl_cert_file = '{chain}'\nssl_key_file = '{key}'\n"


def size(pid):
    """Memory in kB, descriptors and threads of a process; None if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return int(fields["RssAnon"].split()[0]), len(os.listdir(f"/proc/{pid}/fd")), int(fields["Threads"])
    except (OSError, KeyError):
        return None


Tick = collections.namedtuple("Tick", "time done median worst left")


class Client:
    """A running client, and what it reported."""

    def __init__(self, workspace, kind, name, command, conninfo):
        self.kind, self.name = kind, name
        self.report, self.ticks, self.sizes = soak_rows.Report(), [], []
        environment = {**ENVIRONMENT, "LD_LIBRARY_PATH": str(OUR_LIBPQ.parent), "PSYCOPG_IMPL": "python"}
        # Warnings of the server, and errors of the client.
        self.log = workspace.directory / f"{name}.log"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": open(self.log, "wb"), "text": True}
        command = ["setpriv", "--pdeathsig", "KILL", *command, conninfo, name]
        self.process = subprocess.Popen(command, env=environment, **pipes)
        pipes["stderr"].close()
        workspace.callback(self.kill)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            word, *numbers = line.split()
            if word == "tick":
                done, median, worst, left = map(float, numbers)
                self.ticks.append(Tick(time.monotonic(), done, median, worst, left))
            else:
                self.report.read(word, int(numbers[0]))

    def uses_our_library(self):
        return str(OUR_LIBPQ.resolve()) in Path(f"/proc/{self.process.pid}/maps").read_text()

    def sample(self):
        if found := size(self.process.pid):
            self.sizes.append(found)

    def finish(self):
        """Lets it end. Returns whether it ended well."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        status = self.process.wait(60)
        self.reader.join()
        if status != 0:
            print(f"{self.name}: status {status}: {self.log.read_text(errors='replace')[-2000:]}")
        return status == 0 and self.report.last is not None

    def kill(self):
        self.process.kill()
        self.process.wait()


class Chaos:
    """What happens to the server and the proxy."""

    # What psql says when the server is not ready, or when an event hits psql itself.
    EXPECTED = ("connection to server", "terminating", "closed the connection", "canceling")

    def __init__(self, workspace, server, chance):
        self.workspace, self.server, self.chance = workspace, server, chance
        self.counts, self.proxy_sizes, self.stuck = collections.Counter(), [], []
        self.proxy_port = fixed_port(chance)
        self._start_proxy()
        self.idle_descriptors = size(self.proxy.process.pid)[1]

    def _start_proxy(self):
        self.proxy = Proxy(self.workspace, "proxy", self.server, "--spread", "1", port=self.proxy_port)
        self.proxy_sizes.append([])

    def sample(self):
        if found := size(self.proxy.process.pid):
            self.proxy_sizes[-1].append(found)

    def sql(self, text):
        where = ["-h", self.server.data.parent, "-p", str(self.server.port), "-U", "postgres", "-d", "postgres"]
        return self.server.tool("psql", "-X", "-A", "-t", "-F", " ", *where, "-c", text)

    def session(self):
        """The process of a client's session, or 0."""
        pids = self.sql(f"SELECT pid FROM pg_stat_activity WHERE {OTHERS}")
        return int(self.chance.choice(pids.split() or [0]))

    def kill_a_session(self):
        """The server ends all other sessions, and recovers."""
        if pid := self.session():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def terminate_a_session(self):
        self.sql(f"SELECT pg_terminate_backend({self.session()})")

    def cancel_statements(self):
        """Hits whatever a session does in a twentieth of a second, BEGIN and ROLLBACK, too; then the next session."""
        burst = "SELECT pg_cancel_backend(pid), pg_sleep(0.0005) FROM generate_series(1, 100)"
        self.sql(f"SELECT pid FROM pg_stat_activity, LATERAL ({burst}) AS burst WHERE {OTHERS}")

    def accepts(self):
        with contextlib.suppress(RuntimeError):
            return self.sql("SELECT 1").strip() == "1"

    def restart(self, mode):
        # A smart shutdown during crash recovery makes PostgreSQL 18.6 hang, with and without pg_goaway.
        wait_for("the end of the recovery", self.accepts, 60)
        try:
            self.server.stop(mode)
        except RuntimeError as error:
            # Not after a minute.
            self.stuck.append(str(error))
            print(f"{mode} shutdown: {error}{self.server.log_file.read_text(errors='replace')[-3000:]}", flush=True)
            self.server.stop("immediate")
        time.sleep(self.chance.random())
        try:
            self.server.start()
        except RuntimeError as error:
            raise SystemExit(str(error)) from error

    def immediate_shutdown(self):
        self.restart("immediate")

    def fast_shutdown(self):
        self.restart("fast")

    def smart_shutdown(self):
        """pg_goaway asks the direct clients to leave, and goaway-proxy the others."""
        self.restart("smart")

    def goaway_from_the_proxy(self):
        self.proxy.ctl("goaway")

    def goaway_from_the_extension(self):
        self.sql("SELECT pg_goaway_all()")

    def kill_the_proxy(self):
        self.proxy.kill()
        self._start_proxy()

    def drain_the_proxy(self):
        self.proxy.terminate()
        self.proxy.process.wait(60)
        self._start_proxy()

    EVENTS = {
        kill_a_session: 2,
        terminate_a_session: 4,
        cancel_statements: 6,
        immediate_shutdown: 1,
        fast_shutdown: 1,
        smart_shutdown: 2,
        goaway_from_the_proxy: 2,
        goaway_from_the_extension: 2,
        kill_the_proxy: 1,
        drain_the_proxy: 1,
    }

    def strike(self):
        """Each event happens once before the chance decides."""
        fresh = [event for event in self.EVENTS if not self.counts[event.__name__]]
        event = self.chance.choice(fresh) if fresh else self.chance.choices(list(self.EVENTS), self.EVENTS.values())[0]
        self.counts[event.__name__] += 1
        try:
            event(self)
        except RuntimeError as error:
            # The server is still busy with the last event.
            if not any(text in str(error) for text in self.EXPECTED):
                raise
            self.counts["skipped"] += 1

    def settle(self):
        """Waits until the clients' sessions have ended, at the server and at the proxy. Not reached if some are left."""

        query = f"SELECT count(*) FROM pg_stat_activity WHERE {OTHERS}"

        def is_idle():
            with contextlib.suppress(RuntimeError):
                return self.sql(query).strip() == "0"

        wait_for("the end of the sessions", is_idle, 60)
        # One or two more for a probe of the server.
        wait_for("the proxy's descriptors", lambda: size(self.proxy.process.pid)[1] <= self.idle_descriptors + 2, 60)


def start_clients(workspace, server, proxy_port):
    ways = {"direct": (server.port, "disable"), "proxy": (proxy_port, "disable"), "tls": (server.port, "require")}
    clients = []
    for kind, command in commands(workspace).items():
        for number, way in enumerate(["direct", "proxy", "tls", "proxy"]):
            port, sslmode = ways[way]
            conninfo = f"host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode={sslmode} connect_timeout=10"
            clients.append(Client(workspace, kind, f"{kind}-{number}-{way}", command, conninfo))
    return clients


def soak(chaos, clients, seconds):
    end = time.monotonic() + seconds
    strike = time.monotonic() + 3
    while time.monotonic() < end:
        if time.monotonic() > strike:
            chaos.strike()
            strike = time.monotonic() + 1 + 4 * chaos.chance.random()
        for process in [chaos, *clients]:
            process.sample()
        time.sleep(0.5)


def claims_of(client, ended, rows):
    claims = {"it ended well": ended, "memory, descriptors and threads are flat": soak_rows.is_flat(client.sizes)}
    return claims | soak_rows.claims(client.report, rows)


def summary(claims):
    """A line for each claim that all clients pass, and one for each that a client does not pass."""
    names = next(iter(claims.values()))
    failed = {name: {claim: False for claim, passed in own.items() if not passed} for name, own in claims.items()}
    passed = {claim: True for claim in names if all(own[claim] for own in claims.values())}
    return {"all clients": passed} | failed


def judge(chaos, clients, ended):
    rows = collections.defaultdict(list)
    for line in chaos.sql("SELECT client, number FROM soak").splitlines():
        name, number = line.split()
        rows[name].append(int(number))
    for client in clients:
        for problem, numbers in soak_rows.problems(client.report, rows[client.name]).items():
            print(f"{client.name}: {problem}: {numbers}")
    claims = summary({client.name: claims_of(client, ended[client], rows[client.name]) for client in clients})
    longest = max(chaos.proxy_sizes, key=len)
    claims["run"] = {
        "each shutdown ends within a minute": not chaos.stuck,
        "clients left when asked": sum(tick.left for client in clients for tick in client.ticks) > 0,
        "memory and threads of goaway-proxy are flat": soak_rows.is_flat([(memory, 0, threads) for memory, _, threads in longest]),
        "lost, foreign and doubled rows are noticed": all(soak_rows.notices_faults(c.report, rows[c.name]) for c in clients),
        "leaks are noticed": soak_rows.notices_growth(),
    }
    return claims, rows


def print_figures(chaos, clients, rows):
    print("\nevents:", ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in sorted(chaos.counts.items())))
    table = []
    for client in clients:
        there, report = set(rows[client.name]), client.report
        unknown = f"{len(report.unknown)}, {len(there & report.unknown)} there"
        ticks = [tick for tick in client.ticks if tick.done]
        middle, worst = soak_rows.median([tick.median for tick in ticks]), max(tick.worst for tick in ticks)
        memory, descriptors, threads = soak_rows.growth(client.sizes)
        left = sum(tick.left for tick in client.ticks)
        table.append([client.name, str(len(report.committed())), str(len(report.failed)), unknown, f"{left:.0f}",
                      f"{1000 * middle:.1f} ms", f"{worst:.1f} s", f"{memory:+} kB", f"{descriptors:+}", f"{threads:+}"])
    memory, descriptors, threads = soak_rows.growth(max(chaos.proxy_sizes, key=len))
    table.append(["goaway-proxy", *[""] * 6, f"{memory:+} kB", f"{descriptors:+}", f"{threads:+}"])
    headings = ["client", "committed", "failed", "unknown", "left when asked", "median", "slowest", "memory", "descriptors", "threads"]
    command_line.print_table(headings, table)
    print()


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--programs", type=Path, default=DEBIAN_15, metavar="DIR", help="PostgreSQL's programs (default: Debian's 15)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="an SVG file for a plot of the latencies; needs matplotlib")
    return parser.parse_args()


def main():
    options = parse()
    print(f"{options.minutes} minutes, seed {options.seed}", flush=True)
    chance = random.Random(options.seed)
    with Workspace() as workspace:
        config = extension.config(workspace, options.programs, 1) + certificate(workspace)
        server = Server(workspace, "server", options.programs).create(config, port=fixed_port(chance))
        chaos = Chaos(workspace, server, chance)
        chaos.sql(TABLE + extension.functions())
        clients = start_clients(workspace, server, chaos.proxy_port)
        begin = time.monotonic()
        soak(chaos, clients, 60 * options.minutes)
        ours = all(client.uses_our_library() for client in clients)
        ended = {client: client.finish() for client in clients}
        chaos.settle()
        claims, rows = judge(chaos, clients, ended)
        claims["run"]["all clients use this library"] = ours
        print_figures(chaos, clients, rows)
        if options.plot:
            import plots

            plots.soak({kind: [c.ticks for c in clients if c.kind == kind] for kind in KINDS}, begin, options.plot)
        return command_line.report_claims(claims)


if __name__ == "__main__":
    command_line.run(main)
