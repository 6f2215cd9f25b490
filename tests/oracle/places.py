"""Being in a fence, told the plain way: distances one by one, rays through edges, the edge found by trying."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import cos, hypot, radians

from fleet.fence import Circle, Corridor, Fence, Polygons, Position
from fleet.fix import Fix
from fleet.geodesy import METRES_PER_DEGREE, distance_m

#: Ways are tried at so many places; a fence that is passed between two of them is missed.
TRIES = 400
#: Halvings that find the edge to a thousandth of a second within two minutes, and then some.
HALVINGS = 24


def is_inside(fence: Fence, lat: float, lon: float) -> bool:
    return outside_m(fence, lat, lon) == 0.0


def outside_m(fence: Fence, lat: float, lon: float) -> float:
    """How far outside of the edge a place is; 0 inside and on the edge."""
    shape = fence.shape
    if isinstance(shape, Circle):
        return max(0.0, distance_m(lat, lon, shape.lat, shape.lon) - shape.radius_m)
    if isinstance(shape, Corridor):
        return max(0.0, min(_from_edge_m(lat, lon, *edge) for edge in pairwise(shape.line)) - shape.radius_m)
    if any(_has_inside(polygon, lat, lon) for polygon in shape.polygons):
        return 0.0
    return min(_from_edge_m(lat, lon, *edge) for edge in _edges(shape))


def is_at_altitude(fence: Fence, altitude_m: float | None) -> bool:
    """A fix without an altitude is at every altitude."""
    if altitude_m is None:
        return True
    low, high = fence.min_altitude_m, fence.max_altitude_m
    return (low is None or altitude_m >= low) and (high is None or altitude_m <= high)


def changes(fence: Fence, fix: Fix, other: Fix) -> list[float]:
    """The fractions of the way from one fix to the other at which it goes in or out."""

    def inside(fraction: float) -> bool:
        lon = other.lon + 360 * round((fix.lon - other.lon) / 360)
        return is_inside(fence, fix.lat + fraction * (other.lat - fix.lat), fix.lon + fraction * (lon - fix.lon))

    found = []
    for start, end in pairwise(step / TRIES for step in range(TRIES + 1)):
        was_inside = inside(start)
        if was_inside == inside(end):
            continue
        low, high = start, end
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if inside(middle) == was_inside else (low, middle)
        found.append(high)
    return found


def _has_inside(polygon: Iterable[Iterable[Position]], lat: float, lon: float) -> bool:
    """A ray to the east cuts the edges an odd number of times."""
    cuts = 0
    for (x, y), (to_x, to_y) in (edge for ring in polygon for edge in pairwise(ring)):
        if (y > lat) != (to_y > lat) and lon < x + (lat - y) / (to_y - y) * (to_x - x):
            cuts += 1
    return cuts % 2 == 1


def _edges(shape: Polygons) -> Iterator[tuple[Position, Position]]:
    return (edge for polygon in shape.polygons for ring in polygon for edge in pairwise(ring))


def _from_edge_m(lat: float, lon: float, start: Position, end: Position) -> float:
    """Distance from a straight edge, in a plane around the place."""
    scale = METRES_PER_DEGREE * cos(radians(lat))
    ax, ay = ((start[0] - lon + 180) % 360 - 180) * scale, (start[1] - lat) * METRES_PER_DEGREE
    bx, by = ax + ((end[0] - start[0] + 180) % 360 - 180) * scale, (end[1] - lat) * METRES_PER_DEGREE
    length = hypot(bx - ax, by - ay)
    if length == 0:
        return hypot(ax, ay)
    along = min(1.0, max(0.0, -(ax * (bx - ax) + ay * (by - ay)) / length**2))
    return hypot(ax + along * (bx - ax), ay + along * (by - ay))
