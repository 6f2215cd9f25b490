"""What really happened at each stop, from the drive alone: the fixes have no say in it.

A stop was called at when the van stood for it. An arrival is right when the instant that is told lies

* not before the van came into the stop's circle on the way to this stand (that is what an arrival is dated back to), nor before
  it had left where it stood before: a service next door, or a lunch, within the same circle is no arrival here;
* not after the van drove on;

give or take 30 s: twice the longest interval between fixes, which is how well an edge can be known that is crossed between two
of them with up to 25 m of noise. Doors that were served on foot from one parking place were all reached with that stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.arrivals_drive import Day, Stand, Traffic
from bench.arrivals_round import Door

TOLERANCE_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A stop that was called at: seconds of the day. `entered_s` is when the van came into the circle, `begin_s` when it stood."""

    door: Door
    entered_s: float
    begin_s: float
    end_s: float
    #: How many doors were served from this stand.
    doors: int

    def holds(self, second: float) -> bool:
        """Whether an arrival told for that second of the day is right."""
        return self.entered_s - TOLERANCE_S <= second <= self.end_s + TOLERANCE_S

    def error_s(self, second: float) -> float:
        """How far that second is from the moment at which the van stood still, negative when before."""
        return second - self.begin_s


def calls(day: Day) -> dict[str, Called]:
    """By id of the stop, all that were called at."""
    found: dict[str, Called] = {}
    left_s = -TOLERANCE_S
    for stand in day.stands:
        if isinstance(stand.why, Traffic):
            continue
        if stand.halt is not None:
            for door in stand.halt.doors:
                found[door.id] = Called(
                    door=door,
                    entered_s=_entered_s(day, stand, door, left_s),
                    begin_s=stand.begin_s,
                    end_s=stand.end_s,
                    doors=len(stand.halt.doors),
                )
        left_s = stand.end_s
    return found


def _entered_s(day: Day, stand: Stand, door: Door, not_before_s: float) -> float:
    seconds = np.arange(stand.begin_s, max(0.0, not_before_s), -1.0)
    east_m, north_m, _, _ = day.at(seconds)
    outside = np.hypot(east_m - door.east_m, north_m - door.north_m) > door.radius_m
    first = int(np.argmax(outside)) if outside.any() else len(seconds)
    return float(stand.begin_s if first == 0 else seconds[first - 1])


def doing(day: Day, second: float) -> str:
    """What the van was doing at, or within half a minute of, that second: for who asks how an error came about."""
    near = [stand for stand in day.stands if stand.begin_s - TOLERANCE_S <= second <= stand.end_s + TOLERANCE_S]
    if not near:
        return "driving"
    return str(max(near, key=lambda stand: stand.end_s - stand.begin_s).why)
