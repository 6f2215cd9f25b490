"""Taking up the work where the last worker stopped: checkpoint, the fixes committed since, and each vehicle's last place.

Findings of the fixes that are fed in again have the ids they had; writing them once more changes nothing, and writes what a
changed plan makes of them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from fleet.clock import to_micros
from fleet.fix import FixBatch
from fleet.outcome import Outcome
from fleet.vehicle import Mounting
from ingest.loop.patience import Patience
from ingest.loop.writing import Writer
from ingest.pipeline import Pipeline
from ingest.reception import Reception
from store.protocol import Checkpoint, Commit, LatestPosition, Store, World

log = logging.getLogger(__name__)

_RESTORED_AT_ONCE: Final = 10_000

#: How long before its newest fix a vehicle's corrected ones are looked for.
_LATELY: Final = timedelta(hours=6)
_FURTHEST_ZONE: Final = timedelta(hours=14)


async def take_up(
    store: Store, pipeline: Pipeline, reception: Reception, world: World, patience: Patience, writer: Writer, now: datetime
) -> None:
    """Bring registry, screen and pipeline to where the store is."""
    reception.know(world)
    positions = await patience.until_reached(lambda: store.positions(None))
    _remember(reception, world.mountings, positions)
    await _remember_clocks(store, reception, positions, patience)
    del positions  # some hundred megabytes for a million vehicles, in front of what needs as much
    pipeline.apply(world, now)
    checkpoint = await patience.until_reached(store.checkpoint) or Checkpoint(batch=0, vehicles={})
    restored = len(checkpoint.vehicles)
    states, checkpoint = dict(checkpoint.vehicles), replace(checkpoint, vehicles={})
    _restore(pipeline, states)
    again = _CatchUp(store, pipeline, checkpoint, now)
    await patience.until_reached(again.run)
    pipeline.caught_up(now)
    log.info("restored %d vehicles and %d fixes after them", restored, again.fixes)
    if not again.found.is_empty:
        await writer.write(Commit(fixes=FixBatch.empty(), outcome=again.found))


def _restore(pipeline: Pipeline, states: dict[int, bytes]) -> None:
    """A part at a time, of which each is let go: of a million vehicles, records and what is made of them are 500 MB apiece."""
    while states:
        pipeline.restore(dict(states.popitem() for _ in range(min(_RESTORED_AT_ONCE, len(states)))))


class _CatchUp:
    """Feeds in all fixes that the checkpoint does not include, each once, even where the database is lost in between."""

    def __init__(self, store: Store, pipeline: Pipeline, checkpoint: Checkpoint, now: datetime) -> None:
        self._store = store
        self._pipeline = pipeline
        self._checkpoint = checkpoint
        self._now = now
        self._fed = 0
        self.found = Outcome()
        self.fixes = 0

    async def run(self) -> None:
        """Goes on where an earlier attempt was interrupted: batches come in order of commit."""
        number = 0
        async for fixes in self._store.fixes_after(self._checkpoint.batch, self._checkpoint.ahead):
            number += 1
            if number <= self._fed:
                continue
            self.found.extend(self._pipeline.step(fixes, self._now))
            self._fed = number
            self.fixes += len(fixes)


async def _remember_clocks(store: Store, reception: Reception, positions: Sequence[LatestPosition], patience: Patience) -> None:
    """Tell the screen which instants it has corrected lately: their messages may not have been acknowledged."""
    off = reception.clocks.vehicles()
    newest = {(place.tenant, place.vehicle): place.time for place in positions} if off else {}
    for vehicle, clock in off:
        last = newest.get(reception.registry.vehicle(vehicle))
        if last is None:
            continue
        # The first fixes of a clock that has been put right lie an offset early.
        before = _LATELY + min(timedelta(seconds=abs(clock.offset_s)), _FURTHEST_ZONE)

        async def lately(vehicle: int = vehicle, last: datetime = last, before: timedelta = before) -> FixBatch:
            return await store.fixes_of(vehicle, last - before, last)

        reception.clocks.remember(vehicle, clock, await patience.until_reached(lately))


def _remember(reception: Reception, mountings: Sequence[Mounting], positions: Sequence[LatestPosition]) -> None:
    """Tell the screen where each vehicle was last."""
    keys = {(mounting.tenant, mounting.vehicle): mounting.key for mounting in mountings if mounting.key}
    known = [(keys[place.tenant, place.vehicle], place) for place in positions if (place.tenant, place.vehicle) in keys]
    if known:
        reception.screen.remember(
            np.array([key for key, _ in known], np.int64),
            np.array([to_micros(place.time) for _, place in known], np.int64),
            np.array([place.lat for _, place in known]),
            np.array([place.lon for _, place in known]),
        )
