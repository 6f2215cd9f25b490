"""Vehicles, the trackers mounted on them, and the customers' orders they carry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fleet.tenant import NO_SETTINGS, OwnSettings
from fleet.tracker_clock import TrackerClock


class TrackerStatus(StrEnum):
    ACTIVE = "active"
    #: Nobody registered it and the installation does not take strangers in: its messages go to the dead letters.
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """`id` is unique within the tenant; a vehicle that was registered by its first message is named for its tracker."""

    id: str
    tenant: str
    name: str
    #: Ident of the tracker that is mounted now.
    tracker: str | None = None
    tags: tuple[str, ...] = ()
    settings: OwnSettings = NO_SETTINGS
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracker:
    """The hardware that reports; `id` is its ident (IMEI, username, serial), unique within the tenant."""

    id: str
    tenant: str
    status: TrackerStatus = TrackerStatus.ACTIVE
    #: Id of the vehicle that it is mounted on now.
    vehicle: str | None = None
    #: Where its clock is, or was, found to be off; ingest alone writes it.
    clock: TrackerClock | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a customer awaits. The promise is frozen once it was told to the customer."""

    id: str
    tenant: str
    customer: str | None = None
    stop: str | None = None
    promise_from: datetime | None = None
    promise_to: datetime | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounting:
    """A tracker as ingest sees it: which vehicle its fixes belong to. `key` is the store's integer key of the vehicle."""

    tenant: str
    tracker: str
    status: TrackerStatus
    #: 0 where no vehicle is mounted (quarantined).
    key: int = 0
    vehicle: str = ""
