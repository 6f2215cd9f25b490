"""The bytes of one connection cut into messages and packets: pure, `bytes -> (messages, bytes used)`.

This is the hot path of the product, so ordinary PUBLISH packets are read here in one loop straight into columns, without an
object a message; everything else takes the slow path, one packet at a time. Packets other than PUBLISH are only framed; a
`Dialect` reads them. Cases of a PUBLISH on the slow path:

1. ordinary, but its length, properties or QoS are not of the common kind: read like the others;
2. its topic is not UTF-8, or its parts do not fit into it: handed over as broken, to be acknowledged, because a connection that
   is dropped for it gets it again, for ever;
3. its payload is beyond the limit: handed over as broken with the start of the payload. What is far beyond is not even
   received into memory: the rest is skipped as it comes in.
"""

from __future__ import annotations

from typing import Final

from fleet.screening import Reason
from mqttwire.errors import MalformedStream
from mqttwire.messages import Messages
from mqttwire.packets import PUBACK_HEAD, PUBLISH, PUBREC_HEAD

#: How much of a payload beyond the limit is kept for the person who looks at the dead letters.
KEPT_PAYLOAD_BYTES: Final = 1024
#: A packet other than PUBLISH beyond this is not from a broker in its right mind.
_MAX_CONTROL_BYTES: Final = 1 << 20
#: Everything of a PUBLISH but its payload: topic and packet id at their largest, and as much again for properties.
_MAX_ENVELOPE_BYTES: Final = 2 * (2 + 65535) + 2
_MAX_HEADER_BYTES: Final = 5


