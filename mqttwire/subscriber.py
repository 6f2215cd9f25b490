"""A plain subscriber: messages as they come, no session, acknowledged when handed out. For the live bus, replies and tests.

What must survive a crash is not read with this but with `ingest.sources`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from enum import Enum
from types import TracebackType
from typing import NamedTuple, Self

from mqttwire.connection import DEFAULT_READ_INTERVAL_S, Connection
from mqttwire.errors import Closed
from mqttwire.inbox import Inbox
from mqttwire.link import Link
from mqttwire.messages import Messages
from mqttwire.opener import Opener
from mqttwire.options import MqttOptions
from mqttwire.packets import SessionWish


class Received(NamedTuple):
    """One message."""

    topic: str
    payload: bytes
    #: The broker kept it from before we subscribed.
    retain: bool


class WhenFull(Enum):
    """What happens to new messages when nobody takes the waiting ones."""

    #: Stop reading: the broker queues, and drops by its own rules.
    WAIT = "wait"
    #: Drop the oldest waiting ones and count them.
    DROP_OLDEST = "drop_oldest"


class Subscriber:
    """Messages of some topics. Use it as `async with Subscriber(...) as subscriber: async for message in subscriber`."""

    def __init__(
        self,
        options: MqttOptions,
        filters: Sequence[str],
        *,
        qos: int = 0,
        when_full: WhenFull = WhenFull.WAIT,
        max_waiting: int = 10_000,
        max_waiting_bytes: int = 64 << 20,
        read_interval_s: float = DEFAULT_READ_INTERVAL_S,
    ) -> None:
        self._filters = list(filters)
        self._qos = qos
        self._max_waiting = max_waiting
        self._inbox = Inbox(max_messages=max_waiting, max_bytes=max_waiting_bytes, drops_oldest=when_full is WhenFull.DROP_OLDEST)
        options = options.with_client_id("outrider-sub")
        wish = SessionWish(clean_start=True, receive_max=min(max_waiting, 65535))
        opener = Opener(options, self._inbox, wish, read_interval_s=read_interval_s)
        self._link = Link(options, opener, self._subscribe, keeps_session=False)

    async def __aenter__(self) -> Self:
        self._link.start(self._inbox.fail)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave the broker; iterations end."""
        await self._link.close()
        self._inbox.fail(Closed())

    async def wait_connected(self) -> None:
        """Return when the broker has taken our subscriptions. Raises Closed."""
        await self._link.wait_connected()

    @property
    def is_connected(self) -> bool:
        return self._link.is_connected

    @property
    def status(self) -> str:
        """For people: connected to what, or why not."""
        return self._link.status

    @property
    def dropped(self) -> int:
        """How many waiting messages gave way to newer ones."""
        return self._inbox.dropped

    @property
    def received(self) -> int:
        return self._inbox.received

    @property
    def reconnects(self) -> int:
        return self._link.reconnects

    async def batches(self) -> AsyncIterator[list[Received]]:
        """All that has arrived, each time somebody asks; never empty."""
        while (messages := await self._inbox.take(self._max_waiting)) is not None:
            self._inbox.release(messages)
            yield _listed(messages)

    async def __aiter__(self) -> AsyncIterator[Received]:
        async for batch in self.batches():
            for message in batch:
                yield message

    async def _subscribe(self, connection: Connection) -> None:
        await self._link.subscribe(connection, self._filters, self._qos)


def _listed(messages: Messages) -> list[Received]:
    """What is no proper message is left out: this is no place for dead letters."""
    retained = set(messages.retained)
    broken = {index for index, _ in messages.broken}
    columns = zip(messages.topics, messages.payloads, strict=True)
    return [Received(topic, payload, index in retained) for index, (topic, payload) in enumerate(columns) if index not in broken]
