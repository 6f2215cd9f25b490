"""Shapes of fences from GeoJSON geometries (RFC 7946) and back; what is no area is refused with what is wrong, and where.

A Point with a radius is a circle, a LineString with a radius a corridor. Rings may cross the antimeridian (each edge goes the
short way around) and may go around a pole. A third coordinate is passed over: altitude belongs to the fence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import shapely

from fleet.errors import InvalidValue
from fleet.fence import Circle, Corridor, Polygons, Position, Ring, Shape
from fleet.rings import unrolled_ring

#: Circles and corridors beyond this are no places that a vehicle visits, metres.
LARGEST_RADIUS_M: Final = 1_000_000.0
_FIELD: Final = "geometry"
_FEWEST_OF_RING: Final = 4
#: What GEOS says of an invalid polygon: the reason, and where.
_REASON: Final = re.compile(r"^(?P<reason>[^\[]+)\[(?P<lon>\S+) (?P<lat>\S+)\]$")


def shape_of(geometry: Mapping[str, Any], radius_m: float | None = None) -> Shape:
    """The shape that a geometry describes. Raises InvalidValue."""
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    match kind:
        case "Point":
            lon, lat = _position(coordinates, "the point")
            return Circle(lat=lat, lon=lon, radius_m=_radius(radius_m, "Point"))
        case "LineString":
            return Corridor(line=_line(coordinates), radius_m=_radius(radius_m, "LineString"))
        case "Polygon":
            return validated(Polygons(polygons=(_polygon(coordinates, "polygon"),)))
        case "MultiPolygon":
            parts = _list(coordinates, "coordinates")
            return validated(Polygons(polygons=tuple(_polygon(part, f"polygon {at + 1}") for at, part in enumerate(parts))))
    raise InvalidValue(_FIELD, f"{kind!r} is no geometry of a fence; Point, LineString, Polygon and MultiPolygon are")


def geometry_of(shape: Shape) -> tuple[dict[str, Any], float | None]:
    """The geometry of a shape, and the radius that goes with it."""
    match shape:
        case Circle():
            return {"type": "Point", "coordinates": [shape.lon, shape.lat]}, shape.radius_m
        case Corridor():
            return {"type": "LineString", "coordinates": [list(place) for place in shape.line]}, shape.radius_m
        case Polygons(polygons=(only,)):
            return {"type": "Polygon", "coordinates": _lists(only)}, None
        case Polygons():
            return {"type": "MultiPolygon", "coordinates": [_lists(polygon) for polygon in shape.polygons]}, None


def validated(shape: Polygons) -> Polygons:
    """The same polygons. Raises InvalidValue where one is no area: what is wrong with it, and where."""
    if not shape.polygons:
        raise InvalidValue(_FIELD, "there is no polygon")
    for number, rings in enumerate(shape.polygons):
        start = rings[0][0][0]
        polygon = shapely.Polygon(unrolled_ring(rings[0], start), [unrolled_ring(hole, start) for hole in rings[1:]])
        if not polygon.is_valid:
            name = "polygon" if len(shape.polygons) == 1 else f"polygon {number + 1}"
            raise InvalidValue(_FIELD, f"{name}: {_explained(shapely.is_valid_reason(polygon))}")
    return shape


def _explained(reason: str) -> str:
    found = _REASON.match(reason)
    if found is None:
        return reason
    lon = (float(found["lon"]) + 180.0) % 360.0 - 180.0
    return f"{found['reason'].strip().lower()} at lon {lon:.6f}, lat {float(found['lat']):.6f}"


def _polygon(rings: Any, name: str) -> tuple[Ring, ...]:
    listed = _list(rings, name)
    if not listed:
        raise InvalidValue(_FIELD, f"{name} has no ring")
    return tuple(_ring(ring, f"{name}, {'outer ring' if at == 0 else f'hole {at}'}") for at, ring in enumerate(listed))


def _ring(positions: Any, name: str) -> Ring:
    ring = tuple(_position(position, f"{name}, position {at + 1}") for at, position in enumerate(_list(positions, name)))
    if len(ring) < _FEWEST_OF_RING or len(set(ring)) < _FEWEST_OF_RING - 1:
        raise InvalidValue(_FIELD, f"{name} has too few points: an area needs three corners, and the first one again at the end")
    if _turned(ring[0]) != _turned(ring[-1]):
        raise InvalidValue(_FIELD, f"{name} is not closed: it begins at {list(ring[0])} and ends at {list(ring[-1])}")
    return ring


def _turned(place: Position) -> Position:
    """The place with its longitude in [0, 360): 180 degrees east is 180 degrees west."""
    return place[0] % 360.0, place[1]


def _line(positions: Any) -> tuple[Position, ...]:
    line = tuple(_position(position, f"position {at + 1}") for at, position in enumerate(_list(positions, "the line")))
    if len(set(line)) < 2:
        raise InvalidValue(_FIELD, "the line has too few points: a corridor needs two different ones")
    return line


def _position(value: Any, name: str) -> Position:
    listed = _list(value, name)
    if len(listed) < 2 or not all(_is_number(part) for part in listed[:2]):
        raise InvalidValue(_FIELD, f"{name}: {value!r} is no position [longitude, latitude]")
    lon, lat = float(listed[0]), float(listed[1])
    if abs(lat) > 90.0 and abs(lon) <= 90.0:
        raise InvalidValue(
            _FIELD, f"{name}: latitude {lat:g} is beyond 90; latitude and longitude look swapped in [{lon:g}, {lat:g}]"
        )
    if abs(lat) > 90.0:
        raise InvalidValue(_FIELD, f"{name}: latitude {lat:g} is beyond 90")
    if abs(lon) > 360.0:
        raise InvalidValue(_FIELD, f"{name}: longitude {lon:g} is beyond 360")
    return lon, lat


def _radius(radius_m: float | None, kind: str) -> float:
    if radius_m is None:
        raise InvalidValue("radius_m", f"a {kind} needs a radius")
    if not _is_number(radius_m) or not 0 < radius_m <= LARGEST_RADIUS_M:
        raise InvalidValue("radius_m", f"{radius_m!r} is not between 0 and {LARGEST_RADIUS_M:g} metres")
    return float(radius_m)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _list(value: Any, name: str) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise InvalidValue(_FIELD, f"{name} must be a list")
    return value


def _lists(rings: Sequence[Ring]) -> list[list[list[float]]]:
    return [[list(place) for place in ring] for ring in rings]