class FrameReader:
    """Reads one connection's bytes. `messages` collects what came in and may be replaced by a fresh one between feeds."""

    __slots__ = (
        "_has_properties",
        "_max_payload_bytes",
        "_skip_bytes",
        "_skipped",
        "acknowledged",
        "control",
        "messages",
        "needed_bytes",
    )

    def __init__(self, *, has_properties: bool, max_payload_bytes: int) -> None:
        self._has_properties = has_properties
        self._max_payload_bytes = max_payload_bytes
        self.messages = Messages()
        #: Whole packets that are no PUBLISH, in order; whoever feeds takes them out.
        self.control: list[bytes] = []
        #: Packet ids of PUBACKs that say yes and no more, in order; whoever feeds takes them out.
        self.acknowledged: list[bytes] = []
        #: How many bytes the next feed must have at least for there to be any progress.
        self.needed_bytes = 1
        self._skip_bytes = 0
        self._skipped: tuple[str, bytes, bytes, Reason, int] | None = None

    def feed(self, data: bytes) -> int:
        """Read whole packets off the start of `data`; returns how many bytes they took.

        The rest must be at the start of the next feed. Raises MalformedStream where no next packet can be found.
        """
        self.needed_bytes = 1
        first = offset = self._skip(data) if self._skip_bytes else 0
        while offset < len(data):
            offset = self._read_ordinary(data, offset)
            after = self._read_one(data, offset) if offset < len(data) else offset
            if after == offset:
                break
            offset = after
        self.messages.wire_bytes += offset - first
        return offset

    def _read_ordinary(self, data: bytes, offset: int) -> int:  # noqa: C901, PLR0912 - a call a message would cost more than the message
        """Read PUBLISH and PUBACK of the common kind; returns where the first other or incomplete packet starts."""
        messages = self.messages
        add_topic, add_payload, add_answer = messages.topics.append, messages.payloads.append, messages.answers.append
        has_properties = self._has_properties
        limit = self._max_payload_bytes
        end = len(data)
        try:
            while end - offset > 4:  # shorter than any PUBLISH but an empty one; the slow path reads those
                head = data[offset]
                size = data[offset + 1]
                start = offset + 2
                if size > 0x7F:
                    high = data[start]
                    if high > 0x7F:
                        break
                    size += (high << 7) - 0x80
                    start += 1
                stop = start + size
                if stop > end or size > limit:
                    break
                kind = head & 0xF6  # DUP and RETAIN left out
                if kind == 0x32:
                    id_bytes = 2
                elif kind == 0x30:
                    id_bytes = 0
                elif head == 0x40 and (size == 2 or (size == 3 and data[start + 2] < 0x80)):
                    self.acknowledged.append(data[start : start + 2])
                    offset = stop
                    continue
                else:
                    break
                topic_end = start + 2 + (data[start] << 8) + data[start + 1]
                body = topic_end + id_bytes
                if body >= stop:
                    break
                if has_properties:
                    properties = data[body]
                    body += 1 + properties
                    if properties > 0x7F or body > stop:
                        break
                add_topic(data[start + 2 : topic_end].decode())
                add_payload(data[body:stop])
                add_answer(PUBACK_HEAD + data[topic_end : topic_end + 2] if id_bytes else b"")
                if head & 1:
                    messages.retained.append(len(messages.topics) - 1)
                offset = stop
        except UnicodeDecodeError:
            pass  # raised before anything was added: the slow path hands this one over as broken
        return offset

    def _read_one(self, data: bytes, offset: int) -> int:
        """Read whatever packet is at `offset`; returns where the next one starts, `offset` itself if this one is not whole."""
        header = _fixed_header(data, offset)
        if header is None:
            self.needed_bytes = len(data) - offset + 1
            return offset
        start, size = header
        if data[offset] >> 4 == PUBLISH:
            return self._read_publish(data, offset, start, start + size)
        if size > _MAX_CONTROL_BYTES:
            raise MalformedStream(f"a packet of type {data[offset] >> 4} with {size} bytes")
        if start + size > len(data):
            self.needed_bytes = start + size - offset
            return offset
        self.control.append(data[offset : start + size])
        return start + size

    def _read_publish(self, data: bytes, offset: int, start: int, stop: int) -> int:
        is_vast = stop - start > self._max_payload_bytes + _MAX_ENVELOPE_BYTES
        wanted = min(stop, start + _MAX_ENVELOPE_BYTES + KEPT_PAYLOAD_BYTES) if is_vast else stop
        if wanted > len(data):
            self.needed_bytes = wanted - offset
            return offset
        topic, answer, body, reason = self._envelope(data, data[offset], start, stop)
        if reason is None and stop - body > self._max_payload_bytes:
            reason = Reason.TOO_LARGE
        payload = data[body:stop] if reason is None else data[body : min(stop, body + KEPT_PAYLOAD_BYTES)]
        if not is_vast:
            is_retained = bool(data[offset] & 1)
            self.messages.add(topic, payload, answer, reason, full_bytes=stop - body, is_retained=is_retained)
            return stop
        # Acknowledging comes after the last byte: until then the broker has not delivered it.
        self._skipped = (topic, payload, answer, reason or Reason.TOO_LARGE, stop - body)
        self._skip_bytes = stop - len(data)
        return len(data) if self._skip_bytes > 0 else self._end_skipping(stop)

    def _envelope(self, data: bytes, head: int, start: int, stop: int) -> tuple[str, bytes, int, Reason | None]:
        """Topic, acknowledging packet, start of the payload and what is wrong with a PUBLISH, so far as it can be read."""
        qos = head >> 1 & 3
        topic_end = start + 2 + int.from_bytes(data[start : start + 2], "big")
        body = topic_end + (2 if qos else 0)
        if stop - start < 2 or body > stop or qos == 3:
            return "", b"", start, Reason.INVALID_FRAME
        answer = _answer(qos, data[topic_end:body])
        raw_topic = data[start + 2 : topic_end]
        topic = raw_topic.decode(errors="replace")
        if self._has_properties:
            properties = _variable_integer(data, body, stop)
            if properties is None or sum(properties) > stop:
                return topic, answer, body, Reason.INVALID_FRAME
            body = sum(properties)
        return topic, answer, body, None if _is_utf8(raw_topic) else Reason.INVALID_UTF8

    def _skip(self, data: bytes) -> int:
        if len(data) < self._skip_bytes:
            self._skip_bytes -= len(data)
            return len(data)
        return self._end_skipping(self._skip_bytes)

    def _end_skipping(self, offset: int) -> int:
        self._skip_bytes = 0
        if self._skipped is not None:
            topic, payload, answer, reason, full_bytes = self._skipped
            self._skipped = None
            self.messages.add(topic, payload, answer, reason, full_bytes=full_bytes)
        return offset


def _fixed_header(data: bytes, offset: int) -> tuple[int, int] | None:
    """Where the packet's body starts and how long it is; None while the header is not whole."""
    found = _variable_integer(data, offset + 1, min(len(data), offset + _MAX_HEADER_BYTES))
    if found is None and len(data) - offset >= _MAX_HEADER_BYTES:
        raise MalformedStream("the length of a packet has more than four bytes")
    return found


def _variable_integer(data: bytes, offset: int, stop: int) -> tuple[int, int] | None:
    """Where a variable byte integer ends, and its value (MQTT 5.0, 1.5.5); None where it does not end before `stop`."""
    value = 0
    for place in range(4):
        if offset + place >= stop:
            return None
        byte = data[offset + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return offset + place + 1, value
    return None


def _answer(qos: int, packet_id: bytes) -> bytes:
    if qos == 0:
        return b""
    return (PUBACK_HEAD if qos == 1 else PUBREC_HEAD) + packet_id


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
