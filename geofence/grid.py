"""A grid of cells in several sizes: which fences may be near a place, or near the way between two places, in bulk.

Each fence is entered into the cells that it touches, at the one level where those are few. The cells of all levels and
tenants are in one table, which says of most places by one read that nothing is near them. Cells never decide anything: what they
name is tested exactly afterwards.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from geofence.cell_table import CellTable
from geofence.slots import Int32s, Int64s

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

#: Cells of a level are 22.5 / 4 ** level degrees wide and high; 16 * 4 ** level of them go around. These levels are used: cells of
#: 625 km, 39 km, 2.4 km and 150 m. Each used level costs every fix a look-up, so they are far apart.
LEVELS: Final = (1, 3, 5, 7)
_FINEST: Final = LEVELS[-1]
_WIDEST_DEG: Final = 22.5
_AROUND: Final = 16
#: An area is entered at the finest level at which it is not wider than so many cells.
_MOST_CELLS_ACROSS: Final = 8
#: The finest level has 2 ** 18 columns and 2 ** 17 rows.
_ROW_BITS: Final = 20
_COLUMN_BITS: Final = 20
_LEVEL_BITS: Final = 3
#: A geometry in so few cells is entered into all of them, untested; and how much wider tested cells are made, degrees.
_FEW: Final = 4
_HAIR: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Degrees; `east` may exceed 180 where an area reaches over the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    @property
    def extent(self) -> float:
        return max(self.east - self.west, self.north - self.south)


def level_of(bounds: Bounds) -> int:
    """The finest level whose cells cover the area without being too many."""
    for level in reversed(LEVELS):
        if bounds.extent * _scale(level) <= _MOST_CELLS_ACROSS:
            return level
    return LEVELS[0]


def cells_of(bounds: Bounds, tenant: int, level: int) -> Int64s:
    """Keys of the cells of a level that the bounds touch."""
    scale = _scale(level)
    west, east = int(np.floor((bounds.west + 180) * scale)), int(np.floor((bounds.east + 180) * scale))
    columns = np.arange(west, min(east, west + _columns(level) - 1) + 1, dtype=np.int64) % _columns(level)
    rows = np.arange(int(np.floor((bounds.south + 90) * scale)), int(np.floor((bounds.north + 90) * scale)) + 1, dtype=np.int64)
    return np.ravel(_keys(tenant, level, columns[:, None], rows[None, :]))


def _scale(level: int) -> float:
    """Cells a degree."""
    return 4.0**level / _WIDEST_DEG


def _columns(level: int) -> int:
    """Cells around the equator."""
    return _AROUND << 2 * level


def _keys(tenant: Any, level: int, columns: Any, rows: Any) -> Int64s:
    # The prefix is one multiplication away from a key, and -1 (no tenant) gives keys that no fence has.
    keys = ((np.asarray(tenant, np.int64) << _LEVEL_BITS) + level) << _COLUMN_BITS
    return np.asarray(((keys + columns) << _ROW_BITS) + rows)


class Grid:
    """Numbers of fences by cell. `cells[i]` are the keys of the cells of fence `numbers[i]`, all of one level, each once."""

    def __init__(self, numbers: Sequence[int], cells: Sequence[Int64s]) -> None:
        keys = np.concatenate([np.zeros(0, np.int64), *cells])
        fences = np.repeat(np.array(numbers, np.int32), [len(part) for part in cells])
        order = np.argsort(keys, kind="stable")
        self._enter(keys[order], fences[order])

    def changed(self, gone: Collection[int], numbers: Sequence[int], cells: Sequence[Int64s]) -> Grid:
        """This grid without the fences `gone` and with these entered. What stays is not sorted again."""
        stays = ~np.isin(self._fences, np.fromiter(gone, np.int32, len(gone)))
        keys, fences, new = self._keys[stays], self._fences[stays], Grid(numbers, cells)
        at = np.searchsorted(keys, new._keys)
        grid = Grid.__new__(Grid)
        grid._enter(np.insert(keys, at, new._keys), np.insert(fences, at, new._fences))
        return grid

    def near(self, tenants: Int32s, lat: Floats, lon: Floats, previous_lat: Floats, previous_lon: Floats) -> tuple[Int64s, Int32s]:
        """(rows, fences): the fences that may touch the way from the previous place of each row to its place. Each pair is
        named once. Where there was no previous place, give the place itself; a way must not be longer than 180 degrees."""
        if not self._levels:
            return np.zeros(0, np.int64), np.zeros(0, np.int32)
        scale = _scale(_FINEST)
        ends = ((lon + 180.0) * scale, (lat + 90.0) * scale, (previous_lon + 180.0) * scale, (previous_lat + 90.0) * scale)
        finest = tuple(end.astype(np.int32) for end in ends)
        found = [self._near_on(level, tenants, ends, finest) for level in self._levels]
        rows, fences = (np.concatenate(part) for part in zip(*found, strict=True))
        return rows, fences

    def _enter(self, keys: Int64s, fences: Int32s) -> None:
        """`keys` of the cells of `fences`, sorted."""
        self._keys, self._fences = keys, fences
        starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: len(keys)])
        self._starts: Int64s = np.append(starts, len(keys))
        cells = keys[starts]
        self._cells = CellTable(cells)
        self._levels: list[int] = np.unique(cells >> (_COLUMN_BITS + _ROW_BITS) & (2**_LEVEL_BITS - 1)).tolist()

    def _near_on(self, level: int, tenants: Int32s, ends: tuple[Floats, ...], finest: tuple[Int32s, ...]) -> tuple[Int64s, Int32s]:
        """`ends` are x, y, previous x and previous y in cells of the finest level, `finest` those cells."""
        shift = 2 * (_FINEST - level)
        column, row, from_column, from_row = (end >> shift for end in finest) if shift else finest
        still_rows, still_fences = self._look_up(_keys(tenants, level, column & (_columns(level) - 1), row))
        moved = np.flatnonzero((column != from_column) | (row != from_row))
        if not len(moved):
            return still_rows, still_fences
        to, of = (column[moved], row[moved]), (from_column[moved], from_row[moved])
        is_next = (np.abs(to[0] - of[0]) <= 1) & (np.abs(to[1] - of[1]) <= 1)
        ways, keys = _corners(level, tenants[moved], to, of)
        kept = is_next[ways]
        far = np.flatnonzero(~is_next)
        if len(far):
            walked, walked_keys = _walk(level, tenants[moved[far]], *(end[moved[far]] * 0.25 ** (_FINEST - level) for end in ends))
            ways, keys = np.concatenate([ways[kept], far[walked]]), np.concatenate([keys[kept], walked_keys])
        on_way, fences = self._look_up(keys)
        # What is near the last cell of a way is found along it as well.
        return _distinct(np.concatenate([still_rows, moved[ways[on_way]]]), np.concatenate([still_fences, fences]))

    def _look_up(self, keys: Int64s) -> tuple[Int64s, Int32s]:
        """(elements of `keys`, fences in those cells)."""
        elements, at = self._cells.find(keys)
        starts = self._starts[at]
        counts = self._starts[at + 1] - starts
        return np.repeat(elements, counts), self._fences[ramps(starts, counts)]


def _corners(level: int, tenants: Int32s, to: tuple[Int32s, Int32s], of: tuple[Int32s, Int32s]) -> tuple[Int64s, Int64s]:
    """The cells besides the last one that ways between adjoining cells may touch: (numbers of ways, keys of cells)."""
    ways = np.arange(len(tenants))
    slanting = np.flatnonzero((to[0] != of[0]) & (to[1] != of[1]))
    number = np.concatenate([ways, slanting, slanting])
    column = np.concatenate([of[0], to[0][slanting], of[0][slanting]])
    row = np.concatenate([of[1], of[1][slanting], to[1][slanting]])
    return number, _keys(tenants[number], level, column & (_columns(level) - 1), row)


def ramps(starts: Int64s, counts: Int64s) -> Int64s:
    """start, start + 1, ... (count of them) for each pair, one after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.asarray(np.arange(total) + np.repeat(starts - (ends - counts), counts))


