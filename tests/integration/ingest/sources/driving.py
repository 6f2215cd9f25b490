"""Drives a source in tests: takes what it hands over, in the background, and lets a test wait for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

from fleet.message import MessageBatch
from ingest.sources.mqtt5 import Mqtt5Source
from ingest.sources.mqtt311 import Mqtt311Source
from mqttwire import MqttOptions, MqttVersion, Publisher

PATIENCE_S = 30.0


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait for something that tells nobody when it comes about."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Driver:
    """Takes batches as soon as there are any, and acknowledges only when told to, unless `acknowledges` is set."""

    def __init__(self, source: Mqtt5Source | Mqtt311Source, *, acknowledges: bool = False) -> None:
        self.source = source
        self.acknowledges = acknowledges
        self.batches: list[MessageBatch] = []
        self._unacknowledged: list[MessageBatch] = []
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._pump())

    async def _pump(self) -> None:
        async for batch in self.source.batches():
            self.batches.append(batch)
            if self.acknowledges:
                await self.source.ack(batch)
            else:
                self._unacknowledged.append(batch)
            self._changed.set()

    @property
    def payloads(self) -> list[bytes]:
        """All that was handed over so far, doubles included."""
        return [payload for batch in self.batches for payload in batch.payloads]

    @property
    def messages(self) -> list[tuple[str, bytes]]:
        return [pair for batch in self.batches for pair in zip(batch.topics, batch.payloads, strict=True)]

    async def until(self, is_reached: Callable[[], bool]) -> None:
        """Wait for something that a handed over batch brings about."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_reached():
                if self._task.done():
                    self._task.result()
                self._changed.clear()
                await self._changed.wait()

    async def until_count(self, count: int) -> None:
        await self.until(lambda: len(self.payloads) >= count)

    async def until_connected(self) -> None:
        await eventually(lambda: self.source.is_connected)

    async def until_reconnected(self, times: int = 1) -> None:
        """Wait until the connection came back so many times, and is there."""
        await eventually(lambda: self.source.reconnects >= times and self.source.is_connected)

    async def ack_all(self) -> None:
        """Acknowledge in order all that was handed over and is not acknowledged."""
        unacknowledged, self._unacknowledged = self._unacknowledged, []
        for batch in unacknowledged:
            await self.source.ack(batch)

    async def close(self) -> None:
        """Close the source; its batches end."""
        await self.source.close()
        await asyncio.wait((self._task,), timeout=PATIENCE_S)
        if not self._task.cancelled():
            self._task.result()

    async def abandon(self) -> None:
        """Stop taking, as a worker that is killed: the source is not closed by this."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


@asynccontextmanager
async def driving(source: Mqtt5Source | Mqtt311Source, *, acknowledges: bool = False) -> AsyncIterator[Driver]:
    driver = Driver(source, acknowledges=acknowledges)
    try:
        yield driver
    finally:
        await driver.close()


async def publish(url: str, messages: Iterable[tuple[str, bytes]], *, qos: int = 1) -> None:
    """Publish and return when the broker has it all."""
    async with Publisher(MqttOptions.from_url(url, version=MqttVersion.AUTO)) as publisher:
        await publisher.wait_connected()
        for topic, payload in messages:
            await publisher.publish(topic, payload, qos=qos)
        await publisher.drain()
