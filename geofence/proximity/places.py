"""Where vehicles were at an instant, told by the fixes around it.

1. A fix at the instant itself: there.
2. A fix before and one after it, close in time, and no faster apart than anything drives: on the straight line between them.
3. No fix close enough behind the one before, at which the vehicle stood: still there, for a while. Trackers of parked vehicles say
   little.
4. Else nobody knows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fleet.clock import MICROS_PER_S
from fleet.fix import Float64s, Int64s
from fleet.fixes_around import NO_FIX, FixesAround
from fleet.geodesy import distances_m
from geofence.proximity.settings import ProximitySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """N vehicles whose places at one instant are known, by key: `vehicle` increases. `before` and `after` are the instants of the
    fixes that say so; they are the same where one fix alone does."""

    vehicle: Int64s
    lat: Float64s
    lon: Float64s
    before: Int64s
    after: Int64s

    def __len__(self) -> int:
        return len(self.vehicle)

    def find(self, keys: Int64s) -> Int64s:
        """The rows of these vehicles; -1 where a vehicle's place is not known."""
        if not len(self):
            return np.full(len(keys), -1)
        rows = np.minimum(np.searchsorted(self.vehicle, keys), len(self) - 1)
        return np.where(self.vehicle[rows] == keys, rows, -1)


def places_of(around: FixesAround, settings: ProximitySettings) -> Places:
    """The places that are known of the vehicles at the one instant that these rows are of."""
    gap = np.where(around.after_time == NO_FIX, np.iinfo(np.int64).max, around.after_time - around.before_time)
    is_exact = around.before_time == around.instant
    is_close = gap <= round(settings.max_gap_s * MICROS_PER_S)
    way_m = distances_m(around.before_lat, around.before_lon, around.after_lat, around.after_lon)
    is_between = is_close & ~is_exact & (way_m <= settings.fastest_mps * gap / MICROS_PER_S)
    has_stood = around.before_speed_mps <= settings.hold_speed_mps
    is_held = ~is_close & has_stood & (around.instant - around.before_time <= round(settings.hold_s * MICROS_PER_S))
    known = np.flatnonzero(is_exact | is_between | is_held)
    between = is_between[known]
    before, lat, lon = around.before_time[known], around.before_lat[known], around.before_lon[known]
    after = np.where(between, around.after_time[known], before)
    fraction = np.where(between, (around.instant[known] - before) / np.where(between, gap[known], 1), 0.0)
    north = np.where(between, around.after_lat[known] - lat, 0.0)
    east = np.where(between, _turned(around.after_lon[known] - lon), 0.0)
    return Places(
        vehicle=around.vehicle[known],
        lat=lat + fraction * north,
        lon=_turned(lon + fraction * east),
        before=before,
        after=after,
    )


def _turned(degrees: Float64s) -> Float64s:
    """Degrees of longitude, turned by whole circles into [-180, 180)."""
    return np.where((degrees >= -180) & (degrees < 180), degrees, (degrees + 180.0) % 360.0 - 180.0)
