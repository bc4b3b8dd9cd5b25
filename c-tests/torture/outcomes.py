"""Outcomes of sessions, and how those of the two libraries differ."""

import re
from pathlib import Path

KNOWN = Path(__file__).parent / "known.tsv"

# Ends that no server may cause.
FATAL = ("HANG", "SPIN", "CRASH")

class Outcome:
    """The driver's line, or what happened in its place."""

    def __init__(self, line):
        fields = line.split("\t")
        self.fatal = line if line.startswith(FATAL) else ""
        if len(fields) != 7 and not self.fatal:
            self.fatal = f"CRASH: not an outcome: {line[:200]}"
        if self.fatal:
            fields = [self.fatal, "", "", "", "0", "0", "0"]
        self.tokens, self.digest, self.first, self.last = fields[:4]
        self.growth, self.cpu, self.memory = map(int, fields[4:])

    def same_as(self, other):
        """Addresses and numbers in error texts may differ."""
        return (self.tokens, self.digest, plain(self.first), plain(self.last)) == (
            other.tokens,
            other.digest,
            plain(other.first),
            plain(other.last),
        )


def plain(text):
    """An error text without what differs from run to run."""
    text = re.sub(r'"[^"|]{2,}"', '"..."', text)
    text = re.sub(r"\\x[0-9a-f]{2}", "?", text)
    # A salt.
    text = re.sub(r"SCRAM-SHA-256\$[^' |]*", "SCRAM", text)
    text = re.sub(r"\d+", "#", text)
    text = re.sub(r'connection to server (on socket|at) "..."(, port #)? failed: ', "connecting: ", text)
    return re.sub(r"\|\?This probably means .*?before or while processing the request\.", "", text).strip("| ")


def first_difference(ours, oracle):
    """The first tokens that differ, without numbers that depend on the script."""
    ours, oracle = ours.split(), oracle.split()
    for left, right in zip(ours + ["end"], oracle + ["end"]):
        if left != right:
            generic = [re.sub(r"\d+", "#", token) for token in (left, right)]
            if generic[0] == generic[1]:
                generic = [re.sub(r"\d{4,}", "#", token) for token in (left, right)]
            return f"{generic[0]} / {generic[1]}"
    return "equal"


# Tokens of calls that failed.
FAILED = re.compile(r"^(FATAL_ERROR|refused|unsent|unflushed|unput|unended|no|status:1|created:0|notices)\b|:-\d|,-2$")


# Texts about damaged messages.
DAMAGE = re.compile("insufficient data in|do not agree with length|lost synchronization with server|received invalid")


def failures(tokens):
    """How many calls failed, and how many notices came. Errors without an SQLSTATE are the library's own and count twice."""
    count, tokens = 0, tokens.split()
    for token, following in zip(tokens, [*tokens[1:], ""]):
        if FAILED.search(token):
            repeated = re.search(r"(?:\*|notices:)(\d+)$", token)
            weight = 1000 if token.startswith("refused") else 1
            if token.startswith("FATAL_ERROR") and not re.fullmatch(r"[0-9A-Z]{5}", following):
                weight = 2
            count += weight * (int(repeated[1]) if repeated else 1)
    return count


SUCCESS = re.compile(
    r"(?P<kind>TUPLES_OK|SINGLE_TUPLE|TUPLES_CHUNK|COMMAND_OK|EMPTY_QUERY|COPY_\w+|function:COMMAND_OK|copied)"
    r"(?::(?P<rows>\d+))?[^*]*(?:\*(?P<times>\d+))?$"
)


def successes(tokens):
    """How many results and rows the application got."""
    found = filter(None, map(SUCCESS.match, tokens.split()))
    return sum((1 + int(one["rows"] or 0)) * int(one["times"] or 1) for one in found)


def noticed(outcome, expected):
    """Whether the application learned that something is wrong: more calls failed than in the recorded session."""
    is_noticed = failures(outcome.tokens) > expected or DAMAGE.search(outcome.first + outcome.last)
    return "noticed" if is_noticed else "silent"


