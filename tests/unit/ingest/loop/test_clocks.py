"""A clock that is off, through the worker: what is stored, shown, and found again after a restart; and settings that change."""

from __future__ import annotations

import orjson

from fleet.clock import to_micros
from fleet.message import MessageBatch
from fleet.screen_settings import ScreenOverrides
from fleet.tenant import OwnSettings, Tenant
from ingest.worker import Worker
from store.memory import MemoryStore
from tests.unit.ingest.loop.parts import NOW, ScriptedSource, native, until, worker
from tests.unit.ingest.loop.test_worker import running

S = 1_000_000
HOUR_S = 3600
TOPIC = "fleet/default/van-1/fix"


class Drive(ScriptedSource):
    """A tracker that reports every 30 s, with the receipt of each message its own."""

    def report(self, number: int, ahead_s: int, *, late_s: int = 0) -> None:
        received = to_micros(NOW) + (number * 30 + late_s) * S
        payload = native(-(number * 30 + ahead_s))
        self._waiting.put_nowait(MessageBatch(topics=[TOPIC], payloads=[payload], received=[received], token=(payload,)))


async def stored(store: MemoryStore) -> list[float]:
    """Seconds after NOW of all fixes of the vehicle."""
    batches = [fixes async for fixes in store.fixes_after(0)]
    return sorted((time - to_micros(NOW)) / S for fixes in batches for time in fixes.time.tolist())


async def finished(one: Worker, source: Drive) -> None:
    source.end()
    await one.run()


async def test_a_clock_that_is_an_hour_ahead_is_corrected_shown_and_counted() -> None:
    source, store = Drive(), MemoryStore()
    for number in range(30):
        source.report(number, HOUR_S)
    one = worker(source, store)
    await finished(one, source)
    tracker = await store.trackers.get("default", "van-1")
    assert tracker.clock is not None
    assert (tracker.clock.offset_s, tracker.clock.until) == (HOUR_S, None)
    times = await stored(store)
    assert times == [number * 30 for number in range(30 - len(times), 30)]
    assert len(times) >= 18
    letters = await store.dead_letters(None, limit=99)
    assert len(letters) == 30 - len(times)
    one.refresh_metrics()
    value = one.metrics.registry.get_sample_value
    assert value("outrider_ingest_clocks_corrected") == 1
    assert value("outrider_ingest_clock_changes_total", {"found": "off"}) == 1
    assert value("outrider_ingest_flagged_total", {"flag": "clock_corrected"}) == len(times)


async def test_messages_that_come_again_after_a_crash_are_stored_once_whatever_the_clock_does_meanwhile() -> None:
    """The clock is put right, that is committed, and the worker dies before it acknowledges. All comes again, two hours later."""
    source, store = Drive(), MemoryStore()
    for number in range(30):
        source.report(number, HOUR_S)
    for number in range(30, 40):
        source.report(number, 0)
    await finished(worker(source, store), source)
    clock = (await store.trackers.get("default", "van-1")).clock
    assert clock is not None
    assert clock.until is not None
    before = await stored(store)
    again = Drive()
    for number in range(30):
        again.report(number, HOUR_S, late_s=2 * HOUR_S)
    for number in range(30, 40):
        again.report(number, 0, late_s=2 * HOUR_S)
    await finished(worker(again, store), again)
    after = await stored(store)
    assert len(after) == len(set(after))
    assert set(before) <= set(after)
    # What was refused while nothing was known may come in now. What was stored is not stored again as the tracker said it.
    assert not {time + HOUR_S for time in before if time < 900} & set(after)


async def test_the_fix_says_what_the_tracker_said() -> None:
    source, store = Drive(), MemoryStore()
    for number in range(30):
        source.report(number, HOUR_S)
    await finished(worker(source, store), source)
    (last,) = [fixes async for fixes in store.fixes_after(0)][-1:]
    assert orjson.loads(last.extras[-1] or b"{}") == {"device_time": "2026-02-16T17:14:30.000Z"}


async def test_settings_of_a_tenant_reach_the_running_worker() -> None:
    """Where 0 N 0 E is a place, it is one from then on."""
    source, store = Drive(), MemoryStore()
    one = worker(source, store)
    async with running(one):
        source.put(native(1000, lat=0.0, lon=0.0))
        await until(lambda: len(source.acknowledged) == 1)
        assert await stored(store) == []
        await store.tenants.replace(Tenant(id="default", settings=OwnSettings(screening=ScreenOverrides(null_island_m=0))))
        sent = 1
        while not await stored(store):
            sent += 1
            source.put(native(1000 - sent, lat=0.0, lon=0.0))
            await until(lambda wanted=sent: len(source.acknowledged) == wanted)  # type: ignore[misc]
    assert await stored(store) == [sent - 1000]
