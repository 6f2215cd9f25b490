"""A capture file as a source: the recorded messages with their recorded instants, and nothing to acknowledge.

The reader itself is `mqttwire.capture`, where the simulated trackers can use it as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from fleet.message import MessageBatch
from mqttwire.capture import CaptureError, Recorded, read_capture


def capture_batches(path: Path, *, batch_messages: int = 5000) -> Iterator[MessageBatch]:
    """The capture in batches of that size, for those who have no event loop.

    Raises CaptureError at a broken line, after all that came before it.
    """
    collected: list[Recorded] = []
    try:
        for message in read_capture(path):
            collected.append(message)
            if len(collected) == batch_messages:
                yield _batch(collected)
                collected = []
    except CaptureError:
        if collected:
            yield _batch(collected)
        raise
    if collected:
        yield _batch(collected)


class CaptureSource:
    """A `Source` that ends with the file. A broken line raises CaptureError after all that came before it."""

    def __init__(self, path: Path, *, batch_messages: int = 5000) -> None:
        self._path = path
        self._batch_messages = batch_messages
        self._is_closed = False

    async def batches(self) -> AsyncIterator[MessageBatch]:
        for batch in capture_batches(self._path, batch_messages=self._batch_messages):
            if self._is_closed:
                return
            yield batch
            await asyncio.sleep(0)  # a file never makes us wait, and others want their turn

    async def ack(self, batch: MessageBatch) -> None:
        """The file keeps everything anyway."""

    async def close(self) -> None:
        self._is_closed = True

    @property
    def is_connected(self) -> bool:
        return not self._is_closed

    @property
    def status(self) -> str:
        """For people: which file."""
        return "closed" if self._is_closed else f"reading {self._path}"


def _batch(messages: list[Recorded]) -> MessageBatch:
    return MessageBatch(
        topics=[message.topic for message in messages],
        payloads=[message.payload for message in messages],
        received=[message.received for message in messages],
    )
