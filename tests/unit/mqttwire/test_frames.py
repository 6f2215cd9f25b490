"""Bytes to messages: the same whatever the cuts, by the fast and by the slow path; nothing raises but MalformedStream."""

import mqtt5
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.screening import Reason
from mqttwire.errors import MalformedStream
from mqttwire.frames import KEPT_PAYLOAD_BYTES, FrameReader
from mqttwire.messages import Messages
from mqttwire.packets import publish
from mqttwire.receive_buffer import ReceiveBuffer

topics = st.text(min_size=1, max_size=40).filter(lambda topic: "\0" not in topic and topic.isprintable())
payloads = st.one_of(st.binary(max_size=300), st.binary(min_size=16_000, max_size=17_000))
packets = st.lists(
    st.tuples(topics, payloads, st.one_of(st.just(b""), st.binary(min_size=2, max_size=2)), st.booleans()), max_size=12
)


def reader(*, has_properties: bool = True, max_payload_bytes: int = 1 << 20) -> FrameReader:
    return FrameReader(has_properties=has_properties, max_payload_bytes=max_payload_bytes)


def read_in_pieces(frames: FrameReader, data: bytes, cuts: list[int]) -> Messages:
    """Through the receive buffer, as a connection does it."""
    buffer = ReceiveBuffer(64)
    for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True):
        piece = data[start:stop]
        while piece:
            free = buffer.free()
            size = min(len(free), len(piece))
            free[:size] = piece[:size]
            piece = piece[size:]
            filled = buffer.filled(size)
            if filled is not None:
                buffer.keep(filled, frames.feed(filled), frames.needed_bytes)
    return frames.messages


def ordered_cuts(data: st.DataObject, size: int) -> list[int]:
    return sorted(data.draw(st.lists(st.integers(0, size), max_size=8)))


@settings(max_examples=40)
@given(packets=packets, has_properties=st.booleans(), data=st.data())
def test_messages_are_the_same_whatever_the_cuts(
    packets: list[tuple[str, bytes, bytes, bool]], has_properties: bool, data: st.DataObject
) -> None:
    stream = b"".join(
        publish(topic.encode(), payload, packet_id=packet_id, retain=retain, has_properties=has_properties)
        for topic, payload, packet_id, retain in packets
    )
    messages = read_in_pieces(reader(has_properties=has_properties), stream, ordered_cuts(data, len(stream)))
    assert messages.topics == [topic for topic, _, _, _ in packets]
    assert messages.payloads == [payload for _, payload, _, _ in packets]
    assert messages.answers == [b"\x40\x02" + packet_id if packet_id else b"" for _, _, packet_id, _ in packets]
    assert messages.retained == [index for index, packet in enumerate(packets) if packet[3]]
    assert messages.broken == []
    assert messages.wire_bytes == len(stream)


@given(
    topic=topics.filter(lambda topic: not set(topic) & set("+#")),
    payload=st.binary(max_size=200),
    packet_id=st.integers(1, 65535),
    qos=st.sampled_from([mqtt5.QoS.AT_LEAST_ONCE, mqtt5.QoS.EXACTLY_ONCE]),
    duplicate=st.booleans(),
    content_type=st.one_of(st.none(), st.text(max_size=300).filter(lambda text: "\0" not in text)),
    user_properties=st.lists(st.tuples(st.just("key"), st.just("value")), max_size=30),
)
def test_whatever_the_codec_writes_is_read(
    topic: str,
    payload: bytes,
    packet_id: int,
    qos: mqtt5.QoS,
    duplicate: bool,
    content_type: str | None,
    user_properties: list[tuple[str, str]],
) -> None:
    packet = mqtt5.PublishPacket(
        topic,
        payload,
        qos=qos,
        packet_id=packet_id,
        duplicate=duplicate,
        content_type=content_type,
        user_properties=user_properties,
    ).write()
    frames = reader()
    assert frames.feed(packet) == len(packet)
    assert (frames.messages.topics, frames.messages.payloads) == ([topic], [payload])
    head = b"\x40\x02" if qos is mqtt5.QoS.AT_LEAST_ONCE or int(qos) == 1 else b"\x50\x02"
    assert frames.messages.answers == [head + packet_id.to_bytes(2, "big")]


