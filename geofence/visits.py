"""Visits of one vehicle to one fence, fix by fix: candidate, confirmed, left.

1. The first usable fix inside begins a candidate. Enough fixes inside, together with a standstill or enough time, confirm it;
   the entry is dated back to where the way to the first fix inside cut the edge.
2. A confirmed visit ends when every usable fix was beyond the outer edge for long enough, or one is far away. Between the edge and
   the outer edge (and as far beyond it as the fix may be off by) nothing ends and nothing begins. The exit is dated back to where
   the way out of the last fix inside cut the edge.
3. A candidate that leaves unconfirmed was a pass (`fence.crossed`), if it went through at speed; else it was noise.
4. Silence ends a visit with an uncertain end, unless the next usable fix is inside again soon enough.
5. A fence with a calendar ends its visits when it closes.

Usable is a fix that claims to be accurate enough. What may be interpolated is short in time and space. A receiver that is thrown
far aside never comes here (`geofence.jumps`). A step that is shorter than that and yet too fast is no way; a stay that begins with
one, or with a jump that was believed in the end, needs more to be confirmed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from fleet.clock import MICROS_PER_S
from fleet.geodesy import distance_m
from fleet.screening import Flag
from geofence.crossing import spans_inside
from geofence.findings import Findings, evidence_of, instant_text, interpolated, say_exit
from geofence.jumps import FIXES_AFTER_JUMP
from geofence.plan import FencePlan, PlannedFence
from geofence.settings import UNSAID_ACCURACY_M, GeofenceSettings
from geofence.stays import CANDIDATE, CONFIRMED, ENDLESS, NEVER, PRESUMED_SILENT, REPORTING, SILENT, Stay

#: Flags that make a fix unusable for membership.
UNUSABLE: Final = int(Flag.INACCURATE)
#: A pass gets on by at least this share of its ways in and out.
_LEAST_PROGRESS: Final = 0.25


class Sight(NamedTuple):
    """A fix as the fold sees it: microseconds, degrees, SI; NaN where nothing was said."""

    time: int
    lat: float
    lon: float
    accuracy_m: float
    flags: int
    speed_mps: float = math.nan
    altitude_m: float = math.nan


@dataclass(frozen=True, slots=True)
class Limits:
    """Durations of the settings in microseconds."""

    gap: int
    gap_m: float
    speed_mps: float
    far_m: float
    silence: int
    resume: int

    @classmethod
    def of(cls, settings: GeofenceSettings) -> Limits:
        return cls(
            gap=round(settings.max_gap_s * MICROS_PER_S),
            gap_m=settings.max_gap_m,
            speed_mps=settings.max_speed_mps,
            far_m=settings.far_m,
            silence=round(settings.silence_s * MICROS_PER_S),
            resume=round(settings.resume_s * MICROS_PER_S),
        )

    def may_interpolate(self, time: int, lat: float, lon: float, to_time: int, to_lat: float, to_lon: float) -> bool:
        """Whether the way between two usable fixes was a short, possible movement."""
        lasted = to_time - time
        if not 0 < lasted <= self.gap:
            return False
        way_m = distance_m(lat, lon, to_lat, to_lon)
        return way_m <= self.gap_m and way_m * MICROS_PER_S <= self.speed_mps * lasted


class Seen(NamedTuple):
    """A fix and how it stands to one fence. `previous` is the vehicle's fix before, usable or not."""

    slot: int
    fence: int
    fix: Sight
    previous: Sight | None
    is_inside: bool
    #: It is outside, and so was the fix before; the way between them may have gone through the fence.
    is_touched: bool = False
    #: How far outside, metres; NaN: not worked out yet.
    outside_m: float = math.nan


