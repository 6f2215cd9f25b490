"""Traces: what is known of each vehicle's movement, a column each, by slot of the roster.

One array a column rather than one of records: a step gathers a few columns of thousands of vehicles, and gathering records costs
more than ten times as much as gathering numbers.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from geofence.jumps import Place, Suspect
from geofence.slots import Int32s, Int64s, grown
from geofence.stays import NEVER

UNKNOWN: Final = 0
STANDING: Final = 1
MOVING: Final = 2

NOT_SAID: Final = -1
#: Bits of `trust`: a second fix was in reach of the first; there are suspects of a jump.
CONFIRMED: Final = 1
SUSPECTED: Final = 2
#: Steps are counted up to here.
MOST_STEPS: Final = 100

#: Of one vehicle, as it is kept between runs.
TRACE: Final = np.dtype(
    [
        ("time", "<i8"),
        ("state", "<i1"),
        ("told", "<i1"),
        ("ignition", "<i1"),
        ("over_told", "<i1"),
        ("steps", "<i1"),
        ("trust", "<i1"),
        ("placed", "<i8"),
        ("lat", "<f8"),
        ("lon", "<f8"),
        ("place_lat", "<f8"),
        ("place_lon", "<f8"),
        ("pending", "<i8"),
        ("since", "<i8"),
        ("trip_cm", "<i8"),
        ("pending_cm", "<i8"),
        ("ignition_since", "<i8"),
        ("idle_since", "<i8"),
        ("over_since", "<i8"),
        ("under_since", "<i8"),
        ("over_top_mps", "<f4"),
        ("hours_from", "<i8"),
        ("hours_steps", "<i1"),
        ("hours_told", "<i1"),
        ("towed_from", "<i8"),
        ("towed_steps", "<i1"),
        ("towed_told", "<i1"),
    ]
)


@dataclass(slots=True, kw_only=True)
class Trace:
    """One vehicle. Instants in microseconds since 1970 UTC, NEVER where there is none."""

    #: The last fix of any quality.
    time: int = NEVER
    state: int = UNKNOWN
    #: How many words about its silence were said by the passing of time alone: stale, offline.
    told: int = 0
    ignition: int = NOT_SAID
    over_told: int = 0
    #: Fixes in a row that speak for moving.
    steps: int = 0
    #: How far the place below is believed: CONFIRMED, SUSPECTED.
    trust: int = 0
    #: The last usable fix.
    placed: int = NEVER
    lat: float = math.nan
    lon: float = math.nan
    #: Where it stands, or may have begun to; of a moving vehicle, where it did last.
    place_lat: float = math.nan
    place_lon: float = math.nan
    #: Since when it may have been in the other state.
    pending: int = NEVER
    #: Since when it has been in this one.
    since: int = NEVER
    #: Way of the present trip, and as it was when `pending` began. Whole centimetres, so that sums do not depend on their order.
    trip_cm: int = 0
    pending_cm: int = 0
    ignition_since: int = NEVER
    #: When the idling began that was told last.
    idle_since: int = NEVER
    over_since: int = NEVER
    under_since: int = NEVER
    over_top_mps: float = 0.0
    #: Since when it moves against its allowed hours; fixes in a row that were on the move; whether it was told.
    hours_from: int = NEVER
    hours_steps: int = 0
    hours_told: int = 0
    #: The same with the ignition off.
    towed_from: int = NEVER
    towed_steps: int = 0
    towed_told: int = 0


#: A suspect behind a trace that has one.
_SUSPECT: Final = struct.Struct("<qddqb")
_UNSEEN: Final = {column.name: column.default for column in fields(Trace)}


class Traces:
    """The columns, by name: `traces["time"][slots]`; and by slot the suspects of the few vehicles that have some."""

    def __init__(self) -> None:
        self.suspects: dict[int, Suspect] = {}
        self._columns: dict[str, npt.NDArray[Any]] = {name: np.zeros(0, TRACE[name]) for name in TRACE.names or ()}

    def __len__(self) -> int:
        return len(self._columns["time"])

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._columns[name]

    def reserve(self, count: int) -> None:
        """Hold so many vehicles."""
        size = len(self)
        if count <= size:
            return
        for name, column in self._columns.items():
            self._columns[name] = longer = grown(column, count)
            longer[size:] = _UNSEEN[name]

    def one(self, slot: int) -> Trace:
        return Trace(**{name: column[slot].item() for name, column in self._columns.items()})

    def put(self, slots: Int32s | Int64s, values: Mapping[str, npt.NDArray[Any] | np.int8]) -> None:
        """These columns of these vehicles (each once) are this now."""
        for name, column in values.items():
            self._columns[name][slots] = column

    def clear(self, slot: int) -> None:
        """As if the vehicle had never been seen."""
        for name, column in self._columns.items():
            column[slot] = _UNSEEN[name]
        self.suspects.pop(slot, None)

    def suspect(self, slot: int, suspect: Suspect | None, *, is_confirmed: bool) -> None:
        """What the vehicle's jump, if any, is suspected to be."""
        self._columns["trust"][slot] = CONFIRMED * is_confirmed + SUSPECTED * (suspect is not None)
        if suspect is not None:
            self.suspects[slot] = suspect
        else:
            self.suspects.pop(slot, None)

    def packed(self, slots: Int32s) -> list[bytes]:
        """One record a vehicle; behind it the suspect, where there is one."""
        records = np.zeros(len(slots), TRACE)
        for name, column in self._columns.items():
            records[name] = column[slots]
        data, size = records.tobytes(), TRACE.itemsize
        packed = [data[start : start + size] for start in range(0, len(data), size)]
        for at in np.flatnonzero(records["trust"] & SUSPECTED).tolist():
            last, since, fixes = self.suspects[int(slots[at])]
            packed[at] += _SUSPECT.pack(*last, since, fixes)
        return packed

    def unpack(self, slots: Int32s, records: Iterable[bytes]) -> None:
        """Take over what `packed` has made."""
        records, size = list(records), TRACE.itemsize
        rows = np.frombuffer(b"".join([record[:size] for record in records]), TRACE)
        self.put(slots, {name: rows[name] for name in self._columns})
        for slot in slots.tolist() if self.suspects else ():
            self.suspects.pop(slot, None)
        for at in np.flatnonzero(rows["trust"] & SUSPECTED).tolist():
            *last, since, fixes = _SUSPECT.unpack_from(records[at], size)
            self.suspects[int(slots[at])] = Suspect(Place(*last), since, fixes)
