"""Pairs of vehicles: the fixes on either side of instants, and the states of the pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.clock import to_micros
from fleet.fixes_around import NO_FIX, FixesAround, Reach
from store.memory.around import fixes_around
from store.protocol import ProximityStates, Store
from tests.integration.store.builders import TENANT, Builder, at, fixes
from tests.integration.store.conftest import Stores

REACH = Reach(before_s=600.0, after_s=90.0, worst_accuracy_m=50.0)


def micros(*seconds: float) -> list[int]:
    return [to_micros(at(second)) for second in seconds]


def said(around: FixesAround) -> list[tuple[float, int, float, float | None]]:
    """Instant and vehicle, and the instants of the fixes before and after; in seconds after noon."""
    noon = micros(0)[0]
    columns = (around.instant, around.vehicle, around.before_time, around.after_time)
    return [
        ((instant - noon) / 1e6, key, (before - noon) / 1e6, None if after == NO_FIX else (after - noon) / 1e6)
        for instant, key, before, after in zip(*(column.tolist() for column in columns), strict=True)
    ]


async def test_each_vehicle_of_the_tenant_has_the_fixes_on_either_side_of_an_instant(build: Builder) -> None:
    one, two = await build.keys("t1", "t2")
    (foreign,) = await build.keys("t1", tenant="other")
    rows = [(one, at(0)), (one, at(20)), (one, at(40)), (two, at(30)), (two, at(130)), (foreign, at(20))]
    await build.commit(fixes(rows, speed_mps=[0, 1.5, math.nan, 2, 0, 0]))
    around = await build.store.fixes_around(TENANT, micros(0, 30, 60), REACH)
    assert said(around) == [
        (0.0, one, 0.0, 20.0),
        (30.0, one, 20.0, 40.0),
        (30.0, two, 30.0, None),
        (60.0, one, 40.0, None),
        (60.0, two, 30.0, 130.0),
    ]
    np.testing.assert_array_equal(around.before_speed_mps, np.array([0, 1.5, 2, math.nan, 2], np.float32))
    np.testing.assert_array_equal(around.after_lat, [60.001, 60.002, math.nan, math.nan, 60.004])
    np.testing.assert_array_equal(around.before_lat[:2], [60.0, 60.001])
    np.testing.assert_array_equal(around.after_lon[[0, 2]], [24, math.nan])
    assert said(around.at(micros(30)[0])) == [(30.0, one, 20.0, 40.0), (30.0, two, 30.0, None)]
    assert len(await build.store.fixes_around("nobody", micros(30), REACH)) == 0
    assert len(await build.store.fixes_around(TENANT, [], REACH)) == 0


async def test_fixes_out_of_reach_and_worse_ones_are_passed_over(build: Builder) -> None:
    one, two, three = await build.keys("t1", "t2", "t3")
    rows = [(one, at(-601)), (two, at(-600)), (two, at(91)), (three, at(-20)), (three, at(-10)), (three, at(10)), (three, at(20))]
    await build.commit(fixes(rows, accuracy_m=[5, 5, 5, 50, 50.5, 300, math.nan]))
    assert said(await build.store.fixes_around(TENANT, micros(0), REACH)) == [(0.0, two, -600.0, None), (0.0, three, -20.0, 20.0)]


async def test_fixes_of_two_days_are_found_beside_midnight(build: Builder) -> None:
    (key,) = await build.keys("t1")
    midnight_s = 12 * 3600
    await build.commit(fixes([(key, at(midnight_s - 10)), (key, at(midnight_s + 10))]))
    await build.commit(fixes([(key, at(midnight_s - 40)), (key, at(midnight_s + 40))]))
    around = await build.store.fixes_around(TENANT, micros(midnight_s - 30, midnight_s, midnight_s + 30), REACH)
    assert [(before - midnight_s, (after or 0) - midnight_s) for _, _, before, after in said(around)] == [
        (-40.0, -10.0),
        (-10.0, 10.0),
        (10.0, 40.0),
    ]


@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 300), st.sampled_from([5.0, 80.0, math.nan])), max_size=30),
    asked=st.lists(st.integers(0, 400), min_size=1, max_size=4, unique=True).map(sorted),
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_all_stores_find_the_same(store: Store, rows: Sequence[tuple[int, int, float]], asked: Sequence[int]) -> None:
    """Each example has an hour of its own."""
    build = Builder(store)
    keys = await build.keys("t1", "t2", "t3")
    shift = timedelta(hours=(await build.commit()).batch)
    unique = {(vehicle, second): accuracy for vehicle, second, accuracy in reversed(rows)}
    columns = fixes(
        [(keys[vehicle], at(second) + shift) for vehicle, second in unique],
        accuracy_m=list(unique.values()),
        speed_mps=[3.0] * len(unique),
    )
    await build.commit(columns)
    instants = [instant + round(shift.total_seconds() * 1e6) for instant in micros(*asked)]
    reach = Reach(before_s=100.0, after_s=50.0, worst_accuracy_m=50.0)
    assert said(await store.fixes_around(TENANT, instants, reach)) == said(fixes_around(columns, instants, reach))


async def test_states_of_pairs_give_way_to_later_words(stores: Stores, build: Builder) -> None:
    assert await build.store.proximity_states() == {}
    assert await build.store.proximity_before(TENANT, at(0)) is None
    first = ProximityStates(tenant=TENANT, since=at(0), states=[(at(0), b"one"), (at(60), b"two"), (at(120), b"three\0\xff")])
    other = ProximityStates(tenant="other", since=at(0), states=[(at(30), b"theirs")])
    await build.commit(proximity=[first, other])
    again = await stores.open()
    assert dict(await again.proximity_states()) == {TENANT: (at(120), b"three\0\xff"), "other": (at(30), b"theirs")}
    assert await again.proximity_before(TENANT, at(120)) == (at(60), b"two")
    assert await again.proximity_before(TENANT, at(0)) is None
    await build.commit(proximity=[ProximityStates(tenant=TENANT, since=at(60), states=[(at(90), b"corrected")])])
    assert dict(await again.proximity_states()) == {TENANT: (at(90), b"corrected"), "other": (at(30), b"theirs")}
    assert await again.proximity_before(TENANT, at(90)) == (at(0), b"one")
    await build.commit(proximity=[ProximityStates(tenant=TENANT, since=at(0), states=[])])
    assert dict(await again.proximity_states()) == {"other": (at(30), b"theirs")}


async def test_the_newest_state_of_pairs_outlives_its_retention(build: Builder) -> None:
    states = [(at(0), b"old"), (at(60), b"newest")]
    await build.commit(proximity=[ProximityStates(tenant=TENANT, since=at(0), states=states)])
    done = await build.store.maintain(at(30 * 86_400))
    assert done.dropped["proximity_states"] == 1
    assert dict(await build.store.proximity_states()) == {TENANT: (at(60), b"newest")}
