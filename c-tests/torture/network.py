"""Bad networks: each case has two network namespaces, joined by a virtual cable. Needs root and the programs ip and tc."""

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import build
import scripts
from build import Library
from framing import ClientFrames
from mutate import Case
from outcomes import Outcome
from replay import Await, Send, message

CLONE_NEWNET = 0x40000000
CLIENT, SERVER = "10.89.0.1", "10.89.0.2"
PORT = 5432

WRONG = "lladdr 02:00:00:00:00:99 dev cable nud permanent"
# What happens to the network at the end of a phase: a name for the table, and the commands of ip.
FAULTS = {
    "link down": ["ip -n {server} link set cable down"],
    # Both ends send to an address that nobody has.
    "packets dropped": [f"ip -n {{client}} neigh replace {SERVER} {WRONG}", f"ip -n {{server}} neigh replace {CLIENT} {WRONG}"],
    "no way back": [f"ip -n {{server}} route replace blackhole {CLIENT}/32"],
    "server stopped": [],
}
REJECTED = {
    "unreachable": [f"ip -n {{client}} route add unreachable {SERVER}/32"],
    "prohibited": [f"ip -n {{client}} route add prohibit {SERVER}/32"],
    "server's network gone": ["ip -n {server} addr flush dev cable"],
}
# These need the kernel's netem, except the last.
DEGRADED = {
    "delay of 60 ms": ["tc -n {server} qdisc add dev cable root netem delay 60ms 20ms"],
    "loss of 5 %": ["tc -n {server} qdisc add dev cable root netem loss 5%", "tc -n {client} qdisc add dev cable root netem loss 5%"],
    "reordering": ["tc -n {server} qdisc add dev cable root netem delay 5ms reorder 50% 50%"],
    "duplicates": ["tc -n {server} qdisc add dev cable root netem duplicate 30%"],
    "small packets": ["ip -n {server} link set cable mtu 300", "ip -n {client} link set cable mtu 300"],
}
# The phase in which the fault comes, the script, after how many messages of the client, and the options that must end the wait.
PHASES = {
    "connect": ("nothing", 0, "connect_timeout=2"),
    "authentication": ("cleartext", 1, "connect_timeout=2"),
    "query": ("rows", 2, "keepalives_idle=1 keepalives_interval=1 keepalives_count=2"),
    "COPY out": ("copying_out", 2, "keepalives_idle=1 keepalives_interval=1 keepalives_count=2"),
    "COPY in": ("copying_in", 3, "tcp_user_timeout=2000 keepalives_idle=1 keepalives_interval=1 keepalives_count=2"),
}
# With a stopped server the kernel still answers: only connect_timeout ends a wait.
STOPPABLE = ("authentication",)
LEAST, MOST, APART = 1.0, 9.0, 3.5
TOOLS = ("ip", "tc")


class Cable:
    """Two namespaces, joined by a cable."""

    def __init__(self, number):
        self.client, self.server = f"pqtorture{os.getpid()}c{number}", f"pqtorture{os.getpid()}s{number}"

    def __enter__(self):
        for name in (self.client, self.server):
            shell(f"ip netns add {name}")
        shell(f"ip -n {self.client} link add cable type veth peer name cable netns {self.server}")
        for name, address in ((self.client, CLIENT), (self.server, SERVER)):
            shell(f"ip -n {name} addr add {address}/24 dev cable")
            shell(f"ip -n {name} link set cable up")
            shell(f"ip -n {name} link set lo up")
        return self

    def __exit__(self, *_):
        for name in (self.client, self.server):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)

    def apply(self, commands):
        for command in commands:
            shell(command.format(client=self.client, server=self.server))

    def listener(self):
        """A listener in the server's namespace: a thread enters it to create the socket."""
        made = []

        def enter():
            libc = ctypes.CDLL(None, use_errno=True)
            with open(f"/run/netns/{self.server}", "rb") as namespace:
                if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                    made.append(OSError(ctypes.get_errno(), "setns"))
                    return
            made.append(socket.create_server((SERVER, PORT)))

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise made[0]
        return made[0]


def shell(command):
    done = subprocess.run(command.split(), capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stderr.strip()}")


class SlowServer(threading.Thread):
    """Replays a script; the fault comes when the client has sent a number of messages."""

    def __init__(self, cable, listener, script, at, fault):
        super().__init__(daemon=True)
        self.cable, self.listener, self.script, self.at, self.fault = cable, listener, script, at, fault
        self.came_at = None

    def run(self):
        with contextlib.suppress(OSError):
            if self.at == 0:
                self.strike()
            while True:
                sock, _ = self.listener.accept()
                self.serve(sock)

    def strike(self):
        if self.came_at is None and self.fault is not None:
            # What the client has sent is acknowledged: otherwise the kernel repeats it, and sends no keepalives.
            time.sleep(0.1)
            self.cable.apply(self.fault)
            self.came_at = time.monotonic()

    def serve(self, sock):
        frames, received = ClientFrames(), 0
        for step in Case._plan(self.script.connections[0]):
            while isinstance(step, Await) and received < step.count:
                data = sock.recv(65536)
                if not data:
                    return
                received += len(list(frames.add(data)))
                if self.fault is not None and received >= self.at > 0:
                    self.strike()
                    # The connection stays open, and silent.
                    time.sleep(60)
            if isinstance(step, Send):
                sock.sendall(message(step.kind, step.body))
        with contextlib.suppress(OSError):
            while sock.recv(65536):
                pass
        sock.close()


