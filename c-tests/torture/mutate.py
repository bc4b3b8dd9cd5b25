"""Mutations of scripts. A case is made from its seed and number alone, so that it can be repeated."""

import random

from replay import Await, Close, Send

STYLES = ["exec", "traced", "send", "async", "nonblocking", "single", "chunked"]
NUMBERS = [0, 1, 2, 3, 4, 5, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 1 << 20, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]
TYPES = b"RKSZTDCENAIGHWVdcnst123vg?\0\xff"
GOAWAY = b"g\0\0\0\x04"
# The most that a stream without end sends.
ENDLESS = [1 << 16, 1 << 18, 1 << 20]


# Edits of one message's bytes. Positions are fractions, because the bytes of SCRAM are not known before they are sent.


def flip(rng):
    hits = [(rng.random(), rng.randrange(8)) for _ in range(rng.choice([1, 1, 1, 2, 8]))]

    def edit(data):
        data = bytearray(data)
        # An earlier edit may have left nothing.
        for where, bit in hits if data else []:
            data[int(where * len(data))] ^= 1 << bit
        return bytes(data)

    return edit


def set_number(rng):
    """Replaces two or four bytes of the body."""
    where, width, number = rng.random(), rng.choice([2, 4, 4]), rng.choice(NUMBERS)
    raw = (number & (1 << 8 * width) - 1).to_bytes(width, "big")

    def edit(data):
        at = 5 + int(where * max(1, len(data) - 5 - width))
        return (data[:at] + raw + data[at + width :])[: max(len(data), 5)]

    return edit


def set_length(rng):
    """Replaces the length, whose message stays as it is."""
    near, number = rng.random() < 0.6, rng.choice(NUMBERS)
    delta = rng.choice([-8, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 8, 16])

    def edit(data):
        old = int.from_bytes(data[1:5], "big")
        return data[:1] + ((old + delta if near else number) & 0xFFFFFFFF).to_bytes(4, "big") + data[5:]

    return edit


def set_type(rng):
    kind = bytes([rng.choice(TYPES)])

    def edit(data):
        return kind + data[1:]

    edit.detail = ">" + kind.decode("latin-1")
    return edit


def cut(rng):
    """Ends the message early; the next one follows."""
    where = rng.random()
    return lambda data: data[: int(where * len(data))]


def resize(rng):
    """Takes bytes from the body or adds some, with a length that fits."""
    where, grow, extra = rng.random(), rng.random() < 0.5, rng.randbytes(rng.choice([1, 1, 2, 4, 9, 300]))
    less = rng.choice([1, 1, 1, 2, 3, 4, 8, 1000])

    def edit(data):
        body = data[5:]
        at = int(where * (len(body) + 1))
        body = body[:at] + extra + body[at:] if grow else body[: max(0, at - less)] + body[at:]
        return data[:1] + (len(body) + 4).to_bytes(4, "big") + body

    return edit


def truncate(rng):
    """Cuts the end of the body, with a length that fits."""
    less = rng.choice([1, 1, 2, 3, 4, 5, 8, 20])

    def edit(data):
        body = data[5 : max(5, len(data) - less)]
        return data[:1] + (len(body) + 4).to_bytes(4, "big") + body

    return edit


def garbage(rng):
    raw = rng.randbytes(rng.choice([1, 4, 5, 20, 300]))
    return lambda data: data + raw


def replace_with_goaway(rng):
    return lambda data: GOAWAY + data


EDITS = {
    "flip": (flip, 6),
    "number": (set_number, 6),
    "length": (set_length, 5),
    "type": (set_type, 3),
    "cut": (cut, 3),
    "resize": (resize, 5),
    "truncate": (truncate, 4),
    "garbage": (garbage, 1),
    "goaway": (replace_with_goaway, 1),
}

# Changes of the order of messages.
ORDERS = {"stop": 4, "drop": 4, "double": 3, "swap": 4, "splice": 4, "many": 3, "endless": 2, "drip": 2, "reset": 1}


