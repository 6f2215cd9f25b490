"""The live bus, as the hub sees it: frames that workers publish, from the broker or, in tests and in one process, from memory.

Topics: `outrider/live/<tenant>/positions`, `.../etas`, `.../events` (a wake-up) and `.../worker` (a sign of life).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final, NamedTuple, Protocol

LIVE_TOPICS: Final = "outrider/live/#"


class LiveFrame(NamedTuple):
    topic: str
    payload: bytes


class LiveBus(Protocol):
    def frames(self) -> AsyncIterator[LiveFrame]:
        """What is published from now on. Ends when the bus is closed; interruptions are mended inside. A slow consumer loses
        the oldest frames, never memory."""
        ...

    @property
    def connections(self) -> int:
        """How often the bus was reached so far. Where it differs from before while `is_connected`, frames were missed: the
        store has to be asked."""
        ...

    @property
    def is_connected(self) -> bool: ...

    async def close(self) -> None: ...


class MemoryBus:
    """A bus within one process. Beyond `capacity` waiting frames the oldest is dropped, as a broker does at QoS 0."""

    def __init__(self, capacity: int = 10_000) -> None:
        self._frames: asyncio.Queue[LiveFrame | None] = asyncio.Queue(capacity)
        self.is_connected = True
        self.connections = 1
        self.dropped = 0

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand a frame to the hub; lost while the bus is interrupted."""
        if self.is_connected:
            self._put(LiveFrame(topic, payload))

    def interrupt(self) -> None:
        """As if the connection to a broker had been lost; `reconnect` brings it back."""
        self.is_connected = False

    def reconnect(self) -> None:
        self.is_connected = True
        self.connections += 1

    def _put(self, frame: LiveFrame | None) -> None:
        if self._frames.full():
            self._frames.get_nowait()
            self.dropped += 1
        self._frames.put_nowait(frame)

    async def frames(self) -> AsyncIterator[LiveFrame]:
        while (frame := await self._frames.get()) is not None:
            yield frame

    async def close(self) -> None:
        self.is_connected = False
        self._put(None)
