"""Mutated sessions: each case runs once with this library and once with C libpq, with the same driver."""

import collections
import multiprocessing
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import traceback
from pathlib import Path

import build
import scripts
from build import Library
from mutate import STYLES, Case, Unchanged
from outcomes import Known, Outcome, Signature
from replay import Session, listen

# Bounds for this library. Memory that a session needs at its peak: a part that is always allowed, and a part for each byte sent.
MEMORY_KB, MEMORY_FACTOR = 12288, 6
CPU_SECONDS = 5
# The growth of a driver over this many sessions, after the first.
WARM, ROUND, LEAK_KB = 300, 3000, 4096
# The short form has this many mutated sessions, and as many workers on every machine: each has processes of its own.
SHORT, SHORT_WORKERS = 8000, 4
# C libpq's outcome may depend on when a packet arrives, so ours is compared with those of so many attempts.
ATTEMPTS = 30

# The outcome of each recorded session, by script, style and TLS.
RECORDED = {}
# A file for a line about each session, or None.
verdicts = None


class Worker:
    """Runs cases with a pair of drivers."""

    def __init__(self, program, directory):
        self.program, self.directory = program, directory
        self.unix, self.port = listen(directory, 5432), 5432
        self.tcp = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(directory.parent / "server.crt", directory.parent / "server.key")
        self.drivers, self.sessions, self.baseline = {}, collections.Counter(), {}
        self.errors = {library: open(directory / f"{library.name}.errors", "a+b") for library in Library}
        self.known = Known()

    def driver(self, library):
        if library not in self.drivers or self.drivers[library].poll() is not None:
            self.stop(library)
            self.drivers[library] = build.start_driver(self.program, library, self.errors[library])
            self.sessions[library] = 0
        return self.drivers[library]

    def stop(self, library):
        if driver := self.drivers.pop(library, None):
            driver.kill()
            driver.communicate()

    def close(self):
        for library in Library:
            self.stop(library)

    def conninfo(self, case):
        port = self.tcp.getsockname()[1] if case.tls else self.port
        where = f"host=127.0.0.1 port={port} sslmode=require" if case.tls else f"host={self.directory} port={port}"
        password = f" password='{case.password}'" if case.password else ""
        return f"{where} user=postgres dbname=postgres {case.options}{password}"

    def run(self, library, case):
        """Returns the outcome, and the number of bytes that the server has sent."""
        listener = self.tcp if case.tls else self.unix
        tls = self.tls if case.tls else None
        session = Session(self.driver(library), listener, case.plans, case.password, tls, case.stall)
        outcome = Outcome(session.run(f"{case.program}\t{case.style}\t{self.conninfo(case)}\n"))
        if outcome.fatal:
            self.stop(library)
        self.drop_waiting(listener)
        self.hurried = self.hurried or session.hurried
        return outcome, session.sent

    @staticmethod
    def drop_waiting(listener):
        """Connections of a driver that was killed."""
        listener.setblocking(False)
        try:
            while True:
                listener.accept()[0].close()
        except BlockingIOError:
            pass
        listener.setblocking(True)

    def judge(self, case):
        """Runs a case with both libraries. Returns ours, the oracle's outcome, the kind of the result, and a line about it."""
        self.hurried = False
        ours, sent = self.run(Library.OURS, case)
        oracle, _ = self.run(Library.ORACLE, case)
        signature = self.signature(case, ours, oracle)
        line = str(signature)
        if ours.fatal:
            return ours, oracle, "lost", f"{ours.fatal}: {line}"
        if ours.growth > MEMORY_KB + MEMORY_FACTOR * sent // 1024:
            return ours, oracle, "lost", f"grew by {ours.growth} kB, {sent} bytes sent (C libpq: {oracle.growth} kB): {line}"
        if ours.cpu > CPU_SECONDS * 1_000_000:
            return ours, oracle, "lost", f"{ours.cpu / 1e6:.1f} s of CPU time (C libpq: {oracle.cpu / 1e6:.1f} s): {line}"
        if panic := self.panic():
            return ours, oracle, "lost", panic
        if "OVERRUN" in ours.tokens or "ENDLESS" in ours.tokens:
            return ours, oracle, "lost", f"{line}"
        if leak := self.leaks(ours):
            return ours, oracle, "lost", leak
        if oracle.fatal:
            return ours, oracle, "C fails", line
        if self.hurried:
            # The server gave up at a time that depends on the machine.
            return ours, oracle, "slow", line
        if ours.same_as(oracle):
            return ours, oracle, "same", ""
        if self.known.find(signature):
            return ours, oracle, "known", line
        for attempt in range(ATTEMPTS):
            other, _ = self.run(Library.ORACLE, case)
            if "crossed" in case.mutations and attempt >= ATTEMPTS // 2:
                # The program and the server race, so ours may have an outcome that is rare.
                ours, _ = self.run(Library.OURS, case)
            if ours.same_as(other):
                return ours, other, "same", ""
            if not other.fatal and self.known.find(signature := self.signature(case, ours, other)):
                return ours, other, "known", str(signature)
        return ours, oracle, "new", line

    @staticmethod
    def signature(case, ours, oracle):
        crossed = case.program != case.script.program
        return Signature(case, ours, oracle, None if crossed else RECORDED.get((case.script.name, case.style, case.tls)))

    def panic(self):
        """What the library wrote about a panic that it caught."""
        file = self.errors[Library.OURS]
        if os.fstat(file.fileno()).st_size == 0:
            return ""
        text = os.pread(file.fileno(), 1 << 16, 0).decode("latin-1")
        os.ftruncate(file.fileno(), 0)
        return text[text.find("panicked") :][:300] if "panicked" in text else ""

    def leaks(self, ours):
        """Whether the driver's memory has grown over many sessions."""
        self.sessions[Library.OURS] += 1
        number = self.sessions[Library.OURS]
        if number == WARM:
            self.baseline = ours.memory
        if number > WARM and (number - WARM) % ROUND == 0:
            growth, self.baseline = ours.memory - self.baseline, ours.memory
            if growth > LEAK_KB:
                return f"the memory of the process grew by {growth} kB in {ROUND} sessions"
        return ""


