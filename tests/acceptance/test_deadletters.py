"""`outrider deadletters` beside a running worker: a message that was refused once is listed, tried again, and kept or dropped."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mqttwire import MqttOptions, Publisher
from tests.acceptance.worker_process import count, query, running_worker, until
from tests.integration.outrider.test_cli import outrider
from tests.realparts.mosquitto import Mosquitto

pytestmark = [pytest.mark.mosquitto, pytest.mark.timescale]


async def publish_all(url: str, messages: list[tuple[str, bytes]]) -> None:
    async with Publisher(MqttOptions.from_url(url)) as publisher:
        for topic, payload in messages:
            await publisher.publish(topic, payload)
        await publisher.drain()


async def test_what_was_refused_for_a_setting_is_taken_in_once_the_setting_allows_it(
    migrated_url: str, start_mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    broker = start_mosquitto()
    database = {"OUTRIDER_DATABASE_URL": migrated_url}
    sent_ms = time.time_ns() // 1_000_000
    good = [(f"fleet/acme/van-{n}/fix", json.dumps({"time": sent_ms - n, "lat": 60.0 + n, "lon": 24.0}).encode()) for n in range(3)]
    with running_worker(migrated_url, broker.url, tmp_path, unknown_trackers="quarantine") as worker:
        await publish_all(broker.url, [*good, ("fleet/acme/van-0/fix", b'{"time": ')])
        until(lambda: count(migrated_url, "dead_letters") == 4, worker)

    listed = outrider("deadletters", "list", "--json", "--topic", "fleet/acme/+/fix", folder=tmp_path, environment=database)
    letters = [json.loads(line) for line in listed.stdout.splitlines()]
    assert sorted(letter["reason"] for letter in letters) == ["invalid_json", *["unknown_tracker"] * 3]
    assert {letter["payload"] for letter in letters} == {payload.decode() for _, payload in good} | {'{"time": '}
    table = outrider("deadletters", "list", "--reason", "invalid_json", folder=tmp_path, environment=database)
    assert "invalid_json" in table.stdout
    assert "unknown_tracker" not in table.stdout

    query(migrated_url, "UPDATE trackers SET status = 'active' RETURNING 1")
    query(
        migrated_url, "INSERT INTO vehicles (tenant_id, vehicle, name) SELECT tenant_id, tracker, tracker FROM trackers RETURNING 1"
    )
    query(
        migrated_url,
        "INSERT INTO mountings (tenant_id, tracker, vehicle_id) SELECT tenant_id, vehicle, id FROM vehicles RETURNING 1",
    )
    with running_worker(migrated_url, broker.url, tmp_path):
        done = outrider("deadletters", "retry", "--all", folder=tmp_path, environment=database)
        assert done.returncode == 0, done.stderr
        assert "tried 4 again: 3 were taken in, 1 were refused once more" in done.stderr
    stored = query(migrated_url, "SELECT lat, extract(epoch FROM time) * 1000 FROM fixes ORDER BY lat")
    assert [(lat, int(ms)) for lat, ms in stored] == [(60.0 + n, sent_ms - n) for n in range(3)]
    assert query(migrated_url, "SELECT reason FROM dead_letters") == [("invalid_json",)]

    nothing = outrider("deadletters", "drop", folder=tmp_path, environment=database)
    assert (nothing.returncode, count(migrated_url, "dead_letters")) == (2, 1)
    dropped = outrider("deadletters", "drop", "--reason", "invalid_json", folder=tmp_path, environment=database)
    assert dropped.stderr.endswith("dropped 1\n")
    assert count(migrated_url, "dead_letters") == 0


async def test_without_a_worker_it_says_that_they_wait(migrated_url: str, tmp_path: Path) -> None:
    query(
        migrated_url,
        "INSERT INTO dead_letters (digest, received_at, newest_at, topic, reason, detail, payload, payload_bytes)"
        " VALUES ('a', now(), now(), 't', 'invalid_json', '', 'whole', 5), ('b', now(), now(), 't', 'too_large', '', 'cut', 99)"
        " RETURNING 1",
    )
    done = outrider(
        "deadletters", "retry", "--all", "--wait", "0", folder=tmp_path, environment={"OUTRIDER_DATABASE_URL": migrated_url}
    )
    assert done.returncode == 0
    assert "1 cannot be tried again: their payloads were too long to be kept whole" in done.stderr
    assert "1 wait for a worker" in done.stderr
