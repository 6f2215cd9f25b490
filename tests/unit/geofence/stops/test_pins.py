"""A stop that is served beside its pin: a suggestion, and no arrival."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest

from fleet.event import Event
from fleet.geodesy import distance_m
from fleet.route import Route
from geofence.stops.engine import RouteEngine
from tests.unit.geofence.stops.street import At, at, batch, drive, engine, fold, lat, lon, route, stand, stop


def plan(**more: Any) -> Route:
    """The second pin is wrong: the door is at 2000, the pin 150 m north of it."""
    houses = [("a", 1000.0, 0.0), ("b", 2000.0, 150.0), ("c", 3000.0, 0.0)]
    return route("r", *(stop(name, x_m, y_m, dwell_s=None, radius_m=100, **more) for name, x_m, y_m in houses))


def served(*parts: tuple[str, float, float]) -> list[At]:
    """Drive along the street at 10 m/s and stand: ("stand", metres, seconds)."""
    fixes: list[At] = []
    time_s, here_m = 0.0, 500.0
    for _, there_m, for_s in parts:
        leg = drive(time_s, here_m, there_m)
        fixes += leg[:-1]
        time_s, here_m = leg[-1].time_s, there_m
        fixes += stand(time_s, there_m, for_s)
        time_s += for_s
    return [*fixes, *drive(time_s, here_m, here_m + 500)]


def suggestions(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.type.startswith("stop.place_suggested")]


BESIDE = [("stand", 1000, 120), ("stand", 2000, 180), ("stand", 3000, 120)]


def test_a_stand_beside_the_pin_is_suggested_when_the_stop_is_given_up_and_is_no_arrival() -> None:
    outcome = fold(engine(plan()), served(*BESIDE))
    [suggested] = suggestions(outcome.events)
    assert (suggested.data["stop"], suggested.data["place"]) == ("b", "b")
    assert distance_m(suggested.data["lat"], suggested.data["lon"], lat(0), lon(2000)) < 35
    assert suggested.data["distance_m"] == pytest.approx(150, abs=10)
    assert suggested.data["stood_s"] == pytest.approx(180, abs=15)
    assert "b" not in {event.data["stop"] for event in outcome.events if event.type == "stop.arrived"}
    assert "b" in {event.data["stop"] for event in outcome.events if event.type == "stop.skipped"}


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([("stand", 1000, 120), ("stand", 2000, 60), ("stand", 3000, 120)], id="a red light"),
        pytest.param([("stand", 1000, 120), ("stand", 1700, 180), ("stand", 3000, 120)], id="far from the pin"),
        pytest.param([("stand", 1000, 120), ("stand", 2000, 180)], id="nothing has followed yet"),
    ],
)
def test_nothing_is_suggested_without_need(parts: Sequence[tuple[str, float, float]]) -> None:
    assert not suggestions(fold(engine(plan()), served(*parts)).events)


def test_who_stands_beside_the_pin_and_then_at_it_has_served_it_there() -> None:
    street = [*drive(0, 500, 990), *stand(50, 1000, 120), *drive(170, 1000, 1990), *stand(270, 2000, 180)]
    at_the_pin = [At(460 + 10 * tick, 2000, 150, 0.0) for tick in range(12)]
    fixes = [*street, *at_the_pin, *drive(600, 2100, 2990), *stand(700, 3000, 120)]
    outcome = fold(engine(plan()), fixes)
    assert "b" in {event.data["stop"] for event in outcome.events if event.type == "stop.arrived"}
    assert not suggestions(outcome.events)


def test_a_suggestion_is_withdrawn_when_the_vehicle_comes_back_and_serves_the_stop() -> None:
    first = served(*BESIDE)
    later = first[-1].time_s
    back = [*drive(later + 1, 3500, 2010), *[At(later + 200 + 10 * tick, 2000, 150, 0.0) for tick in range(12)]]
    made = plan()
    four = route("r", *made.stops, stop("d", 9000, dwell_s=None, radius_m=100))
    kinds = [event.type for event in suggestions(fold(engine(four), [*first, *back]).events)]
    assert kinds == ["stop.place_suggested", "stop.place_suggested.retracted"]


def restarted(made: RouteEngine, of: Route) -> RouteEngine:
    fresh = engine(of)
    fresh.restore(made.snapshot([7]))
    return fresh


def test_the_same_is_suggested_one_fix_at_a_time_and_over_restarts() -> None:
    of, fixes = plan(), served(*BESIDE)
    whole = batch(fixes)
    at_once = suggestions(engine(of).step(whole, at(0)).events)
    found: list[Event] = []
    made = engine(of)
    for row in range(len(fixes)):
        found += made.step(whole.take(np.array([row])), at(0)).events
        made = restarted(made, of)
    assert [event.data["stop"] for event in suggestions(found)] == ["b"]
    assert suggestions(found)[0].id == at_once[0].id
