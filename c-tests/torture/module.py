"""pg_goaway: damaged, slow and dying clients, floods and storms, against servers that have the module loaded.

Each part has a server of its own. Afterwards it must serve, no session may be left, and a smart shutdown must end.
"""

import contextlib
import os
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import build
import extension
from build import Library
from cluster import DEBIAN_15, Server, Workspace, oracle_18, service_user, wait_for
from proxies import Client, damaged_client, first_messages, packet, startup, with_threads

CONFIG = """
log_connections = off
max_connections = 200
authentication_timeout = 3s
pg_goaway.poll = 50ms
"""
# What a server's log must not have. A process that was killed is in the log, too: each part says how many it kills.
DAMAGE = re.compile("TRAP:|PANIC|stack smashing|double free|corrupt|terminated by signal (?!9\\b)|invalid memory alloc")
KILLED = "was terminated by signal 9"
# Resident memory that a server's first process may have gained.
MEMORY_KB = 8192


class LoadedServer(Server):
    """A server with the module and its functions."""

    def __init__(self, workspace, name, programs, more=""):
        super().__init__(workspace, name, programs)
        self.create(CONFIG + extension.config(workspace, programs, 0) + more)
        # What CREATE EXTENSION does. The module is not installed.
        text = (extension.SOURCE / "pg_goaway--1.0.sql").read_text().replace("MODULE_PATHNAME", "pg_goaway")
        self.sql("\n".join(line for line in text.splitlines() if not line.startswith("\\")))
        self.killed, self.memory = 0, memory(self.pid)

    def sql(self, text):
        where = ["-h", self.data.parent, "-p", str(self.port), "-U", "postgres", "-d", "postgres"]
        return self.tool("psql", "-X", "-A", "-t", *where, "-c", text).strip()

    def serves(self):
        try:
            with Client(self.port) as client:
                return client.query() == b"42"
        except OSError:
            return False

    def worker(self):
        """The process id of the module's background worker, or None while there is none."""
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
                if int(parent) == self.pid and b"pg_goaway" in (process / "cmdline").read_bytes():
                    return int(process.name)
        return None

    def kill_worker(self):
        """Waits until there is one. PostgreSQL then restarts, as after every process that was killed."""
        wait_for("a worker", self.worker)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.worker() or 0x3FFFFF, signal.SIGKILL)
            self.killed += 1

    def complaints(self):
        """What is wrong afterwards. The server is stopped then."""
        if self.has_exited():
            return [f"the server ended: {self.log_file.read_text(errors='replace')[-600:]}"]
        found = []
        for what, condition in (("serves nobody", self.serves), ("has no worker", self.worker)):
            with contextlib.suppress(TimeoutError):
                wait_for(what, condition, 30)
                continue
            found.append(f"the server {what}")
        try:
            wait_for("sessions", lambda: self.sessions() == 0, 15)
        except TimeoutError:
            found.append(f"{self.sessions()} sessions are left")
        growth = memory(self.pid) - self.memory
        if growth > MEMORY_KB:
            found.append(f"the server grew by {growth} kB")
        return found + self.end()

    def end(self):
        """Stops the server; nothing may keep it."""
        self.stop("smart", wait=False)
        try:
            wait_for("the shutdown", self.has_exited, 30)
        except TimeoutError:
            self.stop("immediate")
            return ["a smart shutdown did not end"]
        text = self.log_file.read_text(errors="replace")
        damage = [line for line in text.splitlines() if DAMAGE.search(line)][:3]
        if text.count(KILLED) > self.killed:
            damage.append(f"{text.count(KILLED)} processes were killed, {self.killed} of them by this part")
        return damage


def memory(pid):
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0])


def with_assertions(directory):
    """A copy of the PostgreSQL 18 that the tests build, whose server checks assertions."""
    original, copy = oracle_18().parent, directory / "assertions"
    (copy / "bin").mkdir(parents=True)
    for program in original.joinpath("bin").iterdir():
        shutil.copy(program, copy / "bin")
    shutil.copy(original.parent / "assertions/postgres", copy / "bin/postgres")
    for name in ("lib", "share", "include"):
        (copy / name).symlink_to(original / name)
    return copy / "bin"


def asker(server, rng, is_done):
    """Calls the control functions until `is_done`, also with arguments that make no sense."""
    calls = [
        "pg_goaway_all()",
        "pg_goaway_backend(pg_backend_pid())",
        "count(pg_goaway_backend(pid)) FROM (SELECT pid FROM pg_stat_activity ORDER BY random() LIMIT 5) s",
        "count(*) FROM pg_goaway_status",
        f"pg_goaway_backend({server.pid})",
        "pg_goaway_backend(0)",
        "pg_goaway_backend(-2147483648)",
        "pg_goaway_backend(2147483647)",
        "pg_goaway_backend(NULL) IS NULL",
    ]
    count = 0
    while not is_done():
        with contextlib.suppress(OSError):
            with Client(server.port) as client:
                client.socket.settimeout(5)
                for _ in range(20):
                    client.query(f"SELECT {rng.choice(calls)}")
                    count += 1
    return count


