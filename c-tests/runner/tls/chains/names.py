"""Cases about name constraints."""

from common import *

# Name constraints and the common name.

ALLOWED, FORBIDDEN = constraints([dns("allowed.test")]), constraints(excluded=[dns("good.test")])
KINDS = {"none": [], "email": [alternatives(email("a@elsewhere.test"))], "ip": [alternatives(ip(127, 0, 0, 1))]}
for kind, names in KINDS.items():
    for rule, constraint in (("permitted", ALLOWED), ("excluded", FORBIDDEN)):
        case(f"nc-root-{rule}-{kind}", [leaf(*names)], [root(constraint)])
        case(f"nc-mid-{rule}-{kind}", [below(*names), mid(constraint)])
        case(f"nc-mid-{rule}-{kind}-case", [below(*names, issuer=cn("mID")), mid(constraint)])


def constrained(name, permitted, subject, *names):
    """A leaf with a subject and names below a root that permits names."""
    case(name, [leaf(*([alternatives(*names)] if names else []), subject=subject)], [root(constraints(permitted))])


def excluding(name, excluded, subject, *names):
    case(name, [leaf(*([alternatives(*names)] if names else []), subject=subject)], [root(constraints(excluded=excluded))])


constrained("nc-cn-inside", [dns("good.test")], LEAF)
constrained("nc-cn-below", [dns("test")], LEAF)
constrained("nc-cn-dot", [dns(".test")], LEAF)
constrained("nc-cn-dot-itself", [dns(".good.test")], LEAF)
constrained("nc-cn-empty-base", [dns("")], LEAF)
excluding("nc-cn-empty-excluded", [dns("")], LEAF)
constrained("nc-cn-base-case", [dns("GOOD.Test")], LEAF)
constrained("nc-cn-case", [dns("allowed.test")], cn("GOOD.TEST"))
constrained("nc-cn-suffix", [dns("ood.test")], LEAF)
excluding("nc-cn-excluded-suffix", [dns("ood.test")], LEAF)
excluding("nc-cn-excluded-other", [dns("other.test")], LEAF)
excluding("nc-cn-excluded-parent", [dns("test")], LEAF)
constrained("nc-cn-two-first-bad", [dns("allowed.test")], cn("good.test", "allowed.test"))
constrained("nc-cn-two-last-bad", [dns("allowed.test")], cn("allowed.test", "good.test"))
constrained("nc-cn-two-inside", [dns("test")], cn("good.test", "other.test"))
constrained("nc-cn-not-first", [dns("allowed.test")], name(("C", printable("DE")), ("O", "Good"), ("CN", "good.test")))
case("nc-cn-empty-san", [leaf(alternatives())], [root(ALLOWED)])
case("nc-roots-one-free", [leaf(GOOD)], [root(ALLOWED), root()])
constrained("nc-cn-beside-good-dns", [dns("good.test")], cn("evil.example"), dns("good.test"))
constrained("nc-cn-good-dns-bad", [dns("good.test")], LEAF, dns("evil.test"))
constrained("nc-cn-space", [dns("allowed.test")], cn("My good.test server"))
constrained("nc-cn-organisation", [dns("allowed.test")], cn("Example Inc. Server"))
constrained("nc-cn-single", [dns("allowed.test")], cn("localhost"))
constrained("nc-cn-underscore", [dns("allowed.test")], cn("my_db.good.test"))
constrained("nc-cn-hyphen", [dns("allowed.test")], cn("my-db.good.test"))
constrained("nc-cn-lead-hyphen", [dns("allowed.test")], cn("-db.good.test"))
constrained("nc-cn-two-dots", [dns("allowed.test")], cn("db..good.test"))
constrained("nc-cn-lead-dot", [dns("allowed.test")], cn(".good.test"))
constrained("nc-cn-wildcard", [dns("allowed.test")], cn("*.test"))
constrained("nc-cn-wildcard-inside", [dns("test")], cn("*.test"))
excluding("nc-cn-wildcard-excluded", [dns("test")], cn("*.test"))
excluding("nc-cn-wildcard-wide", [dns("good.test")], cn("*.test"))
excluding("nc-dns-wildcard-wide", [dns("good.test")], LEAF, dns("*.test"))
constrained("nc-cn-trailing-dot", [dns("allowed.test")], cn("good.test."))
constrained("nc-cn-trailing-dot-inside", [dns("good.test")], cn("good.test."))
constrained("nc-cn-idn", [dns("allowed.test")], cn("b\u00fccher.good.test"))
constrained("nc-cn-idn-inside", [dns("good.test")], cn("b\u00fccher.good.test"))
constrained("nc-cn-punycode", [dns("allowed.test")], cn("xn--bcher-kva.good.test"))
for kind in (printable, teletex, bmp, universal):
    constrained(f"nc-cn-{kind.__name__}", [dns("allowed.test")], name(("CN", kind("good.test"))))
    constrained(f"nc-cn-{kind.__name__}-inside", [dns("good.test")], name(("CN", kind("good.test"))))
