"""Writes random certificate chains and revocation lists: mixed.py DIRECTORY SEED COUNT.

A chain is made from a valid one by a few features that are chosen at random. The files are as in cases.py; the table mixed.tsv in the
directory has a line for each chain: its name, an sslmode with options, the names of the cases in cases.tsv that permit this library to be
stricter and to be more liberal than C libpq, and the features. Keys are random, but all choices come from the seed.
"""

import random
import sys

import files
from common import *

HOSTS = ["good.test", "GOOD.test", "sub.good.test", "other.test", "127.0.0.1", "a.b.good.test"]
SUBTREES = [dns("good.test"), dns("test"), dns(".test"), dns("allowed.test"), dns(""), ip(127, 0, 0, 0, 255, 0, 0, 0)]
SUBTREES += [ip(10, 0, 0, 0, 255, 0, 0, 0), email("good.test"), email(".test"), uri("good.test"), directory(cn("good.test")), directory(name())]
NAMES = [dns("good.test"), dns("*.test"), dns("*.good.test"), dns("other.test"), dns("GOOD.TEST"), ip(127, 0, 0, 1), ip(10, 0, 0, 1)]
NAMES += [email("a@good.test"), email("a@evil.test"), uri("https://good.test/x"), uri("https://evil.test"), directory(cn("x"))]
SUBJECTS = [LEAF, cn("other.test"), cn("*.test"), name(), cn("evil.test", "good.test"), name(("C", printable("DE")), ("CN", "good.test"))]
SUBJECTS += [name(("O", "Good Org")), cn("127.0.0.1"), name(("CN", printable("good.test"))), name(("CN", "good.test"), ("E", "a@good.test"))]


class Part:
    """The parameters of one certificate."""

    def __init__(self, role, subject, key):
        self.role, self.subject, self.key = role, subject, key
        self.issuer = self.signer = None
        self.basic, self.usage, self.more, self.how = None, None, [], {}

    def extensions(self):
        return [x for x in (self.basic, self.usage) if x] + self.more

    def der(self):
        return certificate(self.subject, self.issuer, self.key, self.signer, self.extensions(), **self.how)


class Chain:
    def __init__(self, rng):
        self.rng = rng
        depth = rng.choice([0, 0, 1, 1, 1, 2, 3])
        self.parts = [Part("root", ROOT, "p256-root")]
        for n in range(depth):
            self.parts.append(Part("mid", cn(f"Mid {n}"), f"p256-mid{n}"))
        self.parts.append(Part("leaf", LEAF, "p256-leaf"))
        for part in self.parts[:-1]:
            part.basic, part.usage = basic(), usage("certs", "lists")
        self.parts[-1].more = [GOOD]
        self.link()
        self.extra_chain, self.extra_roots, self.lists = [], [], None
        self.hidden, self.shuffled, self.damage = set(), False, None
        self.features, self.stricter, self.wider = [], set(), set()
        for number, part in enumerate(self.parts):
            part.how["serial"] = number + 1

    def link(self):
        """Every certificate is issued by the one above it."""
        for above, part in zip([self.parts[0], *self.parts], self.parts):
            part.issuer, part.signer = above.subject, above.key

    def one(self, *roles):
        return self.rng.choice([part for part in self.parts if part.role in roles] or self.parts[:1])

    def note(self, text, part=None, stricter=(), wider=()):
        self.features.append(f"{part.role} {text}" if part else text)
        self.stricter.update(stricter)
        self.wider.update(wider)


# Features. Each changes a chain and says what it did.


def validity(chain):
    part = chain.one("root", "mid", "leaf")
    what, first, last = chain.rng.choice(
        [("expired", EARLY, PAST), ("early", FUTURE, LATE), ("until 2060", EARLY, NOW + 34 * 365 * DAY), ("backwards", FUTURE, PAST)]
    )
    part.how.update(first=first, last=last)
    chain.note(what, part)


def signature(chain):
    part = chain.one("root", "mid", "leaf")
    digest = chain.rng.choice(["sha1", "sha384", "sha512", "sha224"])
    part.how["digest"] = digest
    chain.note(f"signed with {digest}", part, ["ecdsa-sha224"] if digest == "sha224" else [])


def damaged_signature(chain):
    part = chain.one("root", "mid", "leaf")
    part.how["damage"] = True
    chain.note("signature damaged", part)


