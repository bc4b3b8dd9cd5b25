"""An attacker in the middle of sessions that TLS or GSSAPI encrypts, between the driver and a real server.

It has no keys, and damages the records of either direction. The session may fail, or end as if nothing had happened, but what the application
has seen up to then must be what it sees in an undamaged session.
"""

import os
import random
import select
import socket
import subprocess
import time

import build
from build import Library
from cluster import Server, Workspace, oracle_18, service_user
from outcomes import FAILED
from realm import Realm, missing
from replay import cpu_seconds, state_of

# Programs whose results are the same each time.
PROGRAMS = [
    ("simple", ["exec", "async", "single"]),
    ("parameters", ["exec", "pipeline"]),
    ("prepared", ["send", "pipeline"]),
    ("rows", ["exec", "async", "nonblocking", "single", "chunked"]),
    ("wide", ["exec", "nonblocking"]),
    ("errors", ["exec", "pipeline"]),
    ("copying_in", ["exec", "nonblocking"]),
    ("copying_out", ["exec", "async"]),
    ("functions", ["exec"]),
    ("pipeline", ["exec", "async"]),
    ("interleaved", ["exec", "async"]),
]
WAYS = {
    "TLS 1.3": "host=localhost user=postgres gssencmode=disable sslmode=require",
    "TLS 1.2": "host=localhost user=postgres gssencmode=disable sslmode=require ssl_max_protocol_version=TLSv1.2",
    "GSS": "host=localhost user=alice sslmode=disable gssencmode=require",
}
# How a session may end: unharmed, if nothing arrived that the library must notice; complete, if the damage came too late to be seen; or failed.
ENDINGS = ("unharmed", "complete", "failed")
# Nothing passes for this long after the damage: the connection is closed. A driver that still sleeps when all is closed hangs.
IDLE_SECONDS, HANG_SECONDS, SPIN_SECONDS = 0.25, 5, 10
SHORT = 200


class Records:
    """Splits one direction of an encrypted stream. The first bytes are not encrypted: a request, or its answer."""

    def __init__(self, way, plain):
        self.tls, self.plain, self.buffer = way.startswith("TLS"), plain, b""

    def add(self, data):
        self.buffer += data
        while True:
            end = self._end()
            if end is None or len(self.buffer) < end:
                return
            record, self.buffer = self.buffer[:end], self.buffer[end:]
            self.plain = 0
            yield record

    def _end(self):
        if self.plain:
            return self.plain
        head = 5 if self.tls else 4
        if len(self.buffer) < head:
            return None
        return head + int.from_bytes(self.buffer[3:5] if self.tls else self.buffer[:4], "big")


# Damage to one record. `head` is the length of a record's header; `others` are the records before it. Returns what to send.


