"""Flips single bits of certificates and revocation lists, and signs them again: flips.py DIRECTORY SEED FLIPS.

FLIPS is how many to choose with the seed, FROM-TO (those with these numbers), or PART/PARTS (every one of so many parts). The files are
as in mixed.py. flips.tsv names the cases of cases.tsv that permit this library to be stricter than C libpq; no flip permits
it to be more liberal. Four planted chains, whose results are known, show that differences are noticed.
"""

import random
import sys
from dataclasses import dataclass
from pathlib import Path

import files
from common import GOOD, leaf, root
from der import oid, signed
from flip_samples import SAMPLES, Sample

# Of long contents, such as keys, only this many bytes at the start and the end are flipped.
ENDS = 8

EXTENSIONS = {
    "basicConstraints": "2.5.29.19",
    "keyUsage": "2.5.29.15",
    "extKeyUsage": "2.5.29.37",
    "nsCertType": "2.16.840.1.113730.1.1",
    "subjectKeyIdentifier": "2.5.29.14",
    "authorityKeyIdentifier": "2.5.29.35",
    "cRLDistributionPoints": "2.5.29.31",
    "IP address blocks": "1.3.6.1.5.5.7.1.7",
    "AS numbers": "1.3.6.1.5.5.7.1.8",
    "certificatePolicies": "2.5.29.32",
    "policyMappings": "2.5.29.33",
    "policyConstraints": "2.5.29.36",
    "inhibitAnyPolicy": "2.5.29.54",
    "authorityInfoAccess": "1.3.6.1.5.5.7.1.1",
    "subjectInfoAccess": "1.3.6.1.5.5.7.1.11",
    "freshestCRL": "2.5.29.46",
    "TLS feature": "1.3.6.1.5.5.7.1.24",
    "OCSP no-check": "1.3.6.1.5.5.7.48.1.5",
    "nsComment": "2.16.840.1.113730.1.13",
    "timestamps": "1.3.6.1.4.1.11129.2.4.2",
    "privateKeyUsagePeriod": "2.5.29.16",
    "nameConstraints": "2.5.29.30",
    "subjectDirectoryAttributes": "2.5.29.9",
    "subjectAltName": "2.5.29.17",
    "issuerAltName": "2.5.29.18",
    "issuingDistributionPoint": "2.5.29.28",
    "cRLNumber": "2.5.29.20",
    "deltaCRLIndicator": "2.5.29.27",
    "cRLReason": "2.5.29.21",
    "invalidityDate": "2.5.29.24",
    "holdInstructionCode": "2.5.29.23",
    "certificateIssuer": "2.5.29.29",
}
EXTENSION_OF = {oid(text)[2:]: extension for extension, text in EXTENSIONS.items()}


@dataclass(frozen=True)
class Element:
    """A DER element: where it begins, where its contents are, and where it ends."""

    tag: int
    start: int
    inside: int
    end: int


def element(der, start):
    first = der[start + 1]
    if first < 0x80:
        return Element(der[start], start, start + 2, start + 2 + first)
    inside = start + 2 + (first & 0x7F)
    return Element(der[start], start, inside, inside + int.from_bytes(der[start + 2 : inside], "big"))


def elements(der, start, end):
    found = []
    while start < end:
        found.append(element(der, start))
        start = found[-1].end
    return found


def inner(der, start, end):
    """The elements between these places; nothing if the bytes are not DER."""
    try:
        found = elements(der, start, end)
    except IndexError:
        return []
    return found if found and found[-1].end == end else []


# What the contents of an element are.
CONTENTS = {2: "number", 3: "bits", 6: "OID", 23: "time", 24: "time"}

# The parts of a body: each is there if the next element has one of its tags.
OF_CERTIFICATE = [("version", b"\xa0"), ("serial", b"\x02"), ("algorithm", b"\x30"), ("issuer", b"\x30"), ("validity", b"\x30")]
OF_CERTIFICATE += [("subject", b"\x30"), ("key", b"\x30"), ("identifiers", b"\x81"), ("identifiers", b"\x82"), ("extensions", b"\xa3")]
OF_LIST = [("version", b"\x02"), ("algorithm", b"\x30"), ("issuer", b"\x30"), ("thisUpdate", b"\x17\x18"), ("nextUpdate", b"\x17\x18")]
OF_LIST += [("entries", b"\x30"), ("extensions", b"\xa0")]


@dataclass(frozen=True)
class Place:
    """A byte of a certificate or list."""

    at: int
    field: str
    # `tag`, `length`, or what the contents are.
    part: str


