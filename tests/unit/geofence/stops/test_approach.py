"""A stop is approached once an episode: by the way that is left along the route, or by time."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.outcome import Outcome
from fleet.route import Route
from geofence.stops.settings import RouteSettings
from tests.unit.geofence.stops.street import At, drive, engine, fold, route, seconds, stand, stop


def approached(outcome: Outcome) -> list[tuple[str, str, float]]:
    """Less the first stop, at which every drive here begins."""
    return [
        (event.data["stop"], event.data["by"], seconds(event.occurred_at))
        for event in outcome.events
        if event.type == "stop.approaching" and event.data["stop"] != "s0"
    ]


def delivery(*metres: float, planned: bool = False) -> Route:
    stops = [
        stop(f"s{index}", x_m, dwell_s=None, radius_m=60, planned_s=x_m / 10 + 120 * index if planned else None)
        for index, x_m in enumerate(metres)
    ]
    return route("r", *stops)


#: Only the way counts: no forecast is negative.
BY_WAY = RouteSettings(approach_s=-1.0)


def test_a_stop_is_approached_at_so_many_metres_along_the_route() -> None:
    fixes = [*stand(0, 0, 60), *drive(60, 0, 1990)]
    [found] = approached(fold(engine(delivery(0, 2000, 9000), settings=BY_WAY), fixes))
    assert found[:2] == ("s1", "distance")
    assert found[2] == pytest.approx(210, abs=10)


@pytest.mark.parametrize("approach_m", [200.0, 1000.0])
def test_the_distance_is_a_setting(approach_m: float) -> None:
    limits = RouteSettings(approach_s=-1.0, approach_m=approach_m)
    fixes = [*stand(0, 0, 60), *drive(60, 0, 1990)]
    [(_, _, when)] = approached(fold(engine(delivery(0, 2000, 9000), settings=limits), fixes))
    assert when == pytest.approx(60 + (2000 - approach_m) / 10, abs=10)


def test_what_is_near_on_the_map_is_not_approached_while_the_route_leads_elsewhere_first() -> None:
    """The last stop is across the street from the first; between them lie four kilometres."""
    plan = delivery(0, 2000, 150)
    found = approached(fold(engine(plan, settings=BY_WAY), [*stand(0, 0, 60), *drive(60, 0, 1000)]))
    assert "s2" not in {name for name, _, _ in found}


def test_an_episode_is_told_once_whatever_the_vehicle_does_at_the_limit() -> None:
    """To and fro over the line at 500 m."""
    to_and_fro = [At(220 + 10 * tick, 1500 + (30 if tick % 2 else -30), 0.0, 3.0) for tick in range(40)]
    fixes = [*stand(0, 0, 60), *drive(60, 0, 1450), *to_and_fro, *drive(640, 1500, 1990)]
    assert [name for name, _, _ in approached(fold(engine(delivery(0, 2000, 9000), settings=BY_WAY), fixes))] == ["s1"]


def test_a_stop_is_approached_by_time_before_it_is_by_way() -> None:
    limits = RouteSettings(approach_s=300.0, approach_m=200.0)
    fixes = [*stand(0, 0, 120), *drive(120, 0, 4990)]
    found = approached(fold(engine(delivery(0, 5000, 20_000, planned=True), settings=limits), fixes))
    assert [(name, by) for name, by, _ in found] == [("s1", "time")]
    # Planned 620 s after the start, 300 s before that, and forecasts come every 50 s.
    assert 320 <= found[0][2] <= 380


def test_the_evidence_says_how_far_or_how_long() -> None:
    outcome = fold(engine(delivery(0, 2000, 9000), settings=BY_WAY), [*stand(0, 0, 60), *drive(60, 0, 1990)])
    [event] = [event for event in outcome.events if event.type == "stop.approaching" and event.data["stop"] == "s1"]
    evidence: dict[str, Any] = event.data["evidence"]
    assert evidence["distance_m"] <= 500
