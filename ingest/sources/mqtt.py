"""What all MQTT sources share: a session, bounds, batches of what has arrived, acknowledged when they are safe.

A source brings the kind of connection; `mqttwire.link` keeps one up, and `mqttwire.inbox` holds what it read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Generic

from fleet.message import MessageBatch
from fleet.screening import Reason
from ingest.sources.topics import invalid_topics
from mqttwire.errors import Closed
from mqttwire.inbox import Inbox
from mqttwire.link import ConnectionT, Link
from mqttwire.messages import Messages


class MqttSource(Generic[ConnectionT]):
    """A `Source` over a link and an inbox."""

    def __init__(self, link: Link[ConnectionT], inbox: Inbox, *, batch_messages: int) -> None:
        self._link = link
        self._inbox = inbox
        self._batch_messages = batch_messages
        self._is_started = False

    async def batches(self) -> AsyncIterator[MessageBatch]:
        """Connects at the first call; each batch is what has arrived when it is asked for."""
        if not self._is_started:
            self._is_started = True
            self._link.start(self._inbox.fail)
        while (messages := await self._inbox.take(self._batch_messages)) is not None:
            yield batch_of(messages)

    async def ack(self, batch: MessageBatch) -> None:
        if not isinstance(batch.token, Messages):
            raise TypeError("this batch is not from this source")
        self._inbox.release(batch.token)

    async def close(self) -> None:
        self._inbox.fail(Closed())
        await self._link.close()

    # -- for /readyz and /metrics

    @property
    def is_connected(self) -> bool:
        return self._link.is_connected

    @property
    def status(self) -> str:
        """For people: connected to what, or why not. Holds no secret."""
        return self._link.status

    @property
    def received(self) -> int:
        """Messages read, doubles from redelivery included."""
        return self._inbox.received

    @property
    def acknowledged(self) -> int:
        return self._inbox.released

    @property
    def in_flight(self) -> int:
        """Messages here or handed over, and not acknowledged."""
        return self._inbox.in_flight

    @property
    def bytes_received(self) -> int:
        return self._link.bytes_received

    @property
    def reconnects(self) -> int:
        return self._link.reconnects

    @property
    def sessions_lost(self) -> int:
        """How often the broker had forgotten our session, and with it what it held for us."""
        return self._link.sessions_lost


def batch_of(messages: Messages) -> MessageBatch:
    """The messages as the worker knows them; they are the token, since they know how they are acknowledged."""
    broken = dict(messages.broken)
    for index in invalid_topics(messages.topics):
        broken.setdefault(index, Reason.INVALID_TOPIC)
    return MessageBatch(
        topics=messages.topics,
        payloads=messages.payloads,
        received=messages.received,
        token=messages,
        broken=tuple(sorted(broken.items())),
        full_bytes=messages.full_bytes,
        retained=messages.retained,
    )