def noticed_by_ours(ours, oracle, expected):
    """As `noticed`; `fewer` if it noticed nothing and yet got fewer results or rows than C libpq."""
    result = noticed(ours, expected)
    return "fewer" if result == "silent" and successes(ours.tokens) < successes(oracle.tokens) else result


def without_notices(outcome):
    """What it saw, without notices and without the server's version, which can come late."""
    return re.sub(r" notices:\d+|(?<=open:)\d+", "", outcome.tokens)


class Signature:
    """What known.tsv's patterns are compared with.

    It has the mutations with TLS and the style; for each library whether it noticed them, and whether ours did what it does in the session
    as recorded; the first tokens that differ; and the error texts.
    Ours comes first.
    """

    def __init__(self, case, ours, oracle, recorded):
        self.edits = f"{'+'.join(case.mutations)}{' TLS' if case.tls else ''} {case.style}"
        expected = failures(recorded.tokens) if recorded else 0
        self.noticed = f"{noticed_by_ours(ours, oracle, expected)} / {noticed(oracle, expected)}"
        self.undamaged = bool(recorded) and without_notices(ours) == without_notices(recorded)
        self.difference = first_difference(ours.tokens, oracle.tokens)
        if self.difference == "equal" and ours.digest != oracle.digest:
            self.difference = "values"
        self.texts = plain(ours.first), plain(oracle.first)
        if self.texts[0] == self.texts[1] and self.difference in ("equal", "values"):
            self.texts = plain(ours.last), plain(oracle.last)

    def __str__(self):
        undamaged = " (undamaged)" if self.undamaged else ""
        return " :: ".join([self.edits, self.noticed + undamaged, self.difference, " // ".join(self.texts)])


# Words in known.tsv.
WORDS = {
    "DAMAGED_NOTICE": r"\b(flip|number|length|cut|resize|truncate|garbage) N\b",
    "DAMAGED": r"\b(flip|number|length|type|cut|resize|truncate|garbage|reset)\b",
    "EARLY": r"\b(double|many|endless|splice|swap|drop|crossed)\b",
    "GOAWAY": r"\bgoaway\b|\btype .>g",
    "DAMAGE": DAMAGE.pattern,
    "EOF": r"SSL error: unexpected eof while reading|server closed the connection unexpectedly|SSL connection has been closed",
}


class Row:
    """A known difference. All its columns must match.

    If this library noticed less than C libpq (`silent / noticed`), or got fewer results without noticing anything (`fewer`), the row must say
    so. `undamaged / noticed` permits it only if all is as in the recorded session, but for notices.
    """

    def __init__(self, line):
        self.name, edits, noticed_by, *patterns, _reason = line.split("\t")
        self.noticed = noticed_by.split(", ")
        self.edits, self.difference, self.ours, self.oracle = map(self._compile, [edits, *patterns])
        if "silent / noticed" in self.noticed and "." in (self.difference.pattern, edits):
            assert self.oracle.pattern not in (".", ".?"), f"{self.name}: it would hide what this library accepts and C libpq refuses"

    @staticmethod
    def _compile(pattern):
        for word, meaning in WORDS.items():
            pattern = re.sub(rf"\b{word}\b", lambda _: f"(?:{meaning})", pattern)
        return re.compile(pattern)

    def matches(self, signature):
        return (
            (signature.noticed in self.noticed or signature.undamaged and "undamaged / noticed" in self.noticed)
            and self.edits.search(signature.edits)
            and self.difference.search(signature.difference)
            and self.ours.search(signature.texts[0])
            and self.oracle.search(signature.texts[1])
        )


class Known:
    """The table of known differences."""

    def __init__(self):
        self.rows = [Row(line) for line in KNOWN.read_text(encoding="utf-8").splitlines()[1:]]

    def find(self, signature):
        return next((row.name for row in self.rows if row.matches(signature)), None)
