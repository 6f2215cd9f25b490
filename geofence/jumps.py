"""Jumps: which fixes their vehicle cannot have been at, judged from fix to fix in order of time.

The places that are compared are those of usable fixes. Of each vehicle the last believed place is known, and the suspects since it:

1. A fix in reach of the last believed place is believed. What was suspected meanwhile was the receiver's error: there and back.
2. One out of its reach is wild. It is a suspect, and those after it that are in reach of one another and not of the believed place
   speak for it: with the third of them, a minute after the first, the vehicle is believed to be there (a ferry without reception, a
   tracker mounted elsewhere, a first fix that was wrong). What came before that stays left out.
3. One whose latitude and longitude, swapped, are in reach of the believed place says nothing for a place at the other end of the
   world, however often it comes. The believed place must be of a second fix for that: else a first fix that was swapped would have
   all the right ones left out.

"In reach" is what the time between allows at the highest speed, and a slack for noise. Three fixes and a minute are also what a
stay in a fence needs that begins with a jump (`geofence.visits`). Of the 45 times that receivers of the Porto taxi recording are
thrown aside and come back, 21 are for one fix, 22 for two and 2 for three, 15 s apart: two that agree prove nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from fleet.clock import MICROS_PER_S
from fleet.geodesy import METRES_PER_DEGREE, distance_m, distances_m

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

#: So many fixes, over so long, make a place believed that was jumped to.
FIXES_AFTER_JUMP: Final = 3
BELIEVED_AFTER_US: Final = 60 * MICROS_PER_S
#: Distances of columns and of single places may differ in their last digits: what is nearly out of reach is looked at by itself.
_DOUBT: Final = 1.0 - 1e-9


class Place(NamedTuple):
    """Where a fix was: microseconds since 1970 UTC, degrees."""

    time: int
    lat: float
    lon: float


class Suspect(NamedTuple):
    """Fixes in reach of one another, and none of them of the believed place: the last of them, since when, and how many."""

    last: Place
    since: int
    fixes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far apart two fixes may be."""

    #: 100 m/s is more than any train or delivery drone does.
    speed_mps: float = 100.0
    #: Whatever the time between: noise, a tunnel's end, clocks that tick in whole seconds.
    slack_m: float = 500.0

    def holds(self, earlier: Place, later: Place) -> bool:
        """Whether the way between them is possible."""
        way_m = distance_m(earlier.lat, earlier.lon, later.lat, later.lon)
        return way_m <= self.slack_m + self.speed_mps * (later.time - earlier.time) / MICROS_PER_S

    def doubtful(self, time: Int64s, lat: Floats, lon: Floats, before: tuple[Int64s, Floats, Floats]) -> Int64s:
        """Rows that may be out of reach of the place before each (NaN where there is none): never misses one."""
        before_time, before_lat, before_lon = before
        north, east = lat - before_lat, lon - before_lon
        # No way is longer than its degrees are at the equator.
        near_deg = self.slack_m / METRES_PER_DEGREE
        rows = np.flatnonzero(north * north + east * east > near_deg * near_deg)
        if not len(rows):
            return rows
        ways_m = distances_m(before_lat[rows], before_lon[rows], lat[rows], lon[rows])
        elapsed_s = (time[rows] - before_time[rows]) / MICROS_PER_S
        return rows[ways_m > (self.slack_m + self.speed_mps * elapsed_s) * _DOUBT]


@dataclass(slots=True)
class Track:
    """One vehicle while its fixes are judged one by one."""

    believed: Place | None = None
    #: Whether a second fix was in reach of the first.
    is_confirmed: bool = False
    suspect: Suspect | None = None

    def takes(self, fix: Place, reach: Reach) -> bool:
        """Take in the next fix; whether it is believed."""
        if self.believed is None or reach.holds(self.believed, fix):
            self.is_confirmed = self.believed is not None
            self.believed, self.suspect = fix, None
            return True
        if self.suspect is not None and reach.holds(self.suspect.last, fix):
            suspect = Suspect(fix, self.suspect.since, min(self.suspect.fixes + 1, FIXES_AFTER_JUMP))
        elif self._is_swapped(self.believed, fix, reach):
            return False
        else:
            suspect = Suspect(fix, fix.time, 1)
        if suspect.fixes < FIXES_AFTER_JUMP or fix.time - suspect.since < BELIEVED_AFTER_US:
            self.suspect = suspect
            return False
        self.believed, self.is_confirmed, self.suspect = fix, True, None
        return True

    def _is_swapped(self, believed: Place, fix: Place, reach: Reach) -> bool:
        return self.is_confirmed and abs(fix.lon) <= 90 and reach.holds(believed, Place(fix.time, fix.lon, fix.lat))
