"""Picks the source for a broker: by the version that the options name, or else by asking the broker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Final

from fleet.message import MessageBatch
from ingest.sources.limits import SourceLimits
from ingest.sources.mqtt5 import Mqtt5Source
from ingest.sources.mqtt311 import Mqtt311Source
from mqttwire.backoff import Backoff
from mqttwire.errors import MqttError
from mqttwire.negotiate import negotiate
from mqttwire.options import MqttOptions, MqttVersion

_LOG: Final = logging.getLogger(__name__)
#: How long the start of a worker may wait for the broker's answer; after that it is asked in the background.
_FIRST_ANSWER_S: Final = 1.0

MqttSources = Mqtt5Source | Mqtt311Source


async def connect_source(
    options: MqttOptions, topics: Sequence[str], limits: SourceLimits | None = None
) -> MqttSources | NegotiatingSource:
    """The source for this broker. A broker that is not there is no error: it is asked again until it comes.

    Raises InvalidMqttOption where the options make no sense.
    """
    try:
        async with asyncio.timeout(_FIRST_ANSWER_S):
            version = await negotiate(options)
    except (MqttError, TimeoutError):
        source_of(MqttVersion.V5, options, topics, limits)  # what is wrong with the options shows now
        return NegotiatingSource(options, topics, limits)
    return source_of(version, options, topics, limits)


def source_of(version: MqttVersion, options: MqttOptions, topics: Sequence[str], limits: SourceLimits | None) -> MqttSources:
    """The source of a version that is decided."""
    kind = Mqtt311Source if version is MqttVersion.V311 else Mqtt5Source
    return kind(options, topics, limits)


class NegotiatingSource:
    """Asks the broker which MQTT it speaks as soon as it can be reached, and is from then on the source for that."""

    def __init__(self, options: MqttOptions, topics: Sequence[str], limits: SourceLimits | None = None) -> None:
        self._options = options
        self._topics = topics
        self._limits = limits
        self._asking: asyncio.Task[MqttVersion] | None = None
        self._chosen: MqttSources | None = None
        self._status = "not started"
        self._is_closed = False

    async def batches(self) -> AsyncIterator[MessageBatch]:
        if self._is_closed:
            return
        if self._chosen is None:
            self._asking = self._asking or asyncio.create_task(self._ask(), name="mqtt version")
            await asyncio.wait((self._asking,))
            if self._asking.cancelled():
                return
            self._chosen = source_of(self._asking.result(), self._options, self._topics, self._limits)
        async for batch in self._chosen.batches():
            yield batch

    async def _ask(self) -> MqttVersion:
        backoff = Backoff(self._options.backoff)
        self._status = f"connecting to {self._options.address}"
        while True:
            try:
                return await negotiate(self._options)
            except MqttError as exc:
                wait_s = backoff.next_wait_s()
                self._status = f"not connected: {exc} (attempt {backoff.failures} failed)"
                _LOG.warning("%s; next attempt in %.1f s", exc, wait_s)
            await asyncio.sleep(wait_s)

    async def ack(self, batch: MessageBatch) -> None:
        if self._chosen is not None:
            await self._chosen.ack(batch)

    async def close(self) -> None:
        self._is_closed = True
        if self._asking is not None:
            self._asking.cancel()
        if self._chosen is not None:
            await self._chosen.close()

    @property
    def is_connected(self) -> bool:
        return self._chosen is not None and self._chosen.is_connected

    @property
    def status(self) -> str:
        """For people: connected to what, or why not. Holds no secret."""
        return self._status if self._chosen is None else self._chosen.status

    @property
    def received(self) -> int:
        return 0 if self._chosen is None else self._chosen.received

    @property
    def acknowledged(self) -> int:
        return 0 if self._chosen is None else self._chosen.acknowledged

    @property
    def in_flight(self) -> int:
        return 0 if self._chosen is None else self._chosen.in_flight

    @property
    def bytes_received(self) -> int:
        return 0 if self._chosen is None else self._chosen.bytes_received

    @property
    def reconnects(self) -> int:
        return 0 if self._chosen is None else self._chosen.reconnects

    @property
    def sessions_lost(self) -> int:
        return 0 if self._chosen is None else self._chosen.sessions_lost
