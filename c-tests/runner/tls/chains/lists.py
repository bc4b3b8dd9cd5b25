"""Cases about revocation lists."""

from common import *

# Revocation lists. Unless a case says otherwise, a list by the root also covers the root.

OLD = [certificate(ROOT, ROOT, "p256-root", "p256-root", CA, serial=1)]


def revocation(name, chain, *lists, roots=None, **more):
    case(name, chain, roots or OLD, list(lists), **more)


LISTED = leaf(GOOD, serial=5)
NUMBER = extension("2.5.29.20", integer(1))


def list_of_root(*entries, **how):
    return revocations(ROOT, how.pop("signer", "p256-root"), *entries, **how)


def list_of_mid(*entries, **how):
    return revocations(MID, how.pop("signer", "p256-mid"), *entries, **how)


HELD = entry(5, extension("2.5.29.21", tlv(10, b"\x06")))
REMOVED = entry(5, extension("2.5.29.21", tlv(10, b"\x08")))
revocation("crl-good", [LISTED], list_of_root(entry(6)))
revocation("crl-revoked", [LISTED], list_of_root(entry(5)))
revocation("crl-good-v2", [LISTED], list_of_root(extensions=[NUMBER]))
revocation("crl-revoked-v2", [LISTED], list_of_root(HELD, extensions=[NUMBER]))
revocation("crl-v1-extensions", [LISTED], list_of_root(version=1, extensions=[NUMBER]))
revocation("crl-v1-leaf", [leaf(serial=5)], list_of_root(entry(5)))
revocation("crl-none", [LISTED])
revocation("crl-other-issuer", [LISTED], revocations(cn("Other"), "p256-other"))
revocation("crl-other-issuer-revokes", [LISTED], list_of_root(), revocations(cn("Other"), "p256-other", entry(5)))
revocation("crl-wrong-key", [LISTED], list_of_root(signer="p256-other"))
revocation("crl-wrong-key-and-good", [LISTED], list_of_root(signer="p256-other"), list_of_root())
revocation("crl-damaged", [LISTED], list_of_root(damage=True))
revocation("crl-damaged-revokes", [LISTED], list_of_root(entry(5), damage=True), list_of_root())
revocation("crl-expired", [LISTED], list_of_root(first=EARLY, last=PAST))
revocation("crl-expired-revokes", [LISTED], list_of_root(entry(5), first=EARLY, last=PAST))
revocation("crl-early", [LISTED], list_of_root(first=FUTURE, last=LATE))
revocation("crl-no-next", [LISTED], list_of_root(last=None))
revocation("crl-no-next-v2", [LISTED], list_of_root(last=None, extensions=[NUMBER]))
revocation("crl-expired-and-good", [LISTED], list_of_root(first=EARLY, last=PAST), list_of_root())
revocation("crl-revokes-and-good", [LISTED], list_of_root(entry(5), first=EARLY), list_of_root())
revocation("crl-good-and-revokes", [LISTED], list_of_root(first=EARLY), list_of_root(entry(5)))
revocation("crl-mid-missing", [below(GOOD), mid()], list_of_root())
revocation("crl-mid", [below(GOOD), mid()], list_of_root(), list_of_mid())
revocation("crl-mid-leaf-revoked", [below(GOOD, serial=5), mid()], list_of_root(), list_of_mid(entry(5)))
revocation("crl-mid-revoked", [below(GOOD), mid(serial=6)], list_of_root(entry(6)), list_of_mid())
revocation("crl-mid-revoked-v1-leaf", [below(), mid(serial=6)], list_of_root(entry(6)), list_of_mid())
revocation("crl-root-missing", [below(GOOD), mid()], list_of_mid())
revocation("crl-root-revoked", [LISTED], list_of_root(entry(1)))
revocation("crl-issuer-case", [LISTED], revocations(cn("rOOT"), "p256-root", entry(5)))
revocation("crl-issuer-case-good", [LISTED], revocations(cn("rOOT"), "p256-root"))
revocation("crl-no-list-use", [LISTED], list_of_root(), roots=[root(own=[basic(), usage("certs")])])
revocation("crl-mid-no-list-use", [below(GOOD), mid(own=[basic(), usage("certs")])], list_of_root(), list_of_mid())
revocation("crl-unknown", [LISTED], list_of_root(extensions=[UNKNOWN]))
revocation("crl-unknown-uncritical", [LISTED], list_of_root(extensions=[extension("1.2.3.4", utf8("x"))]))
revocation("crl-entry-unknown", [LISTED], list_of_root(entry(6, UNKNOWN), extensions=[NUMBER]))
revocation(
    "crl-entry-issuer", [LISTED], list_of_root(entry(5, extension("2.5.29.29", seq(directory(MID)), True)), extensions=[NUMBER])
)
revocation(
    "crl-entry-issuer-uncritical",
    [LISTED],
    list_of_root(entry(5, extension("2.5.29.29", seq(directory(MID)))), extensions=[NUMBER]),
)
revocation("crl-removed", [LISTED], list_of_root(REMOVED, extensions=[NUMBER]))
DATELESS = seq(integer(900), tlv(23, b"2001010000xxZ"))
revocation("crl-entry-date", [LISTED], list_of_root(DATELESS))
revocation("crl-entry-date-revoked", [LISTED], list_of_root(DATELESS, entry(5)))
revocation("crl-algorithms-differ", [LISTED], list_of_root(inner=algorithm("p256-root", "sha384")))
revocation("crl-number-garbled", [LISTED], list_of_root(extensions=[extension("2.5.29.20", b"\x02\x05\x01")]))
revocation("crl-key-garbled", [LISTED], list_of_root(extensions=[extension("2.5.29.35", b"\x30\x05\x80")]))
revocation("crl-issuer-names-garbled", [LISTED], list_of_root(extensions=[extension("2.5.29.18", b"\x30\x05\x01")]))
revocation("crl-version-negative", [LISTED], list_of_root(version=-126, extensions=[NUMBER]))
CRITICAL_REASON = extension("2.5.29.21", integer(1), True)
revocation("crl-entry-critical", [LISTED], list_of_root(entry(6, CRITICAL_REASON), extensions=[NUMBER]))
revocation("crl-reason-garbled", [LISTED], list_of_root(entry(5, extension("2.5.29.21", b"\x01")), extensions=[NUMBER]))
revocation("crl-delta", [LISTED], list_of_root(extensions=[NUMBER, extension("2.5.29.27", integer(1), True)]))
revocation("crl-delta-uncritical", [LISTED], list_of_root(extensions=[NUMBER, extension("2.5.29.27", integer(1))]))
revocation(
    "crl-delta-and-base",
    [LISTED],
    list_of_root(extensions=[NUMBER]),
    list_of_root(entry(5), extensions=[NUMBER, extension("2.5.29.27", integer(1), True)]),
)
revocation("crl-sha1", [LISTED], list_of_root(digest="sha1"))
revocation("crl-serial-sign", [leaf(GOOD, serial=-5)], list_of_root(entry(5)))
revocation(
    "crl-own-root",
    [SELF0 := root(GOOD, own=[], subject=LEAF, key="p256-leaf", serial=3)],
    revocations(LEAF, "p256-leaf", entry(3)),
    roots=[SELF0],
)
revocation("crl-own-root-good", [SELF0], revocations(LEAF, "p256-leaf"), roots=[SELF0])
revocation("crl-key-rolled", [leaf(GOOD, signer="p256-mid"), mid(subject=ROOT)], list_of_root(), list_of_root(signer="p256-mid"))
revocation(
    "crl-key-identifiers",
    [leaf(GOOD, authority_key(b"mid"), signer="p256-mid"), mid(subject_key(b"mid"), authority_key(b"root"), subject=ROOT)],
    list_of_root(extensions=[authority_key(b"root"), NUMBER]),
    list_of_root(signer="p256-mid", extensions=[authority_key(b"mid"), NUMBER]),
    roots=[root(subject_key(b"root"))],
)

