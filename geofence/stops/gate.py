"""Which fixes matter, found for a whole batch at once: columns over all vehicles that have routes.

For each vehicle the engine leaves an anchor (its position when it was last looked at), how far it can go from there before
anything can happen, and the instant at which something is due wherever it is. A fix that stays within both limits costs a few
vector operations and no Python: within that disc every segment between two fixes is free of circles, since a disc is convex.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import Enum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fleet.fix import FixBatch
from fleet.geodesy import METRES_PER_DEGREE, metres_per_degree_lon
from fleet.screening import Flag
from geofence.stops.field import Place
from geofence.stops.records import NEVER

#: Later than any instant.
NEVER_DUE: Final = 2**62
#: The plane around an anchor is not the sphere: up to the longest reach used here distances in it are off by less than this.
FLAT_SHARE: Final = 0.97
FLAT_M: Final = 20_000.0
#: Bits of a fix that make its place worthless for arrivals. TELEPORT is set as jumps are told in order of time (`geofence.jumps`).
_BAD_PLACE: Final = np.uint16(Flag.TELEPORT | Flag.INACCURATE)
_ABSENT: Final = -1

Indices = npt.NDArray[np.intp]


class Look(Enum):
    """Why a fix matters."""

    NOTHING = "nothing"
    #: Something is due; at no circle can anything have happened.
    TIME = "time"
    PLACE = "place"


class Gate:
    """One row a vehicle, found by its key. The newest good fix of each is kept here: the start of its next segment."""

    def __init__(self) -> None:
        self._row_by_key: dict[int, int] = {}
        self._allocate(0)

    def _allocate(self, size: int) -> None:
        self._key = np.zeros(size, np.int64)
        self._time = np.full(size, NEVER, np.int64)
        self._lat, self._lon, self._speed = np.zeros(size), np.zeros(size), np.zeros(size)
        self._anchor_lat, self._anchor_lon = np.zeros(size), np.zeros(size)
        self._metres_lon = np.ones(size)
        self._reach_m = np.zeros(size)
        self._due = np.zeros(size, np.int64)
        self._due_without_fix = np.full(size, NEVER_DUE, np.int64)

    def watch(self, keys: Iterable[int]) -> None:
        """Watch exactly these vehicles. Who was watched before keeps what is known; who is new is looked at with its first fix."""
        wanted = sorted(set(keys))
        kept = [key for key in wanted if key in self._row_by_key]
        old_rows = np.array([self._row_by_key[key] for key in kept], np.intp)
        old = {name: getattr(self, name) for name in _COLUMNS}
        self._allocate(len(wanted))
        self._row_by_key = {key: row for row, key in enumerate(wanted)}
        new_rows = np.array([self._row_by_key[key] for key in kept], np.intp)
        for name, column in old.items():
            getattr(self, name)[new_rows] = column[old_rows]
        self._key[:] = wanted

    def __contains__(self, key: int) -> bool:
        return key in self._row_by_key

    def admit(self, batch: FixBatch, max_accuracy_m: float) -> list[int]:
        """Indices of the fixes that may matter, by time, among them those that are good for their speed alone. Of all others the
        newest of each vehicle is remembered."""
        rows = self._rows(batch)
        is_blurred = batch.accuracy_m > max_accuracy_m
        good = (rows != _ABSENT) & ((batch.flags & _BAD_PLACE) == 0) & ~is_blurred
        blurred = np.flatnonzero((rows != _ABSENT) & is_blurred & ~np.isnan(batch.speed_mps))
        indices = np.flatnonzero(good)
        if not indices.size:
            return _in_order(batch, blurred)
        indices = indices[np.argsort(rows[indices], kind="stable")]
        rows = rows[indices]
        may_matter = _since_first(self._matters(rows, batch, indices), rows)
        self._remember_quiet(rows, batch, indices, may_matter)
        return _in_order(batch, np.concatenate([indices[may_matter], blurred]))

    def _rows(self, batch: FixBatch) -> Indices:
        if not self._key.size:
            return np.full(len(batch), _ABSENT, np.intp)
        rows = np.minimum(np.searchsorted(self._key, batch.vehicle), self._key.size - 1)
        return np.where(self._key[rows] == batch.vehicle, rows, _ABSENT)

    def _matters(self, rows: Indices, batch: FixBatch, indices: Indices) -> npt.NDArray[np.bool_]:
        north_m = (batch.lat[indices] - self._anchor_lat[rows]) * METRES_PER_DEGREE
        east = (batch.lon[indices] - self._anchor_lon[rows] + 180.0) % 360.0 - 180.0
        east_m = east * self._metres_lon[rows]
        reach_m = self._reach_m[rows]
        return (north_m * north_m + east_m * east_m >= reach_m * reach_m) | (batch.time[indices] >= self._due[rows])

    def _remember_quiet(self, rows: Indices, batch: FixBatch, indices: Indices, may_matter: npt.NDArray[np.bool_]) -> None:
        """The last fix of each vehicle before the first that may matter."""
        ends = np.append(rows[1:] != rows[:-1], True)
        before = np.append(may_matter[1:], True)
        last = ~may_matter & (ends | before)
        quiet, at = rows[last], indices[last]
        self._time[quiet], self._lat[quiet], self._lon[quiet] = batch.time[at], batch.lat[at], batch.lon[at]
        self._speed[quiet] = batch.speed_mps[at]

    def look(self, key: int, place: Place) -> Look:
        """`admit` for one fix, after an earlier one of the same batch may have moved the anchor. Where the place does not matter it
        is remembered."""
        row = self._row_by_key[key]
        north_m = (place.lat - self._anchor_lat.item(row)) * METRES_PER_DEGREE
        east_m = ((place.lon - self._anchor_lon.item(row) + 180.0) % 360.0 - 180.0) * self._metres_lon.item(row)
        if math.hypot(north_m, east_m) >= self._reach_m.item(row):
            return Look.PLACE
        self._remember(row, place)
        return Look.TIME if place.time >= self._due.item(row) else Look.NOTHING

    def _remember(self, row: int, place: Place) -> None:
        self._time[row], self._lat[row], self._lon[row], self._speed[row] = place.time, place.lat, place.lon, place.speed_mps

    def last(self, key: int) -> Place | None:
        """The newest good fix of a vehicle."""
        row = self._row_by_key[key]
        time = self._time.item(row)
        if time == NEVER:
            return None
        return Place(time, self._lat.item(row), self._lon.item(row), self._speed.item(row))

    def settle(self, key: int, place: Place, reach_m: float) -> None:
        """The vehicle was looked at here: nothing can happen within `reach_m` of it before something is due."""
        row = self._row_by_key[key]
        self._remember(row, place)
        self._anchor_lat[row], self._anchor_lon[row] = place.lat, place.lon
        self._metres_lon[row] = metres_per_degree_lon(place.lat)
        self._reach_m[row] = min(reach_m, FLAT_M) * FLAT_SHARE

    def set_due(self, key: int, with_fix: int, without_fix: int) -> None:
        """When the next fix matters wherever it is, and when something is to be done even if no fix comes."""
        row = self._row_by_key[key]
        self._due[row], self._due_without_fix[row] = with_fix, without_fix

    def due_without_fix(self, at: int) -> list[int]:
        """Keys of the vehicles for which something is due, in order."""
        keys: list[int] = self._key[self._due_without_fix <= at].tolist()
        return keys

    def disturb(self, key: int) -> None:
        """The plan changed: the vehicle's next fix matters."""
        self._due[self._row_by_key[key]] = 0

    def is_disturbed(self, key: int) -> bool:
        return bool(self._due[self._row_by_key[key]] == 0)

    def clear(self, key: int) -> None:
        """Forget the newest fix as well."""
        row = self._row_by_key[key]
        self._time[row], self._due[row] = NEVER, 0


_COLUMNS: Final = (
    "_time",
    "_lat",
    "_lon",
    "_speed",
    "_anchor_lat",
    "_anchor_lon",
    "_metres_lon",
    "_reach_m",
    "_due",
    "_due_without_fix",
)


def _in_order(batch: FixBatch, found: Indices) -> list[int]:
    """By time, then by vehicle."""
    return list(found[np.lexsort((batch.vehicle[found], batch.time[found]))].tolist())


def _since_first(flags: npt.NDArray[np.bool_], rows: Indices) -> npt.NDArray[np.bool_]:
    """True from the first True of each run of equal `rows` on."""
    count: npt.NDArray[Any] = np.cumsum(flags)
    starts = np.flatnonzero(np.append(True, rows[1:] != rows[:-1]))
    before = (count[starts] - flags[starts]).repeat(np.diff(np.append(starts, rows.size)))
    return np.asarray(count > before)


def flat_m(origin: Place, place: Place) -> float:
    """Metres from one place to another, in the plane around the first."""
    north_m = (place.lat - origin.lat) * METRES_PER_DEGREE
    east_m = ((place.lon - origin.lon + 180.0) % 360.0 - 180.0) * metres_per_degree_lon(origin.lat)
    return math.hypot(north_m, east_m)
