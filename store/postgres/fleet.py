"""Vehicles, trackers, and which tracker is mounted on which vehicle.

Whoever mounts locks the vehicle's row first and the tracker's after it, so that two who mount the same never deadlock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from psycopg.types.json import Jsonb

from fleet.mountings import Mountings as FleetMountings
from fleet.tracker_clock import TrackerClock
from fleet.vehicle import Mounting, Tracker, TrackerStatus, Vehicle
from store.errors import NotFound, StoreError
from store.own_settings import settings_as_json, settings_from_json
from store.postgres.arrays import Texts
from store.postgres.database import Connection, Database, rows
from store.postgres.queries import Queries
from store.postgres.repository import PostgresRepository, Row
from store.postgres.tenants import Tenants
from store.refusals import check_tenant

_VEHICLES: Final = Queries("vehicles")
_TRACKERS: Final = Queries("trackers")


class VehicleRepository(PostgresRepository[Vehicle]):
    kind = "vehicle"
    filters = frozenset({"tracker", "tag"})
    sql = _VEHICLES

    async def _write(self, connection: Connection, item: Vehicle, how: str, otherwise: StoreError) -> Vehicle:
        params = self._params(item)
        found = await rows(connection, self.sql[how], params)
        if not found:
            raise otherwise
        ((vehicle_id, created_at),) = found
        if item.tracker is None:
            await connection.execute(_TRACKERS["dismount_vehicle"], {"vehicle_id": vehicle_id})
        else:
            await _mount(connection, params["tenant_id"], item.tracker, vehicle_id)
        await connection.execute(_TRACKERS["tell"], params)
        return replace(item, created_at=created_at)

    async def _lock(self, connection: Connection, expected: Vehicle, params: Mapping[str, Any]) -> None:
        """The tracker too: it could be put on another vehicle meanwhile."""
        await super()._lock(connection, expected, params)
        if expected.tracker is not None:
            await connection.execute(_TRACKERS["lock"], {**params, "id": expected.tracker})

    def _columns(self, item: Vehicle) -> dict[str, Any]:
        settings = Jsonb(settings_as_json(item.settings))
        return {"name": item.name, "tags": list(item.tags), "settings": settings, "created_at": item.created_at}

    def _load(self, row: Row) -> Vehicle:
        tenant, id_, name, tracker, tags, settings, created_at = row
        return Vehicle(
            id=id_,
            tenant=tenant,
            name=name,
            tracker=tracker,
            tags=tuple(tags),
            settings=settings_from_json(settings),
            created_at=created_at,
        )


class TrackerRepository(PostgresRepository[Tracker]):
    kind = "tracker"
    filters = frozenset({"status", "vehicle"})
    sql = _TRACKERS

    async def _write(self, connection: Connection, item: Tracker, how: str, otherwise: StoreError) -> Tracker:
        params = self._params(item)
        vehicle = await rows(connection, _VEHICLES["lock"], {**params, "id": item.vehicle}) if item.vehicle is not None else []
        found = await rows(connection, self.sql[how], params)
        if not found:
            raise otherwise
        if item.vehicle is None:
            await connection.execute(_TRACKERS["dismount_tracker"], {**params, "tracker": item.id})
        elif not vehicle:
            raise NotFound("vehicle", item.vehicle)
        else:
            await _mount(connection, params["tenant_id"], item.id, vehicle[0][0])
        await connection.execute(_TRACKERS["tell"], params)
        return (await self._select(connection, {"tenant_id": params["tenant_id"], "id": item.id, "limit": 1}))[0]

    def _columns(self, item: Tracker) -> dict[str, Any]:
        return {"status": str(item.status), "vehicle": item.vehicle, "created_at": item.created_at}

    def _load(self, row: Row) -> Tracker:
        tenant, id_, status, vehicle, created_at, *of_clock = row
        clock = _clock(tenant, id_, of_clock)
        return Tracker(id=id_, tenant=tenant, status=TrackerStatus(status), vehicle=vehicle, clock=clock, created_at=created_at)


def _clock(tenant: str, tracker: str, columns: Sequence[Any]) -> TrackerClock | None:
    offset_s, since, until, found_at = columns
    if offset_s is None:
        return None
    return TrackerClock(tenant=tenant, tracker=tracker, offset_s=offset_s, since=since, until=until, found_at=found_at)


class Mountings:
    """Trackers as ingest sees them."""

    def __init__(self, database: Database, tenants: Tenants) -> None:
        self._database = database
        self._tenants = tenants

    async def register(self, trackers: Sequence[tuple[str, str]], *, quarantine: bool) -> list[Mounting]:
        """One statement for all of them."""
        if not trackers:
            return []
        names = [tenant for tenant, _ in trackers]
        for name in set(names):
            check_tenant(name)
        params = {"tenants": Texts(names), "idents": Texts([ident for _, ident in trackers]), "quarantine": quarantine}
        found = [_mounting(row) for row in await self._database.fetch(_VEHICLES["register"], params)]
        await self._tenants.ensure(names)
        self._tenants.remember_vehicles(FleetMountings.of(found))
        return found

    async def all(self) -> FleetMountings:
        """Of every tracker there is."""
        found = FleetMountings()
        async for block in self._database.stream(_VEHICLES["world"]):
            found.add(block)
        await self._tenants.ensure(found.tenants)
        self._tenants.remember_vehicles(found)
        return found


async def _mount(connection: Connection, tenant_id: int, tracker: str, vehicle_id: int) -> None:
    """Put a tracker (a new one, perhaps) on a vehicle whose row is locked."""
    params = {"tenant_id": tenant_id, "id": tracker, "tracker": tracker, "vehicle_id": vehicle_id}
    for step in ("ensure", "lock", "dismount_others", "mount"):
        await connection.execute(_TRACKERS[step], params)


def _mounting(row: Row) -> Mounting:
    tenant, tracker, status, key, vehicle = row
    return Mounting(tenant=tenant, tracker=tracker, status=_STATUSES[status], key=key, vehicle=vehicle)


_STATUSES: Final = {str(status): status for status in TrackerStatus}