@given(noise=st.binary(max_size=400), has_properties=st.booleans(), data=st.data())
def test_no_bytes_at_all_raise_anything_else(noise: bytes, has_properties: bool, data: st.DataObject) -> None:
    frames = reader(has_properties=has_properties, max_payload_bytes=50)
    try:
        messages = read_in_pieces(frames, noise, ordered_cuts(data, len(noise)))
    except MalformedStream:
        return
    assert len(messages.topics) == len(messages.payloads) == len(messages.answers)


@given(body=st.binary(max_size=60), head=st.integers(0x30, 0x3F), data=st.data())
def test_a_damaged_message_never_costs_the_next_one(body: bytes, head: int, data: st.DataObject) -> None:
    good = publish(b"fleet/1", b"good", packet_id=b"\x00\x07", retain=False, has_properties=True)
    stream = bytes((head, len(body))) + body + good
    messages = read_in_pieces(reader(), stream, ordered_cuts(data, len(stream)))
    assert len(messages) == 2
    assert (messages.topics[1], messages.payloads[1], messages.answers[1]) == ("fleet/1", b"good", b"\x40\x02\x00\x07")


@given(size=st.integers(0, 400_000), limit=st.integers(1, 200_000), data=st.data())
def test_payloads_beyond_the_limit_are_cut_and_told(size: int, limit: int, data: st.DataObject) -> None:
    payload = bytes(range(256)) * (size // 256 + 1)
    payload = payload[:size]
    large = publish(b"fleet/large", payload, packet_id=b"\x00\x01", retain=False, has_properties=True)
    after = publish(b"fleet/after", b"1", packet_id=b"\x00\x02", retain=False, has_properties=True)
    frames = reader(max_payload_bytes=limit)
    messages = read_in_pieces(frames, large + after, ordered_cuts(data, len(large) + len(after)))
    assert messages.topics == ["fleet/large", "fleet/after"]
    assert messages.payloads[1] == b"1"
    assert messages.answers == [b"\x40\x02\x00\x01", b"\x40\x02\x00\x02"]
    if size > limit:
        assert messages.broken == [(0, Reason.TOO_LARGE)]
        assert messages.payloads[0] == payload[:KEPT_PAYLOAD_BYTES]
        assert messages.full_bytes == ({} if size <= KEPT_PAYLOAD_BYTES else {0: size})
    else:
        assert messages.broken == []
        assert messages.payloads[0] == payload


def test_a_vast_packet_is_never_held() -> None:
    frames, buffer = reader(max_payload_bytes=1000), ReceiveBuffer()
    size = 50_000_000
    header = b"\x32" + bytes((size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14 & 0x7F | 0x80, size >> 21))
    header += b"\x00\x01a\x00\x05\x00"
    left = 5 + size
    piece = header.ljust(64_000, b"x")
    while left > 0:
        piece = piece[:left]
        buffer.free()[: len(piece)] = piece
        left -= len(piece)
        data = buffer.filled(len(piece))
        if data is not None:
            buffer.keep(data, frames.feed(data), frames.needed_bytes)
        assert len(buffer) <= 256 * 1024
        assert not len(frames.messages) or left == 0
        piece = b"x" * 64_000
    assert frames.messages.broken == [(0, Reason.TOO_LARGE)]
    assert frames.messages.full_bytes == {0: size - 6}
    assert frames.messages.payloads == [b"x" * KEPT_PAYLOAD_BYTES]


def test_packets_other_than_publish_are_framed_and_plain_acknowledgements_collected() -> None:
    frames = reader()
    stream = b"\x20\x03\x00\x00\x00" + b"\x40\x02\x00\x09" + b"\x40\x03\x00\x0a\x10" + b"\x40\x03\x00\x0c\x87"
    stream += b"\xd0\x00" + b"\x40\x02\x00\x0b\xd0"
    assert frames.feed(stream) == len(stream) - 1
    assert frames.acknowledged == [b"\x00\x09", b"\x00\x0a", b"\x00\x0b"]
    assert frames.control == [b"\x20\x03\x00\x00\x00", b"\x40\x03\x00\x0c\x87", b"\xd0\x00"]
    assert frames.needed_bytes == 2


@pytest.mark.parametrize(
    ("stream", "problem"),
    [
        (b"\x30\xff\xff\xff\xff\x01", "the length of a packet has more than four bytes"),
        (b"\x90\xff\xff\xff\x7f", "a packet of type 9 with 268435455 bytes"),
    ],
)
def test_where_no_next_packet_can_be_found_the_stream_is_malformed(stream: bytes, problem: str) -> None:
    with pytest.raises(MalformedStream) as caught:
        reader().feed(stream)
    assert caught.value.problem == problem
