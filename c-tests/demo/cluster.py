"""Starts PostgreSQL servers and goaway-proxy, on 127.0.0.1 and in a temporary directory.

All of them are stopped at the end, and their files removed, even when this process is killed.
"""

import contextlib
import json
import os
import pwd
import socket
import subprocess
import sysconfig
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", CHECKOUT / "target"))
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")

# The two libraries, by path: the one that the loader finds by itself may be either.
OUR_LIBPQ = Path(os.environ.get("LIBPQ_OXIDE_LIB", TARGET / "release")) / "libpq.so.5"
C_LIBPQ = Path("/usr/lib", sysconfig.get_config_var("MULTIARCH") or "", "libpq.so.5")

CONFIG = """
listen_addresses = '127.0.0.1'
fsync = off
max_connections = 250
superuser_reserved_connections = 0
lc_messages = 'C'
log_connections = on
# Seconds since 1970.
log_line_prefix = '%n '
"""


def oracle_18():
    """The programs of the PostgreSQL 18 that the tests build, or None if it was not built."""
    cache = subprocess.run(
        ["bash", "-euc", '. "$1"; printf %s "$cache"', "bash", CHECKOUT / "c-tests/lib/cache.sh"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return Path(cache, "postgresql-18/bin") if Path(cache, "oracle.stamp").exists() else None


def wait_for(what, condition, seconds=30):
    """Polls until `condition` is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not after {seconds} seconds")
        time.sleep(0.02)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connections_to(port):
    """Counts the established connections of a listener on 127.0.0.1:`port`."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        fields = (line.split() for line in table)
        # A set: the kernel may list a socket twice when others open and close meanwhile.
        return len({f[2] for f in fields if f[1] == f"0100007F:{port:04X}" and f[3] == "01"})


def service_user():
    """Arguments for subprocess: PostgreSQL refuses to run as root, so it runs as another user."""
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


# SIGQUIT is PostgreSQL's immediate shutdown.
CLEANUP = """
cat >/dev/null
for file in "$1"/*/postmaster.pid; do
    [ ! -e "$file" ] || kill -s QUIT "$(head -n 1 "$file")"
done
n=0
while ls "$1"/*/postmaster.pid >/dev/null && [ $((n += 1)) -le 100 ]; do
    sleep 0.1
done
# The last processes of a server may still write.
until rm -rf "$1" || [ $((n += 1)) -gt 200 ]; do
    sleep 0.1
done
"""


class Workspace(contextlib.ExitStack):
    """A temporary directory, and a stack of what to stop at the end."""

    def __enter__(self):
        super().__enter__()
        self.directory = Path(tempfile.mkdtemp(prefix="pq-demo-"))
        os.chmod(self.directory, 0o755)
        if user := service_user():
            os.chown(self.directory, user["user"], user["group"])
        self._start_cleanup()
        return self

    def _start_cleanup(self):
        """Starts a shell that cleans up when this process ends, even if it is killed: the shell waits for the end of its standard input."""
        cleanup = subprocess.Popen(
            ["sh", "-c", CLEANUP, "sh", self.directory],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
        self.callback(cleanup.wait)
        self.callback(cleanup.stdin.close)


class Server:
    """A PostgreSQL cluster."""

    def __init__(self, workspace, name, programs):
        self.programs = programs
        self.port_is_fixed = False
        self.data = workspace.directory / name
        self.log_file = workspace.directory / f"{name}.log"

    def tool(self, program, *arguments, **more):
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        command = [self.programs / program, *arguments]
        # A file, not a pipe: the server that pg_ctl starts inherits it.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                command, env=environment, cwd="/", stdout=output, stderr=output, **service_user(), **more
            )
            output.seek(0)
            if done.returncode != 0:
                raise RuntimeError(f"{program}: {output.read()}")
            return output.read()

    def create(self, config="", port=None):
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        self.tool("initdb", *options, "-D", self.data)
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(f"{CONFIG}unix_socket_directories = '{self.data.parent}'\n{config}")
        self.port, self.port_is_fixed = port or free_port(), port is not None
        self.start()
        return self

    def standby(self, workspace, name):
        """Starts a standby of this server."""
        standby = Server(workspace, name, self.programs)
        source = f"host=127.0.0.1 port={self.port} user=postgres"
        self.tool("pg_basebackup", "-R", "-c", "fast", "--no-sync", "-d", source, "-D", standby.data)
        standby.port = free_port()
        standby.start()
        return standby

    def start(self):
        for _ in range(5):
            try:
                self.tool("pg_ctl", "start", "-w", "-s", "-D", self.data, "-l", self.log_file, "-o", f"-p {self.port}")
                break
            except RuntimeError:
                # Another process may have taken the port.
                if not self.port_is_fixed:
                    self.port = free_port()
        else:
            raise RuntimeError(f"the server does not start:\n{self.log_file.read_text()}")
        self.pid = int((self.data / "postmaster.pid").read_text().split()[0])

    def stop(self, mode, wait=True):
        self.tool("pg_ctl", "stop", "-s", "-m", mode, "-w" if wait else "-W", "-D", self.data)

    def has_exited(self):
        try:
            status = Path(f"/proc/{self.pid}/stat").read_text()
        except FileNotFoundError:
            return True
        # A zombie: init has not collected it yet.
        return status.rpartition(")")[2].split()[0] == "Z"

    def sessions(self):
        """Counts its clients' sessions."""
        sql = "SELECT count(*) - 1 FROM pg_stat_activity WHERE backend_type = 'client backend'"
        where = ["-h", self.data.parent, "-p", str(self.port), "-U", "postgres", "-d", "postgres"]
        return int(self.tool("psql", "-X", "-A", "-t", *where, "-c", sql))

    def connects(self, since):
        """When sessions began, in seconds after `since`, which is in seconds since 1970."""
        lines = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        times = [float(line.split()[0]) - since for line in lines if " connection authorized: " in line]
        return sorted(t for t in times if t >= 0)


class Proxy:
    """goaway-proxy in front of a server."""

    PROGRAM = Path(os.environ.get("GOAWAY_PROXY", TARGET / "release/goaway-proxy"))

    def __init__(self, workspace, name, server, *options, watch="0.2", port=None):
        self.port = port or free_port()
        self.control = workspace.directory / f"{name}.control"
        self.log_file = workspace.directory / f"{name}.log"
        command = ["setpriv", "--pdeathsig", "KILL", self.PROGRAM, "--listen", f"127.0.0.1:{self.port}"]
        command += [
            "--server",
            f"127.0.0.1:{server.port}",
            "--control",
            self.control,
            "--watch-interval",
            watch,
            *options,
        ]
        with open(self.log_file, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        workspace.callback(self.kill)
        wait_for("goaway-proxy", self._listens)

    def _listens(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"goaway-proxy ended:\n{self.log_file.read_text()}")
        return self.ctl("status").returncode == 0

    def ctl(self, *arguments):
        command = [self.PROGRAM, "ctl", "--control", self.control, *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    def status(self):
        return json.loads(self.ctl("status").stdout)

    def terminate(self):
        """Starts a drain. The proxy exits when the drain is complete."""
        self.process.terminate()

    def last_line(self):
        """Waits until it has exited, and returns the last line of its log."""
        self.process.wait(60)
        return self.log_file.read_text().splitlines()[-1]

    def kill(self):
        self.process.kill()
        self.process.wait()
