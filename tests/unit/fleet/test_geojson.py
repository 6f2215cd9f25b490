"""Shapes of fences to and from GeoJSON; what is no area is refused with what is wrong, and where."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.errors import InvalidValue
from fleet.fence import Circle, Corridor, Polygons
from fleet.geojson import geometry_of, shape_of

SQUARE = [[8.0, 47.0], [8.1, 47.0], [8.1, 47.1], [8.0, 47.1], [8.0, 47.0]]
HOLE = [[8.04, 47.04], [8.06, 47.04], [8.06, 47.06], [8.04, 47.04]]
ELSEWHERE = [[9.0, 47.0], [9.1, 47.0], [9.1, 47.1], [9.0, 47.0]]


@pytest.mark.parametrize(
    ("geometry", "radius_m"),
    [
        ({"type": "Point", "coordinates": [8.5, 47.4]}, 100.0),
        ({"type": "LineString", "coordinates": [[8.5, 47.4], [8.6, 47.5], [8.6, 47.6]]}, 50.0),
        ({"type": "Polygon", "coordinates": [SQUARE, HOLE]}, None),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE], [ELSEWHERE]]}, None),
        ({"type": "Polygon", "coordinates": [[[179.9, 1], [-179.9, 1], [-179.9, 2], [179.9, 2], [179.9, 1]]]}, None),
        ({"type": "Polygon", "coordinates": [[[0, 80], [120, 80], [240, 80], [360, 80]]]}, None),
    ],
)
def test_a_geometry_survives_the_way_there_and_back(geometry: dict[str, Any], radius_m: float | None) -> None:
    back, back_radius_m = geometry_of(shape_of(geometry, radius_m))
    assert (back, back_radius_m) == (geometry, radius_m)


def test_each_kind_becomes_its_shape() -> None:
    assert shape_of({"type": "Point", "coordinates": [8.5, 47.4, 400]}, 30) == Circle(lat=47.4, lon=8.5, radius_m=30.0)
    assert shape_of({"type": "LineString", "coordinates": [[1, 2], [3, 4]]}, 30) == Corridor(line=((1, 2), (3, 4)), radius_m=30.0)
    assert isinstance(shape_of({"type": "Polygon", "coordinates": [SQUARE]}), Polygons)


@pytest.mark.parametrize(
    ("geometry", "problem"),
    [
        ({"type": "Circle"}, "'Circle' is no geometry of a fence; Point, LineString, Polygon and MultiPolygon are"),
        ({"type": "Polygon", "coordinates": 5}, "polygon must be a list"),
        ({"type": "Polygon", "coordinates": []}, "polygon has no ring"),
        ({"type": "MultiPolygon", "coordinates": []}, "there is no polygon"),
        (
            {"type": "Polygon", "coordinates": [[[8, 47], [9, 47], [8, 47]]]},
            "polygon, outer ring has too few points: an area needs three corners, and the first one again at the end",
        ),
        (
            {"type": "Polygon", "coordinates": [SQUARE[:-1]]},
            "polygon, outer ring is not closed: it begins at [8.0, 47.0] and ends at [8.0, 47.1]",
        ),
        (
            {"type": "Polygon", "coordinates": [[[8, 47], [9, 48], [9, 47], [8, 48], [8, 47]]]},
            "polygon: self-intersection at lon 8.500000, lat 47.500000",
        ),
        (
            {"type": "MultiPolygon", "coordinates": [[SQUARE], [[[8, 47], [9, 48], [9, 47], [8, 48], [8, 47]]]]},
            "polygon 2: self-intersection at lon 8.500000, lat 47.500000",
        ),
        (
            {"type": "Polygon", "coordinates": [[[179, 0], [-179, 2], [-179, 0], [179, 2], [179, 0]]]},
            "polygon: self-intersection at lon -180.000000, lat 1.000000",
        ),
        (
            {"type": "Polygon", "coordinates": [SQUARE, ELSEWHERE]},
            "polygon: hole lies outside shell at lon 9.000000, lat 47.000000",
        ),
        (
            {"type": "Polygon", "coordinates": [[[47, 120], [47, 121], [48, 121], [47, 120]]]},
            "polygon, outer ring, position 1: latitude 120 is beyond 90; latitude and longitude look swapped in [47, 120]",
        ),
        ({"type": "Point", "coordinates": [120, 91]}, "the point: latitude 91 is beyond 90"),
        ({"type": "Point", "coordinates": [400, 1]}, "the point: longitude 400 is beyond 360"),
        ({"type": "Point", "coordinates": ["8", 47]}, "the point: ['8', 47] is no position [longitude, latitude]"),
        ({"type": "Point", "coordinates": [float("nan"), 47]}, "the point: [nan, 47] is no position [longitude, latitude]"),
        (
            {"type": "LineString", "coordinates": [[8, 47], [8, 47]]},
            "the line has too few points: a corridor needs two different ones",
        ),
    ],
)
def test_what_is_no_area_is_refused_with_what_is_wrong(geometry: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        shape_of(geometry, 10.0)
    assert (refusal.value.field, refusal.value.problem) == ("geometry", problem)


@pytest.mark.parametrize("radius_m", [None, 0, -1, float("inf"), 2e6, True])
def test_a_circle_needs_a_radius_that_makes_sense(radius_m: float | None) -> None:
    with pytest.raises(InvalidValue) as refusal:
        shape_of({"type": "Point", "coordinates": [8, 47]}, radius_m)
    assert refusal.value.field == "radius_m"
