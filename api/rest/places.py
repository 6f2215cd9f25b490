"""/v1/places: where places really are, learned from stands, and what was decided about that."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import Field

from api.access.authenticate import Operator, Viewer
from api.access.principal import Principal
from api.answers import Asked, Page, PageAsked, answer, decode_cursor, decode_number, page, place_of
from api.idempotency import once
from api.models.base import Instant
from api.models.places import (
    AcceptBody,
    Accepted,
    HistoryOut,
    PlaceOut,
    Withdrawn,
    history_json,
    place_json,
)
from api.problems import Conflict
from api.rest.crud import READ_PROBLEMS, WRITE_PROBLEMS, ThingId
from api.rest.known_places import SPAN, Span, all_places, one_place, rules_of
from api.services import Services, Shared
from fleet.place_decision import PlaceDecision, PlaceStep

router: Final = APIRouter(tags=["places"])


class SpanAsked(Asked):
    since: Instant | None = Field(None, alias="from", description="Visits since then; 60 days back where missing")
    to: Instant | None = Field(None, description="Visits until then")


class PlacesAsked(PageAsked, SpanAsked):
    offered: bool | None = Field(None, description="Only those that wait, or do not wait, for somebody to accept what was learned")


@router.get(
    "/v1/places",
    summary="Places with visits, or that something was decided about, by id",
    response_model=Page[PlaceOut],
    responses=READ_PROBLEMS,
)
async def list_places(services: Shared, asked: Annotated[PlacesAsked, Query()], principal: Viewer) -> Response:
    tenant, after = principal.reads(asked.tenant), decode_cursor(asked.cursor)
    found = await all_places(services, tenant, _span(services, asked))
    rules = {owner: await rules_of(services, owner) for owner in {owner for owner, _ in found}}
    documents = [place_json(*name, *found[name], rules[name[0]]) for name in sorted(found)]
    wanted = [one for one in documents if asked.offered in (None, one["offered"])]
    placed = [(place_of(tenant, one["tenant"], one["id"]), one) for one in wanted]
    rest = [item for item in placed if after is None or item[0] > after]
    return page(rest[: asked.limit + 1], asked.limit, lambda item: item[1], lambda item: item[0])


@router.get(
    "/v1/places/{id:path}/history",
    summary="What was decided about a place, by whom and when; newest first",
    response_model=Page[HistoryOut],
    responses=READ_PROBLEMS,
)
async def place_history(services: Shared, thing: ThingId, asked: Annotated[PageAsked, Query()], principal: Viewer) -> Response:
    tenant = _owner(principal, asked, thing)
    after = decode_number(asked.cursor)
    await services.store.places.get(tenant, thing)  # NotFound where nothing was decided
    found = await services.store.places.history(tenant, thing, limit=asked.limit + 1, after=after)
    return page(found, asked.limit, history_json, lambda numbered: str(numbered[0]))


@router.get("/v1/places/{id:path}", summary="One place", response_model=PlaceOut, responses=READ_PROBLEMS)
async def get_place(services: Shared, thing: ThingId, asked: Annotated[SpanAsked, Query()], principal: Viewer) -> Response:
    tenant = _owner(principal, asked, thing)
    known, decision = await one_place(services, tenant, thing, _span(services, asked))
    return answer(place_json(tenant, thing, known, decision, await rules_of(services, tenant)))


@router.post(
    "/v1/places/{id:path}:accept",
    summary="Say where a place is: its stops that are still to come move there, and so do those of plans that come later",
    description="Without a position, the learned one; 409 where nothing is learned. Routes that are over, and stops that were "
    "reached, stay as they were. Holds until somebody withdraws it, whatever is learned later.",
    response_model=Accepted,
    responses=WRITE_PROBLEMS,
)
async def accept_place(
    request: Request,
    services: Shared,
    thing: ThingId,
    asked: Annotated[SpanAsked, Query()],
    principal: Operator,
    body: Annotated[AcceptBody | None, Body()] = None,
) -> Response:
    tenant = principal.writes(asked.tenant, services.settings.default_tenant)
    given, span = body or AcceptBody(), _span(services, asked)

    async def make(_seed: str | None) -> Response:
        return await _accept(services, principal, tenant, thing, given, span)

    return await once(request, services, tenant, make)


async def _accept(services: Services, principal: Principal, tenant: str, thing: str, given: AcceptBody, span: Span) -> Response:
    known, _ = await one_place(services, tenant, thing, span, must_exist=given.lat is None)
    lat, lon = (given.lat, given.lon) if known is None or given.lat is not None else (known.lat, known.lon)
    if lat is None or lon is None:
        why = "no visits" if known is None else f"{known.visits} visits, {known.spread_m} m apart"
        raise Conflict(f"nothing is learned of {thing!r}: {why}")
    visits = 0 if known is None else known.visits
    stops = await _decide(services, principal, tenant, thing, PlaceStep.ACCEPTED, lat=lat, lon=lon, visits=visits)
    return answer({"id": thing, "lat": lat, "lon": lon, "stops": stops})


@router.post(
    "/v1/places/{id:path}:withdraw",
    summary="Go by the plan's own pins again, and let nothing move by itself",
    description="Takes back an accepted or a learned position; of a place where nothing was decided it dismisses what is offered. "
    "Holds, also against automatic moves, until somebody accepts a position.",
    response_model=Withdrawn,
    responses=WRITE_PROBLEMS,
)
async def withdraw_place(
    request: Request, services: Shared, thing: ThingId, asked: Annotated[SpanAsked, Query()], principal: Operator
) -> Response:
    tenant = principal.writes(asked.tenant, services.settings.default_tenant)
    span = _span(services, asked)

    async def make(_seed: str | None) -> Response:
        known, _ = await one_place(services, tenant, thing, span)
        visits = 0 if known is None else known.visits
        return answer({"id": thing, "stops": await _decide(services, principal, tenant, thing, PlaceStep.WITHDRAWN, visits=visits)})

    return await once(request, services, tenant, make)


async def _decide(
    services: Services,
    principal: Principal,
    tenant: str,
    place: str,
    step: PlaceStep,
    *,
    lat: float | None = None,
    lon: float | None = None,
    visits: int,
) -> int:
    """How many stops it has moved."""
    by = f"{principal.name} ({principal.key_id})" if principal.key_id else str(principal.means)
    decision = PlaceDecision(tenant=tenant, id=place, step=step, lat=lat, lon=lon, visits=visits, by=by, at=services.now())
    kept = await services.store.places.decide(decision)
    if kept is None:
        raise RuntimeError("a person's decision always counts")
    return kept.stops


def _owner(principal: Principal, asked: Asked, place: str) -> str:
    """The tenant of a place: any name may be one. Raises Conflict where the caller sees all tenants and named none."""
    tenant = principal.reads(asked.tenant)
    if tenant is None:
        raise Conflict(f"several tenants may have {place!r}; name one with ?tenant=")
    return tenant


def _span(services: Services, asked: SpanAsked) -> Span:
    return Span(start=asked.since or services.now() - SPAN, end=asked.to)
