"""Vehicles, trackers and orders as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field, model_validator

from api.models.base import Id, Incoming, Instant, Name, Outgoing, Tags, document, instant_text
from api.models.own_settings import SettingsBody, SettingsOut, settings_json, settings_of
from fleet.tracker_clock import TrackerClock
from fleet.vehicle import Order, Tracker, TrackerStatus, Vehicle


class VehicleBody(Incoming):
    id: Id | None = Field(None, description="Unique within the tenant; made up where it is missing", examples=["van-7"])
    name: Name | None = Field(None, description="For people; the id where it is missing", examples=["Van 7"])
    tracker: Id | None = Field(None, description="Ident of the tracker that is mounted now", examples=["356307042441013"])
    tags: Tags = Field(default_factory=list)
    settings: SettingsBody = Field(default_factory=SettingsBody, description="In place of the tenant's")


class VehicleOut(Outgoing):
    id: str
    tenant: str
    name: str
    tracker: str | None
    tags: list[str]
    settings: SettingsOut
    created_at: str | None = Field(description="RFC 3339 UTC")


def vehicle_of(tenant: str, id: str, body: VehicleBody, previous: Vehicle | None) -> Vehicle:  # noqa: A002 - the domain's word
    return Vehicle(
        id=id,
        tenant=tenant,
        name=body.name or id,
        tracker=body.tracker,
        tags=tuple(body.tags),
        settings=settings_of(body.settings),
        created_at=previous.created_at if previous else None,
    )


def vehicle_json(vehicle: Vehicle) -> dict[str, Any]:
    return document(
        VehicleOut,
        id=vehicle.id,
        tenant=vehicle.tenant,
        name=vehicle.name,
        tracker=vehicle.tracker,
        tags=list(vehicle.tags),
        settings=settings_json(vehicle.settings),
        created_at=instant_text(vehicle.created_at),
    )


class TrackerBody(Incoming):
    id: Id = Field(description="Its ident: IMEI, username, serial", examples=["356307042441013"])
    vehicle: Id | None = Field(None, description="Id of the vehicle that it is mounted on", examples=["van-7"])
    status: TrackerStatus = TrackerStatus.ACTIVE


class ClockOut(Outgoing):
    """A clock that is off by a constant: its fixes are put right, flagged `clock_corrected`, and keep `extras.device_time`."""

    offset_s: int = Field(description="How far it is ahead; negative: behind")
    since: str = Field(description="The first instant, as the tracker says it, that is corrected; RFC 3339 UTC")
    until: str | None = Field(description="The last one; null while the clock is off")
    found_at: str = Field(description="When it was found, or found to be right again")


class TrackerOut(Outgoing):
    id: str
    tenant: str
    vehicle: str | None
    status: TrackerStatus
    clock: ClockOut | None = Field(description="Null where the clock was always right")
    created_at: str | None = Field(description="RFC 3339 UTC")


def tracker_of(tenant: str, id: str, body: TrackerBody, previous: Tracker | None) -> Tracker:  # noqa: A002 - the domain's word
    created_at = previous.created_at if previous else None
    return Tracker(id=id, tenant=tenant, vehicle=body.vehicle, status=body.status, created_at=created_at)


def tracker_json(tracker: Tracker) -> dict[str, Any]:
    return document(
        TrackerOut,
        id=tracker.id,
        tenant=tracker.tenant,
        vehicle=tracker.vehicle,
        status=tracker.status,
        clock=None if tracker.clock is None else _clock_json(tracker.clock),
        created_at=instant_text(tracker.created_at),
    )


def _clock_json(clock: TrackerClock) -> dict[str, Any]:
    return document(
        ClockOut,
        offset_s=clock.offset_s,
        since=instant_text(clock.since),
        until=instant_text(clock.until),
        found_at=instant_text(clock.found_at),
    )


class OrderBody(Incoming):
    id: Id | None = Field(None, examples=["order-1001"])
    customer: Name | None = Field(None, description="Who awaits it", examples=["Ada Lovelace"])
    stop: Id | None = Field(None, description="Id of the stop that serves it", examples=["stop-12"])
    promise: tuple[Instant, Instant] | None = Field(
        None,
        description="The time window that was told to the customer",
        examples=[["2026-02-16T14:00:00Z", "2026-02-16T15:00:00Z"]],
    )

    @model_validator(mode="after")
    def _is_in_order(self) -> OrderBody:
        if self.promise is not None and self.promise[1] < self.promise[0]:
            raise ValueError("promise: the end is before the beginning")
        return self


class OrderOut(Outgoing):
    id: str
    tenant: str
    customer: str | None
    stop: str | None
    promise: list[str] | None
    created_at: str | None = Field(description="RFC 3339 UTC")


def order_of(tenant: str, id: str, body: OrderBody, previous: Order | None) -> Order:  # noqa: A002 - the domain's word
    start, end = body.promise or (None, None)
    return Order(
        id=id,
        tenant=tenant,
        customer=body.customer,
        stop=body.stop,
        promise_from=start,
        promise_to=end,
        created_at=previous.created_at if previous else None,
    )


def order_json(order: Order) -> dict[str, Any]:
    return document(
        OrderOut,
        id=order.id,
        tenant=order.tenant,
        customer=order.customer,
        stop=order.stop,
        promise=window_json(order.promise_from, order.promise_to),
        created_at=instant_text(order.created_at),
    )


def window_json(start: datetime | None, end: datetime | None) -> list[str | None] | None:
    return None if start is None or end is None else [instant_text(start), instant_text(end)]