constrained("nc-cn-bad-utf8", [dns("good.test")], name(("CN", tlv(12, b"good.test\xff"))))
constrained("nc-cn-bad-utf8-free", [ip(10, 0, 0, 0, 255, 0, 0, 0)], name(("CN", tlv(12, b"good.test\xff"))))
constrained("nc-cn-trailing-nul", [dns("allowed.test")], cn("good.test\0"))
constrained("nc-cn-trailing-nul-inside", [dns("good.test")], cn("good.test\0"))
constrained("nc-cn-inner-nul", [dns("good.test")], cn("evil.test\0.good.test"))
constrained("nc-cn-inner-nul-ip", [ip(10, 0, 0, 0, 255, 0, 0, 0)], cn("evil.test\0.good.test"))
constrained("nc-cn-address", [dns("allowed.test")], cn("127.0.0.1"))
constrained("nc-cn-address-ip", [ip(10, 0, 0, 0, 255, 0, 0, 0)], cn("127.0.0.1"))
constrained("nc-cn-address-inside", [ip(127, 0, 0, 0, 255, 0, 0, 0)], cn("127.0.0.1"))
excluding("nc-cn-address-excluded", [ip(127, 0, 0, 0, 255, 0, 0, 0)], cn("127.0.0.1"))
constrained("nc-cn-address-6", [ip(*[0xFD] + [0] * 15, *[255] + [0] * 15)], cn("::1"))
case(
    "nc-cn-of-mid",
    [below(GOOD, issuer=cn("evil.example")), mid(subject=cn("evil.example"))],
    [root(constraints([dns("good.test")]))],
)
case("nc-dns-of-mid", [below(GOOD), mid(alternatives(dns("evil.example")))], [root(constraints([dns("good.test")]))])
case("nc-on-leaf", [leaf(GOOD, constraints([dns("allowed.test")]))])


# Name constraints and other names.

