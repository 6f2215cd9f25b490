"""Commands to trackers: queued by the API, claimed by whoever hands them to the broker, closed by the worker's commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from fleet.clock import to_micros
from fleet.command import Answer, Answers, Command, CommandStatus, Downlink, Uplink
from store.errors import AlreadyExists, NotFound
from store.postgres.arrays import Instants, Texts
from store.postgres.database import Database
from store.postgres.queries import Queries
from store.postgres.tenants import Tenants
from store.storable import dump_json

_SQL: Final = Queries("commands")


class Commands:
    def __init__(self, database: Database, tenants: Tenants) -> None:
        self._database = database
        self._tenants = tenants

    async def add(self, command: Command) -> None:
        await self._tenants.ensure([command.tenant])
        downlink = command.downlink
        params = {
            "tenant_id": self._tenants.known_id(command.tenant),
            "id": command.id,
            "tracker": command.tracker,
            "format": command.format,
            "command": command.command,
            "params": dump_json(command.params).decode(),
            "topic": downlink.topic,
            "payload": downlink.payload,
            "answers": str(downlink.answers),
            "answer_key": downlink.answer_key,
            "created_at": command.created_at,
            "expires_at": command.expires_at,
        }
        if await self._database.fetch_one(_SQL["add"], params) is None:
            raise AlreadyExists("command", command.id)

    async def get(self, tenant: str, tracker: str, id_: str) -> Command:
        found = await self._select(tenant, tracker, id=id_, limit=1)
        if not found:
            raise NotFound("command", id_)
        return found[0][1]

    async def page(self, tenant: str, tracker: str, status: str | None, limit: int, after: int) -> list[tuple[int, Command]]:
        return await self._select(tenant, tracker, status=status, limit=limit, after=after or None)

    async def claim(self, now: datetime, limit: int, lease_s: float) -> list[Command]:
        params = {"now": now, "limit": limit, "leased_until": now + timedelta(seconds=lease_s)}
        return [_command(row) for row in await self._database.fetch(_SQL["claim"], params)]

    async def sent(self, tenant: str, id_: str, now: datetime) -> None:
        params = {"tenant_id": await self._tenants.id(tenant), "id": id_, "now": now}
        await self._database.execute(_SQL["sent"], params)

    async def failed(self, tenant: str, id_: str, error: str) -> None:
        params = {"tenant_id": await self._tenants.id(tenant), "id": id_, "error": error.replace("\0", "\ufffd")}
        await self._database.execute(_SQL["failed"], params)

    async def expire(self, now: datetime) -> int:
        return await self._database.execute(_SQL["expire"], {"now": now})

    async def uplink(self, tenant: str, tracker: str) -> Uplink | None:
        row = await self._database.fetch_one(_SQL["uplink"], {"tenant": tenant, "tracker": tracker})
        return None if row is None else Uplink(tenant=tenant, tracker=tracker, format=row[0], topic=row[1])

    async def _select(self, tenant: str, tracker: str, **narrowed: Any) -> list[tuple[int, Command]]:
        params = {"tenant_id": await self._tenants.id(tenant), "tracker": tracker, **narrowed}
        return [(row[0], _command(row)) for row in await self._database.fetch(_SQL.narrowed("select", params), params)]


def of_trackers(answers: Sequence[Answer], uplinks: Sequence[Uplink]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a commit says of commands, as statements of `commit.sql`."""
    if uplinks:
        last = {(uplink.tenant, uplink.tracker): uplink for uplink in uplinks}.values()
        yield (
            "put_uplinks",
            {
                "tenants": Texts([uplink.tenant for uplink in last]),
                "trackers": Texts([uplink.tracker for uplink in last]),
                "formats": Texts([uplink.format for uplink in last]),
                "topics": Texts([uplink.topic for uplink in last]),
            },
        )
    if answers:
        yield (
            "put_answers",
            {
                "tenants": Texts([answer.tenant for answer in answers]),
                "trackers": Texts([answer.tracker for answer in answers]),
                "keys": Texts([answer.key for answer in answers]),
                "data": Texts([dump_json(answer.data).decode() for answer in answers]),
                "failures": [answer.has_failed for answer in answers],
                "received_at": Instants(np.array([to_micros(answer.received_at) for answer in answers], np.int64)),
            },
        )


def _command(row: Sequence[Any]) -> Command:
    _, tenant, id_, tracker, format_, command, params, topic, payload, answers, answer_key, status, *rest = row
    created_at, expires_at, sent_at, answered_at, answer, error = rest
    return Command(
        id=id_,
        tenant=tenant,
        tracker=tracker,
        format=format_,
        command=command,
        params=params,
        downlink=Downlink(topic=topic, payload=payload, answers=Answers(answers), answer_key=answer_key),
        created_at=created_at,
        expires_at=expires_at,
        status=CommandStatus(status),
        sent_at=sent_at,
        answered_at=answered_at,
        answer=answer,
        error=error,
    )
