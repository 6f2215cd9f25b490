"""What trackers, and brokers in their place, say of the connection: `fleet/<tenant>/<tracker>/status`, `online` or `offline`.

A tracker publishes `online`, retained, when it has connected, and leaves `offline`, retained, as its last will with the broker.
What a broker had retained and hands over to a new subscriber (with the retain flag; MQTT 5, 3.3.1.3) says what was last said, at
some time: it is no news, and is ignored. A subscription that was there gets each word as it is said, without the flag.
"""

from __future__ import annotations

from typing import Final

from fleet.clock import from_micros
from fleet.connection import Connection
from fleet.fix import FixBatch
from fleet.message import MessageBatch
from fleet.screening import Reason
from ingest.protocol import Decoded, Heard, Refusal
from ingest.registry import ident_problem

_WORDS: Final = {b"online": True, b"offline": False}


class ConnectionsFormat:
    """A `Format` that finds connections and no fixes."""

    def __init__(self) -> None:
        self.of_format = "native"
        self.name = "native-status"
        self.topics: tuple[str, ...] = ("fleet/+/+/status",)

    def decode(self, batch: MessageBatch, default_tenant: str) -> Decoded:
        del default_tenant  # the topic names it
        decoded = Decoded(fixes=FixBatch.empty())
        retained = frozenset(batch.retained)
        for index, (topic, payload, received) in enumerate(zip(batch.topics, batch.payloads, batch.received, strict=True)):
            _, tenant, tracker, _ = topic.split("/")
            is_online = _WORDS.get(payload.strip())
            problem = ident_problem(tenant, tracker)
            if problem:
                decoded.refused.append(Refusal(message=index, reason=Reason.INVALID_TOPIC, detail=problem))
            elif is_online is None:
                detail = "a status is online or offline"
                decoded.refused.append(Refusal(message=index, reason=Reason.WRONG_TYPE, detail=detail, tracker=(tenant, tracker)))
            else:
                decoded.ignored.append(index)
                if index not in retained:
                    said = Connection(tenant=tenant, tracker=tracker, is_online=is_online, since=from_micros(received))
                    decoded.heard.append(Heard(message=index, connection=said))
        return decoded


CONNECTIONS: Final = ConnectionsFormat()
