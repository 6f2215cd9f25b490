"""Where places were decided to be: kept for plans that come later, and never undone by learning where a person has decided."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from fleet.outcome import RouteState
from fleet.place_decision import LEARNING, PlaceDecision, PlaceStep
from fleet.route import Route, RouteStatus, Stop, StopState, StopStatus
from store.protocol import NotFound, Rejected, Store
from tests.integration.store.builders import NOON, TENANT, Builder, at, event

ACCEPTED, LEARNED, WITHDRAWN, TAKEN_BACK = PlaceStep.ACCEPTED, PlaceStep.LEARNED, PlaceStep.WITHDRAWN, PlaceStep.TAKEN_BACK


def decision(step: PlaceStep, lat: float = 61.0, *, place: str = "bakery", tenant: str = TENANT, **more: Any) -> PlaceDecision:
    where = {"lat": lat, "lon": 25.0} if step.has_position else {}
    by = "Ada (key-1)" if step.is_a_persons else LEARNING
    return PlaceDecision(**{"tenant": tenant, "id": place, "step": step, "by": by, "at": at(0), "visits": 4, **where, **more})


def plan(name: str, *places: str | None, tenant: str = TENANT) -> Route:
    stops = tuple(
        Stop(id=f"{name}-{number}", seq=number, lat=60.0, lon=24.0, place=place) for number, place in enumerate(places, start=1)
    )
    return Route(id=name, tenant=tenant, vehicle="van-1", starts_at=NOON, stops=stops)


async def where(store: Store, route: str, tenant: str = TENANT) -> list[tuple[float, float | None]]:
    """(latitude gone by, the plan's own where that is another one) of each stop."""
    return [(stop.lat, stop.planned_lat) for stop in (await store.routes.get(tenant, route)).stops]


async def test_a_decision_moves_what_is_still_to_come_and_holds_for_later_plans(store: Store, build: Builder) -> None:
    await build.keys("van-1")
    await store.routes.create(plan("today", "bakery", None, "school", "bakery"))
    kept = await store.places.decide(decision(ACCEPTED))
    assert kept == decision(ACCEPTED, stops=2)
    assert await store.places.get(TENANT, "bakery") == kept
    moved, stays = (61.0, 60.0), (60.0, None)
    assert await where(store, "today") == [moved, stays, stays, moved]
    await store.routes.create(plan("tomorrow", "bakery"))
    assert await where(store, "tomorrow") == [moved]
    assert await store.import_routes([plan("imported", "school", "bakery"), plan("tomorrow", "bakery", "bakery")]) == 2
    assert await where(store, "imported") == [stays, moved]
    assert await where(store, "tomorrow") == [moved, moved]
    worlds = {route.id: [stop.lat for stop in route.stops] for route in (await store.world()).routes}
    assert worlds == {"today": [61.0, 60.0, 60.0, 61.0], "imported": [60.0, 61.0], "tomorrow": [61.0, 61.0]}


async def test_what_was_stored_is_answered(store: Store, build: Builder) -> None:
    await build.keys("van-1")
    await store.places.decide(decision(ACCEPTED))
    made = await store.routes.create(plan("r", "bakery"))
    assert made == await store.routes.get(TENANT, "r")
    (stop,) = made.stops
    assert (stop.lat, stop.lon, stop.planned_lat, stop.planned_lon) == (61.0, 25.0, 60.0, 24.0)
    assert await store.routes.replace(made) == made
    shifted = replace(plan("r", "bakery").stops[0], lat=60.5)
    assert (await store.routes.replace(replace(made, stops=(shifted,)))).stops[0].planned_lat == 60.5


async def test_withdrawing_gives_the_plans_own_pins_back(store: Store, build: Builder) -> None:
    await build.keys("van-1")
    await store.routes.create(plan("r", "bakery", "school"))
    await store.places.decide(decision(ACCEPTED))
    await store.places.decide(decision(ACCEPTED, 62.0))
    assert await where(store, "r") == [(62.0, 60.0), (60.0, None)]
    withdrawn = await store.places.decide(decision(WITHDRAWN))
    assert withdrawn is not None
    assert withdrawn.stops == 1
    assert await where(store, "r") == [(60.0, None), (60.0, None)]
    await store.routes.create(plan("later", "bakery"))
    assert await where(store, "later") == [(60.0, None)]


@pytest.mark.parametrize(
    ("before", "step", "counts"),
    [
        ([], LEARNED, True),
        ([LEARNED], LEARNED, True),
        ([LEARNED], ACCEPTED, True),
        ([LEARNED, TAKEN_BACK], LEARNED, True),
        ([ACCEPTED], LEARNED, False),
        ([ACCEPTED], TAKEN_BACK, False),
        ([WITHDRAWN], LEARNED, False),
        ([WITHDRAWN], ACCEPTED, True),
        ([], TAKEN_BACK, False),
        ([LEARNED, TAKEN_BACK], TAKEN_BACK, False),
    ],
)
async def test_learning_never_undoes_what_a_person_has_said(
    store: Store, build: Builder, before: Sequence[PlaceStep], step: PlaceStep, counts: bool
) -> None:
    await build.keys("van-1")
    await store.routes.create(plan("r", "bakery"))
    for number, earlier in enumerate(before):
        assert await store.places.decide(decision(earlier, 61.0 + number)) is not None
    stood = await where(store, "r")
    kept = await store.places.decide(decision(step, 65.0))
    assert (kept is not None) == counts
    after = [(65.0, 60.0)] if step.has_position else [(60.0, None)]
    assert await where(store, "r") == (after if counts else stood)


async def test_what_is_over_stays_where_it_was(store: Store, build: Builder) -> None:
    await build.keys("van-1")
    await store.routes.create(plan("today", "bakery", "bakery"))
    await store.routes.create(plan("yesterday", "bakery"))
    arrived = StopState(
        tenant=TENANT, vehicle="van-1", route="today", stop="today-1", status=StopStatus.ARRIVED, arrived_at=at(9), changed_at=at(9)
    )
    states = {"today": RouteStatus.UNDER_WAY, "yesterday": RouteStatus.DONE}
    routes = [RouteState(tenant=TENANT, vehicle="van-1", route=name, status=one, changed_at=at(9)) for name, one in states.items()]
    await build.commit(stops=[arrived], routes=routes)
    kept = await store.places.decide(decision(ACCEPTED))
    assert kept is not None
    assert kept.stops == 1
    assert await where(store, "today") == [(60.0, None), (61.0, 60.0)]
    assert await where(store, "yesterday") == [(60.0, None)]
    # The same plan, imported once more: what was reached was reached there.
    await store.import_routes([plan("today", "bakery", "bakery")])
    assert await where(store, "today") == [(60.0, None), (61.0, 60.0)]
    # What was reached at the place's position stays there when that is withdrawn.
    second = replace(arrived, stop="today-2")
    await build.commit(stops=[second])
    await store.places.decide(decision(WITHDRAWN))
    await store.routes.replace(plan("today", "bakery", "bakery"))
    assert await where(store, "today") == [(60.0, None), (61.0, 60.0)]


async def test_decisions_are_a_tenants_own(store: Store, build: Builder) -> None:
    await build.keys("van-1")
    await build.keys("van-1", tenant="globex")
    await store.routes.create(plan("r", "bakery"))
    await store.routes.create(plan("r", "bakery", tenant="globex"))
    await store.places.decide(decision(ACCEPTED, tenant="globex"))
    assert await where(store, "r") == [(60.0, None)]
    assert await where(store, "r", "globex") == [(61.0, 60.0)]
    with pytest.raises(NotFound, match="no place 'bakery'"):
        await store.places.get(TENANT, "bakery")
    assert await store.places.list(TENANT, limit=9) == []
    assert await store.places.history(TENANT, "bakery", limit=9) == []


async def test_places_are_listed_by_id_with_what_holds(store: Store) -> None:
    for place, tenant in (("b", TENANT), ("a", TENANT), ("c", "globex")):
        await store.places.decide(decision(LEARNED, place=place, tenant=tenant))
    await store.places.decide(decision(ACCEPTED, 62.0, place="a"))
    assert [(one.id, one.lat) for one in await store.places.list(TENANT, limit=9)] == [("a", 62.0), ("b", 61.0)]
    assert [one.id for one in await store.places.list(TENANT, limit=1, after="a")] == ["b"]
    assert [one.id for one in await store.places.list(None, limit=9, after=f"{TENANT}/a")] == ["b", "c"]


async def test_the_history_says_who_decided_what_and_when(store: Store) -> None:
    taken = [decision(LEARNED), decision(ACCEPTED, 62.0, by="Ada", at=at(60)), decision(WITHDRAWN, by="Bo", at=at(120))]
    for one in taken:
        await store.places.decide(one)
    await store.places.decide(decision(LEARNED, 65.0))  # does not count
    await store.places.decide(decision(ACCEPTED, place="school"))
    history = await store.places.history(TENANT, "bakery", limit=9)
    assert [one for _, one in history] == taken[::-1]
    (first, _), (second, _), _ = history
    assert [one for _, one in await store.places.history(TENANT, "bakery", limit=1, after=first)] == [taken[1]]
    assert [one for _, one in await store.places.history(TENANT, "bakery", limit=9, after=second)] == [taken[0]]


async def test_the_stands_of_a_place_come_in_the_order_in_which_they_were_published(store: Store, build: Builder) -> None:
    await build.keys("van-1")
    first = event(9, type_="stop.place_suggested", place="bakery", lat=61.0)
    told = [
        first,
        event(1, type_="stop.completed", place="bakery"),
        event(2, type_="stop.completed", place="school"),
        event(3, type_="stop.arrived", place="bakery"),
        event(4, type_="stop.completed", place=None),
        event(5, type_="stop.place_suggested.retracted", place="bakery", of=first.id),
    ]
    for one in told:
        await build.commit(events=[one])
    assert await store.places.stands(TENANT, "bakery", limit=9) == [told[0], told[1], told[5]]
    assert await store.places.stands(TENANT, "bakery", limit=2) == [told[1], told[5]]
    assert await store.places.stands("globex", "bakery", limit=9) == []


async def test_a_decision_is_told_as_a_change_of_routes(store: Store) -> None:
    changes = store.changes()
    assert (await anext(changes)).kind == "*"
    await store.places.decide(decision(ACCEPTED))
    change = await anext(changes)
    assert (change.kind, change.tenant) == ("route", TENANT)


async def test_text_that_cannot_be_kept_is_rejected(store: Store) -> None:
    with pytest.raises(Rejected):
        await store.places.decide(decision(ACCEPTED, place="a\0b"))


async def test_plans_and_decisions_at_once_leave_no_stop_behind(store: Store, build: Builder) -> None:
    """Whoever comes first: in the end each stop is where the last decision says."""
    await build.keys("van-1")

    async def put_plans(first: int) -> None:
        for number in range(first, first + 8):
            await store.import_routes([plan(f"r{number}", "bakery", "school")])

    async def decide() -> None:
        for number in range(8):
            await store.places.decide(decision(ACCEPTED, 61.0 + number / 10))

    await asyncio.gather(put_plans(0), put_plans(100), put_plans(200), decide())
    last = (await store.places.get(TENANT, "bakery")).lat
    for route in await store.routes.list(TENANT, limit=100):
        assert [(stop.lat, stop.planned_lat) for stop in route.stops] == [(last, 60.0), (60.0, None)]
    assert len(await store.routes.list(TENANT, limit=100)) == 24
