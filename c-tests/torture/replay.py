"""A server that replays scripts to a driver, and notices when the driver waits for what never comes."""

import contextlib
import errno
import fcntl
import select
import socket
import ssl
import struct
import termios
import time

from framing import ClientFrames
from scram import ScramServer, live_body
from scripts import message

# The driver waits if it has slept this many times in a row, a millisecond apart, with nothing on its way.
STALLED = 3
# With bytes on their way that it does not read, it waits longer.
UNREAD_STALLED = 50
# A driver that still sleeps this long after every connection has been closed hangs.
HANG_SECONDS = 4
# A driver that has computed for this long.
SPIN_SECONDS = 15
# From then on the server hurries; a session that takes longer than the second limit is lost.
HURRY_SECONDS, SLOW_SECONDS = 8, 60
# So many bytes go one by one.
MOST_DRIPPED = 120
BLOCK = 1 << 16


class Await:
    """The client must have sent this many messages on the connection."""

    def __init__(self, count):
        self.count = count


class Send:
    """A recorded message and the edits to make before it is sent."""

    def __init__(self, kind, body, edits=(), drip=False, times=1, least=0):
        self.kind, self.body, self.edits, self.drip = kind, body, edits, drip
        # Sent again and again: this often, or until this many bytes.
        self.times, self.least = times, least

    def data(self, scram):
        data = message(self.kind, live_body(self.kind, self.body, scram))
        for edit in self.edits:
            data = edit(data)
        if self.least and data:
            return data * (self.least // len(data) + 1)
        return data * self.times


class Close:
    """The server closes the connection."""


def unread(sock):
    """The number of bytes sent on a Unix socket that its peer has not read."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0\0\0\0"))[0]


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock, plan, password, tls=None, stall="close"):
        sock.setblocking(False)
        if sock.family == socket.AF_INET:
            # Otherwise a message waits for the client's acknowledgement of the last one, which looks like a client that waits.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.plan, self.stall = sock, list(plan), stall
        self.frames, self.received = ClientFrames(), 0
        self.scram = ScramServer(password) if password else None
        self.output, self.drip, self.dripped = bytearray(), False, 0
        self.open, self.sent = True, 0
        self.context, self.tls = tls, None

    def fileno(self):
        return self.sock.fileno()

    def close(self):
        if self.open:
            self.open = False
            self.sock.close()

    # Input.

    def readable(self):
        try:
            data = self.sock.recv(BLOCK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        if self.tls is not None:
            data = self._decrypted(data)
        for kind, body in self.frames.add(data):
            if kind == "ssl":
                self._answer_request()
            elif kind == "gss":
                self.output += b"N"
            else:
                self.received += 1
                if self.scram is not None:
                    self.scram.client_sent(body)
            # Before the next message: answers of SCRAM depend on the last one.
            self.advance()

    def _answer_request(self):
        if self.context is None:
            self.output += b"N"
            return
        self.output += b"S"
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = self.context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.handshake = True

    def _decrypted(self, data):
        self.incoming.write(data)
        plain = b""
        try:
            if self.handshake:
                self.tls.do_handshake()
                self.handshake = False
            while chunk := self.tls.read(BLOCK):
                plain += chunk
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self._take_outgoing()
            self.flush()
            self.close()
            return b""
        self._take_outgoing()
        return plain

    def _take_outgoing(self):
        if self.outgoing.pending:
            self.output += self.outgoing.read()

    # Output.

    def advance(self):
        """Does the steps that need no more input."""
        while self.open and self.plan:
            step = self.plan[0]
            if isinstance(step, Await):
                if self.received < step.count:
                    break
            elif isinstance(step, Send):
                self.drip = self.drip or step.drip
                self._put(step.data(self.scram))
            else:
                self.plan = [step]
                break
            self.plan.pop(0)
        self.flush()

    def _put(self, data):
        self.sent += len(data)
        if self.tls is None:
            self.output += data
            return
        for start in range(0, len(data), 1 << 14):
            self.tls.write(data[start : start + (1 << 14)])
        self._take_outgoing()

    def flush(self):
        while self.output and self.open:
            self.drip = self.drip and self.dripped < MOST_DRIPPED
            if self.drip and self.tls is None and self.sock.family == socket.AF_UNIX and unread(self.sock):
                return
            try:
                count = self.sock.send(self.output[: 1 if self.drip else 1 << 18])
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in (errno.EPIPE, errno.ECONNRESET):
                    raise
                # What the client has sent can still be read.
                self.output.clear()
                return
            self.dripped += self.drip
            del self.output[:count]
        if self.plan and isinstance(self.plan[0], Close) and not self.output:
            self.close()

    def events(self):
        return select.POLLIN | (select.POLLOUT if self.output and not self.drip else 0)

    def client_stalled(self):
        """The client waits. Goes on without it, or closes the connection."""
        if self.plan and self.stall == "continue":
            self.plan.pop(0)
            self.advance()
            return
        if self.tls is not None and not self.handshake and self.stall != "cut":
            # As PostgreSQL does.
            with contextlib.suppress(ssl.SSLError):
                self.tls.unwrap()
            self._take_outgoing()
            self.flush()
        self.close()


def state_of(pid):
    """The process's state: R, S, D, Z."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


class Session:
    """One session of a driver with the server."""

    def __init__(self, driver, listener, plans, password="", tls=None, stall="close", stalled=STALLED):
        self.stalled = stalled
        self.driver, self.listener, self.plans, self.password = driver, listener, plans, password
        self.tls, self.stall = tls, stall
        self.peers, self.connections = [], 0
        self.idle_since, self.sleeps, self.hurried = None, 0, False

    def run(self, line):
        """Returns the driver's line, or HANG, SPIN or CRASH."""
        self.driver.stdin.write(line)
        self.driver.stdin.flush()
        self.begin, self.cpu = time.monotonic(), cpu_seconds(self.driver.pid)
        try:
            while True:
                if outcome := self._turn():
                    return outcome
        finally:
            self.sent = sum(peer.sent for peer in self.peers)
            for peer in self.peers:
                peer.close()

    def _turn(self):
        live = [peer for peer in self.peers if peer.open]
        if time.monotonic() - self.begin > HURRY_SECONDS:
            self.hurried = True
            for peer in live:
                peer.drip, peer.plan = False, []
            if time.monotonic() - self.begin > SLOW_SECONDS:
                return "HANG: it neither ends nor waits"
        poller = select.poll()
        poller.register(self.listener, select.POLLIN)
        poller.register(self.driver.stdout, select.POLLIN)
        for peer in live:
            poller.register(peer, peer.events())
        files = {peer.fileno(): peer for peer in live}
        dripping = [peer for peer in live if peer.drip and peer.output]
        ready = poller.poll(0 if dripping else 1)
        for fd, _ in ready:
            if fd == self.driver.stdout.fileno():
                return self._outcome()
            if fd == self.listener.fileno():
                self._accept()
            elif files[fd].open:
                files[fd].readable()
                files[fd].flush()
        for peer in dripping:
            left = len(peer.output)
            peer.flush()
            ready = ready or len(peer.output) < left
        if ready:
            self.sleeps, self.idle_since = 0, None
            return self._limit()
        return self._quiet(live)

    def _accept(self):
        sock, _ = self.listener.accept()
        # Connections beyond the recorded ones are like the last one.
        plan = self.plans[min(self.connections, len(self.plans) - 1)] if self.plans else []
        self.connections += 1
        if self.connections > 50:
            sock.close()
            return
        peer = Peer(sock, plan, self.password, self.tls, self.stall)
        self.peers.append(peer)
        peer.advance()

    def _outcome(self):
        line = self.driver.stdout.readline()
        if line:
            return line.rstrip("\n")
        self.driver.wait(10)
        return f"CRASH {self.driver.returncode}"

    def _limit(self):
        if cpu_seconds(self.driver.pid) - self.cpu > SPIN_SECONDS:
            return "SPIN"
        return None

    def _quiet(self, live):
        """Nothing happened for a moment."""
        if state_of(self.driver.pid) not in "SZ":
            self.sleeps, self.idle_since = 0, None
            return self._limit()
        self.sleeps += 1
        is_unread = any(peer.output for peer in live)
        if is_unread:
            time.sleep(0.0005)
        if live and self.sleeps >= (max(self.stalled, UNREAD_STALLED) if is_unread else self.stalled):
            self.sleeps = 0
            live[-1].client_stalled()
            return None
        if not live:
            self.idle_since = self.idle_since or time.monotonic()
            if time.monotonic() - self.idle_since > HANG_SECONDS:
                return "HANG"
        return None


def listen(directory, port):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(directory / f".s.PGSQL.{port}"))
    listener.listen(64)
    return listener