constrained("nc-dns-inside", [dns("good.test")], LEAF, dns("good.test"))
constrained("nc-dns-outside", [dns("allowed.test")], LEAF, dns("good.test"))
constrained("nc-dns-one-outside", [dns("good.test")], LEAF, dns("good.test"), dns("evil.test"))
excluding("nc-dns-excluded", [dns("good.test")], LEAF, dns("good.test"))
excluding("nc-dns-excluded-case", [dns("good.test")], LEAF, dns("GOOD.test"))
excluding("nc-dns-excluded-trailing-dot", [dns("good.test")], LEAF, dns("good.test."))
constrained("nc-dns-trailing-dot", [dns("good.test")], LEAF, dns("good.test."))
constrained("nc-dns-wildcard", [dns("test")], LEAF, dns("*.test"))
constrained("nc-dns-wildcard-outside", [dns("good.test")], LEAF, dns("*.test"))
constrained("nc-dns-nul", [dns("good.test")], LEAF, dns("evil.test\0.good.test"))
constrained("nc-dns-bad", [dns("good.test")], LEAF, dns("a b.good.test"))
constrained("nc-dns-base-trailing-dot", [dns("good.test.")], LEAF, dns("good.test"))
constrained("nc-dns-base-wildcard", [dns("*.test")], LEAF, dns("good.test"))
constrained("nc-two-bases", [dns("allowed.test"), dns("good.test")], LEAF, dns("good.test"))
constrained("nc-ip-inside", [ip(127, 0, 0, 0, 255, 0, 0, 0)], LEAF, ip(127, 0, 0, 1))
constrained("nc-ip-outside", [ip(10, 0, 0, 0, 255, 0, 0, 0)], LEAF, ip(127, 0, 0, 1))
excluding("nc-ip-excluded", [ip(127, 0, 0, 0, 255, 0, 0, 0)], LEAF, ip(127, 0, 0, 1))
excluding("nc-ip-excluded-other", [ip(10, 0, 0, 0, 255, 0, 0, 0)], LEAF, ip(127, 0, 0, 1))
constrained("nc-ip-version", [ip(127, 0, 0, 0, 255, 0, 0, 0)], LEAF, ip(*[0] * 15, 1))
constrained("nc-ip-6", [ip(*[0] * 16, *[255] * 8, *[0] * 8)], LEAF, ip(*[0] * 15, 1))
constrained("nc-ip-mask", [ip(127, 0, 0, 1, 255, 0, 0, 255)], LEAF, ip(127, 9, 9, 1))
constrained("nc-ip-base-length", [ip(127, 0, 0, 0, 255)], LEAF, ip(127, 0, 0, 1))
constrained("nc-ip-length", [ip(127, 0, 0, 0, 255, 0, 0, 0)], LEAF, ip(127, 0, 0, 1, 1))
excluding("nc-ip-length-excluded", [ip(10, 0, 0, 0, 255, 0, 0, 0)], LEAF, ip(127, 0, 0, 1, 1))
constrained("nc-ip-only-dns-leaf", [ip(10, 0, 0, 0, 255, 0, 0, 0)], LEAF, dns("good.test"))

MAIL = name(("CN", "good.test"), ("E", "root@good.test"))
constrained("nc-email-outside", [email("allowed.test")], MAIL, dns("good.test"))
constrained("nc-email-outside-v1", [email("allowed.test")], MAIL)
constrained("nc-email-inside", [email("good.test")], MAIL, dns("good.test"))
constrained("nc-email-address", [email("root@good.test")], MAIL, dns("good.test"))
constrained("nc-email-local-case", [email("Root@good.test")], MAIL, dns("good.test"))
constrained("nc-email-host-case", [email("root@GOOD.test")], MAIL, dns("good.test"))
constrained("nc-email-domain", [email(".test")], MAIL, dns("good.test"))
constrained("nc-email-host-not-domain", [email("test")], MAIL, dns("good.test"))
excluding("nc-email-excluded", [email("good.test")], MAIL, dns("good.test"))
excluding("nc-email-excluded-v1", [email("good.test")], MAIL)
excluding("nc-email-excluded-other", [email("other.test")], MAIL, dns("good.test"))
constrained("nc-email-san-outside", [email("allowed.test")], LEAF, dns("good.test"), email("a@good.test"))
constrained("nc-email-san-inside", [email("good.test")], LEAF, dns("good.test"), email("a@good.test"))
constrained("nc-email-two-at", [email("good.test")], LEAF, dns("good.test"), email('"a@b"@good.test'))
constrained("nc-email-no-at", [email("good.test")], LEAF, dns("good.test"), email("good.test"))
excluding("nc-email-no-at-excluded", [email("a@other.test")], LEAF, dns("good.test"), email("good.test"))
UTF8_MAIL = name(("CN", "good.test"), ("E", utf8("root@good.test")))
constrained("nc-email-utf8", [email("good.test")], UTF8_MAIL, dns("good.test"))
constrained("nc-email-utf8-free", [dns("good.test")], UTF8_MAIL, dns("good.test"))
constrained("nc-email-only-dns", [dns("good.test")], MAIL, dns("good.test"))
case(
    "nc-email-of-mid",
    [below(GOOD, issuer=name(("CN", "Mid"), ("E", "a@evil.test"))), mid(subject=name(("CN", "Mid"), ("E", "a@evil.test")))],
    [root(constraints([email("good.test")]))],
)

