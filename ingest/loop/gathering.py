"""How messages are cut into chunks: small when there is little to do (latency), large when a commit is under way (throughput).

While nothing is being written, whatever has come in is a chunk at once. While a commit is under way there is no hurry: messages are
collected until there are enough to be worth a pass, or until the commit is done. So the size of a batch follows the load by
itself, without a timer that would delay a lone message.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from fleet.message import MessageBatch
from fleet.screening import Reason

#: A pass over columns costs about half a millisecond whatever their length; over this many messages that is little for each.
WORTH_A_PASS: Final = 2_000
#: While a commit is under way the source is asked at most this often: each time costs some 50 us.
_ASK_INTERVAL_S: Final = 0.002


#: A message with one fix is shorter. Of many fixes in one message, each (110 bytes) costs a fifth of a message by itself.
_USUAL_BYTES: Final = 600
#: Token of a batch that is a part of one that the source handed over; the last part has the source's own token.
PART: Final = object()


class Gatherer:
    """Takes from a source's batches; one consumer."""

    def __init__(self, batches: AsyncIterator[MessageBatch]) -> None:
        self._batches = batches
        self._next: asyncio.Task[MessageBatch | None] | None = None
        self._parts: deque[MessageBatch] = deque()
        self.has_ended = False

    async def chunk(self, busy: asyncio.Future[Any] | None, room: int, timeout_s: float) -> list[MessageBatch]:
        """Batches that came in. `busy` is the commit under way, if any; returns as soon as it is done, perhaps with nothing.

        Also returns after `timeout_s`, when the source has ended, and once the weight of `room` messages is reached (the last
        batch may go beyond). What the source hands over in one piece and is worth several passes comes in parts.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        wanted = min(room, WORTH_A_PASS)
        parts: list[MessageBatch] = []
        count = 0
        while not self.has_ended:
            part = await self._take(busy, deadline - loop.time())
            if part is not None:
                parts.append(part)
                count += weight_of(part)
            is_idle = busy is None or busy.done()
            if is_idle or count >= wanted or loop.time() >= deadline:
                break
            if parts and busy is not None:
                await asyncio.wait({busy}, timeout=_ASK_INTERVAL_S)
        return parts

    async def close(self) -> None:
        """Let go of the source's iterator; what it was about to hand over stays unacknowledged."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)
            self._next = None

    async def _take(self, busy: asyncio.Future[Any] | None, timeout_s: float) -> MessageBatch | None:
        """The next batch, if there is one before the commit under way is done."""
        if self._parts:
            return self._parts.popleft()
        if self._next is None:
            self._next = asyncio.create_task(self._ask(), name="ingest-next-batch")
        waited_for: set[asyncio.Future[Any]] = {self._next} if busy is None or busy.done() else {self._next, busy}
        await asyncio.wait(waited_for, timeout=max(0.0, timeout_s), return_when=asyncio.FIRST_COMPLETED)
        if not self._next.done():
            return None
        asked, self._next = self._next, None
        batch = asked.result()
        if batch is None:
            self.has_ended = True
            return None
        self._parts.extend(cut(batch))
        return self._parts.popleft()

    async def _ask(self) -> MessageBatch | None:
        return await anext(self._batches, None)


def weight_of(batch: MessageBatch) -> int:
    """How much work a batch is: its messages, where they are long (store and forward) as many as would cost the same in short."""
    return max(len(batch), sum(map(len, batch.payloads)) // _USUAL_BYTES)


def cut(batch: MessageBatch) -> list[MessageBatch]:
    """The batch in parts that are worth a pass each; all but the last have PART for a token."""
    passes = -(-weight_of(batch) // WORTH_A_PASS)
    if passes <= 1 or len(batch) <= 1:
        return [batch]
    size = -(-len(batch) // passes)
    return [_part(batch, start, min(start + size, len(batch))) for start in range(0, len(batch), size)]


def _part(batch: MessageBatch, start: int, end: int) -> MessageBatch:
    return MessageBatch(
        topics=batch.topics[start:end],
        payloads=batch.payloads[start:end],
        received=batch.received[start:end],
        token=batch.token if end == len(batch) else PART,
        broken=[(index - start, reason) for index, reason in batch.broken if start <= index < end],
        retained=[index - start for index in batch.retained if start <= index < end],
        full_bytes={index - start: size for index, size in batch.full_bytes.items() if start <= index < end},
    )


def joined(parts: Sequence[MessageBatch]) -> MessageBatch:
    """The messages of several batches as one, for decoding; it has no token."""
    if len(parts) == 1:
        return parts[0]
    broken: list[tuple[int, Reason]] = []
    retained: list[int] = []
    full_bytes: dict[int, int] = {}
    topics: list[str] = []
    payloads: list[bytes] = []
    received: list[int] = []
    for part in parts:
        broken += [(index + len(topics), reason) for index, reason in part.broken]
        retained += [index + len(topics) for index in part.retained]
        full_bytes |= {index + len(topics): size for index, size in part.full_bytes.items()}
        topics += part.topics
        payloads += part.payloads
        received += part.received
    return MessageBatch(
        topics=topics, payloads=payloads, received=received, broken=broken, retained=retained, full_bytes=full_bytes
    )
