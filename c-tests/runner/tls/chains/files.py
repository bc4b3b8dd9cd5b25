"""Files of chains and revocation lists, for generators of cases."""

import base64
import hashlib
import os

from cryptography.hazmat.primitives import serialization as s

from common import ROOT
from der import key, oid, seq, tlv, utf8

# The hash by which OpenSSL finds the lists of the root: of its name in lower case.
assert ROOT == seq(tlv(0x31, seq(oid("2.5.4.3"), utf8("Root"))))
ROOT_HASH = hashlib.sha1(tlv(0x31, seq(oid("2.5.4.3"), utf8("root")))).digest()[3::-1].hex()


def pem(kind, ders):
    return "".join(f"-----BEGIN {kind}-----\n{base64.encodebytes(der).decode()}-----END {kind}-----\n" for der in ders)


def write(path, text):
    with open(path, "w", encoding="ascii") as out:
        out.write(text)


def write_both(path, certificates, lists):
    write(path, pem("CERTIFICATE", certificates) + pem("X509 CRL", lists))


def write_chain(directory, sent, roots, root_lists=()):
    os.makedirs(directory)
    write(f"{directory}/chain.pem", pem("CERTIFICATE", sent))
    write_both(f"{directory}/root.pem", roots, root_lists)


def write_list_file(directory, lists, certificates=()):
    """For `sslcrl`. C libpq does not check revocation if it cannot parse one of the lists."""
    write_both(f"{directory}/list.pem", certificates, lists)


def write_list_directory(directory, lists):
    """For `sslcrldir`: lists of the root. C libpq refuses the chain if it cannot parse the list that it needs."""
    os.makedirs(f"{directory}/lists")
    for number, der in enumerate(lists):
        write(f"{directory}/lists/{ROOT_HASH}.r{number}", pem("X509 CRL", [der]))


def write_leaf_key(directory):
    own = key("p256-leaf").private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption())
    write(f"{directory}/leaf.key", pem("PRIVATE KEY", [own]))
