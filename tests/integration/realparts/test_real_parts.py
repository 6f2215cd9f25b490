"""The fixtures give what they promise: real servers, a fresh database each time, brokers that can crash and come back."""

import asyncio
import ssl
from collections.abc import Callable

import aiomqtt
import psycopg
import pytest

from tests.realparts.certificates import Authority
from tests.realparts.databases import Databases
from tests.realparts.mosquitto import Mosquitto
from tests.realparts.postgres import PostgresServer


def test_timescale_database_takes_the_extension_from_its_owner(timescale_url: str) -> None:
    with psycopg.connect(timescale_url) as connection:
        connection.execute("CREATE EXTENSION timescaledb")
        connection.execute("CREATE TABLE fixes (at timestamptz NOT NULL)")
        connection.execute("SELECT create_hypertable('fixes', 'at')")
        hypertables = connection.execute("SELECT hypertable_name FROM timescaledb_information.hypertables").fetchall()
    assert hypertables == [("fixes",)]


def test_plain_database_has_no_extension_to_offer(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        query = "SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'"
        assert connection.execute(query).fetchone() == (0,)


def test_each_database_is_empty_and_its_owner_no_superuser(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
        assert connection.execute("SELECT usesuper FROM pg_user WHERE usename = current_user").fetchone() == (False,)
        connection.execute("CREATE TABLE left_over (x int)")


def test_a_template_is_prepared_once_and_its_copies_are_apart(databases: Databases) -> None:
    prepared: list[str] = []

    def prepare(url: str) -> None:
        prepared.append(url)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE prepared (x int)")

    for _ in range(2):
        name = databases.template("tests of the real parts", prepare)
        with databases.fresh(template=name) as url, psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM prepared").fetchone() == (0,)
            connection.execute("INSERT INTO prepared VALUES (1)")
    assert len(prepared) == 1


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("start_timescale", marks=pytest.mark.timescale),
        pytest.param("start_postgres", marks=pytest.mark.postgres),
    ],
)
def test_a_killed_server_comes_back_with_what_was_committed(kind: str, request: pytest.FixtureRequest) -> None:
    start: Callable[..., PostgresServer] = request.getfixturevalue(kind)
    server = start()
    with psycopg.connect(server.admin_url) as connection:
        connection.execute("CREATE TABLE kept (x int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    server.kill()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.admin_url)
    server.start()
    with psycopg.connect(server.admin_url) as connection:
        assert connection.execute("SELECT x FROM kept").fetchall() == [(7,)]


async def test_a_message_passes_through_the_shared_broker(mosquitto: Mosquitto) -> None:
    async with aiomqtt.Client(mosquitto.host, mosquitto.port, identifier="passes-through") as client:
        await client.subscribe("passes/through", qos=1)
        await client.publish("passes/through", b"hello", qos=1)
        assert await _first_payload(client) == b"hello"


async def test_queued_messages_survive_a_restart_of_the_broker(start_mosquitto: Callable[..., Mosquitto]) -> None:
    broker = start_mosquitto()
    async with _persistent(broker) as client:
        await client.subscribe("queued", qos=1)
    async with aiomqtt.Client(broker.host, broker.port, identifier="sender") as client:
        for number in range(1500):  # more than Mosquitto keeps by default
            await client.publish("queued", str(number), qos=1)
    broker.stop()
    broker.start()
    async with _persistent(broker) as client:
        received = [int(await _first_payload(client)) for _ in range(1500)]
    assert received == list(range(1500))


async def test_tls_with_client_certificates(start_mosquitto: Callable[..., Mosquitto], authority: Authority) -> None:
    broker = start_mosquitto(tls=authority.server(), client_authority=authority.certificate)
    context = ssl.create_default_context(cafile=authority.certificate)
    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client(broker.host, broker.port, tls_context=context, timeout=2):
            pass
    pair = authority.client("acme/van-7")
    context.load_cert_chain(pair.certificate, pair.key)
    async with aiomqtt.Client(broker.host, broker.port, tls_context=context) as client:
        await client.publish("anything", b"", qos=1)


def _persistent(broker: Mosquitto) -> aiomqtt.Client:
    return aiomqtt.Client(broker.host, broker.port, identifier="keeper", clean_session=False)


async def _first_payload(client: aiomqtt.Client) -> bytes:
    async with asyncio.timeout(30):
        message = await anext(client.messages)
    assert isinstance(message.payload, bytes)
    return message.payload
