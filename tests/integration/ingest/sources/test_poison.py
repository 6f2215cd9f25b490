"""What no proper broker sends. Whatever it is, it is handed over once, acknowledged like any message, and the next one comes."""

import asyncio

import pytest

from fleet.screening import Reason
from tests.integration.ingest.sources.conftest import SourceFactory
from tests.integration.ingest.sources.driving import Driver, driving, eventually
from tests.integration.ingest.sources.scripted import Guest, ScriptedBroker

pytestmark = pytest.mark.asyncio


def broken(driver: Driver) -> list[tuple[str, Reason]]:
    return [(batch.topics[index], reason) for batch in driver.batches for index, reason in batch.broken]


async def until_acknowledged(guest: Guest, packet_ids: list[int]) -> None:
    await eventually(lambda: guest.acknowledged == packet_ids)


@pytest.mark.parametrize(
    ("topic", "text", "reason"),
    [
        (b"fleet/\xff\xfe/fix", "fleet/\ufffd\ufffd/fix", Reason.INVALID_UTF8),
        (b"fleet/\xed\xa0\x80", "fleet/\ufffd\ufffd\ufffd", Reason.INVALID_UTF8),  # a surrogate [MQTT-1.5.4-1]
        (b"fleet/+/fix", "fleet/+/fix", Reason.INVALID_TOPIC),
        (b"fleet/#", "fleet/#", Reason.INVALID_TOPIC),
        (b"fleet/\0", "fleet/\0", Reason.INVALID_TOPIC),
        (b"", "", Reason.INVALID_TOPIC),
    ],
)
async def test_a_topic_that_is_none_makes_a_broken_message_and_no_loop(
    kind: str, make_source: SourceFactory, topic: bytes, text: str, reason: Reason
) -> None:
    if kind == "mqtt311" and not topic:
        pytest.xfail("paho drops the connection for an empty topic before anybody is told")
    async with ScriptedBroker() as broker, driving(make_source(broker.url), acknowledges=True) as driver:
        guest = await broker.next_subscriber()
        guest.publish(b"fleet/1", b"before", packet_id=1)
        guest.publish(topic, b"poison", packet_id=2)
        guest.publish(b"fleet/1", b"after", packet_id=3)
        await driver.until_count(3)
        assert driver.messages == [("fleet/1", b"before"), (text, b"poison"), ("fleet/1", b"after")]
        assert broken(driver) == [(text, reason)]
        await until_acknowledged(guest, [1, 2, 3])
        assert driver.source.reconnects == 0


@pytest.mark.parametrize("kind", ["mqtt5", "wire311"])
async def test_a_topic_longer_than_its_packet_is_an_invalid_frame_and_the_next_message_comes(make_source: SourceFactory) -> None:
    async with ScriptedBroker() as broker, driving(make_source(broker.url), acknowledges=True) as driver:
        guest = await broker.next_subscriber()
        guest.send(b"\x32\x06\x40\x00ab\x00\x01")
        guest.publish(b"fleet/1", b"after", packet_id=2)
        await driver.until_count(2)
        assert driver.messages[1] == ("fleet/1", b"after")
        assert broken(driver) == [("", Reason.INVALID_FRAME)]
        assert driver.source.reconnects == 0


@pytest.mark.parametrize("kind", ["mqtt5"])
async def test_properties_that_do_not_fit_are_an_invalid_frame_that_is_acknowledged(make_source: SourceFactory) -> None:
    async with ScriptedBroker() as broker, driving(make_source(broker.url), acknowledges=True) as driver:
        guest = await broker.next_subscriber()
        guest.send(b"\x32\x06\x00\x01a\x00\x07\x30")
        guest.publish(b"fleet/1", b"after", packet_id=8)
        await driver.until_count(2)
        assert broken(driver) == [("a", Reason.INVALID_FRAME)]
        await until_acknowledged(guest, [7, 8])