revocation(
    "crl-key-identifier-wrong",
    [LISTED],
    list_of_root(extensions=[authority_key(b"other"), NUMBER]),
    roots=[root(subject_key(b"root"))],
)
revocation("crl-offset", [LISTED], list_of_root(first=tlv(23, b"200101000000+0100")))
revocation(
    "crl-delta-newer",
    [LISTED],
    list_of_root(first=EARLY, extensions=[NUMBER]),
    list_of_root(entry(5), extensions=[NUMBER, extension("2.5.29.27", integer(1), True)]),
)
revocation("crl-unknown-and-good", [LISTED], list_of_root(extensions=[UNKNOWN]), list_of_root())
revocation("crl-broken-other", [LISTED], list_of_root(), revocations(cn("Other"), "p256-other", extensions=[UNKNOWN]))


# Lists for a part of the certificates. PLACE is in the certificate (cRLDistributionPoints) and in the list.

PLACE, ELSEWHERE = uri("http://x.test/list"), uri("http://x.test/other")
POINTED = leaf(GOOD, points(point(PLACE)), serial=5)
OWN = certificate(ROOT, ROOT, "p256-root", "p256-root", [*CA, points(point(PLACE))], serial=1)


def partial(name, own, *lists, roots=(OWN,)):
    revocation(name, [own], *lists, roots=list(roots))


