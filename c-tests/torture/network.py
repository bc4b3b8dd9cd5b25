"""Bad networks: each case has two network namespaces, joined by a virtual cable. See cable.py."""

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import build
import realm
import scripts
from build import Library
from cable import CLIENT, PORT, SERVER, Cable, Weather
from cluster import Workspace
from framing import ClientFrames
from mutate import Case
from outcomes import Outcome
from replay import Send, message

WRONG = "lladdr 02:00:00:00:00:99 dev cable nud permanent"
# What happens to the network at the end of a phase: a name for the table, and the commands of ip.
FAULTS = {
    "link down": ["ip -n {server} link set cable down"],
    # Both ends send to an address that nobody has.
    "packets dropped": [f"ip -n {{client}} neigh replace {SERVER} {WRONG}", f"ip -n {{server}} neigh replace {CLIENT} {WRONG}"],
    "no way back": [f"ip -n {{server}} route replace blackhole {CLIENT}/32"],
    "server stopped": [],
}
# A router between the two answers with an ICMP error, as a firewall's REJECT does.
ROUTED = {
    "rejected by a router": [f"ip -n {{router}} route replace prohibit {SERVER}/32"],
    "no route behind a router": [f"ip -n {{router}} route replace unreachable {SERVER}/32"],
}
# One end drops what is larger than this, without a word: each end sends packets of the usual size.
BLACK_HOLES = {"client": ["ip -n {client} link set cable mtu 100"], "server": ["ip -n {server} link set cable mtu 100"]}
# One segment at a time, so that the other end sees packets of the cable's size.
ONE_SEGMENT = ["ip -n {client} link set cable gso_max_segs 1", "ip -n {server} link set cable gso_max_segs 1"]
# The server is stopped (SIGSTOP), its kernel is not. It goes on after this time, and the session must end as usual.
PAUSE, PAUSE_SECONDS = ["pause"], 2
# The server's socket is closed with data that it has not read, so that its kernel sends RST.
RESET = ["reset"]
REJECTED = {
    "unreachable": [f"ip -n {{client}} route add unreachable {SERVER}/32"],
    "prohibited": [f"ip -n {{client}} route add prohibit {SERVER}/32"],
    "server's network gone": ["ip -n {server} addr flush dev cable"],
}
# All the time.
DEGRADED = {
    "delay of 60 ms": Weather(delay=0.06),
    "delay of 40 to 80 ms": Weather(delay=0.04, more=0.04),
    "loss of 5 %": Weather(loss=0.05),
    "loss of 10 %": Weather(loss=0.1),
    "reordering": Weather(late=0.5),
    "duplicates": Weather(twice=0.3),
    "all of these": Weather(delay=0.01, more=0.02, loss=0.05, late=0.2, twice=0.2),
    "small packets": ["ip -n {server} link set cable mtu 300", "ip -n {client} link set cable mtu 300"],
}
# The position of a fault that comes when the first bytes of a handshake have arrived.
HANDSHAKE = 1000
GSS = "host=localhost user=alice gssencmode=require"
# The phase in which the fault comes, the script, after how many messages of the client, and the options that must end the wait.
PHASES = {
    "connect": ("nothing", 0, "connect_timeout=2"),
    "authentication": ("cleartext", 1, "connect_timeout=2"),
    "query": ("rows", 2, "keepalives_idle=1 keepalives_interval=1 keepalives_count=2"),
    "COPY out": ("copying_out", 2, "keepalives_idle=1 keepalives_interval=1 keepalives_count=2"),
    "COPY in": ("copying_in", 3, "tcp_user_timeout=2000 keepalives_idle=1 keepalives_interval=1 keepalives_count=2"),
    "TLS request": ("nothing", 1, "connect_timeout=2 sslmode=require"),
    "TLS handshake": ("nothing", HANDSHAKE, "connect_timeout=2 sslmode=require"),
    "cancel": ("cancelling", 2, "connect_timeout=2 tcp_user_timeout=2000 keepalives_idle=1 keepalives_interval=1 keepalives_count=2"),
    "GSS request": ("nothing", 1, f"connect_timeout=2 {GSS}"),
    "GSS handshake": ("nothing", HANDSHAKE, f"connect_timeout=2 {GSS}"),
}
# With a stopped server the kernel still answers: only connect_timeout ends a wait.
STOPPABLE = ("authentication", "TLS request", "TLS handshake", "GSS request", "GSS handshake")
LEAST, MOST, APART = 1.0, 9.0, 3.5