class Places:
    """The places in a certificate or list."""

    def __init__(self, der, is_list):
        self.der, self.found, self.oids = der, [], {}
        whole = element(der, 0)
        self.body, self.outer_algorithm, signature = elements(der, whole.inside, whole.end)
        self.add_head(whole, "whole")
        self.add_head(self.body, "body")
        parts = elements(der, self.body.inside, self.body.end)
        for field, tags in OF_LIST if is_list else OF_CERTIFICATE:
            if parts and parts[0].tag in tags:
                part = parts.pop(0)
                self.add(part, field)
                if field == "algorithm":
                    self.algorithm = part
        assert not parts
        self.add(self.outer_algorithm, "outer algorithm")
        self.add(signature, "signature")

    def add_head(self, item, field):
        self.found.append(Place(item.start, field, "tag"))
        self.found += [Place(at, field, "length") for at in range(item.start + 1, item.inside)]

    def add_contents(self, start, end, field, part):
        self.found += [Place(at, field, part) for at in range(start, end) if at < start + ENDS or at >= end - ENDS]

    def add(self, item, field):
        """Adds an element with all elements in it."""
        parts = inner(self.der, item.inside, item.end)
        tags = [part.tag for part in parts]
        if item.tag == 0x30 and tags in ([6, 4], [6, 1, 4]):
            self.add_extension(item, parts)
            return
        self.add_head(item, field)
        start = item.inside
        if item.tag == 3:
            self.found.append(Place(start, field, "unused bits"))
            start += 1
            # The numbers of an RSA key or of a signature with ECDSA. Other bits could look like DER by chance.
            is_structure = field in ("key", "signature") and self.der[start] == 0x30
            parts = inner(self.der, start, item.end) if is_structure else []
        if parts and (item.tag & 0x20 or item.tag in (3, 4)):
            for part in parts:
                self.add(part, field)
        else:
            self.add_contents(start, item.end, field, CONTENTS.get(item.tag, "contents"))

    def add_extension(self, whole, parts):
        kind, *flag, value = parts
        field = EXTENSION_OF.get(self.der[kind.inside : kind.end], "other extension")
        self.add_head(whole, field)
        self.add_head(kind, field)
        self.found += [Place(at, field, "extension") for at in range(kind.inside, kind.end)]
        self.oids.update(dict.fromkeys(range(kind.inside, kind.end), kind))
        for part in flag:
            self.add_head(part, field)
            self.found.append(Place(part.inside, field, "critical"))
        self.add(value, field)


@dataclass(frozen=True)
class Flip:
    sample: Sample
    places: Places
    place: Place
    bit: int

    def change(self):
        """What the flip changes, as in flips.tsv."""
        at, part, der = self.place.at, self.place.part, self.places.der
        before, after = der[at], der[at] ^ 1 << self.bit
        if part == "tag":
            return f"tag {before:02x} to {after:02x}"
        if part != "extension":
            return part
        kind = self.places.oids[at]
        known = EXTENSION_OF.get(der[kind.inside : at] + bytes([after]) + der[at + 1 : kind.end], "another")
        return f"extension to {known}"


def all_flips():
    for sample in SAMPLES:
        places = Places(sample.der, sample.who == "list")
        for place in places.found:
            if sample.fields is None or place.field in sample.fields:
                yield from (Flip(sample, places, place, bit) for bit in range(8))


def flipped(flip):
    """The certificate or list with this flip. It is signed again, unless the flip is outside of what is signed."""
    sample, places, at = flip.sample, flip.places, flip.place.at
    der = bytearray(sample.der)
    der[at] ^= 1 << flip.bit
    body, algorithm = places.body, places.outer_algorithm
    if not body.start <= at < body.end:
        return bytes(der)
    if sample.both_algorithms:
        der[algorithm.start + at - places.algorithm.start] ^= 1 << flip.bit
    outer = bytes(der[algorithm.start : algorithm.end])
    return signed(bytes(der[body.start : body.end]), sample.signer, sample.digest, outer)


def read_table():
    """The rows of flips.tsv: who, field and change, each of which can be `*`, and the cases."""
    lines = Path(__file__).with_suffix(".tsv").read_text(encoding="ascii").splitlines()
    rows = [line.split("\t") for line in lines[1:]]
    return [(tuple(row[:3]), row[3].split()) for row in rows]


def permitted(table, kind):
    """The cases that permit this library to be stricter for a kind of flip."""
    rows = [cases for row, cases in table if all(one in ("*", other) for one, other in zip(row, kind))]
    return sorted({case for cases in rows for case in cases})


def planted():
    """Chains with known results: accepted by both, refused by both, and two that only one library accepts, without a permission."""
    tag = GOOD.index(b"\x30", 2)
    bare = leaf(bytes(GOOD[:tag]) + b"\x10" + bytes(GOOD[tag + 1 :]))
    yield "accepted", [leaf(GOOD)], [root()]
    yield "refused", [leaf(GOOD, damage=True)], [root()]
    yield "stricter", [bare], [root()]
    yield "wider", [leaf(GOOD)], [root(key="p256-other"), root()]


def choose(flips, seed, which):
    numbered = list(enumerate(flips))
    if "-" in which:
        first, last = which.split("-")
        return numbered[int(first) : int(last)]
    if "/" in which:
        part, parts = which.split("/")
        return numbered[int(part) :: int(parts)]
    return random.Random(seed).sample(numbered, min(int(which), len(numbered)))


def main(directory, seed, which):
    flips, table, lines = list(all_flips()), read_table(), []
    for name, sent, roots in planted():
        files.write_chain(f"{directory}/planted-{name}", sent, roots)
        lines.append(f"planted-{name}\tverify-ca\t\t\tplanted")
    for number, flip in choose(flips, seed, which):
        sample, own = flip.sample, f"{directory}/flip-{number}"
        kind = (sample.who, flip.place.field, flip.change())
        sent, roots, lists = sample.chain(flipped(flip))
        files.write_chain(own, sent, roots)
        if lists is not None:
            files.write_list_directory(own, lists)
        what = f"{' '.join(kind)}: {sample.what}, byte {flip.place.at}, bit {flip.bit}"
        lines.append(f"flip-{number}\t{sample.options}\t{' '.join(permitted(table, kind))}\t\t{what}")
    files.write(f"{directory}/mixed.tsv", "\n".join(lines) + "\n")
    files.write_leaf_key(directory)


if __name__ == "__main__":
    main(*sys.argv[1:])
