"""goaway-proxy: damaged servers and clients, floods, signals, and the sudden end of each party."""

import contextlib
import os
import random
import resource
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import build
import scripts
from build import Library
from cluster import Proxy, Server, Workspace, oracle_18, wait_for
from mutate import EDITS, Case
from outcomes import Outcome
from replay import Session

# Resident memory that the proxy may have gained when everybody has left.
MEMORY_KB = 16384
# A damaged client waits this long for the proxy's answer.
PATIENCE = 0.03


class Target:
    """What the proxy connects to."""

    def __init__(self, port):
        self.port = port


def descriptors(proxy):
    return len(os.listdir(f"/proc/{proxy.process.pid}/fd"))


def memory(proxy):
    text = Path(f"/proc/{proxy.process.pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0])


def is_alive(proxy):
    return proxy.process.poll() is None


class Watch:
    """Compares a proxy with its state before: nothing may be left of the sessions."""

    def __init__(self, proxy):
        self.proxy, self.descriptors, self.memory = proxy, descriptors(proxy), memory(proxy)

    def complaints(self):
        if not is_alive(self.proxy):
            return [f"the proxy ended with {self.proxy.process.returncode}: {self.proxy.log_file.read_text()[-500:]}"]
        found = []
        with contextlib.suppress(TimeoutError):
            wait_for("descriptors", lambda: descriptors(self.proxy) <= self.descriptors, 15)
        if descriptors(self.proxy) > self.descriptors:
            found.append(f"descriptors: {self.descriptors} before, {descriptors(self.proxy)} after")
        if self.proxy.status()["clients"]:
            found.append(f"clients that have left: {self.proxy.status()['clients'][:3]}")
        if memory(self.proxy) - self.memory > MEMORY_KB:
            found.append(f"memory: {self.memory} kB before, {memory(self.proxy)} kB after")
        if "panicked" in self.proxy.log_file.read_text(errors="replace"):
            found.append("a panic is in the log")
        return found


# Clients as bytes.


def packet(kind, body):
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def startup(**parameters):
    body = b"\0\3\0\0" + b"".join(f"{k}\0{v}\0".encode() for k, v in parameters.items()) + b"\0"
    return (len(body) + 4).to_bytes(4, "big") + body


def first_messages():
    options = {"user": "postgres", "database": "postgres"}
    return [
        startup(**options),
        startup(**options, **{"_pq_.goaway": ""}),
        startup(**options, replication="database"),
        struct.pack(">II", 8, 80877103),
        struct.pack(">II", 8, 80877104),
        struct.pack(">IIII", 16, 80877102, 4711, 815),
    ]


def later_messages():
    return [
        packet(b"Q", b"SELECT 1\0"),
        packet(b"Q", b"SELECT i, repeat('x', 100) FROM generate_series(1, 100) AS i\0"),
        packet(b"Q", b"COPY (SELECT 1) TO STDOUT\0"),
        packet(b"Q", b"CREATE TEMP TABLE IF NOT EXISTS t (a text); COPY t FROM STDIN\0"),
        packet(b"d", b"a row\n"),
        packet(b"c", b""),
        packet(b"f", b"no\0"),
        packet(b"P", b"\0SELECT 2\0\0\0"),
        packet(b"B", b"\0\0\0\0\0\0\0\0"),
        packet(b"D", b"P\0"),
        packet(b"E", b"\0\0\0\0\0"),
        packet(b"C", b"S\0"),
        packet(b"H", b""),
        packet(b"S", b""),
        packet(b"F", b"\0\0\5\x75\0\0\0\1\0\0\0\4\0\0\0\7\0\0"),
        packet(b"X", b""),
        packet(b"p", b"secret\0"),
    ]


def damaged_client(rng, port, first=None):
    """One connection with damaged messages; it ends in one of several ways."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.settimeout(PATIENCE)
        messages = [rng.choice(first or first_messages())] + rng.choices(later_messages(), k=rng.randrange(8))
        for _ in range(rng.choice([0, 1, 1, 2])):
            at = rng.randrange(len(messages))
            name = rng.choice([name for name in EDITS if name != "goaway"])
            # Edits expect a type before the length, which a first message does not have.
            first = b"\1" if at == 0 else b""
            messages[at] = EDITS[name][0](rng)(first + messages[at])[len(first) :]
        with contextlib.suppress(OSError):
            if rng.random() < 0.1:
                for byte in b"".join(messages)[:200]:
                    client.send(bytes([byte]))
            for message in messages:
                client.sendall(message)
                if rng.random() < 0.5:
                    client.recv(65536)
            client.recv(65536)
        if rng.random() < 0.3:
            # The connection is reset.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Client(contextlib.AbstractContextManager):
    """A session of a real application."""

    def __init__(self, port, **parameters):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.sendall(startup(user="postgres", database="postgres", **parameters))
        self.until(b"Z")

    def __exit__(self, *_):
        self.socket.close()

    def until(self, wanted):
        """Reads messages up to one of this type. Raises ConnectionError at the end of the connection or a fatal error."""
        while True:
            head = self._exactly(5)
            body = self._exactly(int.from_bytes(head[1:], "big") - 4)
            if head[:1] == wanted:
                return body
            if head[:1] == b"E" and b"FATAL" in body:
                raise ConnectionError(body)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            chunk = self.socket.recv(count - len(data))
            if not chunk:
                raise ConnectionError("the connection ended")
            data += chunk
        return data

    def query(self, sql="SELECT 42"):
        self.socket.sendall(packet(b"Q", sql.encode() + b"\0"))
        body = self.until(b"D")
        self.until(b"Z")
        return body[6:]


def serves(proxy):
    try:
        with Client(proxy.port) as client:
            return client.query() == b"42"
    except OSError:
        return False


# Parts. Each returns the number of attempts, and complaints.


def damaged_servers(rng, budget, workspace, _server):
    """Sessions of the driver through a proxy whose server is a mutated script."""
    program = build.driver(workspace.directory)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    proxy = Proxy(workspace, "damaged", Target(listener.getsockname()[1]), "--no-watch", "--spread", "0")
    watch, all_scripts, seed = Watch(proxy), scripts.read_all(), rng.randrange(1 << 30)
    driver, tried, complaints = None, 0, []
    for tried in budget.numbers(250, first=1):
        if driver is None:
            driver = build.start_driver(program, Library.OURS, PGGOAWAY="require" if tried % 2 else "disable")
            workspace.callback(driver.kill)
        case = Case(seed, tried, all_scripts)
        session = Session(driver, listener, case.plans, case.password, None, case.stall, stalled=12)
        password = f" password='{case.password}'" if case.password else ""
        where = f"host=127.0.0.1 port={proxy.port} sslmode=disable user=postgres dbname=postgres {case.options}{password}"
        outcome = Outcome(session.run(f"{case.program}\t{case.style}\t{where}\n"))
        if outcome.fatal:
            complaints.append(f"{outcome.fatal} in case {case.number} of seed {seed}: {case.describe()}")
            driver = None
        if not is_alive(proxy) or len(complaints) >= 5:
            break
    if driver:
        driver.kill()
    return tried, complaints + watch.complaints()


def damaged_clients(rng, budget, workspace, server):
    proxy = Proxy(workspace, "clients", server, "--spread", "0", "--startup-timeout", "5")
    watch = Watch(proxy)
    tried, bad = with_threads(rng, budget, 600, lambda own: damaged_client(own, proxy.port))
    complaints = [] if serves(proxy) else ["the proxy serves nobody"]
    return tried, bad + complaints + watch.complaints()


def with_threads(rng, budget, short_count, action, meanwhile=lambda is_done: None, count=4):
    """Runs an action again and again in some threads. Returns how often, and what went wrong."""
    done, bad = [], []

    def one_thread(first, own):
        try:
            for _ in budget.numbers(short_count, first, count):
                action(own)
                done.append(1)
        except (OSError, RuntimeError) as error:
            bad.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=one_thread, args=(n, random.Random(rng.random()))) for n in range(count)]
    for thread in threads:
        thread.start()
    meanwhile(lambda: not any(thread.is_alive() for thread in threads))
    for thread in threads:
        thread.join()
    return len(done), bad


def slow_and_half_open_clients(rng, _budget, workspace, server):
    """Clients that stop in the middle of a packet, that do not read, and that close one direction."""
    proxy = Proxy(workspace, "slow", server, "--startup-timeout", "2", "--spread", "0")
    watch, clients = Watch(proxy), []
    whole = startup(user="postgres", database="postgres")
    for number in range(300):
        client = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
        kind = number % 4
        client.sendall(whole[: rng.randrange(len(whole))] if kind < 2 else whole)
        if kind == 1:
            client.shutdown(socket.SHUT_WR)
        if kind == 3 and number < 80:
            client.sendall(packet(b"Q", b"SELECT repeat('x', 1000000) FROM generate_series(1, 20)\0"))
        clients.append(client)
        if number % 50 == 0 and not serves(proxy):
            return number, ["the proxy serves nobody while others are slow"]
    time.sleep(2.5)
    growth = memory(proxy) - watch.memory
    complaints = [f"{growth} kB for 300 clients"] if growth > 64 << 10 else []
    if not serves(proxy):
        complaints.append("the proxy serves nobody while others are slow")
    for client in clients:
        client.close()
    return 300, complaints + watch.complaints()


def flood_of_cancels(rng, budget, workspace, server):
    proxy = Proxy(workspace, "cancels", server, "--spread", "0")
    watch, bad = Watch(proxy), []

    def cancel(own):
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
                client.sendall(struct.pack(">IIII", 16, 80877102, own.randrange(1 << 22), own.randrange(1 << 32)))
                if own.random() < 0.3:
                    client.recv(1)

    def query(is_done):
        with Client(proxy.port) as client:
            while not is_done():
                if client.query() != b"42":
                    bad.append("a wrong answer during the flood")
                    return

    tried, more = with_threads(rng, budget, 2000, cancel, query)
    return tried, bad + more + watch.complaints()


def run_all_joined(threads):
    for thread in threads:
        thread.join()


def signals_and_commands(rng, budget, workspace, server):
    """SIGUSR1, SIGHUP and control commands while sessions come and go; at the end a drain."""
    proxy = Proxy(workspace, "storm", server, "--spread", "0", "--parameter-status")
    watch, tried, bad = Watch(proxy), 0, []
    served, stop = 0, False

    def applications():
        nonlocal served
        while not stop:
            try:
                with Client(proxy.port, **{"_pq_.goaway": ""}) as client:
                    for _ in range(5):
                        if client.query() != b"42":
                            bad.append("a wrong answer")
                        served += 1
            except OSError as error:
                bad.append(f"a session: {error}")
                return

    threads = [threading.Thread(target=applications) for _ in range(4)]
    for thread in threads:
        thread.start()
    for tried in budget.numbers(300, first=1):
        choice = rng.randrange(5)
        if choice < 3:
            proxy.process.send_signal([signal.SIGUSR1, signal.SIGHUP, signal.SIGPIPE][choice])
        elif choice == 3:
            proxy.ctl("goaway")
        else:
            proxy.status()
        time.sleep(0.005)
    stop = True
    run_all_joined(threads)
    complaints = bad[:3] + watch.complaints() + ([] if served > 20 else [f"only {served} queries"])
    if is_alive(proxy):
        proxy.terminate()
        try:
            if proxy.process.wait(20) != 0:
                complaints.append(f"the drain ended with {proxy.process.returncode}")
        except subprocess.TimeoutExpired:
            complaints.append("the drain did not end")
    return tried, complaints


def upgrades(_rng, budget, workspace, server):
    """New proxies take over the port, while clients connect; no client may be refused.

    A proxy that drains lets new SYN packets be dropped for 0.1 s, and the client's kernel sends them again a second later. The next upgrade waits for
    that client: if it came at once, again and again, the SYN packets of one client could be dropped each time.
    """
    bad, tried, stop = [], 0, False
    served = [0] * 3
    first = Proxy(workspace, "upgrade0", server, "--reuse-port", "--spread", "0")

    def application(number):
        while not stop:
            begin = time.monotonic()
            try:
                with Client(first.port, **{"_pq_.goaway": ""}) as client:
                    client.query()
                served[number] += 1
            except OSError as error:
                bad.append(f"a session: {error}, {time.monotonic() - begin:.1f} s after it began")
                return

    def serves_all_since(before):
        return bad or all(now > then for now, then in zip(served, before))

    threads = [threading.Thread(target=application, args=(number,)) for number in range(len(served))]
    for thread in threads:
        thread.start()
    running = first
    for tried in budget.numbers(7, first=1):
        if bad:
            break
        following = successor(workspace, f"upgrade{tried}", server, first.port)
        # The old one listens until it drains; connections that wait in its queue are served.
        running.terminate()
        try:
            if running.process.wait(20) != 0:
                bad.append(f"a proxy ended with {running.process.returncode}: {running.log_file.read_text()[-300:]}")
        except subprocess.TimeoutExpired:
            bad.append("a drain did not end")
        running, before = following, list(served)
        try:
            wait_for("every client", lambda: serves_all_since(before), 20)
        except TimeoutError:
            bad.append(f"clients are not served: {before} sessions before, then {served}")
    stop = True
    run_all_joined(threads)
    return tried, bad[:3]


def successor(workspace, name, server, port):
    """A proxy on a port that another one has."""
    import cluster

    original = cluster.free_port
    cluster.free_port = lambda: port
    try:
        return Proxy(workspace, name, server, "--reuse-port", "--spread", "0")
    finally:
        cluster.free_port = original


def sudden_ends(rng, budget, workspace, server):
    """kill -9 for clients, backends and the proxy, in every phase; connections that remain must end, too."""
    tried, complaints = 0, []
    proxy = Proxy(workspace, "ends", server, "--spread", "0")
    watch = Watch(proxy)
    queries = ["SELECT 1", "SELECT pg_sleep(5)", "COPY (SELECT repeat('x', 100000) FROM generate_series(1, 50)) TO STDOUT"]
    for tried in budget.numbers(80, first=1):
        client = subprocess.Popen(
            [
                server.programs / "psql",
                "-X",
                "-q",
                "-o",
                "/dev/null",
                "-c",
                rng.choice(queries),
                f"host=127.0.0.1 port={proxy.port} user=postgres dbname=postgres sslmode=disable",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=build.environment(Library.OURS),
        )
        time.sleep(rng.random() * 0.08)
        if rng.random() < 0.3 and (backend := backend_of(proxy)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(backend, signal.SIGTERM)
        client.kill()
        client.wait()
    complaints += watch.complaints()
    for _ in range(3):
        tried += 1
        complaints += end_of_proxy(workspace, server, tried)
    # A backend that is killed makes the server end all sessions.
    with Client(proxy.port) as client:
        if backend := backend_of(proxy):
            os.kill(backend, signal.SIGKILL)
        try:
            client.socket.settimeout(10)
            client.until(b"Z")
            complaints.append("a session survived its backend")
        except ConnectionError:
            pass
    with contextlib.suppress(TimeoutError):
        wait_for("the server", lambda: serves(proxy), 30)
    if not serves(proxy):
        complaints.append("the proxy does not serve after the server's restart")
    return tried + 1, complaints + watch.complaints()


def backend_of(proxy):
    pids = [client["pid"] for client in proxy.status()["clients"] if client["pid"]]
    return pids[0] if pids else None


def end_of_proxy(workspace, server, number):
    proxy = Proxy(workspace, f"killed{number}", server)
    before = server.sessions()
    with Client(proxy.port) as client:
        proxy.kill()
        try:
            client.query()
            return ["a session survived its proxy"]
        except OSError:
            pass
    try:
        wait_for("backends", lambda: server.sessions() <= before, 15)
    except TimeoutError:
        return ["a backend survived the proxy"]
    return []


def drain_without_descriptors(_rng, _budget, workspace, server):
    """A drain while every descriptor is in use, and clients still try to connect."""
    complaints = []
    proxy = Proxy(workspace, "full", server, "--spread", "0", "--deadline", "4", watch="1")
    resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (40, 40))
    clients = []
    for _ in range(30):
        with contextlib.suppress(OSError):
            clients.append(socket.create_connection(("127.0.0.1", proxy.port), timeout=2))
            clients[-1].sendall(startup(user="postgres", database="postgres"))
    time.sleep(0.5)
    if not is_alive(proxy):
        complaints.append(f"the proxy ended: {proxy.log_file.read_text()[-300:]}")
    proxy.terminate()
    for _ in range(10):
        with contextlib.suppress(OSError):
            clients.append(socket.create_connection(("127.0.0.1", proxy.port), timeout=2))
    try:
        # 3: sessions were terminated at the deadline.
        if proxy.process.wait(20) not in (0, 3):
            complaints.append(f"the drain ended with {proxy.process.returncode}: {proxy.log_file.read_text()[-300:]}")
    except subprocess.TimeoutExpired:
        complaints.append("the drain did not end")
    for client in clients:
        client.close()
    return len(clients), complaints


# The part of the time that each takes.
PARTS = [
    (damaged_servers, 5),
    (damaged_clients, 5),
    (slow_and_half_open_clients, 1),
    (flood_of_cancels, 2),
    (signals_and_commands, 2),
    (upgrades, 2),
    (sudden_ends, 3),
    (drain_without_descriptors, 1),
]


def run(seed, budget, case=None):
    """Returns rows for the summary, and whether all is well."""
    rows, ok = [], True
    with Workspace() as workspace:
        server = Server(workspace, "server", oracle_18()).create("log_connections = off\nmax_connections = 400\n")
        total = sum(weight for _, weight in PARTS)
        for part, weight in PARTS:
            name = part.__name__.replace("_", " ")
            if case and case not in part.__name__:
                continue
            tried, complaints = part(random.Random(f"{seed}:{name}"), budget.part(budget.seconds * weight / total), workspace, server)
            for complaint in complaints:
                print(f"  LOST proxy: {name}: {complaint}")
            rows.append((f"proxy: {name}", tried, tried - len(complaints), len(complaints), ""))
            ok &= not complaints
    return rows, ok