class Case:
    """What one session does. `plans` has the steps for each connection."""

    def __init__(self, seed, number, scripts):
        rng = random.Random(f"{seed}:{number}")
        self.seed, self.number = seed, number
        self.script = rng.choice(scripts)
        self.tls = rng.random() < 0.1
        self.style = self._style(rng)
        # Some applications do something else than the server expects.
        crossed = rng.random() < 0.05
        self.program = rng.choice(scripts).program if crossed else self.script.program
        self.options, self.password = self.script.options, self.script.password
        # Without close_notify, over TLS.
        self.stall = rng.choices(["close", "continue", "cut"], [7, 2, 1])[0]
        self.plans = [self._plan(connection) for connection in self.script.connections]
        self.mutations = ["crossed"] if crossed else []
        for _ in range(rng.choice([1, 1, 1, 1, 2, 3])):
            self._mutate(rng, scripts)

    def _style(self, rng):
        if self.script.style == "pipeline":
            return "pipeline"
        return rng.choice(STYLES)

    @staticmethod
    def _plan(connection):
        plan, count = [], 0
        for direction, kind, body in connection:
            if direction == ">":
                count += 0 if kind in ("ssl", "gss") else 1
                if plan and isinstance(plan[-1], Await):
                    plan[-1] = Await(count)
                else:
                    plan.append(Await(count))
            else:
                plan.append(Send(kind, body))
        return plan

    def _mutate(self, rng, scripts):
        targets = [(plan, i) for plan in self.plans for i, step in enumerate(plan) if isinstance(step, Send)]
        if not targets:
            return
        plan, at = rng.choice(targets)
        table = {**{name: weight for name, (_, weight) in EDITS.items()}, **ORDERS}
        name = rng.choices(list(table), list(table.values()))[0]
        step = plan[at]
        if name in EDITS:
            edit = EDITS[name][0](rng)
            self.mutations.append(f"{name} {step.kind}{getattr(edit, 'detail', '')}")
            plan[at] = Send(step.kind, step.body, [*step.edits, edit], step.drip, step.times, step.least)
        else:
            self.mutations.append(f"{name} {step.kind}")
            getattr(self, f"_{name}")(rng, plan, at, scripts)

    @staticmethod
    def _stop(_rng, plan, at, _scripts):
        plan[at + 1 :] = [Close()]

    @staticmethod
    def _reset(rng, plan, at, _scripts):
        """The server closes the connection in the middle of a message."""
        plan[at] = Send(plan[at].kind, plan[at].body, [*plan[at].edits, cut(rng)])
        plan[at + 1 :] = [Close()]

    @staticmethod
    def _drop(_rng, plan, at, _scripts):
        del plan[at]

    @staticmethod
    def _double(_rng, plan, at, _scripts):
        plan.insert(at, plan[at])

    @staticmethod
    def _swap(rng, plan, at, _scripts):
        others = [i for i, step in enumerate(plan) if isinstance(step, Send)]
        other = rng.choice(others) if rng.random() < 0.4 else min(others, key=lambda i: (i <= at, i))
        plan[at], plan[other] = plan[other], plan[at]

    @staticmethod
    def _splice(rng, plan, at, scripts):
        """A message of another session comes between, or in place of this one."""
        connection = rng.choice([c for c in rng.choice(scripts).connections if any(e[0] == "<" for e in c)])
        _, kind, body = rng.choice([entry for entry in connection if entry[0] == "<"])
        plan[at : at + rng.randrange(2)] = [Send(kind, body)]

    @staticmethod
    def _many(rng, plan, at, _scripts):
        plan[at] = Send(plan[at].kind, plan[at].body, plan[at].edits, times=rng.choice([2, 3, 10, 101, 1000]))

    @staticmethod
    def _endless(rng, plan, at, _scripts):
        plan[at] = Send(plan[at].kind, plan[at].body, plan[at].edits, least=rng.choice(ENDLESS))

    @staticmethod
    def _drip(_rng, plan, at, _scripts):
        plan[at] = Send(plan[at].kind, plan[at].body, plan[at].edits, drip=True)

    def describe(self):
        encrypted = ", TLS" if self.tls else ""
        return f"{self.script.name} as {self.style}{encrypted}: {', '.join(self.mutations)}"


class Unchanged(Case):
    """A script as it was recorded."""

    def __init__(self, script, style, tls):
        self.seed, self.number = "recorded", f"{script.name}/{style}{'/tls' if tls else ''}"
        self.script, self.style, self.tls = script, style, tls
        self.program, self.options, self.password, self.stall = script.program, script.options, script.password, "close"
        self.plans = [self._plan(connection) for connection in script.connections]
        self.mutations = ["unchanged"]
