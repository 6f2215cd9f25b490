"""A whole API for tests: real uvicorn on a port of its own, in the test's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import websockets
from websockets.asyncio.client import ClientConnection

from api.access.keys import digest
from api.app import create_app
from api.live.bus import MemoryBus
from api.live.hub import Hub
from api.serve import server
from api.services import Services
from api.settings import ApiSettings
from fleet.access import ApiKey, Role
from store.protocol import Store

#: Names of keys: whose data they open, and as what.
KEYS: Mapping[str, tuple[str | None, Role]] = {
    "root": (None, Role.ADMIN),
    "root-viewer": (None, Role.VIEWER),
    **{f"{tenant}-{role}": (tenant, role) for tenant in ("acme", "globex") for role in Role},
}
NOON_MS = 1_771_243_200_000


def key(name: str) -> str:
    return f"ork_test-key-of-{name}"


def auth(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key(name)}"}


async def put_keys(store: Store) -> None:
    for name, (tenant, role) in KEYS.items():
        created = datetime(2026, 1, 1, tzinfo=UTC)
        await store.put_api_key(ApiKey(id=name, tenant=tenant, role=role, digest=digest(key(name)), name=name, created_at=created))


@dataclass(slots=True, kw_only=True)
class Api:
    store: Store
    bus: MemoryBus
    port: int
    services: Services
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def hub(self) -> Hub:
        return self.services.hub

    def client(self, name: str | None) -> httpx.AsyncClient:
        """A client that sends this key (None: no key); closed with the API."""
        label = name or ""
        if label not in self.clients:
            self.clients[label] = httpx.AsyncClient(base_url=self.url, headers=auth(name) if name else {}, timeout=30, verify=False)
        return self.clients[label]

    def live(self, name: str | None = "acme-viewer", *, query: str = "", **options: Any) -> websockets.connect:
        headers = {**(auth(name) if name else {}), **options.pop("headers", {})}
        settings: dict[str, Any] = {"compression": None, "proxy": None, "max_size": 1 << 20, **options}
        return websockets.connect(f"ws://127.0.0.1:{self.port}/v1/live{query}", additional_headers=headers, **settings)

    def publish(self, positions: Sequence[tuple[str, float, float]], *, tenant: str = "acme", at_ms: int = NOON_MS) -> None:
        """(vehicle, lat, lon) of one instant, as a worker does."""
        size = len(positions)
        frame = {
            "vehicle": [vehicle for vehicle, _, _ in positions],
            "time": [at_ms] * size,
            "lat": [lat for _, lat, _ in positions],
            "lon": [lon for _, _, lon in positions],
            "speed_mps": [8.5] * size,
            "heading_deg": [None] * size,
            "accuracy_m": [5] * size,
        }
        self.bus.publish(f"outrider/live/{tenant}/positions", orjson.dumps(frame))

    def announce_events(self, tenant: str = "acme") -> None:
        self.bus.publish(f"outrider/live/{tenant}/events", b"{}")


@asynccontextmanager
async def running(store: Store, settings: ApiSettings | None = None) -> AsyncIterator[Api]:
    """The API on this store until the block ends."""
    bus = MemoryBus()
    app = create_app(store, bus, settings or ApiSettings(expects_worker=False))
    own = server(app, host="127.0.0.1", port=0)
    task = asyncio.create_task(own.serve())
    async with asyncio.timeout(30):
        while not own.started:
            assert not task.done(), task.result()
            await asyncio.sleep(0.01)
    port = own.servers[0].sockets[0].getsockname()[1]
    api = Api(store=store, bus=bus, port=port, services=app.state.services)
    try:
        await until(lambda: api.hub.is_current)
        yield api
    finally:
        for client in api.clients.values():
            await client.aclose()
        own.should_exit = True
        await task
        assert api.services.tasks.failure is None, "a background task failed while the test ran"


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for a state of the server that has no event of its own."""
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def receive(live: ClientConnection, *kinds: str) -> dict[str, Any]:
    """The next message of one of these kinds (of any kind without); others are passed over."""
    async with asyncio.timeout(20):
        while True:
            message: dict[str, Any] = orjson.loads(await live.recv())
            if not kinds or message["type"] in kinds:
                return message


async def say(live: ClientConnection, **message: Any) -> None:
    await live.send(orjson.dumps(message).decode())


async def subscribe(live: ClientConnection, **message: Any) -> dict[str, Any]:
    """Say what is wanted, and the snapshot that answers."""
    await say(live, **{"subscribe": {}, **message})
    return await receive(live, "snapshot")
