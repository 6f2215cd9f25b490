"""A commit beside the event loop: its statements follow each other in a thread, however busy the loop is.

A commit is a dozen steps, and with each of them the server waits for the client. On the event loop each step waits in turn until
the loop has done what it is at: decoding and engines, 10 ms and more at a time. So the server stood still for a third of a commit.

The driver's connections are asynchronous ones all the same, as everywhere in the store: what a coroutine does with a connection
it does by `AsyncConnection.wait`, and that is all that `OffLoopConnection` replaces. In the thread it waits there and then, with
the interpreter's lock released; so a coroutine that waits for nothing but the connection never suspends, and needs no event
loop. The thread has the interpreter for the moments between; how soon it gets it is Python's switch interval
(`ingest.loop.process`).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, Final, TypeVar, cast

from psycopg import AsyncConnection, waiting
from psycopg.abc import PQGen

T = TypeVar("T")
RV = TypeVar("RV")

#: As the driver's own: how often it looks up from waiting.
_LOOK_UP_INTERVAL_S: Final = 0.1


class OffLoopConnection(AsyncConnection[tuple[Any, ...]]):
    """Waits on the event loop as any other, or in the thread that uses it, as long as `OffLoop.run` lasts."""

    waits_in_thread: bool = False

    async def wait(
        self,
        gen: PQGen[RV],
        interval: float = _LOOK_UP_INTERVAL_S,
        timeout: float | None = None,  # noqa: ASYNC109 - the driver's signature
    ) -> RV:
        if self.waits_in_thread:
            return waiting.wait(gen, self.pgconn.socket, interval=interval, timeout=timeout)
        return await super().wait(gen, interval=interval, timeout=timeout)


class OffLoop:
    """One thread; one piece of work at a time."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outrider-commit")
        #: What is under way, and its connection's line.
        self._under_way: tuple[asyncio.Future[Any], socket.socket] | None = None

    async def run(self, connection: OffLoopConnection, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, which awaits nothing but `connection`.

        Cancelled, it cuts the connection, which ends the work wherever it is, and returns only once it has ended: nothing is
        done behind the caller's back.
        """
        # Of our own while the work goes on: the connection's number might belong to something else by the time that it is cut.
        with closing(work), socket.fromfd(connection.pgconn.socket, socket.AF_INET, socket.SOCK_STREAM) as line:
            connection.waits_in_thread = True
            ending = asyncio.get_running_loop().run_in_executor(self._thread, _driven, work)
            self._under_way = ending, line
            try:
                await asyncio.wait({ending})
            except asyncio.CancelledError:
                await self._give_up()
                raise
            finally:
                self._under_way = None
                connection.waits_in_thread = False
            return ending.result()

    async def close(self) -> None:
        """What is under way is given up: a server that does not answer would keep its thread, and so the process, for ever."""
        await self._give_up()
        self._thread.shutdown()

    async def _give_up(self) -> None:
        if self._under_way is not None:
            ending, line = self._under_way
            _cut(line)
            await _ended(ending)


def _driven(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends."""
    try:
        work.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    raise RuntimeError("a commit waited for something else than its connection")


def _cut(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:  # the server was faster
        return


async def _ended(ending: asyncio.Future[Any]) -> None:
    """However often the caller is cancelled meanwhile. What became of the work is of no interest to who gave it up."""
    while not ending.done():
        try:
            await asyncio.wait({ending})
        except asyncio.CancelledError:
            continue
    ending.exception()
