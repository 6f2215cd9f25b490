"""The source for brokers of MQTT 5, on our own client: the hot path of the product.

Reading is `mqttwire.frames`; `receive maximum` is the window, so the broker itself keeps to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ingest.sources.limits import SourceLimits
from ingest.sources.mqtt import MqttSource
from mqttwire.connection import Connection
from mqttwire.errors import InvalidMqttOption
from mqttwire.inbox import Inbox
from mqttwire.link import Link
from mqttwire.opener import Opener
from mqttwire.options import MqttOptions, MqttVersion
from mqttwire.packets import SessionWish

#: QoS 2 would cost two more packets a message and gain nothing: doubles are harmless here.
MAX_QOS = 1


class Mqtt5Source(MqttSource[Connection]):
    """A `Source` on one broker. `options.client_id` names the session, so it must be set and belong to this worker alone.

    Options that say 3.1.1 are obeyed as well; `ingest.sources.connect` uses `Mqtt311Source` for that.
    """

    def __init__(self, options: MqttOptions, topics: Sequence[str], limits: SourceLimits | None = None) -> None:
        if not options.client_id:
            raise InvalidMqttOption("client_id", "is needed: the broker keeps our messages under this name")
        limits = limits or SourceLimits()
        if options.version is MqttVersion.AUTO:
            options = replace(options, version=MqttVersion.V5)
        inbox = Inbox(max_messages=limits.window, max_bytes=limits.window_bytes)
        opener = Opener(
            options,
            inbox,
            SessionWish(clean_start=False, expiry_s=limits.session_expiry_s, receive_max=limits.window),
            max_payload_bytes=limits.max_payload_bytes,
            read_interval_s=limits.read_interval_s,
        )
        self._filters = limits.filters(tuple(topics))
        link = Link(options, opener, self._subscribe, keeps_session=True)
        super().__init__(link, inbox, batch_messages=limits.batch_messages)

    async def _subscribe(self, connection: Connection) -> None:
        await self._link.subscribe(connection, self._filters, MAX_QOS)
