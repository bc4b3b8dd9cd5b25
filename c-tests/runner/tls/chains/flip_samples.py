"""Certificates and revocation lists whose bits are flipped: valid ones, with each extension and each kind of field."""

from dataclasses import dataclass
from typing import Callable

from common import *


@dataclass
class Sample:
    """One certificate or list, and the chain that it is part of."""

    who: str
    what: str
    der: bytes
    signer: str
    # The chain with a flipped certificate or list in place of this one: what the server sends, the roots, the lists.
    chain: Callable
    # The fields whose bits are flipped; None means all.
    fields: set | None = None
    digest: str | int = "sha256"
    options: str = "verify-ca"
    # A flip of the signature's algorithm changes both copies, so that they are still equal.
    both_algorithms: bool = False


SAMPLES = []
BY_NAME = "verify-full host=good.test"


def add(*sample, **how):
    SAMPLES.append(Sample(*sample, **how))


def leaf_sample(what, der, fields=None, issuer=None, signer="p256-mid", **how):
    between = issuer or mid()
    add("leaf", what, der, signer, lambda flipped: ([flipped, between], [root()], None), fields, **how)


def mid_sample(what, der, fields=None, below_it=None, **how):
    own = below_it or below(GOOD)
    add("mid", what, der, "p256-root", lambda flipped: ([own, flipped], [root()], None), fields, **how)


def root_sample(what, der, fields=None, **how):
    add("root", what, der, "p256-root", lambda flipped: ([leaf(GOOD)], [flipped], None), fields, **how)


# Values of extensions.

X = directory(cn("x"))
GENERAL = {
    "dNSName": dns("a.test"),
    "rfc822Name": email("a@b.test"),
    "URI": uri("http://x/"),
    "iPAddress": ip(10, 0, 0, 1),
    "directoryName": X,
    "registeredID": registered("1.2.3.4"),
    "otherName": other("1.2.3.4", utf8("xy")),
    "otherName UPN": other("1.3.6.1.4.1.311.20.2.3", utf8("a@b")),
    "otherName mailbox": other("1.3.6.1.5.5.7.8.9", utf8("a@b")),
    "x400Address": tlv(0xA3, seq(seq())),
    "ediPartyName": tlv(0xA5, tlv(0xA0, printable("x")), tlv(0xA1, utf8("p"))),
}
RELATIVE = seq(oid("2.5.4.3"), utf8("z"))
QUALIFIERS = seq(
    seq(oid("1.3.6.1.5.5.7.2.1"), ia5("http://c")),
    seq(oid("1.3.6.1.5.5.7.2.2"), seq(seq(utf8("o"), seq(integer(1))), utf8("n"))),
)
ISSUERS = tlv(0xA1, dns("x"), ip(1, 2, 3, 4), registered("1.2.3"), other("1.2.3", utf8("x")))
RANGE = seq(bits(b"\x0b"), bits(b"\x0c"))
REASONS = b"\x06\x40"


def blocks(*choices):
    """RFC 3779: IP address blocks."""
    return extension("1.3.6.1.5.5.7.1.7", seq(seq(octets(b"\0\1"), *choices)))


def access(kind, method):
    return extension(kind, seq(seq(oid(method), uri("http://x"))))


