"""What a step of the engine of fences looks at: its rows, what came before them, and which fences they hit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fleet.clock import MICROS_PER_S
from fleet.geodesy import METRES_PER_DEGREE
from geofence.last_fixes import Places
from geofence.membership import Hits, Ways, hits_among
from geofence.plan import FencePlan
from geofence.rows import Rows
from geofence.slots import Int32s, Int64s
from geofence.stays import NEVER
from geofence.visits import UNUSABLE, Limits

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

#: Ways are left out that are surely too long, too short or too slow, by a flat measure that is this much too generous.
_GENEROUS: Final = 1.05
#: Within so many degrees a way is looked at whatever its length: the cells that it touches are few.
_SHORT_DEG: Final = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """`before` is the vehicle's fix before each row, `gaps` the time since then (0 for a first fix, microseconds).

    `hits` are in order of fence and row, and `keys` are their fences and rows as one number each (`hit_keys`).
    """

    plan: FencePlan
    limits: Limits
    rows: Rows
    #: By vehicle: its last row.
    ends: Int64s
    before: Places
    gaps: Int64s
    hits: Hits
    keys: Int64s

    def is_usable(self, row: Int64s, fence: Int32s) -> Booleans:
        """Whether these fixes may change anything about stays in these fences."""
        batch = self.rows.batch
        return _is_usable(batch.flags[row], batch.accuracy_m[row], self.plan.columns.max_accuracy_m[fence])

    def was_usable(self, row: Int64s, fence: Int32s) -> Booleans:
        """The same of the fixes before."""
        before = self.before
        return _is_usable(before.flags[row], before.accuracy_m[row], self.plan.columns.max_accuracy_m[fence])

    def find(self, fence: Int32s, row: Int64s) -> Int64s:
        """The hits of these fences and rows; -1 where there is none."""
        if not len(self.keys):
            return np.full(len(row), -1, np.int64)
        wanted = hit_keys(fence, row)
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[at] == wanted, at, -1)

    def hits_from(self, fence: int, row: int, end: int) -> Int64s:
        """The hits of one fence in rows from `row` up to and with `end`."""
        first, after = np.searchsorted(self.keys, [(fence << 32) | row, (fence << 32) | (end + 1)]).tolist()
        return np.arange(first, after)


def hit_keys(fence: npt.NDArray[np.integer], row: Int64s) -> Int64s:
    return (fence.astype(np.int64) << 32) | row


def look(plan: FencePlan, limits: Limits, rows: Rows, before: Places, tenants: Int32s) -> Scene:
    """Find what the rows hit."""
    has_before = before.time != NEVER
    gaps = np.where(has_before, rows.batch.time - before.time, 0)
    hits = _hits(plan, limits, rows, before, has_before & (gaps <= limits.gap), gaps, tenants)
    keys = hit_keys(hits.fences, hits.rows)
    order = np.argsort(keys, kind="stable")
    hits = Hits(rows=hits.rows[order], fences=hits.fences[order], inside=hits.inside[order])
    return Scene(plan=plan, limits=limits, rows=rows, ends=rows.ends, before=before, gaps=gaps, hits=hits, keys=keys[order])


def _hits(plan: FencePlan, limits: Limits, rows: Rows, before: Places, is_way: Booleans, gaps: Int64s, tenants: Int32s) -> Hits:
    """Ways are measured only where something is near them, or where they are so long that they would touch many cells."""
    batch = rows.batch
    is_long = is_way & ~((np.abs(batch.lat - before.lat) < _SHORT_DEG) & (np.abs(batch.lon - before.lon) < _SHORT_DEG))
    long = np.flatnonzero(is_long)
    is_way[long] = _flat_m(rows, before, long) <= limits.gap_m * _GENEROUS
    from_lat, from_lon = np.where(is_way, before.lat, batch.lat), np.where(is_way, before.lon, batch.lon)
    near, fences = plan.grid.near(tenants, batch.lat, batch.lon, from_lat, from_lon)
    on_way = near[is_way[near]]
    way_m = _flat_m(rows, before, on_way)
    is_far = way_m * (MICROS_PER_S * _GENEROUS) >= gaps[on_way] * plan.slowest_pass_mps
    # A way shorter than what both fixes may be off by is no movement.
    is_far &= ~(way_m * _GENEROUS < before.accuracy_m[on_way] + batch.accuracy_m[on_way])
    is_way[on_way] = is_far
    ways = Ways(
        tenants=tenants,
        lat=batch.lat,
        lon=batch.lon,
        altitude_m=batch.altitude_m,
        previous_lat=from_lat,
        previous_lon=from_lon,
        is_way=is_way,
    )
    return hits_among(plan, ways, near, fences)


def _flat_m(rows: Rows, before: Places, chosen: Int64s) -> Floats:
    """About how long the ways to these rows are, metres: right to a few hundredths where they are as short as they count."""
    lat, lon = rows.batch.lat[chosen], rows.batch.lon[chosen]
    north, east = lat - before.lat[chosen], lon - before.lon[chosen]
    east = (east - 360.0 * np.rint(east / 360.0)) * np.cos(np.radians(lat))
    return np.asarray(np.sqrt(north * north + east * east) * METRES_PER_DEGREE)


def _is_usable(flags: npt.NDArray[np.uint16], accuracy_m: npt.NDArray[np.float32], worst_m: npt.NDArray[np.float32]) -> Booleans:
    return np.asarray(((flags & UNUSABLE) == 0) & ~(accuracy_m > worst_m))
