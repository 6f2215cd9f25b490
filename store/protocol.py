"""The seam of the store: what ingest, alerts and the API ask of it.

Two implementations pass one suite (`tests/integration/store/`): `store.postgres` on TimescaleDB or plain PostgreSQL, and
`store.memory`, the twin for tests and for the offline replay. Everything is tenant-scoped; `tenant=None` in a read means
all tenants, and is for the installation's operator alone.

Every method may raise Unavailable (the same call again later is right and harmless) and StoreError (not migrated, or a
defect); what else one raises is said at its place. Values that the database cannot hold raise Rejected.

One worker at a time writes checkpoints and anchors; any number of processes may read, and commit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from fleet.access import ApiKey
from fleet.connection import Connection
from fleet.fence import Fence
from fleet.fence_group import FenceGroup
from fleet.fix import FixBatch
from fleet.fixes_around import FixesAround, Reach
from fleet.message import DeadLetter
from fleet.route import Eta, Route
from fleet.subscription import Alert, Subscription
from fleet.tenant import Tenant
from fleet.vehicle import Mounting, Order, Tracker, Vehicle
from fleet.visit import Visit
from store.command_store import CommandStore
from store.errors import AlreadyExists, NotFound, Outdated, Rejected, StoreError, Superseded, Unavailable, UnderWay
from store.place_store import PlaceStore
from store.records import (
    AlertBacklog,
    Anchor,
    Capabilities,
    Change,
    Checkpoint,
    Commit,
    Committed,
    LatestPosition,
    Maintained,
    NumberedEvent,
    ProximityStates,
    Retention,
    RouteProgress,
    StopProgress,
    Whereabouts,
    World,
)

__all__ = [
    "AccessStore",
    "AlertBacklog",
    "AlertStore",
    "AlreadyExists",
    "Anchor",
    "Capabilities",
    "Change",
    "Checkpoint",
    "CommandStore",
    "Commit",
    "Committed",
    "IngestStore",
    "LatestPosition",
    "Maintained",
    "NotFound",
    "NumberedEvent",
    "Outdated",
    "PlaceStore",
    "ProximityStates",
    "ReadStore",
    "Rejected",
    "Repository",
    "Retention",
    "RouteProgress",
    "StopProgress",
    "Store",
    "StoreError",
    "Superseded",
    "TenantStore",
    "Unavailable",
    "UnderWay",
    "Whereabouts",
    "World",
]

T = TypeVar("T")


class Repository(Protocol[T]):
    """One kind of thing, by tenant and id. Pages are ordered by id (bytewise); `after` is the last id of the page before.

    Lists across tenants (`tenant=None`) are ordered by (tenant, id), and `after` is `tenant/id`. Tenants are created as
    needed. What ingest must know of (fences, routes, vehicles, trackers) is told to `IngestStore.changes`.

    Filters: vehicles `tracker`, `tag`; trackers `vehicle`, `status`; fences `tag`, `group`; routes `vehicle`, `status`, `stop`;
    orders `stop`, `customer`; subscriptions `status`.

    * A vehicle that names a `tracker` has it mounted from now on (the tracker is registered if it is new, and leaves the
      vehicle where it was); None takes off the one that it has. Events, visits, routes and fixes outlive their vehicle.
    * A tracker that names a `vehicle` likewise; an unknown vehicle raises NotFound.
    * A fence names known groups, else NotFound; a group that is deleted is taken from its fences.
    * A route names a known vehicle, else NotFound; its stops' ids must not belong to another route (AlreadyExists).
      Replacing keeps what became of the stops that stay. Stops are put where their place was decided to be (`PlaceStore`), with
      the plan's own pin beside; one that was reached stays where it was then.
    """

    async def create(self, item: T) -> T:
        """What was stored, with `created_at` where the kind has one. Raises AlreadyExists, Rejected."""
        ...

    async def get(self, tenant: str, id: str) -> T:  # noqa: A002 - the domain's word
        """Raises NotFound."""
        ...

    async def replace(self, item: T, *, only_if: T | None = None) -> T:
        """All fields but `created_at`. With `only_if` (as `get` gave it) only while the thing is still like that: nobody can
        change it between this look and the write. Raises NotFound, Rejected, Outdated."""
        ...

    async def delete(self, tenant: str, id: str, *, only_if: T | None = None) -> None:  # noqa: A002 - the domain's word
        """`only_if` as in `replace`. Raises NotFound, Outdated."""
        ...

    async def list(self, tenant: str | None, *, limit: int, after: str | None = None, **filters: str) -> list[T]:
        """Raises InvalidValue for a filter that the kind does not have."""
        ...


class TenantStore(Protocol):
    """Tenants with their settings. They are made as needed, and never go."""

    async def get(self, tenant: str) -> Tenant:
        """Raises NotFound."""
        ...

    async def list(self, *, limit: int, after: str | None = None) -> list[Tenant]:
        """By id (bytewise), those behind `after`."""
        ...

    async def replace(self, item: Tenant) -> Tenant:
        """Its settings; it is made where it is not there yet. Told to `IngestStore.changes`. Raises Rejected."""
        ...


class IngestStore(Protocol):
    """What the worker needs."""

    async def claim(self, worker: str) -> None:
        """Return when the work of this name is this process's alone, however long another one has it. From then on `commit` raises
        Superseded once another process has taken over, which it can only when this one's claim was lost with the database."""
        ...

    async def check_claim(self) -> None:
        """Raises Superseded where another process has the work that was claimed here. Between commits, now and then."""
        ...

    async def commit(self, commit: Commit) -> Committed:
        """Write fixes, outcome, alerts due (outbox rows for matching subscriptions of new events), dead letters, clocks,
        anchors and checkpoint in one transaction. Repeating it changes nothing but the batch number.

        * A fix with the (vehicle, time) of another is a duplicate: the first stored wins, within a batch the first row.
        * A fix that cannot be stored (`store.storable`) becomes a dead letter and holds up nothing.
        * What trackers answer closes their commands, once: see `fleet.command.Answers`.
        * A dead letter with the topic, payload, reason and detail of another is the same one, come once more.
        * Dead letters that were tried again (`Commit.retried`) are removed before new ones are added: one that is refused
          again is a new one.
        * The clock of a tracker that is no more is dropped; of two findings about one, the later `found_at` stays.
        * States and ETAs of stops that no route has (any more) are dropped.
        * An event's `seq` is in order of commit: a reader that has seen n will never see a new event of less than n.

        Raises Unavailable (nothing or everything was written; repeat) or Rejected.
        """
        ...

    async def world(self, known: World | None = None, changes: Iterable[Change] = ()) -> World:
        """With `known`, an earlier one, only what these changes since may have touched is loaded (`store.world_parts`); the rest
        is that of `known`, the very same objects."""
        ...

    def changes(self) -> AsyncIterator[Change]:
        """Changes of the world, as they are committed by whichever process. Ends when the store is closed.

        The first item is `Change(kind="*")`: from then on nothing is missed, so the world loaded after it is current. It
        comes again whenever changes may have been missed (the connection was lost; the reader fell far behind). What
        `register` adds is not told: whoever meets such a tracker registers it too, and gets it as it is.
        """
        ...

    async def register(self, trackers: Sequence[tuple[str, str]], *, quarantine: bool) -> list[Mounting]:
        """Mountings of (tenant, ident) pairs that nobody registered: each gets a tracker and, unless it is
        quarantined, a vehicle of the same id. Tenants are created as needed. Known ones are returned as they are.

        One mounting a pair, in their order; `key` 0 where no vehicle is mounted. A stranger whose ident is the id of a
        vehicle that carries another tracker is quarantined: it may be an impostor. Raises Rejected for an ident that
        is no text for the database (NUL)."""
        ...

    def checkpoint(self) -> AsyncIterator[Checkpoint]:
        """The newest one, in parts: in each the states of some vehicles, and the batch that all of them include. The first may be
        of none; nothing comes before the first checkpoint."""
        ...

    def whereabouts(self) -> AsyncIterator[Whereabouts]:
        """Of each vehicle its newest fix by time, in parts."""
        ...

    def fixes_after(self, batch: int, ahead: Mapping[int, int] | None = None) -> AsyncIterator[FixBatch]:
        """All fixes of batches later than `batch`, one FixBatch a batch, in order of commit.

        Of the vehicles in `ahead` (`Checkpoint.ahead`) only those of batches later than it says.
        """
        ...

    async def fixes_of(self, key: int, start: datetime, end: datetime) -> FixBatch:
        """Fixes of one vehicle (by its key) in [start, end], by time. `message` is 0."""
        ...

    async def disconnected(self) -> list[Connection]:
        """The trackers whose last word (`Commit.connections`) is that their connection was lost. Until a tracker says otherwise its
        first such word stays."""
        ...

    async def anchor_before(self, key: int, time: datetime) -> tuple[datetime, bytes] | None:
        """The newest anchor of a vehicle that is earlier than `time`: its instant and state."""
        ...

    async def fixes_around(self, tenant: str, instants: Sequence[int], reach: Reach) -> FixesAround:
        """The fixes of all vehicles of a tenant on either side of these instants (microseconds, increasing)."""
        ...

    async def proximity_states(self) -> Mapping[str, tuple[datetime, bytes]]:
        """Of each tenant that has one the newest state (`ProximityStates`), with its instant."""
        ...

    async def proximity_before(self, tenant: str, time: datetime) -> tuple[datetime, bytes] | None:
        """The newest state of a tenant that is earlier than `time`, with its instant."""
        ...

    async def letters_to_retry(self, *, limit: int, after: int = 0) -> list[tuple[int, DeadLetter]]:
        """Dead letters that `retry_dead_letters` has named and no commit has taken up yet, with their numbers, by number;
        `after` is a number that they are above."""
        ...