OF_LEAF = {
    "basicConstraints": [basic(True, 1), basic(False), basic(False, 3), basic(True, 300)],
    "keyUsage": [usage("digital"), usage("digital", "agreement", "decipher_only")],
    "extKeyUsage": [purposes("server", "any"), purposes("server", critical=True)],
    "nsCertType": [ns_type("server", "ssl_ca")],
    "subjectKeyIdentifier": [subject_key(b"kk")],
    "authorityKeyIdentifier": [
        authority_key(b"root", ROOT, 7),
        extension("2.5.29.35", seq(ISSUERS, tlv(0x82, b"\x07"))),
    ],
    "cRLDistributionPoints": [
        points(
            point(uri("http://x/")),
            point(relative=RELATIVE),
            point(uri("u:"), dns("x"), reasons=REASONS, issuer=cn("q")),
        ),
        points(point(uri("http://x/"), reasons=REASONS, issuer=cn("q")), critical=True),
    ],
    "IP address blocks": [blocks(seq(bits(b"\x0a"), RANGE)), blocks(tlv(5))],
    "AS numbers": [
        extension("1.3.6.1.5.5.7.1.8", seq(tlv(0xA0, seq(integer(5), seq(integer(7), integer(9)))), tlv(0xA1, tlv(5)))),
    ],
    "certificatePolicies": [
        extension("2.5.29.32", seq(seq(oid("1.2.3"), QUALIFIERS))),
        extension("2.5.29.32", seq(seq(oid("1.2.3"))), True),
    ],
    "policyMappings": [extension("2.5.29.33", seq(seq(oid("1.2.3"), oid("1.2.4"))))],
    "policyConstraints": [extension("2.5.29.36", seq(tlv(0x80, b"\0"), tlv(0x81, b"\1")))],
    "inhibitAnyPolicy": [extension("2.5.29.54", integer(0))],
    "authorityInfoAccess": [access("1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.48.1")],
    "subjectInfoAccess": [access("1.3.6.1.5.5.7.1.11", "1.3.6.1.5.5.7.48.5")],
    "freshestCRL": [extension("2.5.29.46", seq(point(uri("http://x"))))],
    "TLS feature": [extension("1.3.6.1.5.5.7.1.24", seq(integer(5)))],
    "OCSP no-check": [extension("1.3.6.1.5.5.7.48.1.5", tlv(5))],
    "nsComment": [extension("2.16.840.1.113730.1.13", ia5("x"))],
    "timestamps": [extension("1.3.6.1.4.1.11129.2.4.2", octets(b"\0\0"))],
    "privateKeyUsagePeriod": [extension("2.5.29.16", seq(tlv(0x80, b"20200101000000Z")))],
    "other extension": [extension("1.3.6.1.5.5.7.1.15", seq(integer(1)))],
    "nameConstraints": [constraints([dns("")], [dns("evil.test")])],
    "subjectDirectoryAttributes": [extension("2.5.29.9", seq(seq(oid("1.2.3"), tlv(0x31, utf8("x")))))],
}
for field, values in OF_LEAF.items():
    for number, value in enumerate(values):
        leaf_sample(f"{field} {number}", below(GOOD, value), {field})
for kind, value in GENERAL.items():
    leaf_sample(f"subjectAltName {kind}", below(alternatives(dns("good.test"), value)), {"subjectAltName"}, options=BY_NAME)
    leaf_sample(f"issuerAltName {kind}", below(GOOD, extension("2.5.29.18", seq(value))), {"issuerAltName"})

CONSTRAINED = [dns("good.test"), directory(name()), email("x@y"), uri("z.test"), ip(127, 0, 0, 0, 255, 0, 0, 0)]
UNCOMPARED = [other("1.2.3", utf8("x")), registered("1.2.3"), tlv(0xA5, tlv(0xA1, utf8("p")))]
OF_AUTHORITY = {
    "basicConstraints": [[basic(True, 1), usage("certs", "lists")]],
    "keyUsage": [CA],
    "nameConstraints": [
        [*CA, constraints(CONSTRAINED, [dns("evil.test")])],
        [*CA, constraints(UNCOMPARED, [tlv(0xA3, seq(seq()))], critical=False)],
        [*CA, constraints([subtree(dns("good.test"), 0)])],
        [*CA, constraints(excluded=[dns("good.test")])],
    ],
    "subjectAltName": [[*CA, alternatives(*GENERAL.values())]],
    "extKeyUsage": [[*CA, purposes("server", "client")]],
    "nsCertType": [[*CA, ns_type("ssl_ca", "server")]],
    "cRLDistributionPoints": [[*CA, points(point(uri("http://x/"), reasons=REASONS, issuer=cn("q")))]],
    "subjectKeyIdentifier": [[*CA, subject_key(b"mid")]],
    "authorityKeyIdentifier": [[*CA, authority_key(b"r")]],
    "IP address blocks": [[*CA, blocks(seq(bits(b"\x0a")))]],
}
for field, values in OF_AUTHORITY.items():
    for number, value in enumerate(values):
        mid_sample(f"{field} {number}", mid(own=value), {field})
        root_sample(f"{field} {number}", root(own=value), {field})


