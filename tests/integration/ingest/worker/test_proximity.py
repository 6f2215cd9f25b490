"""Pairs of vehicles in the whole worker on real databases: told while it runs, the same in any order and through deaths."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from fleet.clock import to_micros
from fleet.event import Event
from fleet.fix import Fix
from fleet.proximity_rules import ProximityRules
from geofence.proximity.settings import Limits, ProximitySettings
from ingest.pipeline import Pipeline
from ingest.pipeline_diff import standing
from ingest.worker import Worker, WorkerSettings
from store.migrate import migrate_database
from store.open import open_store
from store.protocol import Store
from tests.oracle.drives import BEGIN
from tests.oracle.proximity import Oracle, slots_of
from tests.oracle.watching import Watching
from tests.unit.geofence.proximity.meetings import as_episodes, van
from tests.unit.ingest.loop.parts import NOW, NotedFrames, ScriptedSource, reception

TENANT = "acme"
SETTINGS = ProximitySettings(rules=ProximityRules(near_m=53.7))
#: Three vans that meet in pairs now and then for an hour and a half, before everything is received at once.
_DRIVEN = {
    "van-1": van(*((second, (second // 1800 % 3) * 300.0, 0.0) for second in range(0, 6_000, 900)), noise_m=5, seed=1),
    "van-2": van(*((second, (second // 900 % 2) * 300.0, 20.0) for second in range(0, 6_000, 450)), noise_m=5, seed=2),
    "van-3": van((0, 600, 10), (2000, 610, 10), (2200, 300, 15), (5_400, 300, 15), interval_s=60, seed=3, silent=(2500, 3500)),
}
_BEGUN = NOW - timedelta(hours=2)
FLEET = {name: [replace(fix, time=fix.time - BEGIN + _BEGUN) for fix in fixes] for name, fixes in _DRIVEN.items()}
FIRST, _ = slots_of(FLEET, SETTINGS)
LAST = to_micros(NOW - timedelta(seconds=SETTINGS.delay_s)) // SETTINGS.slot


def messages() -> list[tuple[str, bytes]]:
    rows = sorted((fix.time, name, fix) for name, fixes in FLEET.items() for fix in fixes)
    return [(f"fleet/{TENANT}/{name}/fix", _payload(fix)) for _, name, fix in rows]


def _payload(fix: Fix) -> bytes:
    told = (to_micros(fix.time) // 1000, fix.lat, fix.lon, fix.speed_mps, fix.accuracy_m)
    return b'{"time":%d,"lat":%r,"lon":%r,"speed_mps":%r,"accuracy_m":%r}' % told


def worker_on(store: Store, source: ScriptedSource) -> Worker:
    return Worker(
        source=source,
        store=store,
        pipeline=Pipeline(),
        reception=reception(),
        live=NotedFrames(),
        settings=WorkerSettings(proximity=SETTINGS, checkpoint_interval_s=0.2),
        clock=lambda: NOW,
    )


async def events_of(store: Store) -> list[Event]:
    found = await store.events(TENANT, types=["vehicle.proximity*"], limit=10_000)
    return [numbered.event for numbered in found]


async def stands(store: Store) -> list[Any]:
    return as_episodes(standing(await events_of(store)))


async def run_until(store: Store, taken: Sequence[tuple[str, bytes]], holds: Callable[[], Awaitable[bool]]) -> None:
    """Work until the messages are acknowledged and something holds, then stop."""
    source = ScriptedSource()
    for topic, payload in taken:
        source.put(payload, topic=topic)
    work = asyncio.create_task(worker_on(store, source).run())
    try:
        async with asyncio.timeout(60):
            while len(source.acknowledged) < len(taken) or not await holds():
                assert not work.done(), work.exception()
                await asyncio.sleep(0.05)
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def test_the_worker_tells_of_meetings_and_corrects_them(databases: Any) -> None:
    """A watch begins when its tenant is first seen, so a scout is on the road before all others. Their fixes come in shuffled, over
    two workers, of which each takes up what the one before has left."""
    limits = Limits.of(SETTINGS)
    assert limits is not None
    expected = Oracle(SETTINGS, limits).episodes(FLEET, FIRST, LAST)
    assert len(expected) >= 4
    shuffled = messages()
    random.Random(7).shuffle(shuffled)
    half = len(shuffled) // 2
    (scout,) = van((0, 5_000, 0), (1, 5_000, 0))
    seen = (f"fleet/{TENANT}/scout/fix", _payload(replace(scout, time=_BEGUN - timedelta(minutes=10))))
    with databases.fresh() as url:
        migrate_database(url)
        store = await open_store(url)

        async def is_watched() -> bool:
            return bool(await store.proximity_states())

        async def has_told() -> bool:
            return bool(await events_of(store))

        async def is_right() -> bool:
            return await stands(store) == expected

        await run_until(store, [seen], is_watched)
        await run_until(store, shuffled[:half], has_told)
        await run_until(store, [*shuffled[half:], *shuffled[:50]], is_right)
        events = await events_of(store)
        assert len({event.id for event in events}) == len(events)
        await store.close()


async def test_the_watch_finds_on_databases_what_the_oracle_says(databases: Any) -> None:
    limits = Limits.of(SETTINGS)
    assert limits is not None
    expected = Oracle(SETTINGS, limits).episodes(FLEET, FIRST, LAST)
    with databases.fresh() as url:
        migrate_database(url)
        store = await open_store(url)
        watching = Watching(store, SETTINGS)
        await watching.begin(*((TENANT, name) for name in FLEET))
        columns = watching.columns_of({(TENANT, name): fixes for name, fixes in FLEET.items()})
        await watching.scramble(columns, Random(3), NOW)
        await watching.settle(NOW)
        assert await stands(store) == expected
        await store.close()
