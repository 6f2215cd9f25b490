"""Rows at which nothing is found are told from those at which something may be, all at once, and move the columns of their stays.

At most rows a stay just goes on: inside, it is counted; outside, it waits. At any other row the stay is folded (`geofence.visits`),
with it the rows behind it wait. When in doubt a row is folded: sifting is never a second opinion. The cases that it knows:

1. A fix that is not usable for the fence changes nothing.
2. One inside counts. It may confirm a candidate when that has enough fixes and time or a standstill, and a dwell may be due.
3. One outside but within the outer edge says that the vehicle is not leaving.
4. One beyond ends a candidate, and a visit where the vehicle has been beyond for long enough, or is far away.
5. After a silence, and in fences with a calendar or, outside, an altitude range, all is left to the fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fleet.clock import MICROS_PER_S
from fleet.geodesy import distances_m
from geofence.grid import ramps
from geofence.jumps import FIXES_AFTER_JUMP
from geofence.membership import distances_outside_m
from geofence.scene import Booleans, Floats, Scene
from geofence.settings import UNSAID_ACCURACY_M
from geofence.slots import Int64s
from geofence.stays import CANDIDATE, NEVER, REPORTING

#: Speeds that are worked out are off by less than this share; what may be slow is folded.
_SPEED_DOUBT: Final = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """Rows of stays, those of one stay next to each other and in order of time. `stay` is a position in the `numbers` that were
    asked for, `hit` the hit that the row is of the stay's fence (-1: none), `stops` the rows at which stays are to be folded."""

    stay: Int64s
    row: Int64s
    hit: Int64s
    is_inside: Booleans
    #: NaN where it was not needed.
    outside_m: Floats
    stops: Int64s


def sift(scene: Scene, stays: npt.NDArray[Any], numbers: Int64s, since: Int64s, ends: Int64s, *, folds_all: bool) -> Sifted:
    """Move `stays[numbers]` by the rows of their vehicles from `since` up to `ends`, as far as nothing happens."""
    counts = ends - since + 1
    stay, row = np.repeat(np.arange(len(numbers)), counts), ramps(since, counts)
    known = np.take(stays, numbers[stay])
    hit = scene.find(known["fence"], row)
    is_inside = (hit >= 0) & scene.hits.inside[hit] if len(scene.hits) else np.zeros(len(row), np.bool_)
    if folds_all:
        starts = np.cumsum(counts) - counts
        return Sifted(stay=stay, row=row, hit=hit, is_inside=is_inside, outside_m=np.full(len(row), np.nan), stops=starts)
    look = _Look(scene, known, stay, row, is_inside)
    # Of several rows of a stay the first is written last.
    stop = np.full(len(numbers), len(row))
    happens = np.flatnonzero(look.happens)[::-1]
    stop[stay[happens]] = happens
    _move(scene, stays, numbers, look, np.arange(len(row)) < stop[stay])
    stops = stop[stop < len(row)]
    return Sifted(stay=stay, row=row, hit=hit, is_inside=is_inside, outside_m=look.outside_m, stops=stops)


class _Look:
    """Rows of stays, `known` the stay of each as it was before the first of them."""

    def __init__(self, scene: Scene, known: npt.NDArray[Any], stay: Int64s, row: Int64s, is_inside: Booleans) -> None:
        self.known, self.stay, self.row = known, stay, row
        self.fence = known["fence"]
        self.time = scene.rows.batch.time[row]
        is_usable = scene.is_usable(row, self.fence)
        self.counts, self.is_out = is_usable & is_inside, is_usable & ~is_inside
        self._is_simple = scene.plan.columns.is_simple[self.fence]
        self.outside_m = self._distances_outside_m(scene)
        # What a fix may be off by is no way outside.
        doubt_m = np.nan_to_num(scene.rows.batch.accuracy_m[row].astype(np.float64), nan=UNSAID_ACCURACY_M)
        self.is_beyond = self.is_out & ~(self.outside_m <= scene.plan.columns.exit_margin_m[self.fence] + doubt_m)
        self.out_since = self._out_since(is_usable)
        self.happens = self._happens(scene)

    def _distances_outside_m(self, scene: Scene) -> Floats:
        batch, result = scene.rows.batch, np.full(len(self.row), np.nan)
        asked = np.flatnonzero(self.is_out & self._is_simple)
        row = self.row[asked]
        result[asked] = distances_outside_m(scene.plan, self.fence[asked], batch.lat[row], batch.lon[row])
        return result

    def _out_since(self, is_usable: Booleans) -> Int64s:
        """At rows beyond the outer edge: since when every usable fix has been."""
        carried = np.where(self.known["out_since"] == NEVER, self.time, self.known["out_since"])
        if len(self.stay) < 2 or bool((self.stay[1:] != self.stay[:-1]).all()):
            return carried
        index, first = np.arange(len(self.stay)), np.searchsorted(self.stay, self.stay)
        usable_before = np.append(-1, np.maximum.accumulate(np.where(is_usable, index, -1))[:-1])
        is_first = usable_before < first
        begins = self.is_beyond & (is_first | ~self.is_beyond[usable_before])
        since = np.where(is_first, carried, self.time)
        return np.asarray(since[np.maximum.accumulate(np.where(begins, index, 0))])

    def _happens(self, scene: Scene) -> Booleans:
        columns, limits, known = scene.plan.columns, scene.limits, self.known
        is_candidate = known["phase"] == CANDIDATE
        happens = (known["silent"] != REPORTING) | (scene.gaps[self.row] >= limits.silence) | columns.has_calendar[self.fence]
        happens |= self.is_out & ~self._is_simple
        happens |= self.counts & (self.time >= known["dwell_due"])
        may_leave = (self.time - self.out_since >= columns.exit[self.fence]) | ~(self.outside_m < limits.far_m)
        happens |= self.is_beyond & (is_candidate | may_leave)
        asked = np.flatnonzero(self.counts & is_candidate & ~happens)
        happens[asked] = self._may_confirm(scene, asked)
        return np.asarray(happens)

    def _may_confirm(self, scene: Scene, asked: Int64s) -> Booleans:
        columns, known = scene.plan.columns, np.take(self.known, asked)
        fence, row, stay = self.fence[asked], self.row[asked], self.stay[asked]
        needed = np.where(
            known["jumped"] != 0, np.maximum(columns.confirm_fixes[fence], FIXES_AFTER_JUMP), columns.confirm_fixes[fence]
        )
        fixes = known["count"] + 1 + np.arange(len(asked)) - np.searchsorted(stay, stay)
        is_long = self.time[asked] - known["first"] >= columns.confirm[fence]
        is_slow = ~(_speeds_mps(scene, row) * _SPEED_DOUBT >= columns.confirm_speed_mps[fence]) & (known["jumped"] == 0)
        return np.asarray((fixes >= needed) & (is_long | is_slow))


