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
