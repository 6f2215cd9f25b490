"""A road graph to drive on: junctions, directed road pieces with length and speed, and the fastest way between two junctions."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

from fleet.errors import OutriderError
from fleet.geodesy import distances_m

Float64s = npt.NDArray[np.float64]
Int32s = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]

#: Trees of fastest ways that are kept (one a source junction); each costs 4 bytes a junction.
_TREES_KEPT: Final = 1024


class NoRoad(OutriderError):
    """The graph has no roads to drive on, or none between two junctions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way through the graph as a polyline of M points.

    `along_m` (M,) distance from the start; `lat`, `lon` (M,) degrees; `speed_mps` and `is_tunnel` (M-1,) for each piece between
    two points; `is_crossing` (M,) where other roads meet.
    """

    along_m: Float64s
    lat: Float64s
    lon: Float64s
    speed_mps: Float64s
    is_tunnel: Bools
    is_crossing: Bools

    @property
    def length_m(self) -> float:
        return float(self.along_m[-1])

    @property
    def free_flow_s(self) -> float:
        """Seconds at the speed limits, without crossings."""
        return float(np.sum(np.diff(self.along_m) / self.speed_mps))


@dataclass(slots=True, kw_only=True)
class RoadGraph:
    """Junctions (N,) and directed pieces (E,): `origin`, `target` index junctions."""

    name: str
    lat: Float64s
    lon: Float64s
    origin: Int32s
    target: Int32s
    speed_mps: Float64s
    is_tunnel: Bools
    _length_m: Float64s = field(init=False)
    _matrix: csr_matrix = field(init=False)
    _piece: dict[tuple[int, int], int] = field(init=False)
    _degree: Int32s = field(init=False)
    _trees: OrderedDict[int, Int32s] = field(init=False, default_factory=OrderedDict)

    def __post_init__(self) -> None:
        if len(self.origin) == 0:
            raise NoRoad(f"{self.name} holds no roads that a van may drive on")
        start, end = self.origin, self.target
        self._length_m = np.maximum(0.1, distances_m(self.lat[start], self.lon[start], self.lat[end], self.lon[end]))
        size = len(self.lat)
        seconds = self._length_m / self.speed_mps
        self._piece = {}
        for index, pair in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
            if pair not in self._piece or seconds[index] < seconds[self._piece[pair]]:
                self._piece[pair] = index
        fastest = np.fromiter(self._piece.values(), np.int64, len(self._piece))
        self._matrix = csr_matrix((seconds[fastest], (start[fastest], end[fastest])), shape=(size, size))
        self._degree = np.bincount(start[fastest], minlength=size).astype(np.int32)

    @property
    def junctions(self) -> int:
        return len(self.lat)

    def way(self, origin: int, target: int) -> Way:
        """The fastest way between two different junctions. Raises NoRoad where there is none."""
        tree = self._tree(origin)
        nodes = [target]
        while nodes[-1] != origin:
            previous = int(tree[nodes[-1]])
            if previous < 0:
                raise NoRoad(f"no road from junction {origin} to {target} in {self.name}")
            nodes.append(previous)
        nodes.reverse()
        pieces = np.array([self._piece[pair] for pair in itertools.pairwise(nodes)], np.int64)
        points = np.array(nodes, np.int64)
        return Way(
            along_m=np.concatenate([[0.0], np.cumsum(self._length_m[pieces])]),
            lat=self.lat[points],
            lon=self.lon[points],
            speed_mps=self.speed_mps[pieces],
            is_tunnel=self.is_tunnel[pieces],
            is_crossing=self._degree[points] > 2,
        )

    def _tree(self, origin: int) -> Int32s:
        if origin in self._trees:
            self._trees.move_to_end(origin)
            return self._trees[origin]
        _, predecessors = dijkstra(self._matrix, indices=origin, return_predecessors=True)
        tree: Int32s = predecessors.astype(np.int32)
        self._trees[origin] = tree
        if len(self._trees) > _TREES_KEPT:
            self._trees.popitem(last=False)
        return tree

    def largest_connected_part(self) -> RoadGraph:
        """Only the junctions from which every other can be reached and left again: a van never gets stuck."""
        _, label = connected_components(self._matrix, directed=True, connection="strong")
        keep = label == np.bincount(label).argmax()
        renumbered = np.cumsum(keep) - 1
        inside = keep[self.origin] & keep[self.target]
        return RoadGraph(
            name=self.name,
            lat=self.lat[keep],
            lon=self.lon[keep],
            origin=renumbered[self.origin[inside]].astype(np.int32),
            target=renumbered[self.target[inside]].astype(np.int32),
            speed_mps=self.speed_mps[inside],
            is_tunnel=self.is_tunnel[inside],
        )
