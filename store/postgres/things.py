"""Fences, orders and subscriptions: the kinds that are one row each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from psycopg.types.json import Jsonb

from fleet.fence import Fence, FenceSettings
from fleet.subscription import Subscription, SubscriptionStatus
from fleet.vehicle import Order
from store.errors import StoreError
from store.postgres.database import Connection
from store.postgres.fence_groups import hold_groups
from store.postgres.queries import Queries
from store.postgres.repository import PostgresRepository, Row
from store.shapes import shape_as_geometry, shape_from_geometry


class FenceRepository(PostgresRepository[Fence]):
    kind = "fence"
    filters = frozenset({"tag", "group"})
    sql = Queries("fences")

    async def _write(self, connection: Connection, item: Fence, how: str, otherwise: StoreError) -> Fence:
        await hold_groups(connection, self._tenants.known_id(item.tenant), item)
        return await super()._write(connection, item, how, otherwise)

    def _columns(self, item: Fence) -> dict[str, Any]:
        geometry, radius_m = shape_as_geometry(item.shape)
        return {
            "name": item.name,
            "geometry": Jsonb(geometry),
            "radius_m": radius_m,
            "dwell_s": item.dwell_s,
            "settings": Jsonb(item.settings.said()),
            "calendar": item.calendar,
            "min_altitude_m": item.min_altitude_m,
            "max_altitude_m": item.max_altitude_m,
            "max_speed_mps": item.max_speed_mps,
            "tags": list(item.tags),
            "groups": list(item.groups),
            "color": item.color,
            "extras": Jsonb(item.extras),
        }

    def _load(self, row: Row) -> Fence:
        return load_fence(row)


def load_fence(row: Row) -> Fence:
    tenant, id_, name, geometry, radius_m, dwell_s, settings, calendar, low_m, high_m, max_speed_mps, tags, *rest = row
    groups, color, extras = rest
    return Fence(
        id=id_,
        tenant=tenant,
        name=name,
        shape=shape_from_geometry(geometry, radius_m),
        dwell_s=dwell_s,
        settings=FenceSettings(**settings),
        calendar=calendar,
        min_altitude_m=low_m,
        max_altitude_m=high_m,
        max_speed_mps=max_speed_mps,
        tags=tuple(tags),
        groups=tuple(groups),
        color=color,
        extras=extras,
    )


class OrderRepository(PostgresRepository[Order]):
    kind = "order"
    filters = frozenset({"stop", "customer"})
    sql = Queries("orders")

    def _columns(self, item: Order) -> dict[str, Any]:
        return {
            "customer": item.customer,
            "stop": item.stop,
            "promise_from": item.promise_from,
            "promise_to": item.promise_to,
            "created_at": item.created_at,
        }

    def _stored(self, item: Order, returned: Row) -> Order:
        return replace(item, created_at=returned[0])

    def _load(self, row: Row) -> Order:
        tenant, id_, customer, stop, promise_from, promise_to, created_at = row
        return Order(
            id=id_,
            tenant=tenant,
            customer=customer,
            stop=stop,
            promise_from=promise_from,
            promise_to=promise_to,
            created_at=created_at,
        )


class SubscriptionRepository(PostgresRepository[Subscription]):
    kind = "subscription"
    filters = frozenset({"status"})
    sql = Queries("subscriptions")

    def _columns(self, item: Subscription) -> dict[str, Any]:
        return {
            "url": item.url,
            "types": list(item.types),
            "secrets": list(item.secrets),
            "status": str(item.status),
            "status_detail": item.status_detail,
            "created_at": item.created_at,
        }

    def _stored(self, item: Subscription, returned: Row) -> Subscription:
        return replace(item, created_at=returned[0])

    def _load(self, row: Row) -> Subscription:
        return load_subscription(row)


def load_subscription(row: Row) -> Subscription:
    tenant, id_, url, types, secrets, status, status_detail, created_at = row
    return Subscription(
        id=id_,
        tenant=tenant,
        url=url,
        types=tuple(types),
        secrets=tuple(secrets),
        status=SubscriptionStatus(status),
        status_detail=status_detail,
        created_at=created_at,
    )
