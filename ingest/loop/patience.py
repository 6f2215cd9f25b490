"""Waiting for a database that cannot be reached: the same call again, with backoff, for ever.

For ever is right: nothing is acknowledged meanwhile, the source hands over no more than its window, and the broker keeps the rest.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from ingest.loop.cancellation import obey_cancellation
from store.protocol import Unavailable

log = logging.getLogger(__name__)
T = TypeVar("T")

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0


class Patience:
    """One a worker. `is_waiting` says whether the database is being waited for just now."""

    def __init__(self, *, first_pause_s: float = _FIRST_PAUSE_S, longest_pause_s: float = _LONGEST_PAUSE_S) -> None:
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._waiting = 0
        #: How often the database could not be reached, and what it said last.
        self.failures = 0
        self.last_failure = ""

    @property
    def is_waiting(self) -> bool:
        return self._waiting > 0

    async def until_reached(self, call: Callable[[], Awaitable[T]]) -> T:
        """The call's result, however long it takes to reach the database. Anything but Unavailable is raised."""
        try:
            return await call()
        except Unavailable as failure:
            self._note(failure)
        self._waiting += 1
        try:
            return await self._again(call)
        finally:
            self._waiting -= 1

    async def _again(self, call: Callable[[], Awaitable[T]]) -> T:
        pause_s = self._first_pause_s
        while True:
            obey_cancellation()
            # Jitter, so that workers that lost the same database do not come back to it all at once.
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            try:
                result = await call()
            except Unavailable as failure:
                self._note(failure)
                pause_s = min(2 * pause_s, self._longest_pause_s)
            else:
                log.info("the database is back")
                return result

    def _note(self, failure: Unavailable) -> None:
        self.failures += 1
        self.last_failure = str(failure)
        if not self.is_waiting:
            log.warning("the database cannot be reached, trying until it can: %s", failure)
