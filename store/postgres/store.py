"""`PostgresStore`: the whole of `store.protocol.Store`, put together from its parts; each part is one idea in a file beside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Self, TypeVar

import orjson

from fleet.access import ApiKey
from fleet.command import Command, Uplink
from fleet.connection import Connection
from fleet.fence_group import with_inherited
from fleet.fix import FixBatch
from fleet.fixes_around import FixesAround, Reach
from fleet.message import DeadLetter
from fleet.route import Eta, Route
from fleet.subscription import Alert
from fleet.vehicle import Mounting
from fleet.visit import Visit
from store.own_settings import fence_defaults, movement_scopes, proximity_scopes, screen_scopes
from store.postgres import upkeep
from store.postgres.access import Access
from store.postgres.claim import Claim
from store.postgres.commands import Commands
from store.postgres.commits import Commits
from store.postgres.connections import disconnected
from store.postgres.database import Database, Limits
from store.postgres.fence_groups import FenceGroupRepository
from store.postgres.fixes import FixReader
from store.postgres.fleet import Mountings, TrackerRepository, VehicleRepository
from store.postgres.found import FoundReader
from store.postgres.listener import Listener
from store.postgres.outbox import Outbox
from store.postgres.own_settings import TenantRepository, all_own_settings, tracker_clocks
from store.postgres.partitions import Partitions
from store.postgres.places import Places
from store.postgres.proximity import ProximityReader
from store.postgres.repository import PostgresRepository, Thing
from store.postgres.routes import RouteRepository
from store.postgres.tenants import Tenants
from store.postgres.things import FenceRepository, OrderRepository, SubscriptionRepository
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
from store.world_parts import EVERYTHING, WorldPart, parts_of


class PostgresStore:
    """Made by `open`, which fails where the database is not one that this version can work with."""

    def __init__(self, database: Database, capabilities: Capabilities, retention: Retention, late_horizon_s: float) -> None:
        self._database = database
        self._closing = asyncio.Event()
        self._late_horizon_s = late_horizon_s
        self._listener = Listener(database.conninfo, self._closing)
        tenants = Tenants(database)
        partitions = Partitions(database, needed=capabilities.native_partitions)
        self._claim = Claim(database)
        self._commits = Commits(database, self._claim, tenants, partitions)
        self._fixes = FixReader(database, tenants)
        self._found = FoundReader(database, tenants)
        self._proximity = ProximityReader(database, tenants)
        self._mountings = Mountings(database, tenants)
        self._outbox = Outbox(database, tenants)
        self._access = Access(database, tenants)
        self._commands = Commands(database, tenants)
        self._upkeep = upkeep.Upkeep(database, partitions, retention)
        self._vehicles = VehicleRepository(database, tenants)
        self._trackers = TrackerRepository(database, tenants)
        self._tenant_list = TenantRepository(database, tenants)
        self._fences = FenceRepository(database, tenants)
        self._fence_groups = FenceGroupRepository(database, tenants)
        self._routes = RouteRepository(database, tenants)
        self._places = Places(database, tenants)
        self._orders = OrderRepository(database, tenants)
        self._subscriptions = SubscriptionRepository(database, tenants)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        retention: Retention,
        pool_size: int,
        late_horizon_s: float,
        limits: Limits,
        application_name: str = "outrider",
    ) -> Self:
        """Raises Unavailable where the database cannot be reached, StoreError where its schema is not this version's."""
        database = Database(url, pool_size=pool_size, limits=limits, application_name=application_name)
        await database.open()
        try:
            await upkeep.check(database)
            return cls(database, await upkeep.capabilities(database), retention, late_horizon_s)
        except BaseException:
            await database.close()
            raise

    # what the worker needs

    async def claim(self, worker: str) -> None:
        await self._claim.take(worker)

    async def check_claim(self) -> None:
        await self._claim.check()

    async def commit(self, commit: Commit) -> Committed:
        return await self._commits.commit(commit)

    async def world(self, known: World | None = None, changes: Iterable[Change] = ()) -> World:
        parts = EVERYTHING if known is None else parts_of(changes)
        new: dict[str, Any] = {}
        owned = await all_own_settings(self._database) if parts & {WorldPart.FENCES, WorldPart.SETTINGS} else []
        if WorldPart.FENCES in parts:
            # Groups first: a fence may name one that was made after they were read, and then there is another change to come.
            groups, defaults = await _all(self._fence_groups), fence_defaults(owned)
            new["fences"] = await _all(self._fences, lambda page: with_inherited(page, groups, defaults))
        if WorldPart.ROUTES in parts:
            new["routes"], new["route_keys"] = await self._routes.world(self._late_horizon_s)
        if WorldPart.MOUNTINGS in parts:
            new["mountings"] = await self._mountings.all()
        if WorldPart.SETTINGS in parts:
            new |= {"screening": screen_scopes(owned), "movement": movement_scopes(owned), "proximity": proximity_scopes(owned)}
        if WorldPart.CLOCKS in parts:
            new["clocks"] = await tracker_clocks(self._database)
        return replace(known or World(), **new)

    async def changes(self) -> AsyncIterator[Change]:
        async for payload in self._listener.payloads("outrider_changes"):
            if payload is None:
                yield Change(kind="*")
            else:
                kind, tenant, id_ = orjson.loads(payload)
                yield Change(kind=kind, tenant=tenant, id=id_)

    async def register(self, trackers: Sequence[tuple[str, str]], *, quarantine: bool) -> list[Mounting]:
        return await self._mountings.register(trackers, quarantine=quarantine)

    def checkpoint(self) -> AsyncIterator[Checkpoint]:
        return self._fixes.checkpoint()

    def whereabouts(self) -> AsyncIterator[Whereabouts]:
        return self._fixes.whereabouts()

    def fixes_after(self, batch: int, ahead: Mapping[int, int] | None = None) -> AsyncIterator[FixBatch]:
        return self._fixes.after(batch, ahead or {})

    async def fixes_of(self, key: int, start: datetime, end: datetime) -> FixBatch:
        return await self._fixes.of_vehicle(key, start, end)

    async def disconnected(self) -> list[Connection]:
        return await disconnected(self._database)

    async def anchor_before(self, key: int, time: datetime) -> tuple[datetime, bytes] | None:
        return await self._fixes.anchor_before(key, time)

    async def fixes_around(self, tenant: str, instants: Sequence[int], reach: Reach) -> FixesAround:
        return await self._proximity.fixes_around(tenant, instants, reach)

    async def proximity_states(self) -> Mapping[str, tuple[datetime, bytes]]:
        return await self._proximity.newest()

    async def proximity_before(self, tenant: str, time: datetime) -> tuple[datetime, bytes] | None:
        return await self._proximity.before(tenant, time)

    # what the API reads

    async def positions(self, tenant: str | None) -> list[LatestPosition]:
        return await self._fixes.positions(tenant)

    async def fixes(self, tenant: str, vehicle: str, start: datetime, end: datetime, *, limit: int) -> list[Mapping[str, Any]]:
        return await self._fixes.of_named(tenant, vehicle, start, end, limit)

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
        return await self._found.visits(tenant, vehicle=vehicle, fence=fence, start=start, end=end, limit=limit, after=after)

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
        return await self._found.events(
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
        async for _ in self._listener.payloads("outrider_events"):
            yield None

    async def last_seq(self) -> int:
        return await self._found.last_seq()

    async def routes_progress(
        self, tenant: str | None, *, routes: Sequence[str] = (), vehicle: str | None = None, limit: int, after: str | None = None
    ) -> list[RouteProgress]:
        return await self._routes.progress(tenant, routes=routes, vehicle=vehicle, limit=limit, after=after)

    async def etas(self, tenant: str, route: str) -> list[Eta]:
        return await self._routes.etas(tenant, route)

    async def dead_letters(
        self, tenant: str | None, *, reason: str | None = None, limit: int, after: int = 0
    ) -> list[tuple[int, DeadLetter]]:
        return await self._found.dead_letters(tenant, reason=reason, limit=limit, after=after)

    # alerts

    async def claim_alerts(self, now: datetime, *, limit: int, lease_s: float, busy: Sequence[tuple[str, str]] = ()) -> list[Alert]:
        return await self._outbox.claim(now, limit, lease_s, busy)

    async def alert_backlog(self) -> AlertBacklog:
        return await self._outbox.backlog()

    async def alert_delivered(self, alert: str, now: datetime) -> None:
        await self._outbox.delivered(alert, now)

    async def alert_failed(self, alert: str, now: datetime, *, error: str, retry_at: datetime | None) -> None:
        await self._outbox.failed(alert, now, error, retry_at)

    async def disable_subscription(self, tenant: str, subscription: str, why: str) -> None:
        await self._outbox.disable(tenant, subscription, why)

    # access

    async def api_key(self, digest: str) -> ApiKey | None:
        return await self._access.key(digest)

    async def put_api_key(self, key: ApiKey) -> None:
        await self._access.put_key(key)

    async def api_keys(self, tenant: str | None) -> list[ApiKey]:
        return await self._access.keys(tenant)

    async def revoke_api_key(self, tenant: str | None, id: str, now: datetime) -> None:  # noqa: A002 - the domain's word
        await self._access.revoke_key(tenant, id, now)

    async def take_request(self, tenant: str, key: str, fingerprint: str, *, holder: str, for_s: float) -> tuple[int, bytes] | None:
        return await self._access.take_answer(tenant, key, fingerprint, holder, for_s)

    async def release_request(self, tenant: str, key: str, holder: str) -> None:
        await self._access.release_answer(tenant, key, holder)

    async def remember(self, tenant: str, key: str, fingerprint: str, status: int, body: bytes) -> None:
        await self._access.put_answer(tenant, key, fingerprint, status, body)

    # commands

    async def uplink(self, tenant: str, tracker: str) -> Uplink | None:
        return await self._commands.uplink(tenant, tracker)

    async def add_command(self, command: Command) -> None:
        await self._commands.add(command)

    async def command(self, tenant: str, tracker: str, id: str) -> Command:  # noqa: A002 - the domain's word
        return await self._commands.get(tenant, tracker, id)

    async def commands(
        self, tenant: str, tracker: str, *, status: str | None = None, limit: int, after: int = 0
    ) -> list[tuple[int, Command]]:
        return await self._commands.page(tenant, tracker, status, limit, after)

    async def claim_commands(self, now: datetime, *, limit: int, lease_s: float) -> list[Command]:
        return await self._commands.claim(now, limit, lease_s)

    async def command_sent(self, tenant: str, id: str, now: datetime) -> None:  # noqa: A002 - the domain's word
        await self._commands.sent(tenant, id, now)

    async def command_failed(self, tenant: str, id: str, *, error: str) -> None:  # noqa: A002 - the domain's word
        await self._commands.failed(tenant, id, error)

    async def expire_commands(self, now: datetime) -> int:
        return await self._commands.expire(now)

    # the whole

    @property
    def vehicles(self) -> VehicleRepository:
        return self._vehicles

    @property
    def trackers(self) -> TrackerRepository:
        return self._trackers

    @property
    def tenants(self) -> TenantRepository:
        return self._tenant_list

    @property
    def fences(self) -> FenceRepository:
        return self._fences

    @property
    def fence_groups(self) -> FenceGroupRepository:
        return self._fence_groups

    @property
    def routes(self) -> RouteRepository:
        return self._routes

    @property
    def places(self) -> Places:
        return self._places

    @property
    def orders(self) -> OrderRepository:
        return self._orders

    @property
    def subscriptions(self) -> SubscriptionRepository:
        return self._subscriptions

    async def capabilities(self) -> Capabilities:
        return await upkeep.capabilities(self._database)

    async def is_reachable(self) -> bool:
        return await self._database.is_reachable()

    async def import_routes(self, routes: Sequence[Route]) -> int:
        return await self._routes.import_all(routes)

    async def drop_dead_letters(self, tenant: str | None, numbers: Sequence[int]) -> int:
        return await self._found.drop_dead_letters(tenant, numbers)

    async def letters_to_retry(self, *, limit: int, after: int = 0) -> list[tuple[int, DeadLetter]]:
        return await self._found.letters_to_retry(limit=limit, after=after)

    async def retry_dead_letters(self, tenant: str | None, numbers: Sequence[int]) -> list[int]:
        return await self._found.retry_dead_letters(tenant, numbers)

    async def maintain(self, now: datetime) -> Maintained:
        return await self._upkeep.maintain(now)

    async def close(self) -> None:
        self._closing.set()
        await self._commits.close()
        await self._claim.close()
        await self._database.close()


#: Fences read at once for the world.
_PAGE = 5_000
_T = TypeVar("_T", bound=Thing)


async def _all(repository: PostgresRepository[_T], shown: Callable[[list[_T]], list[_T]] = list) -> list[_T]:
    """Of all tenants, as `shown` shows each page of them; others have their turn between two pages."""
    found: list[_T] = []
    after: str | None = None
    while page := await repository.list(None, limit=_PAGE, after=after):
        found += shown(page)
        after = f"{page[-1].tenant}/{page[-1].id}"
    return found
