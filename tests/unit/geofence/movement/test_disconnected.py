"""Vehicles whose tracker's last will was received: offline after a grace, once, whatever comes late and whoever is started anew."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleet.clock import to_micros
from fleet.event import Event
from fleet.fix import FixBatch
from fleet.outcome import Outcome
from ingest.pipeline import Pipeline, PipelineSettings
from ingest.pipeline_diff import standing
from ingest.repair import Repairs
from store.memory import MemoryStore
from store.protocol import Commit
from tests.checkpoints import whole_checkpoint

NOON = datetime(2026, 2, 16, 12, tzinfo=UTC)
Told = tuple[str, float]


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


class Drive:
    """One vehicle, its pipeline and its store. Stale after 300 s, offline after 1,800 s, disconnected after 30 s."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.pipeline = Pipeline(PipelineSettings())
        self.key = 0

    async def start(self) -> Drive:
        """As a worker that takes up the work, the first one or a later one."""
        mountings = await self.store.register([("acme", "van-1")], quarantine=False)
        self.key = mountings[0].key
        self.pipeline = Pipeline(PipelineSettings())
        self.pipeline.apply(await self.store.world(), NOON)
        checkpoint = await whole_checkpoint(self.store)
        if checkpoint is not None:
            self.pipeline.restore(checkpoint.vehicles)
        async for batch in self.store.fixes_after(checkpoint.batch if checkpoint else 0, {}):
            self.pipeline.step(batch, NOON)
        self.pipeline.caught_up(NOON)
        return self

    async def fix(self, *seconds: float) -> None:
        batch = FixBatch.allocate(len(seconds))
        batch.vehicle[:] = self.key
        batch.time[:] = [to_micros(at(second)) for second in seconds]
        batch.lat[:] = batch.lon[:] = 60.0
        await self._write(self.pipeline.step(batch, at(max(seconds))), batch)
        async for commit in Repairs(self.store, self.pipeline).run(self.pipeline.steps, at(max(seconds))):
            await self.store.commit(commit)

    def lose(self, second: float) -> None:
        self.pipeline.hear({self.key: to_micros(at(second))})

    def regain(self) -> None:
        self.pipeline.hear({self.key: None})

    async def tick(self, *seconds: float) -> None:
        for second in seconds:
            await self._write(self.pipeline.tick(at(second)), FixBatch.empty())

    async def save(self) -> None:
        commit = Commit(fixes=FixBatch.empty(), outcome=Outcome(), checkpoint_vehicles=self.pipeline.checkpoint())
        await self.store.commit(commit)

    async def told(self) -> list[Told]:
        """What stands of being online and offline, by instant."""
        return sorted(((kind, second) for kind, second, _ in self._standing(await self.events())), key=lambda one: one[1])

    async def events(self) -> list[Event]:
        return [numbered.event for numbered in await self.store.events("acme", limit=999)]

    def _standing(self, events: Iterable[Event]) -> list[tuple[str, float, dict[str, Any]]]:
        words = ("vehicle.online", "vehicle.stale", "vehicle.offline")
        return [
            (one.type.removeprefix("vehicle."), (one.occurred_at - NOON).total_seconds(), dict(one.data))
            for one in standing(events)
            if one.type in words
        ]

    async def _write(self, outcome: Outcome, batch: FixBatch) -> None:
        await self.store.commit(Commit(fixes=batch, outcome=outcome, anchors=self.pipeline.anchors()))


@pytest.fixture
async def drive() -> Drive:
    return await Drive().start()


