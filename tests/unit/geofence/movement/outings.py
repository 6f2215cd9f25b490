"""Outings for the engine of movement: random drives with ignition, jumps, unsaid speeds, and an engine to send them through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import time
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import orjson
from hypothesis import strategies as st

from fleet.clock import parse_rfc3339
from fleet.event import Event
from fleet.fix import Fix, FixBatch
from fleet.movement_rules import MovementRules
from fleet.screening import Flag
from geofence.movement.engine import MovementEngine
from geofence.movement.settings import MovementSettings
from geofence.roster import Roster
from tests.oracle.calendars import Weekly
from tests.oracle.drives import BEGIN, batch_of, drives
from tests.oracle.jumps import without_wild
from tests.oracle.movement import JUMPED, Found

TENANT = "acme"
_INSTANTS = {"began_at", "moving_since", "closed_since", "off_since"}


def engine_for(settings: MovementSettings, keys: Sequence[int] = (1,)) -> MovementEngine:
    """An engine that knows these vehicles."""
    roster = Roster()
    roster.name((key, TENANT, f"van-{key}") for key in keys)
    return MovementEngine(settings, roster)


@st.composite
def outings(draw: st.DrawFn, of: st.SearchStrategy[list[Fix]] | None = None) -> list[Fix]:
    """A drive; the ignition goes on and off, some speeds are not said, some fixes are called jumps (not where it is given)."""
    random = Random(draw(st.integers(0, 2**32)))
    unsaid_share = draw(st.sampled_from([0.0, 0.0, 0.3]))
    jumped_share = draw(st.sampled_from([0.0, 0.05])) if of is None else 0.0
    switched_share = draw(st.sampled_from([0.0, 0.02, 0.2]))
    said_share = draw(st.sampled_from([0.0, 0.3, 1.0]))
    is_on = True
    result = []
    for fix in draw(drives().filter(bool) if of is None else of):
        is_on ^= random.random() < switched_share
        extras: dict[str, Any] = {"odometer_m": random.randrange(10**6)}
        if random.random() < said_share:
            extras["ignition"] = is_on
        if random.random() < jumped_share:
            extras[JUMPED] = 1
        speed_mps = None if fix.speed_mps is None or random.random() < unsaid_share else float(np.float32(fix.speed_mps))
        result.append(replace(fix, speed_mps=speed_mps, extras=extras if random.random() < 0.9 or "ignition" in extras else {}))
    return result


@st.composite
def rules(draw: st.DrawFn) -> MovementSettings:
    return MovementSettings(
        stand_radius_m=draw(st.sampled_from([50.0, 15.0])),
        move_fixes=draw(st.sampled_from([2, 1, 4])),
        stand_s=draw(st.sampled_from([120.0, 20.0])),
        idle_s=draw(st.sampled_from([300.0, 60.0])),
        unauthorised_s=draw(st.sampled_from([60.0, 0.0, 200.0])),
        rules=MovementRules(
            speed_limit_mps=draw(st.sampled_from([None, 10.0, 20.0])), watch_towing=draw(st.sampled_from([None, True]))
        ),
        overspeed_s=draw(st.sampled_from([10.0, 40.0])),
    )


@st.composite
def hours(draw: st.DrawFn) -> Weekly | None:
    """Hours that begin or end while the drives go on, or have ended before."""
    opens = draw(st.sampled_from([(6, 10), (7, 0), (5, 0), (20, 0)]))
    closes = draw(st.sampled_from([(6, 20), (7, 0), (6, 4), (23, 59)]))
    if draw(st.booleans()) or opens >= closes:
        return None
    return Weekly(opens=time(*opens), closes=time(*closes), zone="UTC", days=draw(st.sampled_from([(0, 1, 2, 3, 4), (0,), (5, 6)])))


def with_hours(settings: MovementSettings, allowed: Weekly | None) -> MovementSettings:
    return settings if allowed is None else replace(settings, rules=replace(settings.rules, allowed_hours=allowed.text()))


def marked(fixes: Sequence[Fix]) -> list[Fix]:
    """The fixes, those that are not believed as the oracle wants to be told of them."""
    believed = {fix.time for fix in without_wild(fixes)}
    return [fix if fix.time in believed else replace(fix, extras={**fix.extras, JUMPED: 1}) for fix in fixes]


def columns_of(fixes: Sequence[Fix], key: int = 1) -> FixBatch:
    """With extras, and jumps flagged."""
    batch = batch_of(fixes, key)
    batch.extras = [orjson.dumps(fix.extras) if fix.extras else None for fix in fixes]
    batch.flags[:] = [int(Flag.TELEPORT) if JUMPED in fix.extras else 0 for fix in fixes]
    return batch


def stepped(engine: MovementEngine, batch: FixBatch, cuts: Sequence[int]) -> list[Event]:
    """The events of the batch, cut before these rows."""
    events: list[Event] = []
    for start, end in pairwise([0, *cuts, len(batch)]):
        events += engine.step(batch.take(np.arange(start, end)), BEGIN).events
    return events


def as_found(events: Sequence[Event]) -> list[Found]:
    """Events in the oracle's words."""
    return [Found(kind=event.type, at=event.occurred_at, data=said_of(event.data)) for event in events]


def said_of(data: dict[str, Any]) -> dict[str, Any]:
    """An event's data with instants for texts, without what proves it."""
    said = {name: value for name, value in data.items() if name not in {"proved_at", "last_fix"}}
    said |= {name: parse_rfc3339(said[name]) for name in said.keys() & _INSTANTS}
    if said.get("trip") is not None:
        said["trip"] = said["trip"] | {"started_at": parse_rfc3339(said["trip"]["started_at"])}
    return said


def in_order(found: Sequence[Found]) -> list[Found]:
    return sorted(found, key=lambda one: (one.at, one.kind, repr(one.data)))
