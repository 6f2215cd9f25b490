"""kill -9 of the worker, again and again, under load: no row missing, none twice, no event twice."""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleet.fence import Circle, Fence
from mqttwire import MqttOptions, Publisher
from store.open import open_store
from tests.acceptance.worker_process import count, query, running_worker, until
from tests.realparts.mosquitto import Mosquitto

pytestmark = [pytest.mark.mosquitto, pytest.mark.timescale, pytest.mark.slow]

KILLS = 10
RATE = 2_000
VEHICLES = 100
#: Vehicles go to and fro on a line of places 25 m apart, past two fences.
PLACES = 60
STEP_DEG = 25 / 111_195


def place(vehicle: int, turn: int) -> tuple[float, float]:
    along = turn % (2 * PLACES)
    return 60.0 + min(along, 2 * PLACES - along) * STEP_DEG, 24.0 + vehicle / 1000


async def make_fences(url: str) -> None:
    store = await open_store(url)
    for number, along in enumerate((15, 45)):
        for vehicle in range(VEHICLES):
            circle = Circle(lat=60.0 + along * STEP_DEG, lon=24.0 + vehicle / 1000, radius_m=150)
            name = f"fence-{number}-{vehicle}"
            await store.fences.create(Fence(id=name, tenant="default", name=name, shape=circle))
    await store.close()


async def publish(url: str, rounds: int, start_ms: int) -> None:
    """`rounds` fixes of each vehicle, 5 s apart by their own clock, at RATE messages a second."""
    async with Publisher(MqttOptions.from_url(url)) as publisher:
        began_s, sent = time.monotonic(), 0
        for turn in range(rounds):
            for vehicle in range(VEHICLES):
                lat, lon = place(vehicle, turn)
                payload = b'{"time":%d,"lat":%.7f,"lon":%.7f,"speed_mps":5.0}' % (start_ms + turn * 5000, lat, lon)
                await publisher.publish(f"fleet/default/van-{vehicle}/fix", payload)
            sent += VEHICLES
            await asyncio.sleep(max(0.0, began_s + sent / RATE - time.monotonic()))
        await publisher.drain()


def found(url: str) -> list[tuple[Any, ...]]:
    """What was said of fences, without the numbers and instants that differ from run to run."""
    return query(
        url,
        "SELECT type, vehicle, occurred_at, data->>'fence' FROM events WHERE type LIKE 'fence.%' ORDER BY 2, 3, 1, 4",
    )


async def run_through(url: str, mqtt_url: str, folder: Path, rounds: int, start_ms: int, kills: int) -> None:
    await make_fences(url)
    with running_worker(url, mqtt_url, folder) as worker:
        publishing = asyncio.create_task(publish(mqtt_url, rounds, start_ms))
        rng = random.Random(7)
        for _ in range(kills):
            await asyncio.sleep(rng.uniform(0.2, 2.5))
            worker.kill()
            worker.start()
        await publishing
        await asyncio.to_thread(until, lambda: count(url, "fixes") >= rounds * VEHICLES, worker)
        assert worker.stop() == 0


async def test_ten_kills_lose_nothing_and_double_nothing(
    timescale_databases: Any, start_mosquitto: Callable[..., Mosquitto], tmp_path: Path, migrated_url: str
) -> None:
    rounds, start_ms = 600, time.time_ns() // 1_000_000 - 2 * 3_600_000
    await run_through(migrated_url, start_mosquitto().url, tmp_path, rounds, start_ms, KILLS)
    assert count(migrated_url, "fixes") == rounds * VEHICLES
    assert query(migrated_url, "SELECT count(*) FROM (SELECT DISTINCT vehicle_id, time FROM fixes) f") == [(rounds * VEHICLES,)]
    assert count(migrated_url, "dead_letters") == 0
    events = found(migrated_url)
    assert len(events) == len(set(events))
    corrections = "SELECT type, vehicle, data FROM events WHERE type LIKE '%.retracted' OR type LIKE '%.revised'"
    assert query(migrated_url, corrections) == []
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    with timescale_databases.fresh() as url:
        from store.migrate import migrate_database

        migrate_database(url)
        await run_through(url, start_mosquitto().url, undisturbed, rounds, start_ms, kills=0)
        assert events == found(url)
    assert len(events) > 2 * VEHICLES
