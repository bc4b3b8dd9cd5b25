"""Faults in the process that uses the library, in plain text and with TLS."""

import os
import re
import subprocess
from pathlib import Path

import build
from build import CHECKOUT, HERE, Library
from cluster import Server, Workspace, oracle_18

# Programs of the harness that belong here, too: `make test` runs them with more checks.
ELSEWHERE = [
    ("allocation failure at every N", "c-tests/runner/out_of_memory.rs"),
    ("data larger than RLIMIT_AS", "c-tests/programs/out_of_memory_large.c"),
    ("pthread_cancel in every call that waits", "c-tests/runner/cancelled_threads.rs"),
    ("longjmp out of every callback", "c-tests/programs/jumps.c"),
    ("PQcancel in signal handlers", "c-tests/runner/signal_safety.rs"),
]
LOCALES = ["de_DE", "tr_TR"]
# Not with C libpq: a child that finishes its parent's connection ends the session, and every attempt would wait for its deadline.
ONLY_OURS = ["fork_in_every_state"]


def make_locales(directory):
    """Compiles locales with other decimal points and letters, or returns False if their sources are missing."""
    for name in LOCALES:
        command = ["localedef", "-i", name, "-f", "UTF-8", directory / f"{name}.UTF-8"]
        if subprocess.run(command, capture_output=True).returncode > 1:
            return False
    return True


def start_server(workspace):
    """A server with TLS. Returns the connection strings for each way to reach it."""
    server = Server(workspace, "server", oracle_18())
    config = "ssl = on\nlog_connections = off\nmax_connections = 200\npassword_encryption = 'scram-sha-256'\n"
    subject = ["-subj", "/CN=localhost", "-days", "2", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    key, certificate = workspace.directory / "server.key", workspace.directory / "server.crt"
    command = ["openssl", "req", "-x509", "-nodes", *subject, "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    if user := build.service_user():
        os.chown(key, user["user"], user["group"])
    os.chmod(key, 0o600)
    server.create(config + f"ssl_key_file = '{key}'\nssl_cert_file = '{certificate}'\n")
    common = f"user=postgres dbname=postgres port={server.port}"
    return {
        "plain": f"host=127.0.0.1 {common} sslmode=disable",
        "TLS": f"host=127.0.0.1 {common} sslmode=require",
    }


class Tally(dict):
    """The numbers tried and survived, and the lines about what was lost, for each fault and library."""

    def add(self, library, fault, tried, survived, lines):
        old = self.get((fault, library), (0, 0, []))
        self[fault, library] = (old[0] + tried, old[1] + survived, old[2] + lines)


def all_names(program):
    return subprocess.run([program], capture_output=True, text=True, env=build.environment(Library.OURS)).stdout.split()


def run_program(program, library, way, conninfo, rounds, names, tally, more):
    env = build.environment(library, **more)
    done = subprocess.run(
        [program, conninfo, str(rounds), *names], capture_output=True, text=True, errors="replace", env=env, cwd="/", timeout=900
    )
    lines = []
    for line in done.stdout.splitlines():
        if found := re.fullmatch(r"(\w+): (\d+) tried, (\d+) survived", line):
            tally.add(library, found[1], int(found[2]), int(found[3]), [f"{way}: {text.strip()}" for text in lines])
            lines = []
        else:
            lines.append(line)
    if done.returncode not in (0, 1) or lines:
        tally.add(library, "program", 1, 0, [*lines, f"status {done.returncode}", done.stderr])


def run(seed, budget, case=None):
    """Returns rows for the summary, and whether all is well."""
    rounds = 1 if budget.short else max(1, int(budget.seconds // 30))
    tally = Tally()
    with Workspace() as workspace:
        sources = sorted((HERE / "faults").glob("*.c"))
        program = build.compile_program(workspace.directory / "faults", sources, "-rdynamic")
        unload = build.compile_program(
            workspace.directory / "unload", [CHECKOUT / "c-tests/programs/unload.c"], f"-I{CHECKOUT}/c-tests/programs"
        )
        ways = start_server(workspace)
        more = {}
        names = [case] if case else []
        if make_locales(workspace.directory):
            more["LOCPATH"] = str(workspace.directory)
        for way, conninfo in ways.items():
            for library in Library:
                chosen = names or [name for name in all_names(program) if library is Library.OURS or name not in ONLY_OURS]
                run_program(program, library, way, conninfo, rounds, chosen, tally, more)
        if not case:
            run_unload(unload, ways["TLS"], 2000 if rounds > 1 else 1400, tally)
    return rows(tally)


def run_unload(program, conninfo, rounds, tally):
    """Threads that used TLS outlive the library."""
    done = subprocess.run(
        [program, conninfo, str(rounds)], capture_output=True, text=True, env=build.environment(Library.OURS), cwd="/", timeout=600
    )
    fine = done.returncode == 0 and 'the others: "encrypted"' in done.stdout and "keys lost: 0" in done.stdout
    lines = [] if fine else [done.stdout, done.stderr]
    tally.add(Library.OURS, "dlopen_and_dlclose", rounds, rounds if fine else 0, lines)


def rows(tally):
    result, ok = [], True
    for (fault, library), (tried, survived, lines) in tally.items():
        for line in lines:
            if line:
                print(f"  {fault}, {library.value}, {line}")
        if library is Library.OURS:
            oracle = tally.get((fault, Library.ORACLE))
            note = f"C libpq: {oracle[1]} of {oracle[0]}" if oracle else ""
            result.append((f"fault: {fault.replace('_', ' ')}", tried, survived, tried - survived, note))
            ok &= tried == survived
    return result, ok
