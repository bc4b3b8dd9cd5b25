"""Cases about the encoding of extensions: every kind of field has a malformed value, in a certificate whose signature is valid."""

from common import *

ALTERNATIVES, CONSTRAINTS = "2.5.29.17", "2.5.29.30"
# RFC 3779: IP address blocks and AS numbers.
BLOCKS, NUMBERS = "1.3.6.1.5.5.7.1.7", "1.3.6.1.5.5.7.1.8"

case("form-names-class", [leaf(extension(ALTERNATIVES, tlv(0xB0, dns("good.test"))))])
case("form-names-class-limit", [leaf(basic(length=0), extension(ALTERNATIVES, tlv(0xB0, dns("good.test"))))])
case("form-names-constructed", [leaf(alternatives(tlv(0xA2, b"good.test")))])
case("form-names-constructed-mid", [below(GOOD), mid(alternatives(tlv(0xA2, b"good.test")))])
case("form-names-constructed-root", [leaf(GOOD)], [root(alternatives(tlv(0xA2, b"good.test")))])
case("form-names-unknown", [leaf(alternatives(dns("good.test"), tlv(0x89, b"x")))])
case("form-names-directory", [leaf(alternatives(dns("good.test"), directory(seq(tlv(0xB1, seq(oid("2.5.4.3"), utf8("x")))))))])
case("form-names-other", [leaf(alternatives(dns("good.test"), other("1.2.3", tlv(5, b"x"))))])
case("form-names-party", [leaf(alternatives(dns("good.test"), tlv(0xA5, tlv(0xA1, octets(b"x")))))])
case("form-names-registered", [leaf(alternatives(dns("good.test"), tlv(0x88, b"\x55\x80\x04")))])
case("form-usage-class", [leaf(GOOD, extension("2.5.29.15", tlv(0x83, b"\x07\x80")))])
case("form-netscape-class", [leaf(GOOD, extension("2.16.840.1.113730.1.1", tlv(0x83, b"\x06\x40")))])
case("form-limit-padded", [below(GOOD), mid(own=[extension("2.5.29.19", seq(TRUE, tlv(2, b"\0\5")), True), usage("certs")])])
case("form-points-name", [leaf(GOOD, points(point(tlv(0x89, b"x"))))])
case("form-points-relative", [leaf(GOOD, points(point(relative=uri("http://x"))))])
case("form-points-issuer", [leaf(GOOD, points(seq(tlv(0xA2, tlv(0x89, b"x")))))])
case("form-points-reasons", [leaf(GOOD, points(point(uri("http://x"), reasons=b"\x08\x40")))])
case("form-constraints-twice", [leaf(GOOD)], [root(extension(CONSTRAINTS, seq(*[tlv(0xA0, seq(dns("good.test")))] * 2), True))])
case("form-constraints-name", [leaf(GOOD)], [root(constraints([tlv(0x88, b"\x55\x80\x04")]))])
case("form-constraints-bound", [leaf(GOOD)], [root(constraints([seq(email("x.test"), tlv(0x82, b"\0"))]))])
case("form-identifiers-bits", [leaf(identifiers=tlv(0x81, b"\x08\x55"), version=2)])
case("form-subject-bits", [leaf(GOOD, subject=name(("C", tlv(3, b"DE")), ("CN", "good.test")))])
case("form-key-identifier-issuer", [leaf(GOOD, extension("2.5.29.35", seq(tlv(0xA1, tlv(0x89, b"x")), tlv(0x82, b"\7"))))], [root(serial=7)])
case("ip-blocks", [leaf(GOOD, extension(BLOCKS, seq(seq(octets(b"\0\1"), seq(bits(b"\x0a"))))))])
case("ip-blocks-garbled", [leaf(GOOD, extension(BLOCKS, b"\x30\x05\x01"))])
case("ip-blocks-inherited", [leaf(GOOD, extension(BLOCKS, seq(seq(octets(b"\0\1"), tlv(5)))))])
case("as-numbers", [leaf(GOOD, extension(NUMBERS, seq(tlv(0xA0, seq(integer(5))))))])
case("as-numbers-inherited", [leaf(GOOD, extension(NUMBERS, seq(tlv(0xA0, tlv(5)))))])
case("garbled-policies-uncritical", [leaf(GOOD, extension("2.5.29.32", b"\x30\x05\x01"))])
case("garbled-information", [leaf(GOOD, extension("1.3.6.1.5.5.7.1.1", b"\x30\x05\x01"))])
case("garbled-issuer-names", [leaf(GOOD, extension("2.5.29.18", b"\x30\x05\x01"))])
case("garbled-subject-information", [leaf(GOOD, extension("1.3.6.1.5.5.7.1.11", b"\x30\x05\x01"))])
case("garbled-comment", [leaf(GOOD, extension("2.16.840.1.113730.1.13", ia5(b"\xff")))])
case("garbled-reason", [leaf(GOOD, extension("2.5.29.21", b"\x0a\x05\x01"))])
case("garbled-timestamps", [leaf(GOOD, extension("1.3.6.1.4.1.11129.2.4.2", b"\x30\x05\x01"))])

# BER that is not DER.

case("ber-primitive", [leaf(extension(ALTERNATIVES, tlv(0x10, dns("good.test"))))])
case("ber-string", [leaf(alternatives(dns("good.test"), tlv(0xA2, ia5("x.test"))))])
case("ber-tag", [leaf(GOOD, seq(oid("1.2.3.4"), b"\x1f\x04\1x"))])
case("ber-unused-bits", [leaf(GOOD, extension("2.5.29.15", bits(b"\x81", 7)))])

# The same fields with valid values.

KINDS = [dns("good.test"), email("a@x.test"), uri("http://x"), ip(10, 0, 0, 1), directory(cn("x")), registered("1.2.3"), other("1.2.3", utf8("x"))]
KINDS += [tlv(0xA3, seq(seq())), tlv(0xA5, tlv(0xA1, utf8("x"))), tlv(0xA5, tlv(0xA0, printable("x")), tlv(0xA1, bmp("x")))]
PLACES = [point(*KINDS, reasons=b"\x06\x40", issuer=cn("x")), point(relative=seq(oid("2.5.4.3"), utf8("x")))]
case("form-names-all", [below(alternatives(*KINDS)), mid(alternatives(*KINDS))], [root(alternatives(*KINDS))])
case("form-points-all", [leaf(GOOD, points(*PLACES))])
case("form-key-identifier-all", [leaf(GOOD, extension("2.5.29.35", seq(tlv(0xA1, *KINDS[:4]), tlv(0x82, b"\7"))))], [root(serial=7)])
case("form-bits-all", [leaf(GOOD, usage("digital", "decipher_only"), ns_type("server"), version=2, identifiers=tlv(0x81, b"\7\x80"))])
