"""The intake of the pipeline: puts each vehicle's fixes into order, drops what was seen before and sets late fixes aside.

Behind it an engine sees the fixes of a vehicle once each and strictly in order of time. A fix that is older than the newest
one of its vehicle cannot be taken in by a fold any more: its vehicle is *due*, that is, to be folded again from the store
(`Pipeline.repair`). Until that is done all of its fixes wait in the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from fleet.fix import NO_VEHICLE, FixBatch, Int64s
from geofence.roster import Roster
from geofence.slots import Int32s, grown

#: Instants of so many newest fixes are remembered a vehicle, so that a batch that comes a second time (after a crash between
#: commit and acknowledgement) is recognised for what it is, and not taken for late data.
REMEMBERED: Final = 4
#: `newest` of a vehicle without a fix; `due` of one that is in order.
NEVER: Final = int(np.iinfo(np.int64).min)
IN_ORDER: Final = int(np.iinfo(np.int64).max)

VEHICLE: Final = np.dtype(
    [("newest", "<i8"), ("due", "<i8"), ("folded", "<i8"), ("presumed_until", "<i8"), ("recent", "<i8", (REMEMBERED,))]
)
#: The same bytes: gathered as such, records cost a thirtieth of what they cost field by field.
_RAW: Final = np.dtype((np.void, VEHICLE.itemsize))
_UNSEEN: Final = np.array((NEVER, IN_ORDER, NEVER, NEVER, (NEVER,) * REMEMBERED), VEHICLE)

Booleans = npt.NDArray[np.bool_]
#: The stride of the grid offsets: Knuth's multiplicative hash, so that vehicles do not all reach an anchor in one batch.
_SPREAD: Final = 2_654_435_761


class Late(NamedTuple):
    """A vehicle that is due, from the instant of its earliest late fix on (microseconds since 1970 UTC)."""

    key: int
    since: int
    #: The last step (`Pipeline.steps`) that set fixes of the vehicle aside: they are in the store once it is committed.
    step: int
    #: The newest instant that the engines had taken in when the vehicle became due.
    folded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What may go to the engines: rows by vehicle and time, what was the newest instant of each row's vehicle before this
    batch, and the vehicles that became due with it."""

    batch: FixBatch
    newest: Int64s
    new_due: list[int]


