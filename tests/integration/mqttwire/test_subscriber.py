"""Subscribing without a session: what comes, what is kept, what gives way."""

import asyncio
from collections.abc import Callable

import pytest

from mqttwire import BackoffLimits, MqttOptions, MqttVersion, Publisher, Received, Subscriber, WhenFull
from tests.integration.ingest.sources.scripted import ScriptedBroker
from tests.realparts.mosquitto import Mosquitto

pytestmark = pytest.mark.asyncio


def options(url: str) -> MqttOptions:
    return MqttOptions.from_url(url, version=MqttVersion.V5, backoff=BackoffLimits(first_s=0.02, longest_s=0.2))


async def test_messages_come_one_by_one_and_kept_ones_say_so(mosquitto: Mosquitto, prefix: str) -> None:
    async with Publisher(options(mosquitto.url)) as publisher:
        await publisher.deliver(f"{prefix}/status", b"online", retain=True)
        async with Subscriber(options(mosquitto.url), [f"{prefix}/#"]) as subscriber:
            await subscriber.wait_connected()
            await publisher.deliver(f"{prefix}/fix", b"{}")
            found = [message async for _, message in azip(range(2), subscriber)]
        assert found == [Received(f"{prefix}/status", b"online", True), Received(f"{prefix}/fix", b"{}", False)]
        await publisher.deliver(f"{prefix}/status", b"", retain=True)


async def azip(numbers: range, subscriber: Subscriber):  # type: ignore[no-untyped-def]
    """As many messages as numbers."""
    messages = aiter(subscriber)
    for number in numbers:
        yield number, await asyncio.wait_for(anext(messages), 30)


async def test_the_oldest_give_way_to_the_newest_where_that_is_wanted() -> None:
    async with ScriptedBroker() as broker:
        subscriber = Subscriber(options(broker.url), ["live/#"], when_full=WhenFull.DROP_OLDEST, max_waiting=3)
        async with subscriber:
            guest = await broker.next_subscriber()
            for number in range(10):
                guest.publish(b"live/1", b"%d" % number)
            async with asyncio.timeout(10):
                while subscriber.received < 10:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            batch = await anext(subscriber.batches())
            assert [message.payload for message in batch] == [b"7", b"8", b"9"]
            assert subscriber.dropped == 7


async def test_reading_stops_where_nothing_may_be_dropped() -> None:
    async with ScriptedBroker() as broker, Subscriber(options(broker.url), ["live/#"], max_waiting=3) as subscriber:
        guest = await broker.next_subscriber()
        for number in range(3):
            guest.publish(b"live/1", b"%d" % number)
        async with asyncio.timeout(10):
            while subscriber.received < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        for number in range(3, 10):
            guest.publish(b"live/1", b"%d" % number)
        await asyncio.sleep(0.1)
        assert subscriber.received == 3
        payloads: list[bytes] = []
        async with asyncio.timeout(10):
            async for message in subscriber:
                payloads.append(message.payload)
                if len(payloads) == 10:
                    break
        assert payloads == [b"%d" % number for number in range(10)]
        assert subscriber.dropped == 0


async def test_it_comes_back_after_a_restart_of_the_broker(start_mosquitto: Callable[..., Mosquitto]) -> None:
    broker = start_mosquitto()
    async with Subscriber(options(broker.url), ["live/#"]) as subscriber:
        await subscriber.wait_connected()
        broker.stop()
        broker.start()
        async with asyncio.timeout(30):
            while not (subscriber.reconnects and subscriber.is_connected):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        async with Publisher(options(broker.url)) as publisher:
            await publisher.deliver("live/1", b"again")
        async with asyncio.timeout(10):
            assert await anext(aiter(subscriber)) == Received("live/1", b"again", False)


async def test_iterations_end_when_it_is_closed(mosquitto: Mosquitto, prefix: str) -> None:
    async with Subscriber(options(mosquitto.url), [f"{prefix}/#"]) as subscriber:
        await subscriber.wait_connected()
        waiting = asyncio.ensure_future(anext(subscriber.batches()))
        await asyncio.sleep(0.05)
        await subscriber.close()
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(waiting, 10)


async def test_a_fault_of_the_program_stops_it_instead_of_reconnecting_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async with ScriptedBroker() as broker:
        monkeypatch.setattr("mqttwire.inbox.Inbox.arrived", broken)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        async with Subscriber(options(broker.url), ["live/#"]) as subscriber:
            guest = await broker.next_subscriber()
            guest.publish(b"live/1", b"1")
            with pytest.raises(ZeroDivisionError):
                await asyncio.wait_for(anext(subscriber.batches()), 10)
