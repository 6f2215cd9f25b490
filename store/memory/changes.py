"""Who is told when the world changes: a bounded queue a reader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from store.records import Change

#: Changes that wait for one reader. When more come in they are all replaced by "reload everything", which is what a reader
#: that far behind does best.
MOST_WAITING = 1000
EVERYTHING = Change(kind="*")


class ChangeHub:
    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Change | None]] = set()
        self._is_closed = False

    def tell(self, change: Change) -> None:
        for queue in self._queues:
            if queue.full():
                _empty(queue)
                change = EVERYTHING
            queue.put_nowait(change)

    def listen(self) -> AsyncIterator[Change]:
        """Registered at once, not at the first step: what happens between the two is not missed."""
        queue: asyncio.Queue[Change | None] = asyncio.Queue(MOST_WAITING)
        queue.put_nowait(None if self._is_closed else EVERYTHING)
        self._queues.add(queue)
        return self._read(queue)

    def close(self) -> None:
        self._is_closed = True
        for queue in self._queues:
            if queue.full():
                _empty(queue)
            queue.put_nowait(None)

    async def _read(self, queue: asyncio.Queue[Change | None]) -> AsyncIterator[Change]:
        try:
            while (change := await queue.get()) is not None:
                yield change
        finally:
            self._queues.discard(queue)


def _empty(queue: asyncio.Queue[Change | None]) -> None:
    while not queue.empty():
        queue.get_nowait()
