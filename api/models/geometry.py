"""GeoJSON geometry of a fence: to and from the domain's shapes."""

from __future__ import annotations

from typing import Any

from fleet.errors import InvalidValue
from fleet.fence import Circle, Corridor, Polygons, Shape


def shape_of(geometry: dict[str, Any], radius_m: float | None) -> Shape:
    """Raises InvalidValue."""
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    try:
        match kind:
            case "Point":
                lon, lat = coordinates
                return Circle(lat=lat, lon=lon, radius_m=radius_m)
            case "Polygon":
                return Polygons(polygons=(tuple(tuple((x, y) for x, y in ring) for ring in coordinates),))
            case "MultiPolygon":
                return Polygons(
                    polygons=tuple(tuple(tuple((x, y) for x, y in ring) for ring in polygon) for polygon in coordinates)
                )
            case "LineString":
                return Corridor(line=tuple((x, y) for x, y in coordinates), radius_m=radius_m)
    except (TypeError, ValueError) as error:
        raise InvalidValue("geometry", f"{error}") from error
    raise InvalidValue("geometry", f"{kind} is no shape of a fence")


def geometry_of(shape: Shape) -> tuple[dict[str, Any], float | None]:
    match shape:
        case Circle():
            return {"type": "Point", "coordinates": [shape.lon, shape.lat]}, shape.radius_m
        case Corridor():
            return {"type": "LineString", "coordinates": [list(place) for place in shape.line]}, shape.radius_m
        case Polygons(polygons=(only,)):
            return {"type": "Polygon", "coordinates": [[list(place) for place in ring] for ring in only]}, None
        case Polygons():
            return {
                "type": "MultiPolygon",
                "coordinates": [[[list(place) for place in ring] for ring in polygon] for polygon in shape.polygons],
            }, None
