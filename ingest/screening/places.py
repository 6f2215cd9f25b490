"""Where each vehicle was last, in columns by the store's key of the vehicle.

Keys are small integers that the store numbers through, so a column is indexed by them directly; pages of keys never seen cost
no memory (the system hands out zeroed pages when they are first written). 25 bytes a vehicle.
"""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from fleet.errors import OutriderError
from fleet.fix import Float64s, Int64s

#: Keys beyond are not numbered through, and columns by key would be the wrong structure.
_LARGEST_KEY: Final = 1 << 28
_FIRST_SIZE: Final = 1 << 12


T = TypeVar("T", np.int64, np.float64, np.bool_)


class Places:
    """Columns `time` (microseconds, 0 = never seen), `lat`, `lon`, and whether two fixes agreed on the place (`is_confirmed`)."""

    def __init__(self) -> None:
        self.time: Int64s = np.zeros(_FIRST_SIZE, np.int64)
        self.lat: Float64s = np.zeros(_FIRST_SIZE)
        self.lon: Float64s = np.zeros(_FIRST_SIZE)
        self.is_confirmed: npt.NDArray[np.bool_] = np.zeros(_FIRST_SIZE, np.bool_)

    def reach(self, keys: Int64s) -> None:
        """Make room for these keys (>= 0). Raises OutriderError for a key that no store numbers through."""
        largest = int(keys.max(initial=0))
        size = len(self.time)
        if largest < size:
            return
        if largest > _LARGEST_KEY:
            raise OutriderError(f"vehicle key {largest} is beyond {_LARGEST_KEY}")
        size = max(2 * size, largest + 1)
        self.time = _grown(self.time, size)
        self.lat = _grown(self.lat, size)
        self.lon = _grown(self.lon, size)
        self.is_confirmed = _grown(self.is_confirmed, size)

    def remember(self, keys: Int64s, time: Int64s, lat: Float64s, lon: Float64s) -> None:
        """Take in the newest fix of each of these vehicles (keys are distinct), as the store has them."""
        self.reach(keys)
        newer = time > self.time[keys]
        keys = keys[newer]
        self.time[keys], self.lat[keys], self.lon[keys] = time[newer], lat[newer], lon[newer]


def _grown(column: npt.NDArray[T], size: int) -> npt.NDArray[T]:
    larger = np.zeros(size, column.dtype)
    larger[: len(column)] = column
    return larger
