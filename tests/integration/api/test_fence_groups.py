"""Groups of fences over REST and GeoJSON, and their way into a worker that is running."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx

from fleet.clock import to_micros
from fleet.outcome import Outcome
from ingest.pipeline import Pipeline
from ingest.worker import Worker, WorkerSettings
from store.protocol import World
from tests.integration.api.running import Api
from tests.unit.ingest.loop.parts import NOW, NotedFrames, ScriptedSource, reception, until

METRES = 1 / 111_195
DEPOT: dict[str, Any] = {"geometry": {"type": "Point", "coordinates": [13.0, 52.0]}, "radius_m": 100}


async def made(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answered = await client.post(path, json=body)
    assert answered.status_code == 201, answered.text
    found: dict[str, Any] = answered.json()
    return found


async def test_groups_are_made_changed_listed_and_deleted(api: Api) -> None:
    client = api.client("acme-operator")
    group = await made(client, "/v1/fence-groups", id="customers", settings={"exit_margin_m": 200})
    assert (group["name"], group["settings"]["exit_margin_m"], group["settings"]["exit_s"]) == ("customers", 200, None)
    await made(client, "/v1/fence-groups", id="north", name="North of the river")
    changed = await client.patch("/v1/fence-groups/customers", json={"settings": {"exit_s": 30}})
    assert changed.json()["settings"] == {**group["settings"], "exit_s": 30}
    fence = await made(client, "/v1/fences", id="depot", groups=["north", "customers"], **DEPOT)
    assert fence["groups"] == ["north", "customers"]
    await made(client, "/v1/fences", id="other", **DEPOT)
    listed = (await client.get("/v1/fences", params={"group": "customers"})).json()["items"]
    assert [one["id"] for one in listed] == ["depot"]
    assert [one["id"] for one in (await client.get("/v1/fence-groups")).json()["items"]] == ["customers", "north"]
    assert (await client.delete("/v1/fence-groups/north")).status_code == 204
    assert (await client.get("/v1/fences/depot")).json()["groups"] == ["customers"]


async def test_a_fence_names_groups_that_are_there_each_once(memory_api: Api) -> None:
    client = memory_api.client("acme-operator")
    missing = await client.post("/v1/fences", json={"id": "depot", "groups": ["nowhere"], **DEPOT})
    assert (missing.status_code, missing.json()["detail"]) == (404, "no fence group 'nowhere'")
    await made(client, "/v1/fence-groups", id="north")
    twice = await client.post("/v1/fences", json={"id": "depot", "groups": ["north", "north"], **DEPOT})
    assert twice.status_code == 422
    assert twice.json()["errors"][0]["pointer"] == "#/groups"


async def test_groups_go_out_and_come_in_with_geojson(memory_api: Api) -> None:
    acme, globex = memory_api.client("acme-operator"), memory_api.client("globex-operator")
    for name in ("north", "customers"):
        await made(acme, "/v1/fence-groups", id=name)
    await made(acme, "/v1/fences", id="depot", groups=["north", "customers"], **DEPOT)
    exported = (await acme.get("/v1/fences:export")).json()
    assert exported["features"][0]["properties"]["groups"] == ["north", "customers"]
    await made(globex, "/v1/fence-groups", id="north", name="Theirs", settings={"exit_s": 5})
    imported = await globex.post("/v1/fences:import", json=exported)
    assert imported.json() == {"created": 1, "replaced": 0}
    assert (await globex.get("/v1/fences/depot")).json()["groups"] == ["north", "customers"]
    groups = {one["id"]: (one["name"], one["settings"]["exit_s"]) for one in (await globex.get("/v1/fence-groups")).json()["items"]}
    assert groups == {"north": ("Theirs", 5), "customers": ("customers", None)}


class WatchedPipeline(Pipeline):
    """Keeps the world that it was told last."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    def apply(self, world: World, now: datetime) -> Outcome:
        self.world = world
        return super().apply(world, now)

    def margins(self) -> list[float | None]:
        return [fence.settings.exit_margin_m for fence in self.world.fences]


async def test_a_running_worker_obeys_a_groups_settings(api: Api) -> None:
    """A van stands 120 m outside of the edge: with the margin of 50 m it has left, with the group's 200 m it is still there."""
    client = api.client("acme-operator")
    await made(client, "/v1/fence-groups", id="customers")
    await made(client, "/v1/fences", id="depot", groups=["customers"], **DEPOT)
    source, pipeline = ScriptedSource(), WatchedPipeline()
    settings = WorkerSettings()
    worker = Worker(
        source=source,
        store=api.store,
        pipeline=pipeline,
        reception=reception(),
        live=NotedFrames(),
        settings=settings,
        clock=lambda: NOW,
    )
    task = asyncio.create_task(worker.run())
    try:
        await until(lambda: pipeline.margins() == [None])
        sent = 0
        for van, margin_m in (("van-1", None), ("van-2", 200.0), ("van-3", 10.0)):
            if margin_m is not None:
                changed = await client.patch("/v1/fence-groups/customers", json={"settings": {"exit_margin_m": margin_m}})
                assert changed.status_code == 200
                await until(lambda margin_m=margin_m: pipeline.margins() == [margin_m])  # type: ignore[misc]
            payloads = [_fix(second, 0.0 if second < 300 else 220.0) for second in range(0, 900, 10)]
            source.put(*payloads, topic=f"fleet/acme/{van}/fix")
            sent += len(payloads)
            await until(lambda sent=sent: len(source.acknowledged) == sent)  # type: ignore[misc]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    visits = (await client.get("/v1/visits")).json()["items"]
    assert {one["vehicle"]: one["exited_at"] is not None for one in visits} == {"van-1": True, "van-2": False, "van-3": True}


def _fix(second: float, north_m: float) -> bytes:
    """A standing van, so many seconds after three hours ago."""
    time_ms = to_micros(NOW - timedelta(hours=3) + timedelta(seconds=second)) // 1000
    return b'{"time":%d,"lat":%.7f,"lon":13.0,"speed_mps":0.0}' % (time_ms, 52.0 + north_m * METRES)
