"""Compiles the C programs and starts them with one of the two libraries."""

import enum
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
sys.path.insert(0, str(CHECKOUT / "c-tests/demo"))

from cluster import OUR_LIBPQ, oracle_18, service_user  # noqa: E402, F401


class Library(enum.Enum):
    OURS = "ours"
    ORACLE = "C libpq"

    def directory(self):
        directory = OUR_LIBPQ.parent if self is Library.OURS else oracle_18().parent / "lib"
        if not (directory / "libpq.so.5").exists():
            raise RuntimeError(f"no libpq.so.5 in {directory}: run make first")
        return directory


def environment(library, **more):
    """An environment without settings that change what a session does. `PGGOAWAY` is unknown to C libpq."""
    values = {"TORTURE_VALUES": "1"} if os.environ.get("TORTURE_VALUES") else {}
    return {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C",
        "HOME": "/nonexistent",
        "LD_LIBRARY_PATH": str(library.directory()),
        "PGGSSENCMODE": "disable",
        "PGGOAWAY": "disable",
        "PGCONNECT_TIMEOUT": "0",
        **values,
        **more,
    }


def compile_program(target, sources, *options):
    """Compiles against C libpq's headers and library: both libraries have what the programs use."""
    oracle = oracle_18().parent
    command = ["cc", "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", f"-I{oracle}/include", "-o", target]
    command += [*sources, f"-L{oracle}/lib", "-lpq", "-lpthread", "-ldl", *options]
    subprocess.run(command, check=True, env={**os.environ, "LC_ALL": "C"})
    return target


def driver(directory):
    return compile_program(directory / "driver", sorted((HERE / "driver").glob("*.c")))


def start_driver(program, library, errors=subprocess.DEVNULL, **more):
    return subprocess.Popen(
        # C libpq crashes now and then; a core file takes seconds.
        ["setpriv", "--pdeathsig", "KILL", "prlimit", "--core=0", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        encoding="latin-1",
        env=environment(library, **more),
        cwd="/",
    )
