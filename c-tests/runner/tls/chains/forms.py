"""Cases about the contents and encoding of certificates."""

from common import *

# Critical extensions.

POLICY = seq(oid("1.3.6.1.4.1.99999.1"))
CRITICAL = {
    "policies": extension("2.5.29.32", seq(POLICY), True),
    "policy-constraints": extension("2.5.29.36", seq(tlv(0x80, b"\0")), True),
    "policy-mappings": extension("2.5.29.33", seq(seq(oid("1.2.3"), oid("1.2.4"))), True),
    "inhibit-any": extension("2.5.29.54", integer(0), True),
    "crl-points": points(point(uri("http://x.test/l")), critical=True),
}
for what, extra in CRITICAL.items():
    case(f"critical-{what}-leaf", [leaf(GOOD, extra)])
    case(f"critical-{what}-mid", [below(GOOD), mid(extra)])
    case(f"critical-{what}-root", [leaf(GOOD)], [root(extra)])
case("critical-policies-all", [below(GOOD, *list(CRITICAL.values())[:1]), mid(*CRITICAL.values())], [root(*CRITICAL.values())])
case("policies-outside", [below(GOOD), mid(CRITICAL["policy-constraints"])])
for what, kind in (
    ("policies", "2.5.29.32"),
    ("policy-constraints", "2.5.29.36"),
    ("policy-mappings", "2.5.29.33"),
    ("inhibit-any", "2.5.29.54"),
    ("crl-points", "2.5.29.31"),
):
    case(f"garbled-{what}", [leaf(GOOD, extension(kind, b"\x30\x05\x01", True))])
for what, extra in {
    "subject-key": extension("2.5.29.14", octets(b"x"), True),
    "authority-key": extension("2.5.29.35", seq(), True),
    "alternatives": alternatives(dns("good.test"), critical=True),
    "issuer-names": extension("2.5.29.18", seq(dns("x.test")), True),
    "authority-info": extension("1.3.6.1.5.5.7.1.1", seq(seq(oid("1.3.6.1.5.5.7.48.1"), uri("http://x.test"))), True),
    "tls-feature": extension("1.3.6.1.5.5.7.1.24", seq(integer(5)), True),
    "ocsp-no-check": extension("1.3.6.1.5.5.7.48.1.5", tlv(5), True),
    "freshest": extension("2.5.29.46", seq(point(uri("http://x.test/d"))), True),
    "proxy": extension("1.3.6.1.5.5.7.1.14", seq(seq(oid("1.3.6.1.5.5.7.21.1"))), True),
    "ip-blocks": extension("1.3.6.1.5.5.7.1.7", seq(seq(octets(b"\0\1"), tlv(5))), True),
    "poison": extension("1.3.6.1.4.1.11129.2.4.3", tlv(5), True),
    "comment": extension("2.16.840.1.113730.1.13", ia5("x"), True),
}.items():
    own = [extra] if what == "alternatives" else [GOOD, extra]
    case(f"critical-{what}", [leaf(*own)])
case("proxy-uncritical", [leaf(GOOD, extension("1.3.6.1.5.5.7.1.14", seq(seq(oid("1.3.6.1.5.5.7.21.1")))))])
case("twice-basic", [below(GOOD), mid(own=[basic(), basic()])])
case("twice-usage", [leaf(GOOD, usage("digital"), usage("lists"))])
case("twice-alternatives", [leaf(GOOD, alternatives(dns("other.test")))])
case("twice-unknown", [leaf(GOOD, *[extension("1.2.3.4", utf8("x"))] * 2)])
case("twice-constraints", [leaf()], [root(constraints([dns("good.test")]), constraints([dns("allowed.test")]))])
case("garbled-basic", [below(GOOD), mid(own=[extension("2.5.29.19", b"\x30\x03\x01\x01", True)])])
case("garbled-usage", [leaf(GOOD, extension("2.5.29.15", b"\x04\x01\x80"))])
case("garbled-purposes", [leaf(GOOD, extension("2.5.29.37", b"\x30\x04\x06\x09\x01"))])
case("garbled-alternatives", [leaf(extension("2.5.29.17", b"\x30\x20\x82\x01"))])
case("trailing-usage", [leaf(GOOD, extension("2.5.29.15", bits(b"\x80", 7) + b"\0"))])
case("true-01-basic", [leaf(GOOD)], [root(own=[extension("2.5.29.19", seq(tlv(1, b"\x01")), True), usage("certs")])])
case("true-01-mid", [below(GOOD), mid(own=[extension("2.5.29.19", seq(tlv(1, b"\x01")), True), usage("certs")])])
case("true-01-critical", [leaf(GOOD, usage("digital", critical=tlv(1, b"\x01")))])
case("true-01-unknown", [leaf(GOOD, extension("1.2.3.4", utf8("x"), tlv(1, b"\x01")))])
case("false-written", [leaf(GOOD, usage("digital", critical=tlv(1, b"\0")))])
case("false-written-basic", [leaf(GOOD, extension("2.5.29.19", seq(tlv(1, b"\0")), True))])