def own_first_messages():
    """Clients that want the module's message, and some that say it wrongly."""
    options = {"user": "postgres", "database": "postgres"}
    names = ["pg_goaway.message=on", "pg_goaway.message=x", "disconnect_requested=on", "pg_goaway.spread=1", "pg_goaway.none=1"]
    return first_messages() + [startup(**options, options=f"-c {name}") for name in names]


# Parts. Each returns the number of attempts, and complaints.


def damaged_clients(rng, budget, server):
    first = own_first_messages()
    tried, bad = with_threads(
        rng,
        budget,
        800,
        lambda own: damaged_client(own, server.port, first),
        lambda is_done: asker(server, rng, is_done),
    )
    return tried, bad


def has_begun(client):
    """Whether the server has told this client that it may send queries. Nothing is read."""
    return b"Z\0\0\0\5" in client.recv(4096, socket.MSG_PEEK)


def slow_and_half_open_clients(rng, _budget, server):
    """Clients that stop in the middle of a packet, that do not read, and that close one direction; all are asked, then the server stops."""
    server.sql("ALTER SYSTEM SET pg_goaway.deadline = '1s'")
    server.sql("SELECT pg_reload_conf()")
    clients, whole, bad = [], startup(user="postgres", database="postgres"), []
    for number in range(120):
        client = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        kind = number % 4
        client.sendall(whole[: rng.randrange(len(whole))] if kind < 2 else whole)
        if kind == 1:
            client.shutdown(socket.SHUT_WR)
        if kind == 3:
            client.sendall(packet(b"Q", b"SELECT repeat('x', 1000000) FROM generate_series(1, 20)\0"))
        clients.append(client)
        if number % 30 == 29:
            # A session that begins after the call is not asked.
            wait_for("sessions", lambda: all(has_begun(client) for client in clients[2::4] + clients[3::4]), 30)
            server.sql("SELECT pg_goaway_all()")
            if not server.serves():
                bad.append("the server serves nobody while others are slow")
    # Nobody reads or disconnects: the deadline ends the sessions, and the authentication's timeout the others.
    try:
        wait_for("sessions", lambda: server.sessions() == 0, 30)
    except TimeoutError:
        bad.append(f"{server.sessions()} sessions are left after the deadline")
    for client in clients:
        client.close()
    return len(clients), bad


def flood_of_cancels(rng, budget, server):
    def cancel(own):
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
                client.sendall(struct.pack(">IIII", 16, 80877102, own.randrange(1 << 22), own.randrange(1 << 32)))
                if own.random() < 0.3:
                    client.recv(1)

    return with_threads(rng, budget, 1500, cancel, lambda is_done: asker(server, rng, is_done))


def storm(rng, budget, server):
    """Signals to the worker, reloads and control functions, while sessions come and go: each answer must be right."""

    def application(own):
        with Client(server.port) as client:
            for _ in range(own.randrange(1, 8)):
                if client.query() != b"42":
                    raise RuntimeError("a wrong answer")

    def signals(is_done):
        asking = threading.Thread(target=asker, args=(server, random.Random(rng.random()), is_done))
        asking.start()
        settings = ["spread = '1s'", "spread = 0", "poll = '1h'", "poll = '50ms'", "on_shutdown = off", "on_shutdown = on"]
        while not is_done():
            choice, worker = rng.randrange(6), server.worker()
            if choice == 5:
                server.sql(f"ALTER SYSTEM SET pg_goaway.{rng.choice(settings)}")
                server.sql("SELECT pg_reload_conf()")
            elif choice == 4 and worker:
                server.sql(f"SELECT pg_terminate_backend({worker}), pg_goaway_backend({worker})")
            elif worker:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, [signal.SIGHUP, signal.SIGUSR1, signal.SIGINT, signal.SIGTERM][choice])
        asking.join()
        # As they were, so that the shutdown asks.
        for name in ("spread", "poll", "on_shutdown"):
            server.sql(f"ALTER SYSTEM RESET pg_goaway.{name}")
        server.sql("SELECT pg_reload_conf()")

    return with_threads(rng, budget, 500, application, signals)


def killed_worker(rng, budget, server):
    """kill -9 of the worker at any time: the server restarts and serves again."""
    bad = []
    for tried in budget.numbers(5, first=1):
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(server.port)) for _ in range(10)]
            clients[0].query("SELECT pg_goaway_all()")
            time.sleep(rng.random() * 0.1)
            server.kill_worker()
            for client in clients:
                client.socket.settimeout(20)
                try:
                    while True:
                        client.query()
                except TimeoutError:
                    bad.append("a session survived the restart")
                except OSError:
                    pass
        wait_for("the server", server.serves, 60)
    return tried, bad


