"""Taking up the work where the last worker stopped: checkpoint, the fixes committed since, and each vehicle's last place.

Findings of the fixes that are fed in again have the ids they had; writing them once more changes nothing, and writes what a
changed plan makes of them.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from fleet.clock import from_micros
from fleet.fix import FixBatch
from fleet.outcome import Outcome
from ingest.loop.patience import Patience
from ingest.loop.writing import Writer
from ingest.pipeline import Pipeline
from ingest.reception import Reception
from store.protocol import Commit, Store, World

log = logging.getLogger(__name__)

#: How long before its newest fix a vehicle's corrected ones are looked for.
_LATELY: Final = timedelta(hours=6)
_FURTHEST_ZONE: Final = timedelta(hours=14)


async def take_up(
    store: Store, pipeline: Pipeline, reception: Reception, world: World, patience: Patience, writer: Writer, now: datetime
) -> None:
    """Bring registry, screen and pipeline to where the store is."""
    reception.know(world)
    memories = _Recollection(store, reception, patience)
    await patience.until_reached(memories.remember_places)
    await memories.remember_corrected()
    pipeline.apply(world, now)
    again = _CatchUp(store, pipeline, now)
    await patience.until_reached(again.restore)
    await patience.until_reached(again.run)
    pipeline.caught_up(now)
    log.info("restored %d vehicles and %d fixes after them", again.restored, again.fixes)
    if not again.found.is_empty:
        await writer.write(Commit(fixes=FixBatch.empty(), outcome=again.found))


class _CatchUp:
    """Takes up the checkpoint, then all fixes that it does not include, each once, even where the database is lost in between.
    All of it comes in parts, of which each is let go: the states of a million vehicles are 500 MB."""

    def __init__(self, store: Store, pipeline: Pipeline, now: datetime) -> None:
        self._store = store
        self._pipeline = pipeline
        self._now = now
        self._included = 0
        self._ahead: dict[int, int] = {}
        self._fed = 0
        self.found = Outcome()
        self.restored = 0
        self.fixes = 0

    async def restore(self) -> None:
        """From the beginning, whatever an earlier attempt has restored: that is overwritten with the same."""
        self._ahead, self.restored = {}, 0
        async for part in self._store.checkpoint():
            self._pipeline.restore(part.vehicles)
            self._included = part.batch
            self._ahead |= part.ahead
            self.restored += len(part.vehicles)

    async def run(self) -> None:
        """Goes on where an earlier attempt was interrupted: batches come in order of commit."""
        number = 0
        async for fixes in self._store.fixes_after(self._included, self._ahead):
            number += 1
            if number <= self._fed:
                continue
            self.found.extend(self._pipeline.step(fixes, self._now))
            self._fed = number
            self.fixes += len(fixes)


class _Recollection:
    """Tells the screen where each vehicle was last, and which instants of clocks that are off it has corrected lately."""

    def __init__(self, store: Store, reception: Reception, patience: Patience) -> None:
        self._store = store
        self._reception = reception
        self._patience = patience
        self._off = dict(reception.clocks.vehicles())
        #: Of the vehicles with such clocks the instant of the newest fix.
        self._newest: dict[int, int] = {}

    async def remember_places(self) -> None:
        off = np.fromiter(self._off, np.int64, len(self._off))
        async for part in self._store.whereabouts():
            self._reception.screen.remember(part.vehicle, part.time, part.lat, part.lon)
            chosen = np.isin(part.vehicle, off)
            self._newest |= zip(part.vehicle[chosen].tolist(), part.time[chosen].tolist(), strict=True)

    async def remember_corrected(self) -> None:
        """Their messages may not have been acknowledged."""
        for vehicle, clock in self._off.items():
            if vehicle not in self._newest:
                continue
            last = from_micros(self._newest[vehicle])
            # The first fixes of a clock that has been put right lie an offset early.
            before = _LATELY + min(timedelta(seconds=abs(clock.offset_s)), _FURTHEST_ZONE)

            async def lately(vehicle: int = vehicle, last: datetime = last, before: timedelta = before) -> FixBatch:
                return await self._store.fixes_of(vehicle, last - before, last)

            self._reception.clocks.remember(vehicle, clock, await self._patience.until_reached(lately))