def list_at(*full, entries=(), **how):
    return list_of_root(*entries, extensions=[NUMBER, issuing(*full, **how)])


partial("idp-same", POINTED, list_at(PLACE))
partial("idp-same-revoked", POINTED, list_at(PLACE, entries=[entry(5)]))
partial("idp-no-point", LISTED, list_at(PLACE))
partial("idp-no-point-v1", leaf(serial=5), list_at(PLACE))
partial("idp-no-point-case", leaf(GOOD, issuer=cn("rOOT")), list_at(PLACE))
partial("idp-no-point-revoked", LISTED, list_at(PLACE, entries=[entry(5)]))
partial("idp-no-point-root", POINTED, list_at(PLACE), roots=OLD)
partial("idp-no-point-uncritical", LISTED, list_at(PLACE, critical=False))
partial("idp-no-point-complete", LISTED, list_at(PLACE), list_of_root(extensions=[NUMBER]))
partial("idp-no-point-revokes", LISTED, list_at(PLACE, entries=[entry(5)]), list_of_root(extensions=[NUMBER]))
partial("idp-other", leaf(GOOD, points(point(ELSEWHERE))), list_at(PLACE), list_at(PLACE))
partial("idp-second-point", leaf(GOOD, points(point(ELSEWHERE), point(PLACE))), list_at(PLACE))
partial("idp-second-name", leaf(GOOD, points(point(ELSEWHERE, PLACE))), list_at(PLACE))
partial("idp-list-second-name", POINTED, list_at(ELSEWHERE, PLACE))
partial("idp-uri-case", leaf(GOOD, points(point(uri("http://X.test/list")))), list_at(PLACE))
partial("idp-empty", LISTED, list_at())
partial("idp-empty-revoked", LISTED, list_at(entries=[entry(5)]))
partial("idp-point-no-name", leaf(GOOD, points(point(reasons=b"\0\xfe"))), list_at(PLACE))
partial("idp-point-in-complete", POINTED, list_of_root())
partial("idp-user", LISTED, list_at(user=True), list_at(ca=True))
partial("idp-user-revoked", LISTED, list_at(user=True, entries=[entry(5)]), list_at(ca=True))
partial("idp-user-only", LISTED, list_at(user=True))
partial("idp-ca-only", LISTED, list_at(ca=True))
partial("idp-ca-only-v1", leaf(), list_at(ca=True))
partial("idp-ca-revokes", LISTED, list_at(ca=True, entries=[entry(5)]), list_of_root())
partial("idp-user-and-ca", LISTED, list_at(user=True, ca=True), list_at(ca=True))
partial("idp-attributes", LISTED, list_at(attributes=True))
partial("idp-reasons", LISTED, list_at(reasons=b"\x06\x40"))
partial("idp-reasons-all", LISTED, list_at(reasons=b"\x07\x7f\x80"))
partial("idp-indirect", LISTED, list_at(indirect=True))
partial("idp-indirect-point", POINTED, list_at(PLACE, indirect=True))
partial("idp-garbled", LISTED, list_of_root(extensions=[extension("2.5.29.28", b"\x30\x05\x81", True)]))
partial("idp-garbled-uncritical", LISTED, list_of_root(extensions=[extension("2.5.29.28", b"\x30\x05\x81")]))
partial("idp-twice", LISTED, list_of_root(extensions=[issuing(), issuing(PLACE)]))
RELATIVE = seq(oid(ATTRIBUTES["CN"]), utf8("list"))
FULL = directory(name(("CN", "Root"), ("CN", "list")))
AT_RELATIVE = [certificate(ROOT, ROOT, "p256-root", "p256-root", [*CA, points(point(relative=RELATIVE))], serial=1)]
partial("idp-relative", leaf(GOOD, points(point(relative=RELATIVE))), list_at(relative=RELATIVE), roots=AT_RELATIVE)
partial(
    "idp-relative-revoked",
    leaf(GOOD, points(point(relative=RELATIVE)), serial=5),
    list_at(relative=RELATIVE, entries=[entry(5)]),
    roots=AT_RELATIVE,
)
partial("idp-relative-full", leaf(GOOD, points(point(relative=RELATIVE))), list_at(FULL), roots=AT_RELATIVE)
partial("idp-full-relative", leaf(GOOD, points(point(FULL))), list_at(relative=RELATIVE), roots=AT_RELATIVE)
partial(
    "idp-relative-other",
    leaf(GOOD, points(point(relative=seq(oid(ATTRIBUTES["CN"]), utf8("other"))))),
    list_at(relative=RELATIVE),
    roots=AT_RELATIVE,
)
partial("idp-relative-only", LISTED, list_at(relative=RELATIVE))
partial("idp-point-issuer", leaf(GOOD, points(point(PLACE, issuer=MID))), list_at(PLACE))
partial("idp-point-issuer-same", leaf(GOOD, points(point(PLACE, issuer=ROOT))), list_at(PLACE))
partial("idp-point-reasons", leaf(GOOD, points(point(PLACE, reasons=b"\x06\x40"))), list_at(PLACE))
partial("idp-points-garbled", leaf(GOOD, extension("2.5.29.31", b"\x30\x05\x01")), list_of_root())
partial("crl-point-issuer-complete", leaf(GOOD, points(point(PLACE, issuer=MID))), list_of_root())
partial("crl-point-reasons-complete", leaf(GOOD, points(point(PLACE, reasons=b"\x06\x40"))), list_of_root())
revocation("crl-unreadable", [LISTED], seq(integer(1)))
revocation("crl-unreadable-revoked", [LISTED], seq(integer(1)), list_of_root(entry(5)))


