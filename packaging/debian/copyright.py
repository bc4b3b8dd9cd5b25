#!/usr/bin/python3
"""Prints a package's file copyright: this project's licence and, for compiled Rust code, those of the crates in it.

debian/copyright.py CHECKOUT [CRATE]    the crate of the workspace that is packed

cargo has downloaded the crates: this reads their licence files.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

APACHE = "/usr/share/common-licenses/Apache-2.0"
APACHE_TEXT = re.compile(r"^[ \t]*Apache License\s+Version 2\.0, January 2004.*?END OF TERMS AND CONDITIONS", re.DOTALL | re.MULTILINE)
RULE = "\n" + "-" * 78 + "\n\n"


def cargo(checkout, *arguments):
    return subprocess.run(["cargo", *arguments, "--locked"], cwd=checkout, check=True, capture_output=True, text=True).stdout


def linked_crates(checkout, root):
    """The crates.io packages that are compiled into `root`, without those that only run in the build."""
    tree = cargo(checkout, "tree", f"--package={root}", "--edges=normal,no-proc-macro", "--prefix=none", "--format={p}")
    linked = set(re.findall(r"^(\S+) v(\S+)(?: \(\*\))?$", tree, re.MULTILINE))
    packages = json.loads(cargo(checkout, "metadata", "--format-version=1"))["packages"]
    found = [package for package in packages if package["source"] and (package["name"], package["version"]) in linked]
    return sorted(found, key=lambda package: (package["name"], package["version"]))


def licence_texts(package):
    """The licence files of a crate. Debian has the Apache licence: if a crate offers another one, that is the one used here."""
    directory = Path(package["manifest_path"]).parent
    names = re.compile(r"(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE)", re.IGNORECASE)
    files = [file for file in sorted(directory.iterdir()) if file.is_file() and names.match(file.name)]
    texts = [file.read_text(encoding="utf-8", errors="replace").strip() for file in files]
    if not texts:
        return ["This crate has no licence file."]
    reference = f"The Apache License, version 2.0: see {APACHE}."
    others = [APACHE_TEXT.sub(reference, text) for text in texts if not APACHE_TEXT.match(text)]
    return others or [reference]


def third_parties(checkout, root):
    """One section for each distinct text, with the crates that it is for."""
    sections = {}
    crates = linked_crates(checkout, root)
    if not crates:
        sys.exit(f"no crate is linked into {root}: is it the name of a crate?")
    for package in crates:
        for text in licence_texts(package):
            key = " ".join(text.split())
            sections.setdefault(key, (text, []))[1].append(f"{package['name']} {package['version']} ({package['license']})")
    yield (
        "The binaries contain compiled code of the Rust standard library (MIT OR\nApache-2.0, copyright the Rust Project contributors: "
        "https://www.rust-lang.org)\nand of these crates from https://crates.io:\n\n"
        + "".join(f"  {package['name']} {package['version']}\n" for package in crates)
    )
    for text, names in sections.values():
        yield "\n".join(names) + f"\n\n{text}\n"


def own(checkout):
    mit = (checkout / "LICENSE").read_text(encoding="utf-8").split("=" * 80)[1].strip()
    assert mit.startswith("MIT License"), "LICENSE has changed its form"
    yield (
        "libpq-oxide: Copyright (c) 2026 the authors of libpq-oxide\n\nlibpq-oxide is licensed under either of the MIT license or the Apache\n"
        f"License, version 2.0, at your option. {APACHE}\nhas the text of the latter.\n\n{mit}\n"
    )


def main():
    checkout = Path(sys.argv[1])
    sections = [*own(checkout)]
    if len(sys.argv) > 2:
        sections += third_parties(checkout, sys.argv[2])
    print(RULE.join(sections), end="")


main()
