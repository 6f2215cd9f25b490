"""One kind of thing by tenant and id: what all kinds have in common. The SQL of a kind is in `store/sql/<kind>s.sql`."""

from __future__ import annotations

import builtins
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from fleet.errors import InvalidValue
from store.errors import AlreadyExists, NotFound, Outdated, StoreError
from store.paging import split_cursor
from store.postgres.database import Connection, Database, rows
from store.postgres.queries import Queries
from store.postgres.tenants import Tenants


class Thing(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def tenant(self) -> str: ...


T = TypeVar("T", bound=Thing)
Row = tuple[Any, ...]


class PostgresRepository(ABC, Generic[T]):
    kind: ClassVar[str]
    filters: ClassVar[frozenset[str]]
    sql: ClassVar[Queries]

    def __init__(self, database: Database, tenants: Tenants) -> None:
        self._database = database
        self._tenants = tenants

    async def create(self, item: T) -> T:
        """An INSERT that does nothing, and says so, where the id is taken."""
        await self._tenants.ensure([item.tenant])
        async with self._database.transaction() as connection:
            return await self._write(connection, item, "create", AlreadyExists(self.kind, item.id))

    async def replace(self, item: T, *, only_if: T | None = None) -> T:
        await self._tenants.ensure([item.tenant])
        async with self._database.transaction() as connection:
            await self._require(connection, self._tenants.known_id(item.tenant), only_if)
            return await self._write(connection, item, "replace", NotFound(self.kind, item.id))

    async def delete(self, tenant: str, id: str, *, only_if: T | None = None) -> None:  # noqa: A002 - the domain's word
        tenant_id = await self._tenants.id(tenant)
        params = {"tenant_id": tenant_id, "id": id, "change": change(self.kind, tenant, id)}
        async with self._database.transaction() as connection:
            await self._require(connection, tenant_id, only_if)
            if not await rows(connection, self.sql["delete"], params):
                raise NotFound(self.kind, id)

    async def get(self, tenant: str, id: str) -> T:  # noqa: A002 - the domain's word
        params = {"tenant_id": await self._tenants.id(tenant), "id": id, "limit": 1}
        async with self._database.connection() as connection:
            found = await self._select(connection, params)
        if not found:
            raise NotFound(self.kind, id)
        return found[0]

    async def list(self, tenant: str | None, *, limit: int, after: str | None = None, **filters: str) -> builtins.list[T]:
        for name in set(filters) - self.filters:
            raise InvalidValue(name, f"a {self.kind} has no such filter")
        params = {**filters, **await page_params(self._tenants, tenant, limit, after)}
        async with self._database.connection() as connection:
            return await self._select(connection, params)

    async def _write(self, connection: Connection, item: T, how: str, otherwise: StoreError) -> T:
        """`create` or `replace` in a transaction; `otherwise` is raised where that finds nothing to do."""
        found = await rows(connection, self.sql[how], self._params(item))
        if not found:
            raise otherwise
        return self._stored(item, found[0])

    async def _require(self, connection: Connection, tenant_id: int | None, expected: T | None) -> None:
        """Lock the thing, and raise Outdated where it is not as expected."""
        if expected is None:
            return
        params = {"tenant_id": tenant_id, "id": expected.id, "limit": 1}
        await self._lock(connection, expected, params)
        # A statement of its own, so that it sees what those wrote who had the lock before.
        found = await self._select(connection, params)
        if not found:
            raise NotFound(self.kind, expected.id)
        if found[0] != expected:
            raise Outdated(self.kind, expected.id)

    async def _lock(self, connection: Connection, _expected: T, params: Mapping[str, Any]) -> None:
        """Nobody else changes the thing until the transaction is over."""
        await connection.execute(self.sql["lock"], params)

    async def _select(self, connection: Connection, params: Mapping[str, Any]) -> builtins.list[T]:
        return await self._load_all(connection, await rows(connection, self.sql.narrowed("select", params), params))

    async def _load_all(self, _connection: Connection, found: builtins.list[Row]) -> builtins.list[T]:
        return [self._load(row) for row in found]

    def _params(self, item: T) -> dict[str, Any]:
        """Parameters of `create` and `replace`."""
        return {
            "tenant_id": self._tenants.known_id(item.tenant),
            "id": item.id,
            "change": change(self.kind, item.tenant, item.id),
            **self._columns(item),
        }

    def _stored(self, item: T, _returned: Row) -> T:
        """The item with what the database added."""
        return item

    @abstractmethod
    def _columns(self, item: T) -> dict[str, Any]: ...

    @abstractmethod
    def _load(self, row: Row) -> T:
        """A row of `select`."""


async def page_params(tenants: Tenants, tenant: str | None, limit: int, after: str | None) -> dict[str, Any]:
    """What a paged `select` is narrowed by: one tenant's things behind an id, or all tenants' behind (tenant, id)."""
    behind = split_cursor(tenant, after)
    if tenant is not None:
        return {"tenant_id": await tenants.id(tenant), "limit": limit, "after": behind[1] if behind else None}
    after_tenant, after_id = behind or (None, None)
    return {"across": True, "limit": limit, "after_tenant": after_tenant, "after_id": after_id}


def change(kind: str, tenant: str | None = None, id_: str | None = None) -> str:
    """The payload of a notification. PostgreSQL carries less than 8000 bytes: what is longer says "several" instead."""
    payload = json.dumps([kind, tenant, id_])
    return payload if len(payload) < 7000 else json.dumps([kind, None, None])
