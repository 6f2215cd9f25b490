"""Decisions about where places are, and the stops that they move."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from fleet.event import Event
from fleet.place_decision import PlaceDecision, PlaceStep
from fleet.route import Route
from store.errors import NotFound
from store.postgres.database import Connection, Database, rows
from store.postgres.found import load_event
from store.postgres.queries import Queries
from store.postgres.repository import change, page_params
from store.postgres.tenants import Tenants

_SQL: Final = Queries("places")
_TRACKERS: Final = Queries("trackers")


class Places:
    """See `store.protocol.PlaceStore`."""

    def __init__(self, database: Database, tenants: Tenants) -> None:
        self._database = database
        self._tenants = tenants

    async def decide(self, decision: PlaceDecision) -> PlaceDecision | None:
        await self._tenants.ensure([decision.tenant])
        params = _params(decision, self._tenants.known_id(decision.tenant))
        async with self._database.transaction() as connection:
            await connection.execute(_SQL["lock"], params)
            current = await rows(connection, _SQL.narrowed("current", params), params)
            if not decision.may_follow(_decision(current[0]) if current else None):
                return None
            moved = (await connection.execute(_SQL["move"], params)).rowcount
            await connection.execute(_SQL["add"], {**params, "stops": moved})
            await connection.execute(_TRACKERS["tell"], {"change": change("route", decision.tenant)})
        return replace(decision, stops=moved)

    async def get(self, tenant: str, place: str) -> PlaceDecision:
        params = {"tenant_id": await self._tenants.id(tenant), "id": place, "limit": 1}
        found = await self._database.fetch(_SQL.narrowed("current", params), params)
        if not found:
            raise NotFound("place", place)
        return _decision(found[0])

    async def list(self, tenant: str | None, *, limit: int, after: str | None = None) -> builtins.list[PlaceDecision]:
        params = await page_params(self._tenants, tenant, limit, after)
        return [_decision(row) for row in await self._database.fetch(_SQL.narrowed("current", params), params)]

    async def history(
        self,
        tenant: str,
        place: str,
        *,
        limit: int,
        after: int = 0,
    ) -> builtins.list[tuple[int, PlaceDecision]]:
        params = {"tenant_id": await self._tenants.id(tenant), "id": place, "after": after or None, "limit": limit}
        found = await self._database.fetch(_SQL.narrowed("history", params), params)
        return [(number, _decision(row)) for number, *row in found]

    async def stands(self, tenant: str, place: str, *, limit: int) -> builtins.list[Event]:
        params = {"tenant_id": await self._tenants.id(tenant), "id": place, "limit": limit}
        return [load_event(row) for row in reversed(await self._database.fetch(_SQL["stands"], params))]


async def lock_places(connection: Connection, columns: Mapping[str, Any]) -> None:
    """No decision is made between this and the end of the transaction; it comes before any stop is written."""
    await connection.execute(_SQL["lock_shared"], columns)


async def placed(
    connection: Connection, routes: Sequence[Route], columns: Mapping[str, Any], tenants: Tenants
) -> builtins.list[Route]:
    """The routes with their stops where their places are; `columns` are those of the stops at the plan's own pins."""
    found = await rows(connection, _SQL["positions"], columns)
    positions = {(tenant_id, stop): (lat, lon) for tenant_id, stop, lat, lon in found}

    def moved(route: Route) -> Route:
        tenant_id = tenants.known_id(route.tenant)
        stops = tuple(
            stop.moved_to(*positions[tenant_id, stop.id]) if (tenant_id, stop.id) in positions else stop for stop in route.stops
        )
        return replace(route, stops=stops)

    return [moved(route) for route in routes] if positions else list(routes)


def _params(decision: PlaceDecision, tenant_id: int) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "id": decision.id,
        "step": str(decision.step),
        "lat": decision.lat,
        "lon": decision.lon,
        "is_moved": decision.step.has_position,
        "visits": decision.visits,
        "by": decision.by,
        "at": decision.at,
        "limit": 1,
    }


def _decision(row: Sequence[Any]) -> PlaceDecision:
    tenant, id_, step, lat, lon, visits, by, at, stops = row
    return PlaceDecision(tenant=tenant, id=id_, step=PlaceStep(step), lat=lat, lon=lon, visits=visits, by=by, at=at, stops=stops)
