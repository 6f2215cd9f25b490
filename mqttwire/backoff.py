"""How long to wait before the next attempt: exponential with full jitter, bounded.

Full jitter (uniform between zero and the bound of the attempt) spreads a fleet of clients evenly after a broker's restart;
see M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from mqttwire.errors import InvalidMqttOption


@dataclass(frozen=True, kw_only=True, slots=True)
class BackoffLimits:
    """The bounds of the waits. `taken_over_s` is the first wait after another client took our session."""

    first_s: float = 0.5
    longest_s: float = 30.0
    taken_over_s: float = 15.0
    #: A connection that lasted this long was a good one: the next failure starts with the short waits again.
    healthy_after_s: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.first_s <= self.longest_s:
            raise InvalidMqttOption("first_s", "must be above 0 and not above longest_s")
        if self.taken_over_s < 0:
            raise InvalidMqttOption("taken_over_s", "must not be negative")


class Backoff:
    """Counts the failures in a row and says how long to wait after each."""

    def __init__(self, limits: BackoffLimits, random_unit: Callable[[], float] = random.random) -> None:
        self._limits = limits
        self._random_unit = random_unit
        self.failures = 0

    def succeeded(self, lasted_s: float) -> None:
        """A connection came about and lasted; a short one counts as a failure, so that a flapping one is not hammered."""
        if lasted_s >= self._limits.healthy_after_s:
            self.failures = 0

    def next_wait_s(self, *, taken_over: bool = False) -> float:
        """The wait after one more failure."""
        limits = self._limits
        # Beyond 2**32 the bound is `longest_s` anyway; the cap keeps the power from overflowing a float after days of failures.
        bound_s = min(limits.longest_s, limits.first_s * 2.0 ** min(self.failures, 32))
        self.failures += 1
        wait_s = self._random_unit() * bound_s
        if taken_over:
            # Two workers with one client id throw each other out for as long as both come back at once. A long wait with a
            # spread as long again lets one of them work in peace most of the time, and gives a person time to see it.
            wait_s += limits.taken_over_s * (1.0 + self._random_unit())
        return wait_s