@pytest.mark.parametrize("kind", ["mqtt5"])
async def test_properties_of_any_length_are_passed_over(make_source: SourceFactory) -> None:
    async with ScriptedBroker() as broker, driving(make_source(broker.url), acknowledges=True) as driver:
        guest = await broker.next_subscriber()
        for size in (5, 127, 128, 300):
            user_property = b"\x26\x00\x01k" + (size - 6).to_bytes(2, "big") + b"v" * (size - 6) if size > 5 else b"\x02\0\0\0\x3c"
            length = bytes((size,)) if size < 128 else bytes((size & 0x7F | 0x80, size >> 7))
            body = b"\x00\x07fleet/1" + size.to_bytes(2, "big") + length + user_property + b"%d" % size
            remaining = bytes((len(body),)) if len(body) < 128 else bytes((len(body) & 0x7F | 0x80, len(body) >> 7))
            guest.send(b"\x32" + remaining + body)
        await driver.until_count(4)
        assert driver.payloads == [b"5", b"127", b"128", b"300"]
        await until_acknowledged(guest, [5, 127, 128, 300])


@pytest.mark.parametrize("kind", ["mqtt5", "wire311"])
async def test_bytes_that_are_no_mqtt_end_the_connection_and_the_next_one_works(
    make_source: SourceFactory, caplog: pytest.LogCaptureFixture
) -> None:
    async with ScriptedBroker() as broker, driving(make_source(broker.url), acknowledges=True) as driver:
        guest = await broker.next_subscriber()
        guest.send(b"\x32\xff\xff\xff\xff\xff")
        guest = await broker.next_subscriber()
        guest.publish(b"fleet/1", b"after", packet_id=1)
        await driver.until_count(1)
        assert "what the broker sent is not MQTT: the length of a packet has more than four bytes" in caplog.text


async def test_a_message_at_qos_2_is_answered_with_its_own_handshake(make_source: SourceFactory) -> None:
    async with ScriptedBroker() as broker, driving(make_source(broker.url), acknowledges=True) as driver:
        guest = await broker.next_subscriber()
        guest.publish(b"fleet/1", b"exactly", packet_id=9, head=0x34)
        await eventually(lambda: b"\x50\x02\x00\x09" in guest.packets)
        guest.send(b"\x62\x02\x00\x09")
        await eventually(lambda: b"\x70\x02\x00\x09" in guest.packets)
        await driver.until_count(1)
        assert driver.messages == [("fleet/1", b"exactly")]


async def test_nothing_of_an_old_connection_is_ever_acknowledged_on_a_new_one(make_source: SourceFactory) -> None:
    async with ScriptedBroker() as broker, driving(make_source(broker.url)) as driver:
        old = await broker.next_subscriber()
        for packet_id in (1, 2, 3):
            old.publish(b"fleet/1", b"old %d" % packet_id, packet_id=packet_id)
        await driver.until_count(3)
        old.writer.transport.abort()
        new = await broker.next_subscriber()
        await driver.until_reconnected()
        await driver.ack_all()
        new.publish(b"fleet/1", b"new", packet_id=2)
        await driver.until_count(4)
        await driver.ack_all()
        await until_acknowledged(new, [2])
        assert driver.source.sessions_lost == 1
        assert driver.source.acknowledged == 1


async def test_what_was_read_before_the_connection_was_lost_is_handed_over_all_the_same(make_source: SourceFactory) -> None:
    """A broker without sessions has it nowhere else."""
    async with ScriptedBroker() as broker, driving(make_source(broker.url, window=2)) as driver:
        guest = await broker.next_subscriber()
        guest.publish(b"fleet/1", b"1")
        guest.publish(b"fleet/1", b"2")
        await driver.until_count(2)
        guest.publish(b"fleet/1", b"3")
        await asyncio.sleep(0.1)
        assert driver.payloads == [b"1", b"2"]
        guest.writer.close()
        await driver.ack_all()
        await driver.until_count(3)
        assert driver.payloads == [b"1", b"2", b"3"]
