"""Cases about the permitted uses of certificates, and their validity."""

from common import *

# Permitted uses.

LONE = [basic()]
case("mid-v1", [below(GOOD), mid(own=[])])
case("mid-no-basic", [below(GOOD), mid(own=[subject_key()])])
case("mid-only-usage", [below(GOOD), mid(own=[usage("certs")])])
case("mid-only-ns-type", [below(GOOD), mid(own=[ns_type("ssl_ca")])])
case("mid-not-ca", [below(GOOD), mid(own=[basic(False), usage("certs")])])
case("mid-no-sign", [below(GOOD), mid(own=[basic(), usage("lists")])])
case("mid-client", [below(GOOD), mid(purposes("client"))])
case("mid-server", [below(GOOD), mid(purposes("server"))])
case("mid-any", [below(GOOD), mid(purposes("any"))])
case("mid-any-server", [below(GOOD), mid(purposes("any", "server"))])
case("mid-sgc", [below(GOOD), mid(purposes("ns_sgc"))])
case("mid-ns-client", [below(GOOD), mid(ns_type("client"))])
case("mid-ns-email", [below(GOOD), mid(ns_type("email_ca"))])
case("mid-ns-server", [below(GOOD), mid(ns_type("server", "ssl_ca"))])
case("issued-by-leaf", [leaf(GOOD, issuer=LEAF, signer="p256-mid"), leaf(GOOD, key="p256-mid")])
case("issued-by-leaf-v1", [leaf(GOOD, issuer=LEAF, signer="p256-mid"), leaf(key="p256-mid")])
case("v1-issued-by-leaf-v1", [leaf(issuer=LEAF, signer="p256-mid"), leaf(key="p256-mid")])
case("leaf-client", [leaf(GOOD, purposes("client"))])
case("leaf-server", [leaf(GOOD, purposes("server"))])
case("leaf-server-critical", [leaf(GOOD, purposes("server", critical=True))])
case("leaf-any", [leaf(GOOD, purposes("any"))])
case("leaf-ns-sgc", [leaf(GOOD, purposes("ns_sgc"))])
case("leaf-ms-sgc", [leaf(GOOD, purposes("ms_sgc", "client"))])
case("leaf-code-sgc", [leaf(GOOD, purposes("code"))])
case("leaf-no-purpose", [leaf(GOOD, purposes())])
case("leaf-ns-client", [leaf(GOOD, ns_type("client"))])
case("leaf-ns-client-eku-server", [leaf(GOOD, purposes("server"), ns_type("client"))])
case("leaf-ns-client-mid", [below(GOOD, ns_type("client", "email")), mid()])
case("leaf-ns-client-case", [leaf(GOOD, ns_type("client"), issuer=cn("rOOT"))])
case("leaf-ns-server", [leaf(GOOD, ns_type("server", "client"))])
case("leaf-ns-none", [leaf(GOOD, ns_type())])
case("leaf-ns-server-case", [leaf(GOOD, ns_type("server"), issuer=cn("rOOT"))])
case("leaf-ns-garbled", [leaf(GOOD, extension("2.16.840.1.113730.1.1", b"\x04\x01\x40"))])
case("leaf-ns-critical", [leaf(GOOD, extension("2.16.840.1.113730.1.1", bits(b"\x40", 6), True))])
for use in ("digital", "encipher", "agreement", "commitment", "certs", "lists", "data"):
    case(f"leaf-usage-{use}", [leaf(GOOD, usage(use))])
