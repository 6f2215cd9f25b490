"""Membership in bulk: which fixes are in which fences, and which ways between two fixes pass through one.

The grid names what may be near; here it is tested exactly. Circles and corridors are tested by distance on the sphere, polygons by
their prepared geometry. Fixes outside of a fence's altitude range are outside; one without an altitude is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from fleet.geodesy import METRES_PER_DEGREE, distances_m
from geofence.plan import CIRCLE, CORRIDOR, POLYGON, FencePlan
from geofence.shapes import CompiledPolygons, distances_to_lines_m, distances_to_polygons_m
from geofence.slots import Int32s, Int64s

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Rows with the place before each; where there is none, the place itself (`is_way` False)."""

    tenants: Int32s
    lat: Floats
    lon: Floats
    altitude_m: npt.NDArray[np.float32]
    previous_lat: Floats
    previous_lon: Floats
    is_way: Booleans


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Pairs of a row and a fence by number: the place is `inside`, or only the way to it touches the fence."""

    rows: Int64s
    fences: Int32s
    inside: Booleans

    def __len__(self) -> int:
        return len(self.rows)


def find_hits(plan: FencePlan, ways: Ways) -> Hits:
    """All hits of these rows; ways alone are found generously (`geofence.crossing` decides)."""
    return hits_among(plan, ways, *plan.grid.near(ways.tenants, ways.lat, ways.lon, ways.previous_lat, ways.previous_lon))


def hits_among(plan: FencePlan, ways: Ways, rows: Int64s, fences: Int32s) -> Hits:
    """Those of the pairs (as `Grid.near` names them) that are hits."""
    columns = plan.columns
    inside = np.zeros(len(rows), np.bool_)
    touched = np.zeros(len(rows), np.bool_)
    kind = columns.kind[fences]
    for number, test in ((CIRCLE, _circles), (POLYGON, _polygons), (CORRIDOR, _corridors)):
        chosen = np.flatnonzero(kind == number)
        if len(chosen):
            inside[chosen], touched[chosen] = test(plan, ways, rows[chosen], fences[chosen])
    if columns.has_altitude:
        altitude = ways.altitude_m[rows]
        off = (altitude < columns.min_altitude_m[fences]) | (altitude > columns.max_altitude_m[fences])
        inside &= ~off
        touched &= ~off
    kept = np.flatnonzero(inside | touched)
    return Hits(rows=rows[kept], fences=fences[kept], inside=inside[kept])


def distances_outside_m(plan: FencePlan, fences: Int32s, lat: Floats, lon: Floats) -> Floats:
    """How far each place, that is not inside, is outside of its fence, metres."""
    columns = plan.columns
    kind = columns.kind[fences]
    outside_m = np.zeros(len(fences))
    circles = np.flatnonzero(kind == CIRCLE)
    if len(circles):
        at = fences[circles]
        from_middle_m = distances_m(lat[circles], lon[circles], columns.lat[at], columns.lon[at])
        outside_m[circles] = np.maximum(0.0, from_middle_m - columns.radius_m[at])
    polygons = np.flatnonzero(kind == POLYGON)
    if len(polygons):
        x = _framed(lon[polygons], columns.lon[fences[polygons]])
        shapes = [plan.fences[number].shape for number in fences[polygons].tolist()]
        evens = [shape for shape in shapes if isinstance(shape, CompiledPolygons)]
        outside_m[polygons] = distances_to_polygons_m(evens, x, lat[polygons])
    corridors = np.flatnonzero(kind == CORRIDOR)
    if len(corridors):
        at = fences[corridors]
        x = _framed(lon[corridors], columns.lon[at])
        from_line_m = distances_to_lines_m(columns.lines, columns.line[at], x, lat[corridors])
        outside_m[corridors] = np.maximum(0.0, from_line_m - columns.radius_m[at])
    return outside_m


def _circles(plan: FencePlan, ways: Ways, rows: Int64s, fences: Int32s) -> tuple[Booleans, Booleans]:
    columns = plan.columns
    lat, lon, radius = columns.lat[fences], columns.lon[fences], columns.radius_m[fences]
    inside = np.zeros(len(rows), np.bool_)
    # Most are out by their latitude alone; a thousandth more makes up for rounding.
    close = np.flatnonzero(np.abs(ways.lat[rows] - lat) <= radius * (1.001 / METRES_PER_DEGREE))
    at = rows[close]
    inside[close] = distances_m(ways.lat[at], ways.lon[at], lat[close], lon[close]) <= radius[close]
    touched = np.zeros(len(rows), np.bool_)
    passing = np.flatnonzero(~inside & ways.is_way[rows])
    if len(passing):
        rows, lat, lon = rows[passing], lat[passing], lon[passing]
        # A plane around the middle of the circle; a hundredth more radius makes up for its flatness.
        shortening = np.cos(np.radians(lat))
        to_x, to_y = _wrapped(ways.lon[rows] - lon) * shortening, ways.lat[rows] - lat
        from_x, from_y = _wrapped(ways.previous_lon[rows] - lon) * shortening, ways.previous_lat[rows] - lat
        reach = radius[passing] * 1.01 / METRES_PER_DEGREE
        touched[passing] = _squared_to_origin(from_x, from_y, to_x, to_y) <= reach * reach
    return inside, touched


def _polygons(plan: FencePlan, ways: Ways, rows: Int64s, fences: Int32s) -> tuple[Booleans, Booleans]:
    columns = plan.columns
    x, lat, bounds = _framed(ways.lon[rows], columns.lon[fences]), ways.lat[rows], columns.bounds[fences]
    boxed = np.flatnonzero((x >= bounds[:, 0]) & (x <= bounds[:, 2]) & (lat >= bounds[:, 1]) & (lat <= bounds[:, 3]))
    inside = np.zeros(len(rows), np.bool_)
    inside[boxed] = shapely.intersects_xy(columns.geometry[fences[boxed]], x[boxed], lat[boxed])
    touched = np.zeros(len(rows), np.bool_)
    passing = np.flatnonzero(~inside & ways.is_way[rows])
    if len(passing):
        rows = rows[passing]
        # The short way around from the previous place, in the frame of the place.
        from_x = _framed(ways.previous_lon[rows], x[passing])
        ends = np.stack([np.stack([from_x, ways.previous_lat[rows]], 1), np.stack([x[passing], ways.lat[rows]], 1)], 1)
        near = _boxes_meet(bounds[passing], ends)
        geometry = columns.geometry[fences[passing[near]]]
        touched[passing[near]] = shapely.intersects(geometry, shapely.linestrings(ends[near]))
    return inside, touched


def _corridors(plan: FencePlan, ways: Ways, rows: Int64s, fences: Int32s) -> tuple[Booleans, Booleans]:
    columns = plan.columns
    line, middle, radius = columns.line[fences], columns.lon[fences], columns.radius_m[fences]
    x, lat = _framed(ways.lon[rows], middle), ways.lat[rows]
    inside = distances_to_lines_m(columns.lines, line, x, lat) <= radius
    touched = np.zeros(len(rows), np.bool_)
    passing = np.flatnonzero(~inside & ways.is_way[rows])
    if len(passing):
        # No part of a way is further from its middle than half of its length; a hundredth more for the flatness of it.
        at, x, lat = rows[passing], x[passing], lat[passing]
        from_x, from_lat = _framed(ways.previous_lon[at], x), ways.previous_lat[at]
        half_m = distances_m(lat, x, from_lat, from_x) / 2
        from_middle_m = distances_to_lines_m(columns.lines, line[passing], (x + from_x) / 2, (lat + from_lat) / 2)
        touched[passing] = from_middle_m <= (radius[passing] + half_m) * 1.01
    return inside, touched


def _wrapped(degrees: Floats) -> Floats:
    return np.asarray(degrees - 360.0 * np.rint(degrees / 360.0))


def _framed(lon: Floats, middle: Floats) -> Floats:
    return np.asarray(lon + 360.0 * np.rint((middle - lon) / 360.0))


def _squared_to_origin(from_x: Floats, from_y: Floats, to_x: Floats, to_y: Floats) -> Floats:
    """Squared distance of the origin from each way."""
    dx, dy = to_x - from_x, to_y - from_y
    squared = dx * dx + dy * dy
    along = np.clip(-(from_x * dx + from_y * dy) / np.where(squared > 0, squared, 1.0), 0.0, 1.0)
    x, y = from_x + along * dx, from_y + along * dy
    return np.asarray(x * x + y * y)


def _boxes_meet(bounds: Floats, ends: Floats) -> npt.NDArray[Any]:
    """Indices of ways whose box meets the geometry's."""
    low, high = ends.min(axis=1), ends.max(axis=1)
    meets = (low <= bounds[:, 2:]) & (high >= bounds[:, :2])
    return np.flatnonzero(meets.all(axis=1))
