"""`MemoryStore`: the whole of `store.protocol.Store` over tables in memory. One process, no durability, no waiting."""

from __future__ import annotations

import platform
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from fleet.access import ApiKey
from fleet.clock import from_micros, to_micros
from fleet.command import Command, Uplink
from fleet.connection import Connection
from fleet.fence_group import with_inherited
from fleet.fix import FixBatch
from fleet.fixes_around import FixesAround, Reach
from fleet.message import DeadLetter
from fleet.route import Eta, Route
from fleet.subscription import Alert, Subscription
from fleet.vehicle import Mounting, Order, Tracker, Vehicle
from fleet.visit import Visit
from store.ahead import Ahead
from store.memory.access import Answers, DeadLetterBox, KeyRing
from store.memory.changes import ChangeHub
from store.memory.commands import CommandBook
from store.memory.fences import FenceGroupTable, FenceTable
from store.memory.fixes import FixLog
from store.memory.fleet import FleetTables
from store.memory.found import EventLog, Outbox, VisitLog
from store.memory.places import PlaceBook
from store.memory.plan import RouteRepository
from store.memory.proximity import ProximityBook
from store.memory.repository import MemoryRepository, reject_unstorable
from store.memory.states import StateTable
from store.memory.tenants import TenantTable
from store.own_settings import fence_defaults, movement_scopes, proximity_scopes, screen_scopes
from store.positions import fixes_as_json, said
from store.records import (
    AlertBacklog,
    Capabilities,
    Change,
    Checkpoint,
    Commit,
    Committed,
    LatestPosition,
    Maintained,
    NumberedEvent,
    Retention,
    RouteProgress,
    Whereabouts,
    World,
)
from store.refusals import check_tenant, tenants_of
from store.storable import refused_letters, storable_letter, unstorable
from store.world_parts import renewed


def _utc_now() -> datetime:
    return datetime.now(UTC)


