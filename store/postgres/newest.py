"""The newest position of each vehicle that was committed since the last checkpoint, as columns by vehicle key."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fleet.fix import FixBatch, Int32s
from store.postgres.arrays import Float4s, Float8s, Instants, Int4s, Int8s

_FLOAT64: Final = ("lat", "lon")
_FLOAT32: Final = ("speed_mps", "heading_deg", "accuracy_m")
_FIRST_SIZE: Final = 1024


class NewestPositions:
    """About 37 bytes for each vehicle key there is; the rest of the store never waits for it."""

    def __init__(self) -> None:
        self._size = 0
        self._columns: dict[str, npt.NDArray[Any]] = {}
        self.clear()

    def clear(self) -> None:
        """Forget everything; the arrays stay."""
        self._grow(_FIRST_SIZE)
        self._columns["time"][:] = -1

    def take_in(self, fixes: FixBatch, tenants: Int32s) -> None:
        """Fixes in order of vehicle and time, as they were stored."""
        if not len(fixes):
            return
        keys = fixes.vehicle
        is_last = np.append(keys[1:] != keys[:-1], True)
        self._grow(int(keys[-1]) + 1)
        rows = np.flatnonzero(is_last)
        rows = rows[fixes.time[rows] > self._columns["time"][keys[rows]]]
        self._columns["time"][keys[rows]] = fixes.time[rows]
        self._columns["tenants"][keys[rows]] = tenants[rows]
        for name in _FLOAT64 + _FLOAT32:
            self._columns[name][keys[rows]] = getattr(fixes, name)[rows]

    def params(self) -> dict[str, Any] | None:
        """The parameters of `put_positions`, by key; None where nothing is new."""
        keys = np.flatnonzero(self._columns["time"] >= 0)
        if not len(keys):
            return None
        return {
            "keys": Int8s(keys),
            "tenants": Int4s(self._columns["tenants"][keys]),
            "time": Instants(self._columns["time"][keys]),
            **{name: Float8s(self._columns[name][keys]) for name in _FLOAT64},
            **{name: Float4s(self._columns[name][keys]) for name in _FLOAT32},
        }

    def _grow(self, size: int) -> None:
        if size <= self._size:
            return
        size = max(size, 2 * self._size)
        for name, dtype, empty in _LAYOUT:
            grown = np.full(size, empty, dtype)
            if name in self._columns:
                grown[: self._size] = self._columns[name]
            self._columns[name] = grown
        self._size = size


_LAYOUT: Final = (
    ("time", np.int64, -1),
    ("tenants", np.int32, 0),
    *((name, np.float64, 0.0) for name in _FLOAT64),
    *((name, np.float32, 0.0) for name in _FLOAT32),
)
