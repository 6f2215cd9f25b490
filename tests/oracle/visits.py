"""What is to be found about one vehicle and one fence: told from the sorted list of its fixes, one fix after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fleet.fence import Fence
from fleet.fix import Fix
from fleet.geodesy import distance_m
from geofence.settings import GeofenceSettings
from tests.oracle.calendars import Weekly
from tests.oracle.places import changes, is_at_altitude, is_inside, outside_m

#: When a fence closes that is closed already.
CLOSED = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Found:
    """`entered_at` of the visit that it belongs to, or of the pass; `exited_at` of a pass."""

    kind: str
    at: datetime
    entered_at: datetime | None = None
    exited_at: datetime | None = None
    reason: str | None = None
    end_uncertain: bool | None = None


@dataclass
class Stay:
    inside: list[Fix]
    #: The fix before the first one inside, if the way from it may be interpolated.
    before: Fix | None
    by_jump: bool
    is_visit: bool = False
    entered_at: datetime | None = None
    has_dwelled: bool = False
    #: Usable fixes outside since the last one inside.
    outside: list[Fix] | None = None
    beyond_since: datetime | None = None
    #: Its end by silence, if the next usable fix does not say otherwise.
    silent: Found | None = None
    #: When the silence was long enough to end it.
    silent_at: datetime | None = None


class Watch:
    """Watches one fence; call `see` for each fix in order."""

    def __init__(self, fence: Fence, settings: GeofenceSettings | None = None) -> None:
        self.fence = fence
        self.settings = settings or GeofenceSettings()
        self.rules = self.settings.resolve(fence)
        self.hours = None if fence.calendar is None else Weekly.read(fence.calendar)
        self.previous: Fix | None = None
        self.stay: Stay | None = None
        self.found: list[Found] = []

    def see(self, fix: Fix) -> None:
        previous = self.previous
        if self.stay is not None and previous is not None and fix.time - previous.time >= self._s(self.settings.silence_s):
            self._after_silence(self.stay, previous.time + self._s(self.settings.silence_s))
        if self.stay is not None:
            self._maybe_close(self.stay, fix)
        if self.is_usable(fix):
            self._see_usable(fix)
        self.previous = fix

    def wait(self, until: datetime) -> None:
        """No fix comes until then."""
        stay, previous = self.stay, self.previous
        if stay is None or previous is None or not stay.is_visit:
            return
        if stay.silent is not None or until - previous.time >= self._s(self.settings.silence_s):
            self.found.append(stay.silent or self._exit(stay, "silence"))
            self.stay = None

    def is_usable(self, fix: Fix) -> bool:
        return fix.accuracy_m is None or fix.accuracy_m <= self.rules.max_accuracy_m

    def _see_usable(self, fix: Fix) -> None:
        inside = is_inside(self.fence, fix.lat, fix.lon) and is_at_altitude(self.fence, fix.altitude_m)
        stay = self.stay
        if stay is not None and stay.silent is not None:
            if self._is_back(stay, fix):
                stay.silent = stay.silent_at = None
            else:
                self.found.append(stay.silent)
                stay = self.stay = None
        if inside:
            self._see_inside(fix)
        elif stay is not None:
            self._see_outside(stay, fix)
        elif self.previous is not None:
            self._see_pass(self.previous, fix)

    # inside

    def _see_inside(self, fix: Fix) -> None:
        stay = self.stay
        if stay is None:
            stay = self.stay = self._begin(fix)
            if stay is None:
                return
        else:
            stay.inside.append(fix)
            stay.outside, stay.beyond_since = None, None
        if not stay.is_visit and self._is_confirmed(stay, fix):
            stay.is_visit = True
            stay.entered_at = self._in_at(stay)
            self.found.append(Found(kind="fence.entered", at=stay.entered_at, entered_at=stay.entered_at))
        if stay.is_visit and not stay.has_dwelled and self.fence.dwell_s is not None and stay.entered_at is not None:
            due = stay.entered_at + self._s(self.fence.dwell_s)
            if fix.time >= due:
                stay.has_dwelled = True
                self.found.append(Found(kind="fence.dwelled", at=due, entered_at=stay.entered_at))

    def _begin(self, fix: Fix) -> Stay | None:
        previous = self.previous
        if self._closes_at(fix.time) == CLOSED:
            return None
        by_jump = previous is not None and self._speed(previous, fix) > self.settings.max_speed_mps
        before = previous if previous is not None and self.is_usable(previous) and self._is_short(previous, fix) else None
        return Stay(inside=[fix], before=before, by_jump=by_jump)

    def _is_confirmed(self, stay: Stay, fix: Fix) -> bool:
        needed = max(3, self.rules.confirm_fixes) if stay.by_jump else self.rules.confirm_fixes
        if len(stay.inside) < needed:
            return False
        if fix.time - stay.inside[0].time >= self._s(self.rules.confirm_s):
            return True
        speed = fix.speed_mps
        if speed is None and self.previous is not None:
            speed = self._speed(self.previous, fix)
        return not stay.by_jump and speed is not None and speed < self.rules.confirm_speed_mps

    # outside

    def _see_outside(self, stay: Stay, fix: Fix) -> None:
        stay.outside = [*(stay.outside or []), fix]
        away_m = outside_m(self.fence, fix.lat, fix.lon)
        doubt_m = 30.0 if fix.accuracy_m is None else fix.accuracy_m
        if away_m <= self.rules.exit_margin_m + doubt_m and is_at_altitude(self.fence, fix.altitude_m):
            stay.beyond_since = None
            return
        if not stay.is_visit:
            self._end_candidate(stay)
            self.stay = None
            return
        if stay.beyond_since is None:
            stay.beyond_since = fix.time
        is_jump = self.previous is not None and self._speed(self.previous, fix) > self.settings.max_speed_mps
        if fix.time - stay.beyond_since >= self._s(self.rules.exit_s) or (away_m >= self.settings.far_m and not is_jump):
            self.found.append(self._exit(stay, "left"))
            self.stay = None

    def _end_candidate(self, stay: Stay) -> None:
        after = stay.outside[0] if stay.outside else None
        if stay.by_jump or stay.before is None or after is None or not self._is_short(stay.inside[-1], after):
            return
        through_m = distance_m(stay.before.lat, stay.before.lon, after.lat, after.lon)
        if through_m < 2 * max(fix.accuracy_m or 0.0 for fix in stay.inside):
            return
        first, last = stay.inside[0], stay.inside[-1]
        in_m = distance_m(stay.before.lat, stay.before.lon, first.lat, first.lon)
        if through_m < (in_m + distance_m(last.lat, last.lon, after.lat, after.lon)) / 4:
            return
        if self._speed(stay.before, after) >= self.rules.confirm_speed_mps:
            entered_at = self._in_at(stay)
            self.found.append(Found(kind="fence.crossed", at=entered_at, entered_at=entered_at, exited_at=self._out_at(stay)))

    def _see_pass(self, previous: Fix, fix: Fix) -> None:
        if not self.is_usable(previous) or not self._is_short(previous, fix):
            return
        if not is_at_altitude(self.fence, fix.altitude_m):
            return  # which altitude the way had, only the fix that ends it tells
        way_m = distance_m(previous.lat, previous.lon, fix.lat, fix.lon)
        if previous.accuracy_m is not None and fix.accuracy_m is not None and way_m < previous.accuracy_m + fix.accuracy_m:
            return
        if outside_m(self.fence, fix.lat, fix.lon) > way_m:
            return  # further away than the whole way is long
        edges = changes(self.fence, previous, fix)
        if self._speed(previous, fix) < self.rules.confirm_speed_mps or len(edges) < 2 or len(edges) % 2:
            return
        entered_at, exited_at = self._at(previous, fix, edges[0]), self._at(previous, fix, edges[-1])
        if self._closes_at(entered_at) == CLOSED:
            return
        self.found.append(Found(kind="fence.crossed", at=entered_at, entered_at=entered_at, exited_at=exited_at))

    # silence

    def _after_silence(self, stay: Stay, silent_at: datetime) -> None:
        if not stay.is_visit:
            self.stay = None
        elif stay.silent is None:
            stay.silent, stay.silent_at = self._exit(stay, "silence"), silent_at

    def _is_back(self, stay: Stay, fix: Fix) -> bool:
        is_near = outside_m(self.fence, fix.lat, fix.lon) <= self.rules.exit_margin_m
        is_soon = fix.time - stay.inside[-1].time < self._s(self.settings.resume_s)
        return is_near and is_soon and is_at_altitude(self.fence, fix.altitude_m)

    # opening hours

    def _closes_at(self, instant: datetime) -> datetime | None:
        """When the fence closes that is open at this instant; None where it never does, CLOSED where it is closed."""
        if self.hours is None:
            return None
        return self.hours.closes_at(instant) or CLOSED

    def _maybe_close(self, stay: Stay, fix: Fix) -> None:
        """The first fix since the fence has closed ends its visit with the closing."""
        closes_at = self._closes_at(stay.inside[-1].time)
        if closes_at is None or fix.time < closes_at:
            return
        if stay.is_visit:
            was_silent = stay.silent_at is not None and stay.silent_at <= closes_at
            self.found.append(stay.silent if was_silent and stay.silent is not None else self._closed(stay, closes_at, fix))
        self.stay = None

    def _closed(self, stay: Stay, closes_at: datetime, fix: Fix) -> Found:
        if stay.outside:
            return self._exit(stay, "calendar")
        was_away = fix.time - stay.inside[-1].time > self._s(self.settings.silence_s)
        return Found(kind="fence.exited", at=closes_at, entered_at=stay.entered_at, reason="calendar", end_uncertain=was_away)

    # instants

    def _exit(self, stay: Stay, reason: str) -> Found:
        last = stay.inside[-1]
        is_uncertain = not stay.outside or stay.outside[0].time - last.time > self._s(self.settings.max_gap_s)
        at = self._out_at(stay)
        return Found(kind="fence.exited", at=at, entered_at=stay.entered_at, reason=reason, end_uncertain=is_uncertain)

    def _in_at(self, stay: Stay) -> datetime:
        first = stay.inside[0]
        if stay.before is None:
            return first.time
        edges = changes(self.fence, stay.before, first)
        return self._at(stay.before, first, edges[-1]) if edges else first.time

    def _out_at(self, stay: Stay) -> datetime:
        last = stay.inside[-1]
        if not stay.outside or not self._is_short(last, stay.outside[0]):
            return last.time
        edges = changes(self.fence, last, stay.outside[0])
        return self._at(last, stay.outside[0], edges[0]) if edges else last.time

    def _at(self, start: Fix, end: Fix, fraction: float) -> datetime:
        return start.time + (end.time - start.time) * fraction

    def _is_short(self, start: Fix, end: Fix) -> bool:
        """Whether something may be interpolated between the two."""
        way_m = distance_m(start.lat, start.lon, end.lat, end.lon)
        is_possible = self._speed(start, end) <= self.settings.max_speed_mps
        return end.time - start.time <= self._s(self.settings.max_gap_s) and way_m <= self.settings.max_gap_m and is_possible

    def _speed(self, start: Fix, end: Fix) -> float:
        return distance_m(start.lat, start.lon, end.lat, end.lon) / (end.time - start.time).total_seconds()

    def _s(self, seconds: float) -> timedelta:
        return timedelta(seconds=seconds)


def findings(
    fixes: Sequence[Fix], fences: Sequence[Fence], settings: GeofenceSettings | None = None, until: datetime | None = None
) -> dict[str, list[Found]]:
    """What is found of each fence (by id) until then (or the last fix), in the order in which it becomes known."""
    ordered = sorted({fix.time: fix for fix in fixes}.values(), key=lambda fix: fix.time)
    result = {}
    for fence in fences:
        watch = Watch(fence, settings)
        for fix in ordered:
            watch.see(fix)
        if until is not None:
            watch.wait(until)
        result[fence.id] = watch.found
    return result
