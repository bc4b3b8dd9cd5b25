"""Writes valid and forged certificate chains and revocation lists: cases.py DIRECTORY.

For each case it writes DIRECTORY/NAME/chain.pem (what the server sends), root.pem (sslrootcert) and, for cases with lists, list.pem (sslcrl).
DIRECTORY/leaf.key is the key of every server's certificate. cases.tsv describes each case and has its expected results.
"""

import base64
import os
import sys

from cryptography.hazmat.primitives import serialization as s

# Each module adds its cases to the register.
import fields
import forms
import lists
import names
import plain
import powers
from common import CASES
from der import key


def main(directory):
    def write(path, kind, ders, mode="w"):
        with open(os.path.join(directory, path), mode) as out:
            for der in ders:
                out.write(f"-----BEGIN {kind}-----\n{base64.encodebytes(der).decode()}-----END {kind}-----\n")

    def write_both(path, certificates, lists):
        write(path, "CERTIFICATE", certificates)
        write(path, "X509 CRL", lists, "a")

    for name, (chain, roots, lists) in CASES.items():
        os.makedirs(os.path.join(directory, name))
        write(f"{name}/chain.pem", "CERTIFICATE", chain)
        write_both(f"{name}/root.pem", *roots)
        if lists is not None:
            write_both(f"{name}/list.pem", *lists)
    own = key("p256-leaf").private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption())
    write("leaf.key", "PRIVATE KEY", [own])


if __name__ == "__main__":
    main(sys.argv[1])