class SlowServer(threading.Thread):
    """Replays a script; the fault comes when the client has sent a number of messages."""

    def __init__(self, cable, listener, script, at, fault):
        super().__init__(daemon=True)
        self.cable, self.listener, self.script, self.at, self.fault = cable, listener, script, at, fault
        self.came_at = None
        self.applied = False

    def run(self):
        with contextlib.suppress(OSError):
            if self.at == 0:
                self.strike()
            while True:
                sock, _ = self.listener.accept()
                self.serve(sock)

    def strike(self, sock=None):
        """The fault. Returns whether the server goes on."""
        if self.came_at is not None or self.fault is None:
            return True
        # What the client has sent is acknowledged: otherwise the kernel repeats it, and sends no keepalives.
        time.sleep(0.1)
        self.came_at = time.monotonic()
        if self.fault is PAUSE:
            time.sleep(PAUSE_SECONDS)
            return True
        if self.fault is RESET:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
            self.listener.close()
            return False
        self.cable.apply(self.fault)
        self.applied = True
        # In a black hole, small packets still pass.
        return self.fault in BLACK_HOLES.values()

    def serve(self, sock):
        frames, received, output = ClientFrames(), 0, b""
        for step in Case._plan(self.script.connections[0]):
            if isinstance(step, Send):
                output += message(step.kind, step.body)
                continue
            sock.sendall(output)
            output = b""
            while received < step.count:
                data = sock.recv(65536)
                if not data:
                    return
                for kind, _ in frames.add(data):
                    # Those for encryption are none of the script's messages.
                    received += self.at in (1, HANDSHAKE) or kind not in ("ssl", "gss")
                    if self.at == HANDSHAKE:
                        sock.sendall(b"S" if kind == "ssl" else b"G")
                        sock.recv(65536)
                        received = HANDSHAKE
                if received >= self.at > 0 and not self.strike(sock):
                    # The connection stays open, and silent.
                    time.sleep(60)
        with contextlib.suppress(OSError):
            sock.sendall(output)
            while sock.recv(65536):
                pass
        sock.close()


def one(number, program, library, script, style, options, at, fault, first=(), more={}):
    """Runs one session. Returns its outcome and the seconds from the fault, or from the start, to its end."""
    weather = first if isinstance(first, Weather) else None
    with Cable(number, fault in ROUTED.values(), weather) as cable:
        if not weather:
            cable.apply(first)
        listener = cable.listener()
        server = SlowServer(cable, listener, script, at, fault)
        server.start()
        while at == 0 and fault is not None and not server.applied:
            time.sleep(0.01)
        line = f"{script.program}\t{style}\thost={SERVER} hostaddr={SERVER} port={PORT} user=postgres dbname=postgres sslmode=disable"
        line += f" password=x {script.options} {options}\n"
        env = build.environment(library, **more)
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
        unreachable = server.came_at is None and at > 0 and fault is not None
        if unreachable:
            output = f"CRASH: the fault never came: {output}"
        if not cable.disturbed():
            output = f"CRASH: no packet was delayed or lost: {output}"
        return Outcome(output.rstrip("\n") or f"CRASH {driver.returncode}"), seconds


