#!/usr/bin/python3
"""What the subtests of PostgreSQL's suites did, and whether ours did as well as C's.

results.py collect TAP-DIRECTORY MAKE-LOG          the results as lines of file, status, name
results.py all-passed RESULTS                      whether there are results and none is a failure
results.py compare SUITE C OURS DIFFERENCES        a line of the table; fails when a pass on C's is missing
results.py left-out SUITE DIFFERENCES              the line of a suite that is not run; fails when it is to be run
results.py heading                                 the table's first lines
"""

import os
import re
import sys
from collections import Counter

# A program's line: "ok 3 - name # skip why". Subtests within a subtest are indented; the line with their result
# follows them.
TAP = re.compile(r"(not )?ok\b(?: \d+)?(?: - ?)?(.*?)(?:\s+# (skip|todo)\b.*)?$", re.IGNORECASE)
# A line of pg_regress: "ok 3   + name    12 ms", with + for a member of a parallel group.
PG_REGRESS = re.compile(r"(not )?ok \d+\s+[-+] (\S+)\s+\d+ ms$")
# Parts of subtest names that differ from run to run.
VARIABLE = [
    (re.compile(r"/tmp/[A-Za-z0-9_]{10}\b"), "/tmp/DIRECTORY"),
    (re.compile(r"\btmp_test_[A-Za-z0-9_]{4}\b"), "tmp_test_DIRECTORY"),
    (re.compile(r"\bport[= ]'?\d+'?"), "port=PORT"),
    (re.compile(r"\b(seeded with|random seed to) \d+"), r"\1 SEED"),
    (re.compile(r"\b(walreceiver|walsender) pid \d+"), r"\1 pid PID"),
    (re.compile(r"(pgbench_log_\d)\.\d+ \(\d+\)"), r"\1.PID (COUNT)"),
]
ROW = "| {:<18} | {:>6} | {:>6} | {:<40} |"
# The maximum number of missing subtests to print for a suite: a program that does not start loses a thousand.
SHOWN = 20


def lines(path):
    with open(path, encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        return file.read().splitlines()


def status(match):
    if match.lastindex and match.lastindex >= 3 and match[3]:
        return match[3].lower()
    return "not ok" if match[1] else "ok"


def result(file, match):
    return file, status(match), match[2].strip().replace("\t", " ")


def collect(directory, log):
    found = []
    for folder, _, files in os.walk(directory):
        for file in files:
            path = os.path.join(folder, file)
            matches = filter(None, map(TAP.match, lines(path)))
            found += [result(os.path.relpath(path, directory), match) for match in matches]
    found += [result("pg_regress", match) for match in filter(None, map(PG_REGRESS.match, lines(log)))]
    for line in sorted(found):
        print(*line, sep="\t")


def constant(name):
    for variable, replacement in VARIABLE:
        name = variable.sub(replacement, name)
    return name


def read(path):
    """The number of subtests for each file, name and status."""
    results = {"ok": Counter(), "not ok": Counter(), "skip": Counter(), "todo": Counter()}
    for line in lines(path):
        file, outcome, name = line.split("\t")
        results[outcome][file, constant(name)] += 1
    return results


def all_passed(path):
    results = read(path)
    return bool(results["ok"]) and not results["not ok"]


def differences(suite, path):
    rows = [line.split("\t") for line in lines(path) if line and not line.startswith("#")]
    return [tuple(row[1:]) for row in rows if row[0] == suite]


def agrees(pattern, text):
    """Only a star at the end is special, because names may contain stars."""
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def excuses(difference, file, name):
    return agrees(difference[0], file) and agrees(difference[1], name)


def compare(suite, c_path, ours_path, differences_path):
    c, ours = read(c_path)["ok"], read(ours_path)["ok"]
    missing = c - ours
    allowed = differences(suite, differences_path)
    unexcused = [subtest for subtest in missing if not any(excuses(row, *subtest) for row in allowed)]
    idle = [row for row in allowed if not any(excuses(row, *subtest) for subtest in missing)]
    remarks = sorted({row[2] for row in allowed})
    print(ROW.format(suite, c.total(), ours.total(), "; ".join(remarks)), flush=True)
    for file, name in sorted(unexcused)[:SHOWN]:
        print(f"  passes on C libpq only: {file}: {name}")
    if len(unexcused) > SHOWN:
        print(f"  and {len(unexcused) - SHOWN} more")
    for file, name, _ in idle:
        print(f"  differences.tsv names what is no difference: {file}: {name}")
    return not unexcused and not idle


def left_out(suite, path):
    reasons = [row[2] for row in differences(suite, path) if row[:2] == ("*", "*")]
    if reasons:
        print(ROW.format(suite, "", "", f"not run: {reasons[0]}"), flush=True)
    return bool(reasons)


def heading():
    print(ROW.format("suite", "C", "ours", "why they differ"))
    print("|---|---:|---:|---|", flush=True)


if __name__ == "__main__":
    commands = {
        "collect": collect,
        "all-passed": all_passed,
        "compare": compare,
        "left-out": left_out,
        "heading": heading,
    }
    command, *arguments = sys.argv[1:]
    answer = commands[command](*arguments)
    sys.exit(0 if answer in (True, None) else 1)
