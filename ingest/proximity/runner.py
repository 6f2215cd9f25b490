"""The watch over pairs of vehicles beside the worker's loop: it judges while commits go on, and what it finds goes with the next.

Nothing waits for it: it reads and judges in a task of its own, and gives way after every slot. What is judged again after late
fixes may take a quarter of the time, so that a flood of them delays corrections, never fixes.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Final

from ingest.loop.patience import Patience
from ingest.loop.prepared import Prepared
from ingest.proximity.watch import ProximityWatch
from store.protocol import IngestStore, Unavailable
from store.records import World

log = logging.getLogger(__name__)

_LARGEST_SHARE: Final = 0.25
#: Between two turns, so that one that waits for a commit does not ask all the time.
_LEAST_PAUSE_S: Final = 0.05
_RETRY_S: Final = 1.0


class ProximityRunner:
    """`run` is a task of the worker's; everything else is called by its loop."""

    def __init__(self, watch: ProximityWatch) -> None:
        self.watch = watch
        self._now: datetime | None = None
        self._woken = asyncio.Event()

    async def take_up(self, store: IngestStore, world: World, patience: Patience) -> None:
        """Go on where the last worker stopped."""
        self.know(world)
        self.watch.restore(await patience.until_reached(store.proximity_states))

    def know(self, world: World) -> None:
        """The world is this from now on."""
        self.watch.apply(world.proximity, world.fences)

    def tick(self, now: datetime) -> None:
        """It is `now` for the engines."""
        self._now = now
        if not self.watch.is_off:
            self._woken.set()

    @property
    def has_news(self) -> bool:
        """Whether a commit has something to carry."""
        return self.watch.has_news

    def board(self, prepared: Prepared) -> None:
        """This commit is the next one: what was found goes with it, and what its fixes make due."""
        for fixes in prepared.fixes:
            self.watch.heard(fixes)
        events, prepared.proximity = self.watch.take()
        prepared.outcome.events += events

    async def run(self) -> None:
        """Judge, until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            if self._now is not None:
                try:
                    await self._judge(self._now)
                except Unavailable as failure:
                    log.warning("pairs of vehicles wait, because the database cannot be reached: %s", failure)
                    await asyncio.sleep(_RETRY_S)

    async def _judge(self, now: datetime) -> None:
        """All that can be judged by now; a tick that comes meanwhile has its turn afterwards."""
        clock = asyncio.get_running_loop().time
        is_more = True
        while is_more:
            began_s = clock()
            is_more = await self.watch.turn(now)
            await asyncio.sleep(max(_LEAST_PAUSE_S, (clock() - began_s) * (1 / _LARGEST_SHARE - 1)))