# Encodings.

case("v1-extensions", [leaf(GOOD, version=1)])
case("v1-extensions-client", [leaf(GOOD, purposes("client"), version=1)])
case("v1-extensions-unknown", [leaf(GOOD, UNKNOWN, version=1)])
case("v1-extensions-mid", [below(GOOD), mid(version=1)])
case("v1-extensions-mid-not-ca", [below(GOOD), mid(own=[basic(False)], version=1)])
case("v1-extensions-root", [leaf(GOOD)], [root(version=1)])
case("v1-extensions-root-not-ca", [leaf(GOOD)], [root(own=[basic(False)], version=1)])
case("v2", [leaf(version=2)])
case("v2-extensions", [leaf(GOOD, version=2)])
case("v3-bare", [leaf(version=3)])
case("v4", [leaf(GOOD, version=4)])
case("serial-zero", [leaf(GOOD, serial=0)])
case("serial-negative", [leaf(GOOD, serial=-5)])
case("serial-long", [leaf(GOOD, serial=1 << 310)])
case("identifiers-v1", [leaf(identifiers=tlv(0x81, b"\0\x55"))])
case("identifiers-v2", [leaf(identifiers=tlv(0x82, b"\0\x55"), version=2)])
case("identifiers-v3", [leaf(GOOD, identifiers=tlv(0x81, b"\0\x55"))])
case("trailing-data-mid", [below(GOOD), mid() + b"\0"])
case("algorithms-differ", [leaf(GOOD, inner=algorithm("p256-root", "sha384"))])
case("algorithms-differ-mid", [below(GOOD), mid(inner=algorithm("p256-root", "sha384"))])
case("damaged-leaf", [leaf(GOOD, damage=True)])
case("damaged-leaf-v1", [leaf(damage=True)])
case("damaged-mid", [below(GOOD), mid(damage=True)])
case("signature-unused-bits", [leaf(GOOD, unused=1)])
case("signed-by-other", [leaf(GOOD, signer="p256-other")])
case("key-identifier", [leaf(GOOD, authority_key(b"12345678"))], [root(subject_key())])
case("key-identifier-wrong", [leaf(GOOD, authority_key(b"87654321"))], [root(subject_key())])
case("key-identifier-wrong-case", [leaf(GOOD, authority_key(b"87654321"), issuer=cn("rOOT"))], [root(subject_key())])
case("key-identifier-none", [leaf(GOOD, authority_key(b"12345678"))])
case("key-identifier-mid", [below(GOOD, authority_key(b"87654321")), mid(subject_key())])
case("key-serial", [leaf(GOOD, authority_key(issuer=ROOT, serial=77))], [root(serial=77)])
case("key-serial-wrong", [leaf(GOOD, authority_key(issuer=ROOT, serial=78))], [root(serial=77)])
case("key-issuer-wrong", [leaf(GOOD, authority_key(issuer=MID, serial=77))], [root(serial=77)])
case("key-identifier-root", [leaf(GOOD)], [root(subject_key(), authority_key(b"87654321"))])


# Signature algorithms.

for digest in ("sha1", "sha224", "sha384", "sha512", "sha3-256"):
    case(f"ecdsa-{digest}", [leaf(GOOD, digest=digest)])
for digest in ("sha1", "sha224", "sha256", "sha3-256"):
    case(f"rsa-{digest}", [leaf(GOOD, signer="rsa2048-root", digest=digest)], [root(key="rsa2048-root")])
