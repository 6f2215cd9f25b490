"""The outbox: alerts that a commit put there, claimed by whoever delivers them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from fleet.subscription import Alert
from store.errors import NotFound
from store.postgres.database import Database
from store.postgres.found import load_event
from store.postgres.queries import Queries
from store.postgres.tenants import Tenants
from store.postgres.things import load_subscription
from store.records import AlertBacklog

_SQL: Final = Queries("subscriptions")


class Outbox:
    def __init__(self, database: Database, tenants: Tenants) -> None:
        self._database = database
        self._tenants = tenants

    async def claim(self, now: datetime, limit: int, lease_s: float, busy: Sequence[tuple[str, str]] = ()) -> list[Alert]:
        params: dict[str, Any] = {"now": now, "limit": limit, "leased_until": now + timedelta(seconds=lease_s)}
        if busy:
            params |= {"busy_tenants": [tenant for tenant, _ in busy], "busy": [subscription for _, subscription in busy]}
        return [_alert(row) for row in await self._database.fetch(_SQL.narrowed("claim", params), params)]

    async def backlog(self) -> AlertBacklog:
        row = await self._database.fetch_one(_SQL["backlog"])
        return AlertBacklog(waiting=row[0], oldest=row[1]) if row is not None else AlertBacklog(waiting=0, oldest=None)

    async def delivered(self, alert: str, now: datetime) -> None:
        await self._database.execute(_SQL["delivered"], {"id": alert, "now": now})

    async def failed(self, alert: str, now: datetime, error: str, retry_at: datetime | None) -> None:
        clean = error.replace("\0", "\ufffd")
        await self._database.execute(_SQL["failed"], {"id": alert, "now": now, "error": clean, "retry_at": retry_at})

    async def disable(self, tenant: str, subscription: str, why: str) -> None:
        params = {"tenant_id": await self._tenants.id(tenant), "id": subscription, "why": why.replace("\0", "\ufffd")}
        if await self._database.fetch_one(_SQL["disable"], params) is None:
            raise NotFound("subscription", subscription)


def _alert(row: tuple[Any, ...]) -> Alert:
    id_, attempts, created_at, event_id, type_, occurred_at, recorded_at, vehicle, data, tenant, *subscription = row
    event = load_event((event_id, type_, occurred_at, recorded_at, tenant, vehicle, data))
    return Alert(
        id=id_,
        tenant=tenant,
        subscription=load_subscription((tenant, *subscription)),
        event=event.as_json(),
        attempts=attempts,
        created_at=created_at,
    )
