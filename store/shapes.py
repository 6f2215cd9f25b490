"""A fence's shape as the GeoJSON that the database keeps (RFC 7946, (lon, lat) order), and back. Exact both ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fleet.fence import Circle, Corridor, Polygons, Position, Ring, Shape
from store.errors import StoreError


def shape_as_geometry(shape: Shape) -> tuple[dict[str, Any], float | None]:
    """(geometry, radius_m); polygons have no radius."""
    match shape:
        case Circle(lat=lat, lon=lon, radius_m=radius_m):
            return {"type": "Point", "coordinates": [lon, lat]}, radius_m
        case Corridor(line=line, radius_m=radius_m):
            return {"type": "LineString", "coordinates": [list(position) for position in line]}, radius_m
        case Polygons(polygons=[rings]):
            return {"type": "Polygon", "coordinates": _coordinates(rings)}, None
        case Polygons(polygons=polygons):
            return {"type": "MultiPolygon", "coordinates": [_coordinates(rings) for rings in polygons]}, None


def shape_from_geometry(geometry: dict[str, Any], radius_m: float | None) -> Shape:
    """Raises StoreError for a geometry that this version did not write."""
    coordinates = geometry["coordinates"]
    match geometry["type"], radius_m:
        case "Point", float():
            lon, lat = _position(coordinates)
            return Circle(lat=lat, lon=lon, radius_m=radius_m)
        case "LineString", float():
            return Corridor(line=tuple(map(_position, coordinates)), radius_m=radius_m)
        case "Polygon", _:
            return Polygons(polygons=(_rings(coordinates),))
        case "MultiPolygon", _:
            return Polygons(polygons=tuple(map(_rings, coordinates)))
        case kind, _:
            raise StoreError(f"a fence is kept as {kind} with radius_m {radius_m}, which this version does not know")


def _coordinates(rings: Sequence[Ring]) -> list[list[list[float]]]:
    return [[list(position) for position in ring] for ring in rings]


def _rings(coordinates: Sequence[Sequence[Sequence[float]]]) -> tuple[Ring, ...]:
    return tuple(tuple(map(_position, ring)) for ring in coordinates)


def _position(coordinates: Sequence[float]) -> Position:
    """JSON does not tell 24 from 24.0."""
    return float(coordinates[0]), float(coordinates[1])
