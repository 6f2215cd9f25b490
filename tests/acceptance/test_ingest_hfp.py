"""All of the HFP recordings over real MQTT at QoS 1: a row for each usable position, a dead letter with its reason for the rest."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fleet.clock import parse_rfc3339, to_micros
from mqttwire import MqttOptions, Publisher
from tests.acceptance.worker_process import count, query, running_worker, until
from tests.realparts.mosquitto import Mosquitto
from tests.shared import shared_path

pytestmark = [pytest.mark.shared, pytest.mark.mosquitto, pytest.mark.timescale]


def recorded() -> list[tuple[str, str]]:
    """(topic, payload) of all recordings; topics may hold spaces."""
    messages = []
    for path in sorted(shared_path("data", "hfp").rglob("*.txt")):
        for line in path.read_text().splitlines():
            head, _, payload = line.partition(" {")
            messages.append((head.partition(" ")[2], "{" + payload))
    return messages


def vehicle_of(topic: str) -> str:
    levels = topic.split("/")
    return "/".join(levels[7:9] if levels[2] == "v2" else levels[6:8])


async def test_every_recorded_message_is_a_row_or_a_dead_letter(
    migrated_url: str, start_mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    messages = recorded()
    positions: set[tuple[str, int]] = set()
    without: set[tuple[str, str]] = set()
    for topic, payload in messages:
        (body,) = json.loads(payload).values()
        if body["lat"] is None or body["long"] is None:
            without.add((topic, payload))
        else:
            positions.add((vehicle_of(topic), to_micros(parse_rfc3339(body["tst"]))))
    broker = start_mosquitto()
    with running_worker(migrated_url, broker.url, tmp_path) as worker:
        async with Publisher(MqttOptions.from_url(broker.url)) as publisher:
            for topic, payload in messages:
                await publisher.publish(topic, payload.encode())
            await publisher.drain()
        until(lambda: worker.metric("outrider_ingest_acknowledged_total") >= len(messages), worker)
        assert worker.stop() == 0
    rows = query(
        migrated_url,
        "SELECT v.vehicle, (extract(epoch FROM f.time) * 1000000)::bigint FROM fixes f JOIN vehicles v ON v.id = f.vehicle_id",
    )
    assert len(rows) == len(positions)
    assert set(rows) == positions
    letters = query(migrated_url, "SELECT topic, convert_from(payload, 'UTF8'), reason FROM dead_letters")
    assert {(topic, payload) for topic, payload, _ in letters} == without
    assert {reason for _, _, reason in letters} == {"no_position"}
    assert count(migrated_url, "fixes") + len(without) > 3_000