def flip(rng, record, head, _others):
    data = bytearray(record)
    for _ in range(rng.choice([1, 1, 2, 8])):
        data[rng.randrange(min(head, len(data) - 1), len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def flip_header(rng, record, head, _others):
    data = bytearray(record)
    data[rng.randrange(min(head, len(data)))] ^= 1 << rng.randrange(8)
    return bytes(data)


def set_length(rng, record, head, _others):
    width = 2 if head == 5 else 4
    near = int.from_bytes(record[head - width : head], "big") + rng.choice([-16, -1, 1, 16])
    number = rng.choice([near, near, 0, 1, 0x4000, 0x4101, 0x7FFFFFFF, 0xFFFFFFFF]) & (1 << 8 * width) - 1
    return record[: head - width] + number.to_bytes(width, "big") + record[head:]


def shorten(rng, record, head, _others):
    """With a length that fits."""
    body = record[head : head + rng.randrange(max(1, len(record) - head))]
    width = 2 if head == 5 else 4
    return record[: head - width] + len(body).to_bytes(width, "big") + body


def double(_rng, record, _head, _others):
    return record + record


def drop(_rng, _record, _head, _others):
    return b""


def replay(rng, record, _head, others):
    return (rng.choice(others) if others else record) + record


def replace(rng, record, _head, others):
    return rng.choice(others) if others else record + record


def inject(rng, record, head, _others):
    """Something unencrypted or made up comes before the record."""
    message = rng.choice([b"Z\0\0\0\5I", b"E\0\0\0\x0aSERROR\0\0", b"g\0\0\0\4", b"C\0\0\0\x0dSELECT 1\0"])
    if head == 4:
        made_up = len(message).to_bytes(4, "big") + message
    else:
        kind = rng.choice([20, 21, 22, 23, 24, 255])
        body = {20: b"\1", 21: rng.choice([b"\1\0", b"\2\x28", b"\1\x5a"]), 22: b"\0\0\0\0"}.get(kind, message)
        made_up = bytes([kind, 3, 3]) + len(body).to_bytes(2, "big") + body
    return rng.choice([message, made_up, made_up, b"\0" * 5]) + record


DAMAGES = {
    "flip": (flip, 6),
    "flip header": (flip_header, 3),
    "length": (set_length, 3),
    "shorten": (shorten, 2),
    "double": (double, 3),
    "drop": (drop, 3),
    "replay": (replay, 3),
    "replace": (replace, 2),
    "inject": (inject, 4),
}
# The rest is not a change of one record's bytes.
ENDS = {"cut": 3, "stop": 3, "swap": 2}
HARMLESS = {"nothing": 1, "byte by byte": 2, "pieces": 1}


# An alert, after the version in its header.
CLOSE_NOTIFY = b"\0\2\1\0"


def meaning(data, is_early):
    """TLS records without what a client ignores.

    RFC 8446, 5 and 5.1: ChangeCipherSpec, and the version of a record that is not encrypted. Also a close_notify that comes early, when an alert
    could not be authenticated yet: see docs/tls.md.
    """
    records, result = Records("TLS", 0), []
    for record in records.add(data):
        content = record[1:] if record[0] == 23 else record[3:]
        if record[0] != 20 and not (is_early and (record[0], content) == (21, CLOSE_NOTIFY)):
            result.append((record[0], content))
    return result, records.buffer


class Case:
    """One session and what is done to it, made from its seed and number alone."""

    def __init__(self, seed, number):
        self.rng = random.Random(f"middle:{seed}:{number}")
        self.number = number
        self.way = self.rng.choice(list(WAYS))
        self.program, styles = self.rng.choice(PROGRAMS)
        self.style = self.rng.choice(styles)
        table = {**{name: weight for name, (_, weight) in DAMAGES.items()}, **ENDS, **HARMLESS}
        self.damage = self.rng.choices(list(table), list(table.values()))[0]
        self.to_client, self.where = self.rng.random() < 0.8, self.rng.random()

    def key(self):
        return self.way, self.program, self.style

    def describe(self):
        return f"{self.program} as {self.style}, {self.way}: {self.damage} {'to the client' if self.to_client else 'to the server'}"


class Link:
    """One connection of the driver, and the one to the server behind it."""

    def __init__(self, client, port, case, position):
        self.ends = {True: client, False: socket.create_connection(("127.0.0.1", port), timeout=10)}
        for sock in self.ends.values():
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.records = {True: Records(case.way, 1), False: Records(case.way, 8)}
        self.case, self.position, self.open = case, position, True
        # By direction: what has passed.
        self.seen, self.held, self.struck, self.ignorable = {True: [], False: []}, b"", False, False
        self.rng = random.Random(f"{case.number}")

    def close(self):
        if self.open:
            self.open = False
            for sock in self.ends.values():
                sock.close()

    def readable(self, sock):
        to_client = sock is self.ends[False]
        try:
            data = sock.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self._send(to_client, self.held)
            self.close()
            return
        for record in self.records[to_client].add(data):
            if self.open:
                self._pass(to_client, record)

    def _pass(self, to_client, record):
        case, seen = self.case, self.seen[to_client]
        is_target = to_client == case.to_client and len(seen) == self.position
        others = list(seen[1:])
        seen.append(record)
        if case.damage in ("byte by byte", "pieces"):
            size = 1 if case.damage == "byte by byte" else self.rng.randrange(1, 40)
            pieces = [record[at : at + size] for at in range(0, len(record), size)]
            # The rest in one piece: thousands take too long.
            for piece in [*pieces[:150], b"".join(pieces[150:])]:
                self._send(to_client, piece)
            return
        if self.held and to_client == case.to_client:
            record, self.held = record + self.held, b""
        if not is_target:
            self._send(to_client, record)
            return
        self.struck = case.damage not in HARMLESS
        if case.damage == "swap":
            self.held = record
        elif case.damage in ("cut", "stop"):
            self._send(to_client, record[: self.rng.randrange(len(record))] if case.damage == "cut" else b"")
            self.close()
        elif case.damage in DAMAGES:
            tls = self.records[True].tls
            damaged = DAMAGES[case.damage][0](self.rng, record, 5 if tls else 4, others)
            self.ignorable = tls and meaning(damaged, self._is_early(others)) == meaning(record, False)
            self._send(to_client, damaged)
        else:
            self._send(to_client, record)

    def _is_early(self, others):
        """Whether the server, after these records, has not sent its hello yet, or in TLS 1.2 its ChangeCipherSpec."""
        return not others or self.case.way == "TLS 1.2" and all(record[0] != 20 for record in others)

    def _send(self, to_client, data):
        try:
            self.ends[to_client].sendall(data)
        except OSError:
            self.close()


class Attacker:
    """Runs cases through the link."""

    def __init__(self, program, port, environment):
        self.program, self.port, self.environment = program, port, environment
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.drivers = {}
        # The outcome of undamaged sessions, and the number of records in each direction.
        self.baselines = {}

    def driver(self, library):
        if library not in self.drivers or self.drivers[library].poll() is not None:
            self.drivers[library] = build.start_driver(self.program, library, TORTURE_VALUES="1", **self.environment)
        return self.drivers[library]

    def stop(self, library):
        if driver := self.drivers.pop(library, None):
            driver.kill()
            driver.communicate()

    def run(self, library, case, position):
        """Returns the tokens that the application saw, or HANG, SPIN or CRASH; and the last link."""
        driver, links = self.driver(library), []
        driver.stdin.write(f"{case.program}\t{case.style}\t{WAYS[case.way]} port={self.listener.getsockname()[1]} dbname=postgres\n")
        driver.stdin.flush()
        begin, moved = cpu_seconds(driver.pid), time.monotonic()
        try:
            while True:
                sockets = [sock for link in links if link.open for sock in link.ends.values()]
                ready, _, _ = select.select([self.listener, driver.stdout, *sockets], [], [], 0.05)
                if driver.stdout in ready:
                    line = driver.stdout.readline()
                    if not line:
                        driver.wait(10)
                        return f"CRASH {driver.returncode}", links[-1] if links else None
                    return line.split("\t")[0], links[-1] if links else None
                if self.listener in ready:
                    links.append(Link(self.listener.accept()[0], self.port, case, position))
                for link in links:
                    for sock in ready:
                        if link.open and sock in link.ends.values():
                            link.readable(sock)
                if ready:
                    moved = time.monotonic()
                idle = time.monotonic() - moved
                if cpu_seconds(driver.pid) - begin > SPIN_SECONDS:
                    return "SPIN", links[-1]
                struck = any(link.struck for link in links)
                if struck and idle > IDLE_SECONDS:
                    for link in links:
                        link.close()
                if idle > HANG_SECONDS and (struck or idle > 6 * HANG_SECONDS) and state_of(driver.pid) in "SZ":
                    return "HANG", links[-1] if links else None
        finally:
            for link in links:
                link.close()

    def baseline(self, library, case):
        """The tokens of an undamaged session, and how many records it has in each direction."""
        key = (library, *case.key())
        if key not in self.baselines:
            plain = Case(0, 0)
            plain.way, plain.program, plain.style, plain.damage = case.way, case.program, case.style, "nothing"
            first, link = self.run(library, plain, -1)
            second, _ = self.run(library, plain, -1)
            if first != second or "refused" in first:
                raise RuntimeError(f"an undamaged session, {case.describe()}, {library.value}:\n{first}\n{second}")
            self.baselines[key] = first, {way: len(records) for way, records in link.seen.items()}
        return self.baselines[key]

    def judge(self, library, case):
        """Returns one of ENDINGS, or what is wrong."""
        expected, counts = self.baseline(library, case)
        # The first is not encrypted.
        position = 1 + int(case.where * max(1, counts[case.to_client] - 1))
        tokens, link = self.run(library, case, position)
        if tokens.startswith(("HANG", "SPIN", "CRASH")):
            self.stop(library)
            return tokens
        if tokens == expected:
            return "complete" if case.to_client and link.struck and not link.ignorable else "unharmed"
        if link is None or not link.struck:
            return f"it failed, undamaged: {tokens[-300:]}"
        return "failed" if is_prefix(tokens.split(), expected.split()) else f"FORGED: {tokens}\n    expected {expected}"


def is_prefix(tokens, expected):
    """Whether everything before the first failure is as expected. An SQLSTATE may be missing after a failure."""
    for token, wanted, before in zip(tokens, expected, [""] + tokens):
        if token != wanted:
            return bool(FAILED.search(token) or token.startswith("function:FATAL") or before.startswith("FATAL_ERROR"))
    return len(tokens) <= len(expected)


def start_server(workspace, realm):
    server = Server(workspace, "server", oracle_18())
    key, certificate = workspace.directory / "server.key", workspace.directory / "server.crt"
    subject = ["-subj", "/CN=localhost", "-days", "2", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command = ["openssl", "req", "-x509", "-nodes", *subject, "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    if user := service_user():
        os.chown(key, user["user"], user["group"])
    os.chmod(key, 0o600)
    config = f"ssl = on\nssl_key_file = '{key}'\nssl_cert_file = '{certificate}'\nlog_connections = off\nmax_connections = 100\n"
    config += f"krb_server_keyfile = 'FILE:{realm.keytab}'\n" if realm else ""
    server.create(config)
    if realm:
        hba = server.data / "pg_hba.conf"
        hba.write_text("hostgssenc all alice all gss include_realm=0\n" + hba.read_text())
        where = ["-h", server.data.parent, "-p", str(server.port), "-U", "postgres", "-d", "postgres"]
        server.tool("psql", "-X", *where, "-c", "CREATE ROLE alice LOGIN", "-c", "SELECT pg_reload_conf()")
    return server


def run(seed, budget, case=None):
    """Returns rows for the summary, and whether all is well."""
    tally = {way: [0, 0, 0, 0] for way in WAYS}
    with Workspace() as workspace:
        realm = None
        if tools := missing():
            print(f"  skipped: GSS: missing: {' '.join(tools)}")
            tally.pop("GSS")
        else:
            realm = Realm(workspace)
        server = start_server(workspace, realm)
        attacker = Attacker(build.driver(workspace.directory), server.port, realm.environment if realm else {})
        for library in Library:
            workspace.callback(attacker.stop, library)
        numbers = [int(case)] if case else budget.numbers(SHORT)
        for number in numbers:
            one = Case(seed, number)
            if one.way in tally:
                attack(attacker, one, tally[one.way])
        if server.has_exited():
            print("  LOST middle: the server ended")
            tally[next(iter(tally))][1] += 1
    rows = []
    for way, (tried, lost, complete, oracle_lost) in tally.items():
        note = f"{complete} as if nothing had happened; C libpq lost {oracle_lost}"
        rows.append((f"middle: {way}", tried, tried - lost, lost, note))
    return rows, not any(row[3] for row in rows)


def attack(attacker, case, tally):
    ours, oracle = attacker.judge(Library.OURS, case), attacker.judge(Library.ORACLE, case)
    if ours == "complete" and oracle == "failed":
        # When the damage arrives may decide. What C libpq never accepts must not be accepted either.
        again = [attacker.judge(Library.ORACLE, case) for _ in range(5)]
        if "complete" not in again and attacker.judge(Library.OURS, case) == "complete":
            ours = "complete, but C libpq fails"
    tally[0] += 1
    tally[2] += ours in ("complete", "unharmed")
    tally[3] += oracle not in ENDINGS
    if ours not in ENDINGS:
        tally[1] += 1
        print(f"  LOST CASE={case.number}: {case.describe()}: {ours} (C libpq: {oracle})", flush=True)
