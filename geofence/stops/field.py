"""The circles that a vehicle may touch: all stops of the routes it attends to, as columns, swept with each segment.

Each circle is measured in its own tangent plane (x east, y north, metres, origin at the stop), so that the edge is exact to
centimetres wherever the route leads; differences of longitude are wrapped, so that the antimeridian is no border.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from fleet.fix import Float64s
from geofence.stops.compiled import METRES_LAT, CompiledRoute

#: Circles whose edges are this near are looked at one by one.
_NEAR_M: Final = 300.0
#: A radius that nothing reaches: the circle of a stop that is done with.
_MUTED_M: Final = -1e12


@dataclass(slots=True)
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


class Contact(NamedTuple):
    """What the segment between two fixes has to do with one circle. Fractions of the segment are in [0, 1]."""

    slot: int
    #: Distance of the new fix from the centre, and the least distance of the segment from it.
    distance_m: float
    closest_m: float
    closest_at: float
    #: Where the segment comes in and goes out; None where it began, or ended, inside, or never touched.
    entered_at: float | None
    left_at: float | None


class _Circle(NamedTuple):
    """A circle that the vehicle may touch soon: a row of the columns as plain numbers."""

    slot: int
    lat: float
    lon: float
    metres_lon: float
    radius_m: float


class Field:
    """Columns over the stops of several routes, in the order of the routes. A slot is an index into them.

    All circles are looked at together from time to time, and those near by are remembered. As long as the vehicle has not gone as
    far as any other circle was then, only these few are.
    """

    def __init__(self, routes: Sequence[CompiledRoute]) -> None:
        self._lat = _joined([route.lat for route in routes])
        self._lon = _joined([route.lon for route in routes])
        self._metres_lon = _joined([route.metres_lon for route in routes])
        self._radius_m = _joined([route.radius_m for route in routes])
        self._live_m = self._radius_m.copy()
        self._wraps = bool(self._lon.size and np.abs(self._lon).max() > 170.0)
        #: In no circle's plane is a degree of longitude longer.
        self._most_metres_lon = float(self._metres_lon.max(initial=0.0))
        self._near: list[_Circle] = []
        #: Where `_near` was found out, and how far every other live circle was from there at least.
        self._anchor_lat, self._anchor_lon, self._others_m = 0.0, 0.0, -math.inf

    def mute(self, slot: int) -> None:
        """Take the circle out: it is neither hit nor near any more."""
        self._live_m[slot] = _MUTED_M
        self._near = [circle for circle in self._near if circle.slot != slot]

    def sweep(self, previous: Place | None, current: Place, open_slots: Sequence[int]) -> dict[int, Contact]:
        """Contacts by slot, in order, for each live circle that the segment touches and each of `open_slots`."""
        gone_m = self._gone_m(current)
        if previous is not None:
            gone_m = max(gone_m, self._gone_m(previous))
        if gone_m < self._others_m:
            known = [near.slot for near in self._near]
            candidates = [*self._near, *(self._circle(slot) for slot in open_slots if slot not in known)]
            if len(candidates) > len(known):
                candidates.sort()
        else:
            candidates = [self._circle(slot) for slot in sorted(self._touched(previous, current).union(open_slots))]
            self._look_around(current)
        contacts = {}
        for circle in candidates:
            contact = _contact(circle, previous, current, circle.slot in open_slots, self._wraps)
            if contact is not None:
                contacts[circle.slot] = contact
        return contacts

    def reach_m(self, current: Place, but: Sequence[int], most_m: float) -> float:
        """How far a vehicle can go from here before it touches a live circle, `but` some (0 when inside one); at most `most_m`,
        which may spare looking at those far away."""
        near_m, others_m = self._near_m(current, but), self._others_m - self._gone_m(current)
        if min(near_m, most_m) > others_m:
            self._look_around(current)
            near_m, others_m = self._near_m(current, but), self._others_m
        return max(0.0, min(near_m, others_m, most_m))

    def distance_m(self, slot: int, place: Place) -> float:
        """Of a place from the circle's centre."""
        degrees_east = place.lon - self._lon.item(slot)
        if self._wraps:
            degrees_east = (degrees_east + 180.0) % 360.0 - 180.0
        return math.hypot(degrees_east * self._metres_lon.item(slot), (place.lat - self._lat.item(slot)) * METRES_LAT)

    def _circle(self, slot: int) -> _Circle:
        columns = (self._lat, self._lon, self._metres_lon, self._radius_m)
        return _Circle(slot, *(column.item(slot) for column in columns))

    def _gone_m(self, place: Place) -> float:
        """How far a place is from the anchor at most, in the plane of whatever circle."""
        degrees_east = place.lon - self._anchor_lon
        if self._wraps:
            degrees_east = (degrees_east + 180.0) % 360.0 - 180.0
        return math.hypot(degrees_east * self._most_metres_lon, (place.lat - self._anchor_lat) * METRES_LAT)

    def _near_m(self, current: Place, but: Sequence[int]) -> float:
        """How far it is to the edge of the nearest of the circles near by, negative inside."""
        nearest_m = math.inf
        for circle in self._near:
            if circle.slot not in but:
                x, y = _offset(circle, current, self._wraps)
                nearest_m = min(nearest_m, math.hypot(x, y) - circle.radius_m)
        return nearest_m

    def _look_around(self, current: Place) -> None:
        """Find out anew which circles are near by."""
        gaps = np.hypot(*self._relative(current)) - self._live_m
        is_near = gaps <= _NEAR_M
        self._near = [self._circle(slot) for slot in np.flatnonzero(is_near).tolist()]
        self._anchor_lat, self._anchor_lon = current.lat, current.lon
        self._others_m = float(gaps.min(initial=np.inf, where=~is_near))

    def _touched(self, previous: Place | None, current: Place) -> set[int]:
        """The live circles that the segment touches, of all."""
        x, y = self._relative(current)
        nearest_m = np.hypot(x, y) if previous is None else _segment_distances(*self._relative(previous), x, y)
        return set(np.flatnonzero(nearest_m <= self._live_m).tolist())

    def _relative(self, place: Place) -> tuple[Float64s, Float64s]:
        """Metres east and north of each centre."""
        degrees_east = place.lon - self._lon
        if self._wraps:
            degrees_east = (degrees_east + 180.0) % 360.0 - 180.0
        return degrees_east * self._metres_lon, (place.lat - self._lat) * METRES_LAT


