"""The board: the newest position of each vehicle, as columns with one slot a vehicle.

Every change stamps its slot with a version. A reader keeps the version that it has seen and asks for the slots above it; so
a reader that falls behind finds each vehicle once, at its newest, and nothing ever queues. Slots are never given to another
vehicle, since a slow reader may still have to be told that the first one is gone.

The text of a position is made once a change, however many readers want it. Finding out who wants what is `api.live.view`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson

from api.live.columns import Float32s, Float64s, Int64s, PositionColumns
from fleet.clock import to_micros
from store.protocol import LatestPosition

Slots: TypeAlias = npt.NDArray[np.int64]

_FIRST_CAPACITY: Final = 1024
#: Earlier than any fix, so that the first one always counts as newer.
_NEVER: Final = np.iinfo(np.int64).min
_NUMPY: Final = orjson.OPT_SERIALIZE_NUMPY
_POSITION: Final = b'%b,"time":"%b","lat":%b,"lon":%b,"speed_mps":%b,"heading_deg":%b,"accuracy_m":%b%b'


class Board:
    """Columns of capacity `len(time)`, of which the first `size` slots are in use."""

    def __init__(self) -> None:
        self.size = 0
        #: Changes up to this version are settled: a reader that has seen it has seen them all.
        self.version = 0
        self._dirty = False
        self._slots: dict[tuple[str, str], int] = {}
        self._tenants: dict[str, int] = {}
        self._head: list[bytes] = []
        self._tail: list[bytes] = []
        self._text: list[bytes] = []
        self.tenant_of: list[str] = []
        self.vehicle_of: list[str] = []
        self.name_of: list[str] = []
        self.route_of: list[str | None] = []
        self._allocate(_FIRST_CAPACITY)

    def _allocate(self, capacity: int) -> None:
        self.time: Int64s = np.full(capacity, _NEVER, np.int64)
        self.lat: Float64s = np.zeros(capacity)
        self.lon: Float64s = np.zeros(capacity)
        self.speed_mps: Float32s = np.full(capacity, np.nan, np.float32)
        self.heading_deg: Float32s = np.full(capacity, np.nan, np.float32)
        self.accuracy_m: Float32s = np.full(capacity, np.nan, np.float32)
        self.tenant: Int64s = np.zeros(capacity, np.int64)
        self.alive = np.zeros(capacity, np.bool_)
        #: Version of the slot's newest change of any sort.
        self.changed: Int64s = np.zeros(capacity, np.int64)
        #: Version of the newest change of its name, route or existence.
        self.described: Int64s = np.zeros(capacity, np.int64)
        #: Version of its first appearance: who has seen less cannot miss it.
        self.born: Int64s = np.zeros(capacity, np.int64)
        #: Version for which `_text` holds the position's JSON.
        self._texted: Int64s = np.full(capacity, -1, np.int64)

    def _grow(self) -> None:
        names = [name for name, value in vars(self).items() if isinstance(value, np.ndarray)]
        previous = {name: getattr(self, name) for name in names}
        self._allocate(2 * len(self.time))
        for name, column in previous.items():
            getattr(self, name)[: self.size] = column[: self.size]

    # -- reading

    @property
    def vehicles(self) -> int:
        """How many vehicles have a position."""
        return int(self.alive[: self.size].sum())

    def vehicles_of(self, tenant: str | None) -> int:
        """How many of the tenant's vehicles have a position; of all tenants' where it is None."""
        if tenant is None:
            return self.vehicles
        return int((self.alive[: self.size] & (self.tenant[: self.size] == self.tenant_number(tenant))).sum())

    def slot(self, tenant: str, vehicle: str) -> int | None:
        """The slot of a vehicle that has a position."""
        slot = self._slots.get((tenant, vehicle))
        return slot if slot is not None and self.alive[slot] else None

    def slots_of(self, tenant: str | None, vehicles: Iterable[str]) -> Slots:
        """Slots of these vehicles, also of ones that are gone; of every tenant's where `tenant` is None."""
        tenants = list(self._tenants) if tenant is None else [tenant]
        found = (self._slots.get((one, vehicle)) for vehicle in vehicles for one in tenants)
        return np.array(sorted(slot for slot in found if slot is not None), np.int64)

    def tenant_number(self, tenant: str) -> int:
        """What the column `tenant` holds for this tenant; -1 where none of its vehicles is here."""
        return self._tenants.get(tenant, -1)

    def settle(self) -> int:
        """Close the open version: what changes from now on is newer than the version answered."""
        if self._dirty:
            self.version += 1
            self._dirty = False
        return self.version

    # -- changing

    def apply(self, tenant: str, positions: PositionColumns) -> int:
        """Take in positions that are newer than what is here; the number of those."""
        slots = np.fromiter((self._ensure(tenant, vehicle) for vehicle in positions.vehicle), np.int64, len(positions))
        newer = np.flatnonzero(positions.time > self.time[slots])
        if not len(newer):
            return 0
        # in order of time, so that of several fixes of one vehicle the assignment leaves the newest
        rows = newer[np.argsort(positions.time[newer], kind="stable")]
        self._write(slots[rows], positions, rows)
        return len(rows)

    def _write(self, slots: Slots, positions: PositionColumns, rows: Slots) -> None:
        for name in ("time", "lat", "lon", "speed_mps", "heading_deg", "accuracy_m"):
            getattr(self, name)[slots] = getattr(positions, name)[rows]
        self._touch(slots)
        risen = slots[~self.alive[slots]]
        self.alive[risen] = True
        self.described[risen] = self.version + 1

    def load(self, positions: Sequence[LatestPosition]) -> None:
        """Take in what the store knows: newer positions, and names and routes in any case."""
        by_tenant: dict[str, list[LatestPosition]] = {}
        for position in positions:
            by_tenant.setdefault(position.tenant, []).append(position)
        for tenant, own in by_tenant.items():
            self.apply(tenant, _columns(own))
            for position in own:
                slot = self._slots[tenant, position.vehicle]
                self._describe(slot, position.name, position.route)

    def keep_only(self, positions: Sequence[LatestPosition], *, known_before: int) -> None:
        """Forget vehicles that the store no longer lists, unless they came up after version `known_before`."""
        listed = {(position.tenant, position.vehicle) for position in positions}
        for (tenant, vehicle), slot in self._slots.items():
            if (tenant, vehicle) not in listed and self.alive[slot] and self.changed[slot] <= known_before:
                self.remove(tenant, vehicle)

    def rename(self, tenant: str, vehicle: str, name: str) -> None:
        """Another name for a vehicle, where it is here."""
        slot = self.slot(tenant, vehicle)
        if slot is not None:
            self._describe(slot, name, self.route_of[slot])

    def assign(self, tenant: str, vehicle: str, route: str | None) -> None:
        """The route that the vehicle drives now."""
        slot = self.slot(tenant, vehicle)
        if slot is not None:
            self._describe(slot, self.name_of[slot], route)

    def remove(self, tenant: str, vehicle: str) -> None:
        """The vehicle was deleted: readers are told that it is gone."""
        slot = self.slot(tenant, vehicle)
        if slot is None:
            return
        self.alive[slot] = False
        self.described[slot] = self.version + 1
        self._touch(np.array([slot]))

    def _touch(self, slots: Slots) -> None:
        self.changed[slots] = self.version + 1
        self._dirty = True

    def _ensure(self, tenant: str, vehicle: str) -> int:
        slot = self._slots.get((tenant, vehicle))
        return self._add(tenant, vehicle) if slot is None else slot

    def _add(self, tenant: str, vehicle: str) -> int:
        if self.size == len(self.time):
            self._grow()
        slot = self.size
        self.size += 1
        self._slots[tenant, vehicle] = slot
        self.born[slot] = self.version + 1
        self.tenant[slot] = self._tenants.setdefault(tenant, len(self._tenants))
        self.tenant_of.append(tenant)
        self.vehicle_of.append(vehicle)
        self.name_of.append(vehicle)
        self.route_of.append(None)
        self._head.append(b"")
        self._tail.append(b"")
        self._text.append(b"")
        self._spell(slot)
        return slot

    def _describe(self, slot: int, name: str, route: str | None) -> None:
        if (self.name_of[slot], self.route_of[slot]) == (name, route):
            return
        self.name_of[slot], self.route_of[slot] = name, route
        self._spell(slot)
        self.described[slot] = self.version + 1
        self._touch(np.array([slot]))

    # -- JSON

    def _spell(self, slot: int) -> None:
        """The constant ends of a position's text: who it is, and the route."""
        who = {"tenant": self.tenant_of[slot], "vehicle": self.vehicle_of[slot], "name": self.name_of[slot]}
        self._head[slot] = orjson.dumps(who)[:-1]
        self._tail[slot] = b',"route":' + orjson.dumps(self.route_of[slot]) + b"}"

    def texts(self, slots: Slots) -> list[bytes]:
        """The JSON of the positions in these slots, made anew only for those that changed since it was last made."""
        stale = slots[self._texted[slots] != self.changed[slots]]
        if len(stale):
            for slot, text in zip(stale.tolist(), self._make_texts(stale), strict=True):
                self._text[slot] = text
            self._texted[stale] = self.changed[stale]
        return [self._text[slot] for slot in slots.tolist()]

    def _make_texts(self, slots: Slots) -> Iterable[bytes]:
        """orjson writes whole columns; split at the commas they become one text a row, without an object for each."""
        rows = slots.tolist()
        instants = np.datetime_as_string(self.time[slots].astype("M8[ms]"), timezone="UTC").astype("S").tolist()
        columns = [
            orjson.dumps(column[slots], option=_NUMPY)[1:-1].split(b",")
            for column in (self.lat, self.lon, self.speed_mps, self.heading_deg, self.accuracy_m)
        ]
        heads, tails = [self._head[row] for row in rows], [self._tail[row] for row in rows]
        return (_POSITION % row for row in zip(heads, instants, *columns, tails, strict=True))


def _columns(positions: Sequence[LatestPosition]) -> PositionColumns:
    def optional(name: str) -> Float32s:
        return np.array([getattr(position, name) for position in positions], np.float32)

    return PositionColumns(
        vehicle=[position.vehicle for position in positions],
        time=np.array([to_micros(position.time) // 1000 for position in positions], np.int64),
        lat=np.array([position.lat for position in positions], np.float64),
        lon=np.array([position.lon for position in positions], np.float64),
        speed_mps=optional("speed_mps"),
        heading_deg=optional("heading_deg"),
        accuracy_m=optional("accuracy_m"),
    )
