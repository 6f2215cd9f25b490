"""The records that cross the store's seam (`store.protocol`): what goes into a commit, and what reads answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from fleet.command import Answer, Uplink
from fleet.connection import Connection
from fleet.event import Event
from fleet.fence import Fence
from fleet.fix import FixBatch, Float64s, Int64s
from fleet.message import DeadLetter, MessageBatch
from fleet.movement_rules import MovementScope
from fleet.outcome import Outcome
from fleet.proximity_rules import ProximityScope
from fleet.route import Delay, Eta, Route, RouteStatus, StopStatus
from fleet.screen_settings import ScreenScope
from fleet.tracker_clock import TrackerClock
from fleet.vehicle import Mounting


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
    checkpoint; loading returns them all, in parts). `batch` is the number of the last batch whose fixes all states include;
    `ahead` maps those vehicles whose state includes more to the last batch that it includes.
    """

    batch: int
    vehicles: Mapping[int, bytes]
    ahead: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A vehicle's engine state after all of its fixes up to and including `time`: where a late fix is folded from again."""

    key: int
    time: datetime
    state: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProximityStates:
    """What is known of a tenant's pairs of vehicles, by instants up to which they were judged. The newest is where a restart goes
    on; the others are where a late fix is judged from again. All that were kept at `since` or later give way to these."""

    tenant: str
    since: datetime
    states: Sequence[tuple[datetime, bytes]]


@dataclass(slots=True, kw_only=True)
class Commit:
    """One transaction of the worker: all of it, or nothing."""

    fixes: FixBatch
    outcome: Outcome
    dead_letters: Sequence[DeadLetter] = ()
    #: Clocks that were found to be off, or right again, with these fixes.
    clocks: Sequence[TrackerClock] = ()
    #: Where set, this commit also carries (a slice of) a checkpoint: the state of these vehicles after this batch.
    checkpoint_vehicles: Mapping[int, bytes] | None = None
    #: With it: the last batch whose fixes are all included in stored states now. None: this one, since the vehicles are all
    #: that have changed; 0: the slice is not the last one, what is included stays as it was.
    checkpoint_up_to: int | None = None
    anchors: Sequence[Anchor] = ()
    #: Vehicle key -> instant: anchors of that vehicle at or after it know nothing of a late fix; dropped before
    #: `anchors` are written.
    stale_anchors: Mapping[int, datetime] = field(default_factory=dict)
    #: At most one a tenant.
    proximity: Sequence[ProximityStates] = ()
    #: What trackers said to commands, and trackers that were heard in another format or on another topic than before.
    answers: Sequence[Answer] = ()
    uplinks: Sequence[Uplink] = ()
    #: Trackers that have said that they are connected, or whose last will was received, in order.
    connections: Sequence[Connection] = ()
    #: Numbers of dead letters that were tried again: what came of them is in this commit, and they go.
    retried: Sequence[int] = ()
    #: The messages that `fixes.message` counts; lets a fix that cannot be stored become a dead letter with its payload.
    messages: MessageBatch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What a commit changed. A commit that is repeated after Unavailable counts what the repetition changed."""

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
    #: Which rows of `Commit.fixes` were new, a boolean a row.
    new_rows: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    #: Fixes that no database could hold (`store.storable`): kept as dead letters in the same transaction.
    refused: Sequence[DeadLetter] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that the pipeline needs to know of the plan, at one instant."""

    fences: Sequence[Fence] = ()
    #: Routes that are not done, or were done within the late-data horizon; by tenant and vehicle.
    routes: Sequence[Route] = ()
    #: The keys of the vehicles that have such routes, by (tenant, vehicle).
    route_keys: Mapping[tuple[str, str], int] = field(default_factory=dict)
    mountings: Sequence[Mounting] = ()
    #: Tenants and vehicles that are screened by settings of their own.
    screening: Sequence[ScreenScope] = ()
    #: Tenants and vehicles that are held to rules of movement of their own.
    movement: Sequence[MovementScope] = ()
    #: Tenants that have rules of their own about pairs of vehicles.
    proximity: Sequence[ProximityScope] = ()
    #: Trackers whose clocks are, or were, off.
    clocks: Sequence[TrackerClock] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Somebody changed the world: `kind` is `fence`, `route`, `vehicle`, `tracker`, `tenant`, or `*` (reload everything).

    `id` None: several of that kind, and of that tenant where one is named.
    """

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
class Whereabouts:
    """Of some vehicles (by key, each once) the instant (microseconds since 1970 UTC) and place of the newest fix."""

    vehicle: Int64s
    time: Int64s
    lat: Float64s
    lon: Float64s


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
    """`stops` has an entry for every stop of the route."""

    route: Route
    status: RouteStatus
    stops: Mapping[str, StopProgress] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertBacklog:
    """Alerts that are neither delivered nor given up, and since when the oldest of them has been in the outbox."""

    waiting: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many days each kind of record is kept; 0 = for ever. Fixes and ETAs go by whole days.

    What is over decides: fixes by the tracker's instant, ETAs by the instant of prediction, events by `recorded_at`,
    visits by their end, alerts by their last attempt, commands by when they were asked for, dead letters by their newest receipt.
    """

    fixes_days: int = 0
    etas_days: int = 90
    events_days: int = 0
    visits_days: int = 0
    dead_letters_days: int = 30
    alerts_days: int = 30
    commands_days: int = 90
    #: No later fix than this is folded again; must not be less than the engine's late-data horizon.
    anchors_days: int = 4
    idempotency_keys_days: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintained:
    """What one round of upkeep did: rows gone by table, or whole partitions for `fixes` and `etas`."""

    dropped: Mapping[str, int] = field(default_factory=dict)
    #: Tables that were in use just now; the next round tries them again.
    postponed: Sequence[str] = ()
