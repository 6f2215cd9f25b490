"""/v1/places: where places really are, learned from stands, and the acceptance of that. No pin moves by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Body, Query, Response
from pydantic import Field

from api.access.authenticate import Operator, Viewer
from api.answers import Asked, Page, PageAsked, answer, decode_cursor, page, place_of
from api.models.base import Instant
from api.models.places import AcceptBody, Accepted, PlaceOut, place_json
from api.problems import Conflict
from api.rest.crud import READ_PROBLEMS, WRITE_PROBLEMS, ThingId
from api.services import Services, Shared
from fleet.event import Event
from fleet.places import KINDS, KnownPlace, known_places, standing_stands
from fleet.route import RouteStatus, StopStatus
from store.protocol import NotFound, RouteProgress

router: Final = APIRouter(tags=["places"])

_PAGE: Final = 1_000
_SPAN: Final = timedelta(days=60)
_TYPES: Final = [f"{kind}*" for kind in KINDS]
#: So many events are looked at, the newest first; a fleet that makes more in the span is shown what they say.
_MOST_EVENTS: Final = 50_000
_OPEN: Final = (StopStatus.PLANNED, StopStatus.APPROACHING)


class PlacesAsked(PageAsked):
    since: Instant | None = Field(None, alias="from", description="Visits since then; 60 days back where missing")
    to: Instant | None = Field(None, description="Visits until then")


class OnePlaceAsked(Asked):
    since: Instant | None = Field(None, alias="from", description="Visits since then; 60 days back where missing")
    to: Instant | None = Field(None, description="Visits until then")


@router.get("/v1/places", summary="Places with visits, by id", response_model=Page[PlaceOut], responses=READ_PROBLEMS)
async def list_places(services: Shared, asked: Annotated[PlacesAsked, Query()], principal: Viewer) -> Response:
    tenant, after = principal.reads(asked.tenant), decode_cursor(asked.cursor)
    known = [(place_of(tenant, place.tenant, place.id), place) for place in await _known(services, tenant, asked)]
    found = sorted((item for item in known if after is None or item[0] > after), key=lambda item: item[0])
    return page(found[: asked.limit + 1], asked.limit, lambda item: place_json(item[1]), lambda item: item[0])


@router.post(
    "/v1/places/{id:path}:accept",
    summary="Move the stops that are still to come at a place to where it really is",
    description="Without a position, to the learned one; 409 where nothing is learned. Routes that are over stay as they were.",
    response_model=Accepted,
    responses=WRITE_PROBLEMS,
)
async def accept_place(
    services: Shared,
    thing: ThingId,
    asked: Annotated[OnePlaceAsked, Query()],
    principal: Operator,
    body: Annotated[AcceptBody | None, Body()] = None,
) -> Response:
    tenant = principal.writes(asked.tenant, services.settings.default_tenant)
    place = next((place for place in await _known(services, tenant, asked) if place.id == thing), None)
    if place is None:
        raise NotFound("place", thing)
    given = body or AcceptBody()
    lat, lon = (place.lat, place.lon) if given.lat is None else (given.lat, given.lon)
    if lat is None or lon is None:
        raise Conflict(f"nothing is learned of {thing!r}: {place.visits} visits, {place.spread_m} m apart")
    moved = 0
    async for progress in _open_routes(services, tenant):
        moved += await _move(services, progress, thing, lat, lon)
    return answer({"id": thing, "lat": lat, "lon": lon, "stops": moved})


async def _known(services: Services, tenant: str | None, asked: PlacesAsked | OnePlaceAsked) -> list[KnownPlace]:
    start = asked.since or services.now() - _SPAN
    events: list[Event] = []
    seq = 0
    while len(events) < _MOST_EVENTS:
        found = await services.store.events(
            tenant, types=_TYPES, start=start, end=asked.to, after_seq=seq, limit=_PAGE, newest_first=True
        )
        events += [numbered.event for numbered in found]
        if len(found) < _PAGE:
            break
        seq = found[-1].seq
    return known_places(standing_stands(reversed(events)))


async def _open_routes(services: Services, tenant: str) -> AsyncIterator[RouteProgress]:
    """All of the tenant's routes that are not over."""
    for status in (RouteStatus.UNDER_WAY, RouteStatus.PLANNED):
        after: str | None = None
        while routes := await services.store.routes.list(tenant, limit=_PAGE, after=after, status=str(status)):
            for progress in await services.store.routes_progress(tenant, routes=[route.id for route in routes], limit=len(routes)):
                yield progress
            after = routes[-1].id


async def _move(services: Services, progress: RouteProgress, place: str, lat: float, lon: float) -> int:
    """How many stops of the route were moved: those at the place that were not reached yet."""
    route = progress.route
    states = {stop.id: progress.stops.get(stop.id) for stop in route.stops if stop.place == place}
    chosen = {name for name, state in states.items() if state is None or state.status in _OPEN}
    if chosen:
        stops = tuple(replace(stop, lat=lat, lon=lon) if stop.id in chosen else stop for stop in route.stops)
        await services.store.routes.replace(replace(route, stops=stops))
    return len(chosen)
