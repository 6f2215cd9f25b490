"""Who may connect, and that nobody reads a password in a log."""

import gc
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mqttwire import MqttOptions, MqttVersion, Publisher
from mqttwire.errors import InvalidMqttOption
from tests.integration.ingest.sources.conftest import SourceFactory
from tests.integration.ingest.sources.driving import Driver, driving, eventually, publish
from tests.realparts.certificates import Authority
from tests.realparts.mosquitto import Mosquitto

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")]

PASSWORD = "open sesame/ümläut"


async def until_failed(driver: Driver) -> str:
    """What the source says after a few attempts."""
    await eventually(lambda: attempts(driver.source.status) >= 3)
    return driver.source.status


def attempts(status: str) -> int:
    failed = re.search(r"\(attempt (\d+) failed\)", status)
    return int(failed[1]) if failed else 0


@pytest.fixture(autouse=True)
def _sockets_that_paho_forgets() -> Iterator[None]:
    """paho leaves a socket whose TLS handshake failed to the garbage collector; it may complain here, and not in another test."""
    yield
    gc.collect()


async def test_a_password_opens(start_mosquitto: Callable[..., Mosquitto], make_source: SourceFactory) -> None:
    broker = start_mosquitto(users={"worker": PASSWORD})
    source = make_source(broker.url, username="worker", password=PASSWORD)
    async with driving(source, acknowledges=True) as driver:
        await driver.until_connected()
        options = MqttOptions.from_url(broker.url, username="worker", password=PASSWORD)
        async with Publisher(options) as publisher:
            await publisher.deliver("fleet/1", b"1")
        await driver.until_count(1)


async def test_a_wrong_password_is_told_clearly_tried_again_and_never_shown(
    start_mosquitto: Callable[..., Mosquitto], make_source: SourceFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    broker = start_mosquitto(users={"worker": PASSWORD})
    source = make_source(broker.url, username="worker", password="hunter2")
    async with driving(source) as driver:
        status = await until_failed(driver)
        assert f"the broker {broker.url} refused the connection: not authorized" in status
        assert not source.is_connected
    assert "hunter2" not in caplog.text + status + repr(source) + repr(vars(source))


async def test_tls_with_client_certificate_and_password(
    start_mosquitto: Callable[..., Mosquitto], make_source: SourceFactory, authority: Authority
) -> None:
    broker = start_mosquitto(tls=authority.server(), client_authority=authority.certificate)
    worker = authority.client("worker")
    tls: dict[str, Any] = {"ca_file": authority.certificate, "cert_file": worker.certificate, "key_file": worker.key}
    async with driving(make_source(broker.url, **tls), acknowledges=True) as driver:
        await driver.until_connected()
        async with Publisher(MqttOptions.from_url(broker.url, version=MqttVersion.V5, **tls)) as publisher:
            for number in range(2000):
                await publisher.publish("fleet/1", b"%d" % number)
            await publisher.publish("fleet/large", b"x" * 500_000)
            await publisher.drain()
        await driver.until_count(2001)
        assert driver.payloads[:2000] == [b"%d" % number for number in range(2000)]
        assert driver.payloads[2000] == b"x" * 500_000
        assert driver.source.reconnects == 0


async def test_a_client_without_a_certificate_is_turned_away(
    start_mosquitto: Callable[..., Mosquitto], make_source: SourceFactory, authority: Authority
) -> None:
    broker = start_mosquitto(tls=authority.server(), client_authority=authority.certificate)
    async with driving(make_source(broker.url, ca_file=authority.certificate)) as driver:
        await until_failed(driver)
        assert not driver.source.is_connected


async def test_a_broker_whose_certificate_nobody_vouches_for_is_not_trusted(
    start_mosquitto: Callable[..., Mosquitto], make_source: SourceFactory, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other", name="Somebody else")
    broker = start_mosquitto(tls=authority.server())
    async with driving(make_source(broker.url, ca_file=stranger.certificate)) as driver:
        status = await until_failed(driver)
        assert "verify failed" in status or "unable to get local issuer certificate" in status


async def test_verification_can_be_switched_off(
    start_mosquitto: Callable[..., Mosquitto], make_source: SourceFactory, authority: Authority
) -> None:
    broker = start_mosquitto(tls=authority.server())
    async with driving(make_source(broker.url, tls_verify=False)) as driver:
        await driver.until_connected()


async def test_a_certificate_file_that_is_none_is_an_error_at_once(make_source: SourceFactory, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(InvalidMqttOption, match=r"^ca_file: cannot use .*ca\.pem: "):
        make_source("mqtts://127.0.0.1", ca_file=tmp_path / "ca.pem")
    with pytest.raises(InvalidMqttOption, match=r"^ca_file: cannot use .*gone\.pem: No such file or directory$"):
        make_source("mqtts://127.0.0.1", ca_file=tmp_path / "gone.pem")


async def test_access_rules_of_the_broker_do_not_disturb(
    start_mosquitto: Callable[..., Mosquitto], make_source: SourceFactory
) -> None:
    broker = start_mosquitto(users={"worker": "w", "default/1": "t"}, shipped_acl=True)
    async with driving(make_source(broker.url_as("worker"), topics=("fleet/+/+/fix",)), acknowledges=True) as driver:
        await driver.until_connected()
        await publish(broker.url_as("default/1"), [("fleet/default/1/fix", b"1")])
        await driver.until_count(1)
        assert driver.messages == [("fleet/default/1/fix", b"1")]
