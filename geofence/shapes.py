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
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import shapely
import shapely.affinity

from fleet.fence import Circle, Corridor, Polygons, Position, Ring, Shape
from fleet.geodesy import METRES_PER_DEGREE, distance_m
from geofence.grid import Bounds, cells_of, cells_under
from geofence.slots import Int64s

Floats = npt.NDArray[np.float64]

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
        return cells_of(around(self.lat, self.lon, self.lon, self.lat, self.radius_m), tenant)


@dataclass(frozen=True)
class CompiledPolygons:
    """`geometry` is prepared, in the frame of `lon`."""

    lat: float
    lon: float
    geometry: Any

    @cached_property
    def _even(self) -> Any:
        """The geometry with degrees of longitude shortened to the length of degrees of latitude, at the middle."""
        even = shapely.affinity.scale(self.geometry, xfact=self._shortening, yfact=1.0, origin=(0, 0))
        shapely.prepare(even)
        return even

    @property
    def _shortening(self) -> float:
        return max(1e-6, math.cos(math.radians(self.lat)))

    def outside_m(self, lat: float, lon: float) -> float:
        x = framed(lon, self.lon)
        if shapely.intersects_xy(self.geometry, x, lat):
            return 0.0
        # The nearest place is looked for in the even plane; how far it is, is measured on the sphere.
        way = shapely.shortest_line(self._even, shapely.Point(x * self._shortening, lat))
        nearest_x, nearest_lat = shapely.get_coordinates(way)[0].tolist()
        return distance_m(lat, lon, nearest_lat, nearest_x / self._shortening)

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

    def outside_m(self, lat: float, lon: float) -> float:
        here = np.array([lat]), np.array([lon])
        return max(0.0, float(distances_to_line_m(self.line, self.lon, *here)[0]) - self.radius_m)

    def cells(self, tenant: int) -> Int64s:
        parts = [
            cells_of(around(min(a[1], b[1]), min(a[0], b[0]), max(a[0], b[0]), max(a[1], b[1]), self.radius_m), tenant)
            for a, b in zip(self.line[:-1].tolist(), self.line[1:].tolist(), strict=True)
        ]
        return np.unique(np.concatenate(parts))


def compile_shape(shape: Shape) -> Compiled:
    """The shape, made ready. It must be valid (`fleet.geojson.validate`)."""
    match shape:
        case Circle():
            return CompiledCircle(lat=shape.lat, lon=shape.lon, radius_m=shape.radius_m)
        case Polygons():
            return _compile_polygons(shape)
        case Corridor():
            return _compile_corridor(shape)


def framed(lon: float, middle: float) -> float:
    """The longitude, turned by whole circles to within 180 degrees of `middle`; unchanged where it is already."""
    return lon + 360.0 * round((middle - lon) / 360.0)


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


def distances_to_line_m(line: Floats, middle: float, lat: Floats, lon: Floats) -> Floats:
    """Distance of each place from the nearest point of a line, metres.

    Each place has a plane of its own, with itself at the origin and degrees of longitude as long as they are there: what is near is
    in its right place, and what is far does not matter. The distance of the foot of the perpendicular is then
    measured on the sphere.
    """
    shortening = np.maximum(1e-6, np.cos(np.radians(lat)))[:, None]
    x = lon + 360.0 * np.rint((middle - lon) / 360.0)
    ax, ay = (line[None, :-1, 0] - x[:, None]) * shortening, line[None, :-1, 1] - lat[:, None]
    dx, dy = np.diff(line[:, 0])[None, :] * shortening, np.diff(line[:, 1])[None, :]
    squared = dx * dx + dy * dy
    along = np.clip(-(ax * dx + ay * dy) / np.where(squared > 0, squared, 1.0), 0.0, 1.0)
    foot_x, foot_y = ax + along * dx, ay + along * dy
    best = np.argmin(foot_x * foot_x + foot_y * foot_y, axis=1)[:, None]
    foot_lat = lat + np.take_along_axis(foot_y, best, 1)[:, 0]
    foot_lon = x + np.take_along_axis(foot_x, best, 1)[:, 0] / shortening[:, 0]
    phi, foot_phi = np.radians(lat), np.radians(foot_lat)
    half_chord = np.sin((foot_phi - phi) / 2) ** 2 + np.cos(phi) * np.cos(foot_phi) * np.sin(np.radians(foot_lon - x) / 2) ** 2
    return np.asarray(2 * math.degrees(1) * METRES_PER_DEGREE * np.arcsin(np.minimum(1.0, np.sqrt(half_chord))))


def _compile_polygons(shape: Polygons) -> CompiledPolygons:
    start = shape.polygons[0][0][0][0]
    parts = [
        shapely.Polygon(_unrolled(rings[0], start), [_unrolled(hole, start) for hole in rings[1:]]) for rings in shape.polygons
    ]
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


def unrolled(positions: Sequence[Position], start: float) -> list[Position]:
    """The positions with each longitude within 180 degrees of the one before (the first: of `start`)."""
    result: list[Position] = []
    previous = start
    for lon, lat in positions:
        previous = framed(lon, previous)
        result.append((previous, lat))
    return result


def _unrolled(ring: Ring, start: float) -> list[Position]:
    positions = unrolled(ring, start)
    around_pole = positions[-1][0] - positions[0][0]
    if abs(around_pole) < 180:
        return positions
    # The ring goes all around: it encloses the pole of its own hemisphere.
    pole = math.copysign(90.0, sum(lat for _, lat in positions))
    return [*positions, (positions[-1][0], pole), (positions[0][0], pole), positions[0]]
