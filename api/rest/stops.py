"""/v1/stops: the stops of routes, one by one. A stop lives in its route; changing it replaces the route's list of stops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import Field

from api.access.authenticate import Operator, Viewer
from api.answers import Asked, Page, PageAsked, answer, decode_cursor, encode_cursor, place_of
from api.idempotency import once
from api.models.base import Id
from api.models.routes import StopBody, StopOut, stop_body, stop_json, stop_of
from api.problems import BadRequest, Conflict
from api.rest.changing import until_unchanged
from api.rest.crud import READ_PROBLEMS, WRITE_PROBLEMS, ThingId, patched
from api.rest.routes import progress_of
from api.services import Services, Shared
from fleet.errors import InvalidValue
from fleet.route import Route, Stop, StopStatus
from store.protocol import AlreadyExists, NotFound, RouteProgress

router: Final = APIRouter(tags=["stops"])

_ROUTES_AT_ONCE: Final = 200
#: Between the place of a route and the number of a stop in a cursor; no id can hold it.
_JOINT: Final = "\x1f"


class StopsAsked(PageAsked):
    route: Id | None = Field(None, description="Of this route")
    vehicle: Id | None = Field(None, description="Of this vehicle's routes")
    status: StopStatus | None = None


@router.get("/v1/stops", summary="List stops, by route and order of service", response_model=Page[StopOut], responses=READ_PROBLEMS)
async def list_stops(services: Shared, asked: Annotated[StopsAsked, Query()], principal: Viewer) -> Response:
    tenant = principal.reads(asked.tenant)
    before, skip = _split(decode_cursor(asked.cursor))
    items: list[dict[str, Any]] = []
    async for progress in _routes(services, tenant, asked, before):
        route = progress.route
        for number, stop in enumerate(route.stops[skip:], start=skip):
            document = stop_json(route, stop, progress.stops.get(stop.id))
            if asked.status not in (None, document["status"]):
                continue
            if len(items) == asked.limit:
                return answer({"items": items, "next_cursor": encode_cursor(f"{before or ''}{_JOINT}{number}")})
            items.append(document)
        before, skip = place_of(tenant, route.tenant, route.id), 0
    return answer({"items": items, "next_cursor": None})


def _split(cursor: str | None) -> tuple[str | None, int]:
    """Where the route before the page's first stop ends, and how many stops of the next one were shown."""
    if cursor is None:
        return None, 0
    place, _, number = cursor.rpartition(_JOINT)
    if not number.isdecimal() or len(number) > 9:
        raise BadRequest("cursor: not one that this server gave out")
    return place or None, int(number)


async def _routes(services: Services, tenant: str | None, asked: StopsAsked, after: str | None) -> AsyncIterator[RouteProgress]:
    chosen = [asked.route] if asked.route is not None else []
    while found := await services.store.routes_progress(
        tenant, routes=chosen, vehicle=asked.vehicle, limit=_ROUTES_AT_ONCE, after=after
    ):
        for progress in found:
            yield progress
        last = found[-1].route
        after = place_of(tenant, last.tenant, last.id)


@router.post(
    "/v1/stops",
    summary="Add a stop to a route",
    description="Takes an `Idempotency-Key` header: the same request again gets the same answer.",
    status_code=201,
    response_model=StopOut,
    responses=WRITE_PROBLEMS,
)
async def create_stop(
    request: Request, services: Shared, asked: Annotated[Asked, Query()], body: StopBody, principal: Operator
) -> Response:
    tenant = principal.writes(asked.tenant, services.settings.default_tenant)

    async def make(_seed: str | None) -> Response:
        async def add() -> Route:
            route = await services.store.routes.get(tenant, body.route)
            if any(stop.id == body.id for stop in route.stops):
                raise AlreadyExists("stop", body.id)
            last = max((stop.seq for stop in route.stops), default=0)
            return await _replace(services, route, [*route.stops, stop_of(body, last + 1)])

        route = await until_unchanged(add)
        return answer(await _document(services, route, body.id), 201, {"location": f"/v1/stops/{body.id}"})

    return await once(request, services, tenant, make)


@router.get("/v1/stops/{id:path}", summary="One stop", response_model=StopOut, responses=READ_PROBLEMS)
async def get_stop(services: Shared, thing: ThingId, asked: Annotated[Asked, Query()], principal: Viewer) -> Response:
    route = await _route_of(services, principal.reads(asked.tenant), thing)
    return answer(await _document(services, route, thing))


@router.patch("/v1/stops/{id:path}", summary="Change a stop", response_model=StopOut, responses=WRITE_PROBLEMS)
async def patch_stop(
    services: Shared,
    thing: ThingId,
    asked: Annotated[Asked, Query()],
    body: Annotated[dict[str, Any], Body(description="JSON merge patch (RFC 7396) of what POST takes; null removes")],
    principal: Operator,
) -> Response:
    async def change() -> Route:
        route = await _route_of(services, principal.reads(asked.tenant), thing)
        current = next(stop for stop in route.stops if stop.id == thing)
        merged = patched(StopBody, stop_body(current, route.id), body, thing)
        if merged.route != route.id:
            raise InvalidValue("route", "cannot be changed; delete the stop and add it to the other route")
        changed = stop_of(merged, current.seq)
        return await _replace(services, route, [changed if stop.id == thing else stop for stop in route.stops])

    return answer(await _document(services, await until_unchanged(change), thing))


@router.delete(
    "/v1/stops/{id:path}", summary="Take a stop off its route", status_code=204, response_class=Response, responses=WRITE_PROBLEMS
)
async def delete_stop(services: Shared, thing: ThingId, asked: Annotated[Asked, Query()], principal: Operator) -> Response:
    async def take_off() -> Route:
        route = await _route_of(services, principal.reads(asked.tenant), thing)
        return await _replace(services, route, [stop for stop in route.stops if stop.id != thing])

    await until_unchanged(take_off)
    return Response(status_code=204)


async def _replace(services: Services, route: Route, stops: list[Stop]) -> Route:
    """The route with these stops, unless somebody else has changed it (Outdated)."""
    ordered = tuple(sorted(stops, key=lambda stop: stop.seq))
    return await services.store.routes.replace(replace(route, stops=ordered), only_if=route)


async def _document(services: Services, route: Route, stop_id: str) -> dict[str, Any]:
    progress = await progress_of(services, route)
    for stop in progress.route.stops:
        if stop.id == stop_id:
            return stop_json(progress.route, stop, progress.stops.get(stop.id))
    raise NotFound("stop", stop_id)


async def _route_of(services: Services, tenant: str | None, stop_id: str) -> Route:
    """The route that has this stop. Raises NotFound, and Conflict where stops of several tenants have the id."""
    found = await services.store.routes.list(tenant, limit=2, stop=stop_id)
    if len(found) > 1:
        raise Conflict(f"several tenants have {stop_id!r}; name one with ?tenant=")
    if not found:
        raise NotFound("stop", stop_id)
    return found[0]