# Other fields.

VALUES = [utf8("Ä b"), printable("Aa"), ia5("a@b"), teletex("\xc4b"), bmp("Äc"), universal("Äd"), tlv(18, b"12"), bits(b"\x05"), seq()]
STRINGS = name(*(("O", value) for value in VALUES), ("CN", "good.test"))
NAMED = mid(subject=STRINGS)
leaf_sample("version 1", below(), options=BY_NAME)
leaf_sample("version 2", below(identifiers=tlv(0x81, b"\0\x55") + tlv(0x82, b"\7\x80"), version=2), {"version", "identifiers", "body"})
leaf_sample("version 3", below(usage("digital"), GOOD, identifiers=tlv(0x81, b"\0\x55")))
leaf_sample("strings in the subject", below(GOOD, subject=STRINGS), {"subject"})
leaf_sample("strings in the subject without other names", below(subject=STRINGS), {"subject"}, options=BY_NAME)
leaf_sample("strings in the issuer", below(GOOD, issuer=STRINGS), {"issuer"}, NAMED)
leaf_sample("strings below constraints", below(GOOD, subject=STRINGS), {"subject"}, mid(constraints([directory(STRINGS)])))
leaf_sample("strings beside constraints", below(GOOD, subject=STRINGS), {"subject"}, mid(constraints(excluded=[directory(cn("x"))])))
mid_sample("strings in the subject", NAMED, {"subject"}, below(GOOD, issuer=STRINGS))
mid_sample("strings in constraints", mid(constraints([directory(STRINGS)])), {"nameConstraints"}, below(GOOD, subject=STRINGS))
mid_sample("strings in excluded names", mid(constraints(excluded=[directory(STRINGS)])), {"nameConstraints"}, below(GOOD, subject=STRINGS))
leaf_sample("times with four digits", below(GOOD, first=EARLY, last=NOW + 34 * 365 * DAY), {"validity"})
for number in (0, -5, 128, 1 << 100, 1 << 170):
    leaf_sample(f"serial number {number}", below(GOOD, serial=number), {"serial"})
mid_sample("all", mid())
root_sample("all", root())
root_sample("version 1", root(own=[]))
mid_sample("serial number and key identifier", mid(serial=7), {"serial"}, below(GOOD, authority_key(issuer=ROOT, serial=7)))

# Keys, and the algorithms of signatures.

for kind in ("p256", "p384", "p521", "ed25519", "rsa2048", "rsa1963"):
    by = f"{kind}-mid"
    mid_sample(f"key {kind}", mid(key=by), {"key"}, below(GOOD, signer=by))
    leaf_sample(f"signed by {kind}", below(GOOD, signer=by), {"algorithm"}, mid(key=by), by, both_algorithms=True)
BY_PSS = below(GOOD, signer="rsa2048-mid", digest=32)
PSS_MID = mid(key=pss_spki("rsa2048-mid"))
mid_sample("key rsa-pss", PSS_MID, {"key"}, BY_PSS)
leaf_sample("signed by rsa-pss", BY_PSS, {"algorithm"}, PSS_MID, "rsa2048-mid", digest=32, both_algorithms=True)
leaf_sample("signed with rsa-pss", BY_PSS, {"algorithm"}, mid(key="rsa2048-mid"), "rsa2048-mid", digest=32, both_algorithms=True)
OUTSIDE = {"whole", "body", "outer algorithm", "signature"}
leaf_sample("outside of what is signed", below(GOOD), OUTSIDE)
leaf_sample("outside of what is signed by ed25519", below(GOOD, signer="ed25519-mid"), OUTSIDE, mid(key="ed25519-mid"), "ed25519-mid")


# Revocation lists. The root is looked up in its own lists, too.

