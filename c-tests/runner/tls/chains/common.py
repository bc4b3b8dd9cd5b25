"""Shared by the cases: a root, an intermediate, a leaf, and the register of cases."""

from der import *

CASES = {}
ROOT, MID, LEAF = cn("Root"), cn("Mid"), cn("good.test")
CA = [basic(), usage("certs", "lists")]
GOOD = alternatives(dns("good.test"))
UNKNOWN = extension("1.2.3.4", utf8("unknown"), True)
# The new key of a root; the old key has the identifier "root".
BY_ROOT, BY_MID = authority_key(b"root"), authority_key(b"mid")
NEW_KEY = [subject_key(b"mid"), BY_ROOT]
EARLY, LATE, PAST, FUTURE = NOW - 10 * DAY, NOW + 10 * DAY, NOW - DAY, NOW + DAY


def root(*more, subject=ROOT, own=CA, key="p256-root", **how):
    return certificate(subject, subject, key, how.pop("signer", key), [*own, *more], **how)


def mid(*more, subject=MID, issuer=ROOT, own=CA, key="p256-mid", signer="p256-root", **how):
    return certificate(subject, issuer, key, signer, [*own, *more], **how)


def leaf(*extensions, subject=LEAF, issuer=ROOT, signer="p256-root", key="p256-leaf", **how):
    return certificate(subject, issuer, key, signer, extensions, **how)


def below(*extensions, **how):
    """A leaf issued by the intermediate."""
    return leaf(*extensions, **{"issuer": MID, "signer": "p256-mid", **how})


def case(name, chain, roots=None, lists=None, root_lists=(), list_certificates=()):
    """Registers a case. Each of its two files, for roots and for lists, can contain both kinds of objects."""
    assert name not in CASES, name
    CASES[name] = (chain, (roots or [root()], root_lists), None if lists is None else (list_certificates, lists))