class ReadStore(Protocol):
    """What the API reads."""

    async def positions(self, tenant: str | None) -> list[LatestPosition]:
        """Of each vehicle its newest fix by time, whichever batch brought it; by tenant and vehicle."""
        ...

    async def fixes(self, tenant: str, vehicle: str, start: datetime, end: datetime, *, limit: int) -> list[Mapping[str, Any]]:
        """Fixes in [start, end], by time, the first `limit` of them, in the native format's names (all of them; None where
        the tracker said nothing) with `flags`, a list of words. Raises NotFound for an unknown vehicle."""
        ...

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
        """Visits that overlap [start, end], not the retracted ones; newest `entered_at` first, then by id. `after` is the
        id of the last one of the page before (`tenant/id` across tenants)."""
        ...

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
        """By `seq` (`after_seq` excluded: later ones, or with `newest_first` earlier ones, 0 = no bound).

        `types` are types, or prefixes that end in `*`; `start` and `end` bound `occurred_at`, both included."""
        ...

    def event_wakes(self) -> AsyncIterator[None]:
        """An item when there may be new events, and one at the beginning; ends when the store is closed. Several additions may
        be one item: read on from the last `seq` known."""
        ...

    async def last_seq(self) -> int:
        """The highest `seq` there is, 0 where no event is."""
        ...

    async def routes_progress(
        self, tenant: str | None, *, routes: Sequence[str] = (), vehicle: str | None = None, limit: int, after: str | None = None
    ) -> list[RouteProgress]:
        """Pages as a repository's. `routes` empty: all of them."""
        ...

    async def etas(self, tenant: str, route: str) -> list[Eta]:
        """The newest prediction for each stop of a route that has one, in the order of its stops."""
        ...

    async def dead_letters(
        self, tenant: str | None, *, reason: str | None = None, limit: int, after: int = 0
    ) -> list[tuple[int, DeadLetter]]:
        """With their numbers, newest first; `after` is the last number of the page before, 0 = from the newest."""
        ...