def one(number, program, library, script, style, options, at, fault, first=()):
    """Runs one session. Returns its outcome and the seconds from the fault, or from the start, to its end."""
    with Cable(number) as cable:
        cable.apply(first)
        listener = cable.listener()
        server = SlowServer(cable, listener, script, at, fault)
        server.start()
        while at == 0 and fault is not None and server.came_at is None:
            time.sleep(0.01)
        line = f"{script.program}\t{style}\thost={SERVER} port={PORT} user=postgres dbname=postgres sslmode=disable"
        line += f" password=x {script.options} {options}\n"
        env = build.environment(library)
        begin = time.monotonic()
        command = ["ip", "netns", "exec", cable.client, "setpriv", "--pdeathsig", "KILL", program]
        driver = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=with_path(env), cwd="/")
        try:
            output, _ = driver.communicate(line, timeout=40)
        except subprocess.TimeoutExpired:
            driver.kill()
            driver.communicate()
            output = "HANG"
        seconds = time.monotonic() - (server.came_at or begin)
        listener.close()
        return Outcome(output.rstrip("\n") or f"CRASH {driver.returncode}"), seconds


def with_path(env):
    return {**env, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def cases(with_netem):
    """Name, script, style, options, position and commands of the fault, commands before."""
    for phase, (script, at, options) in PHASES.items():
        for fault, commands in FAULTS.items():
            if fault == "server stopped" and phase not in STOPPABLE:
                continue
            for style in ("exec", "async"):
                # An asynchronous program has to keep the time of connect_timeout itself.
                if style == "async" and "connect_timeout" in options:
                    continue
                yield f"{fault}, {phase}, {style}", script, style, options, at, commands, ()
    for name, commands in REJECTED.items():
        for style in ("exec", "async"):
            yield f"{name}, {style}", "nothing", style, "connect_timeout=2" if style == "exec" else "", 0, commands, ()
    for name, commands in DEGRADED.items():
        if "netem" in commands[0] and not with_netem:
            continue
        for script in ("rows", "copying_in", "pipeline"):
            yield f"{name}, {script}", script, "exec", "connect_timeout=20", -1, None, commands


def judge(name, ours, oracle):
    """Why a pair of outcomes is not good enough, or None."""
    (left, left_seconds), (right, right_seconds) = ours, oracle
    if left.fatal:
        return f"{left.fatal} (C libpq: {right.fatal or right.tokens})"
    if right.fatal:
        return None
    if left.tokens != right.tokens:
        return f"ours: {left.tokens} {left.first}\n      C:    {right.tokens} {right.first}"
    degraded = any(name.startswith(prefix) for prefix in (*DEGRADED, *REJECTED))
    if not degraded and not LEAST <= left_seconds <= MOST:
        return f"after {left_seconds:.1f} s (C libpq: {right_seconds:.1f} s)"
    if not degraded and abs(left_seconds - right_seconds) > APART:
        return f"after {left_seconds:.1f} s, but C libpq after {right_seconds:.1f} s"
    return None


def unusable():
    """Why this part cannot run here, or None."""
    if os.getuid() != 0:
        return "needs root"
    if missing := [tool for tool in TOOLS if not shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin")]:
        return f"missing: {' '.join(missing)}"
    try:
        with Cable(9999) as cable:
            cable.listener().close()
    except (RuntimeError, OSError) as error:
        return str(error)
    return None


def has_netem():
    """Whether the kernel can delay and lose packets."""
    try:
        with Cable(9998) as cable:
            cable.apply(DEGRADED["delay of 60 ms"])
        return True
    except RuntimeError as error:
        print(f"  skipped: delay, loss, reordering, duplicates: {error}")
        return False


def run(_seed, _budget, case=None):
    """Returns rows for the summary, and whether all is well."""
    if reason := unusable():
        print(f"  skipped: {reason}")
        return [("network", 0, 0, 0, f"skipped: {reason}")], True
    all_scripts = {script.name: script for script in scripts.read_all()}
    directory = Path(tempfile.mkdtemp(prefix="pq-torture-"))
    results, waiting, lock = {}, list(enumerate(cases(has_netem()))), threading.Lock()
    if case:
        waiting = [(number, entry) for number, entry in waiting if entry[0] == case]
    try:
        program = build.driver(directory)
        os.chmod(directory, 0o755)

        def worker():
            while True:
                with lock:
                    if not waiting:
                        return
                    number, (name, script, style, options, at, fault, first) = waiting.pop(0)
                pair = []
                for index, library in enumerate(Library):
                    args = (all_scripts[script], style, options, at, fault, first)
                    pair.append(one(2 * number + index, program, library, *args))
                results[name] = pair

        threads = [threading.Thread(target=worker) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    lost = 0
    for name, pair in results.items():
        if complaint := judge(name, *pair):
            lost += 1
            print(f"  LOST CASE='{name}': {complaint}")
    for name, (ours, oracle) in sorted(results.items()):
        print(f"  {name}: noticed after {ours[1]:.1f} s, C libpq after {oracle[1]:.1f} s")
    return [("network", len(results), len(results) - lost, lost, "outcome and time as C libpq")], lost == 0
