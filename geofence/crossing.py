"""Where the straight way between two fixes is inside a fence: as spans of fractions of the way, from 0 (first fix) to 1 (second).

Instants at the edge are interpolated by these fractions. Circles and corridors are cut in a plane around the
middle of the way, whose flatness costs less than a millisecond at any distance that is interpolated at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import shapely

from fleet.geodesy import METRES_PER_DEGREE
from fleet.rings import framed
from geofence.shapes import Compiled, CompiledCircle, CompiledCorridor, CompiledPolygons

Span: TypeAlias = tuple[float, float]
Point: TypeAlias = tuple[float, float]
#: x and y of the first fix, x and y of the second.
Way: TypeAlias = tuple[float, float, float, float]


def spans_inside(shape: Compiled, lat: float, lon: float, to_lat: float, to_lon: float) -> list[Span]:
    """The parts of the way that are inside, in order and apart from one another; empty where it never is."""
    match shape:
        case CompiledCircle():
            return _through_circle(shape, lat, lon, to_lat, to_lon)
        case CompiledPolygons():
            return _through_polygons(shape, lat, lon, to_lat, to_lon)
        case CompiledCorridor():
            return _through_corridor(shape, lat, lon, to_lat, to_lon)
    raise TypeError(f"{type(shape).__name__} is no shape")


def _through_circle(shape: CompiledCircle, lat: float, lon: float, to_lat: float, to_lon: float) -> list[Span]:
    shortening = math.cos(math.radians((lat + to_lat + 2 * shape.lat) / 4))
    ax, ay = (framed(lon, shape.lon) - shape.lon) * shortening, lat - shape.lat
    bx, by = (framed(to_lon, shape.lon) - shape.lon) * shortening, to_lat - shape.lat
    span = _disc(ax, ay, bx, by, shape.radius_m / METRES_PER_DEGREE)
    return [] if span is None else [span]


def _through_polygons(shape: CompiledPolygons, lat: float, lon: float, to_lat: float, to_lon: float) -> list[Span]:
    """Cut by every edge whose ends are on different sides of the way; between the first cut and the second it is inside, between
    the third and the fourth, and so on. A corner on the way is on the right side of it, so that it is never counted by halves."""
    x = framed(lon, shape.lon)
    dx, dy = framed(to_lon, x) - x, to_lat - lat
    if dx == 0 and dy == 0:
        return [(0.0, 1.0)] if shapely.intersects_xy(shape.geometry, x, lat) else []
    cuts = _few_cuts(shape.edge_list, x, lat, dx, dy) if shape.is_small else _many_cuts(shape.edges, x, lat, dx, dy)
    cuts.sort()
    spans = (_clipped(start, end) for start, end in zip(cuts[::2], cuts[1::2], strict=True))
    return _joined(span for span in spans if span is not None)


def _few_cuts(edges: list[Way], x: float, lat: float, dx: float, dy: float) -> list[float]:
    """The fractions of the way at which it, or its line, cuts an edge. For some edges a loop is faster than columns."""
    cuts = []
    is_flat = abs(dx) >= abs(dy)
    for from_x, from_y, to_x, to_y in edges:
        one, other = dx * (from_y - lat) - dy * (from_x - x), dx * (to_y - lat) - dy * (to_x - x)
        if (one > 0) != (other > 0):
            share = one / (one - other)
            cut = (from_x + share * (to_x - from_x) - x) / dx if is_flat else (from_y + share * (to_y - from_y) - lat) / dy
            cuts.append(cut)
    return cuts


def _many_cuts(edges: npt.NDArray[np.float64], x: float, lat: float, dx: float, dy: float) -> list[float]:
    """The same in columns."""
    from_x, from_y, to_x, to_y = edges
    one, other = dx * (from_y - lat) - dy * (from_x - x), dx * (to_y - lat) - dy * (to_x - x)
    cut = np.flatnonzero((one > 0) != (other > 0))
    one, other = one[cut], other[cut]
    share = one / (one - other)
    if abs(dx) >= abs(dy):
        cuts = (from_x[cut] + share * (to_x[cut] - from_x[cut]) - x) / dx
    else:
        cuts = (from_y[cut] + share * (to_y[cut] - from_y[cut]) - lat) / dy
    result: list[float] = cuts.tolist()
    return result


def _through_corridor(shape: CompiledCorridor, lat: float, lon: float, to_lat: float, to_lon: float) -> list[Span]:
    x = framed(lon, shape.lon)
    to_x = framed(to_lon, x)
    middle_x, middle_lat = (x + to_x) / 2, (lat + to_lat) / 2
    shortening = max(1e-6, math.cos(math.radians(middle_lat)))
    way = ((x - middle_x) * shortening, lat - middle_lat, (to_x - middle_x) * shortening, to_lat - middle_lat)
    radius = shape.radius_m / METRES_PER_DEGREE
    line = [((px - middle_x) * shortening, py - middle_lat) for px, py in shape.points]
    spans = (_capsule(way, start, end, radius) for start, end in pairwise(line))
    return _joined(span for span in spans if span is not None)


def _disc(ax: float, ay: float, bx: float, by: float, radius: float) -> Span | None:
    """The part of the way from a to b that is within `radius` of the origin."""
    dx, dy = bx - ax, by - ay
    squared = dx * dx + dy * dy
    beyond = ax * ax + ay * ay - radius * radius
    if squared == 0:
        return (0.0, 1.0) if beyond <= 0 else None
    half = ax * dx + ay * dy
    under = half * half - squared * beyond
    if under < 0:
        return None
    root = math.sqrt(under)
    return _clipped((-half - root) / squared, (-half + root) / squared)


def _capsule(way: Way, start: Point, end: Point, radius: float) -> Span | None:
    """The part of a way within `radius` of the line from `start` to `end`. A capsule is convex, so it is one span: around
    those of its two discs and its box."""
    (ax, ay, bx, by), (sx, sy), (ex, ey) = way, start, end
    spans = [_disc(ax - sx, ay - sy, bx - sx, by - sy, radius), _disc(ax - ex, ay - ey, bx - ex, by - ey, radius)]
    length = math.hypot(ex - sx, ey - sy)
    if length > 0:
        ux, uy = (ex - sx) / length, (ey - sy) / length
        along = ((ax - sx) * ux + (ay - sy) * uy, (bx - sx) * ux + (by - sy) * uy)
        across = ((ay - sy) * ux - (ax - sx) * uy, (by - sy) * ux - (bx - sx) * uy)
        spans.append(_overlap(_between(*along, 0.0, length), _between(*across, -radius, radius)))
    found = [span for span in spans if span is not None]
    return (min(start for start, _ in found), max(end for _, end in found)) if found else None


def _between(start: float, end: float, low: float, high: float) -> Span | None:
    """The fractions at which a value that goes from `start` to `end` is in [low, high]."""
    if start == end:
        return (0.0, 1.0) if low <= start <= high else None
    one, other = (low - start) / (end - start), (high - start) / (end - start)
    return _clipped(min(one, other), max(one, other))


def _overlap(one: Span | None, other: Span | None) -> Span | None:
    if one is None or other is None:
        return None
    start, end = max(one[0], other[0]), min(one[1], other[1])
    return (start, end) if start <= end else None


def _clipped(start: float, end: float) -> Span | None:
    return (max(0.0, start), min(1.0, end)) if start <= 1 and end >= 0 else None


def _joined(spans: Iterable[Span]) -> list[Span]:
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
