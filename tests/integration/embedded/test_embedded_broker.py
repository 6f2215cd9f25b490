"""The embedded broker: who may do what at it, what it keeps, and what takes its place where Mosquitto is missing.

That something was not delivered is shown by what comes next: the broker keeps the order of a client's messages.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import aiomqtt
import psutil
import pytest

from outrider.embedded import broker as broker_module
from outrider.embedded.broker import EmbeddedBroker, embedded_broker
from outrider.embedded.data_directory import DataDirectory
from outrider.embedded.errors import EmbeddedError, NothingInstalledError, ServerStoppedError
from outrider.ports import free_port
from tests.realparts.mosquitto import Mosquitto

LOOPBACK = "127.0.0.1"
# By the fixture and not only by the marker, so that a machine without Mosquitto gets the usual reason.
with_mosquitto = pytest.mark.usefixtures("mosquitto")


@pytest.fixture
def without_mosquitto(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing() -> None:
        raise NothingInstalledError("Mosquitto is not installed")

    monkeypatch.setattr(broker_module, "find_mosquitto", find_nothing)


def _client(broker: EmbeddedBroker, account: str | None = None, *, session: str | None = None) -> aiomqtt.Client:
    return aiomqtt.Client(
        broker.host,
        broker.port,
        identifier=session,
        clean_session=session is None,
        username=account,
        password=broker.passwords[account] if account else None,
    )


async def _next_topic(client: aiomqtt.Client) -> str:
    async with asyncio.timeout(30):
        message = await anext(client.messages)
    return message.topic.value


@with_mosquitto
async def test_a_tracker_without_a_name_reports_and_hears_nothing_but_commands(data: DataDirectory) -> None:
    async with (
        embedded_broker(data, port=free_port(LOOPBACK)) as broker,
        _client(broker, "worker") as worker,
        _client(broker) as tracker,
    ):
        assert broker.kind == "mosquitto"
        assert broker.caution is None
        await worker.subscribe("fleet/#", qos=1)
        await tracker.subscribe("fleet/#", qos=1)
        await tracker.publish("outrider/live/default/positions", b"forged", qos=1)
        await tracker.publish("fleet/default/van-1/fix", b"{}", qos=1)
        assert await _next_topic(worker) == "fleet/default/van-1/fix"
        await worker.publish("fleet/default/van-1/command", b"{}", qos=1)
        assert await _next_topic(tracker) == "fleet/default/van-1/command"


@with_mosquitto
async def test_live_frames_go_from_the_worker_to_the_api_only(data: DataDirectory) -> None:
    async with (
        embedded_broker(data, port=free_port(LOOPBACK)) as broker,
        _client(broker, "worker") as worker,
        _client(broker, "simulator") as simulator,
        _client(broker, "api") as api,
    ):
        await api.subscribe("outrider/live/#", qos=1)
        await simulator.publish("outrider/live/default/forged", b"", qos=1)
        await worker.publish("outrider/live/default/positions", b"", qos=1)
        assert await _next_topic(api) == "outrider/live/default/positions"


@with_mosquitto
async def test_a_wrong_password_is_refused(data: DataDirectory) -> None:
    async with embedded_broker(data, port=free_port(LOOPBACK)) as broker:
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client(broker.host, broker.port, username="worker", password="guess", timeout=5):
                pass


@with_mosquitto
async def test_beyond_loopback_everybody_needs_a_name(data: DataDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "_is_loopback", lambda host: False)
    async with embedded_broker(data, port=free_port(LOOPBACK)) as broker:
        assert not broker.is_open_to_trackers
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client(broker.host, broker.port, timeout=5):
                pass
        async with _client(broker, "worker") as worker:
            await worker.publish("outrider/live/x", b"", qos=1)


@with_mosquitto
async def test_what_a_worker_missed_waits_for_it_through_a_restart(data: DataDirectory) -> None:
    port = free_port(LOOPBACK)
    async with embedded_broker(data, port=port) as broker:
        async with _client(broker, "worker", session="worker-1") as worker:
            await worker.subscribe("fleet/#", qos=1)
        async with _client(broker) as tracker:
            await tracker.publish("fleet/default/van-1/fix", b"{}", qos=1)
    async with embedded_broker(data, port=port) as broker, _client(broker, "worker", session="worker-1") as worker:
        assert await _next_topic(worker) == "fleet/default/van-1/fix"


@with_mosquitto
async def test_passwords_stay_the_same_and_are_nowhere_in_the_open(data: DataDirectory) -> None:
    async with embedded_broker(data, port=free_port(LOOPBACK)) as broker:
        first = dict(broker.passwords)
        arguments = " ".join(psutil.Process(broker.process.pid).cmdline())
        shown = repr(broker)
        home = data.server_home("mosquitto").path
        written = "".join(path.read_text(errors="replace") for path in home.iterdir())
    async with embedded_broker(data, port=free_port(LOOPBACK)) as broker:
        assert dict(broker.passwords) == first
    assert set(first) == {"worker", "api", "simulator"}
    for password in first.values():
        assert password not in arguments + shown + written
    assert json.loads((data.path / "mqtt-passwords.json").read_text()) == first
    assert (data.path / "mqtt-passwords.json").stat().st_mode & 0o777 == 0o600


@with_mosquitto
async def test_an_end_that_nobody_asked_for_is_noticed(data: DataDirectory) -> None:
    async with embedded_broker(data, port=free_port(LOOPBACK)) as broker:
        psutil.Process(broker.process.pid).kill()
        with pytest.raises(ServerStoppedError, match=r"Mosquitto ended by itself \(SIGKILL\)"):
            await broker.watch()


async def test_a_taken_port_is_named(data: DataDirectory) -> None:
    server = await asyncio.start_server(lambda reader, writer: None, LOOPBACK, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(EmbeddedError) as refused:
            async with embedded_broker(data, port=port):
                pass
    assert str(refused.value) == f"port {port} on 127.0.0.1 is taken; name another with --mqtt-port"


@pytest.mark.usefixtures("without_mosquitto")
async def test_amqtt_takes_its_place_and_says_so(data: DataDirectory) -> None:
    async with (
        embedded_broker(data, port=free_port(LOOPBACK)) as broker,
        _client(broker, "worker") as worker,
        _client(broker) as tracker,
    ):
        assert broker.mqtt_versions == ("3.1.1",)
        assert broker.caution == (
            "Mosquitto is not installed; amqtt takes its place, for trying out: it speaks MQTT 3.1.1 only and forgets everything"
        )
        await worker.subscribe("fleet/#", qos=1)
        await tracker.publish("fleet/default/van-1/fix", b"{}", qos=1)
        assert await _next_topic(worker) == "fleet/default/van-1/fix"


@pytest.mark.usefixtures("without_mosquitto")
async def test_amqtt_is_not_put_on_a_network(data: DataDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "_is_loopback", lambda host: False)
    expected = "Mosquitto is not installed, and amqtt, which asks nobody for a password, is not put on 127.0.0.1"
    with pytest.raises(EmbeddedError) as refused:
        async with embedded_broker(data, port=free_port(LOOPBACK)):
            pass
    assert str(refused.value) == expected


async def test_the_shipped_rules_keep_trackers_to_their_own_names(start_mosquitto: Callable[..., Mosquitto]) -> None:
    users = {"worker": "w", "acme/van-7": "seven", "acme/van-8": "eight", "jane": "phone"}
    broker = start_mosquitto(users=users, shipped_acl=True)

    def client(user: str) -> aiomqtt.Client:
        return aiomqtt.Client(broker.host, broker.port, username=user, password=users[user])

    async with client("worker") as worker, client("acme/van-7") as seven, client("jane") as jane:
        await worker.subscribe("#", qos=1)
        for forged in ("fleet/acme/van-8/fix", "fleet/other/van-7/fix", "outrider/live/acme/positions", "owntracks/jane/phone"):
            await seven.publish(forged, b"", qos=1)
        await seven.publish("fleet/acme/van-7/fix", b"", qos=1)
        assert await _next_topic(worker) == "fleet/acme/van-7/fix"
        await seven.publish("fleet/acme/van-7/command/1/reply", b"", qos=1)
        assert await _next_topic(worker) == "fleet/acme/van-7/command/1/reply"
        await jane.publish("owntracks/jane/phone", b"", qos=1)
        assert await _next_topic(worker) == "owntracks/jane/phone"

        await seven.subscribe("fleet/#", qos=1)
        await worker.publish("fleet/acme/van-8/command", b"for another", qos=1)
        await worker.publish("fleet/acme/van-7/command", b"for it", qos=1)
        assert await _next_topic(seven) == "fleet/acme/van-7/command"


def test_the_shipped_configuration_is_found_from_the_checkout(pytestconfig: pytest.Config) -> None:
    from outrider.embedded.mosquitto import shipped_configuration

    assert shipped_configuration() == Path(pytestconfig.rootpath) / "deploy" / "mosquitto"
