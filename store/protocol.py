"""The seam of the store: what ingest, alerts and the API ask of it.

Two implementations pass one suite (`tests/integration/store/`): `store.postgres` on TimescaleDB or plain PostgreSQL, and
`store.memory`, the twin for tests and for the offline replay. Everything is tenant-scoped; `tenant=None` in a read means
all tenants, and is for the installation's operator alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from fleet.access import ApiKey
from fleet.errors import OutriderError
from fleet.event import Event
from fleet.fence import Fence
from fleet.fix import FixBatch
from fleet.message import DeadLetter
from fleet.outcome import Outcome
from fleet.route import Delay, Eta, Route, RouteStatus, StopStatus
from fleet.subscription import Alert, Subscription
from fleet.vehicle import Mounting, Order, Tracker, Vehicle
from fleet.visit import Visit


class StoreError(OutriderError):
    """Base of what the store raises; driver errors are translated once, `from exc`."""


class Unavailable(StoreError):
    """The database cannot be reached or is shutting down; trying the same thing again later is right and harmless."""


class Rejected(StoreError):
    """The database refuses these values; trying again will not help."""


class NotFound(StoreError):
    """No such thing for this tenant."""

    def __init__(self, kind: str, id: str) -> None:  # noqa: A002 - the domain's word
        super().__init__(f"no {kind} {id!r}")
        self.kind = kind
        self.id = id


class AlreadyExists(StoreError):
    """The id is taken."""

    def __init__(self, kind: str, id: str) -> None:  # noqa: A002 - the domain's word
        super().__init__(f"{kind} {id!r} exists already")
        self.kind = kind
        self.id = id


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the server offers, and therefore what is used. Reported at start and by `outrider doctor`."""

    server: str
    timescale: str | None = None
    hypertables: bool = False
    compression: bool = False
    continuous_aggregates: bool = False
    native_partitions: bool = False

    def describe(self) -> str:
        """One line for the person at the keyboard."""
        parts = [self.server, f"TimescaleDB {self.timescale}" if self.timescale else "no TimescaleDB"]
        offers = {
            "hypertables": self.hypertables,
            "compression": self.compression,
            "continuous aggregates": self.continuous_aggregates,
            "native partitions": self.native_partitions,
        }
        return ", ".join(parts) + "; uses " + (", ".join(name for name, has in offers.items() if has) or "plain tables")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The pipeline's state, so that a restart need not look at every fix ever written.

    `vehicles` maps the store's vehicle key to that vehicle's state as bytes (only those that changed since the last
    checkpoint; loading returns them all). `batch` is the number of the last batch whose fixes the state includes.
    """

    batch: int
    vehicles: Mapping[int, bytes]


@dataclass(slots=True, kw_only=True)
class Commit:
    """One transaction of the worker: all of it, or nothing."""

    fixes: FixBatch
    outcome: Outcome
    dead_letters: Sequence[DeadLetter] = ()
    #: Where set, this commit also carries a checkpoint: the state of these vehicles after this batch.
    checkpoint_vehicles: Mapping[int, bytes] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What a commit changed."""

    #: The number stamped on the fixes (`fixes.batch`); grows with each commit.
    batch: int
    #: Fixes that were new; the rest were in the store already.
    stored: int
    duplicates: int
    #: Events that were new, in the order in which they were numbered.
    new_events: Sequence[Event] = ()
    #: Highest event `seq` after this commit (0 where none is).
    seq: int = 0
    #: Whether the straight COPY collided and the slow path was taken.
    collided: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that the pipeline needs to know of the plan, at one instant."""

    fences: Sequence[Fence] = ()
    #: Routes that are not done, or were done within the late-data horizon; by tenant and vehicle.
    routes: Sequence[Route] = ()
    mountings: Sequence[Mounting] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Somebody changed the world: `kind` is `fence`, `route`, `vehicle`, `tracker` or `*` (reload everything)."""

    kind: str
    tenant: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedEvent:
    seq: int
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestPosition:
    tenant: str
    vehicle: str
    name: str
    time: datetime
    lat: float
    lon: float
    speed_mps: float | None = None
    heading_deg: float | None = None
    accuracy_m: float | None = None
    #: The route under way, where there is one.
    route: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopProgress:
    """What became of a planned stop so far."""

    stop: str
    status: StopStatus = StopStatus.PLANNED
    delay: Delay = Delay.ON_TIME
    arrived_at: datetime | None = None
    departed_at: datetime | None = None
    eta: Eta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteProgress:
    route: Route
    status: RouteStatus
    stops: Mapping[str, StopProgress] = field(default_factory=dict)


T = TypeVar("T")


