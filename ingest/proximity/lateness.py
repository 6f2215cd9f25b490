"""Which slots a fix has a say in: from the first one behind the fix before it, as far as it reaches. No I/O.

Of two fixes that follow one another the later one changes no place up to the earlier one. Where the one before is not known (a
restart, a fix out of order), a fix is taken to reach as far as one can.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from fleet.clock import MICROS_PER_S
from fleet.columns import grown
from fleet.fix import FixBatch, Int32s, Int64s
from geofence.proximity.settings import ProximitySettings
from geofence.roster import NO_TENANT, Roster

_NEVER: Final = int(np.iinfo(np.int64).min)


class Lateness:
    """Knows the newest usable fix of each vehicle."""

    def __init__(self, settings: ProximitySettings, roster: Roster) -> None:
        self._worst_m = settings.max_accuracy_m
        self._gap = round(settings.max_gap_s * MICROS_PER_S)
        self._slot_us = settings.slot
        self._roster = roster
        self._newest: Int64s = np.zeros(0, np.int64)

    def heard(self, fixes: FixBatch) -> Iterator[tuple[str, Int64s]]:
        """By tenant, the first slot that each of its usable fixes has a say in."""
        usable = np.flatnonzero(~(fixes.accuracy_m > self._worst_m))
        slots = self._roster.assign(fixes.vehicle[usable])
        order = np.lexsort((fixes.time[usable], slots))
        slots, times = slots[order], fixes.time[usable][order]
        first = self._reach(slots, times) // self._slot_us + 1
        tenants = self._roster.tenants(slots)
        for number in np.unique(tenants).tolist():
            if number != NO_TENANT:
                rows = np.flatnonzero(tenants == number)
                yield self._roster.whose(int(slots[rows[0]]))[0], first[rows]

    def _reach(self, slots: Int32s, times: Int64s) -> Int64s:
        """The instant up to which each fix changes nothing; rows by slot and time."""
        self._grow()
        previous = np.full(len(times), _NEVER)
        previous[1:] = np.where(slots[1:] == slots[:-1], times[:-1], _NEVER)
        newest = self._newest[slots]
        previous = np.maximum(previous, np.where(newest <= times, newest, _NEVER))
        last = np.append(slots[1:] != slots[:-1], True)[: len(slots)]
        self._newest[slots[last]] = np.maximum(newest[last], times[last])
        return np.asarray(np.maximum(previous, times - self._gap))

    def _grow(self) -> None:
        size = len(self._newest)
        if len(self._roster) > size:
            self._newest = grown(self._newest, len(self._roster))
            self._newest[size:] = _NEVER
