"""Slots: the store's vehicle keys, mapped to dense row numbers of the engines' tables.

Keys come from a database sequence, so they are dense in practice: a direct table of 4 bytes a key answers in two memory
reads. Where keys turn out to be scattered, a dictionary does the same, slower.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from fleet.columns import grown

__all__ = ["NO_SLOT", "Int32s", "Int64s", "Slots", "as_keys", "grown"]

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

#: Table entries beyond which keys must be dense (one vehicle in 64 entries), so that a stray key cannot eat the memory.
_FREE_SPAN: Final = 1 << 20
_SPARSEST: Final = 64
#: Table entries ahead of the highest key, at most.
_MOST_SPARE: Final = 1 << 18
NO_SLOT: Final = -1


class Slots:
    """Row numbers 0, 1, 2 ... for keys in order of first sight. A slot that was given is never given to another key."""

    def __init__(self) -> None:
        self._base = 0
        self._table: Int32s = np.full(0, NO_SLOT, np.int32)
        self._scattered: dict[int, int] | None = None
        self._keys: Int64s = np.zeros(16, np.int64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def keys(self) -> Int64s:
        """The key of each slot; a view, valid until the next `assign`."""
        return self._keys[: self._count]

    def find(self, keys: Int64s) -> Int32s:
        """Slots of keys, NO_SLOT where a key was never assigned one."""
        if self._scattered is not None:
            lookup = self._scattered.get
            return np.fromiter((lookup(key, NO_SLOT) for key in keys.tolist()), np.int32, len(keys))
        offset = keys - self._base
        outside = (offset < 0) | (offset >= len(self._table))
        if not outside.any():
            return self._table[offset]
        found = np.full(len(keys), NO_SLOT, np.int32)
        inside = ~outside
        found[inside] = self._table[offset[inside]]
        return found

    def find_one(self, key: int) -> int:
        """The slot of one key, or NO_SLOT."""
        return int(self.find(np.array([key], np.int64))[0])

    def assign(self, keys: Int64s) -> Int32s:
        """Slots of keys; new ones are given where needed."""
        found = self.find(keys)
        missing = found == NO_SLOT
        if not missing.any():
            return found
        self._add(np.unique(keys[missing]))
        return self.find(keys)

    def _add(self, new: Int64s) -> None:
        slots = np.arange(self._count, self._count + len(new), dtype=np.int32)
        self._keys = grown(self._keys, self._count + len(new))
        self._keys[self._count : self._count + len(new)] = new
        self._count += len(new)
        if self._scattered is None:
            self._cover(int(new[0]), int(new[-1]))
        if self._scattered is not None:
            self._scattered.update(zip(new.tolist(), slots.tolist(), strict=True))
        else:
            self._table[new - self._base] = slots

    def _cover(self, lowest: int, highest: int) -> None:
        """Make the table reach over these keys, or give it up for a dictionary."""
        if len(self._table):
            lowest, highest = min(lowest, self._base), max(highest, self._base + len(self._table) - 1)
        span = highest - lowest + 1
        if span > max(_FREE_SPAN, _SPARSEST * self._count):
            known = self._keys[: self._count]
            self._scattered = {int(key): int(slot) for key, slot in zip(known.tolist(), range(self._count), strict=True)}
            self._table = np.full(0, NO_SLOT, np.int32)
        elif span > len(self._table):
            table = np.full(span + min(span // 2, _MOST_SPARE), NO_SLOT, np.int32)
            shift = self._base - lowest
            table[shift : shift + len(self._table)] = self._table
            self._base, self._table = lowest, table


def as_keys(keys: Iterable[int]) -> Int64s:
    """A column of keys from any iterable."""
    return np.fromiter(keys, np.int64)