class AlertStore(Protocol):
    """The transactional outbox."""

    async def claim_alerts(self, now: datetime, *, limit: int, lease_s: float, busy: Sequence[tuple[str, str]] = ()) -> list[Alert]:
        """Alerts that are due, oldest first, leased to this caller until now + lease_s (then they are due again).

        `busy` are (tenant, subscription) pairs whose alerts are left alone: their endpoints take no more just now, and
        must not keep those of others waiting. `Alert.attempts` counts the earlier claims: 0 at the first. The secrets of the
        subscription are with it.
        """
        ...

    async def alert_backlog(self) -> AlertBacklog:
        """What waits, whoever has claimed it."""
        ...

    async def alert_delivered(self, alert: str, now: datetime) -> None:
        """Nothing happens for an alert that is no more."""
        ...

    async def alert_failed(self, alert: str, now: datetime, *, error: str, retry_at: datetime | None) -> None:
        """`retry_at` None: given up. Nothing happens for an alert that is no more."""
        ...

    async def disable_subscription(self, tenant: str, subscription: str, why: str) -> None:
        """Its waiting alerts are given up. Raises NotFound."""
        ...


class AccessStore(Protocol):
    async def api_key(self, digest: str) -> ApiKey | None:
        """The key with this digest, unless it was revoked."""
        ...

    async def put_api_key(self, key: ApiKey) -> None:
        """Create, or replace the one of the same id. Raises AlreadyExists where another id has the digest."""
        ...

    async def api_keys(self, tenant: str | None) -> list[ApiKey]:
        """By id, the revoked ones too; `tenant` None: all of them."""
        ...

    async def revoke_api_key(self, tenant: str | None, id: str, now: datetime) -> None:  # noqa: A002 - the domain's word
        """`tenant` None: whosever it is. Raises NotFound."""
        ...

    async def take_request(self, tenant: str, key: str, fingerprint: str, *, holder: str, for_s: float) -> tuple[int, bytes] | None:
        """Take an Idempotency-Key: None where the request is the caller's to work on, else the answer (status, body) that it
        got before. Of several callers at once, in whichever processes, one gets None.

        The key is held until `remember` or `release_request`, at most `for_s` seconds: whoever comes after that takes it over,
        as its holder has died. Raises UnderWay while another one holds it, Rejected where it was used with another request
        (fingerprint).
        """
        ...

    async def release_request(self, tenant: str, key: str, holder: str) -> None:
        """The request has failed: the next one with this key is worked on. Nothing where another one holds the key."""
        ...

    async def remember(self, tenant: str, key: str, fingerprint: str, status: int, body: bytes) -> None:
        """The first answer stays, for as long as answers are kept."""
        ...