ORG = name(("C", printable("DE")), ("O", "Good Org"), ("CN", "good.test"))
constrained("nc-dir-inside", [directory(name(("C", printable("DE")), ("O", "Good Org")))], ORG, dns("good.test"))
constrained("nc-dir-inside-v1", [directory(name(("C", printable("DE")), ("O", "Good Org")))], ORG)
constrained("nc-dir-words", [directory(name(("C", "de"), ("O", printable("GOOD  org"))))], ORG, dns("good.test"))
constrained("nc-dir-outside", [directory(name(("C", printable("DE")), ("O", "Other Org")))], ORG, dns("good.test"))
constrained("nc-dir-outside-v1", [directory(name(("C", printable("DE")), ("O", "Other Org")))], ORG)
constrained("nc-dir-part", [directory(name(("C", printable("DE")), ("O", "Good")))], ORG, dns("good.test"))
constrained("nc-dir-empty", [directory(name())], ORG, dns("good.test"))
constrained("nc-dir-empty-subject", [directory(name(("O", "Other Org")))], name(), dns("good.test"))
constrained("nc-dir-longer", [directory(name(("CN", "good.test"), ("O", "Good")))], LEAF, dns("good.test"))
excluding("nc-dir-excluded", [directory(name(("C", printable("DE"))))], ORG, dns("good.test"))
excluding("nc-dir-excluded-words", [directory(name(("C", printable("de"))))], ORG, dns("good.test"))
excluding("nc-dir-excluded-other", [directory(name(("C", printable("FR"))))], ORG, dns("good.test"))
constrained("nc-dir-san", [directory(name(("C", printable("DE"))))], ORG, dns("good.test"), directory(cn("evil")))
DE_MID = name(("C", printable("DE")), ("CN", "Mid"))
case(
    "nc-dir-mid",
    [below(GOOD, subject=ORG, issuer=DE_MID), mid(subject=DE_MID)],
    [root(constraints([directory(name(("C", printable("DE"))))]))],
)
case("nc-dir-mid-outside", [below(GOOD, subject=ORG), mid()], [root(constraints([directory(name(("C", printable("DE"))))]))])

constrained("nc-uri-inside", [uri("good.test")], LEAF, dns("good.test"), uri("https://good.test/x"))
constrained("nc-uri-port", [uri("good.test")], LEAF, dns("good.test"), uri("https://GOOD.test:443/x"))
constrained("nc-uri-domain", [uri(".test")], LEAF, dns("good.test"), uri("https://good.test"))
constrained("nc-uri-outside", [uri("allowed.test")], LEAF, dns("good.test"), uri("https://good.test/x"))
constrained("nc-uri-host-not-domain", [uri("test")], LEAF, dns("good.test"), uri("https://good.test/x"))
excluding("nc-uri-excluded", [uri("good.test")], LEAF, dns("good.test"), uri("https://good.test/x"))
excluding("nc-uri-excluded-other", [uri("other.test")], LEAF, dns("good.test"), uri("https://good.test/x"))
constrained("nc-uri-no-host", [uri("good.test")], LEAF, dns("good.test"), uri("urn:good.test"))
excluding("nc-uri-no-host-excluded", [uri("other.test")], LEAF, dns("good.test"), uri("urn:good.test"))
constrained("nc-uri-empty-host", [uri("good.test")], LEAF, dns("good.test"), uri("file:///x"))
constrained("nc-uri-user", [uri("good.test")], LEAF, dns("good.test"), uri("https://good.test@evil.test/"))
constrained("nc-uri-none", [uri("allowed.test")], LEAF, dns("good.test"))

constrained("nc-registered", [registered("1.2.3")], LEAF, dns("good.test"), registered("1.2.3"))
excluding("nc-registered-excluded", [registered("1.2.3")], LEAF, dns("good.test"), registered("1.2.4"))
constrained("nc-registered-none", [registered("1.2.3")], LEAF, dns("good.test"))
constrained("nc-other", [other("1.2.3", utf8("x"))], LEAF, dns("good.test"), other("1.2.3", utf8("x")))
constrained("nc-other-kind", [other("1.2.3", utf8("x"))], LEAF, dns("good.test"), other("1.2.4", utf8("x")))
SMTP = "1.3.6.1.5.5.7.8.9"
constrained("nc-smtp-outside", [email("allowed.test")], LEAF, dns("good.test"), other(SMTP, utf8("\u00fc@good.test")))
constrained("nc-smtp-inside", [email("good.test")], LEAF, dns("good.test"), other(SMTP, utf8("\u00fc@good.test")))

