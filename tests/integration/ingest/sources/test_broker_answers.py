"""What a broker may answer to CONNECT and SUBSCRIBE, and that a person can read what is wrong."""

import re

import pytest

from tests.integration.ingest.sources.conftest import SourceFactory, factory
from tests.integration.ingest.sources.driving import Driver, driving, eventually
from tests.integration.ingest.sources.scripted import ScriptedBroker

pytestmark = pytest.mark.asyncio


async def until_status(driver: Driver, text: str) -> None:
    await eventually(lambda: text in driver.source.status)


@pytest.fixture
def make_5(client_id: str) -> SourceFactory:
    return factory("mqtt5", client_id)


async def test_subscriptions_that_are_all_refused_are_an_error_that_is_tried_again(make_source: SourceFactory) -> None:
    async with ScriptedBroker() as broker, driving(make_source(broker.url, topics=("fleet/#", "hfp/#"))) as driver:
        broker.granted = (0x80, 0x80)
        await until_status(driver, "the broker refused to subscribe us (fleet/#: ")
        assert not driver.source.is_connected
        broker.granted = ()
        await driver.until_connected()


async def test_one_refused_subscription_does_not_stop_the_others(
    make_source: SourceFactory, caplog: pytest.LogCaptureFixture
) -> None:
    async with ScriptedBroker() as broker:
        broker.granted = (1, 0x80)
        async with driving(make_source(broker.url, topics=("fleet/#", "hfp/#")), acknowledges=True) as driver:
            guest = await broker.next_subscriber()
            await driver.until_connected()
            assert "; refused: hfp/#: " in driver.source.status
            assert "refused to subscribe us: hfp/#: " in caplog.text
            guest.publish(b"fleet/1", b"1", packet_id=1)
            await driver.until_count(1)


async def test_a_broker_that_names_its_reason_is_quoted(make_5: SourceFactory) -> None:
    async with ScriptedBroker() as broker:
        reason = b"\x1f\x00\x0bmaintenance"
        broker.refusal = lambda _level: b"\x20" + bytes((3 + len(reason), 0, 0x88, len(reason))) + reason
        async with driving(make_5(broker.url)) as driver:
            await until_status(driver, f"the broker {broker.url} refused the connection: server unavailable (maintenance)")


@pytest.mark.parametrize(
    ("properties", "group", "problem"),
    [
        (b"\x2a\x00", "workers", "the broker offers no shared subscriptions by MQTT 5"),
        (b"\x28\x00", None, "the broker offers no wildcards"),
    ],
)
async def test_what_the_broker_has_said_it_cannot_do_is_not_asked_of_it(
    make_5: SourceFactory, properties: bytes, group: str | None, problem: str
) -> None:
    async with ScriptedBroker() as broker:
        broker.connack_properties = properties
        async with driving(make_5(broker.url, shared_group=group)) as driver:
            await until_status(driver, problem)
            assert [guest.packets for guest in broker.guests[:1]] == [[]]


async def test_the_brokers_keep_alive_goes_before_ours(make_5: SourceFactory) -> None:
    async with ScriptedBroker() as broker:
        broker.connack_properties = b"\x13\x00\x01"  # 1 s, where we want 600
        async with driving(make_5(broker.url, keep_alive_s=600)) as driver:
            guest = await broker.next_subscriber()
            await driver.until_connected()
            await eventually(lambda: b"\xc0\x00" in guest.packets)


async def test_a_broker_that_answers_no_ping_is_left(make_source: SourceFactory) -> None:
    async with ScriptedBroker() as broker:
        broker.answers_pings = False
        async with driving(make_source(broker.url, keep_alive_s=1)) as driver:
            await broker.next_subscriber()
            await broker.next_subscriber()
            await driver.until_reconnected()


async def test_the_reason_of_a_disconnect_is_told(make_5: SourceFactory, caplog: pytest.LogCaptureFixture) -> None:
    async with ScriptedBroker() as broker, driving(make_5(broker.url)):
        guest = await broker.next_subscriber()
        guest.send(b"\xe0\x02\x8b\x00")
        await broker.next_subscriber()
        assert "the connection to the broker was lost: the broker said: server shutting down" in caplog.text


async def test_somebody_who_took_the_session_over_is_not_fought(make_5: SourceFactory, caplog: pytest.LogCaptureFixture) -> None:
    from mqttwire import BackoffLimits

    patient = BackoffLimits(first_s=0.01, longest_s=0.01, taken_over_s=30.0)
    async with ScriptedBroker() as broker, driving(make_5(broker.url, backoff=patient)) as driver:
        guest = await broker.next_subscriber()
        guest.send(b"\xe0\x02\x8e\x00")
        await until_status(driver, "another client connected with the same client id")
        waits_s = re.findall(r"next attempt in ([\d.]+) s", caplog.text)
        assert len(waits_s) == 1
        assert float(waits_s[0]) >= 30
        assert len(broker.guests) == 1


async def test_a_broker_of_another_version_is_a_clear_error(make_5: SourceFactory) -> None:
    async with ScriptedBroker() as broker:
        broker.refusal = lambda _level: b"\x20\x02\x00\x01"
        async with driving(make_5(broker.url)) as driver:
            await until_status(driver, "refused the connection: it does not speak MQTT 5")


async def test_a_broker_that_closes_without_an_answer_is_a_clear_error(make_source: SourceFactory) -> None:
    async with ScriptedBroker() as broker:
        broker.refusal = lambda _level: b""
        async with driving(make_source(broker.url, connect_timeout_s=0.5)) as driver:
            await until_status(driver, f"cannot reach the broker {broker.url}")
