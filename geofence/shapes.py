"""Shapes of fences, made ready for exact tests: a circle by distance, a polygon by its edges, a corridor by distance from a line.

A place on the edge is inside. The edges of polygons are straight in longitude and latitude, as GeoJSON has them (RFC 7946, 3.1.1);
distances are those of `fleet.geodesy`. Every shape has a frame: longitudes are turned by whole circles until they are within 180
degrees of the shape's middle, so that the antimeridian is nowhere special. A ring that goes around a pole is closed over it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import shapely
import shapely.affinity

from fleet.fence import Circle, Corridor, Polygons, Shape
from fleet.geodesy import METRES_PER_DEGREE, distance_m, distances_m
from fleet.rings import framed, unrolled, unrolled_ring
from geofence.grid import Bounds, cells_of, cells_under, level_of, ramps
from geofence.slots import Int64s

Floats = npt.NDArray[np.float64]

#: At the poles a degree of longitude is no way at all; so that it can be divided by.
_LEAST_SHORTENING: Final = 1e-6
#: Up to so many edges a loop is faster than columns.
_FEW_EDGES: Final = 64
#: Nearer to a pole than this a degree of longitude is worth nothing, and a circle reaches all around, degrees.
_POLAR_DEG: Final = 1e-9


class Compiled(Protocol):
    """A shape that can be asked. Scalars in, scalars out; bulk tests are in `geofence.index`."""

    @property
    def lat(self) -> float:
        """Latitude of the middle, from which `closest_m` is measured."""
        ...

    @property
    def lon(self) -> float: ...

    def outside_m(self, lat: float, lon: float) -> float:
        """How far outside of the edge a place is; 0 inside."""
        ...

    def cells(self, tenant: int) -> Int64s:
        """Keys of the grid cells that the shape touches."""
        ...


@dataclass(frozen=True)
class CompiledCircle:
    lat: float
    lon: float
    radius_m: float

    def outside_m(self, lat: float, lon: float) -> float:
        return max(0.0, distance_m(lat, lon, self.lat, self.lon) - self.radius_m)

    def cells(self, tenant: int) -> Int64s:
        bounds = around(self.lat, self.lon, self.lon, self.lat, self.radius_m)
        return cells_of(bounds, tenant, level_of(bounds))


@dataclass(frozen=True)
class CompiledPolygons:
    """`geometry` is prepared, in the frame of `lon`."""

    lat: float
    lon: float
    geometry: Any

    @property
    def shortening(self) -> float:
        """How long a degree of longitude is at the middle, in degrees of latitude."""
        return max(_LEAST_SHORTENING, math.cos(math.radians(self.lat)))

    @cached_property
    def edges(self) -> Floats:
        """All edges of all rings: from (x, lat) to (x, lat), (4, N) float64."""
        places, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(self.geometry)), return_index=True)
        same = ring[1:] == ring[:-1]
        return np.concatenate([places[:-1][same], places[1:][same]], axis=1).T.copy()

    @cached_property
    def is_small(self) -> bool:
        """Whether a loop over the edges is faster than columns."""
        return bool(self.edges.shape[1] <= _FEW_EDGES)

    @cached_property
    def edge_list(self) -> list[tuple[float, float, float, float]]:
        """`edges`, one after the other."""
        return [(from_x, from_y, to_x, to_y) for from_x, from_y, to_x, to_y in self.edges.T.tolist()]

    def outside_m(self, lat: float, lon: float) -> float:
        x = framed(lon, self.lon)
        if shapely.intersects_xy(self.geometry, x, lat):
            return 0.0
        return float(distances_to_polygons_m([self], np.array([x]), np.array([lat]))[0])

    def cells(self, tenant: int) -> Int64s:
        west, south, east, north = self.geometry.bounds
        return cells_under(Bounds(west=west, south=south, east=east, north=north), self.geometry, tenant)


@dataclass(frozen=True)
class CompiledCorridor:
    """`line` is (N, 2) float64, lon/lat degrees in the frame of `lon`; N >= 2."""

    lat: float
    lon: float
    radius_m: float
    line: Floats

    @cached_property
    def points(self) -> list[list[float]]:
        """`line` as [lon, lat] lists."""
        points: list[list[float]] = self.line.tolist()
        return points

    def outside_m(self, lat: float, lon: float) -> float:
        """As `distances_to_lines_m`, for one place."""
        shortening = max(_LEAST_SHORTENING, math.cos(math.radians(lat)))
        x = framed(lon, self.lon)
        best, foot = math.inf, (0.0, 0.0)
        for (from_x, from_lat), (to_x, to_lat) in pairwise(self.points):
            ax, ay = (from_x - x) * shortening, from_lat - lat
            dx, dy = (to_x - from_x) * shortening, to_lat - from_lat
            squared = dx * dx + dy * dy
            along = min(1.0, max(0.0, -(ax * dx + ay * dy) / squared)) if squared > 0 else 0.0
            east, north = ax + along * dx, ay + along * dy
            if east * east + north * north < best:
                best, foot = east * east + north * north, (east, north)
        return max(0.0, distance_m(lat, x, lat + foot[1], x + foot[0] / shortening) - self.radius_m)

    def cells(self, tenant: int) -> Int64s:
        parts = [
            around(min(a[1], b[1]), min(a[0], b[0]), max(a[0], b[0]), max(a[1], b[1]), self.radius_m)
            for a, b in pairwise(self.points)
        ]
        # All on the level of the largest: the grid would name a fence that is on two levels twice.
        level = min(map(level_of, parts))
        return np.unique(np.concatenate([cells_of(part, tenant, level) for part in parts]))


def compile_shape(shape: Shape) -> Compiled:
    """The shape, made ready. Raises ValueError or a ShapelyError for one that is no area."""
    match shape:
        case Circle():
            return CompiledCircle(lat=shape.lat, lon=shape.lon, radius_m=shape.radius_m)
        case Polygons():
            return _compile_polygons(shape)
        case Corridor():
            return _compile_corridor(shape)


def around(south: float, west: float, east: float, north: float, radius_m: float) -> Bounds:
    """Bounds of all places within `radius_m` of a box."""
    reach = radius_m / METRES_PER_DEGREE * (1 + 1e-9)
    low, high = max(-90.0, south - reach), min(90.0, north + reach)
    widest = math.cos(math.radians(max(abs(south), abs(north))))
    # The meridian that touches a circle of angular radius d at latitude p is asin(sin d / cos p) away from its middle.
    sine = math.sin(math.radians(min(90.0, reach))) / max(widest, 1e-12)
    if low <= -90 + _POLAR_DEG or high >= 90 - _POLAR_DEG or sine >= 1:
        return Bounds(west=-180.0, south=low, east=180.0, north=high)
    sideways = math.degrees(math.asin(sine)) * (1 + 1e-9)
    return Bounds(west=west - sideways, south=low, east=east + sideways, north=high)


@dataclass(frozen=True)
class Lines:
    """The parts of several lines, one after the other: from (x, lat) to (to_x, to_lat), degrees; `starts` and `counts` by line."""

    x: Floats
    lat: Floats
    to_x: Floats
    to_lat: Floats
    starts: Int64s
    counts: Int64s

    @classmethod
    def of(cls, lines: Sequence[Floats]) -> Lines:
        counts = np.array([len(line) - 1 for line in lines], np.int64)
        origins = np.concatenate([np.zeros((0, 2)), *(line[:-1] for line in lines)])
        ends = np.concatenate([np.zeros((0, 2)), *(line[1:] for line in lines)])
        return cls(origins[:, 0], origins[:, 1], ends[:, 0], ends[:, 1], np.cumsum(counts) - counts, counts)


def distances_to_lines_m(lines: Lines, numbers: Int64s, x: Floats, lat: Floats) -> Floats:
    """Distance of each place from the nearest point of its line (by number), metres; `x` is longitude in the line's frame.

    Each place has a plane of its own, with itself at the origin and degrees of longitude as long as they are there: what is near is
    in its right place, and what is far does not matter. The distance of the foot of the perpendicular is then
    measured on the sphere.
    """
    counts = lines.counts[numbers]
    part = ramps(lines.starts[numbers], counts)
    place = np.repeat(np.arange(len(numbers)), counts)
    shortening = np.maximum(_LEAST_SHORTENING, np.cos(np.radians(lat)))
    across = shortening[place]
    ax, ay = (lines.x[part] - x[place]) * across, lines.lat[part] - lat[place]
    dx, dy = (lines.to_x[part] - lines.x[part]) * across, lines.to_lat[part] - lines.lat[part]
    squared = dx * dx + dy * dy
    along = np.clip(-(ax * dx + ay * dy) / np.where(squared > 0, squared, 1.0), 0.0, 1.0)
    east, north = ax + along * dx, ay + along * dy
    best = _nearest(east * east + north * north, counts)
    return distances_m(lat, x, lat + north[best], x + east[best] / shortening)


def distances_to_polygons_m(polygons: Sequence[CompiledPolygons], x: Floats, lat: Floats) -> Floats:
    """Distance of each place from the nearest edge of its polygon, metres; `x` is longitude in the polygon's frame.

    The nearest point of the edges is looked for in a plane in which degrees of longitude are as long as they are at the polygon's
    middle; how far it is, is measured on the sphere.
    """
    counts = np.array([polygon.edges.shape[1] for polygon in polygons], np.int64)
    edges = np.concatenate([np.zeros((4, 0)), *(polygon.edges for polygon in polygons)], axis=1)
    shortening = np.array([polygon.shortening for polygon in polygons])
    across, here_x, here_lat = (np.repeat(column, counts) for column in (shortening, x, lat))
    ax, ay = (edges[0] - here_x) * across, edges[1] - here_lat
    dx, dy = (edges[2] - edges[0]) * across, edges[3] - edges[1]
    squared = dx * dx + dy * dy
    along = np.clip(-(ax * dx + ay * dy) / np.where(squared > 0, squared, 1.0), 0.0, 1.0)
    east, north = ax + along * dx, ay + along * dy
    best = _nearest(east * east + north * north, counts)
    return distances_m(lat, x, lat + north[best], x + east[best] / shortening)


def _nearest(away: Floats, counts: Int64s) -> Int64s:
    """For parts of places, `counts` of them each: the part that is the least away, the first one of several."""
    starts = np.cumsum(counts) - counts
    least = np.minimum.reduceat(away, starts)
    parts = np.flatnonzero(away == np.repeat(least, counts))
    return parts[np.searchsorted(parts, starts)]


def _compile_polygons(shape: Polygons) -> CompiledPolygons:
    start = shape.polygons[0][0][0][0]
    parts = [
        shapely.Polygon(unrolled_ring(rings[0], start), [unrolled_ring(hole, start) for hole in rings[1:]])
        for rings in shape.polygons
    ]
    for part in parts:
        if not part.is_valid:
            raise ValueError(f"geometry: {shapely.is_valid_reason(part)}")
    geometry = shapely.union_all(parts) if len(parts) > 1 else parts[0]
    west, south, east, north = geometry.bounds
    middle = (west + east) / 2
    turns = -round(middle / 360.0) * 360.0
    if turns:
        geometry = shapely.affinity.translate(geometry, xoff=turns)
    shapely.prepare(geometry)
    return CompiledPolygons(lat=(south + north) / 2, lon=middle + turns, geometry=geometry)


def _compile_corridor(shape: Corridor) -> CompiledCorridor:
    line = np.array(unrolled(shape.line, shape.line[0][0]))
    west, east = float(line[:, 0].min()), float(line[:, 0].max())
    south, north = float(line[:, 1].min()), float(line[:, 1].max())
    turns = -round((west + east) / 2 / 360.0) * 360.0
    line[:, 0] += turns
    return CompiledCorridor(lat=(south + north) / 2, lon=(west + east) / 2 + turns, radius_m=shape.radius_m, line=line)
