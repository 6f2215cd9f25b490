"""Bad input over real MQTT: each is a dead letter with its reason, the next good message is stored, memory does not grow."""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.deadletters import LONGEST_PAYLOAD_BYTES
from mqttwire import MqttOptions, Publisher
from tests.acceptance.worker_process import count, query, running_worker, until
from tests.realparts.mosquitto import Mosquitto

pytestmark = [pytest.mark.mosquitto, pytest.mark.timescale]

TOPIC = "fleet/default/van-1/fix"
NATIVE = b'{"time":%d,"lat":%s,"lon":%s}'


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def fix(time_ms: int, lat: bytes = b"60.17", lon: bytes = b"24.94") -> bytes:
    return NATIVE % (time_ms, lat, lon)


def bad_messages() -> list[tuple[str, bytes, str]]:
    """Topic, payload, reason."""
    now = now_ms()
    return [
        (TOPIC, b'{"time":%d,"lat":60.17,"lo' % now, "invalid_json"),
        (TOPIC, b"", "invalid_json"),
        (TOPIC, b"\xff\xfe\xfd", "invalid_utf8"),
        (TOPIC, b"[" * 100_000, "invalid_json"),
        (TOPIC, b'{"time":%d,"lat":"60.17","lon":24.94}' % now, "wrong_type"),
        (TOPIC, b'{"time":%d,"lat":true,"lon":24.94}' % now, "wrong_type"),
        (TOPIC, b"null", "wrong_type"),
        (TOPIC, b'{"lat":60.17,"lon":24.94}', "missing_field"),
        (TOPIC, fix(now, lat=b"null"), "no_position"),
        (TOPIC, fix(now, lat=b"NaN"), "not_a_number"),
        (TOPIC, fix(now, lat=b"1e999"), "out_of_range"),
        (TOPIC, fix(now, lat=b"91", lon=b"200"), "out_of_range"),
        (TOPIC, fix(now, lat=b"0", lon=b"0"), "null_island"),
        (TOPIC, fix(now, lat=b"122.4", lon=b"-37.8"), "swapped"),
        (TOPIC, fix(0), "invalid_time"),
        (TOPIC, fix(4_070_908_800_000), "future"),  # 2099
        (TOPIC, fix(now // 1000), "invalid_time"),  # seconds taken for milliseconds
        (TOPIC, b'{"time":"yesterday","lat":60.17,"lon":24.94}', "invalid_time"),
        (TOPIC, b'{"x":"' + b"x" * 10_000_000 + b'"}', "too_large"),
        ("fleet/default/\N{REPLACEMENT CHARACTER}/fix", fix(now), "invalid_topic"),
        (f"fleet/default/{'x' * 200}/fix", fix(now), "invalid_topic"),
    ]


async def publish_all(url: str, messages: list[tuple[str, bytes]]) -> None:
    async with Publisher(MqttOptions.from_url(url)) as publisher:
        for topic, payload in messages:
            await publisher.publish(topic, payload)
        await publisher.drain()


async def test_each_is_a_dead_letter_and_the_next_good_message_is_stored(
    migrated_url: str, start_mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    broker, bad = start_mosquitto(), bad_messages()
    with running_worker(migrated_url, broker.url, tmp_path) as worker:
        for number, (topic, payload, _) in enumerate(bad):
            await publish_all(broker.url, [(topic, payload), (TOPIC, fix(now_ms() - 100_000 + number))])
        until(lambda: count(migrated_url, "fixes") == len(bad), worker)
        until(lambda: count(migrated_url, "dead_letters") == len(bad), worker)
    letters = query(migrated_url, "SELECT reason, detail, length(payload), payload_bytes FROM dead_letters ORDER BY number")
    assert [letter[0] for letter in letters] == [reason for _, _, reason in bad]
    assert all(detail for _, detail, _, _ in letters)
    assert max(kept for _, _, kept, _ in letters) <= LONGEST_PAYLOAD_BYTES


async def test_a_topic_that_is_no_utf8_does_not_stop_the_worker(
    migrated_url: str, start_mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    """Mosquitto closes the connection that sends one; where a broker lets it pass it is a dead letter (see the sources)."""
    broker = start_mosquitto()
    with running_worker(migrated_url, broker.url, tmp_path) as worker:
        await asyncio.to_thread(send_invalid_topic, broker.host, broker.port)
        await publish_all(broker.url, [(TOPIC, fix(now_ms()))])
        until(lambda: count(migrated_url, "fixes") == 1, worker)


def send_invalid_topic(host: str, port: int) -> None:
    """A PUBLISH at QoS 0 whose topic has a level that is not UTF-8, by hand (MQTT 3.1.1)."""
    connect = b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x03bad"
    topic, payload = b"fleet/default/\xc3\x28/fix", fix(now_ms())
    body = struct.pack(">H", len(topic)) + topic + payload
    with socket.create_connection((host, port), timeout=10) as connection:
        connection.sendall(bytes([0x10, len(connect)]) + connect)
        assert connection.recv(4) == b"\x20\x02\x00\x00"
        connection.sendall(bytes([0x30, len(body)]) + body)


async def test_a_flood_of_bad_messages_does_not_grow_the_memory(
    migrated_url: str, start_mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    broker = start_mosquitto()
    bad = [(topic, payload) for topic, payload, _ in bad_messages() if len(payload) < 1_000_000]
    with running_worker(migrated_url, broker.url, tmp_path) as worker:
        sizes, sent = [], 0
        for _ in range(4):
            await publish_all(broker.url, bad * 250)
            sent += len(bad) * 250
            expected = sent
            until(lambda: worker.metric("outrider_ingest_acknowledged_total") >= expected, worker)  # noqa: B023 - asked at once
            sizes.append(worker.memory_mb)
        await publish_all(broker.url, [(TOPIC, fix(now_ms()))])
        until(lambda: count(migrated_url, "fixes") == 1, worker)
    assert sizes[-1] < sizes[0] * 1.1
