"""Which of two routes that lead the same way is believed."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.route import Route, RouteStatus
from geofence.stops.compiled import compile_route
from geofence.stops.rivals import are_rivals
from tests.unit.geofence.stops.street import At, arrivals, drive, engine, fold, found, route, stand, stop


def trip(name: str, *metres: float, starts_s: float = 0.0) -> Route:
    """Stops passed at 10 m/s when the plan is kept; trips through the same places have the same places."""
    begin_m = metres[0]
    stops = [
        stop(f"{name}-{index}:{round(x_m)}", x_m, planned_s=starts_s + abs(x_m - begin_m) / 10) for index, x_m in enumerate(metres)
    ]
    return route(name, *stops, starts_s=starts_s)


STREET = tuple(400.0 * index for index in range(8))


def names(of: Route) -> list[str]:
    return [stop.id for stop in of.stops]


def test_of_two_trips_on_the_same_way_the_punctual_one_is_believed_and_nothing_is_said_of_the_other() -> None:
    first, second = trip("first", *STREET), trip("second", *STREET, starts_s=1200)
    said = found(drive(0, -200, 3200), first, second)
    assert [name for kind, name, _ in said if kind == "arrived"] == names(first)
    assert not [name for _, name, _ in said if name.startswith("second")]


def test_the_later_one_is_believed_when_it_is_the_punctual_one() -> None:
    first, second = trip("first", *STREET), trip("second", *STREET, starts_s=1200)
    assert list(arrivals(drive(1200, -200, 3200), first, second)) == names(second)


def test_what_was_said_of_the_first_stop_is_taken_back_when_the_vehicle_leaves_as_the_other_is_planned() -> None:
    """It waits for long at the first stop, in between the two starts."""
    first, second = trip("first", *STREET), trip("second", *STREET, starts_s=1200)
    fixes = [*drive(560, -200, 0), *stand(590, 0, 600), *drive(1200, 0, 3200)]
    said = found(fixes, first, second)
    assert ("arrived.retracted", "first-0:0") in [(kind, name) for kind, name, _ in said]
    assert list(arrivals(fixes, first, second)) == names(second)


def test_a_trip_that_goes_on_alone_is_the_one_under_way_after_all() -> None:
    """Both lead along the street; the one that fits worse also leads beyond it, and that is where the vehicle goes."""
    short, long = trip("short", *STREET, starts_s=600), trip("long", *(400.0 * index for index in range(13)))
    fixes = drive(600, -200, 5200)
    said = found(fixes, short, long)
    first_word = [name for kind, name, _ in said if kind == "arrived"]
    assert first_word[:8] == names(short)
    assert sorted(arrivals(fixes, short, long)) == sorted([*names(short), *names(long)])


def test_trips_that_fit_alike_are_both_believed() -> None:
    first, second = trip("first", *STREET), trip("second", *STREET, starts_s=300)
    assert sorted(arrivals(drive(120, -200, 3200), first, second)) == sorted([*names(first), *names(second)])


def test_a_trip_that_was_not_driven_does_not_begin_on_the_next_round() -> None:
    ghost, first = trip("ghost", *STREET, starts_s=1200), trip("first", *STREET)
    back = trip("back", *reversed(STREET), starts_s=400)
    again = trip("again", *STREET, starts_s=2400)
    fixes = [*drive(0, -200, 2900), *drive(380, 2890, -200), *stand(800, -200, 1580), *drive(2390, -200, 3200)]
    assert list(arrivals(fixes, first, back, ghost, again)) == [*names(first), *names(back), *names(again)]


def test_the_plan_is_given_back_when_a_trip_is_set_aside() -> None:
    first, second = trip("first", *STREET), trip("second", *STREET, starts_s=1200)
    fixes = [*drive(560, -200, 0), *stand(590, 0, 600), *drive(1200, 0, 3200)]
    outcome = fold(engine(first, second), fixes)
    states = [state.status for state in outcome.routes if state.route == "first"]
    assert states[:2] == [RouteStatus.UNDER_WAY, RouteStatus.PLANNED]
    [*_, last] = [state for state in outcome.stops if state.stop == "first-0:0"]
    assert last.arrived_at is None


def is_rival(one: Sequence[float], other: Sequence[float]) -> bool:
    return are_rivals(compile_route(trip("one", *one)), compile_route(trip("other", *other)))


def test_rivals_lead_the_same_way() -> None:
    assert is_rival(STREET, STREET)
    assert is_rival(STREET, STREET[2:])
    assert not is_rival(STREET, tuple(reversed(STREET)))
    assert not is_rival((0, 400, 800, 1200), (0, 5000, 6000, 0))


def test_a_shared_terminal_is_no_contest() -> None:
    """Late at the end of the one, early at the beginning of the other: both have reached it."""
    there, back = trip("there", *STREET), trip("back", *reversed(STREET), starts_s=1700)
    fixes: list[At] = [*drive(900, -200, 2790), *stand(1200, 2800, 500), *drive(1700, 2800, -200)]
    assert list(arrivals(fixes, there, back)) == [*names(there), *names(back)]
