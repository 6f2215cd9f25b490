"""The circles that a vehicle may touch: all stops of the routes it attends to, as columns, swept with each segment.

Each circle is measured in its own tangent plane (x east, y north, metres, origin at the stop), so that the edge is exact to
centimetres wherever the route leads; differences of longitude are wrapped, so that the antimeridian is no border.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from fleet.fix import Float64s
from geofence.stops.compiled import METRES_LAT, CompiledRoute

#: A radius that nothing reaches: the circle of a stop that is done with.
_MUTED_M: Final = -1e12


@dataclass(slots=True, kw_only=True)
class Place:
    """A good fix, as the engine of stops needs it. Time in microseconds since 1970 UTC, `speed_mps` NaN where not said."""

    time: int
    lat: float
    lon: float
    speed_mps: float = math.nan
    accuracy_m: float = math.nan


class Step(NamedTuple):
    """From one good fix of a vehicle to the next. `previous` is None where nothing is known of the way in between; `last_seen` is
    the instant of the fix before even so."""

    previous: Place | None
    current: Place
    last_seen: int

    @property
    def starts(self) -> int:
        return self.current.time if self.previous is None else self.previous.time

    def instant(self, fraction: float) -> int:
        """When that much of the way was done, at an even speed."""
        return self.starts + round(fraction * (self.current.time - self.starts))


@dataclass(slots=True, kw_only=True)
class Contact:
    """What the segment between two fixes has to do with one circle. Fractions of the segment are in [0, 1]."""

    slot: int
    #: Distance of the new fix from the centre, and the least distance of the segment from it.
    distance_m: float
    closest_m: float
    closest_at: float
    #: Where the segment comes in and goes out; None where it began, or ended, inside, or never touched.
    entered_at: float | None
    left_at: float | None


class Field:
    """Columns over the stops of several routes, in the order of the routes. A slot is an index into them."""

    def __init__(self, routes: Sequence[CompiledRoute]) -> None:
        self._lat = _joined(route.lat for route in routes)
        self._lon = _joined(route.lon for route in routes)
        self._metres_lon = _joined(route.metres_lon for route in routes)
        self._radius_m = _joined(route.radius_m for route in routes)
        self._live_m = self._radius_m.copy()
        self._wraps = bool(self._lon.size and np.abs(self._lon).max() > 170.0)

    def mute(self, slot: int) -> None:
        """Take the circle out: it is neither hit nor near any more."""
        self._live_m[slot] = _MUTED_M

    def sweep(self, previous: Place | None, current: Place, open_slots: Iterable[int]) -> tuple[dict[int, Contact], Float64s]:
        """Contacts by slot, for each live circle that the segment touches and each of `open_slots`; and the distances of the
        new fix from all centres."""
        x, y = self._relative(current)
        distances = np.hypot(x, y)
        if previous is None:
            start_x, start_y, nearest = x, y, distances
        else:
            start_x, start_y = self._relative(previous)
            nearest = _segment_distances(start_x, start_y, x, y)
        slots = set(np.flatnonzero(nearest <= self._live_m).tolist()).union(open_slots)
        contacts = {
            slot: _contact(
                slot, float(start_x[slot]), float(start_y[slot]), float(x[slot]), float(y[slot]), float(self._radius_m[slot])
            )
            for slot in sorted(slots)
        }
        return contacts, distances

    def reach_m(self, distances: Float64s, but: Sequence[int]) -> float:
        """How far a vehicle at these distances can go before it touches a live circle, `but` some (0 when inside one)."""
        gaps = distances - self._live_m
        if but:
            gaps[np.array(but, np.intp)] = np.inf
        return max(0.0, float(gaps.min(initial=np.inf)))

    def _relative(self, place: Place) -> tuple[Float64s, Float64s]:
        """Metres east and north of each centre."""
        degrees_east = place.lon - self._lon
        if self._wraps:
            degrees_east = (degrees_east + 180.0) % 360.0 - 180.0
        return degrees_east * self._metres_lon, (place.lat - self._lat) * METRES_LAT


def _joined(columns: Iterable[Float64s]) -> Float64s:
    parts = list(columns)
    return np.concatenate(parts) if parts else np.empty(0)


def _segment_distances(start_x: Float64s, start_y: Float64s, end_x: Float64s, end_y: Float64s) -> Float64s:
    """Least distance of each centre (the origin of its plane) from the segment."""
    way_x, way_y = end_x - start_x, end_y - start_y
    squared = np.maximum(way_x * way_x + way_y * way_y, 1e-9)
    at = np.minimum(np.maximum(-(start_x * way_x + start_y * way_y) / squared, 0.0), 1.0)
    return np.hypot(start_x + at * way_x, start_y + at * way_y)


def _contact(slot: int, start_x: float, start_y: float, end_x: float, end_y: float, radius_m: float) -> Contact:
    """The segment against one circle around the origin: solve |start + u * way| = radius for u."""
    way_x, way_y = end_x - start_x, end_y - start_y
    squared = way_x * way_x + way_y * way_y
    along = start_x * way_x + start_y * way_y
    at = min(1.0, max(0.0, -along / squared)) if squared > 1e-9 else 1.0
    closest_m = math.hypot(start_x + at * way_x, start_y + at * way_y)
    distance_m = math.hypot(end_x, end_y)
    entered_at = left_at = None
    if squared > 1e-9 and closest_m <= radius_m:
        root = math.sqrt(max(0.0, along * along - squared * (start_x * start_x + start_y * start_y - radius_m * radius_m)))
        if math.hypot(start_x, start_y) > radius_m:
            entered_at = min(1.0, max(0.0, (-along - root) / squared))
        if distance_m > radius_m:
            left_at = min(1.0, max(0.0, (-along + root) / squared))
    return Contact(slot=slot, distance_m=distance_m, closest_m=closest_m, closest_at=at, entered_at=entered_at, left_at=left_at)
