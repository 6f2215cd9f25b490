"""A table of 64-bit keys that is asked for thousands of keys at once: open addressing in one column of row numbers.

Most keys that are asked for are in no table, and that is told by one read of memory; a binary search would take twenty.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from geofence.slots import Int32s, Int64s

#: Two odd multipliers without a pattern in their bits (2 ** 64 over the golden ratio, and over the square root of 2), as signed
#: numbers. With one alone the keys of neighbouring cells fall into rows of neighbouring places, and searches take many steps.
_FIRST: Final = np.int64(-7046029254386353131)
_SECOND: Final = np.int64(-5402926248376769403)
_FOLD: Final = np.int64(29)
_FEWEST_BITS: Final = 12
#: The table is at most a quarter full, so that few searches take a second step.
_SPARE_BITS: Final = 2
_NONE: Final = -1


class CellTable:
    """Row numbers of `keys`, each of which is there once."""

    def __init__(self, keys: Int64s) -> None:
        self._keys = keys
        bits = max(_FEWEST_BITS, len(keys).bit_length() + _SPARE_BITS)
        self._shift = np.uint64(64 - bits)
        self._last = np.int64(2**bits - 1)
        self._rows: Int32s = np.full(2**bits, _NONE, np.int32)
        self._fill()

    def find(self, keys: Int64s) -> tuple[Int64s, Int32s]:
        """(elements of `keys` that are there, their row numbers)."""
        places = self._places(keys)
        rows = self._rows[places]
        asked = np.flatnonzero(rows >= 0)
        rows = rows[asked]
        others = np.flatnonzero(self._keys[rows] != keys[asked])
        while len(others):
            # Another key is in this place: look into the next one.
            at = asked[others]
            places[at] = (places[at] + 1) & self._last
            rows[others] = self._rows[places[at]]
            others = others[rows[others] >= 0]
            others = others[self._keys[rows[others]] != keys[asked[others]]]
        found = np.flatnonzero(rows >= 0)
        return asked[found], rows[found]

    def _fill(self) -> None:
        """Every key into its place, or into the next free one; of several keys for one place the last one gets it."""
        waiting = np.arange(len(self._keys), dtype=np.int32)
        places = self._places(self._keys)
        while len(waiting):
            free = self._rows[places] == _NONE
            self._rows[places[free]] = waiting[free]
            waits = self._rows[places] != waiting
            waiting, places = waiting[waits], (places[waits] + 1) & self._last

    def _places(self, keys: Int64s) -> npt.NDArray[Any]:
        mixed = keys * _FIRST
        mixed ^= mixed >> _FOLD
        mixed *= _SECOND
        return (mixed.view(np.uint64) >> self._shift).view(np.int64)
