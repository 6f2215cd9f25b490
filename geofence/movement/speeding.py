"""Speeding: faster than the limit for long enough, once until it was no faster for as long.

The limit is the lowest of the fences around, else the vehicle's own, its tenant's, or that of all. Only vehicles that are
faster than a limit, or were, are looked at fix by fix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from geofence.findings import instant_text
from geofence.membership import Ways, find_hits
from geofence.movement.course import UNUSABLE, Floats
from geofence.movement.said import SPEEDING, Said, Word
from geofence.movement.settings import Durations
from geofence.movement.traces import Trace, Traces
from geofence.plan import FencePlan
from geofence.roster import Roster
from geofence.rows import Rows
from geofence.slots import Int32s, Int64s
from geofence.stays import NEVER

#: No fence sets the limit.
NO_FENCE: Final = -1


class _Look(NamedTuple):
    row: int
    time: int
    #: Of the fix before, of any quality.
    before: int
    speed_mps: float
    limit_mps: float
    fence: int


class SpeedWatch:
    """Looks at the fixes of one batch."""

    def __init__(self, rows: Rows, before: Int64s, durations: Durations, fences: FencePlan, said: Said) -> None:
        self._rows = rows
        self._before = before
        self._durations = durations
        self._fences = fences
        self._said = said

    def watch(self, limits_mps: Floats, traces: Traces, roster: Roster) -> None:
        """`limits_mps`: of each vehicle, outside of fences. The traces' columns of speeding move on."""
        rows, batch = self._rows, self._rows.batch
        is_seen = ~np.isnan(batch.speed_mps) & ((batch.flags & UNUSABLE) == 0)
        own = limits_mps[rows.vehicle_numbers]
        limits, fences = _at_fences(rows, own, self._fences, roster)
        is_over = is_seen & (batch.speed_mps > limits)
        was_over = traces["over_since"][rows.vehicles] != NEVER
        if not (was_over.any() or is_over.any()):
            return
        chosen = was_over | (np.bincount(rows.vehicle_numbers[is_over], minlength=len(rows.vehicles)) > 0)
        for number in np.flatnonzero(chosen).tolist():
            slot = int(rows.vehicles[number])
            trace = traces.one(slot)
            span = np.arange(rows.starts[number], rows.starts[number] + rows.counts[number])
            span = span[is_seen[span]]
            for look in self._looks(span, limits, fences):
                self._take(look, number, trace)
            for name in ("over_since", "over_told", "under_since", "over_top_mps"):
                traces[name][slot] = getattr(trace, name)

    def _looks(self, span: Int64s, limits: Floats, fences: Int32s) -> Sequence[_Look]:
        batch = self._rows.batch
        columns = (span, batch.time[span], self._before[span], batch.speed_mps[span], limits[span], fences[span])
        return list(map(_Look._make, zip(*(column.tolist() for column in columns), strict=True)))

    def _take(self, look: _Look, number: int, trace: Trace) -> None:
        if trace.over_since != NEVER and look.time - look.before > self._durations.gap:
            _forget(trace)
        if look.speed_mps > look.limit_mps:
            self._over(look, number, trace)
        elif trace.over_since != NEVER:
            if not trace.over_told:
                trace.over_since = NEVER
            elif trace.under_since == NEVER:
                trace.under_since = look.time
            elif look.time - trace.under_since >= self._durations.overspeed:
                _forget(trace)

    def _over(self, look: _Look, number: int, trace: Trace) -> None:
        trace.under_since = NEVER
        if trace.over_since == NEVER:
            trace.over_since, trace.over_top_mps = look.time, 0.0
        trace.over_top_mps = max(trace.over_top_mps, look.speed_mps)
        if trace.over_told or look.time == trace.over_since or look.time - trace.over_since < self._durations.overspeed:
            return
        trace.over_told = 1
        data = {
            "speed_mps": round(trace.over_top_mps, 2),
            "limit_mps": round(look.limit_mps, 2),
            "fence": None if look.fence == NO_FENCE else self._fences.fences[look.fence].fence.id,
            "proved_at": instant_text(look.time),
        }
        self._said.add(Word(look.row, SPEEDING, number, "vehicle.overspeed", trace.over_since, data))


def _forget(trace: Trace) -> None:
    trace.over_since, trace.over_told, trace.under_since = NEVER, 0, NEVER


def _at_fences(rows: Rows, limits: Floats, plan: FencePlan, roster: Roster) -> tuple[Floats, Int32s]:
    """The limit at each fix that may be over one, and the number of the fence that sets it. Of fences with one limit, the one with
    the first id."""
    fences = np.full(len(limits), NO_FENCE, np.int32)
    fast = np.flatnonzero(rows.batch.speed_mps > _lowest(plan))
    if not len(fast):
        return limits, fences
    limits = limits.copy()
    hits = find_hits(plan, _ways(rows, fast, roster))
    for at, number in zip(hits.rows.tolist(), hits.fences.tolist(), strict=True):
        row, planned = int(fast[at]), plan.fences[number]
        limit, is_closed = planned.fence.max_speed_mps, False
        if planned.calendar is not None:
            is_closed = planned.calendar.closes(int(rows.batch.time[row])) is None
        if limit is None or is_closed:
            continue
        before = int(fences[row])
        is_tie = limit == limits[row] and before != NO_FENCE and planned.fence.id < plan.fences[before].fence.id
        if limit < limits[row] or is_tie:
            limits[row], fences[row] = limit, number
    return limits, fences


def _lowest(plan: FencePlan) -> float:
    limits = [planned.fence.max_speed_mps for planned in plan.fences.values()]
    return min((limit for limit in limits if limit is not None), default=np.inf)


def _ways(rows: Rows, chosen: Int64s, roster: Roster) -> Ways:
    """The places of these rows, without the ways to them."""
    lat, lon = rows.batch.lat[chosen], rows.batch.lon[chosen]
    return Ways(
        tenants=roster.tenants(rows.slots[chosen]),
        lat=lat,
        lon=lon,
        altitude_m=rows.batch.altitude_m[chosen],
        previous_lat=lat,
        previous_lon=lon,
        is_way=np.zeros(len(chosen), np.bool_),
    )
