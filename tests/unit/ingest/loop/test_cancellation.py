"""A cancellation that something beneath has swallowed, as Python 3.11's `wait_for` may, still ends a loop."""

import asyncio
from collections.abc import Iterable

import pytest

from ingest.loop.patience import Patience
from ingest.loop.world import WorldWatch
from store.memory import MemoryStore
from store.protocol import Change, Unavailable
from store.records import World


class Swallow:
    """Waits, and takes a cancellation for the end of its wait."""

    def __init__(self) -> None:
        self.is_waiting = asyncio.Event()

    async def wait(self) -> None:
        self.is_waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return


async def cancelled(task: asyncio.Task[None], swallow: Swallow) -> None:
    """Returns when the task has obeyed; the test's own timeout is the bound."""
    await swallow.is_waiting.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def test_waiting_for_the_database_ends() -> None:
    swallow = Swallow()

    async def call() -> None:
        await swallow.wait()
        raise Unavailable("away")

    await cancelled(asyncio.create_task(Patience(first_pause_s=0.01).until_reached(call)), swallow)


@pytest.mark.timeout(30)
async def test_loading_the_world_ends() -> None:
    swallow = Swallow()

    class Slow(MemoryStore):
        async def world(self, known: World | None = None, changes: Iterable[Change] = ()) -> World:
            await swallow.wait()
            return await super().world(known, changes)

    watch = WorldWatch(Slow(), Patience())
    listening = asyncio.create_task(watch.listen())
    await cancelled(asyncio.create_task(watch.load()), swallow)
    listening.cancel()
    await asyncio.wait({listening})
