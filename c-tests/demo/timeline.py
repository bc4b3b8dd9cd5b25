"""Shows while a demonstration runs how many clients are connected to which server."""

import time

from clients import Clock
from cluster import connections_to

WIDTH = 25


class Timeline:
    """Counts the connections to two servers, prints the counts now and then, and keeps the samples."""

    def __init__(self, clients, old_port, new_port, full):
        self.clients, self.old_port, self.new_port, self.full = clients, old_port, new_port, full
        self.clock = Clock()
        self._samples = []
        self._next_line = 0.0

    def begin(self, text):
        """Starts the clock: all times count from here."""
        self._line()
        self.clock = Clock()
        self.say(text)
        self._next_line = 0.25

    def seconds(self):
        return self.clock.seconds()

    def say(self, text):
        print(f"{self.seconds():7.2f} s  {text}", flush=True)

    def watch(self, condition, limit):
        """Samples until `condition` is true, for at most `limit` seconds since the start of the clock."""
        while not condition():
            if self.seconds() > limit:
                raise TimeoutError(f"not within {limit:.0f} seconds")
            self._sample()
            time.sleep(0.05)

    def watch_for(self, seconds):
        end = self.seconds() + seconds
        self.watch(lambda: self.seconds() >= end, end + 1)

    def samples(self):
        """(seconds, connections to the old server, connections to the new one)"""
        return [(t - self.clock.monotonic, old, new) for t, old, new in self._samples]

    def _sample(self):
        self._samples.append((time.monotonic(), connections_to(self.old_port), connections_to(self.new_port)))
        if self.seconds() >= self._next_line:
            self._line()

    def _line(self):
        old, new = connections_to(self.old_port), connections_to(self.new_port)
        failed, answered = self.clients.count("failed"), self.clients.answered()
        self.say(
            f"old server {old:3} {self._bar(old)}  new server {new:3} {self._bar(new)}"
            f"  {answered:6} answered, {failed} failed"
        )
        # Fewer lines during long waits, but one every ten seconds.
        self._next_line = self.seconds() + min(10, max(0.5, self.seconds() / 20))

    def _bar(self, n):
        return ("#" * min(WIDTH, round(WIDTH * n / self.full))).ljust(WIDTH, ".")


def peak(times):
    """The largest number of `times`, which are sorted, within one second."""
    return max((sum(t <= other < t + 1 for other in times[n:]) for n, t in enumerate(times)), default=0)
