"""/v1/vehicles (with the fixes of one), /v1/trackers, /v1/orders."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.access.authenticate import Viewer
from api.answers import Asked, Page, PageAsked, answer, decode_number, encode_cursor
from api.models.base import Id, Instant
from api.models.found import FixOut
from api.models.vehicles import (
    OrderBody,
    OrderOut,
    TrackerBody,
    TrackerOut,
    VehicleBody,
    VehicleOut,
    order_json,
    order_of,
    tracker_json,
    tracker_of,
    vehicle_json,
    vehicle_of,
)
from api.rest.crud import READ_PROBLEMS, Kind, ThingId, crud_router
from api.rest.locate import get_one
from api.services import Shared
from fleet.clock import from_micros, parse_rfc3339, to_micros
from fleet.errors import InvalidValue
from fleet.vehicle import Order, Tracker, TrackerStatus, Vehicle

_FIXES_MOST: Final = 10_000
_FIXES_SPAN: Final = timedelta(hours=24)


class VehiclesAsked(PageAsked):
    tracker: Id | None = Field(None, description="Carrying this tracker")
    tag: str | None = Field(None, description="With this tag")


class TrackersAsked(PageAsked):
    vehicle: Id | None = Field(None, description="Mounted on this vehicle")
    status: TrackerStatus | None = None


class OrdersAsked(PageAsked):
    stop: Id | None = Field(None, description="Served by this stop")
    customer: str | None = None


class FixesAsked(Asked):
    since: Instant | None = Field(None, alias="from", description="First instant, included; 24 h before `to` where missing")
    to: Instant | None = Field(None, description="Last instant, included; now where missing")
    limit: Annotated[int, Field(ge=1, le=_FIXES_MOST)] = 1_000
    cursor: str | None = Field(None, max_length=1_000, description="`next_cursor` of the page before")


VEHICLES: Final = Kind[Vehicle, VehicleBody](
    name="vehicle",
    body=VehicleBody,
    out=VehicleOut,
    asked=VehiclesAsked,
    repository=lambda store: store.vehicles,
    to_domain=vehicle_of,
    to_json=vehicle_json,
)
TRACKERS: Final = Kind[Tracker, TrackerBody](
    name="tracker",
    body=TrackerBody,
    out=TrackerOut,
    asked=TrackersAsked,
    repository=lambda store: store.trackers,
    to_domain=tracker_of,
    to_json=tracker_json,
)
ORDERS: Final = Kind[Order, OrderBody](
    name="order",
    body=OrderBody,
    out=OrderOut,
    asked=OrdersAsked,
    repository=lambda store: store.orders,
    to_domain=order_of,
    to_json=order_json,
)

fixes_router: Final = APIRouter(tags=["vehicles"])


@fixes_router.get(
    "/v1/vehicles/{id:path}/fixes",
    summary="Fixes of a vehicle, by time",
    response_model=Page[FixOut],
    responses=READ_PROBLEMS,
)
async def list_fixes(services: Shared, thing: ThingId, asked: Annotated[FixesAsked, Query()], principal: Viewer) -> Response:
    vehicle = await get_one(services.store.vehicles, principal.reads(asked.tenant), thing)
    end = asked.to or services.now()
    start = asked.since or end - _FIXES_SPAN
    if end < start:
        raise InvalidValue("to", "is before from")
    if asked.cursor is not None:  # times are unique within a vehicle: the next page begins a microsecond later
        start = max(start, from_micros(decode_number(asked.cursor) + 1))
    found = await services.store.fixes(vehicle.tenant, vehicle.id, start, end, limit=asked.limit + 1)
    next_cursor = None
    if len(found) > asked.limit:
        next_cursor = encode_cursor(str(to_micros(parse_rfc3339(found[asked.limit - 1]["time"]))))
    return answer({"items": [dict(fix) for fix in found[: asked.limit]], "next_cursor": next_cursor})


def routers() -> list[APIRouter]:
    """`fixes` first: ids may hold slashes, so the more particular path has to be tried before."""
    return [fixes_router, crud_router(VEHICLES), crud_router(TRACKERS), crud_router(ORDERS)]
