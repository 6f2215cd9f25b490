"""A road graph as GeoJSON lines: the streets that the screen draws on its plain base layer where no map tiles are to be had."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from firmware_sim.road_graph import RoadGraph


def streets(graph: RoadGraph) -> dict[str, Any]:
    """A FeatureCollection (RFC 7946) with one LineString a chain of pieces between junctions; both directions are one line.

    Properties: `speed_mps` of the chain and `tunnel`.
    """
    chains = _Chains(graph)
    return {"type": "FeatureCollection", "features": [chains.feature(*start) for start in chains.starts()]}


class _Chains:
    """Pieces joined at places where only two meet, so that a winding street is one line and not two hundred."""

    def __init__(self, graph: RoadGraph) -> None:
        self._graph = graph
        pairs = np.sort(np.stack([graph.origin, graph.target], axis=1), axis=1)
        unique, first = np.unique(pairs, axis=0, return_index=True)
        self._looks = {
            (int(a), int(b)): (round(float(graph.speed_mps[piece]), 2), bool(graph.is_tunnel[piece]))
            for (a, b), piece in zip(unique, first, strict=True)
        }
        self._neighbours: dict[int, list[int]] = {}
        for a, b in self._looks:
            self._neighbours.setdefault(a, []).append(b)
            self._neighbours.setdefault(b, []).append(a)
        self._used: set[tuple[int, int]] = set()

    def starts(self) -> list[tuple[int, int]]:
        """Pieces that begin at an end or a crossing come first; what is left after them are rings."""
        both = [pair for a, b in self._looks for pair in ((a, b), (b, a))]
        inner = [len(self._neighbours[a]) == 2 for a, _ in both]
        ordered = [pair for pair, is_inner in zip(both, inner, strict=True) if not is_inner]
        ordered += [pair for pair, is_inner in zip(both, inner, strict=True) if is_inner]
        return [pair for pair in ordered if self._claim(*pair)]

    def feature(self, a: int, b: int) -> dict[str, Any]:
        nodes, looks = self._follow(a, b), self._looks[_key(a, b)]
        lon, lat = self._graph.lon, self._graph.lat
        line = [[round(float(lon[node]), 6), round(float(lat[node]), 6)] for node in nodes]
        properties = {"speed_mps": looks[0], "tunnel": looks[1]}
        return {"type": "Feature", "properties": properties, "geometry": {"type": "LineString", "coordinates": line}}

    def _claim(self, a: int, b: int) -> bool:
        """Whether the chain beginning with this piece is new; takes all of its pieces."""
        if _key(a, b) in self._used:
            return False
        nodes = self._follow(a, b)
        self._used.update(_key(*pair) for pair in itertools.pairwise(nodes))
        return True

    def _follow(self, a: int, b: int) -> list[int]:
        nodes, looks = [a, b], self._looks[_key(a, b)]
        while len(ahead := self._neighbours[nodes[-1]]) == 2:
            following = ahead[0] if ahead[1] == nodes[-2] else ahead[1]
            if self._looks[_key(nodes[-1], following)] != looks or nodes[-1] == a:
                break
            nodes.append(following)
        return nodes


def _key(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
