#!/usr/bin/env python3
"""Records the scripts: runs the driver on C libpq against real servers, through a relay that keeps what passes.

    record.py [NAME...]

The scripts are in the repository, so that a seed gives the same sessions everywhere. Record again when a program in driver/ changes.
"""

import os
import select
import socket
import sys
from pathlib import Path

import build
from cluster import DEBIAN_15, Server, Workspace, oracle_18
from framing import ClientFrames, ServerFrames
from scripts import DIRECTORY, Script

PASSWORD = "secret word"
ROLES = f"""
SET password_encryption = 'md5'; CREATE ROLE md5_user LOGIN PASSWORD '{PASSWORD}';
SET password_encryption = 'scram-sha-256'; CREATE ROLE scram_user LOGIN PASSWORD '{PASSWORD}';
CREATE ROLE password_user LOGIN PASSWORD '{PASSWORD}'; CREATE ROLE reject_user LOGIN;
"""
HBA = """
local all md5_user md5
local all scram_user scram-sha-256
local all password_user password
local all reject_user reject
local all all trust
local replication all trust
"""

# Name, program, style, additional options.
PLAIN = [
    ("nothing", "nothing", "exec", ""),
    ("simple", "simple", "exec", ""),
    ("simple_extended", "simple", "pipeline", ""),
    ("several", "several", "exec", ""),
    ("parameters", "parameters", "exec", ""),
    ("parameters_pipeline", "parameters", "pipeline", ""),
    ("prepared", "prepared", "exec", ""),
    ("prepared_pipeline", "prepared", "pipeline", ""),
    ("portal", "portal", "exec", ""),
    ("rows", "rows", "exec", ""),
    ("rows_pipeline", "rows", "pipeline", ""),
    ("wide", "wide", "exec", ""),
    ("errors", "errors", "exec", ""),
    ("errors_pipeline", "errors", "pipeline", ""),
    ("notices", "notices", "exec", ""),
    ("notifies", "notifies", "exec", ""),
    ("settings", "settings", "exec", ""),
    ("copying_in", "copying_in", "exec", ""),
    ("copying_out", "copying_out", "exec", ""),
    ("copying_both", "copying_both", "exec", "replication=database"),
    ("copying_lines", "copying_lines", "exec", ""),
    ("functions", "functions", "exec", ""),
    ("large_objects", "large_objects", "exec", ""),
    ("cancelling", "cancelling", "exec", ""),
    ("resetting", "resetting", "exec", ""),
    ("terminated", "terminated", "exec", ""),
    ("passwords", "passwords", "exec", ""),
    ("pipeline", "pipeline", "exec", ""),
    ("interleaved", "interleaved", "exec", ""),
    ("md5", "nothing", "exec", "user=md5_user"),
    ("scram", "nothing", "exec", "user=scram_user"),
    ("cleartext", "nothing", "exec", "user=password_user"),
    ("rejected", "nothing", "exec", "user=reject_user"),
    ("no_database", "nothing", "exec", "dbname=missing"),
    ("read_write", "rows", "exec", "target_session_attrs=read-write"),
    ("protocol_3_2", "cancelling", "exec", "max_protocol_version=3.2"),
]
# The same with the server of version 15.
OLD = [
    ("old_simple", "simple", "exec", ""),
    ("old_negotiation", "rows", "exec", "max_protocol_version=latest"),
    ("old_read_write", "simple", "exec", "target_session_attrs=read-write"),
]


class Relay:
    """Passes bytes between the driver and a server, and records the messages."""

    def __init__(self, directory, port, server_socket):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(directory / f".s.PGSQL.{port}"))
        self.listener.listen()
        self.server_socket = server_socket
        self.connections = []

    def run(self, driver_output):
        """Relays until the driver prints its outcome, which is returned."""
        peers = {}
        while True:
            ready, _, _ = select.select([self.listener, driver_output, *peers], [], [], 30)
            if not ready:
                raise TimeoutError("a session does not end")
            for one in ready:
                if one is driver_output:
                    return one.readline()
                if one is self.listener:
                    self._accept(peers)
                elif one in peers:
                    self._pass(one, peers)

    def _accept(self, peers):
        client, _ = self.listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.server_socket)
        entries = []
        self.connections.append(entries)
        peers[client] = (server, ClientFrames(), ">", entries)
        peers[server] = (client, ServerFrames(), "<", entries)

    @staticmethod
    def _pass(one, peers):
        other, frames, direction, entries = peers[one]
        data = one.recv(1 << 16)
        if not data:
            for end in (one, other):
                peers.pop(end, None)
                end.close()
            return
        for kind, body in frames.add(data):
            entries.append((direction, kind, body if direction == "<" else b""))
        other.sendall(data)


def record(driver, directory, server, number, entry):
    name, program, style, options = entry
    port = 40000 + number
    relay = Relay(directory, port, str(server.data.parent / f".s.PGSQL.{server.port}"))
    defaults = {"user": "postgres", "dbname": "postgres"}
    given = dict(option.split("=") for option in options.split())
    conninfo = {"host": directory, "port": port, **defaults, **given}
    text = " ".join(f"{key}={value}" for key, value in conninfo.items()) + f" password='{PASSWORD}'"
    driver.stdin.write(f"{program}\t{style}\t{text}\n")
    driver.stdin.flush()
    outcome = relay.run(driver.stdout)
    relay.listener.close()
    password = PASSWORD if options.startswith("user=") else ""
    script = Script(name, program, style, options, password, without_messages_at_the_end(relay.connections))
    script.write()
    print(f"{name}: {sum(map(len, relay.connections))} messages: {outcome.split(chr(9))[0]}")


def without_messages_at_the_end(connections):
    """Terminate ends a connection: nothing follows it."""
    return [[entry for entry in connection if entry[:2] != (">", "X")] for connection in connections]


def main():
    wanted = set(sys.argv[1:])
    os.makedirs(DIRECTORY, exist_ok=True)
    with Workspace() as workspace:
        program = build.driver(workspace.directory)
        driver = build.start_driver(program, build.Library.ORACLE)
        workspace.callback(driver.kill)
        for version, entries in ((oracle_18(), PLAIN), (DEBIAN_15, OLD)):
            server = Server(workspace, f"server{len(entries)}", version)
            server.create("wal_level = logical\nlog_connections = off\nssl = off\n")
            where = ["-h", server.data.parent, "-p", str(server.port), "-U", "postgres"]
            server.tool("psql", "-X", "-q", *where, "-c", ROLES)
            Path(server.data, "pg_hba.conf").write_text(HBA)
            server.tool("pg_ctl", "reload", "-s", "-D", server.data)
            for number, entry in enumerate(entries):
                if not wanted or entry[0] in wanted:
                    record(driver, workspace.directory, server, number + 100 * len(entries), entry)


if __name__ == "__main__":
    main()
