"""Cases with valid and with incomplete chains."""

from common import *

# Plain chains.

case("good", [leaf(GOOD)])
case("good-cn", [leaf()])
case("good-mid", [below(GOOD), mid()])
case("good-mid-v1-leaf", [below(), mid()])
case("mid-missing", [below(GOOD)])
case("mid-in-root-file", [below(GOOD)], [root(), mid()])
case("mid-in-root-file-alone", [below(GOOD)], [mid()])
case("leaf-in-root-file", [leaf(GOOD)], [leaf(GOOD)])
SAME = leaf(GOOD, serial=7)
case("same-leaf-in-root-file", [SAME], [SAME])
case("root-sent", [leaf(GOOD), root()])
case("root-untrusted", [leaf(GOOD, signer="p256-other"), root(key="p256-other")])
case("sent-twice", [below(GOOD), mid(), mid(), root(), root()])
case(
    "wrong-order",
    [
        below(GOOD, issuer=cn("Low"), signer="p256-low"),
        mid(),
        mid(subject=cn("Low"), issuer=MID, signer="p256-mid", key="p256-low"),
    ],
)
case("stranger-sent", [leaf(GOOD), root(subject=cn("Stranger"), key="p256-other")])
case("empty-subject", [leaf(GOOD, subject=name())])
case("issuer-case", [leaf(GOOD, issuer=cn("rOOT"))])
case("issuer-printable", [leaf(GOOD, issuer=name(("CN", printable("Root"))))])
case("issuer-other", [leaf(GOOD, issuer=cn("Boot"))])
case("mid-case", [below(GOOD, issuer=cn("mID")), mid()])


def deep(depth, limits={}):
    """A chain with this many intermediates; `limits` are path lengths by position, and the intermediate next to the
    root is 1."""
    chain = [leaf(GOOD, issuer=cn(f"M{depth}"), signer=f"p256-m{depth}")]
    for n in range(depth, 0, -1):
        above = (cn(f"M{n - 1}"), f"p256-m{n - 1}") if n > 1 else (ROOT, "p256-root")
        own = [basic(length=limits.get(n)), usage("certs")]
        chain.append(mid(own=own, subject=cn(f"M{n}"), key=f"p256-m{n}", issuer=above[0], signer=above[1]))
    return chain


for depth in (6, 7, 20, 40):
    case(f"depth-{depth}", deep(depth))
case("depth-20-damaged", [*CASES["depth-20"][0][:10], CASES["depth-20"][0][10][:-1] + b"\0", *CASES["depth-20"][0][11:]])
case("depth-20-short", deep(20, {3: 0}))
case("cross-both-constrained", [below(GOOD), mid(constraints([dns("allowed.test")])), mid(constraints([dns("other.test")]))])
case("cross-signed", [below(GOOD), mid(issuer=cn("Unknown"), signer="p256-other"), mid()])
case("cross-expired", [below(GOOD), mid(first=EARLY, last=PAST), mid()])
case("cross-constrained", [below(GOOD), mid(constraints([dns("allowed.test")])), mid()])
case("roots-same-name", [leaf(GOOD)], [root(key="p256-other"), root()])
case("root-renewed", [leaf(GOOD)], [root(first=EARLY, last=PAST), root()])
