"""The application: everything that one API process serves, put together. Nothing is opened on import, nothing is global."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from api.access.session import Sessions
from api.access.throttle import Throttle
from api.edge import Edge
from api.live.bus import LiveBus
from api.live.hub import Hub
from api.live.loops import Loops, LoopTimes
from api.live.socket import live
from api.metrics import ApiMetrics
from api.problems import answer_problem
from api.rest import access, commands, fences, found, places, routes, service, stops, subscriptions, tenants, vehicles
from api.scrub import install_scrubbing
from api.services import Services
from api.settings import ApiSettings
from api.tasks import Tasks
from api.web import add_web, security_headers
from fleet.errors import OutriderError
from store.protocol import Store

_DESCRIPTION: Final = """Real-time GPS telemetry for last-mile fleets.

Units are in the names (`speed_mps`, `radius_m`, `late_s`); instants are RFC 3339 UTC; coordinates are WGS 84 degrees.
Errors are problem documents (RFC 9457). Lists answer `{"items", "next_cursor"}`. The live stream at `/v1/live` is a WebSocket
and is described in `docs/api.md`."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(store: Store, bus: LiveBus, settings: ApiSettings, now: Callable[[], datetime] = _utc_now) -> FastAPI:
    """The store and the bus are open and stay the caller's; the app's own tasks run while its lifespan lasts."""
    install_scrubbing()
    services = _services(store, bus, settings, now)
    metrics = ApiMetrics(services.hub, bus)
    app = FastAPI(
        title="Outrider",
        version=settings.version,
        description=_DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False},
        exception_handlers=dict.fromkeys((HTTPException, RequestValidationError, OutriderError), answer_problem),
    )
    app.state.services = services
    app.state.metrics = metrics
    _add_routes(app)
    add_web(app, settings.web_dir)
    if settings.allowed_origins:
        _allow_origins(app, settings)
    app.add_middleware(
        Edge,
        metrics=metrics,
        headers=security_headers(settings),
        max_body_bytes=settings.max_body_bytes,
        sockets={"/v1/live": live},
    )
    return app


def _services(store: Store, bus: LiveBus, settings: ApiSettings, now: Callable[[], datetime]) -> Services:
    secret = settings.session_secret
    return Services(
        store=store,
        bus=bus,
        hub=Hub(store, max_readers=settings.max_live_connections, event_window=settings.live_event_window),
        settings=settings,
        sessions=Sessions(secret.get_secret_value() if secret else None, settings.session_lifetime_s),
        logins=Throttle(settings.login_burst, settings.login_refill_s),
        tasks=Tasks(),
        now=now,
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    settings = services.settings
    times = LoopTimes(
        events_poll_s=settings.live_events_poll_s,
        refresh_s=settings.live_refresh_s,
        access_recheck_s=settings.live_access_recheck_s,
    )
    services.tasks.start(Loops(services.hub, services.store, services.bus, times).all())
    try:
        yield
    finally:
        await services.tasks.stop()


def _add_routes(app: FastAPI) -> None:
    for router in (
        service.router,
        access.router,
        found.router,
        tenants.router,
        commands.router,
        *vehicles.routers(),
        *fences.routers(),
        routes.router,
        places.router,
        stops.router,
        *subscriptions.routers(),
    ):
        app.include_router(router)


def _allow_origins(app: FastAPI, settings: ApiSettings) -> None:
    """Other pages may come with a key; cookies are never sent along."""
    options: dict[str, Any] = {
        "allow_origins": settings.allowed_origins,
        "allow_methods": ["GET", "POST", "PATCH", "DELETE"],
        "allow_headers": ["authorization", "content-type", "idempotency-key", "if-match", "if-none-match"],
        "expose_headers": ["etag", "location", "retry-after", "idempotency-replayed"],
        "allow_credentials": False,
    }
    app.add_middleware(CORSMiddleware, **options)
