"""Writes and removes the file that makes every process of an environment preload the library."""

import glob
import os
import site

from . import _package

# Python runs the line when it starts. The line does nothing once the package is gone.
NAME = "libpq_oxide.pth"
LINE = r'''import sys; exec("try:\n from libpq_oxide import _startup\nexcept ImportError:\n pass\nelse:\n _startup()")'''


class Unusable(Exception):
    """The package is installed where Python does not read such files."""


def enable():
    """Returns what was done, for people."""
    directory = _site_packages()
    file = os.path.join(directory, NAME)
    _replace(file, LINE + "\n")
    _record(directory, added=f"{NAME},,\n")
    return f"wrote {file}: the Python processes that start from now on use libpq-oxide"


def disable():
    directory = _site_packages()
    file = os.path.join(directory, NAME)
    _record(directory, added="")
    try:
        os.remove(file)
    except FileNotFoundError:
        return "nothing to do: it was not enabled"
    return f"removed {file}"


def _site_packages():
    directory = os.path.dirname(_package)
    read = [*site.getsitepackages(), site.getusersitepackages()]
    if os.path.realpath(directory) not in map(os.path.realpath, read):
        raise Unusable(f"{directory} is no site-packages directory of this Python: call libpq_oxide.preload() instead")
    return directory


def _record(directory, added):
    """Lists the file among the package's own, so that pip uninstall removes it."""
    for record in glob.glob(os.path.join(glob.escape(directory), "libpq_oxide-*.dist-info", "RECORD")):
        with open(record, encoding="utf-8", newline="") as lines:
            old = lines.readlines()
        others = [line for line in old if not line.startswith(f"{NAME},")]
        _replace(record, "".join(others) + added)


def _replace(file, text):
    with open(f"{file}.new", "w", encoding="utf-8", newline="") as new:
        new.write(text)
    os.replace(f"{file}.new", file)