case("rsa-sha224-damaged", [leaf(GOOD, signer="rsa2048-root", digest="sha224", damage=True)], [root(key="rsa2048-root")])
case("ecdsa-sha224-damaged", [leaf(GOOD, digest="sha224", damage=True)])
for salt in (0, 20, 32, 222):
    case(f"pss-{salt}", [leaf(GOOD, signer="rsa2048-root", digest=salt)], [root(key="rsa2048-root", digest=salt)])
    case(f"pss-{salt}-damaged", [leaf(GOOD, signer="rsa2048-root", digest=salt, damage=True)], [root(key="rsa2048-root")])
    case(f"pss-{salt}-other", [leaf(GOOD, signer="rsa2048-other", digest=salt)], [root(key="rsa2048-root")])
case("pss-said-32", [leaf(GOOD, signer="rsa2048-root", digest=222, inner=pss(32), outer=pss(32))], [root(key="rsa2048-root")])
for kind in ("p384", "p521", "ed25519", "ed448", "brainpool", "k256", "p224", "rsa1024"):
    case(f"by-{kind}", [leaf(GOOD, signer=f"{kind}-root")], [root(key=f"{kind}-root")])
for kind in ("rsa1962", "rsa1963", "rsa2047", "rsa2048e40", "rsa2048e65"):
    case(f"by-{kind}", [leaf(GOOD, signer=f"{kind}-root")], [root(key=f"{kind}-root")])
for kind in ("rsa1963", "rsa2048e65"):
    signer = f"{kind}-root"
    case(f"by-{kind}-pss", [leaf(GOOD, signer=signer, digest=32)], [root(key=signer)])
    case(f"by-{kind}-damaged", [leaf(GOOD, signer=signer, damage=True)], [root(key=signer)])
    case(f"by-{kind}-other", [leaf(GOOD, signer=f"{kind}-other")], [root(key=signer)])
for form, parameters in (("bare", b""), ("sequence", seq()), ("class", tlv(0x85))):
    public = rsa_spki("rsa2048-root", parameters)
    case(f"by-rsa-{form}", [leaf(GOOD, signer="rsa2048-root")], [root(key=public, signer="rsa2048-root")])
    case(f"by-rsa-{form}-other", [leaf(GOOD, signer="rsa2048-other")], [root(key=public, signer="rsa2048-root")])
case("by-hybrid-point", [leaf(GOOD)], [root(key=hybrid_spki("p256-root"), signer="p256-root")])
POLICIES = extension("2.5.29.32", seq(seq(oid("1.2.3.4"))))
RESPONDER = seq(oid("1.3.6.1.5.5.7.48.1"), tlv(0x86, b"http://x/"))
INFORMATION = extension("1.3.6.1.5.5.7.1.1", seq(RESPONDER))
case("twice-policies", [leaf(GOOD, POLICIES, POLICIES)])
case("twice-information", [leaf(GOOD, INFORMATION, INFORMATION)])

case("ber-length", [leaf(GOOD, subject=bytes([LEAF[0], 0x81]) + LEAF[1:])])
case("wildcard-two-dots", [leaf(alternatives(dns("*.b")))])

# Intermediates that are also in the user's root file.

UPPER, LOWER = cn("Upper"), cn("Lower")
UPPER_MID = mid(subject=UPPER, key="p256-upper")
LOWER_MID = mid(subject=LOWER, issuer=UPPER, key="p256-lower", signer="p256-upper")
LOWEST = leaf(GOOD, issuer=LOWER, signer="p256-lower")
case("mid-known-issuer-sent", [LOWEST, LOWER_MID, UPPER_MID], [LOWER_MID, root()])
FORGED = mid(subject=UPPER, key="p256-upper", signer="p256-other")
case("mid-known-issuer-forged", [LOWEST, LOWER_MID, FORGED], [LOWER_MID, root()])
NAMESAKE = mid(subject=LEAF)
OF_NAMESAKE = leaf(GOOD, issuer=LEAF, signer="p256-mid")
case("namesake-before-leaf", [OF_NAMESAKE, NAMESAKE], [root(), NAMESAKE, OF_NAMESAKE])
case("leaf-before-namesake", [OF_NAMESAKE, NAMESAKE], [OF_NAMESAKE, NAMESAKE, root()])
case("root-sha1", [leaf(GOOD)], [root(digest="sha1")])
case("by-weak-mid", [leaf(GOOD, issuer=MID, signer="rsa1024-mid"), mid(key="rsa1024-mid")])

# DER that no real certificate has. The issuer's name in a different encoding makes webpki, which is strict, fail to
# find the issuer.

