"""A database that stops answering: the worker says so, its memory stays flat, and it catches up by itself."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mqttwire import MqttOptions, Publisher
from store.migrate import migrate_database
from tests.acceptance.worker_process import count, running_worker, until
from tests.realparts.databases import Databases
from tests.realparts.mosquitto import Mosquitto
from tests.realparts.postgres import PostgresServer

pytestmark = [pytest.mark.mosquitto, pytest.mark.timescale, pytest.mark.slow]

RATE = 2_000
OUTAGE_S = 20.0


class Stream:
    """Publishes fixes of many vehicles at RATE until it is told to stop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._is_ending = False
        self.sent = 0

    async def run(self) -> None:
        start_ms = time.time_ns() // 1_000_000 - 3_600_000
        async with Publisher(MqttOptions.from_url(self._url)) as publisher:
            began_s = time.monotonic()
            while not self._is_ending:
                for _ in range(RATE // 50):
                    vehicle, turn = self.sent % 500, self.sent // 500
                    payload = b'{"time":%d,"lat":60.1,"lon":24.%03d}' % (start_ms + turn * 1000, vehicle)
                    await publisher.publish(f"fleet/default/van-{vehicle}/fix", payload)
                    self.sent += 1
                await asyncio.sleep(max(0.0, began_s + self.sent / RATE - time.monotonic()))
            await publisher.drain()

    def end(self) -> None:
        self._is_ending = True


async def outage(
    server: PostgresServer, broker: Mosquitto, folder: Path, stop: Callable[[], None], go_on: Callable[[], None]
) -> None:
    with Databases(server).fresh() as url:
        migrate_database(url)
        with running_worker(url, broker.url, folder) as worker:
            stream = Stream(broker.url)
            publishing = asyncio.create_task(stream.run())
            await asyncio.to_thread(until, lambda: worker.metric("outrider_ingest_stored_total") > 5 * RATE, worker)
            before_mb = worker.memory_mb
            stop()
            await asyncio.to_thread(until, lambda: worker.readiness()[0] == 503, worker)
            assert "database" in worker.readiness()[1]["detail"]
            await asyncio.sleep(OUTAGE_S)
            during_mb = worker.memory_mb
            go_on()
            await asyncio.to_thread(until, lambda: worker.readiness()[0] == 200, worker)
            stream.end()
            await publishing
            await asyncio.to_thread(until, lambda: worker.metric("outrider_ingest_acknowledged_total") >= stream.sent, worker)
            assert count(url, "fixes") == stream.sent
            assert count(url, "dead_letters") == 0
            # The window of 20,000 messages and one commit beside it are all that may wait here.
            assert during_mb < before_mb + 60


async def test_a_frozen_database(
    start_timescale: Callable[..., PostgresServer], start_mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    server = start_timescale()
    await outage(server, start_mosquitto(), tmp_path, server.suspend, server.resume)


async def test_a_killed_database(
    start_timescale: Callable[..., PostgresServer], start_mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    server = start_timescale()
    await outage(server, start_mosquitto(), tmp_path, server.kill, server.start)
