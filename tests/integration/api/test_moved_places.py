"""Places that are elsewhere than planned, through the real API, with the worker and the keeper of places running beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from fleet.clock import rfc3339, to_micros
from fleet.outcome import Outcome
from ingest.pipeline import Pipeline
from ingest.place_keeper import PlaceKeeper
from ingest.worker import Worker, WorkerSettings
from store.protocol import Store, World
from tests.integration.api.running import Api
from tests.unit.geofence.stops.street import At, drive, lat, lon, stand
from tests.unit.ingest.loop.parts import NOW, NotedFrames, ScriptedSource, reception, until

START = NOW - timedelta(hours=6)
SPAN = {"from": rfc3339(START - timedelta(days=1)), "to": rfc3339(NOW)}
#: The door of the bakery is on the street; its pin is this far north of it.
PIN_OFF_M = 150.0


class WatchedPipeline(Pipeline):
    """Keeps the world that it was told last."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    def apply(self, world: World, now: datetime) -> Outcome:
        self.world = world
        return super().apply(world, now)

    def pins(self, route: str) -> list[float]:
        return [stop.lat for one in self.world.routes if one.id == route for stop in one.stops]


class Road:
    """The worker at work: vans report, and what it makes of that is in the store."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.source = ScriptedSource()
        self.pipeline = WatchedPipeline()
        self.sent = 0

    def worker(self) -> Worker:
        return Worker(
            source=self.source,
            store=self.api.store,
            pipeline=self.pipeline,
            reception=reception(),
            live=NotedFrames(),
            settings=WorkerSettings(),
            clock=lambda: NOW,
        )

    async def report(self, van: str, fixes: Sequence[At]) -> None:
        """Send fixes, and wait until they are stored."""
        payloads = [
            b'{"time":%d,"lat":%.7f,"lon":%.7f,"speed_mps":%.1f}'
            % (to_micros(START + timedelta(seconds=fix.time_s)) // 1000, lat(fix.y_m), lon(fix.x_m), fix.speed_mps or 0.0)
            for fix in fixes
        ]
        self.source.put(*payloads, topic=f"fleet/acme/{van}/fix")
        self.sent += len(payloads)
        await until(lambda: len(self.source.acknowledged) == self.sent)

    async def standing(self, kind: str) -> list[dict[str, Any]]:
        """The events of a type that were not withdrawn."""
        found = (await self.api.client("acme-viewer").get("/v1/events", params={"types": f"{kind}*", "limit": 1000})).json()[
            "items"
        ]
        gone = {one["data"]["of"] for one in found if "of" in one["data"]}
        return [one for one in found if one["id"] not in gone and not one["type"].endswith(".retracted")]


@pytest.fixture
async def road(api: Api) -> AsyncIterator[Road]:
    made = Road(api)
    async with running(made.worker().run()):
        yield made


@asynccontextmanager
async def running(work: Any) -> AsyncIterator[None]:
    """Until the block ends; what it fails with is raised there."""
    task = asyncio.create_task(work)
    ended: object = None
    try:
        yield
    finally:
        task.cancel()
        ended = (await asyncio.gather(task, return_exceptions=True))[0]
    assert isinstance(ended, asyncio.CancelledError), f"it ended before it was asked to: {ended!r}"


def keeper(store: Store) -> PlaceKeeper:
    return PlaceKeeper(store, lambda: NOW, look_s=0.05, settle_s=0.01)


async def plan(api: Api, van: str, *, route: str | None = None) -> None:
    """Along the street, past the bakery: stops of a van's round, whose pins are the plan's."""
    name = route or f"round-{van}"
    houses = [("first", 1000.0, 0.0), ("bakery", 2000.0, PIN_OFF_M), ("last", 3000.0, 0.0)]
    stops = [
        {"id": f"{name}-{place}", "seq": seq, "place": place, "lat": lat(y_m), "lon": lon(x_m), "arrival_radius_m": 100}
        for seq, (place, x_m, y_m) in enumerate(houses, start=1)
    ]
    body = {"routes": [{"id": name, "vehicle": van, "starts_at": rfc3339(START), "stops": stops}]}
    imported = await api.client("acme-operator").post("/v1/routes:import", json=body)
    assert imported.status_code == 200, imported.text


def round_past_the_bakery(*, stand_every_s: float = 10.0) -> list[At]:
    """Serve the first stop, the bakery at its door, and the last."""
    return [
        *drive(0, 500, 990),
        *stand(50, 1000, 120),
        *drive(170, 1000, 1990),
        *stand(270, 2000, 240, every_s=stand_every_s),
        *drive(511, 2010, 2990),
        *stand(610, 3000, 120),
        *drive(731, 3010, 3500),
    ]


async def bakery(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = (await api.client("acme-viewer").get("/v1/places/bakery", params=SPAN)).json()
    return found


async def test_a_running_worker_goes_by_an_accepted_place_at_once(road: Road) -> None:
    api = road.api
    await plan(api, "van-1")
    fixes = round_past_the_bakery()
    halfway = [fix for fix in fixes if fix.time_s < 350]  # at the door, for more than a minute
    await until(lambda: bool(road.pipeline.pins("round-van-1")))
    await road.report("van-1", halfway)
    assert [one["data"]["stop"] for one in await road.standing("stop.arrived")] == ["round-van-1-first"]
    accepted = await api.client("acme-operator").post("/v1/places/bakery:accept", json={"lat": lat(0), "lon": lon(2000)})
    assert accepted.json()["stops"] == 1
    await until(lambda: lat(0) in road.pipeline.pins("round-van-1")[1:2])
    await road.report("van-1", fixes[len(halfway) :])
    arrived = {one["data"]["stop"] for one in await road.standing("stop.arrived")}
    assert arrived == {"round-van-1-first", "round-van-1-bakery", "round-van-1-last"}
    assert await road.standing("stop.place_suggested") == []
    assert await road.standing("stop.skipped") == []


async def test_visits_that_agree_move_the_place_and_the_next_plan_is_right(road: Road) -> None:
    api = road.api
    settings = {"settings": {"places": {"learning": "automatic", "min_visits": 3}}}
    assert (await api.client("acme-admin").patch("/v1/tenants/acme", json=settings)).status_code == 200
    async with running(keeper(api.store).run()):
        for van in ("van-1", "van-2", "van-3"):
            await plan(api, van)
            await until(lambda van=van: bool(road.pipeline.pins(f"round-{van}")))  # type: ignore[misc]
            assert (await bakery(api)).get("decision") is None
            await road.report(van, round_past_the_bakery())
        await until_async(lambda: has_step(api, "learned"))
        await plan(api, "van-4")
        stop = (await api.client("acme-viewer").get("/v1/stops/round-van-4-bakery")).json()
        assert (stop["position_from"], stop["planned_lat"]) == ("place", lat(PIN_OFF_M))
        assert stop["lat"] == pytest.approx(lat(0), abs=2e-4)
        await until(lambda: bool(road.pipeline.pins("round-van-4")))
        await road.report("van-4", round_past_the_bakery())
    assert "round-van-4-bakery" in {one["data"]["stop"] for one in await road.standing("stop.arrived")}
    assert len(await road.standing("stop.place_suggested")) == 3
    history = (await api.client("acme-viewer").get("/v1/places/bakery/history")).json()["items"]
    assert [(one["step"], one["by"]) for one in history] == [("learned", "learning")]


@pytest.mark.parametrize("is_accepted", [False, True], ids=["learned", "accepted"])
async def test_late_data_takes_back_what_was_merely_learned(road: Road, is_accepted: bool) -> None:
    api = road.api
    settings = {"settings": {"places": {"learning": "automatic", "min_visits": 3}}}
    await api.client("acme-admin").patch("/v1/tenants/acme", json=settings)
    # Seen every minute, the third van stood at the door; what it sends late says that it only turned there, again and again.
    sparse = round_past_the_bakery(stand_every_s=60.0)
    late = [replace(one, time_s=one.time_s + 30, x_m=2300.0, speed_mps=10.0) for one in stand(270, 2000, 240, every_s=60.0)]
    async with running(keeper(api.store).run()):
        for van in ("van-1", "van-2", "van-3"):
            await plan(api, van)
            await until(lambda van=van: bool(road.pipeline.pins(f"round-{van}")))  # type: ignore[misc]
            await road.report(van, sparse if van == "van-3" else round_past_the_bakery())
        await until_async(lambda: has_step(api, "learned"))
        await plan(api, "van-4")
        if is_accepted:
            await api.client("acme-operator").post("/v1/places/bakery:accept", params=SPAN)
        await road.report("van-3", late)
        await until_async(lambda: is_withdrawn(road))
        if not is_accepted:
            await until_async(lambda: has_step(api, "taken_back"))
        await asyncio.sleep(0.2)  # the keeper has looked meanwhile, and had the chance to do something wrong
    stop = (await api.client("acme-viewer").get("/v1/stops/round-van-4-bakery")).json()
    assert stop["position_from"] == ("place" if is_accepted else "plan")
    assert (await bakery(api))["decision"]["step"] == ("accepted" if is_accepted else "taken_back")


async def has_step(api: Api, step: str) -> bool:
    return ((await bakery(api)).get("decision") or {}).get("step") == step


async def is_withdrawn(road: Road) -> bool:
    return len(await road.standing("stop.place_suggested")) < 3


async def until_async(holds: Any) -> None:
    """Ask the API until something holds."""
    async with asyncio.timeout(30):
        while not await holds():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.05)