class Repository(Protocol[T]):
    """One kind of thing, by tenant and id. Pages are ordered by id (bytewise); `after` is the last id of the page before.

    Lists across tenants (`tenant=None`) are ordered by (tenant, id), and `after` is `tenant/id`.
    """

    async def create(self, item: T) -> T:
        """Raises AlreadyExists."""
        ...

    async def get(self, tenant: str, id: str) -> T:  # noqa: A002 - the domain's word
        """Raises NotFound."""
        ...

    async def list(self, tenant: str | None, *, limit: int, after: str | None = None, **filters: str) -> list[T]: ...

    async def replace(self, item: T) -> T:
        """Raises NotFound."""
        ...

    async def delete(self, tenant: str, id: str) -> None:  # noqa: A002 - the domain's word
        """Raises NotFound."""
        ...


class IngestStore(Protocol):
    """What the worker needs."""

    async def commit(self, commit: Commit) -> Committed:
        """Write fixes, outcome, alerts due (outbox rows for matching subscriptions of new events), dead letters and
        checkpoint in one transaction. Repeating it changes nothing but the batch number.

        Raises Unavailable (nothing or everything was written; repeat) or Rejected.
        """
        ...

    async def world(self) -> World: ...

    def changes(self) -> AsyncIterator[Change]:
        """Changes of the world, as they are committed by whichever process. Ends when the store is closed."""
        ...

    async def register(self, trackers: Sequence[tuple[str, str]], *, quarantine: bool) -> list[Mounting]:
        """Mountings of (tenant, ident) pairs that nobody registered: each gets a tracker and, unless it is
        quarantined, a vehicle of the same id. Tenants are created as needed. Known ones are returned as they are."""
        ...

    async def checkpoint(self) -> Checkpoint | None: ...

    def fixes_after(self, batch: int) -> AsyncIterator[FixBatch]:
        """All fixes of batches later than `batch`, one FixBatch a batch, in order of commit."""
        ...

    async def fixes_of(self, key: int, start: datetime, end: datetime) -> FixBatch:
        """Fixes of one vehicle (by its key) in [start, end], by time. `message` is 0."""
        ...


class ReadStore(Protocol):
    """What the API reads."""

    async def positions(self, tenant: str | None) -> list[LatestPosition]: ...

    async def fixes(self, tenant: str, vehicle: str, start: datetime, end: datetime, *, limit: int) -> list[Mapping[str, Any]]:
        """Fixes in the native format's names, by time. Raises NotFound for an unknown vehicle."""
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
    ) -> list[Visit]: ...

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
        """By `seq` (`after_seq` excluded: later ones, or with `newest_first` earlier ones, 0 = no bound)."""
        ...

    async def last_seq(self) -> int: ...

    async def routes_progress(
        self, tenant: str | None, *, routes: Sequence[str] = (), vehicle: str | None = None, limit: int, after: str | None = None
    ) -> list[RouteProgress]: ...

    async def etas(self, tenant: str, route: str) -> list[Eta]:
        """The newest prediction for each stop of a route."""
        ...

    async def dead_letters(
        self, tenant: str | None, *, reason: str | None = None, limit: int, after: int = 0
    ) -> list[tuple[int, DeadLetter]]: ...


class AlertStore(Protocol):
    """The transactional outbox."""

    async def claim_alerts(self, now: datetime, *, limit: int, lease_s: float) -> list[Alert]:
        """Alerts that are due, leased to this caller until now + lease_s (then they are due again)."""
        ...

    async def alert_delivered(self, alert: str, now: datetime) -> None: ...

    async def alert_failed(self, alert: str, now: datetime, *, error: str, retry_at: datetime | None) -> None:
        """`retry_at` None: given up."""
        ...

    async def disable_subscription(self, tenant: str, subscription: str, why: str) -> None: ...


class AccessStore(Protocol):
    async def api_key(self, digest: str) -> ApiKey | None: ...

    async def put_api_key(self, key: ApiKey) -> None: ...

    async def api_keys(self, tenant: str | None) -> list[ApiKey]: ...

    async def revoke_api_key(self, tenant: str | None, id: str, now: datetime) -> None: ...  # noqa: A002 - the domain's word

    async def remembered(self, tenant: str, key: str, fingerprint: str) -> tuple[int, bytes] | None:
        """The answer (status, body) to an earlier request with this Idempotency-Key. Raises Rejected where the key was
        used with another request (fingerprint)."""
        ...

    async def remember(self, tenant: str, key: str, fingerprint: str, status: int, body: bytes) -> None: ...


class Store(IngestStore, ReadStore, AlertStore, AccessStore, Protocol):
    """Everything; what `outrider` opens and hands down."""

    @property
    def vehicles(self) -> Repository[Vehicle]: ...
    @property
    def trackers(self) -> Repository[Tracker]: ...
    @property
    def fences(self) -> Repository[Fence]: ...
    @property
    def routes(self) -> Repository[Route]: ...
    @property
    def orders(self) -> Repository[Order]: ...
    @property
    def subscriptions(self) -> Repository[Subscription]: ...

    async def capabilities(self) -> Capabilities: ...

    async def is_reachable(self) -> bool: ...

    async def import_routes(self, routes: Sequence[Route]) -> int:
        """Create or replace all of them in one transaction (vehicles and places they name are created as needed)."""
        ...

    async def close(self) -> None: ...