def make_certificate(directory):
    subject = ["-subj", "/CN=torture.test", "-days", "2", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    files = ["-keyout", directory / "server.key", "-out", directory / "server.crt"]
    subprocess.run(["openssl", "req", "-x509", "-nodes", *subject, *files], check=True, capture_output=True)


def work(number, count, program, directory, cases, results):
    """The body of a worker process."""
    worker = None
    try:
        own = Path(directory, str(number))
        own.mkdir()
        worker = Worker(program, own)
        for case in cases(number, count):
            begin = time.monotonic()
            ours, oracle, kind, line = worker.judge(case)
            results.put((kind, (case.number, case.describe()), line, ours, oracle, time.monotonic() - begin))
    except BaseException:
        results.put(("failed", None, traceback.format_exc(), None, None, 0))
    finally:
        if worker:
            worker.close()
        results.put(None)


class Tally:
    """What happened, with a few examples of each class."""

    def __init__(self, recorded=()):
        """`recorded` are the cases whose outcomes later ones are compared with."""
        self.recorded = {case.number: (case.script.name, case.style, case.tls) for case in recorded}
        self.kinds = collections.Counter()
        self.classes = collections.Counter()
        self.examples = {}
        self.lost = []
        self.oracle_fatal, self.oracle_examples = collections.Counter(), []
        self.slowest, self.largest = (0, ""), (0, "")
        self.last, self.outcomes = None, {}

    def add(self, result):
        kind, case, line, ours, oracle, _seconds = self.last = result
        self.kinds[kind] += 1
        if kind == "failed":
            self.lost.append(line)
            return
        number, what = case
        if verdicts:
            with open(verdicts, "a", encoding="utf-8") as file:
                file.write(f"{number}\t{kind}\t{what}\t{line}\t{ours.tokens}\t{oracle.tokens}\n")
        if number in self.recorded:
            self.outcomes[self.recorded[number]] = ours
        if kind == "lost":
            self.lost.append(f"CASE={number}: {what}\n    {line}")
        if kind in ("new", "known"):
            name = line
            self.classes[kind, name] += 1
            self.examples.setdefault(name, (number, what, ours, oracle))
        if oracle.fatal:
            self.oracle_fatal[oracle.fatal] += 1
            self.oracle_examples.append(f"{oracle.fatal}: CASE={number}: {what}")
        self.slowest = max(self.slowest, (ours.cpu / 1e6, f"CASE={number}"))
        self.largest = max(self.largest, (ours.growth, f"CASE={number}"))


def run_cases(cases, workers, recorded=()):
    """Runs cases in processes, each of which takes every nth."""
    directory = Path(tempfile.mkdtemp(prefix="pq-torture-"))
    tally, processes = Tally(recorded), []
    try:
        program = build.driver(directory)
        make_certificate(directory)
        results = multiprocessing.Queue()
        processes = [
            multiprocessing.Process(target=work, args=(n, workers, program, directory, cases, results), daemon=True)
            for n in range(workers)
        ]
        for process in processes:
            process.start()
        running = workers
        while running:
            result = results.get()
            if result is None:
                running -= 1
            else:
                tally.add(result)
        for process in processes:
            process.join()
    finally:
        # After Ctrl-C they still run.
        for process in processes:
            process.kill()
        shutil.rmtree(directory, ignore_errors=True)
    return tally


def unchanged_cases(all_scripts):
    """Every script in every style, as recorded."""
    listed = []
    for script in all_scripts:
        styles = ["pipeline"] if script.style == "pipeline" else STYLES
        for style in styles:
            listed += [Unchanged(script, style, tls) for tls in (False, True)]
    return listed


def run(seed, budget, case=None):
    """Returns rows for the summary, and whether all is well."""
    all_scripts = scripts.read_all()
    if case is not None:
        return show(seed, case, all_scripts)
    workers = SHORT_WORKERS if budget.short else 2 * (os.cpu_count() or 1)
    listed = unchanged_cases(all_scripts)
    tally = run_cases(lambda number, count: listed[number::count], workers, listed)
    ok = report("recorded sessions", tally)
    RECORDED.update(tally.outcomes)
    budget = budget.part(budget.seconds)

    def mutated(first, step):
        for number in budget.numbers(SHORT, first, step):
            case = Case(seed, number, all_scripts)
            # Where the program does something else than the server expects, they race: whether there is a difference depends on the machine.
            if not budget.short or "crossed" not in case.mutations:
                yield case

    begin = time.monotonic()
    mutations = run_cases(mutated, workers)
    ok &= report("mutated sessions", mutations)
    total = sum(mutations.kinds.values())
    rate = total / max(1, time.monotonic() - begin)
    print(f"  {rate:.0f} cases a second, two sessions each; at most {mutations.largest[0]} kB ({mutations.largest[1]}) and")
    print(f"  {mutations.slowest[0]:.2f} s of CPU time ({mutations.slowest[1]}) for a session of ours")
    return [row("recorded sessions", tally), row("mutated sessions", mutations)], ok


def row(name, tally):
    tried = sum(tally.kinds.values())
    lost = tally.kinds["lost"] + tally.kinds["new"] + tally.kinds["failed"]
    note = f"{tally.kinds['same']} as C libpq, {tally.kinds['known']} known differences, {sum(tally.oracle_fatal.values())} C libpq lost"
    return name, tried, tried - lost, lost, note


def report(title, tally):
    print(f"\n{title}: {dict(tally.kinds)}; C libpq: {dict(tally.oracle_fatal)}")
    for text in tally.lost[:20]:
        print(f"  LOST {text}")
    for text in tally.oracle_examples[:3]:
        print(f"  C libpq: {text}")
    new = [(count, name) for (kind, name), count in tally.classes.items() if kind == "new"]
    for count, name in sorted(new, reverse=True)[:40]:
        number, what, ours, oracle = tally.examples[name]
        print(f"  NEW {count} times: {name}\n      CASE={number}: {what}")
        print(f"      ours: {ours.tokens[-300:]} {ours.first}\n      C:    {oracle.tokens[-300:]} {oracle.first}")
    return not (tally.lost or new)


def show(seed, number, all_scripts):
    """Repeats one case, and prints all about it."""
    parts = number.split("/")
    if len(parts) > 1:
        named = {script.name: script for script in all_scripts}
        case = Unchanged(named[parts[0]], parts[1], len(parts) > 2)
    else:
        case = Case(seed, int(number), all_scripts)
    same = [Unchanged(case.script, case.style, case.tls)]
    RECORDED.update(run_cases(lambda *_: same, 1, same).outcomes)
    print(case.describe(), f"(program {case.program}, options {case.options!r}, at a stall: {case.stall})")
    for index, plan in enumerate(case.plans):
        print(f"connection {index}")
        for step in plan:
            if hasattr(step, "body"):
                edits = f", {len(step.edits)} edits" if step.edits else ""
                repeated = f", {step.times} times" if step.times > 1 else f", at least {step.least} bytes" if step.least else ""
                try:
                    data = step.data(None)[:120]
                except Exception as error:
                    data = error
                print(f"  send {data!r}{edits}{repeated}{', byte by byte' if step.drip else ''}")
            else:
                print(f"  {type(step).__name__} {getattr(step, 'count', '')}")
    tally = run_cases(lambda *_: [case], 1)
    ok = report("one case", tally)
    kind, _, line, ours, oracle, seconds = tally.last
    print(f"{kind} in {seconds:.3f} s: {line}")
    for name, outcome in (("ours", ours), ("C   ", oracle)):
        print(f"{name}: {outcome.tokens}\n      {outcome.first} / {outcome.last}; {outcome.growth} kB, {outcome.cpu} us")
    return [row("one case", tally)], ok
