"""The roster: which vehicle a key stands for. One roster is shared by all engines of a pipeline, so that they share slots."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from fleet.columns import grown
from fleet.fix import NO_VEHICLE
from fleet.mountings import Mountings
from fleet.text_column import BLOCK_ROWS, TextColumn
from geofence.slots import NO_SLOT, Int32s, Int64s, Slots

#: The tenant number of a key that nobody has named yet: it is in no fence of anybody's.
NO_TENANT: Final = -1


class Roster:
    """Slots of vehicles, with their tenants (as dense numbers) and their ids."""

    def __init__(self) -> None:
        self.slots = Slots()
        self._tenants: Int32s = np.zeros(0, np.int32)
        self._vehicles = TextColumn()
        self._tenant_names: list[str] = []
        self._tenant_numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.slots)

    def assign(self, keys: Int64s) -> Int32s:
        """Slots of keys; unnamed ones are given where needed."""
        slots = self.slots.assign(keys)
        count, size = len(self.slots), len(self._tenants)
        if count > size:
            self._tenants = grown(self._tenants, count)
            self._tenants[size:] = NO_TENANT
        return slots

    def name(self, named: Iterable[tuple[int, str, str]]) -> None:
        """Take in (key, tenant, vehicle)."""
        rows = list(named)
        tenants = [self.tenant_number(tenant) for _, tenant, _ in rows]
        vehicles = TextColumn.of([vehicle for _, _, vehicle in rows])
        self._name(np.array([key for key, _, _ in rows], np.int64), np.array(tenants, np.int32), vehicles, np.arange(len(rows)))

    def take_in(self, mountings: Mountings) -> None:
        """Name the vehicles that carry a tracker."""
        numbers: Int32s = np.array([self.tenant_number(tenant) for tenant in mountings.tenants], np.int32)
        rows = np.flatnonzero(mountings.key != NO_VEHICLE)
        self._name(mountings.key[rows], numbers[mountings.tenant[rows]], mountings.vehicle, rows)

    def _name(self, keys: Int64s, tenants: Int32s, vehicles: TextColumn, rows: npt.NDArray[np.intp]) -> None:
        """`rows`: those of `vehicles`. A part at a time: between all of them there would be as much again."""
        self.assign(keys)
        self._vehicles.reserve(len(self.slots))
        for start in range(0, len(keys), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            slots = self.slots.find(keys[block])
            self._tenants[slots] = tenants[block]
            self._vehicles.copy(slots, vehicles, rows[block])

    def tenant_number(self, tenant: str) -> int:
        """The dense number of a tenant; a new one where it is not known yet."""
        number = self._tenant_numbers.setdefault(tenant, len(self._tenant_names))
        if number == len(self._tenant_names):
            self._tenant_names.append(tenant)
        return number

    def tenants(self, slots: Int32s) -> Int32s:
        """Tenant numbers of slots, NO_TENANT for unnamed ones."""
        return self._tenants[slots]

    def whose(self, slot: int) -> tuple[str, str]:
        """(tenant, vehicle) of a slot; empty where it was not named."""
        vehicle = self._vehicles[slot] if slot < len(self._vehicles) else ""
        return (self._tenant_names[self._tenants[slot]], vehicle) if vehicle else ("", "")

    def knows(self, key: int) -> bool:
        """Whether the key was named."""
        slot = self.slots.find_one(key)
        return slot != NO_SLOT and int(self._tenants[slot]) != NO_TENANT
