"""Ways to run the same fixes through the engine of fences, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

import numpy as np

from fleet.event import Event
from fleet.fence import Fence
from fleet.fix import Fix, FixBatch
from geofence.fences import FenceEngine
from geofence.plan import FencePlan
from geofence.roster import Roster
from geofence.settings import GeofenceSettings
from tests.oracle.drawing import TENANT
from tests.oracle.drives import BEGIN, batch_of

VEHICLE = 1


def engine_for(
    fences: Sequence[Fence],
    keys: Iterable[int] = (VEHICLE,),
    settings: GeofenceSettings | None = None,
    *,
    folds_all: bool = False,
) -> FenceEngine:
    """An engine that knows these fences and vehicles."""
    settings, roster = settings or GeofenceSettings(), Roster()
    roster.name((key, TENANT, f"van-{key}") for key in keys)
    plan = FencePlan.of(fences, {TENANT: roster.tenant_number(TENANT)}, settings)
    assert not plan.refused, plan.refused
    return FenceEngine(settings, roster, plan, folds_all=folds_all)


def changed_plan(engine: FenceEngine, fences: Sequence[Fence], settings: GeofenceSettings | None = None) -> FencePlan:
    """The engine's plan with these fences in place of its own."""
    plan = FencePlan.of(fences, {TENANT: 0}, settings or GeofenceSettings(), engine.plan)
    assert not plan.refused, plan.refused
    return plan


def stepped(engine: FenceEngine, batch: FixBatch, cuts: Sequence[int]) -> list[Event]:
    """The events of this batch, cut before these rows."""
    events: list[Event] = []
    for start, end in pairwise([0, *cuts, len(batch)]):
        events += engine.step(batch.take(np.arange(start, end)), BEGIN).events
    return events


def cuts_of(way: str, count: int) -> list[int]:
    """`whole`, `one by one`, or `cut N`: at random, with the seed N."""
    if way == "whole":
        return []
    if way == "one by one":
        return list(range(1, count))
    return sorted(Random(way).sample(range(count), min(count, 1 + count // 5)))


WAYS = ("whole", "one by one", "cut 1", "cut 2")


def in_a_crowd(fixes: Sequence[Fix], others: int) -> FixBatch:
    """The fixes, each beside those of so many vehicles that drive the same way a little later or earlier, fix by fix."""
    shifted = [batch_of([_moved(fix, seconds=number) for fix in fixes], VEHICLE + number) for number in range(others + 1)]
    whole = FixBatch.concatenate(shifted)
    return whole.take(np.arange(len(whole)).reshape(others + 1, -1).T.ravel())


def _moved(fix: Fix, seconds: float) -> Fix:
    return Fix(
        time=fix.time + timedelta(seconds=seconds),
        lat=fix.lat,
        lon=fix.lon,
        speed_mps=fix.speed_mps,
        accuracy_m=fix.accuracy_m,
        altitude_m=fix.altitude_m,
    )


def of_vehicle(events: Sequence[Event], key: int = VEHICLE) -> list[Event]:
    return [event for event in events if event.vehicle == f"van-{key}"]


def by_instant(events: Iterable[Event]) -> list[Event]:
    """In order of what happened; events of one instant by fence, then as they became known."""
    return sorted(events, key=lambda event: (event.occurred_at, event.data["fence"]))


def tick_through(engine: FenceEngine, since: datetime, silent_s: float) -> list[Event]:
    """Ten minutes at a time."""
    ends = [since + timedelta(seconds=passed) for passed in np.arange(600.0, silent_s + 600.0, 600.0).tolist()]
    return [event for end in ends for event in engine.tick(end).events]
