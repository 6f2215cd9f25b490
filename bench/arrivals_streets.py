"""Where a van may stop and how it gets there: places along the streets of the built-in town, and ways between them.

A place lies on a street piece between two junctions, so far along it. A way goes from a place to another as a line of points in
metres east and north of the town's centre, by the fastest streets; a van may turn round on the spot, which takes it a while.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from firmware_sim.road_graph import RoadGraph, Way
from firmware_sim.town import CENTRE_LAT, CENTRE_LON, built_in_town
from fleet.geodesy import METRES_PER_DEGREE, metres_per_degree_lon

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: A turn in three moves takes about so long; it is made where it saves that.
U_TURN_S: Final = 20.0
_METRES_LON: Final = metres_per_degree_lon(CENTRE_LAT)


def to_degrees(east_m: Floats, north_m: Floats) -> tuple[Floats, Floats]:
    """(lat, lon) of points in metres from the town's centre: one plane for the town, off by less than a metre at its edge."""
    return CENTRE_LAT + north_m / METRES_PER_DEGREE, CENTRE_LON + east_m / _METRES_LON


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place on the way from junction `origin` to `target`, `share` of it done."""

    origin: int
    target: int
    share: float

    @property
    def turned(self) -> Spot:
        """The same place for who comes the other way."""
        return Spot(origin=self.target, target=self.origin, share=1.0 - self.share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """From one spot to another: a line of M points with the distance along it, the limit of each of its M-1 pieces, and at
    which points there are traffic lights, or other crossings."""

    along_m: Floats
    east_m: Floats
    north_m: Floats
    limit_mps: Floats
    has_light: Bools
    is_crossing: Bools
    turns: bool
    #: The spot as it is reached: in the direction of driving.
    arrives_at: Spot

    @property
    def length_m(self) -> float:
        return float(self.along_m[-1])


@dataclass(slots=True, kw_only=True)
class Streets:
    """The town as a plane, with lights at a third of its crossings. The same at every call."""

    graph: RoadGraph
    lit: Bools
    east_m: Floats
    north_m: Floats
    _junction: dict[tuple[float, float], int]
    _ways: dict[tuple[int, int], Way] = field(default_factory=dict)

    @classmethod
    def built_in(cls) -> Streets:
        graph = built_in_town()
        lit = np.random.default_rng(31).random(graph.junctions) < 0.35
        east_m = (graph.lon - CENTRE_LON) * _METRES_LON
        junction = {place: index for index, place in enumerate(zip(graph.lat.tolist(), graph.lon.tolist(), strict=True))}
        north_m = (graph.lat - CENTRE_LAT) * METRES_PER_DEGREE
        return cls(graph=graph, lit=lit, east_m=east_m, north_m=north_m, _junction=junction)

    def pieces(self) -> list[tuple[int, int]]:
        """Street pieces, each in one direction, without the tunnel."""
        pairs = zip(self.graph.origin.tolist(), self.graph.target.tolist(), self.graph.is_tunnel.tolist(), strict=True)
        return [(origin, target) for origin, target, is_tunnel in pairs if origin < target and not is_tunnel]

    def length_m(self, origin: int, target: int) -> float:
        return float(np.hypot(self.east_m[target] - self.east_m[origin], self.north_m[target] - self.north_m[origin]))

    def point(self, spot: Spot) -> tuple[float, float]:
        """(east, north) of a spot on the middle of its street, metres."""
        east_m = self.east_m[spot.origin] + spot.share * (self.east_m[spot.target] - self.east_m[spot.origin])
        north_m = self.north_m[spot.origin] + spot.share * (self.north_m[spot.target] - self.north_m[spot.origin])
        return float(east_m), float(north_m)

    def beside(self, spot: Spot, right_m: float) -> tuple[float, float]:
        """(east, north) of a door so far to the right of the street, for who drives from `origin` to `target`."""
        way_east = self.east_m[spot.target] - self.east_m[spot.origin]
        way_north = self.north_m[spot.target] - self.north_m[spot.origin]
        length_m = float(np.hypot(way_east, way_north))
        east_m, north_m = self.point(spot)
        return east_m + right_m * float(way_north) / length_m, north_m - right_m * float(way_east) / length_m

    def leg(self, here: Spot, there: Spot) -> Leg:
        """The fastest of: straight on or turned round, and reaching `there` from either side."""
        options = [
            (self._seconds(start, end) + (U_TURN_S if turns else 0.0), turns, start, end)
            for turns, start in ((False, here), (True, here.turned))
            for end in (there, there.turned)
        ]
        _, turns, start, end = min(options, key=lambda option: option[0])
        return self._leg(start, end, turns)

    def _seconds(self, start: Spot, end: Spot) -> float:
        """At a town's usual speed along the ends, at the limits in between."""
        if self._is_ahead(start, end):
            return (end.share - start.share) * self.length_m(start.origin, start.target) / 10.0
        ends_m = (1 - start.share) * self.length_m(start.origin, start.target) + end.share * self.length_m(end.origin, end.target)
        between = self._way(start.target, end.origin)
        return ends_m / 10.0 + (0.0 if between is None else between.free_flow_s)

    def _is_ahead(self, start: Spot, end: Spot) -> bool:
        return (start.origin, start.target) == (end.origin, end.target) and end.share >= start.share

    def _way(self, origin: int, target: int) -> Way | None:
        if origin == target:
            return None
        if (origin, target) not in self._ways:
            self._ways[origin, target] = self.graph.way(origin, target)
        return self._ways[origin, target]

    def _leg(self, start: Spot, end: Spot, turns: bool) -> Leg:
        nodes, limits = self._between(start, end)
        ends = np.array([self.point(start), self.point(end)])
        east_m = np.concatenate([ends[:1, 0], self.east_m[nodes], ends[1:, 0]])
        north_m = np.concatenate([ends[:1, 1], self.north_m[nodes], ends[1:, 1]])
        along_m = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(east_m), np.diff(north_m)))])
        has_light = np.concatenate([[False], self.lit[nodes], [False]])
        is_crossing = np.concatenate([[False], np.ones(len(nodes), np.bool_), [False]])
        return Leg(
            along_m=along_m,
            east_m=east_m,
            north_m=north_m,
            limit_mps=limits,
            has_light=has_light,
            is_crossing=is_crossing,
            turns=turns,
            arrives_at=end,
        )

    def _between(self, start: Spot, end: Spot) -> tuple[npt.NDArray[np.int64], Floats]:
        """The junctions between two spots, and the limits of the pieces around them."""
        if self._is_ahead(start, end):
            return np.empty(0, np.int64), np.array([30 / 3.6])
        way = self._way(start.target, end.origin)
        if way is None:
            return np.array([start.target], np.int64), np.array([30 / 3.6] * 2)
        nodes = self._nodes_of(way)
        return nodes, np.concatenate([way.speed_mps[:1], way.speed_mps, way.speed_mps[-1:]])

    def _nodes_of(self, way: Way) -> npt.NDArray[np.int64]:
        """A way tells its points by where they are."""
        return np.array([self._junction[place] for place in zip(way.lat.tolist(), way.lon.tolist(), strict=True)], np.int64)
