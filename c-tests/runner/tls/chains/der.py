"""DER encoding of certificates and revocation lists, valid and forged. Nothing is checked."""

import datetime
import math

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = datetime.timedelta(days=1)


def tlv(tag, *contents):
    body = b"".join(contents)
    size = len(body)
    if size < 128:
        head = bytes([size])
    else:
        raw = size.to_bytes((size.bit_length() + 7) // 8, "big")
        head = bytes([0x80 | len(raw)]) + raw
    return bytes([tag]) + head + body


def seq(*parts):
    return tlv(0x30, *parts)


def oid(text):
    arcs = [int(arc) for arc in text.split(".")]
    out = b""
    for arc in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(0x80 | arc & 0x7F)
        out += bytes(reversed(digits))
    return tlv(6, out)


def integer(number):
    size = number.bit_length() // 8 + 1
    return tlv(2, number.to_bytes(size, "big", signed=True))


def bits(data, unused=0):
    return tlv(3, bytes([unused]), data)


def octets(data):
    return tlv(4, data)


def utf8(text):
    return tlv(12, text.encode())


def printable(text):
    return tlv(19, text.encode())


def ia5(text):
    return tlv(22, text.encode() if isinstance(text, str) else text)


def teletex(text):
    return tlv(20, text.encode("latin-1"))


def bmp(text):
    return tlv(30, text.encode("utf-16-be"))


def universal(text):
    return tlv(28, text.encode("utf-32-be"))


TRUE = tlv(1, b"\xff")


# Names.

ATTRIBUTES = {"CN": "2.5.4.3", "C": "2.5.4.6", "O": "2.5.4.10", "OU": "2.5.4.11", "E": "1.2.840.113549.1.9.1"}


def name(*parts):
    """A name; each part is (attribute, text or DER)."""
    rdns = []
    for attribute, value in parts:
        if isinstance(value, str):
            value = ia5(value) if attribute == "E" else utf8(value)
        rdns.append(tlv(0x31, seq(oid(ATTRIBUTES[attribute]), value)))
    return seq(*rdns)


def cn(*texts):
    return name(*(("CN", text) for text in texts))


# GeneralNames.


def dns(text):
    return tlv(0x82, text.encode() if isinstance(text, str) else text)


def email(text):
    return tlv(0x81, text.encode() if isinstance(text, str) else text)


def uri(text):
    return tlv(0x86, text.encode())


def ip(*numbers):
    return tlv(0x87, bytes(numbers))


def directory(subject):
    return tlv(0xA4, subject)


def registered(text):
    return tlv(0x88, oid(text)[2:])


def other(kind, value):
    return tlv(0xA0, oid(kind), tlv(0xA0, value))


# Extensions.


def extension(kind, value, critical=False):
    mark = TRUE if critical is True else (critical or b"")
    return seq(oid(kind), mark, octets(value))


def basic(ca=True, length=None, critical=True):
    parts = [TRUE] if ca else []
    if length is not None:
        parts.append(integer(length))
    return extension("2.5.29.19", seq(*parts), critical)


USES = ["digital", "commitment", "encipher", "data", "agreement", "certs", "lists", "encipher_only", "decipher_only"]


def usage(*uses, critical=True):
    number = sum(1 << (15 - USES.index(use)) for use in uses)
    raw = number.to_bytes(2, "big").rstrip(b"\0")
    unused = (raw[-1] & -raw[-1]).bit_length() - 1 if raw else 0
    return extension("2.5.29.15", bits(raw, unused), critical)


PURPOSES = {
    "server": "1.3.6.1.5.5.7.3.1",
    "client": "1.3.6.1.5.5.7.3.2",
    "any": "2.5.29.37.0",
    "ns_sgc": "2.16.840.1.113730.4.1",
    "ms_sgc": "1.3.6.1.4.1.311.10.3.3",
    "code": "1.3.6.1.5.5.7.3.3",
}


def purposes(*kinds, critical=False):
    return extension("2.5.29.37", seq(*(oid(PURPOSES[kind]) for kind in kinds)), critical)


def ns_type(*kinds):
    order = ["client", "server", "email", "code", "reserved", "ssl_ca", "email_ca", "code_ca"]
    byte = sum(1 << (7 - order.index(kind)) for kind in kinds)
    return extension("2.16.840.1.113730.1.1", bits(bytes([byte])))


def alternatives(*names, critical=False):
    return extension("2.5.29.17", seq(*names), critical)


def subtree(base, least=None, most=None):
    parts = [base]
    if least is not None:
        parts.append(tlv(0x80, bytes([least])))
    if most is not None:
        parts.append(tlv(0x81, bytes([most])))
    return seq(*parts)


def constraints(permitted=(), excluded=(), critical=True):
    parts = []
    for tag, bases in ((0xA0, permitted), (0xA1, excluded)):
        if bases:
            parts.append(tlv(tag, *(base if base[0] == 0x30 else subtree(base) for base in bases)))
    return extension("2.5.29.30", seq(*parts), critical)


def subject_key(raw=b"12345678"):
    return extension("2.5.29.14", octets(raw))


def authority_key(raw=None, issuer=None, serial=None, critical=False):
    parts = [] if raw is None else [tlv(0x80, raw)]
    if issuer is not None:
        parts.append(tlv(0xA1, directory(issuer)))
    if serial is not None:
        parts.append(tlv(0x82, integer(serial)[2:]))
    return extension("2.5.29.35", seq(*parts), critical)


def point(*full, relative=None, reasons=None, issuer=None):
    """One DistributionPoint."""
    parts = []
    if relative is not None:
        parts.append(tlv(0xA0, tlv(0xA1, relative)))
    elif full:
        parts.append(tlv(0xA0, tlv(0xA0, *full)))
    if reasons is not None:
        parts.append(tlv(0x81, reasons))
    if issuer is not None:
        parts.append(tlv(0xA2, directory(issuer)))
    return seq(*parts)


def points(*all_points, critical=False):
    return extension("2.5.29.31", seq(*all_points), critical)


def issuing(*full, relative=None, user=False, ca=False, reasons=None, indirect=False, attributes=False, critical=True):
    """The issuingDistributionPoint of a list."""
    yes = b"\xff"
    parts = []
    if relative is not None:
        parts.append(tlv(0xA0, tlv(0xA1, relative)))
    elif full:
        parts.append(tlv(0xA0, tlv(0xA0, *full)))
    parts += [tlv(0x81, yes)] if user else []
    parts += [tlv(0x82, yes)] if ca else []
    parts += [tlv(0x83, reasons)] if reasons is not None else []
    parts += [tlv(0x84, yes)] if indirect else []
    parts += [tlv(0x85, yes)] if attributes else []
    return extension("2.5.29.28", seq(*parts), critical)


# Keys and signatures.

MADE = {}
CURVES = {
    "p256": ec.SECP256R1,
    "p384": ec.SECP384R1,
    "p521": ec.SECP521R1,
    "p224": ec.SECP224R1,
    "k256": ec.SECP256K1,
    "brainpool": ec.BrainpoolP256R1,
}


def key(text):
    """The key with that name, KIND or KIND-ANYTHING."""
    if text not in MADE:
        kind = text.split("-")[0]
        if kind in CURVES:
            MADE[text] = ec.generate_private_key(CURVES[kind]())
        elif kind == "ed25519":
            MADE[text] = ed25519.Ed25519PrivateKey.generate()
        elif kind == "ed448":
            MADE[text] = ed448.Ed448PrivateKey.generate()
        else:
            size, _, exponent = kind.removeprefix("rsa").partition("e")
            MADE[text] = rsa_key(int(size), int(exponent or 0))
    return MADE[text]


def rsa_key(size, exponent_size):
    """An RSA key whose exponent has more than this many bits."""
    key = rsa.generate_private_key(65537, size)
    if not exponent_size:
        return key
    numbers = key.private_numbers()
    p, q, exponent = numbers.p, numbers.q, (1 << exponent_size) + 1
    while math.gcd(exponent, (p - 1) * (q - 1)) != 1:
        exponent += 2
    d = pow(exponent, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(exponent, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), numbers.iqmp, public)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def rsa_numbers(text):
    """Modulus and exponent of the RSA key with that name."""
    form = serialization.PublicFormat.PKCS1
    return key(text).public_key().public_bytes(serialization.Encoding.DER, form)


def rsa_spki(text, parameters):
    """The RSA key with that name, with parameters other than NULL."""
    return seq(seq(oid("1.2.840.113549.1.1.1"), parameters), bits(rsa_numbers(text)))


def pss_spki(text, **parts):
    """The RSA key with that name, limited to RSA-PSS with SHA-256."""
    return seq(pss(32, **parts), bits(rsa_numbers(text)))


def spki(text):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key(text).public_key().public_bytes(serialization.Encoding.DER, form)


def hybrid_spki(text):
    """The key with that name on P-256, with its point in X9.62's hybrid form."""
    form = serialization.PublicFormat.UncompressedPoint
    point = key(text).public_key().public_bytes(serialization.Encoding.X962, form)
    point = bytes([6 + (point[-1] & 1)]) + point[1:]
    return seq(seq(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")), bits(point))


ECDSA = {
    "sha1": ("1.2.840.10045.4.1", hashes.SHA1),
    "sha224": ("1.2.840.10045.4.3.1", hashes.SHA224),
    "sha256": ("1.2.840.10045.4.3.2", hashes.SHA256),
    "sha384": ("1.2.840.10045.4.3.3", hashes.SHA384),
    "sha512": ("1.2.840.10045.4.3.4", hashes.SHA512),
    "sha3-256": ("2.16.840.1.101.3.4.3.10", hashes.SHA3_256),
}
RSA = {
    "sha1": ("1.2.840.113549.1.1.5", hashes.SHA1),
    "sha224": ("1.2.840.113549.1.1.14", hashes.SHA224),
    "sha256": ("1.2.840.113549.1.1.11", hashes.SHA256),
    "sha384": ("1.2.840.113549.1.1.12", hashes.SHA384),
    "sha512": ("1.2.840.113549.1.1.13", hashes.SHA512),
    "sha3-256": ("2.16.840.1.101.3.4.3.14", hashes.SHA3_256),
}


PSS = "1.2.840.113549.1.1.10"


SHA256 = oid("2.16.840.1.101.3.4.2.1")


def pss(salt, digest=seq(SHA256, tlv(5)), masks=0xA1, last=None):
    """The algorithm of RSA-PSS with SHA-256 and a salt of this length. `masks` is the tag of the algorithm of masks, and `last` replaces the salt."""
    mask = seq(oid("1.2.840.113549.1.1.8"), digest)
    return seq(oid(PSS), seq(tlv(0xA0, digest), tlv(masks, mask), last or tlv(0xA2, integer(salt))))


def algorithm(signer, digest):
    private = key(signer)
    if isinstance(digest, int):
        return pss(digest)
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return seq(oid("1.3.101.112"))
    if isinstance(private, ed448.Ed448PrivateKey):
        return seq(oid("1.3.101.113"))
    if isinstance(private, rsa.RSAPrivateKey):
        return seq(oid(RSA[digest][0]), tlv(5))
    return seq(oid(ECDSA[digest][0]))


def sign(signer, digest, message):
    """`digest` is a name, or the length of the salt for RSA-PSS with SHA-256."""
    private = key(signer)
    if isinstance(private, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)):
        return private.sign(message)
    if isinstance(digest, int):
        how = padding.PSS(padding.MGF1(hashes.SHA256()), digest)
        return private.sign(message, how, hashes.SHA256())
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(message, padding.PKCS1v15(), RSA[digest][1]())
    return private.sign(message, ec.ECDSA(ECDSA[digest][1]()))


def signed(body, signer, digest, outer=None, damage=False, unused=0):
    signature = sign(signer, digest, body)
    if damage:
        signature = signature[:-1] + bytes([signature[-1] ^ 1])
    return seq(body, outer or algorithm(signer, digest), bits(signature, unused))


def time(moment):
    """RFC 5280: years up to 2049 have two digits."""
    if isinstance(moment, bytes):
        return moment
    if 1950 <= moment.year < 2050:
        return tlv(23, moment.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(24, moment.strftime("%Y%m%d%H%M%SZ").encode())


SERIALS = iter(range(1000, 1_000_000))


def certificate(
    subject,
    issuer,
    public,
    signer,
    extensions=(),
    version=None,
    serial=None,
    first=NOW - DAY,
    last=NOW + DAY,
    digest="sha256",
    inner=None,
    identifiers=b"",
    **how,
):
    """`version` counts from 1; without it, the version is 3, or 1 if there are no extensions."""
    version = version or (3 if extensions else 1)
    body = [] if version == 1 else [tlv(0xA0, integer(version - 1))]
    body += [
        integer(next(SERIALS) if serial is None else serial),
        inner or algorithm(signer, digest),
        issuer,
        seq(time(first), time(last)),
        subject,
        public if isinstance(public, bytes) else spki(public),
        identifiers,
    ]
    if extensions:
        body.append(tlv(0xA3, seq(*extensions)))
    return signed(seq(*body), signer, digest, **how)


def entry(serial, *extensions):
    parts = [integer(serial), time(NOW - DAY)]
    if extensions:
        parts.append(seq(*extensions))
    return seq(*parts)


def revocations(
    issuer,
    signer,
    *entries,
    extensions=(),
    version=None,
    first=NOW - DAY,
    last=NOW + DAY,
    digest="sha256",
    inner=None,
    **how,
):
    version = version or (2 if extensions else 1)
    body = [] if version == 1 else [integer(version - 1)]
    body += [inner or algorithm(signer, digest), issuer, time(first)]
    if last is not None:
        body.append(time(last))
    if entries:
        body.append(seq(*entries))
    if extensions:
        body.append(tlv(0xA0, seq(*extensions)))
    return signed(seq(*body), signer, digest, **how)
