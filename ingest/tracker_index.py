"""Which row of a table of mountings a tracker has: 8 bytes a tracker, for a whole batch at a time.

Sorted hashes of 32 bits with the rows that they belong to. A hash only leads to a row, and the names there decide, so trackers
whose hashes are the same are told apart like any others. Hashes are salted anew in every process: who invents names cannot make
them collide.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from fleet.fix import Int32s
from fleet.mountings import Mountings
from fleet.text_column import BLOCK_ROWS, Packed, Words

NO_ROW: Final = -1
_HASH_BITS: Final = 32

Hashes = npt.NDArray[np.uint32]


class TrackerIndex:
    """Of the trackers that a table has when it is made."""

    def __init__(self, table: Mountings) -> None:
        self._table = table
        self._salt = np.frombuffer(secrets.token_bytes(8 * 64), np.uint64) | np.uint64(1)
        hashes: Hashes = np.empty(len(table), np.uint32)
        for start in range(0, len(table), BLOCK_ROWS):
            block = slice(start, min(start + BLOCK_ROWS, len(table)))
            hashes[block] = self._hashed(table.tenant[block], table.tracker.words[block])
        self._rows: Int32s = np.argsort(hashes, kind="stable").astype(np.int32)
        self._hashes: Hashes = hashes[self._rows]
        self._aside = {(int(table.tenant[row]), text): row for row, text in table.tracker.aside.items()}

    def find(self, trackers: Sequence[tuple[str, str]]) -> Int32s:
        """The rows of (tenant, ident) pairs; NO_ROW where there is none."""
        packed = Packed([ident for _, ident in trackers])
        numbers = {tenant: self._table.find_number(tenant) for tenant in {tenant for tenant, _ in trackers}}
        tenants: Int32s = np.array([numbers[tenant] for tenant, _ in trackers], np.int32)
        found = self._find(tenants, packed)
        for position in packed.aside:
            found[position] = self._aside.get((int(tenants[position]), trackers[position][1]), NO_ROW)
        return found

    def _find(self, tenants: Int32s, packed: Packed) -> Int32s:
        found: Int32s = np.full(len(packed), NO_ROW, np.int32)
        hashes = self._hashed(tenants, packed.words)
        # In order of the hashes: the search goes through the memory once, from front to back.
        left = np.argsort(hashes)
        at = np.searchsorted(self._hashes, hashes[left])
        while len(left):
            is_candidate = at < len(self._hashes)
            left, at = left[is_candidate], at[is_candidate]
            is_candidate = self._hashes[at] == hashes[left]
            left, at = left[is_candidate], at[is_candidate]
            rows = self._rows[at]
            is_it = (self._table.tenant[rows] == tenants[left]) & self._table.tracker.same(rows, packed, left)
            found[left[is_it]] = rows[is_it]
            left, at = left[~is_it], at[~is_it] + 1
        return found

    def _hashed(self, tenants: Int32s, words: Words) -> Hashes:
        """The upper bits of a sum of what each word alone is mixed to. Words of zero add nothing, so a hash is the same however
        wide the column is that a text stands in."""
        mixed = _mixed(tenants.astype(np.uint64) + np.uint64(1), self._salt[0])
        for number in range(words.shape[1]):
            mixed += _mixed(words[:, number], self._salt[number + 1])
        return (_mixed(mixed, self._salt[-1]) >> np.uint64(64 - _HASH_BITS)).astype(np.uint32)


def _mixed(words: npt.NDArray[np.uint64], salt: np.uint64) -> npt.NDArray[np.uint64]:
    """A multiplication spreads a difference upwards, a shift downwards: twice, and each bit depends on all."""
    mixed = words * salt
    mixed ^= mixed >> np.uint64(32)
    mixed *= salt
    mixed ^= mixed >> np.uint64(29)
    return mixed