ODD = {"issuer": cn("rOOT")}
case("form-extra-part", [leaf(identifiers=tlv(0x85, b"x"), **ODD)])
case("form-name-boolean", [leaf(GOOD, subject=name(("CN", TRUE)), **ODD)])
case("form-object-class", [leaf(GOOD, subject=seq(tlv(0x31, seq(tlv(0x86, oid("2.5.4.3")[2:]), utf8("good.test")))), **ODD)])
case("form-object-padded", [leaf(GOOD, subject=seq(tlv(0x31, seq(tlv(6, b"\x55\x80\x04\x03"), utf8("good.test")))), **ODD)])
case("form-set-class", [leaf(GOOD, subject=seq(tlv(0xB1, seq(oid("2.5.4.3"), utf8("good.test")))), **ODD)])
case("form-extension-class", [leaf(GOOD, seq(tlv(0x46, oid("1.2.3.4")[2:]), octets(b"x")), **ODD)])
case(
    "form-authority-key-class",
    [leaf(GOOD, extension("2.5.29.35", seq(tlv(1, b"root"))), **ODD)],
    [root(subject_key(b"root"))],
)
case(
    "form-constraints-class",
    [leaf(GOOD, **ODD)],
    [root(extension("2.5.29.30", seq(tlv(0xA0, tlv(0x70, dns("good.test")))), True))],
)
for what, text in {
    "universal-range": tlv(28, b"\0\x11\0\0"),
    "universal-surrogate": tlv(28, b"\0\0\xd8\0"),
    "bmp-surrogate": tlv(30, b"\xd8\x34"),
    "bmp-pair": tlv(30, b"\xd8\x34\xdd\x1e"),
    "universal-last": tlv(28, b"\0\x10\xff\xff"),
}.items():
    case(f"form-{what}", [leaf(GOOD, subject=name(("O", text), ("CN", "good.test")))])

# Algorithms and keys that are not DER.

NO_NULL = seq(oid(ECDSA["sha256"][0]), tlv(1))
case("form-parameters", [leaf(GOOD, inner=NO_NULL, outer=NO_NULL)])


def by_pss(text, **parts):
    """A leaf signed with RSA-PSS, whose algorithm has other parts than usual."""
    of = pss(32, **parts)
    own = leaf(GOOD, signer="rsa2048-root", digest=32, inner=of, outer=of)
    case(text, [own], [root(key="rsa2048-root")])


OTHER_CLASS = tlv(0xB0, SHA256, tlv(5))
by_pss("form-pss-class", digest=OTHER_CLASS)
by_pss("form-pss-object", digest=seq(tlv(0x86, SHA256[2:]), tlv(5)))
by_pss("form-pss-null", digest=seq(SHA256, tlv(5, b"x")))
by_pss("form-pss-masks", masks=0x81)
by_pss("form-pss-bare", digest=seq(SHA256))
PSS_KEY = pss_spki("rsa2048-root", digest=OTHER_CLASS)
case("form-pss-key", [leaf(GOOD, signer="rsa2048-root", digest=32)], [root(key=PSS_KEY, signer="rsa2048-root")])
NUMBERS_1963 = rsa_numbers("rsa1963-root")
OTHER_NUMBER = seq(seq(oid("1.2.840.113549.1.1.1"), tlv(5)), bits(NUMBERS_1963[:4] + b"\x82" + NUMBERS_1963[5:]))
case("form-rsa-key", [leaf(GOOD, signer="rsa1963-root")], [root(key=OTHER_NUMBER, signer="rsa1963-root")])
TRAILER = pss(32, last=tlv(0xA3, integer(32)))
PSS_KEY = seq(TRAILER, bits(rsa_numbers("rsa2048-root")))
case("pss-key-trailer", [below(GOOD, signer="rsa2048-root", digest=32), mid(key=PSS_KEY)])
EVEN = next(f"p256-even{number}" for number in range(1000) if spki(f"p256-even{number}")[-1] & 1 == 0)
UNUSED = spki(EVEN)[:25] + b"\1" + spki(EVEN)[26:]
case("key-unused-bits", [leaf(GOOD, signer=EVEN)], [root(key=UNUSED, signer=EVEN)])
case("name-odd-type", [leaf(GOOD, subject=name(("O", tlv(14, b"x")), ("CN", "good.test")))])
case("root-algorithms-differ", [leaf(GOOD)], [root(outer=algorithm("p256-root", "sha384"))])
