"""Rules of movement over REST, and their way into an engine that is running."""

from __future__ import annotations

from datetime import time

from fleet.clock import from_micros
from ingest.pipeline import Pipeline
from tests.integration.api.running import Api
from tests.oracle.calendars import Weekly
from tests.oracle.drives import BEGIN, Leg, batch_of, drive

OFFICE = Weekly(opens=time(8), closes=time(18), zone="Europe/Berlin").text()


async def test_a_vehicles_own_rules_are_kept_shown_and_taken_back(api: Api) -> None:
    root = api.client("acme-admin")
    assert (await root.post("/v1/vehicles", json={"id": "van-1", "tracker": "t-1"})).status_code == 201
    movement = {"speed_limit_mps": 22.2, "allowed_hours": OFFICE}
    changed = await root.patch("/v1/vehicles/van-1", json={"settings": {"movement": movement}})
    assert changed.status_code == 200, changed.text
    assert (await root.get("/v1/vehicles/van-1")).json()["settings"]["movement"] == movement
    taken_back = await root.patch("/v1/vehicles/van-1", json={"settings": {"movement": {"allowed_hours": None}}})
    assert taken_back.json()["settings"]["movement"] == {"speed_limit_mps": 22.2}


async def test_hours_that_are_no_calendar_are_refused_with_the_reason(api: Api) -> None:
    body = {"id": "van-1", "settings": {"movement": {"allowed_hours": "weekdays"}}}
    refused = await api.client("acme-admin").post("/v1/vehicles", json=body)
    assert refused.status_code == 422
    assert "calendar:" in refused.text


async def test_a_running_engine_obeys_without_a_restart(api: Api) -> None:
    root = api.client("acme-admin")
    assert (await root.post("/v1/vehicles", json={"id": "van-1", "tracker": "t-1"})).status_code == 201
    world = await api.store.world()
    pipeline = Pipeline()
    pipeline.apply(world, BEGIN)
    fixes = drive([Leg(duration_s=300), Leg(duration_s=600, speed_mps=12.0)])
    batch = batch_of(fixes, world.mountings[0].key)
    early, later = batch.take(batch.time < batch.time[60]), batch.take(batch.time >= batch.time[60])
    before = pipeline.step(early, BEGIN).events
    settings = {"movement": {"speed_limit_mps": 10.0, "allowed_hours": OFFICE}}
    assert (await root.patch("/v1/vehicles/van-1", json={"settings": settings})).status_code == 200
    pipeline.apply(await api.store.world(), BEGIN)
    after = pipeline.step(later, from_micros(int(later.time[-1]))).events
    assert {event.type for event in before} == {"vehicle.online", "vehicle.stopped", "vehicle.moving"}
    assert {event.type for event in after} == {"vehicle.unauthorised", "vehicle.overspeed"}
