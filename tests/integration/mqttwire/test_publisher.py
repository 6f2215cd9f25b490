"""Publishing: at least once at QoS 1 through every fault, and live frames that never wait."""

import asyncio
from collections.abc import Callable

import pytest

from mqttwire import BackoffLimits, MqttOptions, MqttVersion, Publisher, Subscriber, Will
from mqttwire.errors import Closed, DeliveryUnknown, PublishRefused
from tests.fault_proxy import FaultProxy
from tests.integration.ingest.sources.scripted import ScriptedBroker
from tests.realparts.mosquitto import Mosquitto

pytestmark = pytest.mark.asyncio

IMPATIENT = BackoffLimits(first_s=0.02, longest_s=0.2)


@pytest.fixture(params=[MqttVersion.V5, MqttVersion.V311], ids=["5", "3.1.1"])
def version(request: pytest.FixtureRequest) -> MqttVersion:
    found: MqttVersion = request.param
    return found


def options(url: str, version: MqttVersion = MqttVersion.V5, **settings: object) -> MqttOptions:
    return MqttOptions.from_url(url, version=version, backoff=IMPATIENT, **settings)


async def collect(subscriber: Subscriber, count: int) -> list[bytes]:
    payloads: list[bytes] = []
    async with asyncio.timeout(30):
        async for batch in subscriber.batches():
            payloads += [message.payload for message in batch]
            if len(payloads) >= count:
                break
    return payloads


async def test_many_messages_arrive_once_and_in_order(mosquitto: Mosquitto, version: MqttVersion, prefix: str) -> None:
    async with Subscriber(options(mosquitto.url, version), [f"{prefix}/#"], qos=1) as subscriber:
        await subscriber.wait_connected()
        async with Publisher(options(mosquitto.url, version), window=50) as publisher:
            for number in range(5000):
                await publisher.publish(f"{prefix}/{number % 3}", b"%d" % number)
            await publisher.drain()
            assert publisher.unacknowledged == 0
            assert publisher.published == publisher.acknowledged_messages == 5000
        assert await collect(subscriber, 5000) == [b"%d" % number for number in range(5000)]


async def test_no_more_than_the_window_is_ever_unacknowledged() -> None:
    async with ScriptedBroker() as broker, Publisher(options(broker.url), window=10) as publisher:
        await publisher.wait_connected()
        for number in range(10):
            await publisher.publish("fleet/1", b"%d" % number)
        waiting = asyncio.create_task(publisher.publish("fleet/1", b"10"))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        guest = broker.guests[0]
        assert len(guest.packets) == 10
        for packet_id in (1, 2, 3):
            guest.send(b"\x40\x02" + packet_id.to_bytes(2, "big"))
        await asyncio.wait_for(waiting, 10)
        assert publisher.unacknowledged == 8


async def test_the_brokers_own_window_counts_where_it_is_smaller() -> None:
    async with ScriptedBroker() as broker:
        broker.connack_properties = b"\x21\x00\x02"
        async with Publisher(options(broker.url), window=10) as publisher:
            await publisher.wait_connected()
            await publisher.publish("fleet/1", b"1")
            await publisher.publish("fleet/1", b"2")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(publisher.publish("fleet/1", b"3"), 0.1)


async def test_what_was_not_acknowledged_is_sent_again_after_a_cut(mosquitto: Mosquitto, version: MqttVersion, prefix: str) -> None:
    async with FaultProxy(mosquitto.port) as proxy, Subscriber(options(mosquitto.url), [f"{prefix}/#"], qos=1) as subscriber:
        await subscriber.wait_connected()
        async with Publisher(options(proxy.url, version), window=200) as publisher:
            for number in range(3000):
                await publisher.publish(f"{prefix}/1", b"%d" % number)
                if number in {500, 1500, 2500}:
                    await proxy.cut()
            await publisher.drain()
            assert publisher.reconnects >= 1
        await publisher_sentinel(mosquitto, prefix)
        payloads: list[bytes] = []
        while b"end" not in payloads:
            payloads += await collect(subscriber, 1)
    assert set(payloads) == {b"%d" % number for number in range(3000)} | {b"end"}


async def publisher_sentinel(mosquitto: Mosquitto, prefix: str) -> None:
    async with Publisher(options(mosquitto.url)) as publisher:
        await publisher.deliver(f"{prefix}/1", b"end")


async def test_publishing_waits_for_a_broker_that_is_away(start_mosquitto: Callable[..., Mosquitto]) -> None:
    broker = start_mosquitto()
    broker.stop()
    async with Publisher(options(broker.url)) as publisher:
        waiting = asyncio.create_task(publisher.publish("fleet/1", b"1"))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        broker.start()
        await asyncio.wait_for(waiting, 30)
        await publisher.drain()


async def test_live_frames_never_wait_and_the_oldest_give_way(mosquitto: Mosquitto, prefix: str) -> None:
    async with Subscriber(options(mosquitto.url), [f"{prefix}/#"]) as subscriber:
        await subscriber.wait_connected()
        publisher = Publisher(options(mosquitto.url), max_waiting=3)
        offered = [publisher.offer(f"{prefix}/live", b"%d" % number) for number in range(5)]
        assert offered == [True, True, True, False, False]
        assert publisher.dropped == 2
        publisher.start()
        await publisher.wait_connected()
        assert await collect(subscriber, 3) == [b"2", b"3", b"4"]
        assert publisher.offer(f"{prefix}/live", b"5")
        assert await collect(subscriber, 1) == [b"5"]
        await publisher.close()