class MemoryStore:
    def __init__(self, *, retention: Retention | None = None, clock: Callable[[], datetime] = _utc_now) -> None:
        self._retention = retention or Retention()
        self._changes = ChangeHub()
        self._wakes = ChangeHub()
        self._fleet = FleetTables(clock, self._changed)
        self._fence_groups = FenceGroupTable(clock, self._changed)
        self._fences = FenceTable(self._fence_groups, clock, self._changed)
        self._fixes, self._events, self._visits = FixLog(), EventLog(), VisitLog()
        self._places = PlaceBook(self._events, self._changes.tell)
        self._routes = RouteRepository(self._fleet, self._places, clock, self._changed)
        self._orders: MemoryRepository[Order] = MemoryRepository(
            "order",
            clock=clock,
            filters={"stop": lambda order, text: order.stop == text, "customer": lambda order, text: order.customer == text},
        )
        self._outbox = Outbox(clock)
        self._tenants = TenantTable(clock, self._changed, self._tenants_of_things)
        self._keys, self._answers, self._letters = KeyRing(clock), Answers(clock), DeadLetterBox()
        self._commands = CommandBook()
        self._proximity = ProximityBook(self._fixes, self._fleet)
        self._batch = 0
        self._states = StateTable()

    # what the worker needs

    async def claim(self, worker: str) -> None:
        """One process has it: there is nobody to dispute it."""

    async def check_claim(self) -> None: ...

    async def commit(self, commit: Commit) -> Committed:
        reject_unstorable(commit.outcome)
        for tenant in tenants_of(commit.outcome):
            check_tenant(tenant)
        fixes = commit.fixes
        problems = unstorable(fixes)
        for key in np.unique(fixes.vehicle).tolist():
            if not self._fleet.is_known(key):
                problems.update(dict.fromkeys(np.flatnonzero(fixes.vehicle == key).tolist(), "the vehicle is not known"))
        refused = [storable_letter(letter) for letter in refused_letters(fixes, problems, commit.messages)]
        self._batch += 1
        new_rows = self._keep_fixes(fixes, problems)
        self._commands.take_in(commit.answers, commit.uplinks)
        self._letters.drop(None, commit.retried)
        self._letters.put([storable_letter(letter) for letter in commit.dead_letters] + refused)
        self._fleet.take_in(commit.clocks)
        self._fleet.hear(commit.connections)
        self._visits.put(commit.outcome.visits)
        self._routes.take_in(commit.outcome)
        new_events = self._events.add(commit.outcome.events)
        self._outbox.fill(new_events)
        if new_events:
            self._wakes.tell(Change(kind="event"))
        self._states.keep(commit, self._batch)
        self._proximity.put(commit.proximity)
        stored = int(new_rows.sum())
        return Committed(
            batch=self._batch,
            stored=stored,
            duplicates=len(fixes) - len(problems) - stored,
            new_events=new_events,
            seq=self._events.last_seq,
            collided=stored + len(problems) < len(fixes),
            new_rows=new_rows,
            refused=refused,
        )

    async def world(self, known: World | None = None, changes: Iterable[Change] = ()) -> World:
        routes = sorted(self._routes.items.values(), key=lambda route: (route.tenant, route.vehicle, route.starts_at, route.id))
        owned = self._tenants.own_settings(self._fleet.vehicles.items.values())
        whole = World(
            fences=with_inherited(
                (fence for _, fence in sorted(self._fences.items.items())),
                self._fence_groups.items.values(),
                fence_defaults(owned),
            ),
            routes=routes,
            route_keys=self._fleet.keys_of({(route.tenant, route.vehicle) for route in routes}),
            mountings=self._fleet.mountings(),
            screening=screen_scopes(owned),
            movement=movement_scopes(owned),
            proximity=proximity_scopes(owned),
            clocks=list(self._fleet.clocks.values()),
        )
        return whole if known is None else renewed(known, whole, changes)

    def changes(self) -> AsyncIterator[Change]:
        return self._changes.listen()

    async def register(self, trackers: Sequence[tuple[str, str]], *, quarantine: bool) -> list[Mounting]:
        return self._fleet.register(trackers, quarantine=quarantine)

    async def checkpoint(self) -> AsyncIterator[Checkpoint]:
        found = self._states.checkpoint()
        if found is not None:
            yield found

    async def whereabouts(self) -> AsyncIterator[Whereabouts]:
        for key, chunk, row in self._fixes.newest():
            if self._fleet.is_known(key) and self._fleet.vehicle_at(key) is not None:
                at = slice(row, row + 1)
                yield Whereabouts(vehicle=np.array([key]), time=chunk.time[at], lat=chunk.lat[at], lon=chunk.lon[at])

    async def fixes_after(self, batch: int, ahead: Mapping[int, int] | None = None) -> AsyncIterator[FixBatch]:
        left_out = Ahead(ahead or {})
        for number, fixes in self._fixes.after(batch):
            rest = left_out.of(number, fixes)
            if len(rest):
                yield rest

    async def fixes_of(self, key: int, start: datetime, end: datetime) -> FixBatch:
        return self._fixes.of(key, to_micros(start), to_micros(end))

    async def disconnected(self) -> list[Connection]:
        return self._fleet.disconnected()

    async def anchor_before(self, key: int, time: datetime) -> tuple[datetime, bytes] | None:
        return self._states.anchor_before(key, time)

    async def fixes_around(self, tenant: str, instants: Sequence[int], reach: Reach) -> FixesAround:
        return self._proximity.fixes_around(tenant, instants, reach)

    async def proximity_states(self) -> Mapping[str, tuple[datetime, bytes]]:
        return self._proximity.newest()

    async def proximity_before(self, tenant: str, time: datetime) -> tuple[datetime, bytes] | None:
        return self._proximity.before(tenant, time)

    # what the API reads

    async def positions(self, tenant: str | None) -> list[LatestPosition]:
        newest = (
            (self._fleet.vehicle_at(key), chunk, row) for key, chunk, row in self._fixes.newest() if self._fleet.is_known(key)
        )
        found = [
            self._position(vehicle, chunk, row)
            for vehicle, chunk, row in newest
            if vehicle is not None and (tenant is None or vehicle.tenant == tenant)
        ]
        return sorted(found, key=lambda position: (position.tenant, position.vehicle))

    async def fixes(self, tenant: str, vehicle: str, start: datetime, end: datetime, *, limit: int) -> list[Mapping[str, Any]]:
        await self._fleet.vehicles.get(tenant, vehicle)
        found = await self.fixes_of(self._fleet.key_of(tenant, vehicle), start, end)
        return fixes_as_json(found.take(np.arange(min(limit, len(found)))))

    async def visits(
        self,
        tenant: str | None,
        *,
        vehicle: str | None = None,
        fence: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int,
        after: str | None = None,
    ) -> list[Visit]:
        return self._visits.find(tenant, vehicle=vehicle, fence=fence, start=start, end=end, limit=limit, after=after)

    async def events(
        self,
        tenant: str | None,
        *,
        after_seq: int = 0,
        types: Sequence[str] = (),
        vehicle: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int,
        newest_first: bool = False,
    ) -> list[NumberedEvent]:
        return self._events.find(
            tenant,
            after_seq=after_seq,
            types=types,
            vehicle=vehicle,
            start=start,
            end=end,
            limit=limit,
            newest_first=newest_first,
        )

    async def event_wakes(self) -> AsyncIterator[None]:
        async for _ in self._wakes.listen():
            yield None

    async def last_seq(self) -> int:
        return self._events.last_seq

    async def routes_progress(
        self, tenant: str | None, *, routes: Sequence[str] = (), vehicle: str | None = None, limit: int, after: str | None = None
    ) -> list[RouteProgress]:
        return self._routes.progress(tenant, routes, vehicle, limit, after)

    async def etas(self, tenant: str, route: str) -> list[Eta]:
        return self._routes.etas(tenant, route)

    async def dead_letters(
        self, tenant: str | None, *, reason: str | None = None, limit: int, after: int = 0
    ) -> list[tuple[int, DeadLetter]]:
        return self._letters.find(tenant, reason, limit, after)

    # alerts

    async def claim_alerts(self, now: datetime, *, limit: int, lease_s: float, busy: Sequence[tuple[str, str]] = ()) -> list[Alert]:
        return self._outbox.claim(now, limit, lease_s, busy)

    async def alert_backlog(self) -> AlertBacklog:
        return self._outbox.backlog()

    async def alert_delivered(self, alert: str, now: datetime) -> None:
        self._outbox.delivered(alert, now)

    async def alert_failed(self, alert: str, now: datetime, *, error: str, retry_at: datetime | None) -> None:
        self._outbox.failed(alert, now, error, retry_at)

    async def disable_subscription(self, tenant: str, subscription: str, why: str) -> None:
        self._outbox.disable(tenant, subscription, why)

    # access

    async def api_key(self, digest: str) -> ApiKey | None:
        return self._keys.find(digest)

    async def put_api_key(self, key: ApiKey) -> None:
        self._keys.put(key)

    async def api_keys(self, tenant: str | None) -> list[ApiKey]:
        return list(self._keys.list(tenant))

    async def revoke_api_key(self, tenant: str | None, id: str, now: datetime) -> None:  # noqa: A002 - the domain's word
        self._keys.revoke(tenant, id, now)

    async def take_request(self, tenant: str, key: str, fingerprint: str, *, holder: str, for_s: float) -> tuple[int, bytes] | None:
        return self._answers.take(tenant, key, fingerprint, holder, for_s)

    async def release_request(self, tenant: str, key: str, holder: str) -> None:
        self._answers.release(tenant, key, holder)

    async def remember(self, tenant: str, key: str, fingerprint: str, status: int, body: bytes) -> None:
        self._answers.put(tenant, key, fingerprint, status, body)

    # commands

    async def uplink(self, tenant: str, tracker: str) -> Uplink | None:
        return self._commands.uplink(tenant, tracker)

    async def add_command(self, command: Command) -> None:
        self._commands.add(command)

    async def command(self, tenant: str, tracker: str, id: str) -> Command:  # noqa: A002 - the domain's word
        return self._commands.get(tenant, tracker, id)

    async def commands(
        self, tenant: str, tracker: str, *, status: str | None = None, limit: int, after: int = 0
    ) -> list[tuple[int, Command]]:
        return self._commands.page(tenant, tracker, status, limit, after)

    async def claim_commands(self, now: datetime, *, limit: int, lease_s: float) -> list[Command]:
        return self._commands.claim(now, limit, lease_s)

    async def command_sent(self, tenant: str, id: str, now: datetime) -> None:  # noqa: A002 - the domain's word
        self._commands.sent(tenant, id, now)

    async def command_failed(self, tenant: str, id: str, *, error: str) -> None:  # noqa: A002 - the domain's word
        self._commands.failed(tenant, id, error)

    async def expire_commands(self, now: datetime) -> int:
        return self._commands.expire(now)

    # the whole

    @property
    def vehicles(self) -> MemoryRepository[Vehicle]:
        return self._fleet.vehicles

    @property
    def trackers(self) -> MemoryRepository[Tracker]:
        return self._fleet.trackers

    @property
    def tenants(self) -> TenantTable:
        return self._tenants

    @property
    def fences(self) -> FenceTable:
        return self._fences

    @property
    def fence_groups(self) -> FenceGroupTable:
        return self._fence_groups

    @property
    def routes(self) -> MemoryRepository[Route]:
        return self._routes

    @property
    def places(self) -> PlaceBook:
        return self._places

    @property
    def orders(self) -> MemoryRepository[Order]:
        return self._orders

    @property
    def subscriptions(self) -> MemoryRepository[Subscription]:
        return self._outbox.subscriptions

    async def capabilities(self) -> Capabilities:
        return Capabilities(server=f"memory (Python {platform.python_version()})")

    async def is_reachable(self) -> bool:
        return True

    async def import_routes(self, routes: Sequence[Route]) -> int:
        return self._routes.import_all(routes)

    async def letters_to_retry(self, *, limit: int, after: int = 0) -> list[tuple[int, DeadLetter]]:
        return self._letters.to_retry(limit, after)

    async def retry_dead_letters(self, tenant: str | None, numbers: Sequence[int]) -> list[int]:
        return self._letters.ask_to_retry(tenant, numbers)

    async def drop_dead_letters(self, tenant: str | None, numbers: Sequence[int]) -> int:
        return self._letters.drop(tenant, set(numbers))

    async def maintain(self, now: datetime) -> Maintained:
        kept = self._retention
        rounds: list[tuple[str, int, Callable[[datetime], int]]] = [
            ("fixes", kept.fixes_days, lambda end: self._fixes.drop_before(to_micros(_midnight(end)))),
            ("etas", kept.etas_days, lambda end: self._routes.drop_etas_before(_midnight(end))),
            ("events", kept.events_days, self._events.drop_before),
            ("visits", kept.visits_days, self._visits.drop_before),
            ("dead_letters", kept.dead_letters_days, self._letters.drop_before),
            ("outbox", kept.alerts_days, self._outbox.drop_before),
            ("commands", kept.commands_days, self._commands.drop_before),
            ("anchors", kept.anchors_days, self._states.drop_anchors_before),
            ("proximity_states", kept.anchors_days, self._proximity.drop_before),
            ("idempotency_keys", kept.idempotency_keys_days, self._answers.drop_before),
        ]
        dropped = {table: drop(now - timedelta(days=days)) for table, days, drop in rounds if days}
        return Maintained(dropped={table: count for table, count in dropped.items() if count})

    async def close(self) -> None:
        self._changes.close()
        self._wakes.close()

    def _tenants_of_things(self) -> set[str]:
        things = (self._fleet.vehicles, self._fleet.trackers, self._routes, self._orders, self._outbox.subscriptions)
        kinds = (*things, self._fences, self._fence_groups)
        return {tenant for kind in kinds for tenant, _ in kind.items} | self._places.tenants()

    def _changed(self, kind: str, tenant: str, id_: str) -> None:
        self._changes.tell(Change(kind=kind, tenant=tenant, id=id_))

    def _keep_fixes(self, fixes: FixBatch, problems: Mapping[int, str]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        if not problems:
            return self._fixes.append(self._batch, fixes)
        good = np.ones(len(fixes), np.bool_)
        good[list(problems)] = False
        new_rows = np.zeros(len(fixes), np.bool_)
        new_rows[good] = self._fixes.append(self._batch, fixes.take(good))
        return new_rows

    def _position(self, vehicle: Vehicle, chunk: FixBatch, row: int) -> LatestPosition:
        return LatestPosition(
            tenant=vehicle.tenant,
            vehicle=vehicle.id,
            name=vehicle.name,
            time=from_micros(int(chunk.time[row])),
            lat=float(chunk.lat[row]),
            lon=float(chunk.lon[row]),
            speed_mps=said(float(chunk.speed_mps[row])),
            heading_deg=said(float(chunk.heading_deg[row])),
            accuracy_m=said(float(chunk.accuracy_m[row])),
            route=self._routes.under_way(vehicle.tenant, vehicle.id),
        )


def _midnight(instant: datetime) -> datetime:
    """Fixes and ETAs go by whole days."""
    return instant.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
