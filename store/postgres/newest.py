"""The newest position of each vehicle that was committed and that no checkpoint has written yet, as columns by vehicle key."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fleet.columns import grown
from fleet.fix import FixBatch, Int64s
from fleet.screening import ELSEWHERE
from store.postgres.arrays import Float4s, Float8s, Instants

_FLOAT64: Final = ("lat", "lon")
_FLOAT32: Final = ("speed_mps", "heading_deg", "accuracy_m")
_FIRST_SIZE: Final = 1024


class NewestPositions:
    """About 44 bytes for each vehicle key there is; the rest of the store never waits for it."""

    def __init__(self) -> None:
        self._size = 0
        self._columns: dict[str, npt.NDArray[Any]] = {}
        self.clear()

    def clear(self) -> None:
        """Forget everything; the arrays stay."""
        self._grow(_FIRST_SIZE)
        self._columns["time"][:] = -1

    def forget(self, keys: Int64s) -> None:
        """The positions of these vehicles were written."""
        self._columns["time"][keys[keys < self._size]] = -1

    def take_in(self, fixes: FixBatch, batch: int) -> None:
        """Fixes in order of vehicle and time, as they were stored with the commit of this number. One that is not taken for where
        its vehicle is moves it nowhere."""
        is_elsewhere = (fixes.flags & ELSEWHERE) != 0
        if is_elsewhere.any():
            fixes = fixes.take(~is_elsewhere)
        if not len(fixes):
            return
        keys = fixes.vehicle
        is_last = np.append(keys[1:] != keys[:-1], True)
        self._grow(int(keys[-1]) + 1)
        rows = np.flatnonzero(is_last)
        before = self._columns["time"][keys[rows]]
        self._columns["since"][keys[rows[before < 0]]] = batch
        rows = rows[fixes.time[rows] > before]
        self._columns["time"][keys[rows]] = fixes.time[rows]
        for name in _FLOAT64 + _FLOAT32:
            self._columns[name][keys[rows]] = getattr(fixes, name)[rows]

    def since(self, batch: int) -> Int64s:
        """The vehicles that have had a position here since this batch or an earlier one, in order."""
        return np.flatnonzero((self._columns["time"] >= 0) & (self._columns["since"] <= batch))

    def params(self, keys: Int64s) -> dict[str, Any]:
        """The positions of these vehicles as parameters of `put_vehicles`; lat is NaN where one has none here."""
        has = keys < self._size
        has[has] = self._columns["time"][keys[has]] >= 0
        places = keys[has]

        def column(name: str, dtype: type, empty: float) -> npt.NDArray[Any]:
            values: npt.NDArray[Any] = np.full(len(keys), empty, dtype)
            values[has] = self._columns[name][places]
            return values

        return {
            "time": Instants(column("time", np.int64, 0)),
            **{name: Float8s(column(name, np.float64, np.nan)) for name in _FLOAT64},
            **{name: Float4s(column(name, np.float32, np.nan)) for name in _FLOAT32},
        }

    def _grow(self, size: int) -> None:
        if size <= self._size:
            return
        for name, dtype, empty in _LAYOUT:
            column = grown(self._columns.get(name, np.zeros(0, dtype)), size)
            column[self._size :] = empty
            self._columns[name] = column
        self._size = len(self._columns["time"])


_LAYOUT: Final = (
    ("time", np.int64, -1),
    ("since", np.int64, 0),
    *((name, np.float64, 0.0) for name in _FLOAT64),
    *((name, np.float32, 0.0) for name in _FLOAT32),
)
