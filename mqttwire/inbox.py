"""Messages that were read and not yet let go: bounded in number and in bytes, for one consumer.

What counts against the bounds is what waits here and what was taken and not released (acknowledged). When a bound is reached,
reading stops until there is room again, so a slow consumer slows the broker and never fills memory; or, where that is wanted, the
oldest waiting messages give way. Bounds are checked between reads: the overshoot is one read (`receive_buffer.ORDINARY_BYTES`, or
one large message).
"""

from __future__ import annotations

import asyncio
from collections import deque

from mqttwire.connection import Feed, Listener
from mqttwire.errors import Closed
from mqttwire.messages import Messages


class Inbox(Listener):
    """Collects; messages of a connection that is gone stay until they are taken: they may be the only copy."""

    def __init__(self, *, max_messages: int, max_bytes: int, max_taken: int | None = None, drops_oldest: bool = False) -> None:
        self._max_messages = max_messages
        self._max_taken = max_messages if max_taken is None else max_taken
        self._max_bytes = max_bytes
        self._drops_oldest = drops_oldest
        self._waiting: deque[Messages] = deque()
        self._open = Messages()
        self._connection: Feed | None = None
        self._consumer: asyncio.Future[None] | None = None
        self._room_awaited: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None
        self._taken_messages = 0
        self._taken_bytes = 0
        self.generation = 0
        self.received = 0
        self.dropped = 0
        self.released = 0

    # -- Listener

    def opened(self, connection: Feed) -> None:
        if len(self._open):
            self._waiting.append(self._open)
        self.generation += 1
        self._open = Messages(generation=self.generation)
        self._connection = connection
        connection.messages = self._open

    def arrived(self, count: int) -> bool:
        self.received += count
        if self._drops_oldest:
            self._drop_oldest()
        _wake(self._consumer)
        return self.has_room

    # -- the consumer's side

    @property
    def waiting_messages(self) -> int:
        return sum(map(len, self._waiting)) + len(self._open)

    @property
    def in_flight(self) -> int:
        """What is here or was taken, and is not acknowledged yet."""
        return self.waiting_messages + self._taken_messages

    async def take(self, max_messages: int) -> Messages | None:
        """What has arrived, at most so many, oldest first; waits for the first. None when closed. Raises what `fail` was told."""
        while True:
            if self._failure is not None:
                if isinstance(self._failure, Closed):
                    return None
                raise self._failure
            piece = self._next_piece(max_messages)
            if piece is not None:
                return piece
            self._consumer = asyncio.get_running_loop().create_future()
            await self._consumer

    def release(self, messages: Messages) -> None:
        """What was taken is safe: acknowledge it, unless its connection is gone, and make room."""
        self._taken_messages -= len(messages)
        self._taken_bytes -= messages.wire_bytes
        connection = self._connection
        if connection is not None and messages.generation == self.generation and connection.is_open:
            # A packet id means something only within its connection: on another one it would acknowledge somebody else's message.
            connection.answer(messages.answers)
            self.released += len(messages)
        self._make_progress()

    async def wait_room(self) -> None:
        """Return when more may come in."""
        while not self.has_room:
            self._room_awaited = asyncio.get_running_loop().create_future()
            await self._room_awaited

    def fail(self, error: BaseException) -> None:
        """Nothing more will come: the consumer is told why."""
        self._failure = self._failure or error
        _wake(self._consumer)

    # -- inside

    def _next_piece(self, max_messages: int) -> Messages | None:
        limit = min(max_messages, self._max_taken - self._taken_messages)
        first = self._waiting[0] if self._waiting else self._open
        if limit <= 0 or not len(first) or self._taken_bytes >= self._max_bytes:
            return None
        piece = self._cut(first, limit)
        self._taken_messages += len(piece)
        self._taken_bytes += piece.wire_bytes
        self._make_progress()
        return piece

    def _cut(self, first: Messages, limit: int) -> Messages:
        """Take the start of the oldest messages out of here."""
        piece, rest = (first, Messages(generation=first.generation)) if len(first) <= limit else first.split(limit)
        if first is not self._open:
            self._waiting.popleft()
            if len(rest):
                self._waiting.appendleft(rest)
            return piece
        self._open = rest
        if self._connection is not None:
            self._connection.messages = rest
        return piece

    def _drop_oldest(self) -> None:
        while (excess := self.waiting_messages - self._max_messages) > 0:
            first = self._waiting[0] if self._waiting else self._open
            piece = self._cut(first, excess)
            self.dropped += len(piece)
            if self._connection is not None and piece.generation == self.generation:
                self._connection.answer(piece.answers)

    @property
    def has_room(self) -> bool:
        """Whether more may come in."""
        waiting_bytes = sum(piece.wire_bytes for piece in self._waiting) + self._open.wire_bytes
        return self.in_flight < self._max_messages and waiting_bytes + self._taken_bytes < self._max_bytes

    def _make_progress(self) -> None:
        if self.has_room:
            if self._connection is not None:
                self._connection.resume()
            _wake(self._room_awaited)
        _wake(self._consumer)


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
