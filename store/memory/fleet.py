"""Vehicles, trackers, and which tracker is mounted on which vehicle, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from fleet.connection import Connection
from fleet.tracker_clock import TrackerClock
from fleet.vehicle import Mounting, Tracker, TrackerStatus, Vehicle
from store.memory.repository import MemoryRepository, reject_unstorable
from store.refusals import check_tenant

Changed = Callable[[str, str, str], None]


class FleetTables:
    """The two repositories and what binds them: at most one tracker a vehicle and one vehicle a tracker, now."""

    def __init__(self, clock: Callable[[], datetime], changed: Changed) -> None:
        self._clock = clock
        self._changed = changed
        self.vehicles = VehicleRepository(self, clock, changed)
        self.trackers = TrackerRepository(self, clock, changed)
        self._vehicle_of: dict[tuple[str, str], str] = {}
        self._tracker_of: dict[tuple[str, str], str] = {}
        self._keys: dict[tuple[str, str], int] = {}
        self._places: dict[int, tuple[str, str]] = {}
        self._last_key = 0
        self.clocks: dict[tuple[str, str], TrackerClock] = {}
        self.connections: dict[tuple[str, str], Connection] = {}

    def register(self, trackers: Sequence[tuple[str, str]], *, quarantine: bool) -> list[Mounting]:
        reject_unstorable(*trackers)
        for tenant in {tenant for tenant, _ in trackers}:
            check_tenant(tenant)
        return [self._mounting(*pair) if pair in self.trackers.items else self._admit(*pair, quarantine) for pair in trackers]

    def mountings(self) -> list[Mounting]:
        return [self._mounting(*place) for place in sorted(self.trackers.items)]

    def take_in(self, clocks: Sequence[TrackerClock]) -> None:
        """What was found about trackers' clocks."""
        for clock in clocks:
            place = (clock.tenant, clock.tracker)
            known = self.clocks.get(place)
            if place in self.trackers.items and (known is None or known.found_at <= clock.found_at):
                self.clocks[place] = clock

    def hear(self, connections: Sequence[Connection]) -> None:
        """What trackers, and brokers for them, said last; what was said before stays."""
        for one in connections:
            place = (one.tenant, one.tracker)
            known = self.connections.get(place)
            if place in self.trackers.items and (known is None or known.is_online != one.is_online):
                self.connections[place] = one

    def disconnected(self) -> list[Connection]:
        return [one for _, one in sorted(self.connections.items()) if not one.is_online]

    def is_known(self, key: int) -> bool:
        return key in self._places

    def vehicle_at(self, key: int) -> Vehicle | None:
        """The vehicle of a key, unless it was deleted."""
        return self.vehicles.items.get(self._places[key])

    def key_of(self, tenant: str, vehicle: str) -> int:
        return self._keys[tenant, vehicle]

    def keys_of(self, vehicles: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """Of those that there are."""
        return {name: self._keys[name] for name in vehicles if name in self._keys}

    def vehicle_of(self, tenant: str, tracker: str) -> str | None:
        return self._vehicle_of.get((tenant, tracker))

    def tracker_of(self, tenant: str, vehicle: str) -> str | None:
        return self._tracker_of.get((tenant, vehicle))

    def give_key(self, tenant: str, vehicle: str) -> None:
        """A new key for a new vehicle, also where an earlier one had the same id."""
        if (tenant, vehicle) not in self._keys:
            self._last_key += 1
            self._keys[tenant, vehicle] = self._last_key
            self._places[self._last_key] = (tenant, vehicle)

    def forget_key(self, tenant: str, vehicle: str) -> None:
        self._places.pop(self._keys.pop((tenant, vehicle)))

    def mount(self, tenant: str, tracker: str, vehicle: str) -> None:
        if self._vehicle_of.get((tenant, tracker)) == vehicle:
            return
        self.dismount_tracker(tenant, tracker)
        self.dismount_vehicle(tenant, vehicle)
        if (tenant, tracker) not in self.trackers.items:
            self.trackers.items[tenant, tracker] = Tracker(id=tracker, tenant=tenant, created_at=self._clock())
        self._vehicle_of[tenant, tracker] = vehicle
        self._tracker_of[tenant, vehicle] = tracker

    def dismount_tracker(self, tenant: str, tracker: str) -> None:
        vehicle = self._vehicle_of.pop((tenant, tracker), None)
        if vehicle is not None:
            del self._tracker_of[tenant, vehicle]

    def dismount_vehicle(self, tenant: str, vehicle: str) -> None:
        tracker = self._tracker_of.pop((tenant, vehicle), None)
        if tracker is not None:
            del self._vehicle_of[tenant, tracker]

    def vehicle_for(self, tenant: str, ident: str) -> str:
        """The vehicle that a plan means by a tracker's ident; made where there is none."""
        vehicle = self._vehicle_of.get((tenant, ident))
        if vehicle is None:
            vehicle = ident
            if (tenant, vehicle) not in self.vehicles.items:
                self._add_vehicle(tenant, vehicle)
                self._changed("vehicle", tenant, vehicle)
            if (tenant, ident) not in self.trackers.items and (tenant, vehicle) not in self._tracker_of:
                self.mount(tenant, ident, vehicle)
                self._changed("tracker", tenant, ident)
        return vehicle

    def _admit(self, tenant: str, ident: str, quarantine: bool) -> Mounting:
        is_impostor = (tenant, ident) in self._tracker_of
        status = TrackerStatus.QUARANTINED if quarantine or is_impostor else TrackerStatus.ACTIVE
        self.trackers.items[tenant, ident] = Tracker(id=ident, tenant=tenant, status=status, created_at=self._clock())
        if status is TrackerStatus.ACTIVE:
            if (tenant, ident) not in self.vehicles.items:
                self._add_vehicle(tenant, ident)
            self.mount(tenant, ident, ident)
        return self._mounting(tenant, ident)

    def _add_vehicle(self, tenant: str, vehicle: str) -> None:
        self.give_key(tenant, vehicle)
        self.vehicles.items[tenant, vehicle] = Vehicle(id=vehicle, tenant=tenant, name=vehicle, created_at=self._clock())

    def _mounting(self, tenant: str, ident: str) -> Mounting:
        status = self.trackers.items[tenant, ident].status
        vehicle = self._vehicle_of.get((tenant, ident))
        if vehicle is None:
            return Mounting(tenant=tenant, tracker=ident, status=status)
        return Mounting(tenant=tenant, tracker=ident, status=status, key=self._keys[tenant, vehicle], vehicle=vehicle)


class VehicleRepository(MemoryRepository[Vehicle]):
    def __init__(self, tables: FleetTables, clock: Callable[[], datetime], changed: Changed) -> None:
        filters = {
            "tracker": lambda vehicle, text: vehicle.tracker == text,
            "tag": lambda vehicle, text: text in vehicle.tags,
        }
        super().__init__("vehicle", clock=clock, filters=filters, changed=changed)
        self._tables = tables

    def _put(self, item: Vehicle) -> Vehicle:
        self._tables.give_key(item.tenant, item.id)
        if item.tracker is None:
            self._tables.dismount_vehicle(item.tenant, item.id)
        else:
            self._tables.mount(item.tenant, item.tracker, item.id)
        return super()._put(item)

    def _remove(self, tenant: str, id_: str) -> None:
        self._tables.dismount_vehicle(tenant, id_)
        self._tables.forget_key(tenant, id_)
        super()._remove(tenant, id_)

    def _shown(self, item: Vehicle) -> Vehicle:
        return replace(item, tracker=self._tables.tracker_of(item.tenant, item.id))


class TrackerRepository(MemoryRepository[Tracker]):
    def __init__(self, tables: FleetTables, clock: Callable[[], datetime], changed: Changed) -> None:
        filters = {
            "vehicle": lambda tracker, text: tracker.vehicle == text,
            "status": lambda tracker, text: tracker.status == text,
        }
        super().__init__("tracker", clock=clock, filters=filters, changed=changed)
        self._tables = tables

    def _put(self, item: Tracker) -> Tracker:
        if item.vehicle is None:
            self._tables.dismount_tracker(item.tenant, item.id)
        else:
            self._tables.vehicles._kept(item.tenant, item.vehicle)
            self._tables.mount(item.tenant, item.id, item.vehicle)
        return super()._put(item)

    def _remove(self, tenant: str, id_: str) -> None:
        self._tables.dismount_tracker(tenant, id_)
        self._tables.clocks.pop((tenant, id_), None)
        self._tables.connections.pop((tenant, id_), None)
        super()._remove(tenant, id_)

    def _shown(self, item: Tracker) -> Tracker:
        place = (item.tenant, item.id)
        return replace(item, vehicle=self._tables.vehicle_of(*place), clock=self._tables.clocks.get(place))
