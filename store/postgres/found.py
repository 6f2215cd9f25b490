"""Events, visits and dead letters, as the API reads them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from fleet.event import Event
from fleet.message import DeadLetter
from fleet.screening import Reason
from fleet.visit import Visit
from store.paging import split_cursor
from store.postgres.database import Database
from store.postgres.queries import Queries
from store.postgres.repository import page_params
from store.postgres.tenants import Tenants
from store.records import NumberedEvent

_SQL: Final = Queries("found")
_COMMIT_SQL: Final = Queries("commit")


class FoundReader:
    def __init__(self, database: Database, tenants: Tenants) -> None:
        self._database = database
        self._tenants = tenants

    async def events(
        self,
        tenant: str | None,
        *,
        after_seq: int,
        types: Sequence[str],
        vehicle: str | None,
        start: datetime | None,
        end: datetime | None,
        limit: int,
        newest_first: bool,
    ) -> list[NumberedEvent]:
        params = {
            "tenant_id": await self._tenants.id(tenant),
            "vehicle": vehicle,
            "earlier_than" if newest_first else "later_than": after_seq or None,
            "newest_first" if newest_first else "oldest_first": True,
            "start": start,
            "end": end,
            "types": list(types) or None,
            "limit": limit,
        }
        rows = await self._database.fetch(_SQL.narrowed("events", params), params)
        return [NumberedEvent(seq=seq, event=load_event(fields)) for seq, *fields in rows]

    async def last_seq(self) -> int:
        row = await self._database.fetch_one(_COMMIT_SQL["last_seq"])
        return row[0] if row else 0

    async def visits(
        self,
        tenant: str | None,
        *,
        vehicle: str | None,
        fence: str | None,
        start: datetime | None,
        end: datetime | None,
        limit: int,
        after: str | None,
    ) -> list[Visit]:
        params = {
            "vehicle": vehicle,
            "fence": fence,
            "start": start,
            "end": end,
            **await page_params(self._tenants, tenant, limit, after),
        }
        behind = split_cursor(tenant, after)
        if behind is not None:
            last = await self._database.fetch_one(_SQL["visit_entered_at"], {"tenant": behind[0], "id": behind[1]})
            if last is None:
                return []
            params["after_entered_at"] = last[0]
        rows = await self._database.fetch(_SQL.narrowed("visits", params), params)
        return [_visit(row) for row in rows]

    async def dead_letters(self, tenant: str | None, *, reason: str | None, limit: int, after: int) -> list[tuple[int, DeadLetter]]:
        params = {"tenant": tenant, "reason": reason, "after": after or None, "limit": limit}
        rows = await self._database.fetch(_SQL.narrowed("dead_letters", params), params)
        return [(row[0], _dead_letter(row)) for row in rows]

    async def letters_to_retry(self, *, limit: int, after: int) -> list[tuple[int, DeadLetter]]:
        rows = await self._database.fetch(_SQL["letters_to_retry"], {"limit": limit, "after": after})
        return [(row[0], _dead_letter(row)) for row in rows]

    async def retry_dead_letters(self, tenant: str | None, numbers: Sequence[int]) -> list[int]:
        params = {"tenant": tenant, "numbers": list(numbers)}
        return sorted(number for (number,) in await self._database.fetch(_SQL.narrowed("retry_dead_letters", params), params))

    async def drop_dead_letters(self, tenant: str | None, numbers: Sequence[int]) -> int:
        params = {"tenant": tenant, "numbers": list(numbers)}
        return await self._database.execute(_SQL.narrowed("drop_dead_letters", params), params)


def load_event(fields: Sequence[Any]) -> Event:
    id_, type_, occurred_at, recorded_at, tenant, vehicle, data = fields
    return Event(
        id=id_,
        type=type_,
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        tenant=tenant,
        vehicle=vehicle,
        data=data,
    )


def _visit(row: Sequence[Any]) -> Visit:
    id_, tenant, vehicle, fence, entered_at, exited_at, confirmed_at, evidence = row
    return Visit(
        id=id_,
        tenant=tenant,
        vehicle=vehicle,
        fence=fence,
        entered_at=entered_at,
        exited_at=exited_at,
        confirmed_at=confirmed_at,
        evidence=evidence,
    )


def _dead_letter(row: Sequence[Any]) -> DeadLetter:
    _, received_at, topic, payload, payload_bytes, reason, detail, tenant, tracker, times = row
    return DeadLetter(
        received_at=received_at,
        topic=topic,
        payload=payload,
        payload_bytes=payload_bytes,
        reason=Reason(reason),
        detail=detail,
        tenant=tenant,
        tracker=tracker,
        times=times,
    )
