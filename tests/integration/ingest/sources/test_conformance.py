"""The contract of `ingest.protocol.Source`, kept by every MQTT source, on a real Mosquitto."""

import asyncio
import time
from collections.abc import Callable

import pytest

from fleet.screening import Reason
from tests.fault_proxy import FaultProxy, Side
from tests.integration.ingest.sources.conftest import SourceFactory
from tests.integration.ingest.sources.driving import driving, eventually, publish
from tests.realparts.mosquitto import Mosquitto

pytestmark = pytest.mark.asyncio


def numbered(prefix: str, count: int, *, start: int = 0, vehicles: int = 5) -> list[tuple[str, bytes]]:
    """Messages of some vehicles; the payload counts up."""
    return [(f"{prefix}/{number % vehicles}", b"%d" % number) for number in range(start, start + count)]


def numbers(payloads: list[bytes]) -> list[int]:
    return [int(payload) for payload in payloads]


# -- 1: at least once


async def test_what_was_not_acknowledged_comes_again_after_a_restart_and_what_was_does_not(
    mosquitto: Mosquitto, make_source: SourceFactory, prefix: str
) -> None:
    topics = (f"{prefix}/#",)
    async with driving(make_source(mosquitto.url, topics=topics)) as first:
        await first.until_connected()
        await publish(mosquitto.url, numbered(prefix, 10))
        await first.until_count(10)
        await first.ack_all()
        await publish(mosquitto.url, numbered(prefix, 5, start=10))
        await first.until_count(15)
    async with driving(make_source(mosquitto.url, topics=topics), acknowledges=True) as second:
        await publish(mosquitto.url, numbered(prefix, 5, start=15))
        await second.until_count(10)
        assert sorted(numbers(second.payloads)) == list(range(10, 20))


async def test_what_came_while_nobody_listened_is_handed_over_later(
    mosquitto: Mosquitto, make_source: SourceFactory, prefix: str
) -> None:
    topics = (f"{prefix}/#",)
    async with driving(make_source(mosquitto.url, topics=topics)) as first:
        await first.until_connected()
    await publish(mosquitto.url, numbered(prefix, 200))
    async with driving(make_source(mosquitto.url, topics=topics), acknowledges=True) as second:
        await second.until_count(200)
        assert numbers(second.payloads) == list(range(200))


async def test_a_killed_worker_loses_nothing(mosquitto: Mosquitto, make_source: SourceFactory, prefix: str) -> None:
    topics = (f"{prefix}/#",)
    async with FaultProxy(mosquitto.port) as proxy, driving(make_source(proxy.url, topics=topics)) as killed:
        await killed.until_connected()
        await publish(mosquitto.url, numbered(prefix, 50))
        await killed.until_count(50)
        await killed.abandon()
        await proxy.shut()
        async with driving(make_source(mosquitto.url, topics=topics), acknowledges=True) as successor:
            await successor.until_count(50)
            assert numbers(successor.payloads) == list(range(50))


async def test_a_lost_connection_is_mended_and_brings_the_unacknowledged_again(
    mosquitto: Mosquitto, make_source: SourceFactory, prefix: str
) -> None:
    async with FaultProxy(mosquitto.port) as proxy, driving(make_source(proxy.url, topics=(f"{prefix}/#",))) as driver:
        await driver.until_connected()
        await publish(mosquitto.url, numbered(prefix, 20))
        await driver.until_count(20)
        await proxy.cut()
        await driver.until_count(40)
        assert numbers(driver.payloads) == [*range(20), *range(20)]
        assert driver.source.reconnects == 1
        assert driver.source.sessions_lost == 0


@pytest.mark.parametrize("nbytes", [1, 2, 7, 20, 500])
async def test_a_connection_cut_in_the_middle_of_a_packet_loses_and_invents_nothing(
    mosquitto: Mosquitto, make_source: SourceFactory, prefix: str, nbytes: int
) -> None:
    topics = (f"{prefix}/#",)
    async with FaultProxy(mosquitto.port) as proxy, driving(make_source(proxy.url, topics=topics)) as driver:
        driver.acknowledges = True
        await driver.until_connected()
        proxy.cut_within(Side.CLIENT, nbytes)
        await publish(mosquitto.url, numbered(prefix, 100))
        await driver.until(lambda: set(numbers(driver.payloads)) == set(range(100)))
        assert driver.source.reconnects >= 1
        assert {topic for topic, _ in driver.messages} == {f"{prefix}/{vehicle}" for vehicle in range(5)}


# -- 2: order


async def test_messages_of_one_topic_come_in_the_order_in_which_they_were_sent(
    mosquitto: Mosquitto, make_source: SourceFactory, prefix: str
) -> None:
    source = make_source(mosquitto.url, topics=(f"{prefix}/#",), batch_messages=70)
    async with driving(source, acknowledges=True) as driver:
        await driver.until_connected()
        await publish(mosquitto.url, numbered(prefix, 3000, vehicles=7))
        await driver.until_count(3000)
        for vehicle in range(7):
            of_vehicle = [int(payload) for topic, payload in driver.messages if topic == f"{prefix}/{vehicle}"]
            assert of_vehicle == list(range(vehicle, 3000, 7))
        assert max(map(len, driver.batches)) <= 70
        assert all(len(batch) for batch in driver.batches)


