"""Settings of tenants and vehicles over REST, and trackers whose clocks are off, as an operator sees them."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.clock import parse_rfc3339
from fleet.fix import FixBatch
from fleet.outcome import Outcome
from fleet.screen_settings import ScreenOverrides, ScreenScope
from fleet.tracker_clock import TrackerClock
from store.protocol import Commit
from tests.integration.api.running import Api


def screening(**settings: Any) -> dict[str, Any]:
    return {"settings": {"screening": settings}}


async def test_a_tenants_settings_are_changed_one_by_one_and_given_back(api: Api) -> None:
    admin = api.client("acme-admin")
    strict = await admin.patch("/v1/tenants/acme", json=screening(refuse_teleports=True, oldest_age_s=3600))
    assert strict.status_code == 200, strict.text
    assert strict.json()["settings"]["screening"] == {"refuse_teleports": True, "oldest_age_s": 3600}
    other = await admin.patch("/v1/tenants/acme", json=screening(correct_clock=False))
    assert other.json()["settings"]["screening"] == {"refuse_teleports": True, "oldest_age_s": 3600, "correct_clock": False}
    assert (await api.store.world()).screening == [
        ScreenScope(tenant="acme", overrides=ScreenOverrides(refuse_teleports=True, oldest_age_s=3600, correct_clock=False))
    ]
    given_back = await admin.patch("/v1/tenants/acme", json={"settings": {"screening": None}})
    assert given_back.json()["settings"]["screening"] == {}
    assert (await admin.get("/v1/tenants/acme")).json() == given_back.json()
    assert (await api.store.world()).screening == []


async def test_a_vehicle_has_settings_of_its_own(api: Api) -> None:
    admin = api.client("acme-admin")
    made = await admin.post("/v1/vehicles", json={"id": "ferry", **screening(teleport_speed_mps=400, static_drift_m=0)})
    assert made.status_code == 201, made.text
    assert made.json()["settings"]["screening"] == {"teleport_speed_mps": 400, "static_drift_m": 0}
    changed = await admin.patch("/v1/vehicles/ferry", json={"name": "Ferry", **screening(static_drift_m=None)})
    assert changed.json()["settings"]["screening"] == {"teleport_speed_mps": 400}
    (scope,) = (await api.store.world()).screening
    assert (scope.tenant, scope.vehicle, scope.overrides) == ("acme", "ferry", ScreenOverrides(teleport_speed_mps=400))


@pytest.mark.parametrize(
    ("settings", "where", "what"),
    [
        ({"refuse_teleport": True}, "refuse_teleport", "Extra inputs are not permitted"),
        ({"future_tolerance_s": -1}, "future_tolerance_s", "greater than or equal to 0"),
        ({"teleport_speed_mps": 0}, "teleport_speed_mps", "greater than 0"),
        ({"correct_clock": "maybe"}, "correct_clock", "valid boolean"),
        ({"static_drift_m": 5000}, "static_drift_m", "less than or equal to 1000"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/tenants/acme", "/v1/vehicles/van-1"])
async def test_settings_that_cannot_be_are_refused_with_what_is_wrong(
    api: Api, path: str, settings: dict[str, Any], where: str, what: str
) -> None:
    admin = api.client("acme-admin")
    await admin.post("/v1/vehicles", json={"id": "van-1"})
    answer = await admin.patch(path, json=screening(**settings))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert where in answer.text
    assert what in answer.text


async def test_a_tenant_is_its_own_affair(api: Api) -> None:
    admin = api.client("acme-admin")
    assert (await admin.get("/v1/tenants/other")).status_code == 403
    assert (await admin.patch("/v1/tenants/other", json=screening(correct_clock=False))).status_code == 403
    assert (await api.client("acme-viewer").patch("/v1/tenants/acme", json={})).status_code == 403
    listed = (await admin.get("/v1/tenants")).json()
    assert [tenant["id"] for tenant in listed["items"]] == ["acme"]


async def test_a_trackers_clock_is_shown_with_it(api: Api) -> None:
    admin = api.client("acme-admin")
    await admin.post("/v1/trackers", json={"id": "t-1"})
    assert (await admin.get("/v1/trackers/t-1")).json()["clock"] is None
    clock = TrackerClock(
        tenant="acme",
        tracker="t-1",
        offset_s=3600,
        since=parse_rfc3339("2026-02-16T13:00:00Z"),
        found_at=parse_rfc3339("2026-02-16T12:05:00Z"),
    )
    await api.store.commit(Commit(fixes=FixBatch.empty(), outcome=Outcome(), clocks=[clock]))
    shown = {
        "offset_s": 3600,
        "since": "2026-02-16T13:00:00.000Z",
        "until": None,
        "found_at": "2026-02-16T12:05:00.000Z",
    }
    assert (await admin.get("/v1/trackers/t-1")).json()["clock"] == shown
    changed = await admin.patch("/v1/trackers/t-1", json={"status": "quarantined"})
    assert (changed.status_code, changed.json()["clock"]) == (200, shown)


async def test_a_tenant_says_what_becomes_of_places_and_of_all_its_fences(api: Api) -> None:
    admin = api.client("acme-admin")
    said = {"places": {"learning": "automatic", "min_visits": 4}, "fences": {"exit_margin_m": 20.0}}
    changed = await admin.patch("/v1/tenants/acme", json={"settings": said})
    assert changed.status_code == 200, changed.text
    assert {name: changed.json()["settings"][name] for name in said} == said
    assert (await admin.get("/v1/tenants/acme")).json() == changed.json()
    back = await admin.patch("/v1/tenants/acme", json={"settings": {"places": {"min_visits": None}, "fences": None}})
    assert back.json()["settings"]["places"] == {"learning": "automatic"}
    assert back.json()["settings"]["fences"] == {}


@pytest.mark.parametrize("places", [{"learning": "sometimes"}, {"min_visits": 2}, {"within_m": 41}, {"within_m": 0}], ids=str)
async def test_places_are_moved_by_no_less_than_a_suggestion_needs(memory_api: Api, places: dict[str, Any]) -> None:
    refused = await memory_api.client("acme-admin").patch("/v1/tenants/acme", json={"settings": {"places": places}})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"].endswith(f"/places/{next(iter(places))}")


async def test_a_vehicle_has_no_settings_of_places(memory_api: Api) -> None:
    vehicle = {"id": "v", "settings": {"places": {"learning": "off"}}}
    assert (await memory_api.client("acme-admin").post("/v1/vehicles", json=vehicle)).status_code == 422
