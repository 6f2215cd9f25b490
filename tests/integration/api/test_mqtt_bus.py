"""The live bus on a real broker: frames of a worker reach a screen, also after the broker was restarted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson
import pytest

from api.app import create_app
from api.live.bus import LiveFrame
from api.live.mqtt_bus import MqttBus
from api.settings import ApiSettings
from mqttwire import MqttOptions, Publisher
from store.memory import MemoryStore
from tests.integration.api.running import until
from tests.integration.store.builders import Builder, at, fixes
from tests.realparts.mosquitto import Mosquitto

pytestmark = pytest.mark.mosquitto


def frame(vehicle: str, lat: float, time_ms: int) -> bytes:
    return orjson.dumps({"vehicle": [vehicle], "time": [time_ms], "lat": [lat], "lon": [2.0]})


async def test_frames_come_as_they_were_published(mosquitto: Mosquitto) -> None:
    options = MqttOptions.from_url(mosquitto.url)
    async with MqttBus(options) as bus, Publisher(options) as worker:
        await until(lambda: bus.is_connected)
        assert bus.connections == 1
        frames = bus.frames()
        worker.offer("outrider/live/acme/positions", b"1")
        worker.offer("fleet/acme/van/fix", b"not for screens")
        worker.offer("outrider/live/acme/etas", b"2")
        async with asyncio.timeout(10):
            assert [await anext(frames) for _ in range(2)] == [
                LiveFrame("outrider/live/acme/positions", b"1"),
                LiveFrame("outrider/live/acme/etas", b"2"),
            ]
        await bus.close()
        assert [left async for left in frames] == []


async def test_what_a_restart_of_the_broker_swallowed_comes_from_the_store(start_mosquitto: Callable[[], Mosquitto]) -> None:
    broker = start_mosquitto()
    store, options = MemoryStore(), MqttOptions.from_url(broker.url)
    (key,) = await Builder(store).keys("van-1")
    async with MqttBus(options) as bus:
        app = create_app(store, bus, ApiSettings(expects_worker=False))
        hub = app.state.services.hub
        async with app.router.lifespan_context(app):
            await until(lambda: hub.is_current)
            async with Publisher(options) as worker:
                await worker.wait_connected()
                worker.offer("outrider/live/acme/positions", frame("van-2", 1.0, 1_000))
                await until(lambda: hub.board.vehicles == 1)
            broker.kill()
            await until(lambda: not hub.is_current)
            await Builder(store).commit(fixes([(key, at(0))]))  # its frame was lost with the broker
            broker.start()
            await until(lambda: hub.is_current)
            assert bus.connections == 2
            assert hub.board.slot("acme", "van-1") is not None
    await store.close()
