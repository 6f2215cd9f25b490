"""What a restart need not look at again: fixes that their vehicle's stored state includes already."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fleet.fix import FixBatch


class Ahead:
    """`Checkpoint.ahead` as sorted columns."""

    def __init__(self, ahead: Mapping[int, int]) -> None:
        keys = np.fromiter(ahead, np.int64, len(ahead))
        order = np.argsort(keys)
        self._keys = keys[order]
        self._included = np.fromiter(ahead.values(), np.int64, len(ahead))[order]

    def of(self, batch: int, fixes: FixBatch) -> FixBatch:
        """The fixes of this batch that no state includes yet."""
        if not len(self._keys) or not len(fixes):
            return fixes
        places = np.minimum(np.searchsorted(self._keys, fixes.vehicle), len(self._keys) - 1)
        is_included = (self._keys[places] == fixes.vehicle) & (self._included[places] >= batch)
        return fixes.take(~is_included) if is_included.any() else fixes