class VisitFold:
    """The fold over one vehicle's fixes at one fence. Holds nothing of a vehicle: a stay goes in, and comes out changed."""

    def __init__(self, plan: FencePlan, limits: Limits, findings: Findings) -> None:
        self._plan = plan
        self._limits = limits
        self._findings = findings

    def take(self, stay: Stay | None, seen: Seen) -> Stay | None:
        """The vehicle's stay in this fence after a fix; None where there is none."""
        goes_on = stay is not None and self._outlives_silence(stay, seen) and self._goes_on(stay, seen)
        if goes_on:
            return stay
        if seen.is_inside:
            return self.begin(seen)
        if stay is None and seen.is_touched and seen.previous is not None:
            self._pass(self._plan.fences[seen.fence], seen.previous, seen.fix)
        return None

    def begin(self, seen: Seen) -> Stay | None:
        """A candidate begins with this fix inside, if the fix is any good and the fence exists just now."""
        fence, fix, previous = self._plan.fences[seen.fence], seen.fix, seen.previous
        if not is_usable(fix, fence) or not _is_open(fence, fix.time):
            return None
        before, before_lat, before_lon, jumped = NEVER, 0.0, 0.0, False
        if previous is not None and previous.time < fix.time:
            jumped = self._is_jump(seen)
            if is_usable(previous, fence) and self._limits.may_interpolate(*previous[:3], *fix[:3]):
                before, before_lat, before_lon = previous[:3]
        where = (fix.time, fix.lat, fix.lon)
        closest_m = _as_kept(distance_m(fix.lat, fix.lon, fence.shape.lat, fence.shape.lon))
        stay = Stay(
            seen.slot, seen.fence, CANDIDATE, REPORTING, int(jumped), 1, *where, before, before_lat, before_lon, *where,
            NEVER, 0.0, 0.0, NEVER, NEVER, NEVER, ENDLESS, NEVER, fix.accuracy_m, closest_m,
        )  # fmt: skip
        self._maybe_confirm(stay, fence, seen)
        return stay

    def presume_silent(self, stay: Stay, silent_at: int) -> None:
        """The passing of time alone says that the vehicle has fallen silent inside. Whether that holds is told by the next fix; the
        vehicle is folded again with it (`ingest.pipeline`)."""
        if stay.silent == REPORTING:
            stay.silent_at = silent_at
        self._exit(stay, self._plan.fences[stay.fence], "silence", stay.silent_at)
        stay.silent = PRESUMED_SILENT

    def withdraw(self, stay: Stay, fence: PlannedFence, reason: str, at: int) -> None:
        """The fence is gone, or no longer where the vehicle is: what it was in ends with the last fix inside."""
        if stay.phase == CONFIRMED and stay.silent != PRESUMED_SILENT:
            self._exit(stay, fence, reason, at)

    # silence

    def _outlives_silence(self, stay: Stay, seen: Seen) -> bool:
        """The fix tells how long the silence before it really was. Candidates do not outlive it; of visits the next usable fix
        tells."""
        if seen.previous is None:
            return True
        is_silence = seen.fix.time - seen.previous.time >= self._limits.silence
        if is_silence and stay.phase != CONFIRMED:
            return False
        if is_silence and stay.silent == REPORTING:
            stay.silent, stay.silent_at = SILENT, seen.previous.time + self._limits.silence
        elif not is_silence and stay.silent == PRESUMED_SILENT:
            stay.silent = REPORTING
        return True

    def _resumes(self, stay: Stay, fence: PlannedFence, seen: Seen) -> bool:
        """Whether a silent vehicle is where it was."""
        fix = seen.fix
        if not is_usable(fix, fence) or fix.time - stay.last >= self._limits.resume or not _is_open(fence, fix.time):
            return False
        return seen.is_inside or (not _is_off_altitude(fence, fix) and _outside_m(fence, seen) <= fence.rules.exit_margin_m)

    # one stay and one fix

    def _goes_on(self, stay: Stay, seen: Seen) -> bool:
        """Move a stay on by a fix; False when it is over."""
        fence = self._plan.fences[stay.fence]
        if fence.calendar is not None and self._closed(stay, fence, seen.fix):
            return False
        if not is_usable(seen.fix, fence):
            return True
        if stay.silent != REPORTING:
            if not self._resumes(stay, fence, seen):
                if stay.silent == SILENT:
                    self._exit(stay, fence, "silence", stay.silent_at)
                return False
            stay.silent = REPORTING
        if seen.is_inside:
            self._inside(stay, fence, seen)
            return True
        return self._outside(stay, fence, seen)

    def _closed(self, stay: Stay, fence: PlannedFence, fix: Sight) -> bool:
        assert fence.calendar is not None
        closes = fence.calendar.closes(stay.last)
        if closes is None or fix.time < closes:
            return False
        if stay.phase == CONFIRMED and stay.silent != PRESUMED_SILENT:
            if stay.silent == SILENT and stay.silent_at <= closes:
                self._exit(stay, fence, "silence", stay.silent_at)
            else:
                self._exit(stay, fence, "calendar", fix.time, closes)
        return True

    def _inside(self, stay: Stay, fence: PlannedFence, seen: Seen) -> None:
        fix = seen.fix
        stay.count += 1
        stay.last, stay.last_lat, stay.last_lon = fix.time, fix.lat, fix.lon
        stay.after = stay.out_since = NEVER
        if not fix.accuracy_m <= stay.worst_m and not math.isnan(fix.accuracy_m):
            stay.worst_m = fix.accuracy_m
        stay.closest_m = min(stay.closest_m, _as_kept(distance_m(fix.lat, fix.lon, fence.shape.lat, fence.shape.lon)))
        if stay.phase == CANDIDATE:
            self._maybe_confirm(stay, fence, seen)
        elif fix.time >= stay.dwell_due:
            self._dwelled(stay, fence, fix.time)

    def _outside(self, stay: Stay, fence: PlannedFence, seen: Seen) -> bool:
        fix = seen.fix
        if stay.after == NEVER:
            stay.after, stay.after_lat, stay.after_lon = fix.time, fix.lat, fix.lon
        outside_m = _outside_m(fence, seen)
        if not _is_beyond(outside_m, fix, fence) and not _is_off_altitude(fence, fix):
            stay.out_since = NEVER
            return True
        if stay.phase == CANDIDATE:
            self._passed(stay, fence, fix.time)
            return False
        if stay.out_since == NEVER:
            stay.out_since = fix.time
        if fix.time - stay.out_since < fence.exit and not (outside_m >= self._limits.far_m and not self._is_jump(seen)):
            return True
        self._exit(stay, fence, "left", fix.time)
        return False

    def _is_jump(self, seen: Seen) -> bool:
        fix, previous = seen.fix, seen.previous
        if previous is None:
            return False
        way_m = distance_m(previous.lat, previous.lon, fix.lat, fix.lon)
        return way_m * MICROS_PER_S > self._limits.speed_mps * (fix.time - previous.time)

    def _maybe_confirm(self, stay: Stay, fence: PlannedFence, seen: Seen) -> None:
        rules, fix = fence.rules, seen.fix
        if stay.count < (max(rules.confirm_fixes, FIXES_AFTER_JUMP) if stay.jumped else rules.confirm_fixes):
            return
        is_long = fix.time - stay.first >= fence.confirm
        if not is_long and (stay.jumped or not _speed_mps(seen) < rules.confirm_speed_mps):
            return
        stay.phase, stay.confirmed = CONFIRMED, fix.time
        stay.entered = self._edge_in(stay, fence)
        if fence.dwell is not None:
            stay.dwell_due = stay.entered + fence.dwell
        evidence = evidence_of(stay)
        name = fence.fence.id
        visit = self._findings.visit_id(name, stay.entered)
        data = {"fence": name, "visit": visit, "proved_at": evidence["last_fix"]}
        data["evidence"] = evidence | {"confirmed_by": "time" if is_long else "standstill"}
        self._findings.event("fence.entered", stay.entered, data, name)
        self._findings.visit(visit, name, stay, None, evidence)
        if fix.time >= stay.dwell_due:
            self._dwelled(stay, fence, fix.time)

    # findings

    def _dwelled(self, stay: Stay, fence: PlannedFence, at: int) -> None:
        name = fence.fence.id
        data = {
            "fence": name,
            "visit": self._findings.visit_id(name, stay.entered),
            "entered_at": instant_text(stay.entered),
            "dwell_s": fence.fence.dwell_s,
            "proved_at": instant_text(at),
            "evidence": evidence_of(stay),
        }
        self._findings.event("fence.dwelled", stay.dwell_due, data, name)
        stay.dwell_due = ENDLESS

    def _exit(self, stay: Stay, fence: PlannedFence, reason: str, proved: int, closed: int | None = None) -> None:
        exited, how = self._edge_out(stay, fence)
        is_uncertain = stay.after == NEVER or stay.after - stay.last > self._limits.gap
        if closed is not None and stay.after == NEVER:
            # It is there at the last fix before the closing; whether until the closing, only one soon after that can tell.
            exited, how, is_uncertain = closed, "calendar", proved - stay.last > self._limits.silence
        say_exit(
            self._findings, fence.fence.id, stay, exited=exited, how=how, is_uncertain=is_uncertain, reason=reason, proved=proved
        )

    def _passed(self, stay: Stay, fence: PlannedFence, at: int) -> None:
        """A candidate went out again unconfirmed: it is a pass if it came in and went out at speed."""
        if stay.jumped or NEVER in {stay.before, stay.after}:
            return
        last, after = (stay.last, stay.last_lat, stay.last_lon), (stay.after, stay.after_lat, stay.after_lon)
        if not self._limits.may_interpolate(*last, *after):
            return
        through_m = distance_m(stay.before_lat, stay.before_lon, stay.after_lat, stay.after_lon)
        # A way no longer than what its ends may be off by is no movement, and there and back again is a receiver thrown aside.
        in_m = distance_m(stay.before_lat, stay.before_lon, stay.first_lat, stay.first_lon)
        if through_m < 2 * stay.worst_m or through_m < (in_m + distance_m(*last[1:], *after[1:])) * _LEAST_PROGRESS:
            return
        speed_mps = through_m * MICROS_PER_S / (stay.after - stay.before)
        if speed_mps >= fence.rules.confirm_speed_mps:
            entered, (exited, _) = self._edge_in(stay, fence), self._edge_out(stay, fence)
            self._crossed(fence, entered, exited, at, speed_mps, evidence_of(stay))

    def _pass(self, fence: PlannedFence, previous: Sight, fix: Sight) -> None:
        """The way between two fixes outside went through the fence, if it was short and fast enough to say so."""
        if not (is_usable(fix, fence) and is_usable(previous, fence) and self._limits.may_interpolate(*previous[:3], *fix[:3])):
            return
        way_m = distance_m(previous.lat, previous.lon, fix.lat, fix.lon)
        speed_mps = way_m * MICROS_PER_S / (fix.time - previous.time)
        # A way shorter than what both fixes may be off by is no movement.
        if speed_mps < fence.rules.confirm_speed_mps or way_m < previous.accuracy_m + fix.accuracy_m:
            return
        spans = spans_inside(fence.shape, previous.lat, previous.lon, fix.lat, fix.lon)
        if not spans or spans[0][0] <= 0 or spans[-1][1] >= 1:
            return
        entered = interpolated(previous.time, fix.time, spans[0][0])
        exited = interpolated(previous.time, fix.time, spans[-1][1])
        if _is_open(fence, entered):
            evidence = {"fixes": 0, "before": instant_text(previous.time), "after": instant_text(fix.time)}
            self._crossed(fence, entered, exited, fix.time, speed_mps, evidence)

    def _crossed(
        self, fence: PlannedFence, entered: int, exited: int, proved: int, speed_mps: float, evidence: dict[str, Any]
    ) -> None:
        name = fence.fence.id
        data = {
            "fence": name,
            "visit": None,
            "entered_at": instant_text(entered),
            "exited_at": instant_text(exited),
            "speed_mps": round(speed_mps, 2),
            "proved_at": instant_text(proved),
            "evidence": evidence,
        }
        self._findings.event("fence.crossed", entered, data, name)

    # the edge

    def _edge_in(self, stay: Stay, fence: PlannedFence) -> int:
        """When the way to the first fix inside cut the edge; the fix itself where that cannot be told."""
        if stay.before == NEVER:
            return stay.first
        spans = spans_inside(fence.shape, stay.before_lat, stay.before_lon, stay.first_lat, stay.first_lon)
        if not spans or spans[-1][0] <= 0:
            return stay.first
        return interpolated(stay.before, stay.first, spans[-1][0])

    def _edge_out(self, stay: Stay, fence: PlannedFence) -> tuple[int, str]:
        """When the way from the last fix inside cut the edge, and how that is known."""
        last, after = (stay.last, stay.last_lat, stay.last_lon), (stay.after, stay.after_lat, stay.after_lon)
        if stay.after == NEVER or not self._limits.may_interpolate(*last, *after):
            return stay.last, "last_fix"
        spans = spans_inside(fence.shape, *last[1:], *after[1:])
        if not spans or spans[0][1] >= 1:
            return stay.last, "last_fix"
        return interpolated(stay.last, stay.after, spans[0][1]), "interpolated"


