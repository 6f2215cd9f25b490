"""The live bus on the broker that the trackers use: a plain QoS 0 subscription, without a session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from api.live.bus import LIVE_TOPICS, LiveFrame
from mqttwire.options import MqttOptions
from mqttwire.subscriber import Subscriber, WhenFull


class MqttBus:
    """Use as `async with MqttBus(options) as bus`. What waits longer than the hub can take gives way to what is newer."""

    def __init__(self, options: MqttOptions) -> None:
        self._subscriber = Subscriber(options, [LIVE_TOPICS], qos=0, when_full=WhenFull.DROP_OLDEST)

    async def __aenter__(self) -> Self:
        await self._subscriber.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._subscriber.__aexit__(kind, error, trace)

    async def frames(self) -> AsyncIterator[LiveFrame]:
        async for batch in self._subscriber.batches():
            for message in batch:
                yield LiveFrame(message.topic, message.payload)

    @property
    def connections(self) -> int:
        return self._subscriber.reconnects + self._subscriber.is_connected

    @property
    def is_connected(self) -> bool:
        return self._subscriber.is_connected

    @property
    def dropped(self) -> int:
        return self._subscriber.dropped

    async def close(self) -> None:
        await self._subscriber.close()
