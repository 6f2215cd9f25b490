"""The worker's loop: nothing is acknowledged before it is stored, and whatever fails, nothing is lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from fleet.clock import from_micros, to_micros
from fleet.fence import Circle, Fence
from fleet.screening import Reason
from ingest.worker import Worker, WorkerSettings
from store.protocol import Rejected, StoreError, Unavailable
from store.records import Commit
from tests.unit.ingest.loop.parts import NOW, NotedFrames, PlainPipeline, ScriptedSource, TroubledStore, native, until, worker


@asynccontextmanager
async def running(one: Worker) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(one.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def letters(store: TroubledStore) -> list[tuple[str, str]]:
    return [(letter.reason, letter.detail) for _, letter in reversed(await store.dead_letters(None, limit=100))]


async def test_stored_then_acknowledged_then_live() -> None:
    source, store, live = ScriptedSource(), TroubledStore(), NotedFrames()
    store.gate.clear()
    async with running(worker(source, store, live=live)):
        source.put(native(10), native(9))
        await until(lambda: store.attempts == [2])
        await asyncio.sleep(0.05)
        assert source.acknowledged == []
        assert live.on("/positions") == []
        store.gate.set()
        await until(lambda: len(source.acknowledged) == 2)
        await until(lambda: len(live.on("/positions")) == 1)
    assert store.stored == [(10, 60.17), (9, 60.17)]
    frame = json.loads(live.on("/positions")[0])
    assert frame["vehicle"] == ["van-1"]
    assert frame["time"] == [to_micros(NOW) // 1000 - 9000]
    assert frame["speed_mps"] == [None]
    assert [topic for topic, _ in live.frames if topic.endswith("/events")] == ["outrider/live/default/events"]


async def test_everything_of_a_source_that_ends() -> None:
    source, store = ScriptedSource(), TroubledStore()
    for second in range(50, 0, -1):
        source.put(native(second))
    source.end()
    await worker(source, store).run()
    assert [second for second, _ in store.stored] == list(range(50, 0, -1))
    assert len(source.acknowledged) == 50
    assert source.is_closed


async def test_batches_grow_while_a_commit_is_under_way_and_keep_their_order() -> None:
    source, store = ScriptedSource(), TroubledStore()
    store.gate.clear()
    one = worker(source, store)
    async with running(one):
        source.put(native(100))
        await until(lambda: store.attempts == [1])
        for second in range(99, 49, -1):
            source.put(native(second))
        await until(lambda: one.sign().in_flight == 50)
        assert store.attempts == [1]
        store.gate.set()
        await until(lambda: len(source.acknowledged) == 51)
        assert store.attempts == [1, 50]
    assert [second for second, _ in store.stored] == list(range(100, 49, -1))


async def test_no_more_is_taken_than_one_commit_beside_the_one_under_way() -> None:
    source, store = ScriptedSource(), TroubledStore()
    store.gate.clear()
    one = worker(source, store, settings=WorkerSettings(batch_messages=10))
    async with running(one):
        for second in range(100, 0, -1):
            source.put(native(second))
        await until(lambda: one.sign().in_flight >= 10)
        await asyncio.sleep(0.1)
        assert one.sign().in_flight == 10
        store.gate.set()
        await until(lambda: len(source.acknowledged) == 100)
    assert max(store.attempts) <= 10


async def test_a_database_that_is_away_is_waited_for() -> None:
    source, store = ScriptedSource(), TroubledStore()
    store.failures.extend([Unavailable("away")] * 4)
    one = worker(source, store)
    async with running(one):
        source.put(native(10))
        await until(lambda: len(store.attempts) >= 2)
        sign = one.sign()
        assert (sign.is_store_reachable, sign.is_ready, sign.detail) == (False, False, "the database cannot be reached")
        assert source.acknowledged == []
        one.refresh_metrics()
        assert one.metrics.registry.get_sample_value("outrider_ingest_waits_for_database") == 1
        await until(lambda: len(source.acknowledged) == 1)
        assert one.sign().is_ready
        one.refresh_metrics()
        assert one.metrics.registry.get_sample_value("outrider_ingest_database_failures_total") == 4
        assert store.attempts == [1] * 5
    assert store.stored == [(10, 60.17)]


async def test_a_fix_that_the_database_refuses_is_found_and_buried() -> None:
    def refuses(commit: Commit) -> Rejected | None:
        return Rejected("bad value") if 13.0 in commit.fixes.lat.tolist() else None

    source, store = ScriptedSource(), TroubledStore()
    store.refuses = refuses
    payloads = [native(100 - number, lat=13.0 if number in {17, 40} else 60.0) for number in range(50)]
    source.put(*payloads)
    source.end()
    await worker(source, store).run()
    assert sorted(second for second, _ in store.stored) == sorted(100 - number for number in range(50) if number not in {17, 40})
    assert source.acknowledged == payloads
    buried = [letter for _, letter in await store.dead_letters(None, limit=10)]
    assert [letter.reason for letter in buried] == [Reason.REFUSED_BY_DATABASE] * 2
    assert {letter.payload for letter in buried} == {payloads[17], payloads[40]}
    assert {(letter.topic, letter.tenant, letter.tracker) for letter in buried} == {("fleet/default/van-1/fix", "default", "van-1")}
    assert len(await store.events(None, limit=100)) == 50


async def test_a_finding_that_the_database_refuses_does_not_hold_up_the_rest() -> None:
    def refuses(commit: Commit) -> Rejected | None:
        bad = [event for event in commit.outcome.events if event.occurred_at == from_micros(to_micros(NOW) - 9_000_000)]
        return Rejected("bad event") if bad else None

    source, store = ScriptedSource(), TroubledStore()
    store.refuses = refuses
    source.put(native(10), native(9), native(8))
    source.end()
    await worker(source, store).run()
    assert len(store.stored) == 3
    assert len(await store.events(None, limit=100)) == 2
    assert len(source.acknowledged) == 3


async def test_any_other_error_of_the_store_ends_the_worker_and_acknowledges_nothing() -> None:
    source, store = ScriptedSource(), TroubledStore()
    store.failures.append(StoreError("not migrated"))
    source.put(native(10))
    with pytest.raises(StoreError, match="not migrated"):
        await worker(source, store).run()
    assert source.acknowledged == []
    assert source.is_closed


async def test_a_defect_in_the_pipeline_ends_the_worker_and_acknowledges_nothing() -> None:
    source, store, pipeline = ScriptedSource(), TroubledStore(), PlainPipeline()
    pipeline.failure = ZeroDivisionError("a defect")
    source.put(native(10))
    with pytest.raises(ZeroDivisionError):
        await worker(source, store, pipeline=pipeline).run()
    assert source.acknowledged == []


async def test_bad_messages_become_dead_letters_and_are_acknowledged() -> None:
    source, store = ScriptedSource(), TroubledStore()
    source.put(native(10), b"{", native(9, lat=0.0, lon=0.0), native(8))
    source.put(b"?", topic="nobody/knows")
    source.put(b"online", topic="fleet/default/van-1/status")
    source.end()
    one = worker(source, store)
    await one.run()
    assert [second for second, _ in store.stored] == [10, 8]
    assert await letters(store) == [
        (Reason.INVALID_JSON, "Input data was truncated"),
        (Reason.NULL_ISLAND, "lat 0, lon 0"),
        (Reason.UNKNOWN_TOPIC, "no format reads this topic"),
    ]
    assert len(source.acknowledged) == 6
    value = one.metrics.registry.get_sample_value
    assert value("outrider_ingest_refused_total", {"reason": "null_island"}) == 1
    assert (value("outrider_ingest_messages_total"), value("outrider_ingest_stored_total")) == (6, 2)


async def test_a_flood_of_bad_messages_is_counted_beyond_the_limit() -> None:
    source, store = ScriptedSource(), TroubledStore()
    source.put(*[b"{%d" % number for number in range(100)])
    source.end()
    one = worker(source, store, settings=WorkerSettings(dead_letters_per_s=10))
    await one.run()
    assert len(await letters(store)) == 10
    assert one.metrics.registry.get_sample_value("outrider_ingest_dead_letters_dropped_total") == 90
    assert len(source.acknowledged) == 100


async def test_strangers_are_registered_with_a_vehicle_of_their_name() -> None:
    source, store, pipeline = ScriptedSource(), TroubledStore(), PlainPipeline()
    source.put(native(10), topic="fleet/acme/van-7/fix")
    source.put(native(9), topic="fleet/acme/van-8/fix")
    source.end()
    await worker(source, store, pipeline=pipeline).run()
    assert [vehicle.id for vehicle in await store.vehicles.list("acme", limit=10)] == ["van-7", "van-8"]
    assert [mounting.tracker for mounting in pipeline.learnt] == ["van-7", "van-8"]
    assert len(store.stored) == 2


async def test_strangers_are_quarantined_by_setting_until_somebody_mounts_them() -> None:
    source, store = ScriptedSource(), TroubledStore()
    async with running(worker(source, store, settings=WorkerSettings(quarantine=True))):
        source.put(native(10))
        await until(lambda: len(source.acknowledged) == 1)
        assert [reason for reason, _ in await letters(store)] == [Reason.UNKNOWN_TRACKER]
        (tracker,) = await store.trackers.list("default", limit=10)
        assert tracker.status == "quarantined"
    assert store.stored == []


async def test_a_change_of_the_world_reaches_the_pipeline() -> None:
    source, store, pipeline = ScriptedSource(), TroubledStore(), PlainPipeline()
    async with running(worker(source, store, pipeline=pipeline)):
        await until(lambda: len(pipeline.worlds) == 1)
        await store.fences.create(
            Fence(id="depot", tenant="default", name="Depot", shape=Circle(lat=60.1, lon=24.9, radius_m=100.0))
        )
        await until(lambda: any(world.fences for world in pipeline.worlds))
    assert [fence.id for fence in pipeline.worlds[-1].fences] == ["depot"]


async def test_a_restart_goes_on_from_checkpoint_and_later_batches() -> None:
    source, store, pipeline = ScriptedSource(), TroubledStore(), PlainPipeline()
    one = worker(source, store, pipeline=pipeline, settings=WorkerSettings(checkpoint_interval_s=0.01))
    async with running(one):
        source.put(native(10))
        await until(lambda: any(commit.checkpoint_vehicles for commit in store.commits))
    crashed, second_source = PlainPipeline(), ScriptedSource()
    second = worker(second_source, store, pipeline=crashed, settings=WorkerSettings(checkpoint_interval_s=3600))
    task = asyncio.create_task(second.run())
    second_source.put(native(9), native(8))
    await until(lambda: len(second_source.acknowledged) == 2)
    store.gate.clear()  # from here on nothing is written any more: as good as dead
    task.cancel()
    third = PlainPipeline()
    store.gate.set()
    async with running(worker(ScriptedSource(), store, pipeline=third)):
        await until(lambda: len(third.worlds) == 1)
        await until(lambda: bool(third.seen))
    assert list(third.seen.values()) == [3]
    with suppress(asyncio.CancelledError):
        await task


async def test_what_comes_again_after_a_restart_changes_nothing() -> None:
    store = TroubledStore()
    for _ in range(2):
        source = ScriptedSource()
        source.put(native(10), native(9))
        source.end()
        await worker(source, store).run()
        assert len(source.acknowledged) == 2
    assert len(await store.fixes("default", "van-1", from_micros(0), NOW, limit=100)) == 2
    assert len(await store.events(None, limit=100)) == 2


async def test_the_last_commit_is_finished_when_the_worker_is_told_to_stop() -> None:
    source, store = ScriptedSource(), TroubledStore()
    store.gate.clear()
    one = worker(source, store)
    task = asyncio.create_task(one.run())
    source.put(native(10))
    await until(lambda: store.attempts == [1])
    source.put(native(9))
    await until(lambda: one.sign().in_flight == 1)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    store.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(source.acknowledged) == 2
    assert source.is_closed


async def test_stopping_does_not_wait_for_a_dead_database_for_ever() -> None:
    source, store = ScriptedSource(), TroubledStore()
    store.gate.clear()
    task = asyncio.create_task(worker(source, store, settings=WorkerSettings(shutdown_grace_s=0.1)).run())
    source.put(native(10))
    await until(lambda: store.attempts == [1])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.acknowledged == []


async def test_a_sign_of_life_is_published() -> None:
    source, store, live = ScriptedSource(), TroubledStore(), NotedFrames()
    async with running(worker(source, store, live=live, settings=WorkerSettings(name="w1"))):
        await until(lambda: bool(live.on("outrider/live/-/worker")))
    sign = json.loads(live.on("outrider/live/-/worker")[0])
    assert (sign["worker"], sign["ready"], sign["detail"]) == ("w1", True, "current")