def _speeds_mps(scene: Scene, row: Int64s) -> Floats:
    """What the trackers say, else the speed since the fix before."""
    batch, before = scene.rows.batch, scene.before
    speed_mps = batch.speed_mps[row].astype(np.float64)
    unsaid = np.flatnonzero(np.isnan(speed_mps))
    if len(unsaid):
        at = row[unsaid]
        way_m = distances_m(before.lat[at], before.lon[at], batch.lat[at], batch.lon[at])
        speed_mps[unsaid] = way_m * MICROS_PER_S / np.maximum(scene.gaps[at], 1)
    return speed_mps


def _move(scene: Scene, stays: npt.NDArray[Any], numbers: Int64s, look: _Look, moves: Booleans) -> None:
    """Move the columns of stays by the rows that `moves` marks."""
    inside = np.flatnonzero(look.counts & moves)
    if len(inside):
        _count(scene, stays, numbers, look, inside)
    outside = np.flatnonzero(look.is_out & moves)
    if len(outside):
        _wait(scene, stays, numbers, look, inside, outside)


def _count(scene: Scene, stays: npt.NDArray[Any], numbers: Int64s, look: _Look, inside: Int64s) -> None:
    batch, columns = scene.rows.batch, scene.plan.columns
    row, fence, stay = look.row[inside], look.fence[inside], look.stay[inside]
    lat, lon = batch.lat[row], batch.lon[row]
    closest_m = distances_m(lat, lon, columns.lat[fence], columns.lon[fence]).astype(np.float32)
    worst_m = batch.accuracy_m[row]
    starts = np.flatnonzero(np.append(True, stay[1:] != stay[:-1]))
    ends = np.append(starts[1:], len(stay)) - 1
    number, last = numbers[stay[ends]], row[ends]
    stays["count"][number] += (ends - starts + 1).astype(np.int32)
    stays["worst_m"][number] = np.fmax(stays["worst_m"][number], np.fmax.reduceat(worst_m, starts))
    stays["closest_m"][number] = np.minimum(stays["closest_m"][number], np.minimum.reduceat(closest_m, starts))
    stays["last"][number], stays["last_lat"][number], stays["last_lon"][number] = batch.time[last], lat[ends], lon[ends]
    stays["after"][number] = NEVER
    stays["out_since"][number] = NEVER


def _wait(scene: Scene, stays: npt.NDArray[Any], numbers: Int64s, look: _Look, inside: Int64s, outside: Int64s) -> None:
    """Note the first fix outside since the last one inside, and since when the outer edge has been passed."""
    batch = scene.rows.batch
    last_inside = np.full(len(numbers), -1)
    last_inside[look.stay[inside]] = inside
    outside = outside[outside > last_inside[look.stay[outside]]]
    stay = look.stay[outside]
    is_last = np.append(stay[1:] != stay[:-1], True)[: len(stay)]
    last, number = outside[is_last], numbers[stay[is_last]]
    stays["out_since"][number] = np.where(look.is_beyond[last], look.out_since[last], NEVER)
    is_first = np.append(True, stay[1:] != stay[:-1])[: len(stay)]
    first, number = look.row[outside[is_first]], numbers[stay[is_first]]
    unset = stays["after"][number] == NEVER
    first, number = first[unset], number[unset]
    stays["after"][number], stays["after_lat"][number], stays["after_lon"][number] = (
        batch.time[first], batch.lat[first], batch.lon[first]
    )  # fmt: skip
