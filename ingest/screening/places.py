"""Where each vehicle was last: columns by dense slots of the store's vehicle keys, 29 bytes a vehicle."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fleet.fix import Float64s, Int32s, Int64s
from geofence.slots import Slots, grown

Bools = npt.NDArray[np.bool_]


class Places:
    """Columns `time` (microseconds, 0 = never seen), `lat`, `lon`, and whether two fixes agreed on the place (`is_confirmed`)."""

    def __init__(self) -> None:
        self._slots = Slots()
        self.time: Int64s = np.zeros(0, np.int64)
        self.lat: Float64s = np.zeros(0)
        self.lon: Float64s = np.zeros(0)
        self.is_confirmed: Bools = np.zeros(0, np.bool_)

    def slots(self, keys: Int64s) -> Int32s:
        """Where in the columns these vehicles are; new ones get a place that says nothing."""
        slots = self._slots.assign(keys)
        count = len(self._slots)
        if count > len(self.time):
            self.time, self.lat, self.lon = self._grown(self.time), self._grown(self.lat), self._grown(self.lon)
            self.is_confirmed = self._grown(self.is_confirmed)
        return slots

    def remember(self, keys: Int64s, time: Int64s, lat: Float64s, lon: Float64s) -> None:
        """Take in the newest fix of each of these vehicles (keys are distinct), as the store has them."""
        slots = self.slots(keys)
        newer = time > self.time[slots]
        slots = slots[newer]
        self.time[slots], self.lat[slots], self.lon[slots] = time[newer], lat[newer], lon[newer]

    def _grown(self, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return grown(column, len(self._slots))
