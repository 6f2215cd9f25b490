"""Hits of fences in which the vehicle has no stay: where candidates begin, and which ways may have been passes.

A hit that does nothing but begin a candidate is no more than a new row; it is made in columns, as `VisitFold.begin` would.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fleet.clock import MICROS_PER_S
from fleet.geodesy import distances_m
from geofence.scene import Booleans, Scene
from geofence.slots import Int32s, Int64s
from geofence.stays import CANDIDATE, ENDLESS, NEVER, NO_SEAT, REPORTING, STAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginnings:
    """Hits by number: those that begin a candidate and nothing else, and those to be folded (ways that may have been passes, and
    beginnings that may be more, or nothing at all)."""

    plain: Int64s
    folded: Int64s


def beginnings(scene: Scene, hits: Int64s, *, folds_all: bool) -> Beginnings:
    """Of these hits (in their order) those up to the first of each vehicle and fence that may begin a stay."""
    columns, row, fence = scene.plan.columns, scene.hits.rows[hits], scene.hits.fences[hits]
    is_inside = scene.hits.inside[hits]
    is_usable = scene.is_usable(row, fence)
    is_asked = is_usable & (is_inside | scene.was_usable(row, fence))
    if scene.rows.is_repeating:
        is_asked &= _comes_first(scene.rows.vehicle_numbers[row], fence, is_asked & is_inside)
    is_plain = is_asked & is_inside & (columns.confirm_fixes[fence] > 1) & ~columns.has_calendar[fence]
    if folds_all:
        is_plain[:] = False
    return Beginnings(plain=hits[is_plain], folded=hits[is_asked & ~is_plain])


def _comes_first(vehicle: Int64s, fence: Int32s, begins: Booleans) -> Booleans:
    """Whether a hit is not behind the first of its vehicle and fence that begins something."""
    is_new = np.append(True, (vehicle[1:] != vehicle[:-1]) | (fence[1:] != fence[:-1]))[: len(vehicle)]
    group = np.cumsum(is_new) - 1
    first = np.full(len(vehicle), len(vehicle))
    at = np.flatnonzero(begins)[::-1]
    first[group[at]] = at
    return np.asarray(np.arange(len(vehicle)) <= first[group])


def candidates(scene: Scene, hits: Int64s) -> npt.NDArray[Any]:
    """The stays that these hits begin: rows of `STAY`."""
    row, fence = scene.hits.rows[hits], scene.hits.fences[hits]
    batch, before, limits, columns = scene.rows.batch, scene.before, scene.limits, scene.plan.columns
    stays = np.zeros(len(hits), STAY)
    stays["slot"], stays["fence"], stays["phase"], stays["silent"] = scene.rows.slots[row], fence, CANDIDATE, REPORTING
    lat, lon, from_lat, from_lon = batch.lat[row], batch.lon[row], before.lat[row], before.lon[row]
    has_before, lasted = before.time[row] != NEVER, scene.gaps[row]
    way_m = np.where(has_before, distances_m(from_lat, from_lon, lat, lon), 0.0)
    is_jump = way_m * MICROS_PER_S > limits.speed_mps * lasted
    is_short = has_before & (lasted <= limits.gap) & (way_m <= limits.gap_m) & ~is_jump & scene.was_usable(row, fence)
    stays["jumped"], stays["count"] = is_jump, 1
    for name in ("first", "last"):
        stays[name], stays[f"{name}_lat"], stays[f"{name}_lon"] = batch.time[row], lat, lon
    stays["before"] = np.where(is_short, before.time[row], NEVER)
    stays["before_lat"], stays["before_lon"] = np.where(is_short, from_lat, 0.0), np.where(is_short, from_lon, 0.0)
    for name in ("after", "out_since", "entered", "confirmed", "silent_at"):
        stays[name] = NEVER
    stays["dwell_due"], stays["next"], stays["worst_m"] = ENDLESS, NO_SEAT, batch.accuracy_m[row]
    stays["closest_m"] = distances_m(lat, lon, columns.lat[fence], columns.lon[fence])
    return stays
