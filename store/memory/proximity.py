"""Pairs of vehicles in memory: the fixes around instants, and the states of the pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from fleet.clock import MICROS_PER_S
from fleet.fixes_around import FixesAround, Reach
from store.memory.around import fixes_around
from store.memory.fixes import FixLog
from store.memory.fleet import FleetTables
from store.records import ProximityStates


class ProximityBook:
    def __init__(self, fixes: FixLog, fleet: FleetTables) -> None:
        self._fixes = fixes
        self._fleet = fleet
        self._states: dict[str, dict[datetime, bytes]] = {}

    def fixes_around(self, tenant: str, instants: Sequence[int], reach: Reach) -> FixesAround:
        if not instants:
            return FixesAround.empty()
        start = instants[0] - round(reach.before_s * MICROS_PER_S)
        end = instants[-1] + round(reach.after_s * MICROS_PER_S)
        found = self._fixes.between(start, end)
        keys = [self._fleet.key_of(*name) for name in self._fleet.vehicles.items if name[0] == tenant]
        return fixes_around(found.take(np.isin(found.vehicle, np.array(keys, np.int64))), instants, reach)

    def put(self, given: Sequence[ProximityStates]) -> None:
        for states in given:
            kept = {time: state for time, state in self._states.get(states.tenant, {}).items() if time < states.since}
            self._states[states.tenant] = kept | dict(states.states)

    def newest(self) -> Mapping[str, tuple[datetime, bytes]]:
        return {tenant: max(states.items()) for tenant, states in self._states.items() if states}

    def before(self, tenant: str, time: datetime) -> tuple[datetime, bytes] | None:
        return max((item for item in self._states.get(tenant, {}).items() if item[0] < time), default=None)

    def drop_before(self, end: datetime) -> int:
        """The newest of each tenant stays: it is where the worker goes on."""
        before = sum(map(len, self._states.values()))
        for tenant, states in self._states.items():
            newest = max(states, default=end)
            self._states[tenant] = {time: state for time, state in states.items() if time >= end or time == newest}
        return before - sum(map(len, self._states.values()))