def killed_clients(rng, budget, server):
    """kill -9 of clients in every phase, while they are asked."""
    queries = ["SELECT 1", "SELECT pg_sleep(5)", "COPY (SELECT repeat('x', 100000) FROM generate_series(1, 50)) TO STDOUT"]
    where = f"host=127.0.0.1 port={server.port} user=postgres dbname=postgres sslmode=disable"
    command = [server.programs / "psql", "-X", "-q", "-o", "/dev/null"]

    def one(own):
        options = own.choice(["", " options='-c pg_goaway.message=on'"])
        client = subprocess.Popen(
            [*command, "-c", own.choice(queries), where + options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=build.environment(Library.OURS, PGGOAWAY="prefer"),
        )
        time.sleep(own.random() * 0.08)
        client.kill()
        client.wait()

    return with_threads(rng, budget, 80, one, lambda is_done: asker(server, rng, is_done), 2)


def limit_descriptors(pid, count):
    """As the server's user: root may lack the capability for processes of others."""
    subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={count}:"], check=True, **service_user())


def forbid_descriptors(pid):
    """RLIMIT_NOFILE limits the numbers of new descriptors, not how many there are: the lowest free number becomes the limit."""
    taken = {int(number) for number in os.listdir(f"/proc/{pid}/fd")}
    limit_descriptors(pid, next(number for number in range(len(taken) + 1) if number not in taken))


def has_message(client):
    return bool(select.select([client.socket], [], [], 0)[0])


def drain_without_descriptors(_rng, _budget, server):
    """A smart shutdown while the worker cannot open a file, and the server accept no connection."""
    bad, clients = [], [Client(server.port) for _ in range(20)]
    worker = server.worker()
    forbid_descriptors(worker)
    server.stop("smart", wait=False)
    # The postmaster needs one more to note the shutdown in a file, which the worker reads.
    wait_for("the note", lambda: "stopping" in (server.data / "postmaster.pid").read_text())
    forbid_descriptors(server.pid)
    others = []
    for _ in range(20):
        with contextlib.suppress(OSError):
            others.append(socket.create_connection(("127.0.0.1", server.port), timeout=2))
            others[-1].sendall(startup(user="postgres", database="postgres"))
    time.sleep(1)
    if server.worker() != worker:
        bad.append("the worker ended")
    if any(map(has_message, clients)):
        bad.append("the worker could open a file: a client was asked too soon")
    for client in clients:
        if client.query() != b"42":
            bad.append("a session does not answer")
    # Descriptors can be had again: now the clients are asked.
    for pid in (worker, server.pid):
        limit_descriptors(pid, 1000)
    for client in clients:
        client.socket.settimeout(10)
        try:
            while b"disconnect_requested\0on" not in client.until(b"S"):
                pass
        except OSError as error:
            bad.append(f"a client was not asked: {error}")
            break
    for client in clients:
        client.socket.close()
    for other in others:
        other.close()
    try:
        wait_for("the shutdown", server.has_exited, 30)
    except TimeoutError:
        return len(clients), [*bad, "the drain did not end"]
    server.start()
    return len(clients), bad


# The part of the time that each takes, and settings.
PARTS = [
    (damaged_clients, 4),
    (slow_and_half_open_clients, 1),
    (flood_of_cancels, 2),
    (storm, 3),
    (killed_worker, 2),
    (killed_clients, 3),
    (drain_without_descriptors, 1),
]


def run_on(name, programs, seed, budget, case):
    rows = []
    total = sum(weight for _, weight in PARTS)
    for part, weight in PARTS:
        if case and case not in part.__name__:
            continue
        label = f"module {name}: {part.__name__.replace('_', ' ')}"
        with Workspace() as workspace:
            server = LoadedServer(workspace, "server", programs)
            try:
                tried, found = part(random.Random(f"{seed}:{label}"), budget.part(budget.seconds * weight / total), server)
                found += server.complaints()
            except (OSError, RuntimeError) as error:
                tried, found = 1, [f"{type(error).__name__}: {error}: {server.log_file.read_text(errors='replace')[-600:]}"]
        for complaint in found:
            print(f"  LOST {label}: {complaint}")
        rows.append((label, tried, max(0, tried - len(found)), len(found), ""))
    return rows


def run(seed, budget, case=None):
    """Returns rows for the summary, and whether all is well."""
    if not (oracle_18().parent.parent / "assertions/postgres").exists():
        print("  skipped: there is no server with assertions: run c-tests/oracle/assertions.sh")
        return [("module", 0, 0, 0, "skipped: no server with assertions")], True
    with Workspace() as workspace:
        servers = [("on 18 with assertions", with_assertions(workspace.directory))]
        # The short form has one server only.
        servers += [] if budget.short else [("on 15", DEBIAN_15)]
        rows = []
        for name, programs in servers:
            rows += run_on(name, programs, seed, budget.part(budget.seconds / len(servers)), case)
    return rows, not any(row[3] for row in rows)