def wrong_signer(chain):
    part = chain.one("mid", "leaf")
    part.signer = "p256-other"
    chain.note("signed by another key", part)


def key_kind(chain):
    part = chain.one("root", "mid")
    kind = chain.rng.choice(["p384", "p521", "ed25519", "rsa2048", "rsa3072", "rsa1024", "p224", "k256"])
    part.key = f"{kind}-{part.role}"
    stricter = {"p224": ["by-p224"], "k256": ["by-k256"]}.get(kind, [])
    chain.note(f"key {kind}", part, stricter)


def version(chain):
    part = chain.one("root", "mid", "leaf")
    number = chain.rng.choice([1, 2, 4])
    part.how["version"] = number
    if chain.rng.random() < 0.5:
        part.basic, part.usage, part.more = None, None, []
    chain.note(f"version {number}", part, ["v4"] if number == 4 else [])


def basic_constraints(chain):
    part = chain.one("root", "mid", "mid", "leaf")
    what, part.basic = chain.rng.choice(
        [
            ("no basicConstraints", None),
            ("not a CA", basic(False)),
            ("uncritical CA", basic(critical=False)),
            ("CA", basic()),
            ("path length 0", basic(length=0)),
            ("path length 1", basic(length=1)),
            ("path length 2", basic(length=2)),
            ("path length -1", basic(length=-1)),
            ("path length without CA", basic(False, 1)),
        ]
    )
    chain.note(what, part)


def key_usage(chain):
    part = chain.one("root", "mid", "leaf")
    uses = chain.rng.sample(["digital", "encipher", "agreement", "certs", "lists", "data", "commitment"], chain.rng.randrange(4))
    part.usage = usage(*uses, critical=chain.rng.random() < 0.7) if chain.rng.random() < 0.8 else None
    chain.note(f"usage {' '.join(uses) if part.usage else 'absent'}", part)


def purpose(chain):
    part = chain.one("root", "mid", "leaf", "leaf")
    kinds = chain.rng.sample(["server", "client", "any", "code", "ns_sgc", "ms_sgc"], chain.rng.choice([1, 1, 2]))
    part.more.append(purposes(*kinds, critical=chain.rng.random() < 0.3))
    chain.note(f"purposes {' '.join(kinds)}", part)


def netscape(chain):
    part = chain.one("mid", "leaf")
    kinds = chain.rng.sample(["client", "server", "email", "ssl_ca", "email_ca"], chain.rng.choice([1, 2]))
    part.more.append(ns_type(*kinds))
    chain.note(f"nsCertType {' '.join(kinds)}", part)


def alternative_names(chain):
    part = chain.parts[-1]
    names = chain.rng.sample(NAMES, chain.rng.randrange(4))
    part.more = [x for x in part.more if x != GOOD]
    if chain.rng.random() < 0.85:
        part.more.append(alternatives(*names, critical=chain.rng.random() < 0.2))
    part.subject = chain.rng.choice(SUBJECTS)
    wild = any(b"*" in x for x in names) or b"*" in part.subject
    known = ["nc-cn-wildcard", "nc-cn-wildcard-excluded", "nc-cn-wildcard-wide", "nc-dns-wildcard-wide"] if wild else []
    if b"127.0.0.1" in part.subject:
        known += ["nc-cn-address-ip", "nc-cn-address-excluded"]
    chain.note(f"{len(names)} names, subject {part.subject[2:].hex()}", part, known)


def name_constraints(chain):
    part = chain.one("root", "mid")
    permitted = chain.rng.sample(SUBTREES, chain.rng.choice([0, 1, 1, 2]))
    excluded = chain.rng.sample(SUBTREES, chain.rng.choice([0, 0, 1]))
    part.more.append(constraints(permitted, excluded, critical=chain.rng.random() < 0.8))
    chain.note(f"constraints {[x.hex() for x in permitted]} except {[x.hex() for x in excluded]}", part)


