"""The client processes of a demonstration, and what they told."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from stage import TARGET, wait_for

CLIENT = Path(__file__).with_name("client.py")
PRELUDE = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}


def conninfo(*ports):
    """The hosts in their order: a client goes to the next one where the first refuses."""
    hosts = ",".join("127.0.0.1" for _ in ports)
    return f"host={hosts} port={','.join(map(str, ports))} user=postgres dbname=postgres sslmode=disable"


def pooled(where, *, aware, ours=None, size, threads=0, pause=0.1, lifetime=3600, transactions=0, transaction_seconds=(0, 0)):
    """A process with a pool, and threads that use it: `threads` for single queries, `transactions` for long ones.

    An aware one leaves when it is asked. It runs on this library, unless `ours` is False.
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
    """A process with `size` threads that have a connection each."""
    return {"kind": "plain", "conninfo": where, "aware": False, "ours": False, "size": size, "pause": pause}


def bad(where):
    """A process that is idle in a transaction."""
    return {"kind": "bad", "conninfo": where, "aware": True, "ours": True}


class Crowd:
    """Running client processes, on this library or on the system's libpq."""

    def __init__(self, stage, seed, clients):
        self._lock = threading.Lock()
        self._events = []
        self._processes = []
        self._readers = []
        stage.callback(self._kill)
        for number, client in enumerate(clients):
            self._start(client | {"seed": f"{seed} {number}", "number": number})
        wait_for("clients", lambda: self.count("ready") == len(clients))
        versions = {e["number"]: e["libpq"] for e in self.events("ready")}
        for number, client in enumerate(clients):
            assert (versions[number] >= 190000) == client["ours"], f"client {number} runs on libpq {versions[number]}"

    def _start(self, client):
        environment = PRELUDE | {"PSYCOPG_IMPL": "python"}
        if client["ours"]:
            environment["LD_LIBRARY_PATH"] = os.environ.get("LIBPQ_OXIDE_LIB", str(TARGET / "release"))
        process = subprocess.Popen(
            [sys.executable, CLIENT, json.dumps(client)],
            env=environment,
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
        """The slowest answer, in seconds."""
        return max((e["worst"] for e in self.events("tick", since)), default=0.0)

    def stop(self):
        """Lets the clients finish what they are at."""
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
    """Time since the moment that counts, by both of the machine's clocks."""

    def __init__(self):
        self.monotonic = time.monotonic()
        self.epoch = time.time()

    def seconds(self):
        return time.monotonic() - self.monotonic
