"""The source for brokers that speak only MQTT 3.1.1, on `aiomqtt`.

3.1.1 has no receive maximum. What is handed over is bounded by the window all the same; what waits here is bounded by what the
broker may have under way (its own setting, at most as many as there are packet ids), and in bytes by the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ingest.sources.limits import SourceLimits
from ingest.sources.mqtt import MqttSource
from ingest.sources.mqtt5 import MAX_QOS
from ingest.sources.paho_connection import PahoConnection
from mqttwire.errors import InvalidMqttOption
from mqttwire.inbox import Inbox
from mqttwire.link import Link
from mqttwire.options import MqttOptions
from mqttwire.tls import tls_context

#: One more than a broker can have under way at QoS 1: reading goes on for the PINGRESP, without which paho gives the connection up.
_MAX_UNACKNOWLEDGED: Final = 65_536


class Mqtt311Source(MqttSource[PahoConnection]):
    """A `Source` on one broker. `options.client_id` names the session, so it must be set and belong to this worker alone."""

    def __init__(self, options: MqttOptions, topics: Sequence[str], limits: SourceLimits | None = None) -> None:
        if not options.client_id:
            raise InvalidMqttOption("client_id", "is needed: the broker keeps our messages under this name")
        tls_context(options)  # a bad certificate file is an error of the person who starts us, not of the network
        self._options = options
        self._limits = limits = limits or SourceLimits()
        self._filters = limits.filters(tuple(topics))
        inbox = Inbox(max_messages=_MAX_UNACKNOWLEDGED, max_taken=limits.window, max_bytes=limits.window_bytes)
        link = Link(options, self._open, self._subscribe, keeps_session=True)
        super().__init__(link, inbox, batch_messages=limits.batch_messages)

    async def _open(self) -> PahoConnection:
        # With the inbox full nothing is read, so paho takes the broker for dead after a keep-alive. The messages are safe at the
        # broker; connecting again makes sense when there is room for them.
        await self._inbox.wait_room()
        return await PahoConnection.open(self._options, self._inbox, self._limits.max_payload_bytes)

    async def _subscribe(self, connection: PahoConnection) -> None:
        await self._link.subscribe(connection, self._filters, MAX_QOS)
