"""A route made ready for the engine: columns of its stops, distances along it, instants in microseconds. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from fleet.clock import MICROS_PER_S, to_micros
from fleet.fix import Float64s, Int64s
from fleet.geodesy import METRES_PER_DEGREE, distance_m, metres_per_degree_lon
from fleet.route import Route, Stop

#: Later than any forecast.
NO_DEADLINE: Final = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRoute:
    """`along_m` is the length of the straight ways from the first stop to each (metres)."""

    route: Route
    starts_us: int
    ends_us: int
    lat: Float64s
    lon: Float64s
    #: Metres of a degree of longitude at each stop: each circle is measured in its own plane.
    metres_lon: Float64s
    radius_m: Float64s
    along_m: tuple[float, ...]
    planned_us: tuple[int | None, ...]
    #: Last instant that is not late, without grace: the window's end, else None.
    window_us: tuple[int | None, ...]

    @property
    def size(self) -> int:
        return len(self.along_m)

    def deadlines(self, grace_s: float) -> Int64s:
        """The last instant at each stop that is not late: the window's end, else the planned arrival and grace; `NO_DEADLINE`."""
        grace = round(grace_s * MICROS_PER_S)
        pairs = zip(self.window_us, self.planned_us, strict=True)
        return np.array(
            [window if window is not None else NO_DEADLINE if planned is None else planned + grace for window, planned in pairs],
            np.int64,
        )

    def fraction(self, index: int, lat: float, lon: float) -> float:
        """How much of the leg from stop `index` to the next is behind a place: its projection on the straight way, in [0, 1]."""
        from_lat, from_lon, metres_lon = self.lat.item(index), self.lon.item(index), self.metres_lon.item(index)
        way_x, way_y = (self.lon.item(index + 1) - from_lon) * metres_lon, (self.lat.item(index + 1) - from_lat) * METRES_LAT
        x, y = (lon - from_lon) * metres_lon, (lat - from_lat) * METRES_LAT
        squared = way_x * way_x + way_y * way_y
        return min(1.0, max(0.0, (x * way_x + y * way_y) / squared)) if squared > 1.0 else 0.0

    def apart_m(self, index: int, other: int) -> float:
        """Straight distance between two of the route's stops."""
        return distance_m(self.lat.item(index), self.lon.item(index), self.lat.item(other), self.lon.item(other))

    def share_a_place(self, index: int, other: int) -> bool:
        """Whether the circles of two stops touch, so that one stand may be inside both."""
        return bool(self.apart_m(index, other) < self.radius_m.item(index) + self.radius_m.item(other))


def compile_route(route: Route) -> CompiledRoute:
    stops = route.stops
    lat = np.array([stop.lat for stop in stops])
    lon = np.array([stop.lon for stop in stops])
    planned = tuple(None if stop.planned_arrival is None else to_micros(stop.planned_arrival) for stop in stops)
    return CompiledRoute(
        route=route,
        starts_us=to_micros(route.starts_at),
        ends_us=_planned_end(route, planned),
        lat=lat,
        lon=lon,
        metres_lon=np.array([metres_per_degree_lon(stop.lat) for stop in stops]),
        radius_m=np.array([stop.arrival_radius_m for stop in stops]),
        along_m=_distances_along(stops),
        planned_us=planned,
        window_us=tuple(None if stop.window_to is None else to_micros(stop.window_to) for stop in stops),
    )


def _distances_along(stops: Sequence[Stop]) -> tuple[float, ...]:
    along = [0.0]
    for origin, destination in pairwise(stops):
        along.append(along[-1] + distance_m(origin.lat, origin.lon, destination.lat, destination.lon))
    return tuple(along[: len(stops)])


#: Where nothing in the plan says when a route ends, a working day after its start.
_UNPLANNED_LENGTH_US = 12 * 3600 * 1_000_000


def _planned_end(route: Route, planned: Sequence[int | None]) -> int:
    known = [instant for instant in planned if instant is not None]
    known += [to_micros(stop.window_to) for stop in route.stops if stop.window_to is not None]
    start = to_micros(route.starts_at)
    return max(start, *known) if known else start + _UNPLANNED_LENGTH_US


#: Degrees of latitude to metres, the same everywhere on the sphere.
METRES_LAT = METRES_PER_DEGREE
