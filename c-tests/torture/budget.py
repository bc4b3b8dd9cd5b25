"""How much a part does: cases until a time, or in the short form a fixed number of them."""

import time

# The short form does the same cases on every machine. One that needs longer than this for a part fails.
LIMIT_SECONDS = 900
# With so much time, a part can do all cases that it has a limited number of, even if they need more than its share.
LONG_MINUTES = 60


class OutOfTime(RuntimeError):
    """The short form did not end."""


class Budget:
    def __init__(self, seconds, short=False, long=False):
        self.seconds, self.short, self.long, self.begin = seconds, short, long, time.monotonic()

    def part(self, seconds):
        """The budget of a part of a part, from now on."""
        return Budget(seconds, self.short, self.long)

    def numbers(self, short_count, first=0, step=1):
        """Numbers of cases, of which `step` workers take every nth."""
        number = first
        while self._goes_on(number, short_count):
            yield number
            number += step

    def _goes_on(self, number, short_count):
        elapsed = time.monotonic() - self.begin
        if not self.short:
            return elapsed < self.seconds
        if number < short_count and elapsed > LIMIT_SECONDS:
            raise OutOfTime(f"only {number} of {short_count} cases in {LIMIT_SECONDS} seconds")
        return number < short_count
