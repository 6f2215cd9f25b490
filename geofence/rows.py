"""The rows of a batch by vehicle: which rows are whose, in order of time, and what came before each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fleet.fix import FixBatch
from geofence.slots import Int32s, Int64s


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """`batch` with its rows grouped by vehicle; within one in order of time.

    By row: `slots` and `vehicle_numbers` (the position of its vehicle in `vehicles`). By vehicle: `vehicles` (slots, each
    once), `starts`, `counts` and `ends` (its first row, how many, its last row).
    """

    batch: FixBatch
    slots: Int32s
    vehicle_numbers: Int64s
    vehicles: Int32s
    starts: Int64s
    counts: Int64s

    @property
    def ends(self) -> Int64s:
        return self.starts + self.counts - 1

    @property
    def is_repeating(self) -> bool:
        return len(self.vehicles) != len(self.slots)

    def before(self, known: npt.NDArray[Any], column: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A column of the row before each row: of the same batch where there is one, else what was `known` (by row)."""
        if not self.is_repeating:
            return known
        previous = np.empty_like(known)
        previous[1:] = column[:-1]
        previous[self.starts] = known[self.starts]
        return previous


def by_vehicle(batch: FixBatch, slots: Int32s) -> Rows:
    """Group the rows. Rows of one vehicle are in order of time already; they need not be next to each other."""
    rows = np.arange(len(slots))
    last = np.empty(int(slots.max(initial=0)) + 1, np.int64)
    last[slots] = rows
    if bool((last[slots] == rows).all()):
        return Rows(
            batch=batch, slots=slots, vehicle_numbers=rows, vehicles=slots, starts=rows, counts=np.ones(len(rows), np.int64)
        )
    if bool((slots[1:] < slots[:-1]).any()):
        order = np.argsort(slots, kind="stable")
        batch, slots = batch.take(order), slots[order]
    starts = np.flatnonzero(np.append(True, slots[1:] != slots[:-1]))
    counts = np.diff(np.append(starts, len(slots)))
    numbers = np.repeat(np.arange(len(starts)), counts)
    return Rows(batch=batch, slots=slots, vehicle_numbers=numbers, vehicles=slots[starts], starts=starts, counts=counts)
