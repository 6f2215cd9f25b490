"""What is learned of a place from the stands of visits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.event import Event
from fleet.geodesy import METRES_PER_DEGREE, distance_m
from fleet.places import KnownPlace, Stand, known_places, standing_stands

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def stand(visit: int, north_m: float = 0.0, **more: Any) -> Stand:
    fields: dict[str, Any] = {
        "tenant": "acme",
        "place": "bakery",
        "visit": (f"r{visit}", f"s{visit}"),
        "at": NOON + timedelta(days=visit),
        "lat": 52.0 + north_m / METRES_PER_DEGREE,
        "lon": 13.0,
        "stood_s": 120.0,
        "pin_m": 150.0,
        "is_arrival": False,
    }
    return Stand(**{**fields, **more})


def learned(stands: Sequence[Stand]) -> KnownPlace:
    [place] = known_places(stands)
    return place


def test_three_visits_that_agree_teach_the_place() -> None:
    place = learned([stand(1, -5), stand(2, 0), stand(3, 8)])
    assert (place.lat, place.lon, place.visits, place.pin_m) == (52.0, 13.0, 3, 150.0)
    assert (place.first_at, place.last_at) == (NOON + timedelta(days=1), NOON + timedelta(days=3))


def test_two_visits_teach_nothing_and_the_same_visit_twice_is_one() -> None:
    assert not learned([stand(1), stand(2)]).is_learned
    assert not learned([stand(1), stand(2), stand(2, 3, stood_s=60.0)]).is_learned


def test_of_a_visit_the_longest_stand_counts() -> None:
    short = [stand(number, 60, stood_s=30.0) for number in (1, 2, 3)]
    assert learned([*short, *(stand(number) for number in (1, 2, 3))]).lat == 52.0


def test_a_bad_visit_does_not_move_the_place() -> None:
    place = learned([stand(1), stand(2, 4), stand(3, -4), stand(4, 4_000)])
    assert place.lat is not None
    assert place.lon is not None
    assert distance_m(place.lat, place.lon, 52.0, 13.0) < 10


def test_visits_that_disagree_teach_nothing() -> None:
    place = learned([stand(1), stand(2, 200), stand(3, -200), stand(4, 400)])
    assert not place.is_learned
    assert place.spread_m > 40


def test_places_of_several_tenants_are_apart() -> None:
    mine = [stand(number) for number in (1, 2, 3)]
    theirs = [replace(one, tenant="globex") for one in mine[:2]]
    assert [(place.tenant, place.is_learned) for place in known_places([*theirs, *mine])] == [("acme", True), ("globex", False)]


def test_the_antimeridian_is_no_border() -> None:
    place = learned([stand(1, lon=179.9999), stand(2, lon=-179.9999), stand(3, lon=180.0)])
    assert place.lon is not None
    assert abs(abs(place.lon) - 180.0) < 1e-3


@given(st.permutations([stand(number, 7.0 * number, stood_s=60.0 + number) for number in range(7)]))
def test_the_order_of_visits_does_not_matter(stands: list[Stand]) -> None:
    assert learned(stands) == learned(sorted(stands, key=lambda one: one.visit))


def event(name: str, kind: str, data: dict[str, Any]) -> Event:
    data = {"route": "r", "stop": "s", "place": "bakery", **data}
    return Event(id=name, type=kind, occurred_at=NOON, recorded_at=NOON, tenant="acme", vehicle="van", data=data)


SUGGESTED = {"lat": 52.0, "lon": 13.0, "distance_m": 150.0, "stood_s": 180.0}
COMPLETED = {"evidence": {"stood_at": {"lat": 52.001, "lon": 13.0}, "stood_s": 90.0, "stood_m": 20.0}}


def test_events_say_where_vehicles_stood() -> None:
    found = standing_stands([event("a", "stop.place_suggested", SUGGESTED), event("b", "stop.completed", COMPLETED)])
    assert [(one.lat, one.pin_m, one.stood_s, one.is_arrival) for one in found] == [
        (52.0, 150.0, 180.0, False),
        (52.001, 20.0, 90.0, True),
    ]


@pytest.mark.parametrize(
    ("correction", "left"),
    [
        pytest.param([event("b", "stop.place_suggested.retracted", {"of": "a"})], [], id="retracted"),
        pytest.param([event("b", "stop.place_suggested.revised", {**SUGGESTED, "of": "a", "lat": 52.5})], [52.5], id="revised"),
    ],
)
def test_only_what_stands_teaches(correction: list[Event], left: list[float]) -> None:
    found = standing_stands([event("a", "stop.place_suggested", SUGGESTED), *correction])
    assert [one.lat for one in found] == left


def test_a_pass_and_a_stop_without_a_place_teach_nothing() -> None:
    passed = event("a", "stop.completed", {"evidence": {"stood_at": None, "stood_s": 0.0}})
    nameless = event("b", "stop.completed", {**COMPLETED, "place": None})
    assert standing_stands([passed, nameless]) == []
