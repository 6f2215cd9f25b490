"""Notifications of one channel, for as long as the store is open, over a connection of its own that is mended when it breaks.

PostgreSQL keeps nothing for who is not listening. So whoever iterates is told `None`, which means "anything may have happened",
when listening begins and each time it begins again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from random import random
from typing import Final

from psycopg import AsyncConnection, sql

from store.errors import StoreError
from store.postgres.translation import translated

log = logging.getLogger(__name__)

#: How often a connection on which nothing arrives is asked whether it is still there.
_QUIET_S: Final = 20.0
_ANSWER_S: Final = 10.0
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 10.0


class Listener:
    def __init__(self, conninfo: str, closing: asyncio.Event) -> None:
        self._conninfo = conninfo
        self._closing = closing

    async def payloads(self, channel: str) -> AsyncIterator[str | None]:
        """Ends when the store is closed."""
        pause_s = _FIRST_PAUSE_S
        while not self._closing.is_set():
            try:
                async for payload in self._listen_once(channel):
                    pause_s = _FIRST_PAUSE_S
                    yield payload
            except StoreError as problem:
                log.warning("listening to %s was interrupted, trying again in %.1f s: %s", channel, pause_s, problem)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), pause_s * (0.5 + random()))
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _listen_once(self, channel: str) -> AsyncIterator[str | None]:
        with translated():
            connection = await AsyncConnection.connect(self._conninfo, autocommit=True)
            async with connection:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                yield None
                while not self._closing.is_set():
                    for payload in await self._next(connection):
                        yield payload

    async def _next(self, connection: AsyncConnection[tuple[object, ...]]) -> list[str]:
        """What arrives next; nothing where the connection was quiet (and is alive) or the store is being closed."""
        arriving = asyncio.create_task(_arriving(connection), name="store listener")
        closing = asyncio.create_task(self._closing.wait(), name="store listener closing")
        try:
            await asyncio.wait({arriving, closing}, return_when=asyncio.FIRST_COMPLETED)
            return await arriving if arriving.done() else []
        finally:
            for task in (arriving, closing):
                task.cancel()
            await asyncio.gather(arriving, closing, return_exceptions=True)


async def _arriving(connection: AsyncConnection[tuple[object, ...]]) -> list[str]:
    found = [notify.payload async for notify in connection.notifies(timeout=_QUIET_S, stop_after=1)]
    if not found:
        async with asyncio.timeout(_ANSWER_S):
            await connection.execute("SELECT 1")
    return found
