"""A file of fences: GeoJSON (RFC 7946), a FeatureCollection or one Feature, each feature a fence.

A polygon needs nothing more; a point and a line need `radius_m` among their properties. `id`, `name` and `dwell_s` are read where
they are given; a fence without an id is named for its name, or its number in the file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import orjson

from fleet.errors import OutriderError
from fleet.fence import Circle, Corridor, Fence, Polygons, Position, Ring, Shape

#: A ring is closed: three corners, and the first once more.
_LEAST_RING: Final = 4


class InvalidFences(OutriderError):
    """The file cannot be used; `where` is the place in it, `problem` what is wrong there."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"the fences are not valid: {where}: {problem}" if where else f"the fences are not valid: {problem}")
        self.where = where
        self.problem = problem


def parse_fences(data: bytes, *, tenant: str) -> list[Fence]:
    """The fences of a GeoJSON file, in its order. Raises InvalidFences."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as problem:
        raise InvalidFences("", f"no JSON: {problem}") from problem
    fences = [_fence(feature, f"features[{index}]", index, tenant) for index, feature in enumerate(_features(document))]
    first: dict[str, int] = {}
    for index, fence in enumerate(fences):
        if fence.id in first:
            raise InvalidFences(f"features[{index}].id", f"{fence.id!r} is the id of features[{first[fence.id]}] already")
        first[fence.id] = index
    return fences


def _features(document: object) -> Sequence[object]:
    match document:
        case {"type": "FeatureCollection", "features": list(features)}:
            return features
        case {"type": "Feature"}:
            return [document]
    raise InvalidFences("", "neither a FeatureCollection nor a Feature")


def _fence(feature: object, where: str, index: int, tenant: str) -> Fence:
    if not (isinstance(feature, dict) and feature.get("type") == "Feature" and isinstance(feature.get("geometry"), dict)):
        raise InvalidFences(where, "no Feature with a geometry")
    geometry, properties = feature["geometry"], feature.get("properties") or {}
    if not isinstance(properties, dict):
        raise InvalidFences(f"{where}.properties", "no object")
    name = properties.get("name")
    named = next(
        (given for given in (feature.get("id"), properties.get("id"), name) if given not in (None, "")), f"fence-{index + 1}"
    )
    radius_m = _positive(properties.get("radius_m"), f"{where}.properties.radius_m")
    return Fence(
        id=str(named),
        tenant=tenant,
        name=str(name or named),
        shape=_shape(geometry, radius_m, f"{where}.geometry"),
        dwell_s=_positive(properties.get("dwell_s"), f"{where}.properties.dwell_s"),
    )


def _positive(value: object, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise InvalidFences(where, f"{value!r} is no positive number")
    return float(value)


def _shape(geometry: dict[str, Any], radius_m: float | None, where: str) -> Shape:
    kind, coordinates, place = geometry.get("type"), geometry.get("coordinates"), f"{where}.coordinates"
    if kind in ("Point", "LineString") and radius_m is None:
        raise InvalidFences(where, f"a {kind} needs radius_m among the properties")
    match kind:
        case "Polygon":
            return Polygons(polygons=(_rings(coordinates, place),))
        case "MultiPolygon":
            parts = _listed(coordinates, place)
            return Polygons(polygons=tuple(_rings(part, f"{place}[{index}]") for index, part in enumerate(parts)))
        case "Point":
            lon, lat = _position(coordinates, place)
            return Circle(lat=lat, lon=lon, radius_m=radius_m or 0.0)
        case "LineString":
            line = tuple(_position(part, f"{place}[{index}]") for index, part in enumerate(_listed(coordinates, place)))
            if len(line) < 2:
                raise InvalidFences(place, "a line needs two places")
            return Corridor(line=line, radius_m=radius_m or 0.0)
    raise InvalidFences(where, f"{kind!r} is no shape of a fence")


def _rings(coordinates: object, where: str) -> tuple[Ring, ...]:
    rings = tuple(_ring(part, f"{where}[{index}]") for index, part in enumerate(_listed(coordinates, where)))
    if not rings:
        raise InvalidFences(where, "a polygon without a ring")
    return rings


def _ring(coordinates: object, where: str) -> Ring:
    ring = tuple(_position(part, f"{where}[{index}]") for index, part in enumerate(_listed(coordinates, where)))
    if len(ring) < _LEAST_RING or ring[0] != ring[-1]:
        raise InvalidFences(where, "a ring has at least four places, and ends where it begins")
    return ring


def _listed(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise InvalidFences(where, "no list")
    return value


def _position(value: object, where: str) -> Position:
    """Longitude and latitude; an altitude is let be."""
    try:
        lon, lat, *_ = msgspec.convert(value, list[float])
    except (msgspec.ValidationError, ValueError) as problem:
        raise InvalidFences(where, "no place (longitude, latitude)") from problem
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise InvalidFences(where, f"longitude {lon}, latitude {lat} is nowhere; GeoJSON has the longitude first")
    return lon, lat