constrained("nc-smtp-domain", [email(".test")], LEAF, dns("good.test"), other(SMTP, utf8("\u00fc@good.test")))
constrained("nc-smtp-address", [email("a@good.test")], LEAF, dns("good.test"), other(SMTP, utf8("a@good.test")))
excluding("nc-smtp-excluded", [email("good.test")], LEAF, dns("good.test"), other(SMTP, utf8("\u00fc@GOOD.test")))
excluding("nc-smtp-excluded-other", [email("other.test")], LEAF, dns("good.test"), other(SMTP, utf8("\u00fc@good.test")))
excluding("nc-smtp-excluded-domain", [email(".other.test")], LEAF, dns("good.test"), other(SMTP, utf8("\u00fc@good.test")))
excluding("nc-smtp-international", [email("xn--bcher-kva.test")], LEAF, dns("good.test"), other(SMTP, utf8("a@b\u00fccher.test")))


# Name constraints: their position in the chain and their encoding.

case("nc-both-levels", [below(GOOD), mid(constraints([dns("good.test")]))], [root(constraints([dns("test")]))])
case("nc-root-narrower", [below(GOOD), mid(constraints([dns("test")]))], [root(constraints([dns("allowed.test")]))])
case("nc-mid-narrower", [below(GOOD), mid(constraints([dns("allowed.test")]))], [root(constraints([dns("test")]))])
case("nc-permitted-excluded", [below(), mid(constraints(excluded=[dns("good.test")]))], [root(constraints([dns("test")]))])
case("nc-excluded-permitted", [below(), mid(constraints([dns("good.test")]))], [root(constraints(excluded=[dns("good.test")]))])
case("nc-same-both", [leaf()], [root(constraints([dns("test")], [dns("good.test")]))])
case("nc-uncritical", [leaf()], [root(constraints([dns("allowed.test")], critical=False))])
case("nc-v1-leaf-good", [leaf()], [root(constraints([dns("good.test")]))])
case("nc-minimum", [leaf(GOOD)], [root(constraints([subtree(dns("good.test"), least=1)]))])
case("nc-minimum-zero", [leaf(GOOD)], [root(constraints([subtree(dns("good.test"), least=0)]))])
case("nc-maximum", [leaf(GOOD)], [root(constraints([subtree(dns("good.test"), most=9)]))])
case("nc-minimum-other", [leaf(GOOD)], [root(constraints([subtree(uri("x.test"), least=1)]))])
case("nc-nothing", [leaf(GOOD)], [root(constraints())])
case("nc-no-base", [leaf(GOOD)], [root(extension("2.5.29.30", seq(tlv(0xA0)), True))])
case("nc-garbled", [leaf(GOOD)], [root(extension("2.5.29.30", b"\x30\x03\x01", True))])
case("nc-garbled-uncritical", [leaf(GOOD)], [root(extension("2.5.29.30", b"\x30\x03\x01"))])
case(
    "nc-self-issued-mid",
    [leaf(GOOD, BY_MID, signer="p256-mid"), mid(alternatives(dns("evil.test")), *NEW_KEY, subject=ROOT)],
    [root(constraints([dns("good.test")]), subject_key(b"root"))],
)
case(
    "nc-self-issued-mid-leaf",
    [leaf(BY_MID, signer="p256-mid"), mid(*NEW_KEY, subject=ROOT)],
    [root(constraints([dns("allowed.test")]), subject_key(b"root"))],
)
case(
    "nc-self-issued-leaf",
    [leaf(subject_key(b"leaf"), BY_MID, issuer=LEAF, signer="p256-mid"), mid(subject_key(b"mid"), subject=LEAF)],
    [root(constraints([dns("allowed.test")]))],
)
case(
    "self-issued-leaf",
    [leaf(GOOD, subject_key(b"leaf"), BY_MID, issuer=LEAF, signer="p256-mid"), mid(subject_key(b"mid"), subject=LEAF)],
)
case("nc-many", [leaf()], [root(constraints([dns(f"n{n}.test") for n in range(2000)]))])
case(
    "nc-very-many",
    [leaf(alternatives(*(dns(f"n{n}.good.test") for n in range(600))))],
    [root(constraints([dns(f"n{n}.test") for n in range(1999)] + [dns("good.test")]))],
)