def with_path(env):
    return {**env, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def cases(with_weather, with_gss):
    """Name, script, style, options, position and commands of the fault, commands before."""
    for phase, (script, at, options) in PHASES.items():
        if GSS in options and not with_gss:
            continue
        for fault, commands in {**FAULTS, **ROUTED, "reset": RESET, "server stopped for a while": PAUSE}.items():
            if fault == "server stopped" and phase not in STOPPABLE:
                continue
            if fault in ("reset", "server stopped for a while") and at in (0, HANDSHAKE) or phase == "cancel" and commands is PAUSE:
                continue
            if commands is PAUSE:
                if options.startswith("connect_timeout"):
                    options = options.replace("connect_timeout=2", "connect_timeout=20")
                if at == 1 and script == "nothing":
                    continue
            for style in ("exec", "async"):
                # An asynchronous program has to keep the time of connect_timeout itself.
                if style == "async" and "connect_timeout" in options:
                    continue
                yield f"{fault}, {phase}, {style}", script, style, options, at, commands, ()
    for style in ("exec", "async"):
        yield f"refused, {style}", "nothing", style, "port=5433", 0, None, ()
        options = PHASES["COPY in"][2]
        yield f"black hole, COPY in, {style}", "copying_in", style, options, 3, BLACK_HOLES["server"], ONE_SEGMENT
    yield "black hole, startup, exec", "nothing", "exec", "connect_timeout=2", 1, BLACK_HOLES["client"], ONE_SEGMENT
    for name, commands in REJECTED.items():
        for style in ("exec", "async"):
            yield f"{name}, {style}", "nothing", style, "connect_timeout=2" if style == "exec" else "", 0, commands, ()
    for name, first in DEGRADED.items():
        if isinstance(first, Weather) and not with_weather:
            continue
        for script in ("rows", "copying_in", "copying_out", "pipeline"):
            yield f"{name}, {script}, exec", script, "exec", "connect_timeout=30", -1, None, first
            yield f"{name}, {script}, async", script, "async", "", -1, None, first


def judge(name, ours, oracle):
    """Why a pair of outcomes is not good enough, or None."""
    (left, left_seconds), (right, right_seconds) = ours, oracle
    if left.fatal:
        return f"{left.fatal} (C libpq: {right.fatal or right.tokens})"
    if right.fatal:
        return None
    if left.tokens != right.tokens:
        return f"ours: {left.tokens} {left.first}\n      C:    {right.tokens} {right.first}"
    at_once = (*DEGRADED, *REJECTED, *(f"{fault}, connect" for fault in ROUTED), "refused", "reset", "server stopped for a while")
    degraded = name.startswith(at_once)
    if not degraded and not LEAST <= left_seconds <= MOST:
        return f"after {left_seconds:.1f} s (C libpq: {right_seconds:.1f} s)"
    if not degraded and left_seconds - right_seconds > APART:
        return f"after {left_seconds:.1f} s, but C libpq after {right_seconds:.1f} s"
    return None


def unusable():
    """Why this part cannot run here, or None."""
    if os.getuid() != 0:
        return "needs root"
    if not shutil.which("ip", path="/usr/sbin:/usr/bin:/sbin:/bin"):
        return "missing: ip"
    try:
        with Cable(9999) as cable:
            cable.listener().close()
    except (RuntimeError, OSError) as error:
        return str(error)
    return None


def has_weather():
    """Whether packets can be delayed and lost."""
    try:
        with Cable(9998, weather=Weather(delay=0.01)):
            return True
    except OSError as error:
        print(f"  skipped: delay, loss, reordering, duplicates: {error}")
        return False


def gss_environment(workspace):
    """The environment of clients with a ticket for the server, which need no KDC; empty if Kerberos is not installed."""
    if tools := realm.missing():
        print(f"  skipped: the phases of GSS: missing: {' '.join(tools)}")
        return {}
    environment = realm.Realm(workspace).environment
    subprocess.run(["kvno", "postgres/localhost"], env={**os.environ, **environment}, check=True, capture_output=True)
    return environment


def run(_seed, _budget, case=None):
    """Returns rows for the summary, and whether all is well."""
    if reason := unusable():
        print(f"  skipped: {reason}")
        return [("network", 0, 0, 0, f"skipped: {reason}")], True
    all_scripts = {script.name: script for script in scripts.read_all()}
    directory = Path(tempfile.mkdtemp(prefix="pq-torture-"))
    stack = Workspace().__enter__()
    more = gss_environment(stack)
    results, waiting, lock = {}, list(enumerate(cases(has_weather(), bool(more)))), threading.Lock()
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
                    pair.append(one(2 * number + index, program, library, *args, more))
                results[name] = pair

        threads = [threading.Thread(target=worker) for _ in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        stack.close()
        shutil.rmtree(directory, ignore_errors=True)
    lost = 0
    for name, pair in results.items():
        if complaint := judge(name, *pair):
            lost += 1
            print(f"  LOST CASE='{name}': {complaint}")
    for name, (ours, oracle) in sorted(results.items()):
        print(f"  {name}: noticed after {ours[1]:.1f} s, C libpq after {oracle[1]:.1f} s")
    return [("network", len(results), len(results) - lost, lost, "outcome and time as C libpq")], lost == 0
