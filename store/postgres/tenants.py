"""Tenants' keys by name and by vehicle, kept in the process: neither ever changes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from fleet.columns import grown
from fleet.fix import NO_VEHICLE, Int32s, Int64s
from fleet.mountings import Mountings as FleetMountings
from store.postgres.arrays import Int8s
from store.postgres.database import Database
from store.postgres.queries import Queries
from store.refusals import check_tenant

_SQL = Queries("tenants")
#: No tenant has this key: a read for a tenant that does not exist finds nothing.
NOBODY = 0


class Tenants:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._by_vehicle: Int32s = np.zeros(1024, np.int32)

    async def id(self, name: str | None) -> int | None:
        """The key of a tenant for a read; None stays None (all tenants)."""
        if name is None:
            return None
        if name not in self._ids:
            self._learn(await self._database.fetch(_SQL["find"], {"name": name}))
        return self._ids.get(name, NOBODY)

    async def ensure(self, names: Iterable[str]) -> None:
        """Make the tenants that are not there yet. Raises Rejected for what is no name of a tenant."""
        missing = sorted(set(names) - self._ids.keys())
        if missing:
            for name in missing:
                check_tenant(name)
            self._learn(await self._database.fetch(_SQL["ensure"], {"names": missing}))

    def known_id(self, name: str) -> int:
        """The key of a tenant that was ensured before."""
        return self._ids[name]

    async def of_vehicles(self, keys: Int64s) -> Int32s:
        """The tenant's key of each vehicle, 0 where there is no such vehicle."""
        found = self.known_of_vehicles(keys)
        unknown = np.unique(keys[found == 0])
        if len(unknown):
            fetched = await self._database.fetch(_SQL["of_vehicles"], {"keys": Int8s(unknown)})
            if fetched:
                self._remember(*(np.array(column, np.int64) for column in zip(*fetched, strict=True)))
                found = self.known_of_vehicles(keys)
        return found

    def known_of_vehicles(self, keys: Int64s) -> Int32s:
        """The same from what this process knows already."""
        known: npt.NDArray[np.bool_] = (keys > 0) & (keys < len(self._by_vehicle))
        return np.where(known, self._by_vehicle[np.where(known, keys, 0)], 0).astype(np.int32)

    def remember_vehicles(self, mountings: FleetMountings) -> None:
        """What was read of trackers, whose tenants were ensured; saves asking."""
        ids = np.array([self._ids[name] for name in mountings.tenants], np.int64)
        has_vehicle = mountings.key != NO_VEHICLE
        self._remember(mountings.key[has_vehicle], ids[mountings.tenant[has_vehicle]])

    def _learn(self, found: Iterable[tuple[int, str]]) -> None:
        for id_, name in found:
            self._ids[name], self._names[id_] = id_, name

    def _remember(self, keys: Int64s, tenant_ids: Int64s) -> None:
        """Keys are given out one after another, so an array by key has few holes."""
        self._by_vehicle = grown(self._by_vehicle, int(keys.max(initial=0)) + 1)
        self._by_vehicle[keys] = tenant_ids
