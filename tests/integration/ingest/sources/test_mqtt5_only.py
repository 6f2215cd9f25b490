"""What only MQTT 5 offers, on a real Mosquitto."""

import asyncio
from typing import Any

import pytest

from tests.integration.ingest.sources.conftest import SourceFactory, factory
from tests.integration.ingest.sources.driving import driving, eventually, publish
from tests.realparts.mosquitto import Mosquitto

pytestmark = pytest.mark.asyncio


@pytest.fixture
def make_source(client_id: str) -> SourceFactory:
    return factory("mqtt5", client_id)


async def test_workers_of_one_group_share_the_messages(mosquitto: Mosquitto, make_source: SourceFactory, prefix: str) -> None:
    settings: dict[str, Any] = {"topics": (f"{prefix}/#",), "shared_group": "workers"}
    one = make_source(mosquitto.url, client_id=f"{prefix}-1".replace("/", "-"), **settings)
    two = make_source(mosquitto.url, client_id=f"{prefix}-2".replace("/", "-"), **settings)
    async with driving(one, acknowledges=True) as first, driving(two, acknowledges=True) as second:
        await first.until_connected()
        await second.until_connected()
        await publish(mosquitto.url, [(f"{prefix}/{number}", b"%d" % number) for number in range(1000)])
        await eventually(lambda: len(first.payloads) + len(second.payloads) >= 1000)
        assert first.payloads
        assert second.payloads
        assert sorted(map(int, first.payloads + second.payloads)) == list(range(1000))


async def test_the_broker_itself_keeps_to_the_window(mosquitto: Mosquitto, make_source: SourceFactory, prefix: str) -> None:
    async with driving(make_source(mosquitto.url, topics=(f"{prefix}/#",), window=25)) as driver:
        await driver.until_connected()
        await publish(mosquitto.url, [(f"{prefix}/1", b"%d" % number) for number in range(100)])
        await driver.until_count(25)
        await asyncio.sleep(0.3)
        assert driver.source.received == 25


async def test_a_retained_message_comes_once_and_not_with_each_reconnect(
    mosquitto: Mosquitto, make_source: SourceFactory, prefix: str
) -> None:
    from mqttwire import MqttOptions, Publisher

    async with Publisher(MqttOptions.from_url(mosquitto.url)) as publisher:
        await publisher.deliver(f"{prefix}/kept", b"kept", retain=True)
    for expected in ([b"kept"], [b"1"]):
        async with driving(make_source(mosquitto.url, topics=(f"{prefix}/#",)), acknowledges=True) as driver:
            await driver.until_connected()
            if expected == [b"1"]:
                await publish(mosquitto.url, [(f"{prefix}/other", b"1")])
            await driver.until_count(1)
            assert driver.payloads == expected
    async with Publisher(MqttOptions.from_url(mosquitto.url)) as publisher:
        await publisher.deliver(f"{prefix}/kept", b"", retain=True)