def other_extension(chain):
    part = chain.one("root", "mid", "leaf")
    what, extra, stricter = chain.rng.choice(
        [
            ("unknown critical", UNKNOWN, []),
            ("unknown uncritical", extension("1.2.3.4", utf8("x")), []),
            ("policies", extension("2.5.29.32", seq(seq(oid("1.2.3"))), chain.rng.random() < 0.5), []),
            ("policy constraints", extension("2.5.29.36", seq(tlv(0x80, b"\0")), True), []),
            ("inhibit any", extension("2.5.29.54", integer(0), True), []),
            ("garbled policies", extension("2.5.29.32", b"\x30\x05\x01", True), ["garbled-policies"]),
            ("garbled usage", extension("2.5.29.15", b"\x04\x01\x80"), []),
            ("garbled purposes", extension("2.5.29.37", b"\x30\x04\x06\x09\x01"), []),
            ("ip blocks", extension("1.3.6.1.5.5.7.1.7", seq(seq(octets(b"\0\1"), tlv(5))), True), ["critical-ip-blocks"]),
            ("points", points(point(uri("http://x.test/l")), critical=chain.rng.random() < 0.5), []),
            ("no check", extension("1.3.6.1.5.5.7.48.1.5", tlv(5), True), []),
            ("proxy", extension("1.3.6.1.5.5.7.1.14", seq(seq(oid("1.3.6.1.5.5.7.21.1"))), True), []),
        ]
    )
    part.more.append(extra)
    chain.note(what, part, stricter)


def twice(chain):
    part = chain.one("root", "mid", "leaf")
    present = part.extensions()
    if not present:
        return
    part.more.append(chain.rng.choice(present))
    chain.note("an extension twice", part, ["twice-unknown", "twice-policies"])


def identifiers(chain):
    part = chain.one("root", "mid")
    part.more.append(subject_key(b"key"))
    below = chain.parts[chain.parts.index(part) + 1]
    what, extra = chain.rng.choice(
        [
            ("matches", authority_key(b"key")),
            ("differs", authority_key(b"other")),
            ("with serial", authority_key(b"key", part.issuer, part.how["serial"])),
            ("with another serial", authority_key(b"key", part.issuer, 4711)),
        ]
    )
    below.more.append(extra)
    chain.note(f"key identifier {what}", below)


def serial(chain):
    part = chain.one("root", "mid", "leaf")
    part.how["serial"] = chain.rng.choice([0, -5, 1 << 159, 1 << 170])
    chain.note("serial number", part)


def issuer_name(chain):
    part = chain.one("mid", "leaf")
    texts = {ROOT: "rOOT", cn("Mid 0"): "mid  0", cn("Mid 1"): " Mid 1", cn("Mid 2"): "MID 2"}
    kind = chain.rng.choice([utf8, printable, ia5])
    part.issuer = name(("CN", kind(texts.get(part.issuer, "Other"))))
    chain.note("issuer's name in another form", part)


def missing(chain):
    part = chain.one("mid", "leaf")
    if part.role == "mid":
        chain.hidden.add(part)
        chain.note("not sent", part)


def order(chain):
    chain.shuffled = True
    chain.note("intermediates in random order")


def stranger(chain):
    kind = chain.rng.randrange(4)
    if kind == 0:
        chain.extra_chain.append(root(subject=cn("Stranger"), key="p256-other"))
    elif kind == 1:
        chain.extra_chain.append(chain.parts[0].der())
    elif kind == 2:
        chain.extra_roots.append(root(key="p256-other"))
    else:
        chain.extra_roots.append(chain.parts[-2].der())
    wider = {2: ["roots-same-name"], 3: ["mid-known-issuer-sent"]}.get(kind, [])
    chain.note(["a stranger is sent", "the root is sent", "another root of this name", "the issuer is in the root file"][kind], wider=wider)


def flipped(chain):
    """A bit of a certificate is wrong, outside of the signature; it is signed as it is, or not at all."""
    part = chain.one("root", "mid", "leaf")
    chain.damage = (part, chain.rng.random(), chain.rng.randrange(8), chain.rng.random() < 0.7)
    stricter = ["ber-length", "ber-primitive", "ber-string", "ber-unused-bits", "garbled-information", "ip-blocks-inherited", "twice-unknown", "v4"]
    chain.note("a bit flipped" + (", signed" if chain.damage[3] else ""), part, stricter)


