"""Groups of fences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from psycopg.types.json import Jsonb

from fleet.fence import Fence, FenceSettings
from fleet.fence_group import FenceGroup
from store.errors import NotFound
from store.postgres.database import Connection, rows
from store.postgres.queries import Queries
from store.postgres.repository import PostgresRepository, Row, change

_SQL: Final = Queries("fence_groups")
KIND: Final = "fence group"


class FenceGroupRepository(PostgresRepository[FenceGroup]):
    kind = KIND
    filters = frozenset[str]()
    sql = _SQL

    async def delete(self, tenant: str, id: str, *, only_if: FenceGroup | None = None) -> None:  # noqa: A002 - the domain's word
        tenant_id = await self._tenants.id(tenant)
        params = {"tenant_id": tenant_id, "id": id, "change": change(self.kind, tenant, id)}
        async with self._database.transaction() as connection:
            await self._require(connection, tenant_id, only_if)
            if not await rows(connection, _SQL["delete"], params):
                raise NotFound(self.kind, id)
            await connection.execute(_SQL["leave"], params)

    def _columns(self, item: FenceGroup) -> dict[str, Any]:
        return {"name": item.name, "settings": Jsonb(item.settings.said()), "created_at": item.created_at}

    def _stored(self, item: FenceGroup, returned: Row) -> FenceGroup:
        return replace(item, created_at=returned[0])

    def _load(self, row: Row) -> FenceGroup:
        tenant, id_, name, settings, created_at = row
        return FenceGroup(id=id_, tenant=tenant, name=name, settings=FenceSettings(**settings), created_at=created_at)


async def hold_groups(connection: Connection, tenant_id: int, fence: Fence) -> None:
    """The fence's groups stay until the transaction is over. Raises NotFound where one is not there."""
    if not fence.groups:
        return
    params = {"tenant_id": tenant_id, "groups": list(fence.groups)}
    there = {id_ for (id_,) in await rows(connection, _SQL["hold"], params)}
    for group in fence.groups:
        if group not in there:
            raise NotFound(KIND, group)
