"""Tenants with their settings, and what ingest has to know of settings and clocks."""

from __future__ import annotations

import builtins
from typing import Any, Final

from psycopg.types.json import Jsonb

from fleet.tenant import Tenant
from fleet.tracker_clock import TrackerClock
from store.errors import NotFound
from store.own_settings import Owned, settings_as_json, settings_from_json
from store.postgres.database import Database
from store.postgres.queries import Queries
from store.postgres.repository import change
from store.postgres.tenants import Tenants

_SQL: Final = Queries("tenants")


class TenantRepository:
    """See `store.protocol.TenantStore`."""

    def __init__(self, database: Database, tenants: Tenants) -> None:
        self._database = database
        self._tenants = tenants

    async def get(self, tenant: str) -> Tenant:
        found = await self._select(name=tenant, limit=1)
        if not found:
            raise NotFound("tenant", tenant)
        return found[0]

    async def list(self, *, limit: int, after: str | None = None) -> builtins.list[Tenant]:
        return await self._select(after=after, limit=limit)

    async def replace(self, item: Tenant) -> Tenant:
        await self._tenants.ensure([item.id])
        settings = Jsonb(settings_as_json(item.settings))
        params = {"name": item.id, "settings": settings, "change": change("tenant", item.id, item.id)}
        await self._database.fetch(_SQL["replace"], params)
        return await self.get(item.id)

    async def _select(self, **params: Any) -> builtins.list[Tenant]:
        given = {name: value for name, value in params.items() if value is not None}
        found = await self._database.fetch(_SQL.narrowed("select", given), given)
        return [
            Tenant(id=name, settings=settings_from_json(settings), created_at=created_at) for name, settings, created_at in found
        ]


async def all_own_settings(database: Database) -> list[Owned]:
    """Of all tenants and vehicles that have any."""
    found = await database.fetch(_SQL["own_settings"], {})
    return [(tenant, vehicle, settings_from_json(settings)) for tenant, vehicle, settings in found]


async def tracker_clocks(database: Database) -> list[TrackerClock]:
    return [
        TrackerClock(tenant=tenant, tracker=tracker, offset_s=offset_s, since=since, until=until, found_at=found_at)
        for tenant, tracker, offset_s, since, until, found_at in await database.fetch(_SQL["clocks"], {})
    ]