LISTED, OLD_ROOT = leaf(GOOD, serial=5), root(subject_key(b"root"), serial=7)
NUMBER = extension("2.5.29.20", integer(1))
REASON = extension("2.5.29.21", tlv(10, b"\1"))
IN_ENTRY = {"entries", "cRLReason", "invalidityDate", "holdInstructionCode", "certificateIssuer"}
INVALID_SINCE = extension("2.5.29.24", tlv(24, b"20200101000000Z"))
HOLD = extension("2.5.29.23", oid("1.2.840.10040.2.1"))
FRESHEST = extension("2.5.29.46", seq(point(uri("u"))))


def list_sample(what, entries=(), extensions=(), fields=None, more=(), own=LISTED, signer="p256-root", **how):
    der = revocations(ROOT, signer, *entries, extensions=extensions, **how.pop("form", {}))
    authority = OLD_ROOT if signer == "p256-root" else root(subject_key(b"root"), serial=7, key=signer)
    owner = own if signer == "p256-root" else leaf(GOOD, serial=5, signer=signer)
    add("list", what, der, signer, lambda flipped: ([owner], [authority], [flipped, *more]), fields, **how)


AT, POINTED = uri("http://x/l"), leaf(GOOD, points(point(uri("http://x/l"))), serial=5)
FOR_AUTHORITIES = revocations(ROOT, "p256-root", extensions=[issuing(ca=True)])
list_sample("version 1", [entry(900)])
list_sample("version 1 that revokes", [entry(5)])
list_sample("version 2", [entry(900), entry(901)], [NUMBER, authority_key(b"root", ROOT, 7)])
list_sample("version 2 that revokes", [entry(900, REASON), entry(5, REASON)], [NUMBER])
list_sample("entry", [entry(900, REASON, INVALID_SINCE, HOLD), entry(901)], [NUMBER], IN_ENTRY)
list_sample("issuer of an entry", [entry(900, extension("2.5.29.29", seq(X)))], [NUMBER], IN_ENTRY)
list_sample("critical entry", [entry(900, extension("2.5.29.21", tlv(10, b"\1"), True))], [NUMBER], IN_ENTRY)
list_sample("times with four digits", form={"last": NOW + 34 * 365 * DAY}, fields={"thisUpdate", "nextUpdate"})
list_sample("without nextUpdate", form={"last": None}, fields={"thisUpdate"})
list_sample("scope", (), [issuing(AT, user=True)], None, [FOR_AUTHORITIES], POINTED)
list_sample("scope of all", (), [issuing()], {"issuingDistributionPoint"})
list_sample("scope of authorities", (), [issuing(ca=True)], {"issuingDistributionPoint"}, [FOR_AUTHORITIES])
list_sample("scope not critical", (), [issuing(AT, critical=False)], {"issuingDistributionPoint"}, [FOR_AUTHORITIES], POINTED)
list_sample("scope indirect", (), [issuing(AT, indirect=True)], {"issuingDistributionPoint"}, [FOR_AUTHORITIES], POINTED)
list_sample("scope of reasons", (), [issuing(AT, reasons=b"\7\x7f\x80")], {"issuingDistributionPoint"}, [FOR_AUTHORITIES], POINTED)
list_sample("issuerAltName", (), [extension("2.5.29.18", seq(X))], {"issuerAltName"})
list_sample("freshestCRL", (), [FRESHEST], {"freshestCRL"})
list_sample("authorityInfoAccess", (), [access("1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.48.2")], {"authorityInfoAccess"})
list_sample("key identifier", (), [extension("2.5.29.35", seq(ISSUERS, tlv(0x82, b"\x07")))], {"authorityKeyIdentifier"})
list_sample("other extension", (), [extension("1.2.3.4", utf8("x"))], {"other extension"})
list_sample("outside of what is signed", [entry(900)], [NUMBER], OUTSIDE)
for kind in ("ed25519", "rsa2048"):
    list_sample(f"signed by {kind}", [entry(900)], [NUMBER], {"algorithm"}, signer=f"{kind}-root", both_algorithms=True)
list_sample("signed by p256", [entry(900)], [NUMBER], {"algorithm"}, both_algorithms=True)
