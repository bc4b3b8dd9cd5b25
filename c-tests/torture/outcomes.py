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


def noticed(outcome, expected):
    """Whether the application learned that something is wrong: more calls failed than in the recorded session."""
    is_noticed = failures(outcome.tokens) > expected or DAMAGE.search(outcome.first + outcome.last)
    return "noticed" if is_noticed else "silent"


def signature(case, ours, oracle, expected):
    """One line that known.tsv's patterns are compared with; ours comes first.

    It has the mutations; for each library whether it noticed them; the first tokens that differ; and the error texts.
    """
    difference = first_difference(ours.tokens, oracle.tokens)
    if difference == "equal" and ours.digest != oracle.digest:
        difference = "values"
    texts = plain(ours.first), plain(oracle.first)
    if texts[0] == texts[1] and difference in ("equal", "values"):
        texts = plain(ours.last), plain(oracle.last)
    both = f"{noticed(ours, expected)} / {noticed(oracle, expected)}"
    return f"{'+'.join(case.mutations)}{' TLS' if case.tls else ''} :: {both} :: {difference} :: {texts[0]} // {texts[1]}"


class Known:
    """The table of known differences."""

    def __init__(self):
        self.rows = []
        for line in KNOWN.read_text(encoding="utf-8").splitlines()[1:]:
            name, pattern, _reason = line.split("\t")
            pattern = pattern.replace("DAMAGED", r"^[^:]*\b(flip|number|length|type|cut|resize|truncate|garbage|reset)\b[^:]*")
            self.rows.append((name, re.compile(pattern)))

    def find(self, text):
        return next((name for name, pattern in self.rows if pattern.search(text)), None)
