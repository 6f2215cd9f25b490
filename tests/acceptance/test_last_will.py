"""A tracker whose connection breaks, on a real broker and a real database: told once, whatever is started anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mqttwire import MqttOptions, Publisher, Will
from tests.acceptance.worker_process import WorkerProcess, query, running_worker, until
from tests.fault_proxy import FaultProxy
from tests.realparts.mosquitto import Mosquitto

STATUS = "fleet/acme/van-1/status"


def told(database_url: str) -> list[tuple[str, str | None]]:
    rows = query(database_url, "SELECT type, data ->> 'cause' FROM events WHERE type LIKE 'vehicle.o%line' ORDER BY seq")
    return [(kind.removeprefix("vehicle."), cause) for kind, cause in rows]


@asynccontextmanager
async def tracker(proxy: FaultProxy) -> AsyncIterator[Publisher]:
    """Connected as a tracker does it: with a last will, and a word that it is there."""
    will = Will(topic=STATUS, payload=b"offline", qos=1, retain=True)
    async with Publisher(MqttOptions.from_url(proxy.url, will=will)) as publisher:
        await publisher.deliver(STATUS, b"online", retain=True)
        yield publisher


async def report(publisher: Publisher) -> None:
    await publisher.deliver("fleet/acme/van-1/fix", b'{"time":%d,"lat":60.1,"lon":24.9}' % (time.time() * 1000))


@pytest.mark.timescale
async def test_a_last_will_is_told_once_and_the_next_fix_ends_it(
    migrated_url: str, start_mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    broker = start_mosquitto()

    def says(*expected: tuple[str, str | None]) -> Callable[[], bool]:
        return lambda: told(migrated_url) == list(expected)

    with running_worker(migrated_url, broker.url, tmp_path, disconnected_after_s="1") as worker:
        async with FaultProxy(broker.port) as proxy, tracker(proxy) as publisher:
            await report(publisher)
            await wait(says(("online", None)), worker)
            await proxy.shut()
            await wait(says(("online", None), ("offline", "connection_lost")), worker)
    with running_worker(migrated_url, broker.url, tmp_path, disconnected_after_s="1") as worker:
        await asyncio.sleep(3)  # the broker has the retained status, and the store the disconnection
        assert told(migrated_url) == [("online", None), ("offline", "connection_lost")]
        async with FaultProxy(broker.port) as proxy, tracker(proxy) as publisher:
            await report(publisher)
            await wait(says(("online", None), ("offline", "connection_lost"), ("online", None)), worker)
            await asyncio.sleep(2)
            assert len(told(migrated_url)) == 3
        assert query(migrated_url, "SELECT count(*) FROM dead_letters") == [(0,)]


async def wait(holds: Callable[[], bool], worker: WorkerProcess) -> None:
    await asyncio.to_thread(until, holds, worker)