class Intake:
    """`horizon` and `anchor_interval` in microseconds."""

    def __init__(self, roster: Roster, *, horizon: int, anchor_interval: int) -> None:
        self._roster = roster
        self._horizon = horizon
        self._interval = anchor_interval
        self._table: npt.NDArray[Any] = np.zeros(0, VEHICLE)
        self._dirty: Booleans = np.zeros(0, np.bool_)
        self._due: dict[int, Late] = {}
        #: Steps so far, fixes that came twice, and fixes older than the horizon, since the start.
        self.steps = 0
        self.duplicates = 0
        self.too_old = 0

    @property
    def due(self) -> dict[int, Late]:
        """Vehicles to be folded again, by key."""
        return self._due

    def admit(self, batch: FixBatch) -> Admitted:
        """Sort, drop duplicates, set late ones aside; the vehicles' newest instants move on."""
        self.steps += 1
        if len(batch) and int(batch.vehicle.min()) == NO_VEHICLE:
            batch = batch.take(batch.vehicle != NO_VEHICLE)
        slots = self._assign(batch.vehicle)
        order = _order(slots, batch.time, len(self._roster))
        if order is not None:
            batch, slots = batch.take(order), slots[order]
        known = self._table.view(_RAW)[slots].view(VEHICLE)
        fresh = batch.time > known["newest"]
        if order is not None:
            fresh &= ~_repeats(slots, batch.time)
        new_due: list[int] = []
        if not fresh.all():
            new_due = self._set_aside(batch, slots, known, ~fresh)
            batch, slots, known = batch.take(fresh), slots[fresh], known[fresh]
        new_due += self._disproved(batch, slots, known)
        self._remember(slots, batch.time, is_repeating=order is not None)
        if self._due:
            batch, known = self._wait(batch, slots, known)
        return Admitted(batch=batch, newest=known["newest"], new_due=new_due)

    def boundaries(self, keys: Int64s, times: Int64s) -> Int64s:
        """The latest instant of each key's grid of anchors that is not after `times`."""
        offset = (keys * _SPREAD) % self._interval
        return np.asarray((times - offset) // self._interval * self._interval + offset)

    def make_due(self, keys: Int64s, since: Int64s) -> None:
        """These vehicles' states are lost or wrong from `since` on: they are to be folded again."""
        slots = self._assign(keys)
        for key, slot, instant in zip(keys.tolist(), slots.tolist(), since.tolist(), strict=True):
            self._hold(key, slot, instant, instant - 1)

    def presume(self, until: Mapping[int, int]) -> None:
        """These vehicles were called silent: a fix of an instant before `until` proves that wrong, and makes its vehicle due."""
        slots = self._assign(np.fromiter(until, np.int64, len(until)))
        told = np.fromiter(until.values(), np.int64, len(until))
        self._table["presumed_until"][slots] = np.maximum(self._table["presumed_until"][slots], told)
        self._dirty[slots] = True

    def repaired(self, key: int, times: Int64s) -> None:
        """The vehicle was folded again over fixes of these instants (increasing); it is in order."""
        slot = int(self._assign(np.array([key], np.int64))[0])
        if len(times):
            self._table["newest"][slot] = max(int(self._table["newest"][slot]), int(times[-1]))
            recent = times[-REMEMBERED:][::-1]
            self._table["recent"][slot, : len(recent)] = recent
        self._table["due"][slot] = IN_ORDER
        self._table["presumed_until"][slot] = NEVER
        self._dirty[slot] = True
        self._due.pop(key, None)

    def changed(self) -> Int64s:
        """Keys of the vehicles that changed since their snapshot was taken last."""
        slots = np.flatnonzero(self._dirty)
        return self._roster.slots.keys[slots[slots < len(self._roster)]]

    def touch(self, keys: Int64s) -> None:
        """These vehicles changed otherwise than by a fix."""
        self._dirty[self._assign(keys)] = True

    def snapshot(self, keys: Int64s) -> list[bytes]:
        """The records of these vehicles, which count as unchanged from here on."""
        slots = self._assign(keys)
        self._dirty[slots] = False
        rows = self._table[slots].tobytes()
        return [rows[start : start + VEHICLE.itemsize] for start in range(0, len(rows), VEHICLE.itemsize)]

    def restore(self, keys: Int64s, states: list[bytes]) -> None:
        slots = self._assign(keys)
        rows = np.frombuffer(b"".join(states), VEHICLE)
        self._table[slots] = rows
        for at in np.flatnonzero(rows["due"] != IN_ORDER).tolist():
            key = int(keys[at])
            self._due[key] = Late(key, int(rows["due"][at]), self.steps, int(rows["folded"][at]))

    def _assign(self, keys: Int64s) -> Int32s:
        slots = self._roster.assign(keys)
        count, size = len(self._roster), len(self._table)
        if count > size:
            self._table, self._dirty = grown(self._table, count), grown(self._dirty, count)
            self._table[size:] = _UNSEEN
        return slots

    def _set_aside(self, batch: FixBatch, slots: Int32s, known: npt.NDArray[Any], stale: Booleans) -> list[int]:
        """Count duplicates; what is late makes its vehicle due. Returns keys that were not due before."""
        rows = np.flatnonzero(stale)
        times, newest = batch.time[rows], known["newest"][rows]
        is_duplicate = (times >= newest) | (times[:, None] == known["recent"][rows]).any(axis=1)
        is_too_old = ~is_duplicate & (times < newest - self._horizon)
        self.duplicates += int(is_duplicate.sum())
        self.too_old += int(is_too_old.sum())
        new_due = []
        for row in rows[~is_duplicate & ~is_too_old].tolist():
            key = int(batch.vehicle[row])
            if self._hold(key, int(slots[row]), int(batch.time[row]), int(known["newest"][row])):
                new_due.append(key)
        return new_due

    def _disproved(self, batch: FixBatch, slots: Int32s, known: npt.NDArray[Any]) -> list[int]:
        """Vehicles with fixes that prove a presumption wrong are due; a fix that confirms it lays it to rest."""
        presumed = np.flatnonzero(known["presumed_until"] != NEVER)
        new_due = []
        for row in presumed.tolist():
            slot, time = int(slots[row]), int(batch.time[row])
            if time < int(self._table["presumed_until"][slot]) and self._hold(
                int(batch.vehicle[row]), slot, time, int(known["newest"][row])
            ):
                new_due.append(int(batch.vehicle[row]))
            self._table["presumed_until"][slot] = NEVER
        return new_due

    def _hold(self, key: int, slot: int, since: int, folded: int) -> bool:
        """The vehicle is due; False where it was already."""
        before = self._due.get(key)
        if before is not None:
            since, folded = min(since, before.since), before.folded
        self._due[key] = Late(key, since, self.steps, folded)
        self._table["due"][slot], self._table["folded"][slot] = since, folded
        self._dirty[slot] = True
        return before is None

    def _wait(self, batch: FixBatch, slots: Int32s, known: npt.NDArray[Any]) -> tuple[FixBatch, npt.NDArray[Any]]:
        """Leave out the fixes of vehicles that are due: the store keeps them until the vehicle is folded again."""
        in_order = self._table["due"][slots] == IN_ORDER
        if in_order.all():
            return batch, known
        for key in np.unique(batch.vehicle[~in_order]).tolist():
            self._due[key] = self._due[key]._replace(step=self.steps)
        return batch.take(in_order), known[in_order]

    def _remember(self, slots: Int32s, times: Int64s, *, is_repeating: bool) -> None:
        """Move `newest` and `recent` on; rows are sorted within each slot."""
        self._dirty[slots] = True
        if not is_repeating:
            self._push(slots, times)
            return
        from_end = _ranks_from_end(slots)
        for rank in range(min(REMEMBERED, int(from_end.max(initial=-1)) + 1) - 1, -1, -1):
            chosen = from_end == rank
            self._push(slots[chosen], times[chosen])

    def _push(self, slots: Int32s, times: Int64s) -> None:
        recent = self._table["recent"][slots]
        recent[:, 1:] = recent[:, :-1].copy()
        recent[:, 0] = times
        self._table["recent"][slots] = recent
        self._table["newest"][slots] = times


def _order(slots: Int32s, times: Int64s, count: int) -> Int64s | None:
    """The order by slot and time (stable: of two fixes of one instant the first to come in is first); None where no vehicle
    occurs twice, so that any order will do."""
    last = np.empty(count, np.int64)
    rows = np.arange(len(slots))
    last[slots] = rows
    if bool((last[slots] == rows).all()):
        return None
    return np.lexsort((times, slots))


def _repeats(slots: Int32s, times: Int64s) -> Booleans:
    """Rows of the same vehicle and instant as the row before them."""
    repeats = np.zeros(len(slots), np.bool_)
    repeats[1:] = (slots[1:] == slots[:-1]) & (times[1:] == times[:-1])
    return repeats


def _ranks_from_end(slots: Int32s) -> Int64s:
    """For rows grouped by slot: how many rows of the same slot follow each."""
    rows = np.arange(len(slots))
    is_last = np.ones(len(slots), np.bool_)
    is_last[:-1] = slots[1:] != slots[:-1]
    ends = np.flatnonzero(is_last)
    return np.asarray(ends[np.searchsorted(ends, rows)] - rows)
