"""libpq-oxide, a drop-in replacement for libpq.so.5, for the programs and drivers of a Python environment.

Importing this package loads nothing. preload(), and "python -m libpq_oxide enable", make psycopg and psycopg2 use the library.
"""

import os

__all__ = ["include_dir", "path", "preload", "version"]

_package = os.path.dirname(os.path.abspath(__file__))


def path():
    """Returns the path of libpq.so.5."""
    return os.path.join(_package, "lib", "libpq.so.5")


def include_dir():
    """Returns the directory of libpq-fe.h."""
    return os.path.join(_package, "include")


def version():
    """Returns the version of this package."""
    from importlib.metadata import version

    return version("libpq-oxide")


def preload():
    """Makes the drivers of this process use the library.

    Call it before the first import of psycopg or psycopg2. A second call does nothing. Raises RuntimeError if the process has loaded
    another libpq: the functions that a driver has found in it cannot be replaced.
    """
    import ctypes.util

    _load(ctypes)
    if ctypes.util.find_library.__module__ != __name__:
        ctypes.util.find_library = _finds_ours(ctypes.util.find_library)


def _load(ctypes):
    if _is_first(ctypes):
        return
    others = _other_libraries()
    if others:
        raise RuntimeError(
            f"another libpq is loaded already: {', '.join(others)}; "
            "call libpq_oxide.preload() before you import psycopg or psycopg2"
        )
    # The drivers find its functions before those of a libpq of their own, because this makes its symbols global.
    ctypes.CDLL(path(), mode=ctypes.RTLD_GLOBAL)


def _is_first(ctypes):
    """Whether drivers that are imported from now on find the functions of our library."""
    try:
        ours = ctypes.CDLL(path(), mode=os.RTLD_NOLOAD)
        first = ctypes.CDLL(None).PQlibVersion
    except (OSError, AttributeError):
        return False

    def address(function):
        return ctypes.cast(function, ctypes.c_void_p).value

    return address(first) == address(ours.PQlibVersion)


def _other_libraries():
    """The files of other libpqs that this process has loaded. Those in wheels have a hash in their names: libpq-0123abcd.so.5.17."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        fields = (line.rstrip("\n").split(maxsplit=5) for line in maps)
        files = {line[5].removesuffix(" (deleted)") for line in fields if len(line) == 6}
    ours = os.path.realpath(path())
    return sorted(file for file in files if _is_libpq(os.path.basename(file)) and file != ours)


def _is_libpq(name):
    return name.startswith("libpq.so") or (name.startswith("libpq-") and ".so" in name)


def _finds_ours(find_library):
    """psycopg without its C part asks ctypes, which only knows the libraries that are installed in the system."""

    def find(name):
        return path() if name == "pq" else find_library(name)

    return find


def _startup():
    """What libpq_oxide.pth calls when a process starts, which must be quick. The process continues if it fails."""
    import ctypes

    try:
        _load(ctypes)
    except (OSError, RuntimeError) as error:
        import warnings

        warnings.warn(f"libpq-oxide is not used: {error}", RuntimeWarning, stacklevel=2)
