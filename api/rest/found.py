"""/v1/positions, /v1/visits, /v1/events, /v1/dead-letters: what was reported and found."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final, Literal

import numpy as np
import orjson
from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.access.authenticate import Operator, Viewer
from api.answers import JSON, Asked, Page, PageAsked, answer, decode_cursor, decode_number, encode_cursor, page, place_of
from api.live.board import Board
from api.models.base import Id, Instant
from api.models.found import (
    DeadLetterOut,
    EventOut,
    PositionOut,
    VisitOut,
    dead_letter_json,
    event_json,
    position_json,
    visit_json,
)
from api.rest.crud import READ_PROBLEMS
from api.services import Shared
from fleet.errors import InvalidValue
from fleet.screening import Reason

router: Final = APIRouter()

_TEXTS_AT_ONCE: Final = 5_000


@router.get(
    "/v1/positions",
    tags=["positions"],
    summary="The newest position of every vehicle",
    description="All in one answer, ordered by nothing; `next_cursor` is always null.",
    response_model=Page[PositionOut],
    responses=READ_PROBLEMS,
)
async def list_positions(services: Shared, asked: Annotated[Asked, Query()], principal: Viewer) -> Response:
    tenant = principal.reads(asked.tenant)
    if services.hub.is_current:
        return Response(await positions_body(services.hub.board, tenant), 200, None, JSON)
    positions = await services.store.positions(tenant)
    return answer({"items": [position_json(position) for position in positions], "next_cursor": None})


async def positions_body(board: Board, tenant: str | None) -> bytes:
    """The answer, joined from the texts that live readers get too. Others have their turn while texts are made."""
    shown = board.alive[: board.size].copy()
    if tenant is not None:
        shown &= board.tenant[: board.size] == board.tenant_number(tenant)
    slots = np.flatnonzero(shown)
    texts: list[bytes] = []
    for start in range(0, len(slots), _TEXTS_AT_ONCE):
        texts += board.texts(slots[start : start + _TEXTS_AT_ONCE])
        await asyncio.sleep(0)
    return b'{"items":[' + b",".join(texts) + b'],"next_cursor":null}'


class VisitsAsked(PageAsked):
    vehicle: Id | None = None
    fence: Id | None = None
    since: Instant | None = Field(None, alias="from", description="Visits that reach to this instant or beyond")
    to: Instant | None = Field(None, description="Visits that began by this instant")


@router.get(
    "/v1/visits", tags=["visits"], summary="Visits, newest entry first", response_model=Page[VisitOut], responses=READ_PROBLEMS
)
async def list_visits(services: Shared, asked: Annotated[VisitsAsked, Query()], principal: Viewer) -> Response:
    tenant = principal.reads(asked.tenant)
    found = await services.store.visits(
        tenant,
        vehicle=asked.vehicle,
        fence=asked.fence,
        start=asked.since,
        end=asked.to,
        limit=asked.limit + 1,
        after=decode_cursor(asked.cursor),
    )
    return page(found, asked.limit, visit_json, lambda visit: place_of(tenant, visit.tenant, visit.id))


class EventsAsked(PageAsked):
    after_seq: int = Field(0, ge=0, le=2**53, description="Only events numbered above this")
    types: str | None = Field(None, max_length=2_000, description="Event types, or prefixes that end in `*`, comma-separated")
    vehicle: Id | None = None
    since: Instant | None = Field(None, alias="from", description="Occurred at or after")
    to: Instant | None = Field(None, description="Occurred at or before")
    order: Literal["oldest", "newest"] = Field("oldest", description="Which come first, by number")


@router.get("/v1/events", tags=["events"], summary="Events, by number", response_model=Page[EventOut], responses=READ_PROBLEMS)
async def list_events(services: Shared, asked: Annotated[EventsAsked, Query()], principal: Viewer) -> Response:
    newest_first = asked.order == "newest"
    if newest_first and asked.after_seq:
        raise InvalidValue("after_seq", "goes with order=oldest")
    found = await services.store.events(
        principal.reads(asked.tenant),
        after_seq=decode_number(asked.cursor) or asked.after_seq,
        types=[part.strip() for part in (asked.types or "").split(",") if part.strip()],
        vehicle=asked.vehicle,
        start=asked.since,
        end=asked.to,
        limit=asked.limit + 1,
        newest_first=newest_first,
    )
    return page(found, asked.limit, event_json, lambda numbered: str(numbered.seq))


class DeadLettersAsked(PageAsked):
    reason: Reason | None = None


@router.get(
    "/v1/dead-letters",
    tags=["dead letters"],
    summary="Messages that were refused, newest first",
    description="Letters whose tenant could not be told are shown to keys for all tenants alone.",
    response_model=Page[DeadLetterOut],
    responses=READ_PROBLEMS,
)
async def list_dead_letters(services: Shared, asked: Annotated[DeadLettersAsked, Query()], principal: Operator) -> Response:
    found = await services.store.dead_letters(
        principal.reads(asked.tenant), reason=asked.reason, limit=asked.limit + 1, after=decode_number(asked.cursor)
    )
    shown = found[: asked.limit]
    next_cursor = encode_cursor(str(shown[-1][0])) if len(found) > asked.limit else None
    items = [dead_letter_json(number, letter) for number, letter in shown]
    return Response(orjson.dumps({"items": items, "next_cursor": next_cursor}), 200, None, JSON)