async def test_offline_after_the_grace_and_online_with_the_next_fix(drive: Drive) -> None:
    await drive.fix(0, 10)
    drive.lose(12)
    await drive.tick(13, 41)
    assert await drive.told() == [("online", 0)]
    await drive.tick(42, 43, 400, 5_000)
    assert await drive.told() == [("online", 0), ("offline", 12)]
    offline = next(one for one in await drive.events() if one.type == "vehicle.offline")
    assert {name: offline.data[name] for name in ("cause", "limit_s", "last_fix")} == {
        "cause": "connection_lost",
        "limit_s": 30,
        "last_fix": "2026-02-16T12:00:10.000Z",
    }
    await drive.fix(6_000)
    assert await drive.told() == [("online", 0), ("offline", 12), ("online", 6_000)]
    await drive.fix(6_010)
    await drive.tick(6_060)
    assert len(await drive.told()) == 3


@pytest.mark.parametrize("seconds", [60, 400])
async def test_a_short_silence_ends_as_well(drive: Drive, seconds: float) -> None:
    await drive.fix(0)
    drive.lose(5)
    await drive.tick(50)
    await drive.fix(seconds)
    assert await drive.told() == [("online", 0), ("offline", 5), ("online", seconds)]


async def test_who_is_back_within_the_grace_was_never_gone(drive: Drive) -> None:
    await drive.fix(0)
    drive.lose(5)
    await drive.tick(20)
    drive.regain()
    await drive.tick(60, 200)
    await drive.fix(210)
    assert await drive.told() == [("online", 0)]


async def test_silence_goes_on_as_ever_before_and_beside_it(drive: Drive) -> None:
    await drive.fix(0)
    await drive.tick(310)
    drive.lose(400)
    await drive.tick(500, 3_000)
    assert await drive.told() == [("online", 0), ("stale", 300), ("offline", 400)]
    await drive.fix(4_000)
    await drive.tick(5_900)
    drive.lose(5_950)
    await drive.tick(6_500)
    assert await drive.told() == [
        ("online", 0), ("stale", 300), ("offline", 400), ("online", 4_000), ("stale", 4_300), ("offline", 5_800),
    ]  # fmt: skip


async def test_a_clock_that_is_ahead_does_not_hide_it(drive: Drive) -> None:
    await drive.fix(100)
    drive.lose(60)
    await drive.tick(100, 129)
    assert await drive.told() == [("online", 100)]
    await drive.tick(131)
    assert await drive.told() == [("online", 100), ("offline", 100)]


@pytest.mark.parametrize("late", [(4,), (2, 8), (11,)])
async def test_fixes_that_come_late_leave_it_where_it_was(drive: Drive, late: tuple[float, ...]) -> None:
    await drive.fix(0, 10)
    drive.lose(12)
    await drive.tick(50)
    await drive.fix(600)
    await drive.fix(*late)
    assert await drive.told() == [("online", 0), ("offline", 12), ("online", 600)]
    assert [one.type for one in await drive.events() if one.type.endswith(".retracted")] == []


async def test_fixes_of_the_time_in_between_prove_that_it_was_not_silent(drive: Drive) -> None:
    """Store and forward: as a silence is taken back when its fixes turn up, so is this."""
    await drive.fix(0, 10)
    drive.lose(12)
    await drive.tick(50)
    await drive.fix(20, 40, 60, 80)
    assert await drive.told() == [("online", 0)]


@pytest.mark.parametrize("saves", [False, True])
async def test_a_worker_that_is_started_anew_tells_it_no_second_time(drive: Drive, saves: bool) -> None:
    await drive.fix(0, 10)
    drive.lose(12)
    await drive.tick(50)
    if saves:
        await drive.save()
    before = await drive.events()
    await drive.start()
    drive.lose(12)  # as the store remembers it
    await drive.tick(60, 500)
    assert await drive.events() == before
    await drive.fix(600)
    assert await drive.told() == [("online", 0), ("offline", 12), ("online", 600)]


async def test_what_was_pending_when_the_worker_died_is_told_by_the_next(drive: Drive) -> None:
    await drive.fix(0, 10)
    drive.lose(12)
    await drive.save()
    await drive.start()
    drive.lose(12)
    await drive.tick(60)
    assert await drive.told() == [("online", 0), ("offline", 12)]