# Lists in the root file, and certificates in the list file.

OTHERS, OTHER_ROOT = revocations(cn("Other"), "p256-other"), root(subject=cn("Other"), key="p256-other")
REVOKES, GOOD_BEFORE = list_of_root(entry(5)), list_of_root(first=EARLY)
case("crl-root-file-alone", [LISTED], OLD, root_lists=[REVOKES])
revocation("crl-root-file-revokes", [LISTED], GOOD_BEFORE, root_lists=[REVOKES])
revocation("crl-root-file-revokes-v1-leaf", [leaf(serial=5)], GOOD_BEFORE, root_lists=[REVOKES])
revocation("crl-root-file-revokes-before", [LISTED], list_of_root(), root_lists=[list_of_root(entry(5), first=EARLY)])
revocation("crl-root-file-mid-revoked", [below(GOOD), mid(serial=6)], GOOD_BEFORE, list_of_mid(), root_lists=[list_of_root(entry(6))])
revocation("crl-root-file-mid-revokes", [below(GOOD, serial=5), mid()], list_of_root(), root_lists=[list_of_mid(entry(5))])
revocation("crl-root-file-good", [LISTED], OTHERS, root_lists=[list_of_root()])
revocation("crl-root-file-other-revokes", [LISTED], OTHERS, root_lists=[REVOKES])
revocation("crl-root-file-and-none", [LISTED], list_certificates=OLD, root_lists=[list_of_root()])
revocation("crl-root-file-same", [LISTED], list_of_root(), root_lists=[list_of_root()])
revocation("crl-file-root", [LISTED], list_of_root(), roots=[OTHER_ROOT], list_certificates=OLD)
revocation("crl-file-root-revokes", [LISTED], REVOKES, roots=[OTHER_ROOT], list_certificates=OLD)
revocation("crl-file-root-no-list", [LISTED], OTHERS, roots=[OTHER_ROOT], list_certificates=OLD)
revocation("crl-file-mid", [below(GOOD)], list_of_root(), list_of_mid(), list_certificates=[mid()])
revocation("crl-file-mid-revoked", [below(GOOD)], list_of_root(entry(6)), list_of_mid(), list_certificates=[mid(serial=6)])
revocation("crl-file-mid-alone", [below(GOOD)], list_of_root(), list_of_mid(), roots=[OTHER_ROOT], list_certificates=[mid()])
