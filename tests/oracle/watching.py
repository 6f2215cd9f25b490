"""A watch over pairs of vehicles as the worker drives it, batch by batch, over any store; with deaths in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from random import Random

import numpy as np

from fleet.event import Event
from fleet.fix import Fix, FixBatch
from fleet.outcome import Outcome
from geofence.proximity.settings import ProximitySettings
from geofence.roster import Roster
from ingest.pipeline_diff import standing
from ingest.proximity.watch import ProximityWatch
from store.protocol import Commit, Store
from store.records import World
from tests.oracle.drives import batch_of


class Watching:
    """Fixes in, events in the store. `kill` loses everything that is not written."""

    def __init__(self, store: Store, settings: ProximitySettings, *, looks_back: bool = True) -> None:
        self.store = store
        self._settings = settings
        self._looks_back = looks_back
        self.keys: dict[tuple[str, str], int] = {}

    async def begin(self, *names: tuple[str, str]) -> None:
        """The world has these vehicles (tenant and id)."""
        mountings = await self.store.register(names, quarantine=False)
        self.keys |= {name: mounting.key for name, mounting in zip(names, mountings, strict=True)}
        await self.kill()

    async def kill(self) -> None:
        self._roster = Roster()
        self._roster.name((key, *name) for name, key in self.keys.items())
        self.watch = ProximityWatch(self.store, self._settings, self._roster, looks_back=self._looks_back)
        self.apply(await self.store.world())
        self.watch.restore(await self.store.proximity_states())

    def apply(self, world: World) -> None:
        self.watch.apply(world.proximity, world.fences)

    def columns_of(self, fleet: Mapping[tuple[str, str], Sequence[Fix]]) -> FixBatch:
        """The fixes of vehicles, one after the other; of an instant's fixes the first counts."""
        once = {name: list({fix.time: fix for fix in reversed(fixes)}.values()) for name, fixes in fleet.items()}
        return FixBatch.concatenate([batch_of(fixes, self.keys[name]) for name, fixes in once.items() if fixes])

    async def write(self, fixes: FixBatch | None = None, *, dies: bool = False) -> None:
        """One commit; `dies`: just before it."""
        fixes = FixBatch.empty() if fixes is None else fixes
        self.watch.heard(fixes)
        events, states = self.watch.take()
        if dies:
            await self.kill()
            return
        await self.store.commit(Commit(fixes=fixes, outcome=Outcome(events=events), proximity=states))
        self.watch.written()

    async def settle(self, now: datetime) -> None:
        """Until there is nothing to do any more."""
        is_more = True
        while is_more:
            is_more = await self.watch.turn(now)
            await self.write()

    async def scramble(self, fixes: FixBatch, random: Random, now: datetime) -> None:
        """In any order and cut, some of it twice, with turns and deaths in between."""
        order = list(range(len(fixes))) + random.sample(range(len(fixes)), random.randrange(len(fixes) // 3 + 1))
        if random.random() < 0.7:
            random.shuffle(order)
        else:
            order.sort(key=lambda row: (int(fixes.time[row]) + random.randrange(-200, 200) * 1_000_000, row))
        while order:
            count = random.randrange(1, 60)
            batch, order = fixes.take(np.array(order[:count])), order[count:]
            if random.random() < 0.15:
                await self.write(batch, dies=True)
            await self.write(batch)
            for _ in range(random.randrange(4)):
                await self.watch.turn(now)
                if random.random() < 0.3:
                    await self.write()
            if random.random() < 0.15:
                await self.kill()

    async def events(self, tenant: str) -> list[Event]:
        """Everything that was published, in that order."""
        return [numbered.event for numbered in await self.store.events(tenant, limit=100_000)]

    async def standing(self, tenant: str) -> list[Event]:
        """What stands of it, in order of time."""
        return sorted(standing(await self.events(tenant)), key=lambda event: (event.occurred_at, event.type))
