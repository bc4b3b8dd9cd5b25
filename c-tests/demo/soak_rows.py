"""What soak.py checks: the rows in the table against what the clients reported, and the growth of processes."""

import collections

# What a process may grow: caches fill, and the allocator keeps memory. In kB, descriptors and threads.
ALLOWED = (4096, 2, 0)


class Report:
    """What a client reported about its rows. They have the numbers from 1 to `last`."""

    def __init__(self):
        self.last, self.failed, self.unknown = None, set(), set()

    def read(self, word, number):
        if word == "last":
            self.last = number
        else:
            getattr(self, word).add(number)

    def sent(self):
        return set(range(1, (self.last or 0) + 1))

    def committed(self):
        return self.sent() - self.failed - self.unknown


def problems(report, rows):
    """The first numbers of the rows that are wrong in a client's table."""
    there = set(rows)
    found = {
        "lost": report.committed() - there,
        "failed, but there": report.failed & there,
        "twice": {row for row, count in collections.Counter(rows).items() if count > 1},
        "not sent": there - report.sent(),
    }
    return {problem: sorted(numbers)[:5] for problem, numbers in found.items() if numbers}


def claims(report, rows):
    found = problems(report, rows)
    return {
        "every committed row is there": "lost" not in found,
        "no failed row is there": "failed, but there" not in found,
        "no row is there twice": "twice" not in found,
        "no row is there that the client did not send": "not sent" not in found,
    }


def notices_faults(report, rows):
    """Changes the rows as a fault would. Returns whether each fault is found, and nothing else."""
    if not report.committed() or not report.failed:
        return False
    committed, failed, foreign = max(report.committed()), max(report.failed), report.last + 1
    faults = {
        "lost": (committed, [row for row in rows if row != committed]),
        "failed, but there": (failed, [*rows, failed]),
        "twice": (committed, [*rows, committed]),
        "not sent": (foreign, [*rows, foreign]),
    }
    return all(problems(report, changed) == {problem: [row]} for problem, (row, changed) in faults.items())


def median(values):
    return sorted(values)[len(values) // 2]


def growth(sizes):
    """The growth of a process from the second third of its samples to the last: memory, descriptors and threads."""
    third = len(sizes) // 3
    before, after = sizes[third : 2 * third], sizes[2 * third :]
    return [median(column) - median(earlier) for column, earlier in zip(zip(*after), zip(*before))]


def is_flat(sizes):
    return all(grown <= allowed for grown, allowed in zip(growth(sizes), ALLOWED))


def notices_growth():
    """Whether a slow leak of each kind is noticed, in samples that are flat otherwise."""
    flat = [(30000, 9, 1)] * 90
    for kind, allowed in enumerate(ALLOWED):
        leak = [list(size) for size in flat]
        for i, size in enumerate(leak):
            size[kind] += (2 * allowed + 2) * i // 30
        if is_flat(leak):
            return False
    return is_flat(flat)
