"""Static drift: a vehicle that stands, and whose fixes wander with the noise of its receiver. They are kept and flagged, so
that nobody adds the wandering up to a distance.

A vehicle stands since the first of a row of *quiet* fixes that are all near it: no speed said, or less than a walk's. A quiet fix
that comes after a minute or more of that is drift, if it is not where the first one was, and no further away than the setting or
its own claimed accuracy. A vehicle whose tracker says that the ignition is on, or that it moves, is not drifting.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fleet.clock import MICROS_PER_S
from fleet.fix import FixBatch, Float32s, Float64s, Int32s, Int64s
from fleet.geodesy import METRES_PER_DEGREE
from geofence.slots import grown
from ingest.screening.places import Bools

#: Slower than this is no movement that a receiver can tell from none.
QUIET_MPS: Final = 0.5
#: A vehicle that waits at a light for less than this is not standing.
STANDS_AFTER_US: Final = 60 * MICROS_PER_S
#: Two fixes nearer than this are at one place: the last digit that trackers send.
SAME_PLACE_M: Final = 0.5
#: A claimed accuracy widens the circle to this at most.
WIDEST_M: Final = 150.0
#: More fixes than this of one vehicle in one batch (a day that was stored) are not looked at beyond: columns do not pay for them.
MOST_ROUNDS: Final = 256
#: As `encode_extras` writes them.
_IGNITION_ON: Final = b'"ignition":true'
_MOVES: Final = b'"is_moving":true'


class Drift:
    """Where each vehicle stands, and since when (0: it does not): columns by the slots of `Places`."""

    def __init__(self) -> None:
        self._since: Int64s = np.zeros(0, np.int64)
        self._newest: Int64s = np.zeros(0, np.int64)
        self._lat: Float64s = np.zeros(0)
        self._lon: Float64s = np.zeros(0)

    def find(self, fixes: FixBatch, rows: npt.NDArray[np.intp], vehicle: Int32s, radius_m: Float64s) -> npt.NDArray[np.intp]:
        """Those of `rows` that are drift. They are by vehicle and time; `vehicle` is the slot of each, `radius_m` its setting."""
        self._reach(int(vehicle.max(initial=-1)) + 1)
        drifting = np.zeros(len(rows), np.bool_)
        speed = fixes.speed_mps[rows]
        is_quiet = ~(speed >= QUIET_MPS) & (radius_m > 0)
        if not is_quiet.any():
            self._leave(vehicle, fixes.time[rows])
            return rows[:0]
        time, lat, lon = fixes.time[rows], fixes.lat[rows], fixes.lon[rows]
        reach_m = _reach_m(fixes.accuracy_m[rows], radius_m)
        rank = _ranks(vehicle)
        rounds = int(rank.max(initial=-1)) + 1
        if rounds == 1:
            drifting = self._round(vehicle, time, lat, lon, is_quiet, reach_m)
        for number in range(min(rounds, MOST_ROUNDS) if rounds > 1 else 0):
            at = np.flatnonzero(rank == number)
            drifting[at] = self._round(vehicle[at], time[at], lat[at], lon[at], is_quiet[at], reach_m[at])
        return _calm(fixes.extras, rows[drifting])

    def _round(self, vehicle: Int32s, time: Int64s, lat: Float64s, lon: Float64s, is_quiet: Bools, reach_m: Float64s) -> Bools:
        """One fix of each of these vehicles; which are drift. What is not newer than the newest says nothing."""
        is_newer = time > self._newest[vehicle]
        apart_m = _apart_m(lat, lon, self._lat[vehicle], self._lon[vehicle])
        since = self._since[vehicle]
        stays = is_quiet & (since > 0) & (apart_m <= reach_m)
        left = np.flatnonzero(is_newer & ~stays)
        moved = vehicle[left]
        self._lat[moved], self._lon[moved] = lat[left], lon[left]
        self._since[moved] = np.where(is_quiet[left], time[left], 0)
        self._newest[vehicle[is_newer]] = time[is_newer]
        return np.asarray(is_newer & stays & (time - since >= STANDS_AFTER_US) & (apart_m > SAME_PLACE_M))

    def _leave(self, vehicle: Int32s, time: Int64s) -> None:
        """All of them move. Rows are in order of time, so the last of each vehicle's is what stays."""
        is_newer = time > self._newest[vehicle]
        self._since[vehicle[is_newer]] = 0
        self._newest[vehicle[is_newer]] = time[is_newer]

    def _reach(self, count: int) -> None:
        if count > len(self._since):
            self._since, self._newest = grown(self._since, count), grown(self._newest, count)
            self._lat, self._lon = grown(self._lat, count), grown(self._lon, count)


def _calm(extras: list[bytes | None], rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Those of the rows whose tracker does not say that it is under way. All of them are searched together first: hardly ever
    does one that stands say so, and a search of its own for each costs more than all the rest."""
    candidates: list[Any] = rows.tolist()
    together = b"\n".join([said for row in candidates if (said := extras[row]) is not None])
    if _IGNITION_ON not in together and _MOVES not in together:
        return rows
    calm = [row for row in candidates if (said := extras[row]) is None or not (_IGNITION_ON in said or _MOVES in said)]
    return np.array(calm, np.intp)


def _ranks(vehicle: Int32s) -> Int64s:
    """Of rows by vehicle: the how-manieth of its vehicle each is."""
    rows = np.arange(len(vehicle))
    is_first = np.ones(len(vehicle), np.bool_)
    is_first[1:] = vehicle[1:] != vehicle[:-1]
    return np.asarray(rows - np.maximum.accumulate(np.where(is_first, rows, 0)))


def _reach_m(accuracy_m: Float32s, radius_m: Float64s) -> Float64s:
    claimed = np.minimum(np.nan_to_num(accuracy_m, nan=0.0), WIDEST_M)
    return np.asarray(np.maximum(radius_m, claimed), np.float64)


def _apart_m(lat: Float64s, lon: Float64s, from_lat: Float64s, from_lon: Float64s) -> Float64s:
    """On a flat earth: what is near enough to matter here is near enough for that."""
    north_m = (lat - from_lat) * METRES_PER_DEGREE
    east_deg = (lon - from_lon + 180.0) % 360.0 - 180.0
    return np.asarray(np.hypot(north_m, east_deg * METRES_PER_DEGREE * np.cos(np.radians(lat))))
