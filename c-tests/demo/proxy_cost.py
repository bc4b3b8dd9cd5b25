#!/usr/bin/env python3
"""Compares the cost of goaway-proxy, PgBouncer (session pooling) and a direct connection.

    proxy_cost.py [--rounds N] [--turns N] [--idle N]

Runs `pgbench -S -M prepared -c 8 -j 2` over TCP on a temporary PostgreSQL: directly, through PgBouncer, and through
goaway-proxy. In a round the three take turns of a second, the others being stopped, because a machine's speed changes
from second to second. Prints transactions a second and the proxies' CPU time for 100,000 transactions (medians), the
ratios of the two proxies within each round, and their resident memory with many idle clients. Everything runs on this
machine, so the figures are only useful when it does nothing else.

GOAWAY_PROXY names another goaway-proxy to measure.
"""

import argparse
import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path
from statistics import median

import command_line
from cluster import DEBIAN_15, Proxy, Server, Workspace, free_port, oracle_18, service_user, wait_for

CLIENTS = 8
WORKLOAD = ["-n", "-S", "-M", "prepared", "-c", str(CLIENTS), "-j", "2"]
TURN = 1

PGBOUNCER = """
[databases]
postgres = host=127.0.0.1 port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
pool_mode = session
auth_type = any
max_client_conn = {clients}
default_pool_size = {clients}
log_connections = 0
log_disconnections = 0
logfile = {log}
"""

# Its length, protocol 3.0, the user.
STARTUP = b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0"


class PgBouncer:
    """Debian's PgBouncer. Like PostgreSQL, it does not run as root."""

    def __init__(self, workspace, server, clients):
        self.port = free_port()
        config, self.log_file = workspace.directory / "pgbouncer.ini", workspace.directory / "pgbouncer.log"
        config.write_text(PGBOUNCER.format(server=server.port, port=self.port, clients=clients, log=self.log_file))
        command = ["setpriv", "--pdeathsig", "KILL", "/usr/sbin/pgbouncer", "-q", config]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd="/", **service_user())
        workspace.callback(self.kill)
        wait_for("PgBouncer", self._listens)

    def _listens(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"PgBouncer ended:\n{self.log_file.read_text()}")
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()


def address(port):
    return ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "postgres"]


def cpu_seconds(pid):
    """The user and system time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


class Route:
    """A route to the server, and a pgbench that runs only in its turns."""

    def __init__(self, name, server, port, process=None, workload=WORKLOAD):
        self.name, self.port, self.process = name, port, process
        program = server.programs / "pgbench"
        command = [program, *workload, "-T", "3600", *address(port)]
        self.bench = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/", **service_user())
        self.bench.send_signal(signal.SIGSTOP)
        self.seconds = 0

    def take_turn(self):
        begin = time.monotonic()
        self.bench.send_signal(signal.SIGCONT)
        time.sleep(TURN)
        self.bench.send_signal(signal.SIGSTOP)
        self.seconds += time.monotonic() - begin

    def finish(self):
        """Transactions a second, and the proxy's CPU seconds for 100,000."""
        # pgbench ends its run on this signal.
        self.bench.send_signal(signal.SIGALRM)
        self.bench.send_signal(signal.SIGCONT)
        output, _ = self.bench.communicate(timeout=30)
        done = int(re.search(r"number of transactions actually processed: (\d+)", output)[1])
        return done / self.seconds, self.process and cpu_seconds(self.process.pid) / done * 100_000

    def kill(self):
        self.bench.kill()
        self.bench.wait()


def run_round(server, turns):
    """Runs one round, and returns the result of each route."""
    with Workspace() as workspace:
        # Start new proxies in each round, so that all sessions with the server are equally old.
        bouncer = PgBouncer(workspace, server, CLIENTS)
        proxy = Proxy(workspace, "proxy", server, watch="1")
        variants = [
            Route("direct", server, server.port),
            Route("PgBouncer", server, bouncer.port, bouncer.process),
            Route("goaway-proxy", server, proxy.port, proxy.process),
        ]
        for variant in variants:
            workspace.callback(variant.kill)
        for turn in range(turns):
            first = turn % len(variants)
            for variant in variants[first:] + variants[:first]:
                variant.take_turn()
        return {variant.name: variant.finish() for variant in variants}


def ratios(rounds, figure):
    return " ".join(f"{one['goaway-proxy'][figure] / one['PgBouncer'][figure]:.2f}" for one in rounds)


def measure_cost(server, rounds, turns):
    results = []
    for number in range(rounds):
        results.append(run_round(server, turns))
        rates = (f"{name} {rate:.0f}" for name, (rate, _) in results[-1].items())
        print(f"round {number + 1}: {', '.join(rates)}", flush=True)
    rows = []
    for name in results[0]:
        rates, costs = zip(*(one[name] for one in results))
        rows.append([name, f"{median(rates):.0f}", "-" if None in costs else f"{median(costs):.2f}"])
    print()
    command_line.print_table(["", "transactions/s", "CPU seconds for 100,000"], rows)
    print(f"\ntransactions/s, goaway-proxy by PgBouncer: {ratios(results, 0)}")
    print(f"CPU time, goaway-proxy by PgBouncer: {ratios(results, 1)}")


def connect(port):
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(STARTUP)
    received = b""
    while not received.endswith(b"Z\0\0\0\x05I"):
        if not (more := s.recv(65536)):
            raise RuntimeError(f"no session: {received!r}")
        received += more
    return s


def measure_memory(server, idle):
    with Workspace() as workspace:
        bouncer = PgBouncer(workspace, server, idle)
        for name, proxy in [("PgBouncer", bouncer), ("goaway-proxy", Proxy(workspace, "proxy", server))]:
            before = resident_megabytes(proxy.process.pid)
            with contextlib.ExitStack() as stack:
                for _ in range(idle):
                    stack.enter_context(connect(proxy.port))
                after = resident_megabytes(proxy.process.pid)
            print(f"resident memory, {name}, {idle} idle clients: {after:.1f} MB, {before:.1f} MB before")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--turns", type=int, default=10, help="turns of a second for each route in a round")
    parser.add_argument("--idle", type=int, default=2000, metavar="N", help="idle clients; 0 for none")
    options = parser.parse_args()
    # A proxy needs two descriptors a client.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with Workspace() as workspace:
        server = Server(workspace, "server", oracle_18() or DEBIAN_15)
        # PgBouncer keeps its sessions with the server after its clients have left.
        server.create(f"max_connections = {2 * options.idle + 4 * CLIENTS}\nlog_connections = off\n")
        # The tables fit into the shared buffers.
        server.tool("pgbench", "-i", "-q", *address(server.port))
        if options.rounds:
            measure_cost(server, options.rounds, options.turns)
        if options.idle:
            measure_memory(server, options.idle)


if __name__ == "__main__":
    command_line.run(main)
