"""The last fix of each vehicle, one column a field: what the way to the next fix begins with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fleet.fix import Float32s, Uint16s
from geofence.rows import Rows
from geofence.slots import Int32s, Int64s, grown
from geofence.stays import NEVER

Floats = npt.NDArray[np.float64]

#: One vehicle in a snapshot.
LAST: Final = np.dtype([("time", "<i8"), ("lat", "<f8"), ("lon", "<f8"), ("accuracy_m", "<f4"), ("flags", "<u2")])
_FIELDS: Final = ("time", "lat", "lon", "accuracy_m", "flags")
_UNSEEN: Final = (NEVER, np.nan, np.nan, np.nan, 0)


@dataclass(slots=True, kw_only=True)
class Places:
    """Fixes as columns; `time` is NEVER where there was none."""

    time: Int64s
    lat: Floats
    lon: Floats
    accuracy_m: Float32s
    flags: Uint16s

    def columns(self) -> tuple[npt.NDArray[Any], ...]:
        return self.time, self.lat, self.lon, self.accuracy_m, self.flags


class LastFixes(Places):
    """By slot of the roster. Columns, since a row of a structured array takes twenty times as long to read and to write."""

    def __init__(self) -> None:
        empty = np.zeros(0, LAST)
        super().__init__(**{name: empty[name].copy() for name in _FIELDS})

    def __len__(self) -> int:
        return len(self.time)

    def reserve(self, slots: int) -> None:
        """Make room for vehicles with slots below `slots`."""
        size = len(self)
        if slots > size:
            for name, unseen in zip(_FIELDS, _UNSEEN, strict=True):
                column = grown(getattr(self, name), slots)
                column[size:] = unseen
                setattr(self, name, column)

    def before(self, rows: Rows) -> Places:
        """The fix before each row."""
        columns = (
            rows.before(column[rows.slots], getattr(rows.batch, name)) for name, column in zip(_FIELDS, self.columns(), strict=True)
        )
        return Places(**dict(zip(_FIELDS, columns, strict=True)))

    def keep(self, rows: Rows) -> None:
        """The last rows of each vehicle are its last fixes now."""
        ends = rows.ends if rows.is_repeating else slice(None)
        for name, column in zip(_FIELDS, self.columns(), strict=True):
            column[rows.vehicles] = getattr(rows.batch, name)[ends]

    def forget(self, slot: int) -> None:
        for column, unseen in zip(self.columns(), _UNSEEN, strict=True):
            column[slot] = unseen

    def of(self, slot: int) -> tuple[Any, ...] | None:
        """(time, lat, lon, accuracy_m, flags) of one vehicle; None where it has not been seen."""
        fix = tuple(column[slot].item() for column in self.columns())
        return None if fix[0] == NEVER else fix

    def packed(self, slots: Int32s) -> list[bytes]:
        """These vehicles' fixes for a snapshot, `LAST.itemsize` bytes each."""
        table = np.empty(len(slots), LAST)
        for name, column in zip(_FIELDS, self.columns(), strict=True):
            table[name] = column[slots]
        data, size = table.tobytes(), LAST.itemsize
        return [data[start : start + size] for start in range(0, len(data), size)]

    def unpack(self, slots: Int32s, states: Iterable[bytes]) -> None:
        """What `packed` has made; longer states are cut."""
        table = np.frombuffer(b"".join(state[: LAST.itemsize] for state in states), LAST)
        for name, column in zip(_FIELDS, self.columns(), strict=True):
            column[slots] = table[name]
