"""Which drives reach which stops, and when."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from fleet.route import Route
from fleet.screening import Flag
from tests.unit.geofence.stops.street import At, arrivals, drive, found, route, stand, stop


def line(name: str, count: int = 6, *, starts_s: float = 0.0, backwards: bool = False, y_m: float = 0.0) -> Route:
    """Stops 400 m apart that are passed at 10 m/s when the plan is kept."""
    order = range(count)
    metres = [400.0 * index for index in order]
    if backwards:
        metres.reverse()
    stops = [
        stop(f"{name}:{round(x_m)}/{round(y_m)}", x_m, y_m, planned_s=starts_s + 40.0 * index)
        for index, x_m in zip(order, metres, strict=True)
    ]
    return route(name, *stops, starts_s=starts_s)


def ids(of: Route) -> list[str]:
    return [stop.id for stop in of.stops]


# passing


def test_a_pass_between_two_fixes_is_an_arrival_at_the_closest_approach() -> None:
    plan = route("r", stop("a", 0, planned_s=0), stop("b", 500, 20, planned_s=50), stop("c", 1000, planned_s=100))
    fixes = drive(0, -200, 1300, speed_mps=10, every_s=30)
    assert arrivals(fixes, plan) == {"a": 20.0, "b": 70.0, "c": 120.0}


def test_a_pass_beside_the_circle_is_none_and_the_stop_is_skipped_when_the_next_is_served() -> None:
    plan = route("r", stop("a", 0, planned_s=0), stop("b", 500, 41, planned_s=50), stop("c", 1000, planned_s=100))
    what = found(drive(0, -200, 1300), plan)
    said = [(kind, name) for kind, name, _ in what if kind != "departed"]
    assert said == [("arrived", "a"), ("arrived", "c"), ("skipped", "b")]


def test_a_vehicle_that_stands_at_a_stop_has_arrived_before_it_leaves() -> None:
    fixes = [*drive(0, -400, -10), *stand(50, 0, 90)]
    assert arrivals(fixes, line("r")) == {"r:0/0": pytest.approx(50, abs=1)}


def test_a_nearer_approach_after_a_stand_in_the_circle_moves_the_arrival() -> None:
    fixes = [*drive(0, -400, -35), *stand(40, -30, 90), *drive(140, -30, 300)]
    what = found(fixes, line("r"))
    assert [kind for kind, name, _ in what if name == "r:0/0"] == ["arrived", "arrived.revised", "departed"]
    assert what[1][2] == pytest.approx(143, abs=1)


def test_departure_is_dated_back_to_the_way_out() -> None:
    what = found(drive(0, -400, 800), line("r"))
    assert ("departed", "r:0/0", 44.0) in what


def test_stops_passed_in_one_long_segment_are_reached_in_order() -> None:
    fixes = [At(0, -100), At(10, 0), At(150, 1400), At(200, 2100)]
    reached = arrivals(fixes, line("r"))
    assert list(reached) == ids(line("r"))
    assert all(earlier < later for earlier, later in pairwise(reached.values()))


def test_what_lies_in_a_long_gap_is_not_made_up() -> None:
    plan = line("r", 10)
    fixes = [*drive(0, -200, 600), *drive(600, 1900, 4000)]
    assert list(arrivals(fixes, plan)) == [
        name for name, x_m in zip(ids(plan), range(0, 4000, 400), strict=True) if x_m < 600 or x_m > 1900
    ]


# standing


def house(name: str, x_m: float, **more: float) -> Route:
    return route("r", stop("depot", 0, dwell_s=None, radius_m=100), stop(name, x_m, dwell_s=None, radius_m=100, **more))


def served_depot() -> list[At]:
    return [*stand(0, 0, 60), *drive(60, 0, 800)]


def test_a_stand_near_the_pin_is_an_arrival_dated_back_to_the_way_in() -> None:
    fixes = [*served_depot(), *drive(150, 800, 1990), *stand(270, 2000, 60)]
    assert arrivals(fixes, house("home", 2000)) == {"depot": 0.0, "home": pytest.approx(260, abs=0.2)}


def test_driving_through_the_circle_is_no_arrival() -> None:
    assert arrivals([*served_depot(), *drive(150, 800, 4000)], house("home", 2000)) == {"depot": 0.0}


def test_a_red_light_in_the_outer_half_of_the_circle_is_no_arrival() -> None:
    fixes = [*served_depot(), *drive(150, 800, 1920), *stand(262, 1920, 60), *drive(322, 1920, 4000)]
    assert arrivals(fixes, house("home", 2000)) == {"depot": 0.0}


def test_a_long_stand_in_the_outer_half_is_one_when_the_vehicle_goes_on() -> None:
    """While it stands there it may be in a queue before a red light."""
    fixes = [*served_depot(), *drive(150, 800, 1920), *stand(262, 1920, 120)]
    assert "home" not in arrivals(fixes, house("home", 2000))
    assert "home" in arrivals([*fixes, *drive(382, 1920, 4000)], house("home", 2000))


def test_a_short_service_is_not_awaited_longer_than_it_takes() -> None:
    fixes = [*served_depot(), *drive(150, 800, 1990), *stand(270, 2000, 25), *drive(295, 2000, 4000)]
    assert "home" not in arrivals(fixes, house("home", 2000))
    assert "home" in arrivals(fixes, house("home", 2000, service_s=30.0))


def test_a_stand_is_seen_without_reported_speed() -> None:
    fixes = [replace(fix, speed_mps=None) for fix in [*served_depot(), *drive(150, 800, 1990), *stand(270, 2000, 60, every_s=1)]]
    assert arrivals(fixes, house("home", 2000))["home"] == pytest.approx(260, abs=0.2)


def test_the_planned_dwell_decides_where_it_is_given() -> None:
    plan = route("r", stop("depot", 0, dwell_s=None), stop("home", 2000, dwell_s=120, radius_m=100))
    way = [*served_depot(), *drive(150, 800, 1990)]
    assert "home" not in arrivals([*way, *stand(270, 2000, 100), *drive(370, 2000, 3000)], plan)
    assert "home" in arrivals([*way, *stand(270, 2000, 140)], plan)


# fixes that prove nothing


@pytest.mark.parametrize("bad", [{"accuracy_m": 80.0}, {"flags": int(Flag.TELEPORT)}, {"flags": int(Flag.INACCURATE)}])
def test_a_bad_fix_in_the_circle_is_no_arrival(bad: dict[str, Any]) -> None:
    plan = route("r", stop("a", 0, planned_s=0), stop("b", 1000, 500, planned_s=100), stop("c", 2000, planned_s=200))
    fixes = [*drive(0, -200, 1000), replace(At(125, 1000, 500), **bad), *drive(130, 1100, 2300)]
    assert "b" not in arrivals(fixes, plan)


def test_nobody_drives_a_kilometre_in_a_second() -> None:
    plan = route("r", stop("a", 0, planned_s=0), stop("b", 500, planned_s=50), stop("c", 3000, planned_s=300))
    fixes = [*drive(0, -200, 200), At(41, 1200), *drive(50, 1250, 3300)]
    assert "b" not in arrivals(fixes, plan)


# the order of the plan


def delivery(*metres: float) -> Route:
    return route("r", *(stop(f"s{index}", x_m, dwell_s=None, radius_m=60) for index, x_m in enumerate(metres)))


def round_trip(*metres: float) -> list[At]:
    """Stand two minutes at each place, in this order."""
    fixes: list[At] = []
    time_s, here = 0.0, metres[0]
    for there in metres:
        if there != here:
            leg = drive(time_s, here, there)
            fixes += leg[1:-1]
            time_s = leg[-1].time_s
        fixes += stand(time_s, there, 120)
        time_s, here = time_s + 120, there
    return [*fixes, *drive(time_s, here, here + 500)]


def test_stops_served_in_another_order_all_count_and_the_skip_is_taken_back() -> None:
    what = found(round_trip(0, 2000, 1000, 3000), delivery(0, 1000, 2000, 3000))
    order = [(kind, name) for kind, name, _ in what if kind != "departed"]
    assert order == [
        ("arrived", "s0"),
        ("arrived", "s2"),
        ("skipped", "s1"),
        ("skipped.retracted", "s1"),
        ("arrived", "s1"),
        ("arrived", "s3"),
    ]


def test_the_way_out_of_a_loop_does_not_tick_off_its_end() -> None:
    reached = arrivals(round_trip(0, 1000, 2000, 0), delivery(0, 1000, 2000, 0))
    assert list(reached) == ["s0", "s1", "s2", "s3"]
    assert reached["s3"] > reached["s2"]


def test_a_loop_of_passes_ends_where_it_began() -> None:
    plan = route("r", *(stop(f"s{index}", x_m, planned_s=60.0 * index) for index, x_m in enumerate((0, 600, 0))))
    fixes = [*drive(0, -300, 700), *drive(110, 690, -300)]
    reached = arrivals(fixes, plan)
    assert [round(reached[name]) for name in ("s0", "s1", "s2")] == [30, 90, 179]


def test_of_two_stops_within_each_others_radius_the_planned_first_is_served_first() -> None:
    what = found(
        [*stand(0, 0, 120), *drive(120, 0, 1000), *stand(225, 1020, 200), *drive(430, 1020, 2000)], delivery(0, 1000, 1030)
    )
    assert [name for kind, name, _ in what if kind == "arrived"] == ["s0", "s1", "s2"]


def test_both_sides_of_a_street_are_not_taken_for_each_other() -> None:
    """Up on one side, down on the other, twenty metres apart; the first stop on the way up is closed off."""
    up = [stop(f"up{x_m}", x_m, -10 if x_m != 800 else -300, planned_s=x_m / 10) for x_m in range(0, 2800, 400)]
    down = [stop(f"down{x_m}", x_m, 10, planned_s=300 + (2400 - x_m) / 10) for x_m in range(2400, -400, -400)]
    plan = route("r", *up, *down)
    fixes = [*drive(0, -300, 2600, y_m=-10), *drive(300, 2590, -300, y_m=10)]
    reached = arrivals(fixes, plan)
    assert "up800" not in reached
    assert all(when < 295 for name, when in reached.items() if name.startswith("up"))
    assert all(when > 295 for name, when in reached.items() if name.startswith("down"))


def test_neighbours_passed_in_reversed_order_both_count() -> None:
    plan = route("r", *(stop(f"s{index}", x_m, planned_s=40.0 * index) for index, x_m in enumerate((0, 400, 830, 800, 1200, 1600))))
    assert set(arrivals(drive(0, -300, 2000), plan)) == {f"s{index}" for index in range(6)}


# when a route is under way


def test_before_its_time_no_route_begins() -> None:
    plan = line("r", starts_s=3 * 3600)
    assert arrivals(drive(0, -200, 2300), plan) == {}


def test_a_route_begins_a_little_early() -> None:
    plan = line("r", starts_s=600)
    assert list(arrivals(drive(0, -200, 2300), plan)) == ids(plan)


def test_a_tracker_that_comes_on_in_the_middle_is_believed_after_three_stops() -> None:
    plan = line("r", 8)
    assert list(arrivals(drive(90, 1100, 3300), plan)) == ids(plan)[3:]
    assert arrivals(drive(90, 1100, 1700), plan) == {}


def test_the_way_back_serves_the_next_route_and_not_the_one_before() -> None:
    there, back = line("there", 8), line("back", 8, starts_s=200, backwards=True, y_m=15)
    fixes = [*drive(0, -200, 2900), *stand(320, 2900, 120), *drive(440, 2900, -200, y_m=15)]
    reached = arrivals(fixes, there, back)
    assert list(reached) == [*ids(there), *ids(back)]
    assert all(when < 320 for name, when in reached.items() if name.startswith("there"))
    assert all(when > 430 for name, when in reached.items() if name.startswith("back"))


def test_a_vehicle_running_late_finishes_before_the_next_route_begins() -> None:
    there, back = line("there", 8), line("back", 8, starts_s=400, backwards=True, y_m=15)
    fixes = [*drive(1500, -200, 2900), *drive(1830, 2900, -200, y_m=15)]
    reached = arrivals(fixes, there, back)
    assert list(reached) == [*ids(there), *ids(back)]


def test_routes_planned_side_by_side_are_followed_side_by_side() -> None:
    first, second = line("first"), line("second", starts_s=300)
    reached = arrivals(drive(0, -200, 2400), first, second)
    assert sorted(reached) == sorted([*ids(first), *ids(second)])


def test_a_vehicle_back_at_its_first_stop_before_the_start_begins_anew() -> None:
    plan = line("r", 8, starts_s=900)
    fixes = [*drive(0, -300, 600), *drive(100, 600, -300), *stand(200, -300, 700), *drive(900, -300, 3100)]
    reached = arrivals(fixes, plan)
    assert list(reached) == ids(plan)
    assert min(reached.values()) == pytest.approx(930)


def test_after_the_last_stop_nothing_is_reached_any_more() -> None:
    plan = line("r", 4)
    fixes = [*drive(0, -200, 1500), *drive(200, 1500, -200), *drive(400, -200, 1500)]
    assert max(arrivals(fixes, plan).values()) < 180


def test_a_route_that_is_cut_off_ends_when_the_next_has_taken_over() -> None:
    """The vehicle turns at half of the way."""
    there, back = line("there", 8), line("back", 8, starts_s=200, backwards=True)
    fixes = [*drive(0, -200, 1300), *drive(600, 2900, -200)]
    what = found(fixes, there, back)
    assert [name for kind, name, _ in what if kind == "skipped"] == ids(there)[4:]
    assert [name for kind, name, _ in what if kind == "arrived" and name.startswith("back")] == ids(back)


# evidence


def test_an_arrival_carries_its_proof() -> None:
    from tests.unit.geofence.stops.street import engine, fold

    outcome = fold(engine(house("home", 2000)), [*served_depot(), *drive(150, 800, 1990), *stand(270, 2000, 60)])
    [arrival] = [event for event in outcome.events if event.type == "stop.arrived" and event.data["stop"] == "home"]
    assert arrival.data["route"] == "r"
    assert arrival.data["evidence"]["stood_s"] >= 30
    assert arrival.data["evidence"]["closest_m"] < 1
    assert arrival.data["evidence"]["fixes"] >= 2
    assert arrival.data["proved_at"] > arrival.as_json()["occurred_at"]
    [state] = [state for state in outcome.stops if state.stop == "home" and state.status == "arrived"]
    assert state.arrived_at == arrival.occurred_at