def is_usable(fix: Sight, fence: PlannedFence) -> bool:
    """Whether a fix may change anything about a stay in this fence."""
    return not (fix.flags & UNUSABLE or fix.accuracy_m > fence.rules.max_accuracy_m)


def _is_beyond(outside_m: float, fix: Sight, fence: PlannedFence) -> bool:
    """Whether a place is beyond the outer edge for sure: further than the fix may be off by."""
    return outside_m > fence.rules.exit_margin_m + (UNSAID_ACCURACY_M if math.isnan(fix.accuracy_m) else fix.accuracy_m)


def _is_open(fence: PlannedFence, at: int) -> bool:
    return fence.calendar is None or fence.calendar.closes(at) is not None


def _is_off_altitude(fence: PlannedFence, fix: Sight) -> bool:
    low, high = fence.fence.min_altitude_m, fence.fence.max_altitude_m
    return (low is not None and fix.altitude_m < low) or (high is not None and fix.altitude_m > high)


def _outside_m(fence: PlannedFence, seen: Seen) -> float:
    return fence.shape.outside_m(seen.fix.lat, seen.fix.lon) if math.isnan(seen.outside_m) else seen.outside_m


def _speed_mps(seen: Seen) -> float:
    """What the tracker says, else the speed since the fix before; NaN where neither is known."""
    fix, previous = seen.fix, seen.previous
    if not math.isnan(fix.speed_mps) or previous is None or fix.time <= previous.time:
        return fix.speed_mps
    return distance_m(previous.lat, previous.lon, fix.lat, fix.lon) * MICROS_PER_S / (fix.time - previous.time)


def _as_kept(distance: float) -> float:
    """As exact as the table of stays keeps it, so that it makes no difference when a stay is put there."""
    return float(np.float32(distance))
