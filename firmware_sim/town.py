"""The built-in road graph: a made-up harbour town, so that the demo needs no download and no map licence.

It is laid out by rule from a fixed seed: a bent street grid cut by a river with a few bridges, two fast avenues, a ring road
and a tunnel below the old town. It lies on the Dogger Bank in the North Sea, where it cannot be mistaken for a real place.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from firmware_sim.road_graph import Float64s, RoadGraph
from fleet.geodesy import METRES_PER_DEGREE, metres_per_degree_lon

CENTRE_LAT: Final = 54.72
CENTRE_LON: Final = 2.36
_COLUMNS: Final = 27
_ROWS: Final = 21
_BLOCK_M: Final = 170.0
_STREET_MPS: Final = 30 / 3.6
_AVENUE_MPS: Final = 50 / 3.6
_RING_MPS: Final = 60 / 3.6
_AVENUE_ROWS: Final = (5, 14)
_AVENUE_COLUMNS: Final = (8, 18)
_RIVER_ROW: Final = 10
_BRIDGE_COLUMNS: Final = frozenset({0, 4, 8, 13, 18, 22, 26})
_TUNNEL: Final = frozenset({(8, 11), (8, 12), (8, 13), (8, 14)})
_MISSING_STREETS: Final = 0.10


def built_in_town() -> RoadGraph:
    """The town: about 560 junctions, 4.4 km by 3.4 km. The same at every call."""
    rng = np.random.default_rng(20_261)
    east, north = _junctions(rng)
    pieces = [piece for street in _streets(rng) for piece in (street, (street[1], street[0], *street[2:]))]
    origin, target, speed_mps, is_tunnel = zip(*pieces, strict=True)
    return RoadGraph(
        name="the built-in town",
        lat=CENTRE_LAT + north / METRES_PER_DEGREE,
        lon=CENTRE_LON + east / metres_per_degree_lon(CENTRE_LAT),
        origin=np.array(origin, np.int32),
        target=np.array(target, np.int32),
        speed_mps=np.array(speed_mps, np.float64),
        is_tunnel=np.array(is_tunnel, np.bool_),
    ).largest_connected_part()


def _junctions(rng: np.random.Generator) -> tuple[Float64s, Float64s]:
    """East and north of the centre in metres, row by row: a grid, bent by two slow waves and shaken a little."""
    column, row = np.meshgrid(np.arange(_COLUMNS), np.arange(_ROWS))
    east = (column - (_COLUMNS - 1) / 2) * _BLOCK_M
    north = (row - (_ROWS - 1) / 2) * _BLOCK_M
    bend_east = east + 120 * np.sin(north / 900) + rng.normal(0, 18, east.shape)
    bend_north = north + 150 * np.sin(east / 1300 + 0.6) + rng.normal(0, 18, east.shape)
    bend_north += np.where(row > _RIVER_ROW, 140.0, 0.0)
    turn = math.radians(11)
    turned_east = bend_east * math.cos(turn) - bend_north * math.sin(turn)
    turned_north = bend_east * math.sin(turn) + bend_north * math.cos(turn)
    return turned_east.ravel(), turned_north.ravel()


def _streets(rng: np.random.Generator) -> list[tuple[int, int, float, bool]]:
    """Undirected pieces: (junction, junction, speed, whether it is the tunnel)."""
    pieces = []
    for row in range(_ROWS):
        for column in range(_COLUMNS):
            here = row * _COLUMNS + column
            if column + 1 < _COLUMNS and _is_built(rng, along=row, avenues=_AVENUE_ROWS, last=_ROWS - 1):
                pieces.append((here, here + 1, _speed(row, _AVENUE_ROWS, _ROWS - 1), (row, column) in _TUNNEL))
            crosses_river = row == _RIVER_ROW and column not in _BRIDGE_COLUMNS
            if row + 1 < _ROWS and not crosses_river and _is_built(rng, along=column, avenues=_AVENUE_COLUMNS, last=_COLUMNS - 1):
                pieces.append((here, here + _COLUMNS, _speed(column, _AVENUE_COLUMNS, _COLUMNS - 1), False))
    return pieces


def _is_built(rng: np.random.Generator, *, along: int, avenues: tuple[int, ...], last: int) -> bool:
    drawn = rng.random()
    return along in avenues or along in {0, last} or drawn >= _MISSING_STREETS


def _speed(line: int, avenues: tuple[int, ...], last: int) -> float:
    if line in {0, last}:
        return _RING_MPS
    return _AVENUE_MPS if line in avenues else _STREET_MPS
