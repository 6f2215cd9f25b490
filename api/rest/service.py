"""/healthz, /readyz, /metrics, /v1/status and /v1/ui/config: the service about itself."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import Field

from api.access.authenticate import Operator, authenticate
from api.answers import Asked, answer
from api.health import check_all
from api.metrics import CONTENT_TYPE, ApiMetrics
from api.models.base import Outgoing, document
from api.problems import Unauthorised
from api.rest.crud import problems
from api.services import Shared
from fleet.access import Role

router: Final = APIRouter()

_STREETS: Final = "/v1/ui/streets"


class CheckOut(Outgoing):
    ok: bool
    detail: str


class ReadyOut(Outgoing):
    ready: bool
    checks: dict[str, CheckOut] = Field(description="database, broker, worker, tasks")


class UiConfigOut(Outgoing):
    style_url: str | None
    tile_url: str | None
    tile_attribution: str
    streets_url: str | None = Field(description="GeoJSON lines to draw on the plain base layer")
    version: str
    role: Role | None = Field(description="What the caller may do; null: nothing before logging in")
    tenant: str | None


class LiveStatusOut(Outgoing):
    connections: int
    vehicles: int = Field(description="Vehicles with a position")
    event_seq: int
    is_current: bool = Field(description="Whether positions come over the live bus just now")


class StatusOut(Outgoing):
    version: str
    database: dict[str, Any] = Field(description="What the server offers and is used")
    checks: dict[str, CheckOut]
    live: LiveStatusOut
    workers: list[dict[str, Any]] = Field(description="What each worker said of itself last")


@router.get("/healthz", tags=["service"], summary="Alive")
async def healthz() -> Response:
    return answer({"alive": True})


@router.get("/readyz", tags=["service"], summary="Of use", response_model=ReadyOut, responses={503: {"model": ReadyOut}})
async def readyz(services: Shared) -> Response:
    checks = await check_all(services)
    ready = all(check.is_good for check in checks.values())
    body = document(ReadyOut, ready=ready, checks={name: check.as_json() for name, check in checks.items()})
    return answer(body, 200 if ready else 503, {"cache-control": "no-store"})


@router.get("/metrics", tags=["service"], summary="Prometheus metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    own: ApiMetrics = request.app.state.metrics
    return Response(own.text(), headers={"content-type": CONTENT_TYPE, "cache-control": "no-store"})


@router.get(
    "/v1/status",
    tags=["service"],
    summary="What is used, and how it is",
    response_model=StatusOut,
    responses=problems(401, 403, 503),
)
async def status(services: Shared, asked: Annotated[Asked, Query()], principal: Operator) -> Response:
    """Numbers of the whole installation are for keys for all tenants."""
    tenant = principal.reads(asked.tenant)
    hub, capabilities = services.hub, await services.store.capabilities()
    signs = hub.workers.newest(time.monotonic(), services.settings.worker_heard_within_s)
    is_operator_of_all = principal.tenant is None
    body = document(
        StatusOut,
        version=services.settings.version,
        database={**asdict(capabilities), "summary": capabilities.describe()},
        checks={name: check.as_json() for name, check in (await check_all(services)).items()},
        live=document(
            LiveStatusOut,
            connections=hub.reader_count if is_operator_of_all else 0,
            vehicles=hub.board.vehicles_of(tenant),
            event_seq=hub.feed.last_seq,
            is_current=hub.is_current,
        ),
        workers=[sign.said for sign in signs] if is_operator_of_all else [],
    )
    return answer(body)


@router.get(
    "/v1/ui/config", tags=["service"], summary="What the screen needs to know before anything else", response_model=UiConfigOut
)
async def ui_config(request: Request, services: Shared) -> Response:
    """Open to everybody: it says whether somebody has to log in."""
    try:
        principal = await authenticate(request)
    except Unauthorised:
        principal = None
    settings = services.settings
    body = document(
        UiConfigOut,
        style_url=settings.style_url,
        tile_url=settings.tile_url,
        tile_attribution=settings.tile_attribution,
        streets_url=None if settings.streets_file is None else _STREETS,
        version=settings.version,
        role=None if principal is None else principal.role,
        tenant=None if principal is None else principal.tenant,
    )
    return answer(body, 200, {"cache-control": "no-store"})


@router.get(_STREETS, tags=["service"], summary="Streets for the plain base layer, as GeoJSON", responses=problems(404))
async def streets(services: Shared) -> Response:
    """Open to everybody, as the screen itself: it is a map, and shows nothing of anybody's fleet."""
    path = services.settings.streets_file
    if path is None:
        raise HTTPException(404, "no streets are installed")
    return FileResponse(path, media_type="application/geo+json", headers={"cache-control": "public, max-age=3600"})
