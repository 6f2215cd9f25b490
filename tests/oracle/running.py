"""A worker in miniature: pipeline and store without sources, formats and time; it can be killed at every point that matters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from fleet.clock import from_micros
from fleet.event import Event
from fleet.fence import Fence
from fleet.fix import FixBatch
from fleet.outcome import Outcome
from fleet.visit import Visit
from ingest.pipeline import Pipeline, PipelineSettings
from ingest.pipeline_diff import saying, standing
from ingest.repair import Repairs
from store.protocol import Store
from store.records import Checkpoint, Commit
from tests.checkpoints import whole_checkpoint

TENANT = "acme"


class Death(StrEnum):
    """Where the worker dies in a round."""

    NEVER = "never"
    BEFORE_COMMIT = "before the commit"
    BEFORE_REPAIR = "after the commit, before the repair"
    DURING_REPAIR = "after the repair was worked out, before it was written"
    AFTER_ALL = "after all"


@dataclass(frozen=True, kw_only=True)
class Round:
    """One batch and what happens around it."""

    batch: FixBatch
    dies: Death = Death.NEVER
    saves: bool = False
    ticks: bool = False


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What stands in the end: what the events say, and the visits."""

    sayings: frozenset[tuple[str, str, datetime, bytes]]
    visits: frozenset[tuple[str, str, datetime, datetime | None, str]]


class SmallWorker:
    """`clock` gives what the worker takes for now: the newest event time that it has seen."""

    def __init__(self, store: Store, settings: PipelineSettings | None = None) -> None:
        self._store = store
        self._settings = settings
        self.pipeline = Pipeline(settings)
        self._now = datetime.fromisoformat("2026-03-01T00:00:00+00:00")

    async def start(self) -> None:
        """Take up the work from the store."""
        self.pipeline = Pipeline(self._settings)
        await self._write(FixBatch.empty(), self.pipeline.apply(await self._store.world(), self._now))
        checkpoint = await whole_checkpoint(self._store) or Checkpoint(batch=0, vehicles={})
        self.pipeline.restore(checkpoint.vehicles)
        async for batch in self._store.fixes_after(checkpoint.batch, checkpoint.ahead):
            await self._write(FixBatch.empty(), self.pipeline.step(batch, self._now))
        self.pipeline.caught_up(self._now)
        await self._repair()

    async def run(self, rounds: Sequence[Round]) -> None:
        """A round that dies is sent again, as a broker would."""
        for one in rounds:
            if len(one.batch):
                self._now = max(self._now, from_micros(int(one.batch.time.max())))
            if one.dies is not Death.NEVER:
                await self._until_death(one)
                await self.start()
            await self._round(replace(one, dies=Death.NEVER))
            # Whatever came, nothing is left over for the next round.
            assert not self.pipeline.late

    async def finish(self, until: datetime) -> None:
        """Nothing more comes until then."""
        self._now = max(self._now, until)
        await self._write(FixBatch.empty(), self.pipeline.tick(self._now))

    async def _until_death(self, one: Round) -> None:
        outcome = self.pipeline.step(one.batch, self._now)
        if one.dies is Death.BEFORE_COMMIT:
            return
        await self._write(one.batch, outcome, saves=one.saves)
        if one.dies is Death.DURING_REPAIR:
            async for _ in Repairs(self._store, self.pipeline).run(self.pipeline.steps, self._now):
                return
        if one.dies is Death.AFTER_ALL:
            await self._repair()

    async def _round(self, one: Round) -> None:
        outcome = self.pipeline.step(one.batch, self._now)
        if one.ticks:
            outcome.extend(self.pipeline.tick(self._now))
        await self._write(one.batch, outcome, saves=one.saves)
        await self._repair()

    async def _repair(self) -> None:
        async for commit in Repairs(self._store, self.pipeline).run(self.pipeline.steps, self._now):
            await self._store.commit(commit)

    async def _write(self, batch: FixBatch, outcome: Outcome, *, saves: bool = False) -> None:
        commit = Commit(fixes=batch, outcome=outcome, anchors=self.pipeline.anchors())
        if saves:
            commit.checkpoint_vehicles = self.pipeline.checkpoint()
        await self._store.commit(commit)


async def settle(store: Store, fences: Sequence[Fence], vehicles: Sequence[str]) -> dict[str, int]:
    """Fill an empty store with fences and vehicles; the keys of the vehicles."""
    for fence in fences:
        await store.fences.create(fence)
    mountings = await store.register([(TENANT, vehicle) for vehicle in vehicles], quarantine=False)
    return {mounting.vehicle: mounting.key for mounting in mountings}


async def standing_in(store: Store) -> Standing:
    """What the store says in the end, without how it came to it."""
    events: list[Event] = [numbered.event for numbered in await store.events(TENANT, limit=100_000)]
    assert len({event.id for event in events}) == len(events)
    visits: list[Visit] = await store.visits(TENANT, limit=100_000)
    return Standing(
        sayings=frozenset((event.vehicle, *saying(event)) for event in standing(events)),
        visits=frozenset((visit.vehicle, visit.fence, visit.entered_at, visit.exited_at, _evidence(visit)) for visit in visits),
    )


def _evidence(visit: Visit) -> str:
    """Of a visit that goes on, nothing: its evidence grows untold."""
    return "" if visit.exited_at is None else repr(sorted(visit.evidence.items()))


async def outcome_of(
    store: Store,
    fences: Sequence[Fence],
    rounds_of: Callable[[dict[str, int]], Sequence[Round]],
    vehicles: Sequence[str],
    until: datetime,
) -> Standing:
    """Run the rounds on an empty store, to the end."""
    keys = await settle(store, fences, vehicles)
    worker = SmallWorker(store, PipelineSettings(anchor_interval_s=600.0))
    await worker.start()
    await worker.run(rounds_of(keys))
    await worker.finish(until + timedelta(seconds=1))
    return await standing_in(store)


def run(coroutine: Coroutine[Any, Any, Standing]) -> Standing:
    """`asyncio.run`, for tests that hypothesis calls without a loop."""
    return asyncio.run(coroutine)
