"""MQTT 5 packets through the `mqtt5` codec. (OASIS Standard MQTT Version 5.0, 2019.)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import mqtt5

from mqttwire.errors import MalformedStream
from mqttwire.options import MqttOptions
from mqttwire.packets import (
    CONNACK,
    FIRST_FAILURE,
    PUBACK,
    PUBCOMP,
    PUBREC,
    PUBREL,
    UNSUPPORTED_PROTOCOL_VERSION,
    ConnAck,
    Disconnect,
    Handshake,
    Packet,
    PingResp,
    SessionWish,
    SubAck,
)

_HANDSHAKES: Final[dict[type, int]] = {
    mqtt5.PubAckPacket: PUBACK,
    mqtt5.PubRecPacket: PUBREC,
    mqtt5.PubRelPacket: PUBREL,
    mqtt5.PubCompPacket: PUBCOMP,
}

_REASON_CODES: Final = (mqtt5.DisconnectReasonCode, mqtt5.ConnAckReasonCode, mqtt5.SubAckReasonCode, mqtt5.PubAckReasonCode)


class V5:
    """The dialect of MQTT 5."""

    name = "5"
    has_properties = True

    def connect(self, options: MqttOptions, wish: SessionWish) -> bytes:
        will = options.will
        return mqtt5.ConnectPacket(
            options.client_id,
            username=options.username,
            password=None if options.password is None else options.password.encode(),
            clean_start=wish.clean_start,
            will=None
            if will is None
            else mqtt5.Will(will.topic, payload=will.payload, qos=mqtt5.QoS(will.qos), retain=will.retain),
            keep_alive=options.keep_alive_s,
            session_expiry_interval=wish.expiry_s,
            receive_max=wish.receive_max,
        ).write()

    def subscribe(self, packet_id: int, filters: Sequence[str], max_qos: int) -> bytes:
        # Retained messages come once, with the first subscription of a session, and not again at each reconnect.
        # They alone have the retain flag ("retain as published" is off, as in MQTT 3.1.1): it tells what was kept from what is new.
        handling, qos = mqtt5.RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS, mqtt5.QoS(max_qos)
        topic_filters = [
            mqtt5.TopicFilter(pattern, max_qos=qos, retain_as_published=False, retain_handling=handling) for pattern in filters
        ]
        return mqtt5.SubscribePacket(packet_id, topic_filters).write()

    def disconnect(self, code: int = 0) -> bytes:
        return mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode(code)).write()

    def decode(self, frame: bytes) -> Packet:
        if frame[0] >> 4 == CONNACK and frame[1] == 2:
            return _connack_of_3_1_1(frame)
        packet = _read(frame)
        match packet:
            case mqtt5.ConnAckPacket():
                return self._connack(packet)
            case mqtt5.SubAckPacket():
                return SubAck(packet_id=packet.packet_id, codes=[int(code) for code in packet.reason_codes])
            case mqtt5.PubAckPacket() | mqtt5.PubRecPacket() | mqtt5.PubRelPacket() | mqtt5.PubCompPacket():
                return Handshake(
                    kind=_HANDSHAKES[type(packet)],
                    packet_id=packet.packet_id.to_bytes(2, "big"),
                    code=int(packet.reason_code),
                )
            case mqtt5.PingRespPacket():
                return PingResp()
            case mqtt5.DisconnectPacket():
                reason = _said(self.reason(int(packet.reason_code)), packet.reason_str, packet.server_reference)
                return Disconnect(code=int(packet.reason_code), reason=reason)
            case _:
                raise MalformedStream(f"{type(packet).__name__} is not for a client, or was not asked for")

    def _connack(self, packet: mqtt5.ConnAckPacket) -> ConnAck:
        return ConnAck(
            code=int(packet.reason_code),
            reason=_said(self.reason(int(packet.reason_code)), packet.reason_str, packet.server_reference),
            session_present=packet.session_present,
            session_expiry_s=packet.session_expiry_interval,
            assigned_client_id=packet.assigned_client_id,
            keep_alive_s=packet.server_keep_alive,
            receive_max=packet.receive_max,
            max_qos=int(packet.max_qos),
            max_packet_bytes=packet.max_packet_size,
            retain_available=packet.retain_available,
            wildcards_available=packet.wildcard_subscription_available,
            shared_available=packet.shared_subscription_available,
        )

    def reason(self, code: int) -> str:
        # From 0x80 on a code means the same in every packet that has it (MQTT 5.0, 2.4).
        if code < FIRST_FAILURE:
            return "success"
        for codes in _REASON_CODES:
            try:
                return codes(code).name.replace("_", " ").lower()
            except ValueError:
                continue  # not a reason of this packet
        return f"reason {code:#04x}"


def _connack_of_3_1_1(frame: bytes) -> ConnAck:
    # A broker that knows only 3.1.1 answers with its own CONNACK of two bytes (3.1.1, 3.2.2.3), code 1: unacceptable version.
    # MQTT 5's has three at least, so the two cannot be confused.
    return ConnAck(code=UNSUPPORTED_PROTOCOL_VERSION, reason=f"it does not speak MQTT 5 (return code {frame[3]})")


def _said(reason: str, reason_str: str | None, server_reference: str | None) -> str:
    if reason_str:
        reason += f" ({reason_str})"
    if server_reference:
        reason += f"; it names another server: {server_reference}"
    return reason


def _read(frame: bytes) -> mqtt5.Packet:
    try:
        packet, _ = mqtt5.read(memoryview(frame))
    except (ValueError, IndexError) as exc:
        raise MalformedStream(f"a packet of type {frame[0] >> 4}: {exc}") from exc
    except BaseException as exc:
        # The codec panics on text that is not UTF-8, and a Rust panic arrives as a BaseException whose class cannot be imported.
        if type(exc).__name__ != "PanicException":
            raise
        raise MalformedStream(f"a packet of type {frame[0] >> 4} holds text that is not UTF-8") from exc
    return packet
