"""Fences over REST: what is no fence is refused with what is wrong and where, and a change reaches the running worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from fleet.clock import to_micros
from ingest.pipeline import Pipeline
from ingest.worker import Worker, WorkerSettings
from store.protocol import Store
from tests.integration.api.running import Api
from tests.oracle.calendars import Weekly
from tests.unit.ingest.loop.parts import NOW, NotedFrames, ScriptedSource, reception

SQUARE = [[8.0, 47.0], [8.1, 47.0], [8.1, 47.1], [8.0, 47.1], [8.0, 47.0]]
BOW_TIE = [[8, 47], [9, 48], [9, 47], [8, 48], [8, 47]]
POINT = {"type": "Point", "coordinates": [24.94, 60.17]}


def polygon(*rings: Any) -> dict[str, Any]:
    return {"geometry": {"type": "Polygon", "coordinates": list(rings)}}


TOO_FEW = "has too few points: an area needs three corners, and the first one again at the end"

#: What is sent, the member that is wrong, and what is said about it.
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("self-intersection", polygon(BOW_TIE), "geometry", "polygon: self-intersection at lon 8.500000, lat 47.500000"),
    (
        "self-intersection of a part",
        {"geometry": {"type": "MultiPolygon", "coordinates": [[SQUARE], [BOW_TIE]]}},
        "geometry",
        "polygon 2: self-intersection at lon 8.500000, lat 47.500000",
    ),
    (
        "too few points",
        polygon([[8, 47], [9, 47], [8, 47]]),
        "geometry",
        f"polygon, outer ring {TOO_FEW}",
    ),
    (
        "too few points of a hole",
        polygon(SQUARE, [[8.01, 47.01], [8.02, 47.02], [8.01, 47.01]]),
        "geometry",
        f"polygon, hole 1 {TOO_FEW}",
    ),
    (
        "swapped",
        polygon([[47, 120], [47, 121], [48, 121], [47, 120]]),
        "geometry",
        "polygon, outer ring, position 1: latitude 120 is beyond 90; latitude and longitude look swapped in [47, 120]",
    ),
    (
        "unclosed",
        polygon(SQUARE[:-1]),
        "geometry",
        "polygon, outer ring is not closed: it begins at [8.0, 47.0] and ends at [8.0, 47.1]",
    ),
    ("empty", polygon(), "geometry", "polygon has no ring"),
    ("empty ring", polygon([]), "geometry", f"polygon, outer ring {TOO_FEW}"),
    (
        "no geometry",
        {"geometry": {}},
        "geometry",
        "None is no geometry of a fence; Point, LineString, Polygon and MultiPolygon are",
    ),
    (
        "no number",
        polygon([["NaN", 47], *SQUARE[1:]]),
        "geometry",
        "polygon, outer ring, position 1: ['NaN', 47] is no position [longitude, latitude]",
    ),
    (
        "a line that is a point",
        {"geometry": {"type": "LineString", "coordinates": [[8, 47], [8, 47]]}, "radius_m": 9},
        "geometry",
        "the line has too few points: a corridor needs two different ones",
    ),
    ("no radius", {"geometry": POINT}, "radius_m", "a Point needs a radius"),
    ("no calendar", {"geometry": POINT, "radius_m": 9, "calendar": "weekdays 8-18"}, "calendar", ""),
    (
        "a calendar without an event",
        {"geometry": POINT, "radius_m": 9, "calendar": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n"},
        "calendar",
        "it has no VEVENT",
    ),
    (
        "altitudes upside down",
        {"geometry": POINT, "radius_m": 9, "min_altitude_m": 500, "max_altitude_m": 400},
        "max_altitude_m",
        "400 is below min_altitude_m, 500",
    ),
]


@pytest.mark.parametrize(("body", "member", "problem"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
async def test_what_is_no_fence_is_refused_with_what_is_wrong_and_where(
    memory_api: Api, body: dict[str, Any], member: str, problem: str
) -> None:
    client = memory_api.client("acme-operator")
    properties = {name: value for name, value in body.items() if name != "geometry"}
    feature = {"type": "Feature", "geometry": body["geometry"], "properties": properties}
    ways = [("/v1/fences", body, f"#/{member}"), ("/v1/fences:import", feature, f"#/features/0/{member}")]
    for path, sent, pointer in ways:
        refused = await client.post(path, json=sent)
        assert refused.status_code == 422, refused.text
        (error,) = refused.json()["errors"]
        assert error["pointer"] == pointer
        assert error["detail"] == problem or not problem
    assert (await client.get("/v1/fences")).json()["items"] == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
async def test_what_is_no_number_in_json_is_no_place(memory_api: Api, number: str) -> None:
    body = b'{"geometry":{"type":"Point","coordinates":[%s,47]},"radius_m":9}' % number.encode()
    refused = await memory_api.client("acme-operator").post(
        "/v1/fences", content=body, headers={"content-type": "application/json"}
    )
    assert refused.status_code in (400, 422), refused.text
    assert (await memory_api.client("acme-operator").get("/v1/fences")).json()["items"] == []


async def test_a_change_that_is_no_fence_changes_nothing(api: Api) -> None:
    client = api.client("acme-operator")
    await client.post("/v1/fences", json={"id": "f", "geometry": POINT, "radius_m": 50, "min_altitude_m": 400})
    before = (await client.get("/v1/fences/f")).json()
    for change in ({"geometry": {"type": "Blob"}}, {"max_altitude_m": 300}, {"calendar": "no"}, {"radius_m": None}):
        assert (await client.patch("/v1/fences/f", json=change)).status_code == 422
    assert (await client.get("/v1/fences/f")).json() == before


async def test_all_that_a_fence_is_goes_there_and_back(api: Api) -> None:
    client = api.client("acme-operator")
    hole = [[8.04, 47.04], [8.06, 47.04], [8.06, 47.06], [8.04, 47.04]]
    settings = {"confirm_fixes": 3, "confirm_s": 30.0, "exit_margin_m": 20.0, "exit_s": 90.0, "max_accuracy_m": 25.0}
    body = {
        "id": "yard",
        "name": "Yard",
        "geometry": {"type": "MultiPolygon", "coordinates": [[SQUARE, hole], [[[9, 47], [9.1, 47], [9.1, 47.1], [9, 47]]]]},
        "dwell_s": 300.0,
        "settings": settings,
        "calendar": Weekly().text(),
        "min_altitude_m": 400.0,
        "max_altitude_m": 450.0,
        "max_speed_mps": 8.5,
        "tags": ["north", "cold"],
        "color": "#2a9d8f",
        "extras": {"gate": 4},
    }
    created = await client.post("/v1/fences", json=body)
    assert created.status_code == 201, created.text
    shown = (await client.get("/v1/fences/yard")).json()
    assert {name: shown[name] for name in body if name != "settings"} == {name: body[name] for name in body if name != "settings"}
    assert shown["settings"] == {**settings, "confirm_speed_mps": None}
    (stored,) = await api.store.fences.list("acme", limit=10)
    assert (stored.calendar, stored.min_altitude_m, stored.settings.exit_s) == (body["calendar"], 400.0, 90.0)


async def test_fences_are_listed_by_tag(api: Api) -> None:
    client = api.client("acme-operator")
    for name, tags in (("a", ["depot", "north"]), ("b", ["depot"]), ("c", [])):
        await client.post("/v1/fences", json={"id": name, "geometry": POINT, "radius_m": 50, "tags": tags})
    for tag, wanted in (("depot", ["a", "b"]), ("north", ["a"]), ("none", [])):
        assert [fence["id"] for fence in (await client.get("/v1/fences", params={"tag": tag})).json()["items"]] == wanted


# the running worker


class Van:
    """Stands at the point and says so, second by second."""

    def __init__(self, source: ScriptedSource, store: Store) -> None:
        self._source, self._store = source, store
        self._second = -3_000

    def report(self) -> None:
        self._second += 10
        time_ms = to_micros(NOW + timedelta(seconds=self._second)) // 1000
        lon, lat = POINT["coordinates"]
        payload = b'{"time":%d,"lat":%r,"lon":%r,"speed_mps":0}' % (time_ms, lat, lon)
        self._source.put(payload, topic="fleet/acme/van-1/fix")

    async def until_told(self, kind: str) -> dict[str, Any]:
        """Report until an event of this type is known; its data."""
        async with asyncio.timeout(60):
            while True:
                self.report()
                await asyncio.sleep(0.05)
                for numbered in await self._store.events("acme", limit=1_000):
                    if numbered.event.type == kind:
                        return {**numbered.event.data, "at": numbered.event.occurred_at}


@asynccontextmanager
async def running_worker(store: Store) -> AsyncIterator[Van]:
    source = ScriptedSource()
    worker = Worker(
        source=source,
        store=store,
        pipeline=Pipeline(),
        reception=reception(),
        live=NotedFrames(),
        settings=WorkerSettings(),
        clock=lambda: NOW,
    )
    task = asyncio.create_task(worker.run())
    try:
        yield Van(source, store)
    finally:
        source.end()
        await task


async def test_a_fence_reaches_the_running_worker_and_goes_away_again(api: Api, store: Store) -> None:
    """Created around a standing van, moved away, moved back, deleted: entered and exited each time, and no fix is missed."""
    client = api.client("acme-operator")
    async with running_worker(store) as van:
        await van.until_told("vehicle.online")
        assert (await client.post("/v1/fences", json={"id": "yard", "geometry": POINT, "radius_m": 100})).status_code == 201
        entered = await van.until_told("fence.entered")
        assert entered["fence"] == "yard"
        away = {"type": "Point", "coordinates": [25.5, 60.17]}
        assert (await client.patch("/v1/fences/yard", json={"geometry": away})).status_code == 200
        exited = await van.until_told("fence.exited")
        assert (exited["fence"], exited["reason"]) == ("yard", "fence_changed")
        assert (await client.post("/v1/fences", json={"id": "depot", "geometry": POINT, "radius_m": 100})).status_code == 201
        async with asyncio.timeout(60):
            while not (open_ := [visit for visit in await store.visits("acme", limit=10) if visit.fence == "depot"]):
                van.report()
                await asyncio.sleep(0.05)
        assert open_[0].exited_at is None
        assert (await client.delete("/v1/fences/depot")).status_code == 204
        async with asyncio.timeout(60):
            while (await store.visits("acme", limit=10))[-1].exited_at is None or not await _left(store, "depot"):
                van.report()
                await asyncio.sleep(0.05)


async def _left(store: Store, fence: str) -> bool:
    events = [numbered.event for numbered in await store.events("acme", limit=1_000)]
    return any(event.type == "fence.exited" and event.data["fence"] == fence for event in events)
