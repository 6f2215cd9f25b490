"""Places over REST: what visits have taught, and moving pins only when somebody says so."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.event import Event
from fleet.outcome import RouteState
from fleet.route import RouteStatus, StopState, StopStatus
from tests.integration.api.running import Api
from tests.integration.store.builders import Builder, at, event

SPAN = {"from": "2026-02-16T00:00:00Z", "to": "2026-02-17T00:00:00Z"}


def stood(number: int, lat: float, *, place: str = "bakery", tenant: str = "acme") -> Event:
    data: dict[str, Any] = {"lat": lat, "lon": 13.0, "distance_m": 150.0, "stood_s": 180.0}
    return event(
        number, type_="stop.place_suggested", tenant=tenant, route=f"old-{number}", stop=f"old-{number}", place=place, **data
    )


async def plan(api: Api, route: str, *places: str) -> None:
    stops = [
        {"id": f"{route}-{index}", "lat": 52.5, "lon": 13.0, "place": place, "min_dwell_s": 60}
        for index, place in enumerate(places)
    ]
    body = {"id": route, "vehicle": "van-1", "starts_at": "2026-02-17T08:00:00Z", "stops": stops}
    assert (await api.client("acme-operator").post("/v1/routes", json=body)).status_code == 201


async def pins(api: Api, route: str) -> list[float]:
    return [stop["lat"] for stop in (await api.client("acme-viewer").get(f"/v1/routes/{route}")).json()["stops"]]


@pytest.fixture
async def learned(api: Api) -> Api:
    """The bakery was visited three times, 150 m from its pin; the school twice."""
    await Builder(api.store).keys("van-1", tenant="acme")
    three = [stood(number, 52.5013 + number / 1e6) for number in (1, 2, 3)]
    await Builder(api.store).commit(events=[*three, *(stood(number, 52.6, place="school") for number in (4, 5))])
    return api


async def test_places_are_listed_with_what_is_learned(learned: Api) -> None:
    client = learned.client("acme-viewer")
    listed = (await client.get("/v1/places", params=SPAN)).json()
    assert listed["next_cursor"] is None
    bakery, school = listed["items"]
    assert (bakery["id"], bakery["lat"], bakery["visits"], bakery["reached"], bakery["pin_m"]) == ("bakery", 52.501302, 3, 0, 150.0)
    assert (school["id"], school["lat"], school["visits"]) == ("school", None, 2)
    first = (await client.get("/v1/places", params={**SPAN, "limit": 1})).json()
    following = (await client.get("/v1/places", params={**SPAN, "limit": 1, "cursor": first["next_cursor"]})).json()
    assert [page["items"][0]["id"] for page in (first, following)] == ["bakery", "school"]


async def test_no_pin_moves_until_the_place_is_accepted(learned: Api) -> None:
    await plan(learned, "tomorrow", "bakery", "school", "bakery")
    await learned.client("acme-viewer").get("/v1/places", params=SPAN)
    assert await pins(learned, "tomorrow") == [52.5, 52.5, 52.5]
    accepted = await learned.client("acme-operator").post("/v1/places/bakery:accept", params=SPAN)
    assert accepted.json() == {"id": "bakery", "lat": 52.501302, "lon": 13.0, "stops": 2}
    assert await pins(learned, "tomorrow") == [52.501302, 52.5, 52.501302]


async def test_what_is_over_stays_as_it_was(learned: Api) -> None:
    await plan(learned, "today", "bakery", "bakery")
    await plan(learned, "yesterday", "bakery")
    arrived = StopState(
        tenant="acme", vehicle="van-1", route="today", stop="today-0", status=StopStatus.ARRIVED, arrived_at=at(9), changed_at=at(9)
    )
    states = {"today": RouteStatus.UNDER_WAY, "yesterday": RouteStatus.DONE}
    routes = [
        RouteState(tenant="acme", vehicle="van-1", route=name, status=status, changed_at=at(9)) for name, status in states.items()
    ]
    await Builder(learned.store).commit(stops=[arrived], routes=routes)
    accepted = await learned.client("acme-operator").post("/v1/places/bakery:accept", params=SPAN)
    assert accepted.json()["stops"] == 1
    assert await pins(learned, "today") == [52.5, 52.501302]
    assert await pins(learned, "yesterday") == [52.5]


async def test_too_little_is_not_accepted_unless_somebody_says_where_it_is(learned: Api) -> None:
    client = learned.client("acme-operator")
    await plan(learned, "tomorrow", "school")
    refused = await client.post("/v1/places/school:accept", params=SPAN)
    assert refused.status_code == 409
    assert "nothing is learned of 'school': 2 visits" in refused.json()["detail"]
    given = await client.post("/v1/places/school:accept", params=SPAN, json={"lat": 52.7, "lon": 13.1})
    assert (given.status_code, given.json()["stops"]) == (200, 1)
    assert await pins(learned, "tomorrow") == [52.7]
    assert (await client.post("/v1/places/school:accept", params=SPAN, json={"lat": 52.7})).status_code == 422
    assert (await client.post("/v1/places/nowhere:accept", params=SPAN)).status_code == 404


async def test_a_retracted_visit_is_forgotten(learned: Api) -> None:
    gone = stood(1, 52.501301)
    withdrawn = event(
        6, type_="stop.place_suggested.retracted", tenant="acme", route="old-1", stop="old-1", place="bakery", of=gone.id
    )
    await Builder(learned.store).commit(events=[withdrawn])
    listed = (await learned.client("acme-viewer").get("/v1/places", params=SPAN)).json()
    assert (listed["items"][0]["visits"], listed["items"][0]["lat"]) == (2, None)


async def test_an_accepted_place_holds_for_plans_that_come_later_until_it_is_withdrawn(learned: Api) -> None:
    client = learned.client("acme-operator")
    await client.post("/v1/places/bakery:accept", params=SPAN)
    await plan(learned, "tomorrow", "bakery")
    imported = {
        "routes": [
            {
                "id": "next-week",
                "vehicle": "van-1",
                "starts_at": "2026-02-24T08:00:00Z",
                "stops": [{"id": "next-week-0", "seq": 1, "place": "bakery", "lat": 52.5, "lon": 13.0}],
            }
        ]
    }
    assert (await client.post("/v1/routes:import", json=imported)).json() == {"routes": 1}
    assert await pins(learned, "tomorrow") == await pins(learned, "next-week") == [52.501302]
    stop = (await client.get("/v1/stops/next-week-0")).json()
    assert (stop["planned_lat"], stop["planned_lon"], stop["position_from"]) == (52.5, 13.0, "place")
    # A change of something else does not take the place's position for the plan's.
    changed = (await client.patch("/v1/stops/next-week-0", json={"name": "Bakery"})).json()
    assert (changed["lat"], changed["planned_lat"], changed["position_from"]) == (52.501302, 52.5, "place")
    assert (await client.post("/v1/places/bakery:withdraw", params=SPAN)).json() == {"id": "bakery", "stops": 2}
    stop = (await client.get("/v1/stops/next-week-0")).json()
    assert (stop["lat"], stop["planned_lat"], stop["position_from"]) == (52.5, 52.5, "plan")


async def test_a_place_says_what_was_decided_by_whom_and_when(learned: Api) -> None:
    client = learned.client("acme-operator")
    bakery = (await client.get("/v1/places/bakery", params=SPAN)).json()
    assert (bakery["offered"], bakery["decision"]) == (True, None)
    await client.post("/v1/places/bakery:accept", params=SPAN)
    bakery = (await client.get("/v1/places/bakery", params=SPAN)).json()
    assert bakery["offered"] is False
    assert (bakery["decision"]["step"], bakery["decision"]["lat"], bakery["decision"]["visits"]) == ("accepted", 52.501302, 3)
    assert bakery["decision"]["by"] == "acme-operator (acme-operator)"
    await client.post("/v1/places/bakery:withdraw", params=SPAN)
    history = (await client.get("/v1/places/bakery/history")).json()["items"]
    assert [one["step"] for one in history] == ["withdrawn", "accepted"]
    assert (await client.get("/v1/places/bakery", params=SPAN)).json()["offered"] is False
    newest = (await client.get("/v1/places/bakery/history", params={"limit": 1})).json()
    older = (await client.get("/v1/places/bakery/history", params={"cursor": newest["next_cursor"]})).json()
    assert [one["step"] for one in older["items"]] == ["accepted"]


async def test_a_place_without_visits_is_where_somebody_says(learned: Api) -> None:
    client = learned.client("acme-operator")
    given = await client.post("/v1/places/new shop:accept", params=SPAN, json={"lat": 52.7, "lon": 13.1})
    assert given.status_code == 200
    await plan(learned, "tomorrow", "new shop")
    assert await pins(learned, "tomorrow") == [52.7]
    listed = {one["id"]: one for one in (await client.get("/v1/places", params=SPAN)).json()["items"]}
    assert (listed["new shop"]["visits"], listed["new shop"]["decision"]["lat"]) == (0, 52.7)


async def test_only_what_waits_for_an_answer_is_offered(learned: Api) -> None:
    viewer, admin = learned.client("acme-viewer"), learned.client("acme-admin")

    async def offered() -> list[str]:
        return [one["id"] for one in (await viewer.get("/v1/places", params={**SPAN, "offered": True})).json()["items"]]

    assert await offered() == ["bakery"]
    await admin.patch("/v1/tenants/acme", json={"settings": {"places": {"learning": "off"}}})
    assert await offered() == []


async def test_a_viewer_decides_nothing_and_a_place_across_tenants_needs_a_name(learned: Api) -> None:
    for action in ("accept", "withdraw"):
        assert (await learned.client("acme-viewer").post(f"/v1/places/bakery:{action}", params=SPAN)).status_code == 403
    assert (await learned.client("root").get("/v1/places/bakery", params=SPAN)).status_code == 409
    assert (await learned.client("root").get("/v1/places/bakery", params={**SPAN, "tenant": "acme"})).status_code == 200


async def test_a_repeated_answer_decides_once(learned: Api) -> None:
    client = learned.client("acme-operator")
    once = {"idempotency-key": "yes"}
    first = await client.post("/v1/places/bakery:accept", params=SPAN, headers=once)
    again = await client.post("/v1/places/bakery:accept", params=SPAN, headers=once)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert len((await client.get("/v1/places/bakery/history")).json()["items"]) == 1
