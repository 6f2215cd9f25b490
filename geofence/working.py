"""The stays that a step may change, as copies: a step that fails leaves the table of stays as it was."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from geofence.slots import Int32s, Int64s, grown
from geofence.stays import STAY, Stay, StayTable, as_row

#: The columns that change without anything being found (`geofence.sifting`).
_MOVING: Final = (
    "count", "last", "last_lat", "last_lon", "after", "after_lat", "after_lon", "out_since", "worst_m", "closest_m"
)  # fmt: skip


class WorkingStays:
    """Stays by number, in order of arrival: first those of the table for `vehicles`, then those that begin in the step."""

    def __init__(self, table: StayTable, vehicles: Int32s) -> None:
        self._table = table
        chosen = np.flatnonzero(table.counts[vehicles])
        vehicle, seats = table.all_of(vehicles, chosen)
        self._known = self._size = len(seats)
        self._seats: Int32s = seats
        self._vehicle: Int64s = vehicle
        # Not `rows[seats]`: of a structured array that takes twenty times as long.
        self._rows: npt.NDArray[Any] = np.take(table.rows, seats)
        self._folded: dict[int, Stay | None] = {}

    def __len__(self) -> int:
        return self._size

    @property
    def rows(self) -> npt.NDArray[Any]:
        """The columns of `STAY`, a view."""
        return self._rows[: self._size]

    @property
    def vehicle(self) -> Int64s:
        """By stay: the position of its vehicle among the step's vehicles."""
        return self._vehicle[: self._size]

    def add(self, rows: npt.NDArray[Any], vehicle: Int64s) -> Int64s:
        """Take in new stays; their numbers."""
        start, self._size = self._size, self._size + len(rows)
        self._rows, self._vehicle = grown(self._rows, self._size), grown(self._vehicle, self._size)
        self._rows[start : self._size], self._vehicle[start : self._size] = rows, vehicle
        return np.arange(start, self._size)

    def add_one(self, stay: Stay, vehicle: int) -> int:
        (number,) = self.add(np.array([as_row(stay)], STAY), np.array([vehicle])).tolist()
        return int(number)

    def of(self, number: int) -> Stay:
        return Stay(*self._rows[number].item())

    def put(self, number: int, stay: Stay | None) -> None:
        """What folding has made of a stay; None: it is over."""
        if stay is not None:
            following = self._rows["next"][number]
            self._rows[number] = as_row(stay)
            self._rows["next"][number] = following
        self._folded[number] = stay

    def keep(self) -> None:
        """Write everything into the table. From here on nothing is decided any more."""
        table, known = self._table, self._known
        moved, seats = self._rows[:known], self._seats
        for name in _MOVING:
            table.rows[name][seats] = moved[name]
        is_over = np.zeros(self._size, np.bool_)
        for number, stay in self._folded.items():
            is_over[number] = stay is None
            if stay is not None and number < known:
                table.rows[seats[number]] = self._rows[number]
        for number in np.flatnonzero(is_over[:known]).tolist():
            table.remove(int(seats[number]))
        for number in (known + np.flatnonzero(~is_over[known:])).tolist():
            table.add(self._rows[number])
