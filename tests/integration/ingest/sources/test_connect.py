"""Which source a broker gets, and that the broker for trying out (`amqtt`, 3.1.1 only) is served by it."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import outrider.embedded.amqtt_server
from ingest.sources.connect import NegotiatingSource, connect_source
from ingest.sources.limits import SourceLimits
from ingest.sources.mqtt5 import Mqtt5Source
from ingest.sources.mqtt311 import Mqtt311Source
from mqttwire import MqttOptions, MqttVersion, Publisher, Subscriber
from mqttwire.errors import InvalidMqttOption
from tests.fault_proxy import FaultProxy
from tests.integration.ingest.sources.conftest import IMPATIENT, factory
from tests.integration.ingest.sources.driving import driving, publish
from tests.integration.ingest.sources.scripted import ScriptedBroker
from tests.realparts.mosquitto import Mosquitto
from tests.realparts.process import accepts, free_port, start_child, stop_child, wait_until

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def amqtt_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log, port = tmp_path_factory.mktemp("amqtt") / "log", free_port()
    script = Path(outrider.embedded.amqtt_server.__file__)
    child = start_child([sys.executable, script, "127.0.0.1", str(port)], log=log)
    wait_until(lambda: accepts(port), child, log=log, what="amqtt")
    yield f"mqtt://127.0.0.1:{port}"
    stop_child(child, child.terminate)


def options(url: str, client_id: str, version: MqttVersion = MqttVersion.AUTO) -> MqttOptions:
    return MqttOptions.from_url(url, client_id=client_id, version=version, backoff=IMPATIENT)


async def test_a_broker_of_mqtt_5_gets_the_fast_source(mosquitto: Mosquitto, client_id: str, prefix: str) -> None:
    source = await connect_source(options(mosquitto.url, client_id), [f"{prefix}/#"])
    assert isinstance(source, Mqtt5Source)
    async with driving(source, acknowledges=True) as driver:
        await driver.until_connected()
        assert source.status == f"connected to {mosquitto.url} by MQTT 5"


async def test_a_version_that_is_named_is_used(mosquitto: Mosquitto, client_id: str) -> None:
    source = await connect_source(options(mosquitto.url, client_id, MqttVersion.V311), ["fleet/#"])
    assert isinstance(source, Mqtt311Source)


async def test_a_broker_of_3_1_1_gets_the_other_source(amqtt_url: str, client_id: str, prefix: str) -> None:
    source = await connect_source(options(amqtt_url, client_id), [f"{prefix}/#"], SourceLimits(max_payload_bytes=1000))
    assert isinstance(source, Mqtt311Source)
    async with driving(source, acknowledges=True) as driver:
        await driver.until_connected()
        await publish(amqtt_url, [(f"{prefix}/1", b"%d" % number) for number in range(200)])
        await driver.until_count(200)
        assert driver.payloads == [b"%d" % number for number in range(200)]
        assert source.status == f"connected to {amqtt_url} by MQTT 3.1.1"


@pytest.mark.parametrize("kind", ["mqtt311", "wire311"])
async def test_amqtt_is_held_to_the_window_and_mended(amqtt_url: str, kind: str, client_id: str, prefix: str) -> None:
    """What amqtt keeps for those who are away is its own affair: for anonymous clients, nothing."""
    make, port = factory(kind, client_id), int(amqtt_url.rpartition(":")[2])
    async with FaultProxy(port) as proxy, driving(make(proxy.url, topics=(f"{prefix}/#",), window=10)) as driver:
        await driver.until_connected()
        await publish(amqtt_url, [(f"{prefix}/1", b"%d" % number) for number in range(30)])
        await driver.until_count(10)
        await asyncio.sleep(0.3)
        assert driver.payloads == [b"%d" % number for number in range(10)]
        driver.acknowledges = True
        await driver.ack_all()
        await driver.until_count(30)
        await proxy.cut()
        await driver.until_reconnected()
        await publish(amqtt_url, [(f"{prefix}/1", b"30")])
        await driver.until(lambda: b"30" in driver.payloads)


async def test_publisher_and_subscriber_find_out_the_version_too(amqtt_url: str, prefix: str) -> None:
    async with Subscriber(MqttOptions.from_url(amqtt_url), [f"{prefix}/#"]) as subscriber:
        await subscriber.wait_connected()
        async with Publisher(MqttOptions.from_url(amqtt_url)) as publisher:
            await publisher.deliver(f"{prefix}/1", b"hello")
        async for message in subscriber:
            assert message == (f"{prefix}/1", b"hello", False)
            break


async def test_a_broker_that_is_not_there_yet_is_asked_until_it_comes(client_id: str) -> None:
    port = free_port()
    source = await connect_source(options(f"mqtt://127.0.0.1:{port}", client_id), ["fleet/#"])
    assert isinstance(source, NegotiatingSource)
    batches = source.batches()
    waiting = asyncio.ensure_future(anext(batches))
    async with asyncio.timeout(10):
        while "cannot reach the broker" not in source.status:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert not source.is_connected
    assert source.received == source.in_flight == source.reconnects == source.sessions_lost == 0
    await source.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
    assert [batch async for batch in source.batches()] == []


async def test_the_source_that_was_chosen_late_works_like_any(mosquitto: Mosquitto, client_id: str, prefix: str) -> None:
    source = NegotiatingSource(options(mosquitto.url, client_id), [f"{prefix}/#"])
    waiting = asyncio.ensure_future(anext(source.batches()))
    async with asyncio.timeout(10):
        while not source.is_connected:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await publish(mosquitto.url, [(f"{prefix}/1", b"1")])
    batch = await waiting
    await source.ack(batch)
    assert (source.received, source.acknowledged, source.in_flight) == (1, 1, 0)
    assert source.bytes_received > 0
    await source.close()


async def test_a_broker_that_chokes_on_mqtt_5_is_asked_in_3_1_1(client_id: str) -> None:
    async with ScriptedBroker() as broker:
        broker.refusal = lambda level: b"" if level == 5 else None
        assert isinstance(await connect_source(options(broker.url, client_id), ["fleet/#"]), Mqtt311Source)


async def test_a_session_needs_a_name() -> None:
    with pytest.raises(InvalidMqttOption, match=r"^client_id: is needed"):
        await connect_source(MqttOptions.from_url("mqtt://127.0.0.1:1"), ["fleet/#"])