class Store(IngestStore, ReadStore, AlertStore, AccessStore, CommandStore, Protocol):
    """Everything; what `outrider` opens and hands down."""

    @property
    def vehicles(self) -> Repository[Vehicle]: ...
    @property
    def trackers(self) -> Repository[Tracker]: ...
    @property
    def tenants(self) -> TenantStore: ...
    @property
    def fences(self) -> Repository[Fence]: ...
    @property
    def fence_groups(self) -> Repository[FenceGroup]: ...
    @property
    def routes(self) -> Repository[Route]: ...
    @property
    def places(self) -> PlaceStore: ...
    @property
    def orders(self) -> Repository[Order]: ...
    @property
    def subscriptions(self) -> Repository[Subscription]: ...

    async def capabilities(self) -> Capabilities: ...

    async def is_reachable(self) -> bool:
        """Whether the database answers within a few seconds. Raises nothing."""
        ...

    async def import_routes(self, routes: Sequence[Route]) -> int:
        """Create or replace all of them in one transaction; how many there were.

        As in a plan file, `vehicle` is the ident of a tracker: the route goes to the vehicle that carries it, else to the
        vehicle of that id, else to a new one with a new tracker of that ident. Raises AlreadyExists for a stop that
        belongs to a route that is not replaced, Rejected for a stop or route that is given twice.
        """
        ...

    async def drop_dead_letters(self, tenant: str | None, numbers: Sequence[int]) -> int:
        """How many there were to drop."""
        ...

    async def retry_dead_letters(self, tenant: str | None, numbers: Sequence[int]) -> list[int]:
        """Ask the worker to take these messages in again, as they came; which of them it will. One whose payload was cut
        cannot be."""
        ...

    async def maintain(self, now: datetime) -> Maintained:
        """Upkeep, to be called every hour or so: prepare partitions ahead of time, drop what is past its retention."""
        ...

    async def close(self) -> None:
        """Let go of all connections; iterators of `changes` end. Harmless when called twice."""
        ...
