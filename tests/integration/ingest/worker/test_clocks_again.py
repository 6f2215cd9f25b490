"""Clocks that are off, while workers die and messages come again, on real databases: each message is one fix, at one instant."""

from __future__ import annotations

import random
from typing import Any

import pytest

from fleet.clock import to_micros
from fleet.message import MessageBatch
from ingest.worker import Worker, WorkerSettings
from store.migrate import migrate_database
from store.open import open_store
from store.protocol import Commit, Committed, Store
from tests.unit.ingest.loop.parts import NOW, NotedFrames, PlainPipeline, ScriptedSource, native, reception

S = 1_000_000
TOPIC = "fleet/default/van-1/fix"
EVERY_S = 30
HOUR_S = 3600
#: A worker dies at one of its commits, of three messages each. Proof of a clock is in its memory, so it needs some time for it.
_COMMITS = (12, 40)


class Killed(Exception):
    """The process ends here."""


class Tracker:
    """Reports every 30 s, by a clock that is so far ahead at each message; remembers what the broker has not got rid of."""

    def __init__(self, ahead_s: list[int]) -> None:
        self._payloads = [native(-(number * EVERY_S + ahead)) for number, ahead in enumerate(ahead_s)]
        self.waiting = list(range(len(ahead_s)))

    def source(self, late_s: int) -> ScriptedSource:
        """The broker hands over what was not acknowledged, so much later than it was sent."""
        source = ScriptedSource()
        for number in self.waiting:
            payload, received = self._payloads[number], to_micros(NOW) + (number * EVERY_S + late_s) * S
            source._waiting.put_nowait(MessageBatch(topics=[TOPIC], payloads=[payload], received=[received], token=(payload,)))
        source.end()
        return source

    def forget(self, source: ScriptedSource) -> None:
        self.waiting = [number for number in self.waiting if self._payloads[number] not in source.acknowledged]


async def live(store: Store, source: ScriptedSource, *, commits: int, dies_after: bool) -> bool:
    """A worker's life: it dies at that commit, before or after it was made. Whether it did."""
    write, made = store.commit, 0

    async def dying(commit: Commit) -> Committed:
        nonlocal made
        made += 1
        if made == commits and not dies_after:
            raise Killed
        written = await write(commit)
        if made == commits:
            raise Killed
        return written

    store.commit = dying  # type: ignore[method-assign] # this store's only
    one = Worker(
        source=source,
        store=store,
        pipeline=PlainPipeline(),
        reception=reception(),
        live=NotedFrames(),
        settings=WorkerSettings(batch_messages=3, checkpoint_interval_s=0.0),
        clock=lambda: NOW,
    )
    try:
        await one.run()
    except Killed:
        return True
    return False


async def instants(url: str) -> tuple[list[float], set[bytes]]:
    """Seconds after NOW of all fixes; payloads of the dead letters."""
    store = await open_store(url)
    times = [time async for fixes in store.fixes_after(0) for time in fixes.time.tolist()]
    letters = {letter.payload for _, letter in await store.dead_letters(None, limit=9_999)}
    await store.close()
    return sorted((time - to_micros(NOW)) / S for time in times), letters


async def drive(url: str, tracker: Tracker, random_: random.Random, longest_late_s: int) -> int:
    """Workers one after the other until all is done; how many died."""
    migrate_database(url)
    deaths, late_s = 0, 0
    while tracker.waiting:
        source = tracker.source(late_s)
        store = await open_store(url)
        died = await live(store, source, commits=random_.randint(*_COMMITS), dies_after=random_.random() < 0.6)
        await store.close()
        tracker.forget(source)
        deaths += died
        late_s = random_.randint(0, longest_late_s)
    return deaths


@pytest.mark.parametrize("seed", range(2))
async def test_ahead_and_put_right_while_workers_die(databases: Any, seed: int) -> None:
    """Refused until it is proved that it is an hour ahead, put right by half an hour's time."""
    ahead_s = [HOUR_S] * 150 + [0] * 60
    tracker = Tracker(ahead_s)
    with databases.fresh() as url:
        assert await drive(url, tracker, random.Random(seed), 0) >= 2
        times, letters = await instants(url)
    assert len(times) == len(set(times))
    right = {float(number * EVERY_S) for number in range(210)}
    # The first ones after the clock was put right are corrected still, until it is proved.
    wrong = set(times) - right
    assert wrong <= {float(number * EVERY_S - HOUR_S) for number in range(150, 156)}
    for number, ahead in enumerate(ahead_s):
        is_stored = {float(number * EVERY_S), float(number * EVERY_S - HOUR_S)} & set(times)
        assert is_stored or native(-(number * EVERY_S + ahead)) in letters, number
    assert len([time for time in times if 0 <= time < 150 * EVERY_S]) >= 75


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("late_s", [0, 900], ids=["at once", "up to a quarter of an hour later"])
async def test_behind_by_a_zone_while_workers_die(databases: Any, seed: int, late_s: int) -> None:
    """Kept as the tracker says it until it is proved that it is two hours behind; then at its own instant. Each message once."""
    tracker = Tracker([-2 * HOUR_S] * 240)
    with databases.fresh() as url:
        assert await drive(url, tracker, random.Random(seed), late_s) >= 2
        times, letters = await instants(url)
    assert letters == set()
    assert len(times) == len(set(times)) == 240
    said, put_right = ([number * EVERY_S - behind for number in range(240)] for behind in (2 * HOUR_S, 0))
    assert set(times) <= set(map(float, said)) | set(map(float, put_right))
    # Two instants of one message are 240 messages apart, so each is told from those of others.
    for early, late in zip(said, put_right, strict=True):
        assert (float(early) in times) != (float(late) in times)
    if late_s == 0:
        assert len(set(map(float, put_right)) & set(times)) >= 100
