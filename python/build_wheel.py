"""Packs libpq.so and the headers as a wheel, with nothing but Python's own modules and readelf.

    python3 python/build_wheel.py --library target/release/libpq.so --output dist

The tag of the wheel says for which processor the library was compiled, and which glibc it needs. The same library gives the same
bytes; files get the time SOURCE_DATE_EPOCH, or 1980-01-01.
"""

import argparse
import base64
import hashlib
import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
# The numbers of ELF's e_machine.
MACHINES = {62: "x86_64", 183: "aarch64"}
HEADERS = ["libpq-fe.h", "libpq-events.h", "postgres_ext.h", "pg_config.h", "libpq/libpq-fs.h"]
# The oldest time that a zip file can express.
OLDEST = 315532800


def version():
    manifest = (CHECKOUT / "Cargo.toml").read_text(encoding="utf-8")
    found = re.search(r'^\[workspace\.package\]\nversion = "(\d+\.\d+\.\d+)"$', manifest, re.MULTILINE)
    return found[1] if found else sys.exit("Cargo.toml: no version of the form 1.2.3")


def platform(library):
    """The platform tag, such as manylinux_2_34_x86_64."""
    with library.open("rb") as file:
        head = file.read(20)
    machine = MACHINES.get(int.from_bytes(head[18:20], "little")) if head.startswith(b"\x7fELF") else None
    if machine is None:
        sys.exit(f"{library}: neither a library for x86-64 nor for aarch64")
    command = ["readelf", "--version-info", "--wide", str(library)]
    needs = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    minors = [int(minor) for minor in re.findall(r"\bGLIBC_2\.(\d+)", needs)]
    if not minors:
        sys.exit(f"{library}: needs no glibc")
    return f"manylinux_2_{max(minors)}_{machine}"


def metadata(number):
    readme = (CHECKOUT / "python/README.md").read_text(encoding="utf-8")
    return f"""\
Metadata-Version: 2.4
Name: libpq-oxide
Version: {number}
Summary: A drop-in replacement for libpq.so.5, written in Rust, with GoAway
License-Expression: MIT OR Apache-2.0
License-File: LICENSE
Requires-Python: >=3.9
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: Python :: 3
Classifier: Topic :: Database
Description-Content-Type: text/markdown

{readme}"""


def contents(library, number, tag):
    """The files of the wheel without RECORD: from name to bytes."""
    info = f"libpq_oxide-{number}.dist-info"
    files = {f"libpq_oxide/{module.name}": module.read_bytes() for module in (CHECKOUT / "python/libpq_oxide").glob("*.py")}
    files["libpq_oxide/lib/libpq.so.5"] = library.read_bytes()
    for header in HEADERS:
        files[f"libpq_oxide/include/{header}"] = (CHECKOUT / "include" / header).read_bytes()
    internal = "libpq_oxide/include/postgresql/internal/pqexpbuffer.h"
    files[internal] = (CHECKOUT / "include/pqexpbuffer.h").read_bytes()
    files[f"{info}/METADATA"] = metadata(number).encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: libpq-oxide\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    files[f"{info}/licenses/LICENSE"] = (CHECKOUT / "LICENSE").read_bytes()
    return files


def record(files, name):
    def digest(data):
        return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()

    lines = [f"{file},sha256={digest(data)},{len(data)}\n" for file, data in sorted(files.items())]
    return "".join([*lines, f"{name},,\n"]).encode()


def write(wheel, files, last):
    """RECORD comes last."""
    when = time.gmtime(max(OLDEST, int(os.environ.get("SOURCE_DATE_EPOCH", OLDEST))))[:6]
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in [*sorted(files.keys() - {last}), last]:
            entry = zipfile.ZipInfo(name, when)
            entry.compress_type = zipfile.ZIP_DEFLATED
            mode = 0o100755 if name.endswith(".so.5") else 0o100644
            entry.external_attr = mode << 16
            archive.writestr(entry, files[name], compresslevel=9)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    number = version()
    tag = f"py3-none-{platform(options.library)}"
    files = contents(options.library, number, tag)
    last = f"libpq_oxide-{number}.dist-info/RECORD"
    files[last] = record(files, last)
    options.output.mkdir(parents=True, exist_ok=True)
    wheel = options.output / f"libpq_oxide-{number}-{tag}.whl"
    new = wheel.with_suffix(".new")
    write(new, files, last)
    new.replace(wheel)
    print(wheel)


main()
