"""Routes and their stops as the API shows them: the plan, and what became of it so far."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, model_validator

from api.models.base import Id, Incoming, Instant, Name, Outgoing, document, instant_text
from api.models.vehicles import window_json
from fleet.route import DEFAULT_ARRIVAL_RADIUS_M, Delay, Eta, Route, RouteStatus, Stop, StopStatus
from store.protocol import RouteProgress, StopProgress

Seconds = Annotated[float, Field(ge=0, le=86_400)]


class RouteStopBody(Incoming):
    id: Id = Field(description="Unique within the tenant", examples=["stop-12"])
    seq: int | None = Field(None, ge=0, le=100_000, description="Order of service; its place in the list where it is missing")
    lat: float = Field(ge=-90, le=90, description="Degrees, WGS 84", examples=[52.5163])
    lon: float = Field(ge=-180, le=180, description="Degrees, WGS 84", examples=[13.3777])
    place: Id | None = Field(None, description="Id of the place, the same for every call there", examples=["customer-4711"])
    name: Name | None = Field(None, examples=["Unter den Linden 1"])
    arrival_radius_m: float = Field(DEFAULT_ARRIVAL_RADIUS_M, gt=0, le=10_000, description="Metres")
    min_dwell_s: Seconds | None = Field(None, description="0: passing through is an arrival; missing: a stand is needed")
    planned_arrival: Instant | None = None
    window: tuple[Instant, Instant] | None = Field(None, description="Earliest and latest arrival")
    service_s: Seconds | None = Field(None, description="How long serving it takes")
    orders: list[Id] = Field(default=[], max_length=1_000)

    @model_validator(mode="after")
    def _is_in_order(self) -> RouteStopBody:
        if self.window is not None and self.window[1] < self.window[0]:
            raise ValueError("window: the end is before the beginning")
        return self


class StopBody(RouteStopBody):
    route: Id = Field(description="Id of the route that it is added to", examples=["route-1"])


class RouteBody(Incoming):
    id: Id | None = Field(None, examples=["route-1"])
    vehicle: Id = Field(description="Id of the vehicle that drives it", examples=["van-7"])
    starts_at: Instant
    stops: list[RouteStopBody] = Field(max_length=10_000)


class PlannedRouteBody(RouteBody):
    id: Id = Field(examples=["route-1"])
    vehicle: Id = Field(description="Ident of the tracker that the vehicle carries", examples=["356307042441013"])


class PlanBody(Incoming):
    """A plan file."""

    routes: list[PlannedRouteBody] = Field(max_length=100_000)


class EtaOut(Outgoing):
    at: str = Field(description="When it was predicted, RFC 3339 UTC")
    p10: str
    p50: str
    p90: str
    shown: str = Field(description="The one instant that a customer is told")


class PositionFrom(StrEnum):
    PLAN = "plan"
    PLACE = "place"


class StopOut(Outgoing):
    id: str
    tenant: str
    route: str
    seq: int
    place: str | None
    name: str | None
    lat: float = Field(description="Where the stop is gone by")
    lon: float
    planned_lat: float = Field(description="The plan's own pin; another one where the place turned out to be elsewhere")
    planned_lon: float
    position_from: PositionFrom = Field(description="`place`: by what was decided about the place (`/v1/places`)")
    arrival_radius_m: float
    min_dwell_s: float | None
    planned_arrival: str | None
    window: list[str] | None
    service_s: float | None
    orders: list[str]
    status: StopStatus
    arrived_at: str | None
    departed_at: str | None
    eta: EtaOut | None
    delay: Delay


class RouteOut(Outgoing):
    id: str
    tenant: str
    vehicle: str
    starts_at: str
    status: RouteStatus
    stops: list[StopOut]


class Imported(Outgoing):
    routes: int = Field(description="How many routes were created or replaced")


def stop_of(body: RouteStopBody, place_in_list: int) -> Stop:
    start, end = body.window or (None, None)
    return Stop(
        id=body.id,
        seq=place_in_list if body.seq is None else body.seq,
        lat=body.lat,
        lon=body.lon,
        place=body.place,
        name=body.name,
        arrival_radius_m=body.arrival_radius_m,
        min_dwell_s=body.min_dwell_s,
        planned_arrival=body.planned_arrival,
        window_from=start,
        window_to=end,
        service_s=body.service_s,
        orders=tuple(body.orders),
    )


def route_of(tenant: str, id: str, body: RouteBody) -> Route:  # noqa: A002 - the domain's word
    stops = [stop_of(stop, number) for number, stop in enumerate(body.stops, start=1)]
    stops.sort(key=lambda stop: stop.seq)
    return Route(id=id, tenant=tenant, vehicle=body.vehicle, starts_at=body.starts_at, stops=tuple(stops))


def route_json(progress: RouteProgress) -> dict[str, Any]:
    route = progress.route
    return document(
        RouteOut,
        id=route.id,
        tenant=route.tenant,
        vehicle=route.vehicle,
        starts_at=instant_text(route.starts_at),
        status=progress.status,
        stops=[stop_json(route, stop, progress.stops.get(stop.id)) for stop in route.stops],
    )


def stop_json(route: Route, stop: Stop, progress: StopProgress | None) -> dict[str, Any]:
    became = progress or StopProgress(stop=stop.id)
    planned = stop.as_planned()
    return document(
        StopOut,
        id=stop.id,
        tenant=route.tenant,
        route=route.id,
        **_plan_json(stop),
        planned_lat=planned.lat,
        planned_lon=planned.lon,
        position_from=PositionFrom.PLACE if stop.is_moved else PositionFrom.PLAN,
        status=became.status,
        arrived_at=instant_text(became.arrived_at),
        departed_at=instant_text(became.departed_at),
        eta=None if became.eta is None else _eta_json(became.eta),
        delay=became.delay,
    )


def _plan_json(stop: Stop) -> dict[str, Any]:
    return {
        "seq": stop.seq,
        "place": stop.place,
        "name": stop.name,
        "lat": stop.lat,
        "lon": stop.lon,
        "arrival_radius_m": stop.arrival_radius_m,
        "min_dwell_s": stop.min_dwell_s,
        "planned_arrival": instant_text(stop.planned_arrival),
        "window": window_json(stop.window_from, stop.window_to),
        "service_s": stop.service_s,
        "orders": list(stop.orders),
    }


def stop_body(stop: Stop, route: str) -> dict[str, Any]:
    """The stop as it would be created: what a merge patch is applied to."""
    return {"id": stop.id, "route": route, **_plan_json(stop.as_planned())}


def route_body(route: Route) -> dict[str, Any]:
    """The route as it would be created: what a merge patch is applied to."""
    return {
        "id": route.id,
        "vehicle": route.vehicle,
        "starts_at": instant_text(route.starts_at),
        "stops": [{"id": stop.id, **_plan_json(stop.as_planned())} for stop in route.stops],
    }


def _eta_json(eta: Eta) -> dict[str, Any]:
    instants = {"at": eta.at, "p10": eta.p10, "p50": eta.p50, "p90": eta.p90, "shown": eta.shown}
    return document(EtaOut, **{name: instant_text(instant) for name, instant in instants.items()})
