"""What a tracker's messages say about its clock: streaks of messages that are all off by about the same.

`ahead` is the tracker's instant less the receipt (microseconds). A right clock gives values from a little above 0 down to minus any
time, since a tracker may send what it kept, or be held up. So:

1. Ahead of the receipt: nothing but a wrong clock does that.
2. Behind by nearly a multiple of half an hour, always the same: a clock that shows the time of a zone. Any other constant is left
   alone: a relay that holds messages for a fixed time looks the same.
3. Under a correction for a clock that is ahead, a message that came in at once if it is left as it is: the clock has been put
   right, or the message was kept for just as long as the clock is ahead.

A streak is broken by any message that does not fit. Each case needs so many messages over so long a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

from fleet.clock import MICROS_PER_S
from fleet.fix import Int64s
from ingest.screening.places import Bools

#: A clock that is off by less is as good as right.
LEAST_OFFSET_US: Final = 60 * MICROS_PER_S
#: The messages of a streak differ by no more than this: what a mobile network delays, and what clocks tick in.
MOST_SPREAD_US: Final = 30 * MICROS_PER_S
#: Zones are whole half hours (all that are behind UTC), at most 12 h behind.
ZONE_US: Final = 1800 * MICROS_PER_S
FURTHEST_ZONE_US: Final = 12 * 3600 * MICROS_PER_S
#: A whole message may seem early by this, for clocks that tick in whole seconds and time that the network's delay hides.
EARLY_US: Final = 5 * MICROS_PER_S
#: A clock that is ahead by nearly a multiple of this shows the time of a zone, and is off by just that.
QUARTER_US: Final = 900 * MICROS_PER_S


class Suspicion(Enum):
    """Which case; with the messages and the microseconds of receipt that prove it."""

    AHEAD = (10, 300 * MICROS_PER_S)
    BEHIND = (20, 900 * MICROS_PER_S)
    PUT_RIGHT = (3, 30 * MICROS_PER_S)

    @property
    def messages(self) -> int:
        return self.value[0]

    @property
    def span_us(self) -> int:
        return self.value[1]


@dataclass(slots=True)
class Streak:
    """Messages of one tracker that are off by about the same."""

    suspicion: Suspicion
    messages: int
    first_received: int
    last_received: int
    first_time: int
    last_time: int
    least_ahead: int
    most_ahead: int

    @classmethod
    def begin(cls, suspicion: Suspicion, time: int, received: int, ahead: int) -> Streak:
        return cls(suspicion, 1, received, received, time, time, ahead, ahead)

    def fits(self, suspicion: Suspicion, time: int, ahead: int) -> bool:
        """Whether a message goes on with it. A tracker whose instants stand still has no clock to speak of."""
        least, most = min(self.least_ahead, ahead), max(self.most_ahead, ahead)
        return suspicion is self.suspicion and time > self.last_time and most - least <= MOST_SPREAD_US

    def add(self, time: int, received: int, ahead: int) -> None:
        self.messages += 1
        self.last_time, self.last_received = time, received
        self.least_ahead, self.most_ahead = min(self.least_ahead, ahead), max(self.most_ahead, ahead)

    @property
    def is_proof(self) -> bool:
        is_long_enough = self.last_received - self.first_received >= self.suspicion.span_us
        return is_long_enough and self.messages >= self.suspicion.messages

    @property
    def offset_us(self) -> int:
        """How far the clock is ahead, in whole seconds (those of a zone where it is about that)."""
        if self.suspicion is Suspicion.BEHIND:
            return -((EARLY_US - self.least_ahead) // ZONE_US) * ZONE_US
        # The least delayed message is the nearest to the truth, and was delayed a little all the same.
        whole = -(-self.most_ahead // MICROS_PER_S) * MICROS_PER_S
        nearest = (whole + QUARTER_US // 2) // QUARTER_US * QUARTER_US
        return nearest if nearest and -MICROS_PER_S <= nearest - whole <= 2 * EARLY_US else whole


def suspicion_of(ahead: int, left_alone: int, offset_us: int) -> Suspicion | None:
    """The case of one message. `ahead` is under the correction `offset_us` (0: none), `left_alone` without it."""
    if ahead > LEAST_OFFSET_US:
        return Suspicion.AHEAD
    if offset_us > 0 and -MOST_SPREAD_US <= left_alone <= LEAST_OFFSET_US:
        return Suspicion.PUT_RIGHT
    return Suspicion.BEHIND if bool(are_behind_by_a_zone(np.array([ahead]))[0]) else None


def are_behind_by_a_zone(ahead: Int64s) -> Bools:
    """Case 2, for a column."""
    behind = EARLY_US - ahead
    return np.asarray((behind >= ZONE_US) & (behind <= FURTHEST_ZONE_US + MOST_SPREAD_US) & (behind % ZONE_US <= MOST_SPREAD_US))
