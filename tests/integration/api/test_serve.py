"""`serve` as the command line runs it: it stops in order, and it stops when a part of it fails."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest
import websockets

from api.app import create_app
from api.live.bus import MemoryBus
from api.serve import serve
from api.settings import ApiSettings
from api.tasks import TaskFailed
from fleet.access import Role
from store.memory import MemoryStore
from tests.realparts.process import free_port


async def _answers(port: int) -> None:
    async with httpx.AsyncClient(verify=False) as client, asyncio.timeout(20):
        while True:
            try:
                if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.02)


def _start(bus: MemoryBus, store: Any, port: int) -> asyncio.Task[None]:
    app = create_app(store, bus, ApiSettings(anonymous_role=Role.VIEWER, expects_worker=False))
    return asyncio.create_task(serve(app, "127.0.0.1", port))


async def test_cancelled_it_finishes_what_it_was_asked_and_lets_go_of_the_port() -> None:
    store, port = MemoryStore(), free_port()
    asked, go_on = asyncio.Event(), asyncio.Event()
    slow_visits = store.visits

    async def visits(*args: Any, **options: Any) -> Any:
        asked.set()
        await go_on.wait()
        return await slow_visits(*args, **options)

    store.visits = visits  # type: ignore[method-assign]
    serving = _start(MemoryBus(), store, port)
    await _answers(port)
    async with httpx.AsyncClient(verify=False) as client:
        request = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/v1/visits"))
        await asked.wait()
        serving.cancel()
        await asyncio.sleep(0.2)
        assert not serving.done(), "a request is still being answered"
        go_on.set()
        assert (await request).status_code == 200
    with pytest.raises(asyncio.CancelledError):
        await serving
    with socket.create_server(("127.0.0.1", port)):
        pass
    await store.close()


async def test_a_failed_background_task_ends_the_service() -> None:
    class BrokenBus(MemoryBus):
        async def frames(self) -> Any:
            async for frame in super().frames():
                if frame.topic == "break":
                    raise RuntimeError("the bus broke")
                yield frame

    bus, store, port = BrokenBus(), MemoryStore(), free_port()
    serving = _start(bus, store, port)
    await _answers(port)
    live = await websockets.connect(f"ws://127.0.0.1:{port}/v1/live", proxy=None)
    bus.publish("break", b"")
    with pytest.raises(TaskFailed, match="live-bus failed: RuntimeError"):
        await asyncio.wait_for(serving, 30)
    with pytest.raises(websockets.ConnectionClosed):
        await live.recv()
    await store.close()


async def test_an_address_that_is_taken_is_an_error_at_once() -> None:
    store = MemoryStore()
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        await _start(MemoryBus(), store, taken.getsockname()[1])
    await store.close()


async def test_a_reader_that_takes_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pings are not answered, and no byte of what waits for it is taken: it must not be kept for ever."""
    from api import serve as serving_module

    monkeypatch.setattr(serving_module, "PING_INTERVAL_S", 0.1)
    monkeypatch.setattr(serving_module, "PING_TIMEOUT_S", 0.3)
    bus, store, port = MemoryBus(), MemoryStore(), free_port()
    app = create_app(store, bus, ApiSettings(anonymous_role=Role.VIEWER, expects_worker=False))
    serving = asyncio.create_task(serve(app, "127.0.0.1", port))
    await _answers(port)
    hub = app.state.services.hub
    live = await websockets.connect(f"ws://127.0.0.1:{port}/v1/live", proxy=None, ping_interval=None)
    await live.send('{"subscribe": {}}')
    await live.recv()
    live.transport.pause_reading()
    async with asyncio.timeout(20):
        while hub.reader_count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    live.transport.abort()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    await store.close()
