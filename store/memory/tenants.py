"""Tenants with their settings, in memory."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from fleet.tenant import NO_SETTINGS, Tenant
from fleet.vehicle import Vehicle
from store.errors import NotFound
from store.own_settings import Owned
from store.refusals import check_tenant


class TenantTable:
    """See `store.protocol.TenantStore`. A tenant of whom only things are known is one too."""

    def __init__(
        self, clock: Callable[[], datetime], changed: Callable[[str, str, str], None], others: Callable[[], Iterable[str]]
    ) -> None:
        self._clock = clock
        self._changed = changed
        self._others = others
        self._items: dict[str, Tenant] = {}

    async def get(self, tenant: str) -> Tenant:
        self._take_in()
        try:
            return self._items[tenant]
        except KeyError:
            raise NotFound("tenant", tenant) from None

    async def list(self, *, limit: int, after: str | None = None) -> builtins.list[Tenant]:
        self._take_in()
        return [self._items[name] for name in sorted(self._items) if after is None or name > after][:limit]

    async def replace(self, item: Tenant) -> Tenant:
        check_tenant(item.id)
        self._take_in()
        created_at = self._items[item.id].created_at if item.id in self._items else self._clock()
        self._items[item.id] = replace(item, created_at=created_at)
        self._changed("tenant", item.id, item.id)
        return self._items[item.id]

    def own_settings(self, vehicles: Iterable[Vehicle]) -> builtins.list[Owned]:
        """Of all tenants and these vehicles, where they have any."""
        named: builtins.list[Owned] = [(one.id, None, one.settings) for one in self._items.values()]
        of_vehicles: builtins.list[Owned] = [(one.tenant, one.id, one.settings) for one in vehicles]
        return [owned for owned in [*named, *of_vehicles] if owned[2] != NO_SETTINGS]

    def _take_in(self) -> None:
        for name in set(self._others()) - self._items.keys():
            self._items[name] = Tenant(id=name, created_at=self._clock())