async def test_instants_of_receipt_never_go_back_and_are_those_of_the_wall_clock(
    mosquitto: Mosquitto, make_source: SourceFactory, prefix: str
) -> None:
    before = time.time_ns() // 1000
    async with driving(make_source(mosquitto.url, topics=(f"{prefix}/#",)), acknowledges=True) as driver:
        await driver.until_connected()
        await publish(mosquitto.url, numbered(prefix, 100))
        await driver.until_count(100)
    received = [instant for batch in driver.batches for instant in batch.received]
    assert received == sorted(received)
    assert before <= received[0] <= received[-1] <= time.time_ns() // 1000


# -- 3: the window


async def test_no_more_than_the_window_is_handed_over_without_an_acknowledgement(
    mosquitto: Mosquitto, make_source: SourceFactory, prefix: str
) -> None:
    async with driving(make_source(mosquitto.url, topics=(f"{prefix}/#",), window=50, batch_messages=20)) as driver:
        await driver.until_connected()
        await publish(mosquitto.url, numbered(prefix, 130))
        await driver.until_count(50)
        await asyncio.sleep(0.3)
        assert len(driver.payloads) == 50
        await driver.ack_all()
        await driver.until_count(100)
        await asyncio.sleep(0.3)
        assert len(driver.payloads) == 100
        await driver.ack_all()
        await driver.until_count(130)
        await driver.ack_all()
        assert numbers(driver.payloads) == list(range(130))


async def test_a_consumer_that_takes_nothing_stops_the_reading_not_the_memory(
    mosquitto: Mosquitto, make_source: SourceFactory, prefix: str
) -> None:
    source = make_source(mosquitto.url, topics=(f"{prefix}/#",), window_bytes=1 << 20)
    async with driving(source) as driver:
        await driver.until_connected()
        await publish(mosquitto.url, [(f"{prefix}/{number}", b"x" * 20_000) for number in range(500)])
        await driver.until_count(10)
        await asyncio.sleep(0.5)
        # A mebibyte is the bound; one read of 256 KiB may go beyond it.
        assert source.in_flight * 20_000 < (1 << 20) + (1 << 18) + 20_000
        driver.acknowledges = True
        await driver.ack_all()
        await driver.until_count(500)
        await driver.ack_all()
        assert source.in_flight == 0


async def test_a_source_that_waits_for_its_consumer_stays_connected_beyond_the_keep_alive(
    mosquitto: Mosquitto, make_source: SourceFactory, prefix: str
) -> None:
    source = make_source(mosquitto.url, topics=(f"{prefix}/#",), window=10, keep_alive_s=1)
    async with driving(source) as driver:
        await driver.until_connected()
        await publish(mosquitto.url, numbered(prefix, 30))
        await driver.until_count(10)
        await asyncio.sleep(3)
        assert source.is_connected
        assert source.reconnects == 0
        driver.acknowledges = True
        await driver.ack_all()
        await driver.until_count(30)
        assert numbers(driver.payloads) == list(range(30))


# -- 4: acknowledgements of a connection that is gone


async def test_an_acknowledgement_of_a_lost_connection_is_harmless(
    mosquitto: Mosquitto, make_source: SourceFactory, prefix: str
) -> None:
    topics = (f"{prefix}/#",)
    async with FaultProxy(mosquitto.port) as proxy:
        async with driving(make_source(proxy.url, topics=topics)) as driver:
            await driver.until_connected()
            await publish(mosquitto.url, numbered(prefix, 10))
            await driver.until_count(10)
            old = list(driver.batches)
            await proxy.cut()
            await driver.until_count(20)
            for batch in old:
                await driver.source.ack(batch)
        async with driving(make_source(mosquitto.url, topics=topics)) as successor:
            await successor.until_count(10)
            assert numbers(successor.payloads) == list(range(10))


# -- 5: lost connections are mended


async def test_a_half_open_connection_is_found_and_replaced(mosquitto: Mosquitto, make_source: SourceFactory, prefix: str) -> None:
    async with FaultProxy(mosquitto.port) as proxy:
        source = make_source(proxy.url, topics=(f"{prefix}/#",), keep_alive_s=1)
        async with driving(source, acknowledges=True) as driver:
            await driver.until_connected()
            proxy.freeze()
            await publish(mosquitto.url, numbered(prefix, 10))
            await driver.until_count(10)
            assert numbers(driver.payloads) == list(range(10))
            assert source.reconnects >= 1


async def test_a_broker_that_was_not_there_at_the_start_is_found_when_it_comes(
    start_mosquitto: Callable[..., Mosquitto], make_source: SourceFactory
) -> None:
    broker = start_mosquitto()
    broker.stop()
    source = make_source(broker.url)
    async with driving(source, acknowledges=True) as driver:
        await eventually(lambda: f"cannot reach the broker {broker.url}" in source.status)
        assert not source.is_connected
        broker.start()
        await driver.until_connected()
        await publish(broker.url, numbered("fleet", 3))
        await driver.until_count(3)


