"""Dead letters that an operator wants to be tried again, brought back into the loop as they first came in.

The store says which (`outrider deadletters retry`); the worker takes them in like any other messages, with the instant of their
first receipt, and the commit that holds what came of them also removes them. So a crash at any moment leaves a letter either where
it was, still asked for, or tried; a message that is refused again is a new dead letter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from fleet.clock import to_micros
from fleet.message import DeadLetter, MessageBatch
from ingest.loop.gathering import PART
from ingest.loop.patience import Patience
from store.protocol import IngestStore

#: How often the store is asked whether there is any: a look into an index that is nearly always empty.
_ASK_INTERVAL_S: Final = 2.0
#: Taken up at once. The next ones follow when these are written, so live messages never wait for more than these.
_MOST_AT_ONCE: Final = 200


class Retries:
    """`watch` is a task that the worker runs; `take` gives what there is to try, once."""

    def __init__(self, store: IngestStore, patience: Patience) -> None:
        self._store = store
        self._patience = patience
        self._waiting: list[tuple[int, DeadLetter]] = []
        #: Numbers that were handed over and are in the store still.
        self._under_way: frozenset[int] = frozenset()

    async def watch(self) -> None:
        """For ever."""
        while True:
            if not self._waiting:
                await self._ask()
            await asyncio.sleep(_ASK_INTERVAL_S)

    async def _ask(self) -> None:
        """The next ones, once those that were handed over are gone from the store: their commit is written."""
        found = await self._patience.until_reached(lambda: self._store.letters_to_retry(limit=_MOST_AT_ONCE))
        self._under_way &= {number for number, _ in found}
        if not self._under_way:
            self._waiting = found

    def take(self) -> tuple[MessageBatch, Sequence[int]] | None:
        """The messages, and their numbers as dead letters."""
        if not self._waiting:
            return None
        letters, self._waiting = self._waiting, []
        self._under_way = frozenset(number for number, _ in letters)
        batch = MessageBatch(
            topics=[letter.topic for _, letter in letters],
            payloads=[letter.payload for _, letter in letters],
            received=[to_micros(letter.received_at) for _, letter in letters],
            token=PART,  # there is nobody to acknowledge them to
        )
        return batch, [number for number, _ in letters]
