"""Jumps: a fix that the vehicle cannot have reached since its last one.

Cases, for a vehicle whose last trusted place is T, and a suspect place S that came after T and was out of reach:

1. The fix is in reach of T: all is well; S, if any, was an error.
2. Out of reach of T, in reach of S: the vehicle really is there (a ferry without reception, a tracker moved to another
   vehicle). The fix becomes T, so that one true jump is one flag and not one for the rest of the day.
3. Out of reach of both, but its latitude and longitude swapped are in reach of a confirmed T: swapped, flagged (or refused, by
   setting). (T must have been confirmed by a second fix: else a first, swapped fix would have all the right ones flagged.)
4. Out of reach of all: flagged (or refused, by setting); it becomes S.

"In reach" allows the speed of the settings and a slack for noise. Whole columns are tested at once; Python looks one by one
only at vehicles with a jump in this batch, or with a suspect place left from an earlier one. Verdicts depend on the order of
arrival: they are for who looks at fixes, and for the map. Visits and events do not build on them; the engines judge for
themselves, in order of time (`geofence.jumps`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from fleet.clock import MICROS_PER_S
from fleet.fix import Float64s, Int32s, Int64s
from fleet.geodesy import METRES_PER_DEGREE, distance_m
from ingest.screening.places import Places

Bools = npt.NDArray[np.bool_]

#: A flat earth is off by less than this factor over the distances that can be in reach between two fixes of one batch ...
_FLAT_MARGIN: Final = 0.8
#: ... as long as both are below this latitude and not across the antimeridian; elsewhere the exact formula is asked.
_FLAT_LATITUDE_DEG: Final = 80.0


@dataclass(slots=True)
class Verdicts:
    """Rows (of the fixes looked at) that are out of reach, and those that are swapped."""

    jumped: list[int] = field(default_factory=list)
    swapped: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    time: int
    lat: float
    lon: float


@dataclass(slots=True, kw_only=True)
class Ordered:
    """Fixes sorted by (vehicle, time), no two the same; `vehicle` is its slot in `Places`. With the limits for each."""

    vehicle: Int32s
    time: Int64s
    lat: Float64s
    lon: Float64s
    speed_mps: Float64s
    slack_m: Float64s

    @property
    def starts(self) -> Bools:
        """Which rows are the first of their vehicle."""
        starts = np.ones(len(self.vehicle), np.bool_)
        np.not_equal(self.vehicle[1:], self.vehicle[:-1], out=starts[1:])
        return starts


class Jumps:
    """Keeps the suspects; the trusted places are those of `Places`, which it advances."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._suspects: dict[int, _Place] = {}

    def judge(self, fixes: Ordered) -> Verdicts:
        """Verdicts on the rows, by their number in `fixes`; the places are advanced to the newest trusted ones."""
        verdicts = Verdicts()
        if not len(fixes.vehicle):
            return verdicts
        starts = fixes.starts
        doubtful = _out_of_reach(fixes, starts, self._places)
        if self._suspects:
            doubtful |= np.isin(fixes.vehicle, list(self._suspects))
        if not doubtful.any():
            self._advance(fixes, starts, None)
            return verdicts
        vehicles = np.unique(fixes.vehicle[doubtful])
        by_hand = np.isin(fixes.vehicle, vehicles)
        self._advance(fixes, starts, by_hand)
        for row in np.flatnonzero(by_hand).tolist():
            self._judge_one(row, fixes, verdicts)
        return verdicts

    def _advance(self, fixes: Ordered, starts: Bools, by_hand: Bools | None) -> None:
        """The last row of each vehicle that needs no look one by one becomes its place, if it is newer."""
        places = self._places
        last = np.append(starts[1:], True)
        if by_hand is not None:
            last &= ~by_hand
        rows = np.flatnonzero(last)
        keys, time = fixes.vehicle[rows], fixes.time[rows]
        known = places.time[keys]
        newer = time > known
        is_one_of_several = ~starts[rows]
        rows, keys = rows[newer], keys[newer]
        places.is_confirmed[keys] |= (known[newer] > 0) | is_one_of_several[newer]
        places.time[keys], places.lat[keys], places.lon[keys] = time[newer], fixes.lat[rows], fixes.lon[rows]

    def _judge_one(self, row: int, fixes: Ordered, verdicts: Verdicts) -> None:
        """The cases of the module for one fix."""
        places = self._places
        key = int(fixes.vehicle[row])
        fix = _Place(int(fixes.time[row]), float(fixes.lat[row]), float(fixes.lon[row]))
        trusted = _Place(int(places.time[key]), float(places.lat[key]), float(places.lon[key]))
        if fix.time <= trusted.time:
            return
        speed_mps, slack_m = float(fixes.speed_mps[row]), float(fixes.slack_m[row])
        suspect = self._suspects.get(key)
        if trusted.time == 0 or _is_in_reach(trusted, fix, speed_mps, slack_m):
            self._trust(key, fix, is_confirmed=trusted.time > 0)
        elif suspect is not None and fix.time > suspect.time and _is_in_reach(suspect, fix, speed_mps, slack_m):
            self._trust(key, fix, is_confirmed=True)
        elif self._is_swapped(key, trusted, fix, speed_mps, slack_m):
            verdicts.swapped.append(row)
        else:
            self._suspects[key] = fix
            verdicts.jumped.append(row)

    def _trust(self, key: int, fix: _Place, *, is_confirmed: bool) -> None:
        places = self._places
        places.time[key], places.lat[key], places.lon[key] = fix.time, fix.lat, fix.lon
        places.is_confirmed[key] |= is_confirmed
        self._suspects.pop(key, None)

    def _is_swapped(self, key: int, trusted: _Place, fix: _Place, speed_mps: float, slack_m: float) -> bool:
        if not self._places.is_confirmed[key] or abs(fix.lon) > 90:
            return False
        return _is_in_reach(trusted, _Place(fix.time, fix.lon, fix.lat), speed_mps, slack_m)


def _is_in_reach(earlier: _Place, later: _Place, speed_mps: float, slack_m: float) -> bool:
    apart_m = distance_m(earlier.lat, earlier.lon, later.lat, later.lon)
    return apart_m <= slack_m + speed_mps * (later.time - earlier.time) / MICROS_PER_S


def _out_of_reach(fixes: Ordered, starts: Bools, places: Places) -> Bools:
    """Rows that may be out of reach of the row before, or of the vehicle's place: a cheap test that never misses one."""
    lat, lon = fixes.lat, fixes.lon
    before_time = np.empty(len(starts), np.int64)
    before_lat, before_lon = np.empty(len(starts)), np.empty(len(starts))
    before_time[1:], before_lat[1:], before_lon[1:] = fixes.time[:-1], lat[:-1], lon[:-1]
    firsts = np.flatnonzero(starts)
    keys = fixes.vehicle[firsts]
    before_time[firsts], before_lat[firsts], before_lon[firsts] = places.time[keys], places.lat[keys], places.lon[keys]
    elapsed_s = (fixes.time - before_time) / MICROS_PER_S
    north_m = (lat - before_lat) * METRES_PER_DEGREE
    east_deg = lon - before_lon
    east_m = east_deg * (METRES_PER_DEGREE * np.cos(np.radians(lat)))
    reach_m = fixes.slack_m + fixes.speed_mps * elapsed_s
    too_far = north_m * north_m + east_m * east_m > (_FLAT_MARGIN * reach_m) ** 2
    is_curved = (np.abs(lat) > _FLAT_LATITUDE_DEG) | (np.abs(east_deg) > 180.0)
    return np.asarray((too_far | is_curved) & (elapsed_s > 0) & (before_time > 0))