async def test_live_frames_wait_for_a_socket_that_is_full() -> None:
    async with ScriptedBroker() as broker, Publisher(options(broker.url), max_waiting=5) as publisher:
        await publisher.wait_connected()
        guest = broker.guests[0]
        guest.writer.transport.pause_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(30):
            while publisher.offer("live", b"x" * 200_000):  # noqa: ASYNC110
                await asyncio.sleep(0)
        guest.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await asyncio.wait_for(publisher.drain(), 30)


async def test_delivery_is_confirmed_and_a_refusal_is_an_error() -> None:
    async with ScriptedBroker() as broker, Publisher(options(broker.url)) as publisher:
        await publisher.wait_connected()
        guest = broker.guests[0]
        delivering = asyncio.create_task(publisher.deliver("fleet/1/command", b"lock"))
        await asyncio.sleep(0.05)
        assert not delivering.done()
        guest.send(b"\x40\x02\x00\x01")
        await asyncio.wait_for(delivering, 10)
        delivering = asyncio.create_task(publisher.deliver("fleet/1/command", b"lock"))
        await asyncio.sleep(0.05)
        guest.send(b"\x40\x03\x00\x02\x87")
        with pytest.raises(PublishRefused, match=r"^a message for fleet/1/command was not taken: not authorized$"):
            await asyncio.wait_for(delivering, 10)
        delivering = asyncio.create_task(publisher.deliver("fleet/1/command", b"lock"))
        await asyncio.sleep(0.05)
        guest.send(b"\x40\x03\x00\x03\x10")  # no subscribers: taken all the same
        await asyncio.wait_for(delivering, 10)
        assert publisher.refused == {"not authorized": 1}


@pytest.mark.parametrize(
    ("properties", "payload", "retain", "problem"),
    [
        (b"\x27\x00\x00\x00\x64", b"x" * 100, False, "the broker takes packets of at most 100 bytes"),
        (b"\x24\x00", b"x", False, "the broker takes no QoS 1"),
        (b"\x25\x00", b"x", True, "the broker keeps no retained messages"),
    ],
)
async def test_what_the_broker_can_never_take_is_refused_at_once(
    properties: bytes, payload: bytes, retain: bool, problem: str
) -> None:
    async with ScriptedBroker() as broker:
        broker.connack_properties = properties
        async with Publisher(options(broker.url)) as publisher:
            with pytest.raises(PublishRefused, match=problem):
                await publisher.publish("fleet/1", payload, retain=retain)
            assert publisher.unacknowledged == 0


async def test_who_waits_while_the_publisher_is_closed_is_told() -> None:
    async with ScriptedBroker() as broker:
        publisher = Publisher(options(broker.url), window=1)
        publisher.start()
        await publisher.publish("fleet/1", b"1")
        waiting = [asyncio.create_task(publisher.publish("fleet/1", b"2")), asyncio.create_task(publisher.drain())]
        confirming = asyncio.create_task(publisher.deliver("fleet/1", b"3"))
        await asyncio.sleep(0.05)
        await publisher.close()
        assert [type(found) for found in await asyncio.gather(*waiting, confirming, return_exceptions=True)] == [Closed] * 3
        with pytest.raises(Closed):
            await publisher.publish("fleet/1", b"4")
        with pytest.raises(Closed):
            await publisher.wait_connected()


async def test_a_cancelled_turn_is_passed_on() -> None:
    async with ScriptedBroker() as broker, Publisher(options(broker.url), window=1) as publisher:
        await publisher.publish("fleet/1", b"1")
        one, two = (asyncio.create_task(publisher.publish("fleet/1", payload)) for payload in (b"2", b"3"))
        await asyncio.sleep(0.05)
        one.cancel()
        broker.guests[0].send(b"\x40\x02\x00\x01")
        await asyncio.wait_for(two, 10)
        assert one.cancelled()


async def test_the_last_will_is_published_when_the_connection_breaks(
    mosquitto: Mosquitto, version: MqttVersion, prefix: str
) -> None:
    async with FaultProxy(mosquitto.port) as proxy, Subscriber(options(mosquitto.url), [f"{prefix}/#"]) as subscriber:
        await subscriber.wait_connected()
        will = Will(topic=f"{prefix}/status", payload=b"offline", retain=False)
        async with Publisher(options(proxy.url, version, will=will)) as publisher:
            await publisher.wait_connected()
            await proxy.shut()
            assert await collect(subscriber, 1) == [b"offline"]


async def test_what_may_be_sent_once_only_is_not_sent_again_and_neither_is_what_nobody_waits_for() -> None:
    async with ScriptedBroker() as broker, Publisher(options(broker.url)) as publisher:
        await publisher.wait_connected()
        again, once, given_up = (
            asyncio.create_task(publisher.deliver("fleet/1/command", payload, once=payload == b"once"))
            for payload in (b"again", b"once", b"given up")
        )
        async with asyncio.timeout(20):
            while len(broker.guests[0].packets) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        given_up.cancel()
        broker.guests[0].writer.transport.abort()
        with pytest.raises(DeliveryUnknown, match="the connection broke before the broker had answered"):
            await asyncio.wait_for(once, 20)
        async with asyncio.timeout(20):
            while len(broker.guests) < 2 or not broker.guests[1].packets:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        broker.guests[1].send(b"\x40\x02\x00\x01")
        await asyncio.wait_for(again, 20)
        assert [packet[-5:] for packet in broker.guests[1].packets] == [b"again"]
        assert publisher.unacknowledged == 0
