"""Stays: what is known of a vehicle in or near a fence while it is there, one row of a table each.

A stay is a candidate until it is confirmed, then it is a visit, until it is over and its row is free again. The bulk path moves the
columns of rows where nothing changes but counts; everything else is decided on one `Stay` at a time (`geofence.visits`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter
from struct import Struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from geofence.slots import Int32s, Int64s, grown

#: No such instant.
NEVER: Final = int(np.iinfo(np.int64).min)
#: An instant that never comes.
ENDLESS: Final = int(np.iinfo(np.int64).max)
NO_SEAT: Final = -1

CANDIDATE: Final = 1
CONFIRMED: Final = 2

#: `silent`: the vehicle reports; it was silent, and the next usable fix decides whether that has ended the visit; the passing
#: of time alone has said that it has.
REPORTING: Final = 0
SILENT: Final = 1
PRESUMED_SILENT: Final = 2

STAY: Final = np.dtype(
    [
        ("slot", "<i4"),
        ("fence", "<i4"),
        ("phase", "<i1"),
        ("silent", "<i1"),
        ("jumped", "<i1"),
        ("count", "<i4"),
        ("first", "<i8"),
        ("first_lat", "<f8"),
        ("first_lon", "<f8"),
        ("before", "<i8"),
        ("before_lat", "<f8"),
        ("before_lon", "<f8"),
        ("last", "<i8"),
        ("last_lat", "<f8"),
        ("last_lon", "<f8"),
        ("after", "<i8"),
        ("after_lat", "<f8"),
        ("after_lon", "<f8"),
        ("out_since", "<i8"),
        ("entered", "<i8"),
        ("confirmed", "<i8"),
        ("dwell_due", "<i8"),
        ("silent_at", "<i8"),
        ("worst_m", "<f4"),
        ("closest_m", "<f4"),
        ("next", "<i4"),
    ]
)


@dataclass(slots=True)
class Stay:
    """One row of the table; the fields are its columns. `first` and `last` are the first and last fix inside, `before` and
    `after` the fixes outside next to them where the edge may be interpolated; NEVER where there is none."""

    slot: int
    fence: int
    phase: int
    silent: int
    #: The first fix was reached by a jump: it takes more to believe this stay.
    jumped: int
    #: Usable fixes inside.
    count: int
    first: int
    first_lat: float
    first_lon: float
    before: int
    before_lat: float
    before_lon: float
    last: int
    last_lat: float
    last_lon: float
    after: int
    after_lat: float
    after_lon: float
    #: Since when every usable fix has been beyond the outer edge.
    out_since: int
    entered: int
    confirmed: int
    dwell_due: int
    #: When the silence was certain.
    silent_at: int
    #: NaN where no fix said.
    worst_m: float
    closest_m: float
    #: Seat of the vehicle's next stay.
    next: int = NO_SEAT


_COUNT: Final = Struct("<H")
#: A character that no id may contain.
_SEPARATOR: Final = "\x1e"
as_row = attrgetter(*(column.name for column in fields(Stay)))


class StayTable:
    """All stays of all vehicles. `heads` and `counts` by slot lead to a vehicle's stays: a chain of seats."""

    def __init__(self) -> None:
        self.rows: npt.NDArray[Any] = np.zeros(0, STAY)
        self.heads: Int32s = np.zeros(0, np.int32)
        self.counts: npt.NDArray[np.int16] = np.zeros(0, np.int16)
        self._free: list[int] = []
        self._used = 0

    def reserve(self, slots: int) -> None:
        """Make room for vehicles with slots below `slots`."""
        size = len(self.heads)
        if slots > size:
            self.heads, self.counts = grown(self.heads, slots), grown(self.counts, slots)
            self.heads[size:] = NO_SEAT

    def of(self, slot: int) -> list[Stay]:
        """The vehicle's stays, as copies, in order of their fences' numbers."""
        stays: list[Stay] = []
        seat = int(self.heads[slot])
        while seat != NO_SEAT:
            stay = Stay(*self.rows[seat].item())
            seat = stay.next
            stays.append(stay)
        return sorted(stays, key=attrgetter("fence"))

    def put(self, slot: int, stays: list[Stay]) -> None:
        """Replace the vehicle's stays."""
        seats = self._seats(slot)
        while len(seats) < len(stays):
            seats.append(self._allocate())
        while len(seats) > len(stays):
            self._release(seats.pop())
        following = NO_SEAT
        for seat, stay in zip(reversed(seats), reversed(stays), strict=True):
            stay.next = following
            self.rows[seat] = as_row(stay)
            following = seat
        self.heads[slot] = following
        self.counts[slot] = len(stays)

    def add(self, row: npt.NDArray[Any]) -> None:
        """One more stay of the vehicle `row["slot"]`."""
        slot, seat = int(row["slot"]), self._allocate()
        self.rows[seat] = row
        self.rows["next"][seat] = self.heads[slot]
        self.heads[slot] = seat
        self.counts[slot] += 1

    def remove(self, seat: int) -> None:
        """The stay in this seat is over."""
        slot, following = int(self.rows["slot"][seat]), self.rows["next"]
        before, at = NO_SEAT, int(self.heads[slot])
        while at != seat:
            before, at = at, int(following[at])
        if before == NO_SEAT:
            self.heads[slot] = following[seat]
        else:
            following[before] = following[seat]
        self.counts[slot] -= 1
        self._release(seat)

    def all_of(self, slots: Int32s, chosen: Int64s) -> tuple[Int64s, Int32s]:
        """All stays of the vehicles `slots[chosen]`: (element of `chosen`, seat) pairs."""
        if not len(chosen):
            return chosen, np.zeros(0, np.int32)
        numbers: list[Int64s] = []
        seats: list[Int32s] = []
        seat = self.heads[slots[chosen]]
        while len(chosen):
            numbers.append(chosen)
            seats.append(seat)
            following = self.rows["next"][seat]
            goes_on = following != NO_SEAT
            chosen, seat = chosen[goes_on], following[goes_on]
        return np.concatenate(numbers), np.concatenate(seats)

    def seats_where(self, condition: npt.NDArray[np.bool_]) -> Int64s:
        """Indices of rows in use for which the condition (a column over `rows`) holds."""
        return np.flatnonzero(condition & (self.rows["phase"] != 0))

    def _seats(self, slot: int) -> list[int]:
        seats = []
        seat = int(self.heads[slot])
        while seat != NO_SEAT:
            seats.append(seat)
            seat = int(self.rows["next"][seat])
        return seats

    def _release(self, seat: int) -> None:
        self.rows["phase"][seat] = 0
        self._free.append(seat)

    def _allocate(self) -> int:
        if self._free:
            return self._free.pop()
        self.rows = grown(self.rows, self._used + 1)
        self._used += 1
        return self._used - 1


def packed(stays: list[Stay], names: list[str]) -> bytes:
    """Stays and the ids of their fences as bytes, for a snapshot: how many (u16), rows, ids."""
    table = np.array([as_row(stay) for stay in stays], STAY)
    # Equal states are equal bytes: without where the next one sat, and without places that are out of date.
    table["next"] = NO_SEAT
    for name in ("after_lat", "after_lon"):
        table[name][table["after"] == NEVER] = 0.0
    return _COUNT.pack(len(stays)) + table.tobytes() + _SEPARATOR.join(names).encode()


def unpacked(data: bytes) -> list[tuple[Stay, str]]:
    """What `packed` made of stays and names; numbers of slots and fences are those of the engine that packed them."""
    if not data:
        return []
    (count,) = _COUNT.unpack_from(data)
    end = _COUNT.size + count * STAY.itemsize
    rows = np.frombuffer(data[_COUNT.size : end], STAY).tolist()
    return [(Stay(*row), name) for row, name in zip(rows, data[end:].decode().split(_SEPARATOR), strict=True)]
