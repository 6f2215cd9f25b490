"""Routes and their stops: what was planned, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

#: Radius of a stop's arrival circle where the plan names none, metres (common practice: 100 m).
DEFAULT_ARRIVAL_RADIUS_M = 100.0


class StopStatus(StrEnum):
    PLANNED = "planned"
    APPROACHING = "approaching"
    ARRIVED = "arrived"
    DEPARTED = "departed"
    COMPLETED = "completed"
    SKIPPED = "skipped"
    FAILED = "failed"


class Delay(StrEnum):
    ON_TIME = "on_time"
    AT_RISK = "at_risk"
    DELAYED = "delayed"


class RouteStatus(StrEnum):
    PLANNED = "planned"
    UNDER_WAY = "under_way"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One planned call of a route at a place. `id` is unique within the tenant. `lat` and `lon` are where it is gone by."""

    id: str
    seq: int
    lat: float
    lon: float
    place: str | None = None
    name: str | None = None
    arrival_radius_m: float = DEFAULT_ARRIVAL_RADIUS_M
    #: None: a stand by the product's defaults is an arrival. 0: passing through counts, also between two fixes.
    min_dwell_s: float | None = None
    planned_arrival: datetime | None = None
    window_from: datetime | None = None
    window_to: datetime | None = None
    service_s: float | None = None
    orders: tuple[str, ...] = ()
    #: The plan's own pin, where the place turned out to be elsewhere; else None, and `lat` and `lon` are the plan's.
    planned_lat: float | None = None
    planned_lon: float | None = None

    @property
    def is_moved(self) -> bool:
        return self.planned_lat is not None

    def as_planned(self) -> Stop:
        """The stop at the plan's own pin."""
        if self.planned_lat is None or self.planned_lon is None:
            return self
        return replace(self, lat=self.planned_lat, lon=self.planned_lon, planned_lat=None, planned_lon=None)

    def moved_to(self, lat: float, lon: float) -> Stop:
        """The stop at this position, with the plan's own pin kept; a move to that pin is none."""
        planned = self.as_planned()
        if (lat, lon) == (planned.lat, planned.lon):
            return planned
        return replace(planned, lat=lat, lon=lon, planned_lat=planned.lat, planned_lon=planned.lon)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A vehicle's planned sequence of stops for one run. `vehicle` is its id (in plan files: the tracker's ident)."""

    id: str
    tenant: str
    vehicle: str
    starts_at: datetime
    stops: tuple[Stop, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Eta:
    """When the vehicle will be at the stop, as predicted at instant `at`: 10 %, 50 % and 90 % quantiles, and the one instant
    that is told to a customer (`shown`, a little before the median: coming early is worse than coming late)."""

    at: datetime
    tenant: str
    vehicle: str
    route: str
    stop: str
    p10: datetime
    p50: datetime
    p90: datetime
    shown: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StopState:
    """How far a stop has come. The newest replaces the one before."""

    tenant: str
    vehicle: str
    route: str
    stop: str
    status: StopStatus
    delay: Delay = Delay.ON_TIME
    arrived_at: datetime | None = None
    departed_at: datetime | None = None
    #: Event time of the change.
    changed_at: datetime
