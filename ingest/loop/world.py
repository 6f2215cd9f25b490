"""The world (fences, routes, mountings) kept current: told of changes by the store, loaded anew, handed over when asked for.

Only what a change may have touched is loaded again: a fence that was moved does not have a million mountings read.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Final

from ingest.loop.cancellation import obey_cancellation
from ingest.loop.patience import Patience
from store.protocol import Change, IngestStore, Unavailable, World

log = logging.getLogger(__name__)

#: Changes come in crowds (an import, a drag of the mouse): one load answers all that came within this time.
_SETTLE_S: Final = 0.05
#: Loading may take no more than this share of the time, however often the world changes.
_LARGEST_SHARE: Final = 0.25
_RETRY_S: Final = 1.0
_EVERYTHING: Final = Change(kind="*")


class WorldWatch:
    """Two tasks, `listen` and `load`, run by the worker; `take` gives the newest world once."""

    def __init__(self, store: IngestStore, patience: Patience) -> None:
        self._store = store
        self._patience = patience
        self._changed = asyncio.Event()
        self._loaded = asyncio.Event()
        #: Changes that no load has answered yet, by what they are told of: as many as there are kinds.
        self._changes: set[Change] = set()
        self._known: World | None = None
        self._newest: World | None = None
        self.loads = 0

    async def listen(self) -> None:
        """Note that something changed. The store tells of everything that may have been missed; returns when it is closed."""
        while True:
            try:
                async for change in self._store.changes():
                    self._note(change)
            except Unavailable as failure:
                log.warning("cannot listen for changes of the world, trying again: %s", failure)
                await asyncio.sleep(_RETRY_S)
                self._note(_EVERYTHING)
                continue
            return

    def _note(self, change: Change) -> None:
        self._changes.add(Change(kind=change.kind))
        self._changed.set()

    async def load(self) -> None:
        """Load the world, and what has changed of it after each crowd of changes."""
        clock = asyncio.get_running_loop().time
        while True:
            obey_cancellation()
            await self._changed.wait()
            await asyncio.sleep(_SETTLE_S)
            self._changed.clear()
            changes, self._changes = self._changes, set()
            began_s = clock()
            self._known = self._newest = await self._patience.until_reached(partial(self._store.world, self._known, changes))
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
        """The newest world, if it was not taken yet. What has not changed in it is the very same object as before."""
        world, self._newest = self._newest, None
        return world
