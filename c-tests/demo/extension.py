"""Builds pg_goaway for a server, which loads it from the demonstration's directory: nothing is installed."""

import shutil
import subprocess

from cluster import CHECKOUT, TARGET

SOURCE = CHECKOUT / "pg_goaway"


def build(programs):
    """Compiles it for the server with these programs. Returns the path of the shared library."""
    pg_config = programs / "pg_config"
    version = subprocess.run([pg_config, "--version"], check=True, capture_output=True, text=True).stdout
    directory = TARGET / "demo" / f"pg_goaway-{version.split()[1]}"
    directory.mkdir(parents=True, exist_ok=True)
    make = ["make", "-s", "-C", directory, "-f", SOURCE / "Makefile", "all", "with_llvm=no"]
    done = subprocess.run(
        [*make, f"VPATH={SOURCE}", f"PG_CONFIG={pg_config}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        raise RuntimeError(f"pg_goaway cannot be built; c-tests/setup.sh installs what it needs:\n{done.stdout}")
    return directory / "pg_goaway.so"


def config(workspace, programs, spread):
    """Lines for postgresql.conf; `spread` is in seconds."""
    shutil.copy(build(programs), workspace.directory)
    return (
        f"dynamic_library_path = '{workspace.directory}:$libdir'\n"
        f"shared_preload_libraries = 'pg_goaway'\n"
        f"pg_goaway.spread = '{spread}s'\n"
    )


def functions():
    """SQL that creates its functions, for a server without its control file."""
    lines = (SOURCE / "pg_goaway--1.0.sql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("\\")).replace("MODULE_PATHNAME", "pg_goaway")
