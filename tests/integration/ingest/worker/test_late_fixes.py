"""The whole worker, engines included, on real databases: whatever the order in which fixes come, the same is found in the end."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleet.clock import to_micros
from fleet.fence import Circle, Fence
from ingest.pipeline import Pipeline
from ingest.worker import Worker, WorkerSettings
from store.migrate import migrate_database
from store.open import open_store
from store.protocol import Store
from tests.unit.ingest.loop.parts import NotedFrames, ScriptedSource, reception

NOW = datetime(2026, 2, 16, 16, 0, 0, tzinfo=UTC)
BEGIN = NOW - timedelta(hours=2)
#: Metres a degree of latitude.
DEGREE_M = 111_195


def drive() -> list[tuple[str, bytes]]:
    """(topic, payload): three vans that go past a depot, stop in it for five minutes, and leave."""
    messages = []
    for van in range(3):
        for turn in range(150):
            second = turn * 10
            metres = min(turn * 40, 2_000) if turn < 80 else 2_000 + (turn - 80) * 40
            time_ms = to_micros(BEGIN + timedelta(seconds=second + van)) // 1000
            speed_mps = 0.0 if 50 <= turn < 80 else 4.0
            payload = b'{"time":%d,"lat":%.7f,"lon":24.5,"speed_mps":%.1f}' % (time_ms, 60 + metres / DEGREE_M, speed_mps)
            messages.append((f"fleet/default/van-{van}/fix", payload))
    return messages


async def run_worker(store: Store, batches: list[list[tuple[str, bytes]]]) -> None:
    source = ScriptedSource()
    for batch in batches:
        for topic, payload in batch:
            source.put(payload, topic=topic)
    source.end()
    worker = Worker(
        source=source,
        store=store,
        pipeline=Pipeline(),
        reception=reception(),
        live=NotedFrames(),
        settings=WorkerSettings(),
        clock=lambda: NOW,
    )
    await worker.run()


async def what_holds(store: Store) -> list[tuple[Any, ...]]:
    """The visits, and the events that were not withdrawn or replaced."""
    visits = [(one.vehicle, one.fence, one.entered_at, one.exited_at) for one in await store.visits(None, limit=1000)]
    events = [numbered.event for numbered in await store.events(None, limit=10_000)]
    withdrawn = {event.data["of"] for event in events if "of" in event.data}
    standing = [event for event in events if event.id not in withdrawn and not event.type.endswith(".retracted")]
    said = [(event.vehicle, event.type.removesuffix(".revised"), event.occurred_at) for event in standing]
    return [*sorted(visits, key=str), *sorted((one for one in said if one[1].startswith("fence.")), key=str)]


async def prepared_store(url: str) -> Store:
    migrate_database(url)
    store = await open_store(url)
    depot = Circle(lat=60 + 2_000 / DEGREE_M, lon=24.5, radius_m=100)
    await store.fences.create(Fence(id="depot", tenant="default", name="Depot", shape=depot))
    return store


@pytest.mark.parametrize("seed", [1])
async def test_any_order_leads_to_the_same(databases: Any, seed: int) -> None:
    found = []
    for is_shuffled in (False, True):
        messages = drive()
        if is_shuffled:
            random.Random(seed).shuffle(messages)
            messages += messages[:100]  # some come twice
        half = len(messages) // 2
        with databases.fresh() as url:
            store = await prepared_store(url)
            # Two workers, one after the other: the second takes up what the first left.
            await run_worker(store, [messages[:half]])
            await run_worker(store, [messages[half:]])
            found.append(await what_holds(store))
            assert len(await store.fixes("default", "van-0", BEGIN, NOW, limit=1000)) == 150
            await store.close()
    in_order, shuffled = found
    assert shuffled == in_order
    assert len([one for one in in_order if one[1] == "depot"]) == 3