def _walk(level: int, tenants: Int32s, to_x: Floats, to_y: Floats, from_x: Floats, from_y: Floats) -> tuple[Int64s, Int64s]:
    """All cells that the straight ways touch, column by column: (numbers of ways, keys of cells). Places are in cells."""
    around = float(_columns(level))
    # The short way around: over the antimeridian where that is nearer.
    from_x = from_x + around * np.rint((to_x - from_x) / around)
    left, right = np.minimum(from_x, to_x), np.maximum(from_x, to_x)
    first = np.floor(left).astype(np.int64)
    counts = np.floor(right).astype(np.int64) - first + 1
    way = np.repeat(np.arange(len(to_x)), counts)
    column = ramps(first, counts)
    run = to_x - from_x
    slope = np.divide(to_y - from_y, run, out=np.zeros(len(run)), where=run != 0)[way]
    # Where the way enters and leaves each column; in a column of its own (no run) it spans from end to end.
    inside_from = np.maximum(column, left[way]) - from_x[way]
    inside_to = np.minimum(column + 1.0, right[way]) - from_x[way]
    is_upright = (run == 0)[way]
    one = np.where(is_upright, from_y[way], from_y[way] + slope * inside_from)
    other = np.where(is_upright, to_y[way], from_y[way] + slope * inside_to)
    # A hair wider, so that rounding never skips the cell beyond a corner.
    low = np.floor(np.minimum(one, other) - 1e-9).astype(np.int64)
    heights = np.floor(np.maximum(one, other) + 1e-9).astype(np.int64) - low + 1
    columns = np.repeat(column % _columns(level), heights)
    return np.repeat(way, heights), _keys(np.repeat(tenants[way], heights), level, columns, ramps(low, heights))


def _distinct(rows: Int64s, fences: Int32s) -> tuple[Int64s, Int32s]:
    """Each (row, fence) once."""
    pairs = np.sort((rows << 32) | fences)
    pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]]
    return pairs >> 32, (pairs & 0xFFFF_FFFF).astype(np.int32)


def cells_under(bounds: Bounds, geometry: Any, tenant: int) -> Int64s:
    """Keys of the cells that a shapely geometry with these bounds touches."""
    level = level_of(bounds)
    scale = _scale(level)
    columns = np.arange(np.floor((bounds.west + 180) * scale), np.floor((bounds.east + 180) * scale) + 1)
    rows = np.arange(np.floor((bounds.south + 90) * scale), np.floor((bounds.north + 90) * scale) + 1)
    x, y = (part.ravel() for part in np.meshgrid(columns, rows, indexing="ij"))
    if len(x) > _FEW:
        west, south = x / scale - 180 - _HAIR, y / scale - 90 - _HAIR
        wide = 1 / scale + 2 * _HAIR
        # A hair wider, so that rounding never loses a cell along an edge.
        touched = shapely.intersects(geometry, shapely.box(west, south, west + wide, south + wide))
        x, y = x[touched], y[touched]
    return np.unique(_keys(tenant, level, x.astype(np.int64) % _columns(level), y.astype(np.int64)))
