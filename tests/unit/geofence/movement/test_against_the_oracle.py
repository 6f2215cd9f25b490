"""The engine of movement finds what the plain oracle finds: noisy drives, silences, batches cut anyhow, restarts."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.fix import Fix, FixBatch
from geofence.movement.settings import MovementSettings
from tests.oracle.calendars import Weekly
from tests.oracle.drives import BEGIN
from tests.oracle.movement import findings
from tests.unit.geofence.movement.outings import (
    as_found,
    columns_of,
    engine_for,
    hours,
    in_order,
    outings,
    rules,
    stepped,
    with_hours,
)

_PATIENT = (HealthCheck.too_slow, HealthCheck.data_too_large)


def ruled() -> st.SearchStrategy[MovementSettings]:
    return st.builds(with_hours, rules(), hours())


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=_PATIENT)
@given(fixes=outings(), rule=rules(), allowed=hours(), data=st.data())
def test_finds_what_the_oracle_finds(fixes: list[Fix], rule: MovementSettings, allowed: Weekly | None, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(fixes)), max_size=20)))
    found = as_found(stepped(engine_for(with_hours(rule, allowed)), columns_of(fixes), cuts))
    assert in_order(found) == in_order(findings(fixes, rule, allowed))


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=_PATIENT)
@given(vans=st.lists(outings(), min_size=2, max_size=4), rule=rules(), seed=st.integers(0, 2**32), data=st.data())
def test_finds_of_each_vehicle_the_same_among_others(
    vans: list[list[Fix]], rule: MovementSettings, seed: int, data: st.DataObject
) -> None:
    keys = range(1, len(vans) + 1)
    together = FixBatch.concatenate([columns_of(fixes, key) for key, fixes in zip(keys, vans, strict=True)])
    # Vehicles in turn as it comes, the fixes of each in order of time.
    owners = np.random.default_rng(seed).permutation(together.vehicle)
    order = np.argsort(np.argsort(owners, kind="stable"), kind="stable")
    together = together.take(order)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(together)), max_size=12)))
    events = stepped(engine_for(rule, list(keys)), together, cuts)
    for key, fixes in zip(keys, vans, strict=True):
        found = as_found([event for event in events if event.vehicle == f"van-{key}"])
        assert in_order(found) == in_order(findings(fixes, rule))


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=_PATIENT)
@given(fixes=outings(), rule=ruled(), data=st.data())
def test_goes_on_from_a_snapshot_as_if_nothing_had_happened(fixes: list[Fix], rule: MovementSettings, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(fixes)))
    batch, rows = columns_of(fixes), np.arange(len(fixes))
    first, second, whole = engine_for(rule), engine_for(rule), engine_for(rule)
    events = first.step(batch.take(rows[:cut]), BEGIN).events
    second.restore(first.snapshot([1]))
    events += second.step(batch.take(rows[cut:]), BEGIN).events
    assert events == stepped(whole, batch, [cut])
    assert second.snapshot([1]) == whole.snapshot([1])


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=_PATIENT)
@given(fixes=outings(), rule=ruled())
def test_is_in_one_state_however_its_fixes_came(fixes: list[Fix], rule: MovementSettings) -> None:
    batch = columns_of(fixes)
    at_once, one_by_one = engine_for(rule), engine_for(rule)
    together, apart = stepped(at_once, batch, []), stepped(one_by_one, batch, range(1, len(fixes)))
    assert together == apart
    assert at_once.snapshot([1]) == one_by_one.snapshot([1])


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=_PATIENT)
@given(fixes=outings(), rule=ruled(), data=st.data())
def test_nothing_is_dated_before_a_settled_state(fixes: list[Fix], rule: MovementSettings, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(fixes)))
    batch, rows = columns_of(fixes), np.arange(len(fixes))
    engine = engine_for(rule)
    engine.step(batch.take(rows[:cut]), BEGIN)
    if engine.is_settled(1):
        later = engine.step(batch.take(rows[cut:]), BEGIN).events
        assert all(event.occurred_at > fixes[cut - 1].time for event in later)
