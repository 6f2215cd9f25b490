"""MQTT 3.1.1 packets. (OASIS Standard MQTT Version 3.1.1, 2014.) A PUBLISH differs from MQTT 5 only by having no properties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mqttwire.errors import MalformedStream
from mqttwire.options import MqttOptions
from mqttwire.packets import (
    CONNACK,
    FIRST_FAILURE,
    PINGRESP,
    PUBACK,
    PUBCOMP,
    PUBREC,
    PUBREL,
    SUBACK,
    UNSUPPORTED_PROTOCOL_VERSION,
    ConnAck,
    Handshake,
    Packet,
    PingResp,
    SessionWish,
    SubAck,
    remaining_length,
)

#: Return codes of CONNACK (3.2.2.3) as reason codes of MQTT 5 with their words.
_REFUSALS: Final = {
    1: (UNSUPPORTED_PROTOCOL_VERSION, "unacceptable protocol version"),
    2: (0x85, "client id rejected"),
    3: (0x88, "server unavailable"),
    4: (0x86, "bad user name or password"),
    5: (0x87, "not authorized"),
}
_PROTOCOL: Final = b"\x00\x04MQTT\x04"


class V311:
    """The dialect of MQTT 3.1.1."""

    name = "3.1.1"
    has_properties = False

    def connect(self, options: MqttOptions, wish: SessionWish) -> bytes:
        flags = 0x02 if wish.clean_start else 0
        fields = [_text(options.client_id)]
        if options.will is not None:
            will = options.will
            flags |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
            fields += [_text(will.topic), _binary(will.payload)]
        if options.username is not None:
            flags |= 0x80
            fields.append(_text(options.username))
        if options.password is not None:
            flags |= 0x40
            fields.append(_text(options.password))
        body = _PROTOCOL + bytes((flags,)) + options.keep_alive_s.to_bytes(2, "big") + b"".join(fields)
        return b"\x10" + remaining_length(len(body)) + body

    def subscribe(self, packet_id: int, filters: Sequence[str], max_qos: int) -> bytes:
        body = packet_id.to_bytes(2, "big") + b"".join(_text(pattern) + bytes((max_qos,)) for pattern in filters)
        return b"\x82" + remaining_length(len(body)) + body

    def disconnect(self, code: int = 0) -> bytes:  # noqa: ARG002 - 3.1.1 cannot say why
        return b"\xe0\x00"

    def decode(self, frame: bytes) -> Packet:
        kind = frame[0] >> 4
        body = frame[2:] if frame[1] < 0x80 else _body(frame)
        if kind == CONNACK and len(body) == 2:
            return _connack(body)
        if kind == SUBACK and len(body) > 2:
            return SubAck(packet_id=int.from_bytes(body[:2], "big"), codes=list(body[2:]))
        if kind in {PUBACK, PUBREC, PUBREL, PUBCOMP} and len(body) == 2:
            return Handshake(kind=kind, packet_id=body)
        if kind == PINGRESP and not body:
            return PingResp()
        raise MalformedStream(f"a packet of type {kind} with {len(body)} bytes")

    def reason(self, code: int) -> str:
        words = dict(_REFUSALS.values())
        return words.get(code, "refused" if code >= FIRST_FAILURE else "success")


def _connack(body: bytes) -> ConnAck:
    if body[1] == 0:
        # Shared subscriptions came with MQTT 5. Some brokers offer them to 3.1.1 as well, but none can say so; one
        # that does not would take `$share/...` for an ordinary topic and send nothing, silently.
        return ConnAck(session_present=bool(body[0] & 1), shared_available=False)
    code, reason = _REFUSALS.get(body[1], (FIRST_FAILURE, f"return code {body[1]}"))
    return ConnAck(code=code, reason=reason)


def _text(text: str) -> bytes:
    return _binary(text.encode())


def _binary(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


def _body(frame: bytes) -> bytes:
    start = 2
    while frame[start - 1] & 0x80:
        start += 1
    return frame[start:]
