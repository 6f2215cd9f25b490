"""Circles near by are looked at one by one, and nothing is missed by it: a field that has been driven through finds what one finds
that looks at all its circles for the first time."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.route import Route, Stop
from geofence.stops.compiled import compile_route
from geofence.stops.field import Field, Place
from tests.oracle.effort import effort
from tests.unit.geofence.stops.street import EIGHT, lat, lon, route, stop

#: Reaches may differ by rounding.
_AGREE_M = 1e-6


def place(time_s: float, x_m: float, y_m: float) -> Place:
    return Place(time=round(time_s * 1e6), lat=lat(y_m), lon=lon(x_m))


@st.composite
def routes(draw: st.DrawFn) -> Route:
    spots = draw(st.lists(st.tuples(st.integers(-40, 40), st.integers(-40, 40)), min_size=1, max_size=12))
    radii = st.sampled_from([20.0, 80.0, 150.0])
    return route("r", *(stop(f"s{number}", 50.0 * x, 50.0 * y, radius_m=draw(radii)) for number, (x, y) in enumerate(spots)))


@effort(150)
@given(
    planned=routes(),
    steps=st.lists(st.tuples(st.integers(-30, 30), st.integers(-30, 30), st.booleans()), min_size=2, max_size=25),
    muted=st.sets(st.integers(0, 11), max_size=3),
    opened=st.sets(st.integers(0, 11), max_size=2),
)
def test_a_field_driven_through_finds_what_a_fresh_one_does(
    planned: Route, steps: list[tuple[int, int, bool]], muted: set[int], opened: set[int]
) -> None:
    compiled = compile_route(planned)
    driven = Field([compiled])
    open_slots = sorted(slot for slot in opened if slot < compiled.size)
    x_m, y_m, previous = 0.0, 0.0, None
    for number, (east, north, goes_far) in enumerate(steps):
        scale = 20.0 if goes_far else 1.0
        x_m, y_m = x_m + scale * east, y_m + scale * north
        current, fresh = place(number, x_m, y_m), Field([compiled])
        if number == len(steps) // 2:
            for slot in muted:
                if slot < compiled.size:
                    driven.mute(slot)
        for slot in muted:
            if slot < compiled.size and number >= len(steps) // 2:
                fresh.mute(slot)
        assert driven.sweep(previous, current, open_slots) == fresh.sweep(previous, current, open_slots)
        expected = fresh.reach_m(current, open_slots, math.inf)
        assert driven.reach_m(current, open_slots, math.inf) == pytest.approx(expected, abs=_AGREE_M)
        assert driven.reach_m(current, open_slots, 35.0) == pytest.approx(min(35.0, expected), abs=_AGREE_M)
        previous = current


def test_the_antimeridian_is_no_border_for_circles_near_by() -> None:
    beyond = Route(id="r", tenant="acme", vehicle="van", starts_at=EIGHT, stops=(Stop(id="s", seq=0, lat=0.0, lon=179.9999),))
    field = Field([compile_route(beyond)])
    here, there = Place(time=0, lat=0.0, lon=-179.99), Place(time=1, lat=0.0, lon=-179.9999)
    assert field.sweep(None, here, []) == {}
    assert list(field.sweep(here, there, [])) == [0]
    assert field.reach_m(here, [], math.inf) == pytest.approx(field.distance_m(0, here) - beyond.stops[0].arrival_radius_m)
    assert field.distance_m(0, there) == pytest.approx(22.24, abs=0.01)
