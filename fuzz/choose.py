#!/usr/bin/env python3
"""Chooses what to keep of a fuzzer's inputs: fuzz/choose.py PROGRAM TARGET.

Writes to fuzz/found/TARGET.txt the inputs in fuzz/corpus/TARGET that reach the most code which fuzz/seeds/TARGET does not reach,
small ones first, one in base64 on each line. PROGRAM is the target as fuzz/run.sh compiles it.
"""

import base64
import subprocess
import sys
import tempfile
from pathlib import Path

LARGEST_FILE = 2048
LARGEST_SUM = 12 * 1024
# What a line costs in addition to its bytes.
LINE = 32


def copy(directory, to):
    """The fuzzer may be at work, which adds and removes files."""
    to.mkdir()
    for path in directory.iterdir():
        try:
            (to / path.name).write_bytes(path.read_bytes())
        except FileNotFoundError:
            pass


def reached(program, directories, work):
    """The counters of the places in the code that each file reaches."""
    control = work / "control"
    command = [program, "-set_cover_merge=1", "-malloc_limit_mb=2100", f"-merge_control_file={control}", work, *directories]
    subprocess.run(command, check=True, capture_output=True)
    lines = control.read_text().splitlines()
    files = [Path(line) for line in lines[2 : 2 + int(lines[0])]]
    rows = (line.split() for line in lines[2 + len(files) :])
    # A counter has eight features, which say how often the place was reached.
    return {files[int(row[1])]: {int(feature) // 8 for feature in row[2:]} for row in rows if row[0] == "FT"}


def choose(known, candidates):
    chosen, size = [], 0
    while candidates and size < LARGEST_SUM:
        best = max(candidates, key=lambda path: len(candidates[path] - known) / (LINE + path.stat().st_size))
        if not candidates[best] - known:
            break
        known |= candidates.pop(best)
        size += best.stat().st_size
        chosen.append(best.read_bytes())
    return chosen


def main():
    program, target = sys.argv[1:]
    here = Path(__file__).resolve().parent
    seeds = here / "seeds" / target
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        corpus, merged = work / "corpus", work / "merged"
        copy(here / "corpus" / target, corpus)
        merged.mkdir()
        places = reached(program, [seeds, corpus], merged)
        known = set().union(*(found for path, found in places.items() if path.parent == seeds))
        candidates = {path: found for path, found in places.items() if path.parent == corpus and path.stat().st_size <= LARGEST_FILE}
        before, every = len(known), len(set().union(*places.values()))
        chosen = choose(known, candidates)
    lines = sorted(base64.b64encode(data).decode() + "\n" for data in chosen)
    (here / "found" / f"{target}.txt").write_text("".join(lines))
    print(f"{target}: {len(lines)} inputs, {sum(map(len, chosen))} bytes; the seeds reach {before} of {every} places, with these {len(known)}")


main()