def _joined(columns: Sequence[Float64s]) -> Float64s:
    """One after the other; a single one as it is, not copied."""
    if len(columns) == 1:
        return columns[0]
    return np.concatenate(columns) if columns else np.empty(0)


def _segment_distances(start_x: Float64s, start_y: Float64s, end_x: Float64s, end_y: Float64s) -> Float64s:
    """Least distance of each centre (the origin of its plane) from the segment."""
    way_x, way_y = end_x - start_x, end_y - start_y
    squared = np.maximum(way_x * way_x + way_y * way_y, 1e-9)
    at = np.minimum(np.maximum(-(start_x * way_x + start_y * way_y) / squared, 0.0), 1.0)
    return np.hypot(start_x + at * way_x, start_y + at * way_y)


def _offset(circle: _Circle, place: Place, wraps: bool) -> tuple[float, float]:
    """Metres east and north of the centre."""
    degrees_east = place.lon - circle.lon
    if wraps:
        degrees_east = (degrees_east + 180.0) % 360.0 - 180.0
    return degrees_east * circle.metres_lon, (place.lat - circle.lat) * METRES_LAT


def _contact(
    circle: _Circle,
    previous: Place | None,
    current: Place,
    is_open: bool,
    wraps: bool,
) -> Contact | None:
    """The segment against one circle around the origin: solve |start + u * way| = radius for u. None where it stays outside, unless
    `is_open`."""
    radius_m = circle.radius_m
    end_x, end_y = _offset(circle, current, wraps)
    start_x, start_y = (end_x, end_y) if previous is None else _offset(circle, previous, wraps)
    way_x, way_y = end_x - start_x, end_y - start_y
    squared = way_x * way_x + way_y * way_y
    along = start_x * way_x + start_y * way_y
    at = min(1.0, max(0.0, -along / squared)) if squared > 1e-9 else 1.0
    closest_m = math.hypot(start_x + at * way_x, start_y + at * way_y)
    if closest_m > radius_m and not is_open:
        return None
    distance_m = math.hypot(end_x, end_y)
    entered_at = left_at = None
    if squared > 1e-9 and closest_m <= radius_m:
        root = math.sqrt(max(0.0, along * along - squared * (start_x * start_x + start_y * start_y - radius_m * radius_m)))
        if math.hypot(start_x, start_y) > radius_m:
            entered_at = min(1.0, max(0.0, (-along - root) / squared))
        if distance_m > radius_m:
            left_at = min(1.0, max(0.0, (-along + root) / squared))
    return Contact(circle.slot, distance_m, closest_m, at, entered_at, left_at)
