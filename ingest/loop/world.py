"""The world (fences, routes, mountings) kept current: told of changes by the store, loaded anew, handed over when asked for."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from ingest.loop.cancellation import obey_cancellation
from ingest.loop.patience import Patience
from store.protocol import IngestStore, Unavailable, World

log = logging.getLogger(__name__)

#: Changes come in crowds (an import, a drag of the mouse): one load answers all that came within this time.
_SETTLE_S: Final = 0.05
#: Loading may take no more than this share of the time, however often the world changes.
_LARGEST_SHARE: Final = 0.25
_RETRY_S: Final = 1.0


class WorldWatch:
    """Two tasks, `listen` and `load`, run by the worker; `take` gives the newest world once."""

    def __init__(self, store: IngestStore, patience: Patience) -> None:
        self._store = store
        self._patience = patience
        self._changed = asyncio.Event()
        self._loaded = asyncio.Event()
        self._newest: World | None = None
        self.loads = 0

    async def listen(self) -> None:
        """Note that something changed. The store tells of everything that may have been missed; returns when it is closed."""
        while True:
            try:
                async for _ in self._store.changes():
                    self._changed.set()
            except Unavailable as failure:
                log.warning("cannot listen for changes of the world, trying again: %s", failure)
                await asyncio.sleep(_RETRY_S)
                self._changed.set()
                continue
            return

    async def load(self) -> None:
        """Load the world, and again after each crowd of changes."""
        clock = asyncio.get_running_loop().time
        while True:
            obey_cancellation()
            await self._changed.wait()
            await asyncio.sleep(_SETTLE_S)
            self._changed.clear()
            began_s = clock()
            self._newest = await self._patience.until_reached(self._store.world)
            self.loads += 1
            self._loaded.set()
            await asyncio.sleep((clock() - began_s) * (1 / _LARGEST_SHARE - 1))

    async def first(self) -> World:
        """Wait for the first world."""
        await self._loaded.wait()
        world = self.take()
        if world is None:
            raise RuntimeError("the first world was taken by somebody else")
        return world

    def take(self) -> World | None:
        """The newest world, if it was not taken yet."""
        world, self._newest = self._newest, None
        return world