async def test_a_broker_restarted_with_its_sessions_hands_over_what_was_not_acknowledged(
    start_mosquitto: Callable[..., Mosquitto], make_source: SourceFactory
) -> None:
    broker = start_mosquitto()
    async with driving(make_source(broker.url)) as driver:
        await driver.until_connected()
        await publish(broker.url, numbered("fleet", 10))
        await driver.until_count(10)
        broker.stop()
        broker.start()
        await driver.until_count(20)
        assert numbers(driver.payloads[10:]) == list(range(10))
        assert driver.source.sessions_lost == 0


async def test_a_broker_restarted_without_its_sessions_is_noticed_and_subscribed_again(
    start_mosquitto: Callable[..., Mosquitto], make_source: SourceFactory, caplog: pytest.LogCaptureFixture
) -> None:
    broker = start_mosquitto()
    async with driving(make_source(broker.url)) as driver:
        await driver.until_connected()
        await publish(broker.url, numbered("fleet", 5))
        await driver.until_count(5)
        broker.stop()
        broker.forget()
        broker.start()
        await driver.until_reconnected()
        await driver.ack_all()
        await publish(broker.url, numbered("fleet", 5, start=5))
        await driver.until_count(10)
        assert numbers(driver.payloads) == list(range(10))
        assert driver.source.sessions_lost == 1
        assert driver.source.acknowledged == 0
        assert caplog.text.count("has forgotten the session of") == 1


async def test_two_workers_with_one_client_id_back_off_say_so_and_lose_nothing(
    mosquitto: Mosquitto, make_source: SourceFactory, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    topics, expected = (f"{prefix}/#",), {b"%d" % number for number in range(50)}
    async with driving(make_source(mosquitto.url, topics=topics), acknowledges=True) as first:
        await first.until_connected()
        async with driving(make_source(mosquitto.url, topics=topics), acknowledges=True) as second:
            await eventually(lambda: "does another client use the client id" in caplog.text)
            await publish(mosquitto.url, [(f"{prefix}/1", payload) for payload in expected])
            await eventually(lambda: {*first.payloads, *second.payloads} == expected)


async def test_batches_end_when_the_source_is_closed(mosquitto: Mosquitto, make_source: SourceFactory, prefix: str) -> None:
    source = make_source(mosquitto.url, topics=(f"{prefix}/#",))
    async with driving(source) as driver:
        await driver.until_connected()
    assert not source.is_connected
    assert source.status == "closed"


# -- what a broker may send


async def test_a_huge_payload_is_handed_over_as_broken_with_its_start_and_the_next_message_comes(
    mosquitto: Mosquitto, make_source: SourceFactory, prefix: str
) -> None:
    source = make_source(mosquitto.url, topics=(f"{prefix}/#",), max_payload_bytes=100_000)
    async with driving(source, acknowledges=True) as driver:
        await driver.until_connected()
        huge = b"start" + b"\0" * 10_000_000
        await publish(mosquitto.url, [(f"{prefix}/huge", huge), (f"{prefix}/most", b"y" * 100_000), (f"{prefix}/next", b"1")])
        await driver.until_count(3)
        assert driver.messages[0] == (f"{prefix}/huge", huge[:1024])
        assert driver.messages[1:] == [(f"{prefix}/most", b"y" * 100_000), (f"{prefix}/next", b"1")]
        broken = [(batch.topics[index], reason) for batch in driver.batches for index, reason in batch.broken]
        assert broken == [(f"{prefix}/huge", Reason.TOO_LARGE)]
        assert [size for batch in driver.batches for size in batch.full_bytes.values()] == [len(huge)]
        assert source.reconnects == 0


async def test_payloads_are_any_bytes_and_topics_any_text(mosquitto: Mosquitto, make_source: SourceFactory, prefix: str) -> None:
    every_byte = bytes(range(256))
    messages = [
        (f"{prefix}/Käpylä/60;24/Ödland", every_byte),
        (f"{prefix}/empty", b""),
        (f"{prefix}/long", every_byte * 1000),
        (f"{prefix}/" + "level/" * 100, b"deep"),
        (f"{prefix}/\N{ROCKET}", b"{}"),
    ]
    async with driving(make_source(mosquitto.url, topics=(f"{prefix}/#",)), acknowledges=True) as driver:
        await driver.until_connected()
        await publish(mosquitto.url, messages)
        await driver.until_count(len(messages))
        assert driver.messages == messages


async def test_messages_at_qos_0_are_handed_over_too(mosquitto: Mosquitto, make_source: SourceFactory, prefix: str) -> None:
    async with driving(make_source(mosquitto.url, topics=(f"{prefix}/#",)), acknowledges=True) as driver:
        await driver.until_connected()
        await publish(mosquitto.url, numbered(prefix, 20), qos=0)
        await driver.until_count(20)
        assert numbers(driver.payloads) == list(range(20))
