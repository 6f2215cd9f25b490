"""/v1/routes: plans, with what became of them; and the import of a plan file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import Field

from api.access.authenticate import Operator, Viewer
from api.answers import Asked, Page, PageAsked, answer, decode_cursor, page, place_of
from api.idempotency import new_id, once
from api.models.base import Id, inlined_schema
from api.models.routes import Imported, PlanBody, RouteBody, RouteOut, route_body, route_json, route_of
from api.rest.changing import until_unchanged
from api.rest.crud import READ_PROBLEMS, WRITE_PROBLEMS, ThingId, patched
from api.rest.locate import get_one
from api.services import Services, Shared
from fleet.errors import InvalidValue
from fleet.plan import InvalidPlan, parse_plan
from fleet.route import Route, RouteStatus
from store.protocol import AlreadyExists, NotFound, RouteProgress

router: Final = APIRouter(tags=["routes"])


class RoutesAsked(PageAsked):
    vehicle: Id | None = Field(None, description="Driven by this vehicle")
    status: RouteStatus | None = None


async def progress_of(services: Services, route: Route) -> RouteProgress:
    """The route with what became of its stops. Raises NotFound where it was deleted just now."""
    found = await services.store.routes_progress(route.tenant, routes=[route.id], limit=1)
    if not found:
        raise NotFound("route", route.id)
    return found[0]


async def _progress_of_all(services: Services, routes: Sequence[Route]) -> list[RouteProgress]:
    """In the order of `routes`; one that was deleted just now is left out."""
    found: list[RouteProgress] = []
    for tenant, own in groupby(routes, key=lambda route: route.tenant):
        ids = [route.id for route in own]
        found += await services.store.routes_progress(tenant, routes=ids, limit=len(ids))
    return found


@router.get("/v1/routes", summary="List routes, by id", response_model=Page[RouteOut], responses=READ_PROBLEMS)
async def list_routes(services: Shared, asked: Annotated[RoutesAsked, Query()], principal: Viewer) -> Response:
    tenant, after = principal.reads(asked.tenant), decode_cursor(asked.cursor)
    store, limit = services.store, asked.limit + 1
    if asked.status is None:
        found = await store.routes_progress(tenant, vehicle=asked.vehicle, limit=limit, after=after)
    else:
        filters = {"status": str(asked.status)} | ({"vehicle": asked.vehicle} if asked.vehicle else {})
        chosen = await store.routes.list(tenant, limit=limit, after=after, **filters)
        found = await _progress_of_all(services, chosen)
    return page(found, asked.limit, route_json, lambda item: place_of(tenant, item.route.tenant, item.route.id))


@router.post(
    "/v1/routes",
    summary="Create a route",
    description="Takes an `Idempotency-Key` header: the same request again gets the same answer.",
    status_code=201,
    response_model=RouteOut,
    responses=WRITE_PROBLEMS,
)
async def create_route(
    request: Request, services: Shared, asked: Annotated[Asked, Query()], body: RouteBody, principal: Operator
) -> Response:
    tenant = principal.writes(asked.tenant, services.settings.default_tenant)

    async def make(seed: str | None) -> Response:
        route = route_of(tenant, body.id or new_id("route", seed), body)
        try:
            route = await services.store.routes.create(route)
        except AlreadyExists:
            if body.id is not None or seed is None:
                raise
            route = await services.store.routes.get(tenant, route.id)  # made by the first request, which died before it answered
        return answer(route_json(await progress_of(services, route)), 201, {"location": f"/v1/routes/{route.id}"})

    return await once(request, services, tenant, make)


@router.post(
    "/v1/routes:import",
    summary="Import a plan file: create or replace its routes, all or none",
    description="`vehicle` is the ident of a tracker; vehicles and trackers that are not there yet are made.",
    response_model=Imported,
    responses=WRITE_PROBLEMS,
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": inlined_schema(PlanBody)}}}},
)
async def import_routes(request: Request, services: Shared, asked: Annotated[Asked, Query()], principal: Operator) -> Response:
    tenant = principal.writes(asked.tenant, services.settings.default_tenant)
    try:
        planned = parse_plan(await request.body(), tenant=tenant)
    except InvalidPlan as error:
        raise InvalidValue(_steps(error.where), error.problem) from error

    async def make(_seed: str | None) -> Response:
        return answer({"routes": await services.store.import_routes(planned)})

    return await once(request, services, tenant, make)


def _steps(where: str) -> str:
    """`routes[2].stops[0].lat` in the form of InvalidValue: `routes.2.stops.0.lat`."""
    return where.replace("[", ".").replace("]", "")


@router.get("/v1/routes/{id:path}", summary="One route", response_model=RouteOut, responses=READ_PROBLEMS)
async def get_route(services: Shared, thing: ThingId, asked: Annotated[Asked, Query()], principal: Viewer) -> Response:
    route = await get_one(services.store.routes, principal.reads(asked.tenant), thing)
    return answer(route_json(await progress_of(services, route)))


@router.patch("/v1/routes/{id:path}", summary="Change a route", response_model=RouteOut, responses=WRITE_PROBLEMS)
async def patch_route(
    services: Shared,
    thing: ThingId,
    asked: Annotated[Asked, Query()],
    body: Annotated[dict[str, Any], Body(description="JSON merge patch (RFC 7396); `stops` replaces all of them")],
    principal: Operator,
) -> Response:
    async def change() -> Route:
        current = await get_one(services.store.routes, principal.reads(asked.tenant), thing)
        merged = patched(RouteBody, route_body(current), body, thing)
        return await services.store.routes.replace(route_of(current.tenant, thing, merged), only_if=current)

    changed = await until_unchanged(change)
    return answer(route_json(await progress_of(services, changed)))


@router.delete("/v1/routes/{id:path}", summary="Delete a route", status_code=204, response_class=Response, responses=WRITE_PROBLEMS)
async def delete_route(services: Shared, thing: ThingId, asked: Annotated[Asked, Query()], principal: Operator) -> Response:
    current = await get_one(services.store.routes, principal.reads(asked.tenant), thing)
    await services.store.routes.delete(current.tenant, thing)
    return Response(status_code=204)