case("leaf-usage-none", [leaf(GOOD, usage())])
case("leaf-is-ca", [leaf(GOOD, basic())])
case("leaf-pathlen-no-ca", [leaf(GOOD, basic(False, 0))])
case("leaf-is-root", [RENEWED := root(GOOD, own=LONE, subject=LEAF, key="p256-leaf")], [RENEWED])
case("leaf-is-root-renewed", [root(GOOD, own=LONE, subject=LEAF, key="p256-leaf")], [RENEWED])
SELF = root(GOOD, own=[], subject=LEAF, key="p256-leaf")
case("leaf-is-own-root", [SELF], [SELF])
SELF1 = certificate(LEAF, LEAF, "p256-leaf", "p256-leaf")
case("leaf-is-own-root-v1", [SELF1], [SELF1])
SELF2 = root(GOOD, own=[], subject=LEAF, key="p256-leaf", first=EARLY, last=PAST)
case("leaf-is-own-root-expired", [SELF2], [SELF2])
SELF3 = root(GOOD, ns_type("client"), own=[], subject=LEAF, key="p256-leaf")
case("leaf-is-own-root-ns-client", [SELF3], [SELF3])
SELF4 = root(GOOD, UNKNOWN, own=[], subject=LEAF, key="p256-leaf")
case("leaf-is-own-root-unknown", [SELF4], [SELF4])
SELF5 = root(constraints([dns("allowed.test")]), own=[], subject=LEAF, key="p256-leaf")
case("leaf-is-own-root-constrained", [SELF5], [SELF5])
SELF6 = root(GOOD, own=[], subject=LEAF, key="p256-leaf", damage=True)
case("leaf-is-own-root-damaged", [SELF6], [SELF6])
case("self-signed", [SELF])
case("root-v1", [leaf(GOOD)], [root(own=[])])
case("root-no-basic", [leaf(GOOD)], [root(own=[subject_key()])])
case("root-only-usage", [leaf(GOOD)], [root(own=[usage("certs")])])
case("root-not-ca", [leaf(GOOD)], [root(own=[basic(False)])])
case("root-no-sign", [leaf(GOOD)], [root(own=[basic(), usage("lists")])])
case("root-client", [leaf(GOOD)], [root(purposes("client"))])
case("root-any", [leaf(GOOD)], [root(purposes("any"))])
case("root-ns-client", [leaf(GOOD)], [root(ns_type("client"))])
case("root-damaged", [leaf(GOOD)], [root(damage=True)])
case("root-unknown", [leaf(GOOD)], [root(UNKNOWN)])
case("mid-unknown", [below(GOOD), mid(UNKNOWN)])
case("leaf-unknown", [leaf(GOOD, UNKNOWN)])
case("leaf-unknown-uncritical", [leaf(GOOD, extension("1.2.3.4", utf8("unknown")))])
case("pathlen-root", [below(GOOD), mid()], [root(own=[basic(length=0)])])
case("pathlen-root-leaf", [leaf(GOOD)], [root(own=[basic(length=0)])])
LOW = [leaf(GOOD, issuer=cn("Low"), signer="p256-low"), mid(subject=cn("Low"), issuer=MID, signer="p256-mid", key="p256-low")]
case("pathlen-mid", [*LOW, mid(own=[basic(length=0)])])
case("pathlen-mid-one", [*LOW, mid(own=[basic(length=1)])])
case(
    "pathlen-self-issued",
    [below(GOOD, BY_MID, issuer=ROOT), mid(*NEW_KEY, subject=ROOT)],
    [root(subject_key(b"root"), own=[basic(length=0)])],
)
case(
    "self-issued-found-by-key",
    [leaf(GOOD, signer="p256-mid"), mid(*NEW_KEY, subject=ROOT)],
    [root(subject_key(b"root"))],
)
case("self-issued-no-identifiers", [below(GOOD, issuer=ROOT), mid(subject=ROOT)])
case(
    "pathlen-self-issued-mid",
    [
        leaf(GOOD, authority_key(b"new"), issuer=MID, signer="p256-new"),
        mid(subject_key(b"new"), BY_MID, key="p256-new", issuer=MID, signer="p256-mid"),
        mid(subject_key(b"mid"), own=[basic(length=0)]),
    ],
)
case(
    "pathlen-self-issued-low",
    [
        leaf(GOOD, issuer=cn("Low"), signer="p256-low"),
        mid(authority_key(b"new"), subject=cn("Low"), key="p256-low", issuer=MID, signer="p256-new"),
        mid(subject_key(b"new"), BY_MID, key="p256-new", issuer=MID, signer="p256-mid"),
        mid(subject_key(b"mid"), own=[basic(length=0)]),
    ],
)
case("pathlen-negative", [leaf(GOOD)], [root(own=[basic(length=-1)])])
case("pathlen-huge", [leaf(GOOD)], [root(own=[basic(length=1 << 70)])])
case("pathlen-not-ca", [leaf(GOOD)], [root(own=[basic(False, 3), usage("certs")])])
case("pathlen-v1-leaf", [below(), mid()], [root(own=[basic(length=0)])])


# Validity.

for who in ("leaf", "mid", "root"):
    for text, life in (("expired", {"first": EARLY, "last": PAST}), ("early", {"first": FUTURE, "last": LATE})):
        life = {who: life}
        case(f"{text}-{who}", [below(GOOD, **life.get("leaf", {})), mid(**life.get("mid", {}))], [root(**life.get("root", {}))])
case("expired-leaf-v1", [leaf(first=EARLY, last=PAST)])
case("backwards", [leaf(GOOD, first=FUTURE, last=PAST)])
case("year-1950", [leaf(GOOD, first=tlv(23, b"500101000000Z"))])
case("year-1950-root", [leaf(GOOD)], [root(first=tlv(23, b"500101000000Z"))])
case("year-1960", [leaf(GOOD, first=tlv(23, b"500101000000Z"), last=tlv(23, b"600101000000Z"))])
case("year-1969", [leaf(GOOD, first=tlv(23, b"691231235959Z"))])
case("year-9999", [leaf(GOOD, last=tlv(24, b"99991231235959Z"))])
case("year-1949", [leaf(GOOD, first=tlv(23, b"500101000000Z"), last=tlv(23, b"491231235959Z"))])
case("generalized-now", [leaf(GOOD, first=tlv(24, b"20200101000000Z"))])
case("generalized-fraction", [leaf(GOOD, first=tlv(24, b"20200101000000.5Z"))])
case("no-seconds", [leaf(GOOD, first=tlv(23, b"2001010000Z"))])
case("offset", [leaf(GOOD, first=tlv(23, b"200101000000+0100"))])
case("month-99", [leaf(GOOD, first=tlv(23, b"209901000000Z"))])

case("no-seconds-v1", [leaf(first=tlv(23, b"2001010000Z"))])
case("offset-v1", [leaf(first=tlv(23, b"200101000000+0100"))])
case("offset-mid-case", [below(GOOD, issuer=cn("mID")), mid(first=tlv(23, b"200101000000+0100"))])
case("offset-root", [leaf(GOOD)], [root(first=tlv(23, b"200101000000+0100"))])
