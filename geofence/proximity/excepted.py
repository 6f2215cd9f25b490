"""Where being together does not count: inside of fences that have the tag, as depots have.

Both of a pair have to be in the same such fence. Only the area of a fence is looked at, neither calendar nor altitudes: a depot is
one by night as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import shapely
from shapely.errors import ShapelyError

from fleet.fence import Fence
from fleet.fix import Float64s, Int64s
from fleet.geodesy import distances_m
from geofence.proximity.places import Places
from geofence.shapes import Compiled, CompiledCircle, CompiledCorridor, CompiledPolygons, Lines, compile_shape, distances_to_lines_m

Booleans = npt.NDArray[np.bool_]


class Excepted:
    """The areas of one tenant. Fences that cannot be compiled are left out, as the engine of fences leaves them out."""

    def __init__(self, areas: Sequence[Compiled]) -> None:
        self._areas = areas

    @classmethod
    def of(cls, fences: Iterable[Fence], tag: str) -> Excepted:
        """Those of the fences that have the tag; none where the tag is empty."""
        areas = []
        for fence in fences:
            if tag and tag in fence.tags:
                try:
                    areas.append(compile_shape(fence.shape))
                except (ValueError, ShapelyError):
                    continue
        return cls(areas)

    def hold(self, places: Places, rows: Int64s, others: Int64s) -> Booleans:
        """Whether both places of each pair, as rows, are in one of the areas; not for a row of -1."""
        held = np.zeros(len(rows), np.bool_)
        known = np.flatnonzero((rows >= 0) & (others >= 0))
        if not self._areas or not len(known):
            return held
        asked, place = np.unique(np.concatenate([rows[known], others[known]]), return_inverse=True)
        lat, lon = places.lat[asked], places.lon[asked]
        one, two = place.ravel()[: len(known)], place.ravel()[len(known) :]
        for area in self._areas:
            inside = _inside(area, lat, lon)
            held[known] |= inside[one] & inside[two]
        return held


def _inside(area: Compiled, lat: Float64s, lon: Float64s) -> Booleans:
    """Which places are in the area; on the edge is inside."""
    x = lon + 360.0 * np.round((area.lon - lon) / 360.0)
    match area:
        case CompiledCircle():
            return np.asarray(distances_m(lat, x, np.array([area.lat]), np.array([area.lon])) <= area.radius_m)
        case CompiledPolygons():
            return np.asarray(shapely.intersects_xy(area.geometry, x, lat))
        case CompiledCorridor():
            away = distances_to_lines_m(Lines.of([area.line]), np.zeros(len(x), np.int64), x, lat)
            return np.asarray(away <= area.radius_m)
        case _:
            return np.array(
                [area.outside_m(one, two) == 0.0 for one, two in zip(lat.tolist(), lon.tolist(), strict=True)], np.bool_
            )
