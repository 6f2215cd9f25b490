"""Being in a fence, told the plain way: distances one by one, meridians through edges, the edge found by trying."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import cos, hypot, radians

from fleet.fence import Circle, Corridor, Fence, Polygons, Position, Ring
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


def _has_inside(polygon: Sequence[Ring], lat: float, lon: float) -> bool:
    """On an edge, or within the outer ring and in no hole."""
    if any(_is_on(lat, lon, *edge) for ring in polygon for edge in pairwise(ring)):
        return True
    outer, *holes = polygon
    return _is_within(outer, lat, lon) and not any(_is_within(hole, lat, lon) for hole in holes)


def _is_within(ring: Ring, lat: float, lon: float) -> bool:
    """The meridian from the place to the north pole cuts the ring an odd number of times; where the ring has the pole in it, an
    even number. Edges go the short way around the globe."""
    cuts, turn = 0, 0.0
    for (x, y), (to_x, to_y) in pairwise(ring):
        turn += _wrapped(to_x - x)
        # Each corner has one value for both of its edges, but on the far side of the globe.
        east, to_east = _wrapped(x - lon), _wrapped(to_x - lon)
        to_east -= 360 * round((to_east - east) / 360)
        if (east > 0) != (to_east > 0) and y + east / (east - to_east) * (to_y - y) > lat:
            cuts += 1
    has_north_pole = abs(turn) > 180 and sum(y for _, y in ring) > 0
    return (cuts % 2 == 1) != has_north_pole


def _is_on(lat: float, lon: float, start: Position, end: Position) -> bool:
    x, y = _wrapped(start[0] - lon), start[1] - lat
    to_x, to_y = x + _wrapped(end[0] - start[0]), end[1] - lat
    return x * to_y == to_x * y and min(x, to_x) <= 0 <= max(x, to_x) and min(y, to_y) <= 0 <= max(y, to_y)


def _wrapped(degrees: float) -> float:
    """In [-180, 180)."""
    return (degrees + 180) % 360 - 180


def _edges(shape: Polygons) -> Iterator[tuple[Position, Position]]:
    return (edge for polygon in shape.polygons for ring in polygon for edge in pairwise(ring))


def _from_edge_m(lat: float, lon: float, start: Position, end: Position) -> float:
    """Distance from a straight edge, in a plane around the place."""
    scale = METRES_PER_DEGREE * cos(radians(lat))
    ax, ay = _wrapped(start[0] - lon) * scale, (start[1] - lat) * METRES_PER_DEGREE
    bx, by = ax + _wrapped(end[0] - start[0]) * scale, (end[1] - lat) * METRES_PER_DEGREE
    length = hypot(bx - ax, by - ay)
    if length == 0:
        return hypot(ax, ay)
    along = min(1.0, max(0.0, -(ax * (bx - ax) + ay * (by - ay)) / length**2))
    return hypot(ax + along * (bx - ax), ay + along * (by - ay))
