"""What is to be found about the movement of one vehicle: told from the sorted list of its fixes, one rule after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fleet.fix import Fix
from fleet.geodesy import distance_m
from geofence.movement.settings import MovementSettings
from tests.oracle.calendars import Weekly


@dataclass(frozen=True, kw_only=True)
class Found:
    kind: str
    at: datetime
    #: What the event says of it, less how it became known.
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Gait:
    """Behind a fix: moving, standing or neither is known; since when; and whether a moving vehicle may have begun to stand."""

    state: str = "unknown"
    since: datetime | None = None
    may_stand: bool = False
    #: Where it stands, stood last, or may have begun to stand.
    place: Fix | None = None


def findings(fixes: Sequence[Fix], settings: MovementSettings, hours: Weekly | None = None) -> list[Found]:
    """Everything that the fixes prove, in no particular order. `hours`: when the vehicle may move, None: at any time."""
    ordered = sorted({fix.time: fix for fix in reversed(fixes)}.values(), key=lambda fix: fix.time)
    walker = Walker(settings)
    gaits = [walker.see(fix) for fix in ordered]
    return [
        *silences(ordered, settings),
        *walker.found,
        *idlings(ordered, gaits, settings),
        *speedings(ordered, settings),
        *unauthorised(
            ordered, gaits, settings, [closed_since(hours, fix.time) if hours is not None else None for fix in ordered], "hours"
        ),
        *unauthorised(ordered, gaits, settings, switched_off(ordered, settings), "ignition"),
    ]


#: In a fix's extras: that it is not believed (`tests.oracle.jumps`).
JUMPED = "jumped"


def is_usable(fix: Fix, settings: MovementSettings) -> bool:
    is_accurate = fix.accuracy_m is None or fix.accuracy_m <= settings.max_accuracy_m
    return is_accurate and JUMPED not in fix.extras


def seconds(duration_s: float) -> timedelta:
    return timedelta(seconds=duration_s)


def silences(fixes: Sequence[Fix], settings: MovementSettings) -> Iterator[Found]:
    previous = None
    for fix in fixes:
        if previous is None:
            yield Found(kind="vehicle.online", at=fix.time, data={"silent_s": None})
        elif fix.time - previous.time >= seconds(settings.stale_s):
            for kind, limit_s in (("vehicle.stale", settings.stale_s), ("vehicle.offline", settings.offline_s)):
                if fix.time - previous.time >= seconds(limit_s):
                    yield Found(kind=kind, at=previous.time + seconds(limit_s), data={"limit_s": limit_s})
            silent_s = (fix.time - previous.time).total_seconds()
            yield Found(kind="vehicle.online", at=fix.time, data={"silent_s": silent_s})
        previous = fix


class Walker:
    """Follows a vehicle from place to place."""

    def __init__(self, settings: MovementSettings) -> None:
        self.settings = settings
        self.found: list[Found] = []
        self.gait = Gait()
        self.previous: Fix | None = None
        #: Where it stands, stood last, or may have begun to stand.
        self.place: Fix | None = None
        #: Since when it may have been in the other state.
        self.maybe_since: datetime | None = None
        #: Fixes in a row that speak for moving.
        self.steps: list[Fix] = []
        self.trip_m = 0.0
        self.trip_until_stand_m = 0.0

    def see(self, fix: Fix) -> Gait:
        if is_usable(fix, self.settings):
            if self.previous is None or self.place is None:
                self.place, self.maybe_since = fix, fix.time
            elif self.gait.state == "moving":
                self.trip_m += round(self._way_m(self.previous, fix), 2)
                self._moving(fix, self._speed_mps(self.previous, fix), self.place)
            else:
                self._not_moving(fix, self._speed_mps(self.previous, fix), self.place)
            self.previous = fix
        may_stand = self.gait.state == "moving" and self.maybe_since is not None
        return Gait(state=self.gait.state, since=self.gait.since, may_stand=may_stand, place=self.place)

    def _moving(self, fix: Fix, speed_mps: float, place: Fix) -> None:
        is_near = self._way_m(place, fix) <= self.settings.stand_radius_m
        if self.maybe_since is not None and is_near:
            if fix.time - self.maybe_since >= seconds(self.settings.stand_s):
                self._stops(place, self.maybe_since)
            return
        self.maybe_since = None
        if speed_mps < self.settings.stand_speed_mps:
            self.place, self.maybe_since, self.trip_until_stand_m = fix, fix.time, self.trip_m

    def _not_moving(self, fix: Fix, speed_mps: float, place: Fix) -> None:
        away_m = self._way_m(place, fix)
        is_away = away_m > self.settings.stand_radius_m
        if is_away or speed_mps >= self.settings.move_speed_mps:
            if not self.steps:
                self.maybe_since = fix.time
            self.steps.append(fix)
            if is_away and len(self.steps) >= self.settings.move_fixes:
                self._moves(away_m, speed_mps)
            return
        self.steps = []
        if self.gait.state == "standing":
            self.maybe_since = None
        elif self.maybe_since is not None and fix.time - self.maybe_since >= seconds(self.settings.stand_s):
            self._stops(place, self.maybe_since)

    def _moves(self, away_m: float, speed_mps: float) -> None:
        assert self.maybe_since is not None
        data = {"moved_m": round(away_m, 1), "limit_m": self.settings.stand_radius_m, "speed_mps": round(speed_mps, 2)}
        self.found.append(Found(kind="vehicle.moving", at=self.maybe_since, data=data))
        self.gait = Gait(state="moving", since=self.maybe_since)
        self.steps, self.maybe_since, self.trip_m = [], None, round(away_m, 2)

    def _stops(self, place: Fix, since: datetime) -> None:
        data: dict[str, Any] = {
            "lat": round(place.lat, 7),
            "lon": round(place.lon, 7),
            "limit_s": self.settings.stand_s,
            "trip": None,
        }
        if self.gait.state == "moving" and self.gait.since is not None:
            data["trip"] = {
                "started_at": self.gait.since,
                "distance_m": round(self.trip_until_stand_m),
                "duration_s": (since - self.gait.since).total_seconds(),
            }
        self.found.append(Found(kind="vehicle.stopped", at=since, data=data))
        self.gait = Gait(state="standing", since=since)
        self.steps, self.maybe_since = [], None

    def _way_m(self, start: Fix, end: Fix) -> float:
        return distance_m(start.lat, start.lon, end.lat, end.lon)

    def _speed_mps(self, previous: Fix, fix: Fix) -> float:
        if fix.speed_mps is not None:
            return fix.speed_mps
        return self._way_m(previous, fix) / (fix.time - previous.time).total_seconds()


def idlings(fixes: Sequence[Fix], gaits: Sequence[Gait], settings: MovementSettings) -> Iterator[Found]:
    told: set[datetime] = set()
    for fix, gait, (is_on, on_since) in zip(fixes, gaits, ignitions(fixes), strict=True):
        if gait.state == "standing" and is_on and gait.since is not None and on_since is not None:
            since = max(gait.since, on_since)
            if fix.time - since >= seconds(settings.idle_s) and since not in told:
                told.add(since)
                yield Found(kind="vehicle.idle", at=since, data={"limit_s": settings.idle_s})


def ignitions(fixes: Sequence[Fix]) -> Iterator[tuple[bool | None, datetime | None]]:
    """Behind each fix: on, off or never said; and since which fix."""
    is_on, since = None, None
    for fix in fixes:
        said = fix.extras.get("ignition")
        if said is not None and said is not is_on:
            is_on, since = said, fix.time
        yield is_on, since


def speedings(fixes: Sequence[Fix], settings: MovementSettings) -> Iterator[Found]:
    """An episode begins with a fix over the limit; it is told once it has lasted, and is over once it was not for as long."""
    limit_mps = settings.rules.speed_limit_mps or None
    over: list[Fix] = []
    is_told = False
    under_since: datetime | None = None
    previous: Fix | None = None
    for fix in fixes:
        is_cut = previous is not None and fix.time - previous.time > seconds(settings.max_gap_s)
        previous = fix
        if fix.speed_mps is None or limit_mps is None or JUMPED in fix.extras:
            continue
        if is_cut:
            over, is_told, under_since = [], False, None
        if fix.speed_mps > limit_mps:
            over.append(fix)
            under_since = None
            if not is_told and len(over) > 1 and fix.time - over[0].time >= seconds(settings.overspeed_s):
                is_told = True
                top_mps = max(one.speed_mps or 0.0 for one in over)
                data = {"speed_mps": round(top_mps, 2), "limit_mps": round(limit_mps, 2), "fence": None}
                yield Found(kind="vehicle.overspeed", at=over[0].time, data=data)
        elif not is_told:
            over = []
        elif under_since is None:
            under_since = fix.time
        elif fix.time - under_since >= seconds(settings.overspeed_s):
            over, is_told, under_since = [], False, None


def unauthorised(
    fixes: Sequence[Fix], gaits: Sequence[Gait], settings: MovementSettings, broken: Sequence[datetime | None], rule: str
) -> Iterator[Found]:
    """`broken`: at each fix since when the rule is, None where it is not. Fixes that are not usable are passed over."""
    began: datetime | None = None
    told: datetime | None = None
    on_the_move = 0
    previous: Fix | None = None
    for fix, gait, since in zip(fixes, gaits, broken, strict=True):
        if not is_usable(fix, settings):
            continue
        is_seamless = previous is not None and fix.time - previous.time <= seconds(settings.max_gap_s)
        speed_mps = speed_of(previous, fix)
        previous = fix
        if gait.state != "moving" or gait.since is None or gait.place is None or since is None:
            if told is not None:
                at = gait.since if gait.state != "moving" and gait.since is not None else fix.time
                reason = "allowed" if gait.state == "moving" else "stopped"
                data = {"rule": rule, "began_at": told, "duration_s": (at - told).total_seconds(), "reason": reason}
                yield Found(kind="vehicle.unauthorised_ended", at=at, data=data)
            began, told, on_the_move = None, None, 0
            continue
        if told is not None:
            continue
        if began is None or not is_seamless:
            began, on_the_move = max(gait.since, since) if is_seamless else fix.time, 0
        away_m = distance_m(gait.place.lat, gait.place.lon, fix.lat, fix.lon)
        on_the_move = on_the_move + 1 if away_m > settings.stand_radius_m and not gait.may_stand else 0
        if on_the_move >= settings.move_fixes and fix.time - began >= seconds(settings.unauthorised_s):
            told = began
            data = {"rule": rule, "moving_since": gait.since, "limit_s": settings.unauthorised_s, "away_m": round(away_m, 1)}
            data |= {"limit_m": settings.stand_radius_m, "speed_mps": round(speed_mps, 2)}
            data["closed_since" if rule == "hours" else "off_since"] = since
            yield Found(kind="vehicle.unauthorised", at=began, data=data)


def speed_of(previous: Fix | None, fix: Fix) -> float:
    if fix.speed_mps is not None or previous is None:
        return fix.speed_mps or 0.0
    return distance_m(previous.lat, previous.lon, fix.lat, fix.lon) / (fix.time - previous.time).total_seconds()


def switched_off(fixes: Sequence[Fix], settings: MovementSettings) -> list[datetime | None]:
    """At each fix, since when the ignition is off, where that is watched."""
    return [since if is_on is False and settings.rules.watch_towing else None for is_on, since in ignitions(fixes)]


def closed_since(hours: Weekly, at: datetime) -> datetime | None:
    """When the hours ended last; None within them."""
    if hours.closes_at(at) is not None:
        return None
    zone = ZoneInfo(hours.zone)
    days = [at.astimezone(zone).date() - timedelta(days=back) for back in range(8)]
    ends = [datetime.combine(day, hours.closes, zone).astimezone(UTC) for day in days if day.weekday() in hours.days]
    return next(end for end in ends if end <= at)
