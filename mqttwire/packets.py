"""Packets of both MQTT versions in one vocabulary, and the seam (`Dialect`) that reads and writes them.

PUBLISH on its way in is not here: it is the hot path and is read by `mqttwire.frames` without an object a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from mqttwire.options import MqttOptions

#: Packet types, the upper half of the first byte (MQTT 5.0, 2.1.2).
CONNACK: Final = 2
PUBLISH: Final = 3
PUBACK: Final = 4
PUBREC: Final = 5
PUBREL: Final = 6
PUBCOMP: Final = 7
SUBACK: Final = 9
PINGRESP: Final = 13
DISCONNECT: Final = 14

#: The first two bytes of packets that hold nothing but a packet id, which both versions write alike.
PUBACK_HEAD: Final = b"\x40\x02"
PUBREC_HEAD: Final = b"\x50\x02"
PUBREL_HEAD: Final = b"\x62\x02"
PUBCOMP_HEAD: Final = b"\x70\x02"
PINGREQ: Final = b"\xc0\x00"

#: Reason codes that we act on (MQTT 5.0, 2.4); 3.1.1's are translated to them.
NO_MATCHING_SUBSCRIBERS: Final = 0x10
MALFORMED_PACKET: Final = 0x81
UNSUPPORTED_PROTOCOL_VERSION: Final = 0x84
SESSION_TAKEN_OVER: Final = 0x8E
FIRST_FAILURE: Final = 0x80


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnAck:
    """The broker's answer to CONNECT: whether it takes us, and what it can do. Defaults are those of the specification."""

    code: int = 0
    reason: str = ""
    session_present: bool = False
    session_expiry_s: int | None = None
    assigned_client_id: str | None = None
    keep_alive_s: int | None = None
    receive_max: int = 65535
    max_qos: int = 2
    max_packet_bytes: int | None = None
    retain_available: bool = True
    wildcards_available: bool = True
    shared_available: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class SubAck:
    """One reason code a filter, in the order of the SUBSCRIBE; below 0x80 is the QoS granted."""

    packet_id: int
    codes: Sequence[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Handshake:
    """A PUBACK, PUBREC, PUBREL or PUBCOMP."""

    kind: int
    packet_id: bytes
    code: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class PingResp:
    """The answer to PINGREQ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Disconnect:
    """The broker ends the connection and says why."""

    code: int
    reason: str


Packet = ConnAck | SubAck | Handshake | PingResp | Disconnect


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionWish:
    """What a client asks of the broker's session."""

    clean_start: bool = True
    #: How long the broker keeps subscriptions and messages while we are away; 3.1.1 knows only for ever or not at all.
    expiry_s: int = 0
    #: How many messages above QoS 0 the broker may have under way to us unacknowledged; 3.1.1 cannot say it.
    receive_max: int = 65535


class Dialect(Protocol):
    """One version of MQTT: pure packet reading and writing."""

    #: As people write it: "5", "3.1.1".
    name: str
    #: Whether packets carry properties: it decides where a PUBLISH's payload starts.
    has_properties: bool

    def connect(self, options: MqttOptions, wish: SessionWish) -> bytes: ...

    def subscribe(self, packet_id: int, filters: Sequence[str], max_qos: int) -> bytes: ...

    def disconnect(self, code: int = 0) -> bytes: ...

    def decode(self, frame: bytes) -> Packet:
        """A whole packet other than PUBLISH. Raises MalformedStream."""
        ...

    def reason(self, code: int) -> str:
        """A reason code in words."""
        ...


def remaining_length(size: int) -> bytes:
    """A length as the variable byte integer of both versions (MQTT 5.0, 1.5.5)."""
    if size < 0x80:
        return bytes((size,))
    encoded = bytearray()
    while size >= 0x80:
        encoded.append(size & 0x7F | 0x80)
        size >>= 7
    encoded.append(size)
    return bytes(encoded)


def publish(
    topic: bytes, payload: bytes, *, packet_id: bytes, retain: bool, has_properties: bool, expiry_s: int | None = None
) -> bytes:
    """A PUBLISH at QoS 1 with its two bytes of packet id, or at QoS 0 where `packet_id` is empty. After `expiry_s` the broker
    hands it to nobody any more (MQTT 5.0, 3.3.2.3.3); 3.1.1 cannot say that.

    DUP is never set: it belongs to a session that goes on, and publishers start a clean one with each connection.
    """
    head = 0x30 | retain | (0x02 if packet_id else 0)
    properties = b"" if not has_properties else b"\x00" if expiry_s is None else b"\x05\x02" + expiry_s.to_bytes(4, "big")
    size = 2 + len(topic) + len(packet_id) + len(properties) + len(payload)
    return b"".join((bytes((head,)), remaining_length(size), len(topic).to_bytes(2, "big"), topic, packet_id, properties, payload))
