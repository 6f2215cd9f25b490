"""API keys, and the answers to requests with an Idempotency-Key."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from fleet.access import ApiKey, Role
from store.errors import AlreadyExists, NotFound, Rejected, UnderWay
from store.postgres.database import Database
from store.postgres.queries import Queries
from store.postgres.tenants import Tenants

_SQL: Final = Queries("access")


class Access:
    def __init__(self, database: Database, tenants: Tenants) -> None:
        self._database = database
        self._tenants = tenants

    async def key(self, digest: str) -> ApiKey | None:
        row = await self._database.fetch_one(_SQL["key_by_digest"], {"digest": digest})
        return None if row is None else _key(row)

    async def put_key(self, key: ApiKey) -> None:
        if key.tenant is not None:
            await self._tenants.ensure([key.tenant])
        params = {
            "id": key.id,
            "tenant_id": await self._tenants.id(key.tenant),
            "role": str(key.role),
            "digest": key.digest,
            "name": key.name,
            "created_at": key.created_at,
            "revoked_at": key.revoked_at,
        }
        if await self._database.fetch_one(_SQL["put_key"], params) is None:
            raise AlreadyExists("api key", key.id)

    async def keys(self, tenant: str | None) -> list[ApiKey]:
        params = {"tenant_id": await self._tenants.id(tenant)}
        return [_key(row) for row in await self._database.fetch(_SQL.narrowed("keys", params), params)]

    async def revoke_key(self, tenant: str | None, id_: str, now: datetime) -> None:
        params = {"tenant_id": await self._tenants.id(tenant), "id": id_, "now": now}
        if await self._database.fetch_one(_SQL.narrowed("revoke_key", params), params) is None:
            raise NotFound("api key", id_)

    async def take_answer(self, tenant: str, key: str, fingerprint: str, holder: str, for_s: float) -> tuple[int, bytes] | None:
        await self._tenants.ensure([tenant])
        params = {
            "tenant_id": self._tenants.known_id(tenant),
            "key": key,
            "fingerprint": fingerprint,
            "holder": holder,
            "for_s": for_s,
        }
        if await self._database.fetch_one(_SQL["take_answer"], params) is not None:
            return None
        row = await self._database.fetch_one(_SQL["find_answer"], params)
        if row is not None and row[0] != fingerprint:
            raise Rejected("this Idempotency-Key was used with another request")
        if row is None or row[1] is None:
            # No row: it was released between the two statements. To be tried again either way.
            raise UnderWay("the first request with this Idempotency-Key is still being worked on")
        return row[1], row[2]

    async def release_answer(self, tenant: str, key: str, holder: str) -> None:
        params = {"tenant_id": await self._tenants.id(tenant), "key": key, "holder": holder}
        await self._database.execute(_SQL["release_answer"], params)

    async def put_answer(self, tenant: str, key: str, fingerprint: str, status: int, body: bytes) -> None:
        await self._tenants.ensure([tenant])
        params = {
            "tenant_id": self._tenants.known_id(tenant),
            "key": key,
            "fingerprint": fingerprint,
            "status": status,
            "body": body,
        }
        await self._database.execute(_SQL["put_answer"], params)


def _key(row: tuple[Any, ...]) -> ApiKey:
    id_, tenant, role, digest, name, created_at, revoked_at = row
    return ApiKey(
        id=id_,
        tenant=tenant,
        role=Role(role),
        digest=digest,
        name=name,
        created_at=created_at,
        revoked_at=revoked_at,
    )
