"""The client processes of a demonstration, and the events that they report."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

from cluster import C_LIBPQ, OUR_LIBPQ, wait_for

PROGRAM = Path(__file__).with_name("client_process.py")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}


def conninfo(*ports):
    """Hosts in order: a client tries the next one when the first refuses."""
    hosts = ",".join("127.0.0.1" for _ in ports)
    return f"host={hosts} port={','.join(map(str, ports))} user=postgres dbname=postgres sslmode=disable"


def pooled(where, *, aware, ours=None, size, threads=0, pause=0.1, lifetime=3600, transactions=0, transaction_seconds=(0, 0)):
    """A process with a pool. `threads` threads send single queries, `transactions` threads run long transactions.

    If `aware`, the pool closes a connection when the server asks for that, and the process runs on this library unless
    `ours` is False.
    """
    return {
        "kind": "pooled",
        "conninfo": where,
        "aware": aware,
        "ours": aware if ours is None else ours,
        "size": size,
        "threads": threads,
        "pause": pause,
        "lifetime": lifetime,
        "transactions": transactions,
        "transaction_seconds": transaction_seconds,
    }


def plain(where, *, size, pause):
    """A process with `size` threads, each with a connection of its own."""
    return {"kind": "plain", "conninfo": where, "aware": False, "ours": False, "size": size, "pause": pause}


def bad(where):
    """A process that stays idle in a transaction."""
    return {"kind": "bad", "conninfo": where, "aware": True, "ours": True}


def libpq(client):
    """The library that a client loads."""
    return OUR_LIBPQ if client["ours"] else C_LIBPQ


class Clients:
    """Running client processes, on this library or on C libpq."""

    def __init__(self, workspace, seed, clients):
        self._lock = threading.Lock()
        self._events = []
        self._processes = []
        self._readers = []
        self._directory = workspace.directory
        workspace.callback(self._kill)
        for number, client in enumerate(clients):
            self._start(client | {"seed": f"{seed} {number}", "number": number})
        wait_for("clients", lambda: self.count("ready") == len(clients))
        for event in self.events("ready"):
            expected = libpq(clients[event["number"]]).resolve()
            if Path(event["libpq"]) != expected:
                raise RuntimeError(f"a client loaded {event['libpq']} instead of {expected}")

    def _start(self, client):
        # A directory with only this library, so that no other library is affected.
        libraries = self._directory / ("our-libpq" if client["ours"] else "c-libpq")
        libraries.mkdir(exist_ok=True)
        link = libraries / "libpq.so.5"
        if not link.is_symlink():
            link.symlink_to(libpq(client).resolve())
        environment = ENVIRONMENT | {"PSYCOPG_IMPL": "python", "LD_LIBRARY_PATH": str(libraries)}
        process = subprocess.Popen(
            [sys.executable, PROGRAM, json.dumps(client)],
            env=environment,
            process_group=0,  # Ctrl-C reaches the demonstration alone, which stops the clients
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        reader = threading.Thread(target=self._read, args=[process.stdout, client["number"]], daemon=True)
        reader.start()
        self._processes.append(process)
        self._readers.append(reader)

    def _read(self, lines, number):
        for line in lines:
            event = json.loads(line) | {"number": number}
            with self._lock:
                self._events.append(event)

    def events(self, kind, since=0.0):
        with self._lock:
            return [e for e in self._events if e["event"] == kind and e["t"] >= since]

    def count(self, kind, since=0.0):
        return len(self.events(kind, since))

    def answered(self, since=0.0):
        return sum(e["done"] for e in self.events("tick", since))

    def worst(self, since=0.0):
        """The time that the slowest query took, in seconds."""
        return max((e["worst"] for e in self.events("tick", since)), default=0.0)

    def stop(self):
        """Stops the clients when their current queries are done."""
        for process in self._processes:
            process.stdin.close()
        for process, reader in zip(self._processes, self._readers):
            reader.join(60)
            if process.wait(60) != 0:
                raise RuntimeError(f"a client process ended with status {process.returncode}")

    def _kill(self):
        for process in self._processes:
            process.kill()
            process.wait()


class Clock:
    """A point in time, by the monotonic clock and by the time of day."""

    def __init__(self):
        self.monotonic = time.monotonic()
        self.epoch = time.time()

    def seconds(self):
        return time.monotonic() - self.monotonic
