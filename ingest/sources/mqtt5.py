"""The MQTT source of the worker: a persistent session, batches of what has arrived, acknowledged when they are safe.

Its hot path is `mqttwire.frames` (reading) and `mqttwire.inbox` (bounds, acknowledging in bulk); here they become a `Source`.
Once named for MQTT 5, it speaks whatever `mqttwire` speaks; `ingest.sources.connect` gives it to brokers of MQTT 5.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from fleet.message import MessageBatch
from fleet.screening import Reason
from ingest.sources.limits import SourceLimits
from ingest.sources.topics import invalid_topics
from mqttwire.connection import Connection
from mqttwire.errors import Closed, InvalidMqttOption
from mqttwire.inbox import Inbox
from mqttwire.link import Link
from mqttwire.messages import Messages
from mqttwire.options import MqttOptions, MqttVersion
from mqttwire.packets import SessionWish

#: QoS 2 would cost two more packets a message and gain nothing: doubles are harmless here.
_MAX_QOS = 1


class Mqtt5Source:
    """A `Source` on one broker. `options.client_id` names the session, so it must be set and belong to this worker alone."""

    def __init__(self, options: MqttOptions, topics: Sequence[str], limits: SourceLimits | None = None) -> None:
        if not options.client_id:
            raise InvalidMqttOption("client_id", "is needed: the broker keeps our messages under this name")
        self._limits = limits or SourceLimits()
        if options.version is MqttVersion.AUTO:
            options = replace(options, version=MqttVersion.V5)
        self._filters = self._limits.filters(tuple(topics))
        self._inbox = Inbox(max_messages=self._limits.window, max_bytes=self._limits.window_bytes)
        self._link = Link(
            options,
            self._inbox,
            wish=SessionWish(clean_start=False, expiry_s=self._limits.session_expiry_s, receive_max=self._limits.window),
            on_connected=self._subscribe,
            max_payload_bytes=self._limits.max_payload_bytes,
            read_interval_s=self._limits.read_interval_s,
        )
        self._is_started = False

    async def batches(self) -> AsyncIterator[MessageBatch]:
        """Connects at the first call; each batch is what has arrived when it is asked for."""
        if not self._is_started:
            self._is_started = True
            self._link.start(self._inbox.fail)
        while (messages := await self._inbox.take(self._limits.batch_messages)) is not None:
            yield _batch(messages)

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

    async def _subscribe(self, connection: Connection) -> None:
        await self._link.subscribe(connection, self._filters, _MAX_QOS)


def _batch(messages: Messages) -> MessageBatch:
    broken = dict(messages.broken)
    for index in invalid_topics(messages.topics):
        broken.setdefault(index, Reason.INVALID_TOPIC)
    return MessageBatch(
        topics=messages.topics,
        payloads=messages.payloads,
        received=messages.received,
        token=messages,
        broken=tuple(sorted(broken.items())),
    )
