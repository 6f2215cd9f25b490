"""Commands over REST to trackers on a real broker, through a real worker, and their answers back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from mqttwire import MqttOptions, Publisher, Subscriber
from store.open import open_store
from tests.acceptance.worker_process import count, running_worker, until
from tests.integration.api.running import put_keys, running
from tests.realparts.mosquitto import Mosquitto

pytestmark = [pytest.mark.mosquitto, pytest.mark.timescale]


@asynccontextmanager
async def rest(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    store = await open_store(database_url)
    try:
        await put_keys(store)
        async with running(store) as api:
            yield api.client("acme-operator")
    finally:
        await store.close()


class Tracker:
    """Hears commands on its topic, notes them, and answers as it is told."""

    def __init__(self, url: str, topic: str, answer: Callable[[dict[str, Any]], tuple[str, bytes] | None]) -> None:
        self._url, self._topic, self._answer = url, topic, answer
        self.heard: list[dict[str, Any]] = []

    async def run(self, ready: asyncio.Event) -> None:
        options = MqttOptions.from_url(self._url)
        async with Subscriber(options, [self._topic]) as commands, Publisher(options) as publisher:
            await commands.wait_connected()
            ready.set()
            async for message in commands:
                self.heard.append(json.loads(message.payload))
                answer = self._answer(self.heard[-1])
                if answer is not None:
                    await publisher.deliver(*answer)


@asynccontextmanager
async def on_air(*trackers: Tracker) -> AsyncIterator[None]:
    ready = [asyncio.Event() for _ in trackers]
    tasks = [asyncio.create_task(tracker.run(event)) for tracker, event in zip(trackers, ready, strict=True)]
    try:
        for event in ready:
            await asyncio.wait_for(event.wait(), 30)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def report(url: str, *messages: tuple[str, bytes]) -> None:
    async with Publisher(MqttOptions.from_url(url)) as publisher:
        for topic, payload in messages:
            await publisher.deliver(topic, payload)


async def test_a_command_reaches_the_tracker_in_its_own_format_and_its_answer_comes_back(
    migrated_url: str, start_mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    broker = start_mosquitto()
    native = Tracker(
        broker.url, "fleet/acme/van-1/command", lambda said: (f"fleet/acme/van-1/command/{said['id']}/reply", b'{"interval_s":10}')
    )
    teltonika = Tracker(
        broker.url, "352093/commands", lambda said: ("352093/data", json.dumps({"RSP": f"did {said['CMD']}"}).encode())
    )
    silent = Tracker(broker.url, "fleet/acme/van-2/command", lambda _: None)
    with running_worker(migrated_url, broker.url, tmp_path, default_tenant="acme") as worker:
        await report(
            broker.url,
            ("fleet/acme/van-1/fix", b'{"time":1771243200000,"lat":60.1,"lon":24.9}'),
            ("fleet/acme/van-2/fix", b'{"time":1771243200000,"lat":60.1,"lon":24.9}'),
            ("352093/data", b'{"ts":1771243200000,"latlng":"54.6,25.2","sat":7}'),
        )
        until(lambda: count(migrated_url, "fixes") == 3, worker)
        async with rest(migrated_url) as client, on_air(native, teltonika, silent):
            sent = [
                await client.post(f"/v1/trackers/{tracker}/commands", json=body)
                for tracker, body in (
                    ("van-1", {"id": "c1", "command": "set_interval", "params": {"interval_s": 10}}),
                    ("352093", {"id": "c2", "command": "getinfo"}),
                    ("352093", {"id": "c3", "command": "getver"}),
                    ("van-2", {"id": "c4", "command": "reboot", "expires_s": 2}),
                )
            ]
            assert [(one.status_code, one.json()["status"]) for one in sent] == [(201, "queued")] * 4, [one.text for one in sent]
            closed = [(await client.get(f"{one.headers['location']}?wait_s=20")).json() for one in sent]
    assert [(one["id"], one["format"], one["status"], one["answer"]) for one in closed] == [
        ("c1", "native", "answered", {"interval_s": 10}),
        ("c2", "teltonika", "answered", "did getinfo"),
        ("c3", "teltonika", "answered", "did getver"),
        ("c4", "native", "expired", None),
    ]
    assert closed[3]["error"] == "the tracker did not answer in time"
    assert native.heard == [{"id": "c1", "command": "set_interval", "params": {"interval_s": 10}}]
    assert teltonika.heard == [{"CMD": "getinfo"}, {"CMD": "getver"}]
    assert [said["id"] for said in silent.heard] == ["c4"]
    assert count(migrated_url, "dead_letters") == 0


async def test_a_command_waits_for_a_broker_that_is_away(
    migrated_url: str, start_mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    broker = start_mosquitto()
    tracker = Tracker(
        broker.url, "fleet/acme/van-1/command", lambda said: (f"fleet/acme/van-1/command/{said['id']}/reply", b"done")
    )
    async with rest(migrated_url) as client:
        assert (await client.post("/v1/trackers", json={"id": "van-1"})).status_code == 201
        command = (await client.post("/v1/trackers/van-1/commands", json={"command": "reboot"})).json()
        path = f"/v1/trackers/van-1/commands/{command['id']}"
        assert (await client.get(path)).json()["status"] == "queued"
        async with on_air(tracker):
            with running_worker(migrated_url, broker.url, tmp_path):
                closed = (await client.get(f"{path}?wait_s=20")).json()
    assert (closed["status"], closed["answer"], len(tracker.heard)) == ("answered", "done", 1)


async def test_the_same_request_sends_one_command_and_bad_ones_are_refused_with_the_reason(
    migrated_url: str,
) -> None:
    async with rest(migrated_url) as client:
        assert (await client.post("/v1/trackers", json={"id": "t-1"})).status_code == 201
        path = "/v1/trackers/t-1/commands"
        pair = [await client.post(path, json={"command": "reboot"}, headers={"idempotency-key": "k"}) for _ in range(2)]
        assert pair[0].json() == pair[1].json()
        items = (await client.get(path)).json()["items"]
        assert [item["id"] for item in items] == [pair[0].json()["id"]]
        refused = [
            await client.post(path, json={"command": "reboot", "format": "hfp"}),
            await client.post(path, json={"command": "reboot", "params": {"a": 1}, "format": "teltonika"}),
            await client.post(path, json={"command": ""}),
            await client.post(path, json={"id": "a/b", "command": "reboot"}),
            await client.post("/v1/trackers/nobody/commands", json={"command": "reboot"}),
            await client.get(f"{path}/nothing"),
        ]
    assert [one.status_code for one in refused] == [422, 422, 422, 422, 404, 404]
    assert "take no commands over MQTT" in refused[0].text
    assert all(one.headers["content-type"] == "application/problem+json" for one in refused)
