"""The course of a batch: what its usable fixes say of movement, whatever the vehicles' states are.

A usable fix claims to be accurate enough and is no jump (`geofence.movement.wild`). Ways and speeds are those since the usable fix
before, which may have come with an earlier batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

import numpy as np
import numpy.typing as npt

from fleet.clock import MICROS_PER_S
from fleet.fix import FixBatch, Uint16s
from fleet.geodesy import distances_m
from fleet.screening import Flag
from geofence.movement.settings import MovementSettings
from geofence.movement.traces import MOVING, Traces
from geofence.rows import Rows
from geofence.slots import Int64s
from geofence.stays import NEVER

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Column = TypeVar("Column", Floats, Int64s)

UNUSABLE: Final = int(Flag.TELEPORT | Flag.INACCURATE)
CM_PER_M: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """By position, N usable fixes by vehicle and time; by vehicle of `Rows`: `starts` and `ends` (one behind its last position).

    `speed_mps` is NaN only where it was not said of a vehicle's first usable fix. `until_cm[p]` is the way of all positions
    before `p`, of any vehicle: differences of it are ways of one.
    """

    rows: Int64s
    starts: Int64s
    ends: Int64s
    time: Int64s
    lat: Floats
    lon: Floats
    speed_mps: Floats
    is_slow: Booleans
    is_fast: Booleans
    until_cm: Int64s
    #: The next slow position of the vehicle, from this one on; its end or beyond where none is.
    next_slow: Int64s
    #: Where the vehicle's last run of fast positions began, up to this one; before its start where none did.
    run_start: Int64s

    @classmethod
    def of(cls, rows: Rows, traces: Traces, settings: MovementSettings) -> Self:
        numbers, batch, chosen, starts, counts = usable(rows, rows.batch.flags, settings.max_accuracy_m)
        slots = rows.vehicles[numbers]
        first = starts[counts > 0]
        lat = before(traces["lat"][slots], batch.lat, first)
        lon = before(traces["lon"][slots], batch.lon, first)
        placed: Int64s = before(traces["placed"][slots], batch.time, first)
        is_unsaid = np.isnan(batch.speed_mps)
        # The way is asked for only of what moves, may begin to within the batch, or does not say its speed.
        ways_m = _ways_m(is_unsaid | (traces["state"][slots] == MOVING) | (counts > 1)[numbers], lat, lon, batch)
        speed_mps = batch.speed_mps.astype(np.float64)
        asked = np.flatnonzero(is_unsaid & (placed != NEVER))
        speed_mps[asked] = ways_m[asked] / ((batch.time[asked] - placed[asked]) / MICROS_PER_S)
        is_slow, is_fast = speed_mps < settings.stand_speed_mps, ~(speed_mps < settings.move_speed_mps)
        # A vehicle's first fix ever has come from nowhere.
        ways_m[placed == NEVER] = 0.0
        until_cm = np.zeros(len(batch) + 1, np.int64)
        np.cumsum(np.rint(ways_m * CM_PER_M).astype(np.int64), out=until_cm[1:])
        return cls(
            rows=chosen,
            starts=starts,
            ends=starts + counts,
            time=batch.time,
            lat=batch.lat,
            lon=batch.lon,
            speed_mps=speed_mps,
            is_slow=is_slow,
            is_fast=is_fast,
            until_cm=until_cm,
            next_slow=_next(is_slow, first),
            run_start=_run_starts(is_fast, first),
        )


def usable(rows: Rows, flags: Uint16s, max_accuracy_m: float) -> tuple[Int64s, FixBatch, Int64s, Int64s, Int64s]:
    """Of the rows that are usable with these flags: their vehicles' numbers, the fixes, the rows; by vehicle where they start and
    how many they are."""
    batch = rows.batch
    is_usable = ((flags & UNUSABLE) == 0) & ~(batch.accuracy_m > max_accuracy_m)
    if is_usable.all():
        return rows.vehicle_numbers, batch, np.arange(len(batch)), rows.starts, rows.counts
    chosen = np.flatnonzero(is_usable)
    numbers = rows.vehicle_numbers[chosen]
    counts = np.bincount(numbers, minlength=len(rows.vehicles))
    return numbers, batch.take(chosen), chosen, np.cumsum(counts) - counts, counts


def before(known: npt.NDArray[Any], column: Column, first: Int64s) -> Column:
    """The column one position earlier; what was known where a vehicle's first position is."""
    if len(first) == len(column):
        return known
    result = np.empty_like(column)
    result[1:] = column[:-1]
    result[first] = known[first]
    return result


def _ways_m(chosen: Booleans, lat: Floats, lon: Floats, batch: FixBatch) -> Floats:
    """Ways from these places to the fixes, metres; 0 where not chosen."""
    if chosen.all():
        return distances_m(lat, lon, batch.lat, batch.lon)
    ways_m = np.zeros(len(lat))
    rows = np.flatnonzero(chosen)
    ways_m[rows] = distances_m(lat[rows], lon[rows], batch.lat[rows], batch.lon[rows])
    return ways_m


def _next(chosen: Booleans, first: Int64s) -> Int64s:
    positions = np.where(chosen, np.arange(len(chosen)), len(chosen))
    if len(first) == len(chosen):
        return positions  # further ones are other vehicles'
    return np.asarray(np.minimum.accumulate(positions[::-1])[::-1])


def _run_starts(chosen: Booleans, first: Int64s) -> Int64s:
    begins = chosen.copy()
    if len(first) != len(chosen):
        begins[1:] &= ~chosen[:-1]
        begins[first] = chosen[first]
    positions = np.where(begins, np.arange(len(chosen)), -1)
    return positions if len(first) == len(chosen) else np.maximum.accumulate(positions)
