"""Two network namespaces, joined by a virtual cable. Needs root, the program ip, and for bad weather /dev/net/tun."""

import contextlib
import ctypes
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

CLONE_NEWNET = 0x40000000
CLIENT, SERVER, ROUTER = "10.89.0.1", "10.89.0.2", "10.89.0.254"
PORT = 5432
# From linux/if_tun.h.
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000


@dataclass(frozen=True)
class Weather:
    """What a cable does to packets in both directions: seconds, and parts of all packets."""

    # Each packet is delayed by `delay` and up to `more`.
    delay: float = 0.0
    more: float = 0.0
    loss: float = 0.0
    # This part comes after the packets of the next 20 ms.
    late: float = 0.0
    twice: float = 0.0


class Wire(threading.Thread):
    """Carries packets between a network device in each of two namespaces."""

    LATE = 0.02

    def __init__(self, ends, weather, seed):
        super().__init__(daemon=True)
        self.weather, self.random = weather, random.Random(seed)
        self.devices = [device(name) for name in ends]
        # When each packet arrives, a number that keeps their order, where, and the packet.
        self.under_way, self.count, self.disturbed, self.over = [], 0, 0, threading.Event()

    def run(self):
        while not self.over.is_set():
            wait = max(0, min(0.05, self.under_way[0][0] - time.monotonic())) if self.under_way else 0.05
            for readable in select.select(self.devices, [], [], wait)[0]:
                self.take(os.read(readable, 65536), self.devices[1 - self.devices.index(readable)])
            while self.under_way and self.under_way[0][0] <= time.monotonic():
                _, _, target, packet = heapq.heappop(self.under_way)
                # A device that is down takes nothing.
                with contextlib.suppress(OSError):
                    os.write(target, packet)

    def take(self, packet, target):
        # Others than those of IPv4 are the kernels' own.
        if packet[0] >> 4 != 4:
            return
        self.count += 1
        weather, arrival = self.weather, time.monotonic()
        arrival += weather.delay + self.random.random() * weather.more
        self.disturbed += bool(weather.delay)
        if self.happens(weather.loss):
            return
        if self.happens(weather.late):
            arrival += self.LATE
        for copy in range(1 + self.happens(weather.twice)):
            heapq.heappush(self.under_way, (arrival, 2 * self.count + copy, target, packet))

    def happens(self, part):
        # Always to the fourth packet, which is the client's first message, so that it happens in short sessions, too.
        does = self.random.random() < part or part > 0 and self.count == 4
        self.disturbed += does
        return does

    def close(self):
        self.over.set()
        if self.is_alive():
            self.join()
        for end in self.devices:
            os.close(end)


def device(namespace):
    """A network device named `cable`, whose packets are read and written here."""
    with in_namespace(namespace):
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", b"cable", IFF_TUN | IFF_NO_PI))
    return end


class Cable:
    """Two namespaces, joined by a cable, or by a router between them."""

    def __init__(self, number, routed=False, weather=None):
        self.client, self.server, self.router = (f"pqtorture{os.getpid()}{end}{number}" for end in "csr")
        self.routed, self.number, self.weather, self.wire = routed, number, weather, None

    def __enter__(self):
        try:
            self._connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _connect(self):
        for name in (self.client, self.server):
            shell(f"ip netns add {name}")
        if self.routed:
            self._route()
            return
        if self.weather:
            self.wire = Wire((self.client, self.server), self.weather, self.number)
        else:
            shell(f"ip -n {self.client} link add cable type veth peer name cable netns {self.server}")
        for name, address in ((self.client, CLIENT), (self.server, SERVER)):
            shell(f"ip -n {name} addr add {address}/24 dev cable")
            shell(f"ip -n {name} link set cable up")
            shell(f"ip -n {name} link set lo up")
        if self.wire:
            self.wire.start()

    def _route(self):
        shell(f"ip netns add {self.router}")
        for name, address, other, port in ((self.client, CLIENT, SERVER, "left"), (self.server, SERVER, CLIENT, "right")):
            shell(f"ip -n {name} link add cable type veth peer name {port} netns {self.router}")
            shell(f"ip -n {name} addr add {address}/32 dev cable")
            shell(f"ip -n {name} link set cable up")
            shell(f"ip -n {name} link set lo up")
            shell(f"ip -n {name} route add {ROUTER} dev cable")
            shell(f"ip -n {name} route add {other} via {ROUTER}")
            shell(f"ip -n {self.router} addr add {ROUTER}/32 dev {port}")
            shell(f"ip -n {self.router} link set {port} up")
            shell(f"ip -n {self.router} route add {address} dev {port}")
        with in_namespace(self.router):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")

    def __exit__(self, *_):
        if self.wire:
            self.wire.close()
        for name in (self.client, self.server, self.router):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)

    def disturbed(self):
        """Whether the weather has changed anything, if it is bad."""
        return not self.wire or self.wire.disturbed > 0

    def apply(self, commands):
        for command in commands:
            shell(command.format(client=self.client, server=self.server, router=self.router))

    def listener(self):
        """A listener in the server's namespace."""
        with in_namespace(self.server):
            return socket.create_server((SERVER, PORT))


@contextlib.contextmanager
def in_namespace(name):
    """This thread is in the network namespace meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(path):
        with open(path, "rb") as namespace:
            if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    with open(f"/proc/self/task/{threading.get_native_id()}/ns/net", "rb") as own:
        enter(f"/run/netns/{name}")
        try:
            yield
        finally:
            if libc.setns(own.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")


def shell(command):
    done = subprocess.run(command.split(), capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stderr.strip()}")
