"""Writes valid and forged certificate chains and revocation lists: cases.py DIRECTORY.

For each case it writes DIRECTORY/NAME/chain.pem (what the server sends), root.pem (sslrootcert) and, for cases with lists, list.pem (sslcrl).
DIRECTORY/leaf.key is the key of every server's certificate. cases.tsv describes each case and has its expected results.
"""

import sys

# Each module adds its cases to the register.
import fields
import files
import forms
import lists
import names
import plain
import powers
from common import CASES


def main(directory):
    for name, (chain, (roots, root_lists), lists) in CASES.items():
        own = f"{directory}/{name}"
        files.write_chain(own, chain, roots, root_lists)
        if lists is not None:
            certificates, lists = lists
            files.write_list_file(own, lists, certificates)
    files.write_leaf_key(directory)


if __name__ == "__main__":
    main(sys.argv[1])
