"""From one plan of fences to the next: visits of deleted fences end; where a fence has moved, membership is worked out anew from
each vehicle's last fix."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from geofence.fence_states import FenceStates
from geofence.findings import Findings
from geofence.membership import Ways, find_hits
from geofence.plan import FencePlan, PlannedFence
from geofence.stays import NEVER, Stay
from geofence.visits import Limits, Seen, Sight, VisitFold


def change_plan(states: FenceStates, before: FencePlan, plan: FencePlan, limits: Limits, findings: Findings) -> None:
    """`states` were those under the plan `before`."""
    moved = {
        number
        for number in before.fences.keys() | plan.fences.keys()
        if not _is_same_area(before.fences.get(number), plan.fences.get(number))
    }
    if moved:
        fold = VisitFold(plan, limits, findings)
        _leave(states, before.fences, plan.fences, moved, fold, findings)
        _enter(states, plan, moved, fold, findings)


def _leave(
    states: FenceStates,
    before: Mapping[int, PlannedFence],
    now: Mapping[int, PlannedFence],
    moved: Collection[int],
    fold: VisitFold,
    findings: Findings,
) -> None:
    """End stays in fences that are gone, or not where the vehicle is any more."""
    rows = states.stays.rows
    affected = states.stays.seats_where(np.isin(rows["fence"], np.fromiter(moved, np.int32, len(moved))))
    for slot in np.unique(rows["slot"][affected]).tolist():
        findings.about(*states.roster.whose(slot))
        kept = [
            stay
            for stay in states.stays.of(slot)
            if stay.fence not in moved or _still_holds(states, stay, before[stay.fence], now.get(stay.fence), fold)
        ]
        states.put(slot, kept)


def _still_holds(states: FenceStates, stay: Stay, was: PlannedFence, now: PlannedFence | None, fold: VisitFold) -> bool:
    time, lat, lon = (column[stay.slot].item() for column in (states.last.time, states.last.lat, states.last.lon))
    if now is None:
        fold.withdraw(stay, was, "fence_deleted", time)
        return False
    if now.shape.outside_m(lat, lon) <= now.rules.exit_margin_m:
        return True
    fold.withdraw(stay, was, "fence_changed", time)
    return False


def _enter(states: FenceStates, plan: FencePlan, moved: Collection[int], fold: VisitFold, findings: Findings) -> None:
    """Begin candidates where a last fix is in a fence that is new there."""
    changed = {number: plan.fences[number] for number in moved if number in plan.fences}
    last = states.last
    slots = np.flatnonzero(last.time != NEVER).astype(np.int32)
    if not changed or not len(slots):
        return
    lat, lon = last.lat[slots], last.lon[slots]
    ways = Ways(
        tenants=states.roster.tenants(slots),
        lat=lat,
        lon=lon,
        altitude_m=np.full(len(slots), np.nan, np.float32),
        previous_lat=lat,
        previous_lon=lon,
        is_way=np.zeros(len(slots), np.bool_),
    )
    hits = find_hits(FencePlan(changed, plan.numbers, []), ways)
    for row, number in zip(hits.rows.tolist(), hits.fences.tolist(), strict=True):
        slot = int(slots[row])
        stays, fix = states.stays.of(slot), last.of(slot)
        if fix is not None and all(stay.fence != number for stay in stays):
            findings.about(*states.roster.whose(slot))
            begun = fold.begin(Seen(slot, number, Sight(*fix), None, True))
            states.put(slot, stays if begun is None else [*stays, begun])


def _is_same_area(one: PlannedFence | None, other: PlannedFence | None) -> bool:
    if one is None or other is None or one is other:
        return one is other
    return (one.fence.shape, one.fence.calendar, one.fence.min_altitude_m, one.fence.max_altitude_m) == (
        other.fence.shape,
        other.fence.calendar,
        other.fence.min_altitude_m,
        other.fence.max_altitude_m,
    )