def revocation(chain):
    """Lists of all authorities, one of which may have a fault."""
    chain.lists = []
    faulty, rng = chain.rng.randrange(len(chain.parts) - 1), chain.rng
    what = rng.choice(
        ["none", "none", "revokes", "expired", "early", "missing", "damaged", "other key", "unknown", "points", "delta", "sha1", "two"]
    )
    for number, (part, below) in enumerate(zip(chain.parts, chain.parts[1:])):
        kind = what if number == faulty else "none"
        entries, more, how = [entry(900)], [extension("2.5.29.20", integer(1))], {}
        if kind == "revokes":
            entries.append(entry(below.how["serial"]))
        elif kind in ("expired", "early"):
            first, last = (EARLY, PAST) if kind == "expired" else (FUTURE, LATE)
            how = {"first": first, "last": last}
        elif kind == "missing":
            continue
        elif kind == "damaged":
            how = {"damage": True}
        elif kind == "unknown":
            more.append(UNKNOWN)
        elif kind == "points":
            more.append(issuing(uri("http://x.test/l"), user=rng.random() < 0.3, ca=rng.random() < 0.3))
        elif kind == "delta":
            more.append(extension("2.5.29.27", integer(1), True))
        elif kind == "sha1":
            how = {"digest": "sha1"}
        signer = "p256-other" if kind == "other key" else part.key
        chain.lists.append(revocations(part.subject, signer, *entries, extensions=more, **how))
        if kind == "two":
            older = rng.choice([[], [entry(below.how["serial"])]])
            chain.lists.append(revocations(part.subject, signer, *older, extensions=more, first=EARLY))
    known = {"sha1": ["crl-sha1"], "delta": ["crl-delta"], "two": ["crl-revokes-and-good"]}.get(what, [])
    chain.note(f"lists: {what}", stricter=known)


FEATURES = [validity, signature, damaged_signature, wrong_signer, key_kind, version, basic_constraints, key_usage, purpose, netscape]
FEATURES += [alternative_names, name_constraints, other_extension, twice, identifiers, serial, issuer_name, missing, order, stranger]
FEATURES += [flipped, revocation, name_constraints, alternative_names, basic_constraints, revocation]


def flip_bit(der, where, bit):
    der = bytearray(der)
    der[int(where * len(der))] ^= 1 << bit
    return bytes(der)


def bytes_of(chain, part):
    der = part.der()
    if chain.damage is None or chain.damage[0] is not part:
        return der
    _, where, bit, signed_again = chain.damage
    if not signed_again:
        return flip_bit(der, where, bit)
    # The body, without the outer header.
    start = 4 if der[1] == 0x82 else 3
    length = 4 + int.from_bytes(der[start + 2 : start + 4], "big") if der[start + 1] == 0x82 else 3 + der[start + 2]
    body = flip_bit(der[start : start + length], where, bit)
    return signed(body, part.signer, part.how.get("digest", "sha256"))


def build(rng):
    chain = Chain(rng)
    for feature in rng.sample(FEATURES, rng.choice([1, 1, 2, 2, 3, 4])):
        feature(chain)
    # Subjects and keys may have changed; a name in another form or another signer stays.
    for above, part in zip(chain.parts, chain.parts[1:]):
        if part.signer != "p256-other":
            part.signer = above.key
    root_part = chain.parts[0]
    root_part.issuer, root_part.signer = root_part.subject, root_part.key
    sent = [bytes_of(chain, part) for part in reversed(chain.parts[1:]) if part not in chain.hidden]
    between = sent[1:]
    if chain.shuffled:
        rng.shuffle(between)
    return chain, [sent[0], *between, *chain.extra_chain], [*chain.extra_roots, bytes_of(chain, root_part)]


def main(directory, seed, count):
    lines = []
    for number in range(count):
        rng = random.Random(f"{seed}:{number}")
        chain, sent, roots = build(rng)
        case_name = f"mixed-{seed}-{number}"
        files.write_chain(f"{directory}/{case_name}", sent, roots)
        if chain.lists is not None:
            files.write_list_file(f"{directory}/{case_name}", chain.lists)
        options = rng.choice(["verify-ca", f"verify-full host={rng.choice(HOSTS)}"])
        fields = [case_name, options, " ".join(sorted(chain.stricter)), " ".join(sorted(chain.wider)), "; ".join(chain.features)]
        lines.append("\t".join(fields))
    files.write(f"{directory}/mixed.tsv", "\n".join(lines) + "\n")
    files.write_leaf_key(directory)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
