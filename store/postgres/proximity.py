"""Pairs of vehicles in PostgreSQL: the fixes around instants, and the states of the pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from fleet.clock import from_micros, to_micros
from fleet.fixes_around import FixesAround, Reach
from store.postgres.arrays import Blobs, Instants, Int4s
from store.postgres.database import Database
from store.postgres.findings import Statement
from store.postgres.queries import Queries
from store.postgres.tenants import Tenants
from store.records import ProximityStates

_SQL: Final = Queries("proximity")


class ProximityReader:
    def __init__(self, database: Database, tenants: Tenants) -> None:
        self._database = database
        self._tenants = tenants

    async def fixes_around(self, tenant: str, instants: Sequence[int], reach: Reach) -> FixesAround:
        if not instants:
            return FixesAround.empty()
        before, after = timedelta(seconds=reach.before_s), timedelta(seconds=reach.after_s)
        params = {
            "tenant_id": await self._tenants.id(tenant),
            "instants": Instants(np.array(instants, np.int64)),
            "before": before,
            "after": after,
            "start": from_micros(instants[0]) - before,
            "end": from_micros(instants[-1]) + after,
            "worst_accuracy_m": reach.worst_accuracy_m,
        }
        row = await self._database.fetch_one(_SQL["fixes_around"], params)
        if row is None:
            return FixesAround.empty()
        instant, vehicle, before_time, before_lat, before_lon, before_speed_mps, after_time, after_lat, after_lon = row
        return FixesAround(
            instant=instant,
            vehicle=vehicle,
            before_time=before_time,
            before_lat=before_lat,
            before_lon=before_lon,
            before_speed_mps=before_speed_mps,
            after_time=after_time,
            after_lat=after_lat,
            after_lon=after_lon,
        )

    async def newest(self) -> Mapping[str, tuple[datetime, bytes]]:
        return {tenant: (time, state) for tenant, time, state in await self._database.fetch(_SQL["newest"])}

    async def before(self, tenant: str, time: datetime) -> tuple[datetime, bytes] | None:
        row = await self._database.fetch_one(_SQL["before"], {"tenant_id": await self._tenants.id(tenant), "time": time})
        return None if row is None else (row[0], row[1])


def of_proximity(given: Sequence[ProximityStates], tenants: Tenants) -> Iterator[Statement]:
    """What a commit writes of pairs; its tenants are known."""
    if not given:
        return
    owners = np.array([tenants.known_id(states.tenant) for states in given], np.int32)
    since = np.array([to_micros(states.since) for states in given], np.int64)
    yield "drop_proximity_states", {"tenants": Int4s(owners), "times": Instants(since)}
    rows = [(tenants.known_id(states.tenant), to_micros(time), state) for states in given for time, state in states.states]
    if rows:
        yield (
            "put_proximity_states",
            {
                "tenants": Int4s(np.array([tenant for tenant, _, _ in rows], np.int32)),
                "times": Instants(np.array([time for _, time, _ in rows], np.int64)),
                "states": Blobs([state for _, _, state in rows]),
            },
        )
