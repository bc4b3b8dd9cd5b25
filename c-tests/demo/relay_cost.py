#!/usr/bin/env python3
"""What goaway-proxy costs, beside PgBouncer (session pooling) and no proxy at all.

    relay_cost.py [--rounds N] [--seconds N] [--idle N]

A PostgreSQL of its own serves `pgbench -S -M prepared -c 8 -j 2` over TCP: directly, through PgBouncer, and through
goaway-proxy, in turn, round after round. Printed are transactions a second, the proxies' CPU time for 100,000
transactions, medians, and the ratios of the two proxies in the same round; then the proxies' resident memory with many
idle clients. All of it runs on this machine, so that the figures mean something only while it does nothing else.

GOAWAY_PROXY names another goaway-proxy to measure.
"""

import argparse
import contextlib
import os
import re
import resource
import socket
import subprocess
import sys
from pathlib import Path
from statistics import median

from arguments import print_table
from stage import DEBIAN_15, Proxy, Server, Stage, free_port, oracle_18, service_user, wait_for

CLIENTS = 8
WORKLOAD = ["-n", "-S", "-M", "prepared", "-c", str(CLIENTS), "-j", "2"]

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
    """Debian's, which like PostgreSQL does not run as root."""

    def __init__(self, stage, server, clients):
        self.port = free_port()
        config, self.log_file = stage.directory / "pgbouncer.ini", stage.directory / "pgbouncer.log"
        config.write_text(PGBOUNCER.format(server=server.port, port=self.port, clients=clients, log=self.log_file))
        command = ["setpriv", "--pdeathsig", "KILL", "/usr/sbin/pgbouncer", "-q", config]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd="/", **service_user())
        stage.callback(self.kill)
        wait_for("PgBouncer", self._listens)

    def _listens(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"PgBouncer ended:\n{self.log_file.read_text()}")
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()


def pgbench(server, port, *arguments):
    return server.tool("pgbench", *arguments, "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "postgres")


def cpu_seconds(pid):
    """User and system time of a process's threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


class Arm:
    """A way to the server, and what was measured on it, a figure a round."""

    def __init__(self, name, port, process=None):
        self.name, self.port, self.process = name, port, process
        self.rates, self.costs = [], []

    def run(self, server, seconds):
        before = cpu_seconds(self.process.pid) if self.process else 0
        output = pgbench(server, self.port, *WORKLOAD, "-T", str(seconds))
        self.rates.append(float(re.search(r"tps = ([\d.]+)", output)[1]))
        if self.process:
            spent = cpu_seconds(self.process.pid) - before
            done = int(re.search(r"number of transactions actually processed: (\d+)", output)[1])
            self.costs.append(spent / done * 100_000)

    def row(self):
        return [self.name, f"{median(self.rates):.0f}", f"{median(self.costs):.2f}" if self.costs else "-"]


def ratios(ours, theirs):
    return " ".join(f"{our / their:.2f}" for our, their in zip(ours, theirs))


def measure_cost(server, arms, rounds, seconds):
    # Each arm's first run, a short one, is nobody's figure.
    for arm in arms:
        arm.run(server, 1)
        arm.rates.clear()
        arm.costs.clear()
    for number in range(rounds):
        # Nobody is always the first, or the last.
        for arm in arms[number % len(arms) :] + arms[: number % len(arms)]:
            arm.run(server, seconds)
        print(f"round {number + 1}: " + ", ".join(f"{arm.name} {arm.rates[-1]:.0f}" for arm in arms), flush=True)
    print()
    print_table(["", "transactions/s", "CPU seconds for 100,000"], [arm.row() for arm in arms])
    _, theirs, ours = arms
    print(f"\ntransactions/s, goaway-proxy by PgBouncer: {ratios(ours.rates, theirs.rates)}")
    print(f"CPU time, goaway-proxy by PgBouncer: {ratios(ours.costs, theirs.costs)}")


def connect(port):
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(STARTUP)
    received = b""
    while not received.endswith(b"Z\0\0\0\x05I"):
        if not (more := s.recv(65536)):
            raise RuntimeError(f"no session: {received!r}")
        received += more
    return s


def measure_memory(arms, idle):
    for arm in arms:
        if arm.process:
            before = resident_megabytes(arm.process.pid)
            with contextlib.ExitStack() as stack:
                for _ in range(idle):
                    stack.enter_context(connect(arm.port))
                after = resident_megabytes(arm.process.pid)
            print(f"resident memory, {arm.name}, {idle} idle clients: {after:.1f} MB, {before:.1f} MB before")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8, help="of each run")
    parser.add_argument("--idle", type=int, default=2000, metavar="N", help="idle clients; 0 for none")
    options = parser.parse_args()
    connections = options.idle + CLIENTS
    # A proxy needs two descriptors a client.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with Stage() as stage:
        server = Server(stage, "server", oracle_18() or DEBIAN_15)
        # PgBouncer keeps its sessions with the server when its clients have gone.
        server.create(f"max_connections = {2 * connections + 10}\nlog_connections = off\n")
        pgbench(server, server.port, "-i", "-q", "-s", "10")
        bouncer = PgBouncer(stage, server, connections)
        proxy = Proxy(stage, "proxy", server)
        arms = [
            Arm("direct", server.port),
            Arm("PgBouncer", bouncer.port, bouncer.process),
            Arm("goaway-proxy", proxy.port, proxy.process),
        ]
        if options.rounds:
            measure_cost(server, arms, options.rounds, options.seconds)
        measure_memory(arms, options.idle)


if __name__ == "__main__":
    sys.exit(main())
