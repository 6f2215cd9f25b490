"""Fences that are created, changed or deleted while vehicles are in them: the running engine goes on without a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from fleet.event import Event
from fleet.fence import Circle, Fence, FenceSettings
from fleet.fix import Fix
from geofence.fences import FenceEngine
from tests.oracle.drives import BEGIN, batch_of, place
from tests.unit.geofence.engines import changed_plan, engine_for

YARD = Fence(id="yard", tenant="acme", name="", shape=Circle(lat=place(0, 0)[1], lon=place(0, 0)[0], radius_m=100.0))
ELSEWHERE = Fence(id="depot", tenant="acme", name="", shape=Circle(lat=place(0, 9_000)[1], lon=place(0, 0)[0], radius_m=100.0))


def moved(fence: Fence, east_m: float, radius_m: float = 100.0) -> Fence:
    lon, lat = place(east_m, 0)
    return replace(fence, shape=Circle(lat=lat, lon=lon, radius_m=radius_m))


def stand(engine: FenceEngine, since_s: int, until_s: int, *, east_m: float = 0.0) -> list[Event]:
    """Fixes every 10 s from one second of the drive to another."""
    lon, lat = place(east_m, 0)
    fixes = [
        Fix(time=BEGIN + timedelta(seconds=second), lat=lat, lon=lon, speed_mps=0.0) for second in range(since_s, until_s + 1, 10)
    ]
    return engine.step(batch_of(fixes), BEGIN).events


def change(engine: FenceEngine, fences: Sequence[Fence], at_s: int) -> list[Event]:
    return engine.replan(changed_plan(engine, fences), BEGIN + timedelta(seconds=at_s)).events


def said(events: Sequence[Event]) -> list[tuple[str, str, float, str | None]]:
    return [
        (event.type, event.data["fence"], (event.occurred_at - BEGIN).total_seconds(), event.data.get("reason")) for event in events
    ]


def test_a_fence_that_is_created_around_a_standing_vehicle_is_entered() -> None:
    engine = engine_for([ELSEWHERE])
    assert stand(engine, 0, 100) == []
    assert change(engine, [ELSEWHERE, YARD], 105) == []
    # The last fix before was inside already: it counts, so no fix is lost between the two plans.
    assert said(stand(engine, 110, 120)) == [("fence.entered", "yard", 100.0, None)]


def test_a_fence_that_is_deleted_ends_its_visits() -> None:
    engine = engine_for([YARD])
    stand(engine, 0, 100)
    assert said(change(engine, [], 105)) == [("fence.exited", "yard", 100.0, "fence_deleted")]
    assert stand(engine, 110, 200) == []
    assert engine.open_visits(1) == []


@pytest.mark.parametrize("others", [[], [ELSEWHERE]], ids=["alone", "with another"])
def test_a_fence_that_grows_keeps_its_visit(others: list[Fence]) -> None:
    engine = engine_for([*others, YARD])
    stand(engine, 0, 100)
    before = engine.open_visits(1)
    assert change(engine, [*others, moved(YARD, 30, 300.0)], 105) == []
    assert stand(engine, 110, 200) == []
    assert [visit.id for visit in engine.open_visits(1)] == [visit.id for visit in before]


def test_a_fence_that_moves_away_ends_the_visit_and_one_that_moves_here_begins_one() -> None:
    engine = engine_for([YARD, ELSEWHERE])
    stand(engine, 0, 100)
    swapped = [moved(YARD, 9_000), moved(ELSEWHERE, 0)]
    assert said(change(engine, swapped, 105)) == [("fence.exited", "yard", 100.0, "fence_changed")]
    assert said(stand(engine, 110, 120)) == [("fence.entered", "depot", 100.0, None)]


def test_new_rules_hold_from_the_next_fix_on() -> None:
    engine = engine_for([replace(YARD, settings=FenceSettings(exit_s=600.0))])
    stand(engine, 0, 100)
    assert stand(engine, 110, 400, east_m=200) == []
    assert change(engine, [replace(YARD, settings=FenceSettings(exit_s=30.0))], 405) == []
    ((kind, fence, _, reason),) = said(stand(engine, 410, 410, east_m=200))
    assert (kind, fence, reason) == ("fence.exited", "yard", "left")


def test_a_fence_that_did_not_change_notices_nothing() -> None:
    """Neither an open visit nor a candidate."""
    engine = engine_for([YARD, replace(YARD, id="slow", settings=FenceSettings(confirm_fixes=20))])
    untouched = engine_for([YARD, replace(YARD, id="slow", settings=FenceSettings(confirm_fixes=20))])
    for one in (engine, untouched):
        stand(one, 0, 100)
    assert change(engine, [YARD, replace(YARD, id="slow", settings=FenceSettings(confirm_fixes=20)), ELSEWHERE], 105) == []
    assert said(stand(engine, 110, 300)) == said(stand(untouched, 110, 300)) == [("fence.entered", "slow", 0.0, None)]
    assert engine.snapshot([1]) == untouched.snapshot([1])


def test_a_fence_that_was_deleted_while_the_worker_was_away_ends_with_the_next_step() -> None:
    before, after = engine_for([YARD]), engine_for([ELSEWHERE])
    stand(before, 0, 100)
    after.restore(before.snapshot([1]))
    assert said(stand(after, 110, 110)) == [("fence.exited", "yard", 100.0, "fence_deleted")]
    assert stand(after, 120, 130) == []
